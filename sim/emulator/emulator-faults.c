/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a run, and its cut if it waits for a request: the block server makes both. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/emulator-private.h"

const char *yp_emulator_go_form(enum yp_form form)
{
	return form == YP_FORM_ALL ? "all" : form == YP_FORM_NONE ? "none" : "sample";
}

static bool put_fault(struct yp_emulator_go *go, struct yp_emulator_armed *armed)
{
	char answer[YP_EMULATOR_ANSWER_MAX], line[300];
	(void)snprintf(line, sizeof line, "fault cut %s %" PRIu64 " %s kill=%d", armed->what, armed->nth,
		       armed->options, (int)go->rig->machine.process.pid);
	if (!yp_emulator_go_store(go, answer, sizeof answer, line))
		return false;
	armed->id = (uint32_t)yp_emulator_store_number(answer, "fault");
	return true;
}

static struct yp_emulator_armed *new_armed(struct yp_emulator_go *go)
{
	if (go->armed_count == YP_EMULATOR_ARMED_MAX) {
		yp_emulator_go_fail(go, -E2BIG, "more than %u cuts at requests", YP_EMULATOR_ARMED_MAX);
		return NULL;
	}
	return &go->armed[go->armed_count++];
}

/* "cut OP MEDIUM NTH OPTIONS" */
static bool put_text(struct yp_emulator_go *go, const char *text)
{
	const char *at = text + strlen("cut ");
	size_t op = strcspn(at, " ");
	size_t medium = op + strspn(at + op, " ");
	medium += strcspn(at + medium, " ");
	char *end = NULL;
	struct yp_emulator_armed *armed = new_armed(go);
	if (!armed)
		return false;
	armed->nth = strtoull(at + medium, &end, 10);
	if (medium >= sizeof armed->what || armed->nth == 0 || (*end && *end != ' ') ||
	    strlen(end) >= sizeof armed->options) {
		yp_emulator_go_fail(go, -EINVAL, "fault \"%.80s\" is not: cut OP MEDIUM NTH", text);
		return false;
	}
	(void)snprintf(armed->what, sizeof armed->what, "%.*s", (int)medium, at);
	(void)snprintf(armed->options, sizeof armed->options, "%s", end);
	return put_fault(go, armed);
}

bool yp_emulator_go_arm(struct yp_emulator_go *go)
{
	static const char *const ops[] = {"any", "write", "read", "flush", "discard"};
	char answer[YP_EMULATOR_ANSWER_MAX], line[600];
	const struct yp_emulator_cut *cut = &go->run->cut;
	go->armed_count = 0;
	for (unsigned i = 0; go->run->faults && go->run->faults[i] && go->result->cycles == 0; i++) {
		const char *text = go->run->faults[i];
		bool good;
		(void)snprintf(line, sizeof line, "fault %.500s", text);
		good = strncmp(text, "cut ", 4) == 0 ? put_text(go, text)
						     : yp_emulator_go_store(go, answer, sizeof answer, line);
		if (!good)
			return false;
	}
	if (!cut->medium || go->cut_made)
		return true;
	struct yp_emulator_armed *armed = new_armed(go);
	if (!armed)
		return false;
	armed->nth = cut->nth ? cut->nth : 1;
	(void)snprintf(armed->what, sizeof armed->what, "%s %.31s", ops[cut->op ? cut->op : YP_WRITE], cut->medium);
	(void)snprintf(armed->options, sizeof armed->options, "seed=%" PRIu32 " form=%s", cut->seed,
		       yp_emulator_go_form(cut->form));
	return put_fault(go, armed);
}

/* How many requests it has counted; false: it has struck, or is gone. */
static bool find_hits(const char *faults, uint32_t id, uint64_t *out)
{
	char head[24];
	(void)snprintf(head, sizeof head, " %" PRIu32 ":", id);
	const char *at = strstr(faults, head);
	const char *count = at ? strstr(at, ":seen=") : NULL;
	const char *hits = at ? strstr(at, ":hits=") : NULL;
	if (!count || !hits || strtoull(hits + 6, NULL, 10) > 0)
		return false;
	*out = strtoull(count + 6, NULL, 10);
	return true;
}

bool yp_emulator_go_arm_again(struct yp_emulator_go *go)
{
	char faults[YP_EMULATOR_ANSWER_MAX], answer[YP_EMULATOR_ANSWER_MAX], line[40];
	uint64_t count = 0;
	if (go->armed_count == 0 || !go->powered)
		return true;
	if (!yp_emulator_go_store(go, faults, sizeof faults, "faults"))
		return false;
	for (unsigned i = 0; i < go->armed_count; i++) {
		struct yp_emulator_armed *armed = &go->armed[i];
		if (!find_hits(faults, armed->id, &count) || count >= armed->nth)
			continue;
		(void)snprintf(line, sizeof line, "unfault %" PRIu32, armed->id);
		armed->nth -= count;
		if (!yp_emulator_go_store(go, answer, sizeof answer, line) || !put_fault(go, armed))
			return false;
	}
	return true;
}
