/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the board: power cycles until the run is over, and its result. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/emulator-private.h"
#include "emulator/monotonic-clock.h"

#define DEADLINE_MS 600000u

static int open_console(struct yp_emulator_go *go)
{
	struct yp_emulator_result *result = go->result;
	if (go->run->console)
		(void)snprintf(result->console, sizeof result->console, "%s", go->run->console);
	else
		(void)snprintf(result->console, sizeof result->console, "%.*s/console.log",
			       (int)sizeof result->console - 16, go->rig->dir);
	go->console = open(result->console, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (go->console >= 0)
		return 0;
	int r = -errno;
	yp_emulator_go_fail(go, r, "%.150s: %s", result->console, strerror(-r));
	return r;
}

/* Hits of the run's faults, out of "ok ID:KIND:OP:MEDIUM:seen=N:hits=N ...". */
static uint64_t faults_hit(const struct yp_emulator_go *go, const char *faults)
{
	uint64_t sum = 0;
	const char *at = faults;
	while ((at = strchr(at, ' '))) {
		uint32_t id = (uint32_t)strtoul(++at, NULL, 10);
		const char *hits = strstr(at, ":hits=");
		if (hits && id != go->silenced)
			sum += strtoull(hits + sizeof ":hits=" - 1, NULL, 10);
	}
	return sum;
}

static void run_cycles(struct yp_emulator_go *go)
{
	char answer[YP_EMULATOR_ANSWER_MAX];
	do {
		yp_emulator_go_cycle(go);
		if (!go->done && go->result->cycles == YP_EMULATOR_CYCLES_MAX)
			yp_emulator_go_finish(go, YP_EMULATOR_BOOTS, "the most power cycles that are allowed");
	} while (!go->done);
	if (go->run->plain)
		return;
	int r = yp_emulator_store_say(&go->rig->store, answer, sizeof answer, "faults");
	if (r == 0) {
		go->result->faults_hit = faults_hit(go, answer);
		r = yp_emulator_store_say(&go->rig->store, answer, sizeof answer, "unfault all");
	}
	if (r != 0)
		yp_emulator_go_fail(go, r, "block server: faults: %.100s", r > 0 ? answer : strerror(-r));
}

int yp_emulator_run(struct yp_emulator *rig, const struct yp_emulator_start *start, const struct yp_emulator_run *run,
		    struct yp_emulator_result *result)
{
	assert(rig != NULL && run != NULL && result != NULL);
	struct yp_emulator_go go = {
	    .rig = rig, .run = run, .result = result, .console = -1, .cut_ns = YP_EMULATOR_NEVER};
	char detail[160] = "";
	memset(result, 0, sizeof *result);
	result->decision_ms = result->up_ms = -1;
	go.on_ns = yp_emulator_clock_ns();
	go.end_ns = yp_emulator_clock_in_ms(run->deadline_ms ? run->deadline_ms : DEADLINE_MS);
	int r = open_console(&go);
	if (r == 0)
		r = run->plain ? 0 : yp_emulator_start_apply(rig, start, detail, sizeof detail);
	if (r == 0)
		r = yp_emulator_service_init(&go.service, rig->subject, run->plain ? NULL : &rig->store, rig->images,
					     run, detail, sizeof detail);
	if (r < 0) {
		yp_emulator_go_fail(&go, r, "%s", detail);
	} else {
		run_cycles(&go);
		r = yp_emulator_service_record(&go.service, result);
		if (r < 0)
			yp_emulator_go_fail(&go, r, "the server's record: %s", strerror(-r));
	}
	result->all_ms = (yp_emulator_clock_ns() - go.on_ns) / 1000000;
	yp_emulator_service_deinit(&go.service);
	if (go.console >= 0)
		(void)close(go.console);
	return go.error ? go.error_code : 0;
}
