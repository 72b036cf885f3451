/* SPDX-License-Identifier: Apache-2.0 */
/* A rig of the explorer whose device is two shell commands. */
#include "host/command-rig.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format-detail.h"
#include "power-cut/host-calls.h"

#define SECONDS_DEFAULT  30u
#define LOOP_GRAIN       2048u /* sectors; more than the kernel reads ahead */
#define KNOWN_MAX        ((size_t)4096)
#define STATUS_NOT_FOUND 126 /* and 127, of the shell */

int yp_command_rig_init(struct yp_command_rig *rig, struct yp_host_room *room, const char *recover, const char *check)
{
	assert(rig && room && check);
	*rig =
	    (struct yp_command_rig){.room = room, .recover = recover, .check = check, .seconds_max = SECONDS_DEFAULT};
	for (unsigned i = 0; i < YP_MEDIA_MAX; i++)
		rig->grain[i] = i < room->media->layout.count && room->media->media[i].loop ? LOOP_GRAIN : 1;
	rig->known_runs = calloc(KNOWN_MAX, sizeof *rig->known_runs);
	rig->known_room = KNOWN_MAX;
	return rig->known_runs ? yp_settle_init(&rig->known, &room->media->layout) : -ENOMEM;
}

void yp_command_rig_deinit(struct yp_command_rig *rig)
{
	for (size_t i = 0; i < rig->known_count; i++)
		yp_log_free(rig->known_runs[i].log);
	free(rig->known_runs);
	yp_settle_deinit(&rig->known);
}

/* ---- one command ---- */

static int run_shell(struct yp_command_rig *rig, const char *line, struct yp_command_end *end)
{
	char shell[] = "sh";
	char option[] = "-c";
	char *text = strdup(line);
	char *argv[] = {shell, option, text, NULL};
	struct yp_shell_command command = {.argv = argv,
					   .environment = rig->room->environment,
					   .seconds_max = rig->seconds_max,
					   .stop_fd = rig->room->stop_fd,
					   .quiet = true,
					   .echo = rig->echo};
	int r = text ? yp_shell_run(&command, end) : -ENOMEM;

	free(text);
	if (r < 0)
		yp_detail(rig->error, sizeof rig->error, "sh: %s", strerror(-r));
	if (r == 0 && end->stopped) {
		rig->stopped = true;
		r = -ECANCELED;
	}
	if (r == 0 && !end->late && (end->status == STATUS_NOT_FOUND || end->status == STATUS_NOT_FOUND + 1)) {
		yp_detail(rig->error, sizeof rig->error, "'%.60s' cannot be started: %.160s", line,
			  *end->line ? end->line : "the shell says no more");
		r = -ENOEXEC;
	}
	return r;
}

/* The clause of a failure: what the command said, or how it ended. */
static void fail_command(struct yp_outcome *out, enum yp_invariant invariant, const struct yp_command_end *end,
			 const char *what)
{
	if (*end->line)
		yp_outcome_fail(out, invariant, "%s", end->line);
	else if (end->signal)
		yp_outcome_fail(out, invariant, "%s was ended by signal %d", what, end->signal);
	else
		yp_outcome_fail(out, invariant, "%s ended with status %d", what, end->status);
}

/* false: it broke its deadline, or failed. */
static bool judge_recovery(const struct yp_command_rig *rig, const struct yp_command_end *end, struct yp_outcome *out)
{
	if (end->late)
		yp_outcome_fail(out, YP_I7, "the recovery did not end in %u s", rig->seconds_max);
	else if (end->status || end->signal)
		fail_command(out, YP_I6, end, "the recovery");
	return out->verdict != YP_FAIL;
}

/* A line that can name a class of states. */
static bool is_word(const char *line)
{
	size_t n = 0;

	for (; line[n]; n++) {
		if (!isalnum((unsigned char)line[n]) && line[n] != '-' && line[n] != '_' && line[n] != '.')
			return false;
	}
	return n > 0 && n < sizeof((struct yp_outcome *)0)->label;
}

static void judge_check(const struct yp_command_rig *rig, const struct yp_command_end *end, struct yp_outcome *out)
{
	static const struct {
		int status;
		enum yp_invariant invariant;
	} statuses[] = {{1, YP_I2}, {3, YP_I1}, {4, YP_I8}, {5, YP_I5}};
	enum yp_invariant invariant = YP_I2;

	if (end->late) {
		yp_outcome_fail(out, YP_I7, "the check did not end in %u s", rig->seconds_max);
		return;
	}
	if (end->status == 0 && end->signal == 0) {
		(void)snprintf(out->label, sizeof out->label, "%.23s", is_word(end->line) ? end->line : "whole");
		return;
	}
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		if (end->signal == 0 && end->status == statuses[i].status)
			invariant = statuses[i].invariant;
	}
	fail_command(out, invariant, end, "the check");
}

/* ---- one state ---- */

/* *whole: how many entries are the device's own, not the check's. */
static int run_commands(struct yp_command_rig *rig, size_t *whole, struct yp_outcome *out)
{
	struct yp_command_end end = {0};
	bool check = true;
	int r = 0;

	if (rig->recover) {
		r = run_shell(rig, rig->recover, &end);
		if (r == 0)
			check = judge_recovery(rig, &end, out);
	}
	/* What the recovery left in a page cache is its own, and the check must not find it there. */
	if (r == 0)
		r = yp_host_room_settle(rig->room);
	*whole = yp_server_entries(rig->room->server);
	if (r == 0 && check) {
		r = run_shell(rig, rig->check, &end);
		if (r == 0)
			judge_check(rig, &end, out);
		if (r == 0)
			r = yp_host_room_settle(rig->room);
	}
	if (out->verdict == YP_FAIL)
		(void)snprintf(out->label, sizeof out->label, "broken");
	return r;
}

static int run_state(struct yp_command_rig *rig, const struct yp_image *start, struct yp_log *log,
		     struct yp_outcome *out)
{
	char detail[200] = "";
	size_t whole = 0;
	int r = yp_server_take_image(rig->room->server, start);

	if (r == 0)
		r = yp_host_room_start(rig->room, NULL, detail, sizeof detail);
	if (r == 0)
		r = run_commands(rig, &whole, out);
	int ended = yp_host_room_end(rig->room, detail, sizeof detail);
	if (r == 0)
		r = ended;
	if (r == 0)
		r = yp_server_copy_log(rig->room->server, whole, rig->grain, log);
	if (r < 0 && *rig->error == 0)
		yp_detail(rig->error, sizeof rig->error, "%s", *detail ? detail : strerror(-r));
	return r;
}

/* ---- runs that were ---- */

/* 1: a run is known that read the same; its outcome and log are there. */
static int recall_run(const struct yp_command_rig *rig, const struct yp_image *start, struct yp_log *log,
		      struct yp_outcome *out)
{
	uint32_t at = 0;

	if (!rig->recall || yp_settle_find(&rig->known, start, &at) != 1)
		return 0;
	*out = rig->known_runs[at].outcome;
	int r = yp_log_append(rig->known_runs[at].log, SIZE_MAX, NULL, log);
	return r < 0 ? r : 1;
}

static int keep_run(struct yp_command_rig *rig, const struct yp_image *start, const struct yp_log *log,
		    const struct yp_outcome *outcome)
{
	struct yp_command_run run = {.outcome = *outcome};

	if (rig->known_count == rig->known_room)
		return 0;
	int r = yp_log_new(yp_image_layout(start), yp_image_pool(start), &run.log);
	if (r == 0)
		r = yp_log_append(log, SIZE_MAX, NULL, run.log);
	/* The explorer reports a contradiction. */
	if (r == 0)
		r = yp_settle_add(&rig->known, start, log, (uint32_t)rig->known_count);
	if (r != 0) {
		yp_log_free(run.log);
		return r < 0 ? r : 0;
	}
	rig->known_runs[rig->known_count++] = run;
	return 0;
}

/* The first run that differs from one that read the same says why they are not repeatable. */
static void note_difference(struct yp_command_rig *rig, const struct yp_image *start, struct yp_log *log,
			    const struct yp_outcome *outcome)
{
	struct yp_command_run now = {*outcome, log};
	uint32_t at = 0;

	if (*rig->difference == 0 && yp_settle_find(&rig->known, start, &at) == 1)
		(void)yp_run_difference(&rig->known_runs[at], &now, rig->difference, sizeof rig->difference);
}

static int recover_state(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	struct yp_command_rig *rig = ctx;
	uint64_t start_ms = yp_clock_ms();

	*out = (struct yp_outcome){.verdict = YP_PASS, .boots = 1};
	if (yp_host_room_stopped(rig->room)) {
		rig->stopped = true;
		return -ECANCELED;
	}
	int r = recall_run(rig, start, log, out);
	if (r != 0)
		return r < 0 ? r : 0;
	r = run_state(rig, start, log, out);
	rig->runs++;
	rig->run_ms += yp_clock_ms() - start_ms;
	if (r == 0 && rig->known_room > 0)
		note_difference(rig, start, log, out);
	return r < 0 ? r : keep_run(rig, start, log, out);
}

/* A result that was reported before the cut must still be true. */
static int judge_state(void *ctx, const struct yp_image *state, const struct yp_world *before,
		       const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	const struct yp_command_rig *rig = ctx;

	(void)state;
	(void)during;
	*out = *run;
	for (size_t i = 0; rig->told && i < before->count; i++) {
		if (out->verdict == YP_FAIL || strcmp(before->events[i], rig->told) != 0 ||
		    strcmp(out->label, rig->told_label) == 0)
			continue;
		yp_outcome_fail(out, YP_I5, "'%.40s' was reported, and then the device ends as '%s', not '%.40s'",
				rig->told, run->label, rig->told_label);
	}
	return 0;
}

struct yp_rig yp_command_rig_face(struct yp_command_rig *rig)
{
	return (struct yp_rig){.ctx = rig, .recover = recover_state, .judge = judge_state};
}
