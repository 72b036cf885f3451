/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many devices at one server that restarts. All lose their connection at the same moment. If all waited equally long,
 * they would come back together and overload the server again. The test measures when they come back.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/network-run.h"
#include "network/wire.h"

#define DEVICES     24u
#define DELAY_MS    1600u /* of the first retry: between half of it and all of it is waited */
#define DOWN_MS     300   /* less than anybody waits: one retry each */
#define GATHER_MS   30000 /* until all are in the middle of the file */
#define RUN_MS      60000
#define TICK_MS     5
#define LATE_MS     1200 /* processes on a busy machine: a bound for the last, not for the spread */
#define WINDOW_MS   (DELAY_MS / 2 / 10)
#define CROWD_MAX   (DEVICES / 3) /* as many may come within a tenth of the time over which they should be spread */
#define SPREAD_PART 2             /* and all of them over half of it at least */
#define MID_BYTES   1000

struct member {
	struct yp_network_device device;
	struct yp_network_device_run run;
	char words[64];
	int result;
	pthread_t thread;
	bool started;
};

static void *member_main(void *ctx)
{
	struct member *member = ctx;
	const struct yp_network_device_watch watch = {.deadline_ms = RUN_MS};

	member->result = yp_network_device_run(&member->device, member->words, &watch, &member->run);
	return NULL;
}

static int configure_member(const struct yp_network_case_run *run, const struct yp_network_device *device)
{
	static const struct yp_network_limits limits = {.connect_timeout_s = 10,
							.low_speed_time_s = 30,
							.deadline_s = 50,
							.retry_delay_ms = DELAY_MS,
							.fetch_attempts = 4};
	char server[64];

	(void)snprintf(server, sizeof(server), "https://localhost:%u", yp_network_origin_port(run->origin));
	return yp_network_device_configure(device, server, &limits);
}

static int gather_members(const struct yp_network_case_run *run, struct member *members)
{
	int result = 0;

	for (unsigned i = 0; i < DEVICES && result == 0; i++) {
		struct member *member = &members[i];
		char name[24];

		/* Ids as a factory gives them: the next number. */
		(void)snprintf(name, sizeof(name), "herd-%04u", i + 1);
		result = yp_network_device_twin(&run->net->device, name, &member->device);
		if (result == 0)
			result = configure_member(run, &member->device);
		(void)snprintf(member->words, sizeof(member->words), "%s", member->device.subject->commands->poll);
		if (result == 0)
			result = -pthread_create(&member->thread, NULL, member_main, member);
		member->started = result == 0;
	}
	return result;
}

/* How many requests for the payload are being answered. */
static unsigned in_the_middle(struct yp_network_case_run *run)
{
	struct yp_network_origin_record *record = &run->record[0];
	unsigned count = 0;

	yp_network_origin_record(run->origin, record);
	for (unsigned i = 0; i < record->requests && i < YP_NETWORK_REQUESTS_MAX; i++)
		count += record->request[i].first >= run->net->reference.head_bytes;
	return count;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The time of the first request on each connection made since then. */
static unsigned list_arrivals(const struct yp_network_origin_record *record, int64_t restart_ms,
			      int64_t out[DEVICES * 2])
{
	unsigned count = 0;

	for (unsigned i = 0; i < record->requests && i < YP_NETWORK_REQUESTS_MAX && count < DEVICES * 2; i++) {
		const struct yp_network_request *request = &record->request[i];
		int64_t at_ms = record->start_ms + request->at_ms - restart_ms;
		bool known = false;

		for (unsigned k = 0; k < i && !known; k++)
			known = record->request[k].connection == request->connection;
		if (at_ms >= 0 && !known)
			out[count++] = at_ms;
	}
	qsort(out, count, sizeof(*out), by_size);
	return count;
}

static unsigned largest_crowd(const int64_t *at_ms, unsigned count)
{
	unsigned most = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned n = 0;

		while (i + n < count && at_ms[i + n] < at_ms[i] + (int64_t)WINDOW_MS)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

static void judge_return(struct yp_network_case_run *run, const struct member *members, int64_t restart_ms)
{
	int64_t at_ms[DEVICES * 2] = {0};
	unsigned count, most;

	yp_network_origin_record(run->origin, &run->record[0]);
	count = list_arrivals(&run->record[0], restart_ms, at_ms);
	most = largest_crowd(at_ms, count);
	for (unsigned i = 0; i < DEVICES; i++)
		if (strcmp(members[i].run.reason, members[i].device.subject->messages->success) != 0)
			(void)yp_network_fail(run, YP_I6, "%s: %.100s", members[i].device.id, members[i].run.line);
	run->first = members[0].run;
	run->troubled = count > 0;
	if (count == 0)
		return;
	(void)snprintf(run->out->landing, sizeof(run->out->landing),
		       "%u devices back %" PRId64 " to %" PRId64 " ms after the restart, at most %u within %u ms",
		       count, at_ms[0], at_ms[count - 1], most, WINDOW_MS);
	if (count != DEVICES)
		(void)yp_network_fail(run, YP_I7, "%u devices made %u connections after the restart", DEVICES, count);
	if (at_ms[0] < (int64_t)(DELAY_MS / 2) || at_ms[count - 1] > (int64_t)DELAY_MS + LATE_MS)
		(void)yp_network_fail(run, YP_I7, "back after %" PRId64 " to %" PRId64 " ms, allowed are %u to %u",
				      at_ms[0], at_ms[count - 1], DELAY_MS / 2, DELAY_MS);
	if (most > CROWD_MAX)
		(void)yp_network_fail(run, YP_I7, "%u of %u come within %u ms, at most %u are allowed", most, count,
				      WINDOW_MS, CROWD_MAX);
	if (at_ms[count - 1] - at_ms[0] < (int64_t)(DELAY_MS / 2 / SPREAD_PART))
		(void)yp_network_fail(run, YP_I7, "all come within %" PRId64 " ms", at_ms[count - 1] - at_ms[0]);
}

/* Each starts its new version and reports it. */
static int finish_members(struct yp_network_case_run *run, struct member *members)
{
	const struct yp_network_device_watch watch = {.deadline_ms = RUN_MS};
	unsigned before;
	int result = 0;

	yp_network_origin_record(run->origin, &run->record[0]);
	before = run->record[0].reports;
	for (unsigned i = 0; i < DEVICES && result == 0; i++) {
		struct member *member = &members[i];

		result = yp_network_device_boot(&member->device);
		if (result == 0)
			result = configure_member(run, &member->device);
		if (result == 0)
			result = yp_network_device_run(&member->device, member->device.subject->commands->resume,
						       &watch, &member->run);
		if (result == 0 && (member->run.status != 0 || member->device.booted[0] != 'A'))
			(void)yp_network_fail(run, YP_I6, "%s: %.100s", member->device.id, member->run.line);
	}
	yp_network_origin_record(run->origin, &run->record[0]);
	if (result == 0 && run->record[0].reports - before != DEVICES)
		(void)yp_network_fail(run, YP_I5, "%u reports of %u devices", run->record[0].reports - before, DEVICES);
	return result;
}

static int run_members(struct yp_network_case_run *run, struct member *members)
{
	const struct yp_network_rule hold = {.lie = YP_NETWORK_HTTP_BODY_STALL,
					     .from = run->net->reference.head_bytes,
					     .to = run->net->reference.bundle_bytes,
					     .arg = MID_BYTES};
	int64_t end_ms = yp_network_wire_now_ms() + GATHER_MS;
	int64_t restart_ms;
	int result;

	yp_network_origin_script(run->origin, &hold, 1, NULL);
	result = gather_members(run, members);
	while (result == 0 && in_the_middle(run) < DEVICES && yp_network_wire_now_ms() < end_ms)
		(void)poll(NULL, 0, TICK_MS);
	if (result == 0 && in_the_middle(run) < DEVICES)
		result = -ETIMEDOUT;
	yp_network_origin_script(run->origin, NULL, 0, NULL);
	restart_ms = yp_network_wire_now_ms();
	yp_network_origin_restart(run->origin, DOWN_MS);
	for (unsigned i = 0; i < DEVICES; i++) {
		if (members[i].started)
			(void)pthread_join(members[i].thread, NULL);
		if (result == 0)
			result = members[i].result;
	}
	if (result == 0)
		judge_return(run, members, restart_ms);
	return result;
}

int yp_network_herd_run(struct yp_network_case_run *run)
{
	struct member *members = calloc(DEVICES, sizeof(*members));
	int result = members ? run_members(run, members) : -ENOMEM;

	if (result == 0)
		result = finish_members(run, members);
	for (unsigned i = 0; members && i < DEVICES; i++)
		if (members[i].device.dir[0] != '\0')
			yp_network_device_deinit(&members[i].device);
	free(members);
	return result;
}
