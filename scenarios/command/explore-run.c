/* SPDX-License-Identifier: Apache-2.0 */
/* Explores a recording: cases as they end, the first failure at once with its cause, results, a verdict. */
#include "command/explore-recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/verbs.h"
#include "power-cut/host-calls.h"

#define ADVICE_MAX  3u
#define STORY_BYTES 65536u

/* Why an exploration ended that went on well: what on_case answers. */
enum stop { STOP_TIME = 1, STOP_FAILURES };

struct exploration {
	struct yp_recorded *x;
	struct yp_cases *cases;
	struct yp_result result;
	struct yp_stats stats;
	struct yp_progress progress;
	int fd; /* results.jsonl, or -1 */
	uint64_t start_ms, failure_ms, failures;
	uint64_t told; /* states that a case was told of */
	bool repeated; /* the first failure failed again when it was run again */
	char replay[YP_ID_MAX + 1024];
};

/* ---- the first failure ---- */

static void print_advice(const struct yp_recorded *x)
{
	for (size_t i = 0; i < x->finding_count && i < ADVICE_MAX; i++)
		(void)printf("      advice (%s): %s\n", x->findings[i].rule, x->findings[i].text);
	if (x->finding_count > ADVICE_MAX)
		(void)printf("      advice: %zu more of this kind\n", x->finding_count - ADVICE_MAX);
}

static void print_brick(const struct exploration *e, const struct yp_case *c, const struct yp_outcome *outcome,
			const char *step)
{
	const struct yp_invariant_row *row = yp_invariant_row(outcome->invariant);

	(void)printf("FAIL  %s %s: after %s%s%s%s: %s\n", row->id, row->name,
		     c->count > 1 ? "power cuts, the first" : "one power cut,", *step ? " at '" : " ", step,
		     *step ? "'" : "in the update", outcome->text);
	(void)printf("      found after %.1f s, in state %" PRIu64 "\n", (double)(yp_clock_ms() - e->start_ms) / 1000,
		     e->told);
	(void)fflush(stdout);
}

/* Shrinks it and says the cause; runs that were need not run again. */
static void tell_failure(struct exploration *e, const char *text, const struct yp_case *c,
			 const struct yp_outcome *outcome, const char *step)
{
	struct yp_recorded *x = e->x;
	struct yp_case smaller;
	char id[YP_ID_MAX];

	yp_progress_clear(&e->progress);
	print_brick(e, c, outcome, step);
	yp_id_cut(x->scenario.name, YP_SEED_DEFAULT, text, id);
	x->rig.recall = true;
	int r = yp_explore_shrink(&x->explore, c, &smaller, e->result.sentence, sizeof e->result.sentence);
	x->rig.recall = false;
	if (r == 0) {
		char encoded[YP_CASE_TEXT_MAX];

		e->repeated = true;
		if (yp_case_encode(&smaller, encoded, sizeof encoded) == 0)
			yp_id_cut(x->scenario.name, YP_SEED_DEFAULT, encoded, id);
		(void)printf("      cause: %s\n", e->result.sentence);
	} else if (!x->rig.stopped) {
		(void)printf("      run again it did not fail: the commands are not repeatable\n");
	}
	(void)snprintf(e->result.failing, sizeof e->result.failing, "%s", id);
	print_advice(x);
	yp_recorded_replay(x, id, e->replay, sizeof e->replay);
	(void)printf("      %s\n", e->replay);
	(void)fflush(stdout);
	e->failure_ms = yp_clock_ms();
}

/* ---- cases ---- */

static int on_case(void *ctx, const char *text, const struct yp_case *c, const char *marked,
		   const struct yp_outcome *outcome, bool settled)
{
	struct exploration *e = ctx;
	const struct yp_explore_request *request = e->x->request;
	const char *step = yp_recorded_step(e->x, marked, c->cuts[0].entry);
	char id[YP_ID_MAX];

	struct yp_case_line line =
	    yp_case_of_cut(e->x->scenario.name, YP_SEED_DEFAULT, text, c, step, outcome, settled, id);
	e->told++;
	int r = yp_cases_add(e->cases, &line);
	if (r == 0 && outcome->verdict == YP_FAIL && e->failures++ == 0)
		tell_failure(e, text, c, outcome, step);
	if (r < 0 || e->x->rig.stopped)
		return r < 0 ? r : -ECANCELED;
	uint64_t now_ms = yp_clock_ms();
	if (e->failures > 0 &&
	    (e->failures > request->failures_more || now_ms - e->failure_ms > request->seconds_more * 1000))
		return STOP_FAILURES;
	return request->limit_seconds && now_ms - e->start_ms > request->limit_seconds * 1000 ? STOP_TIME : 0;
}

static void on_progress(void *ctx, const struct yp_stats *stats, uint64_t frontier)
{
	struct exploration *e = ctx;

	yp_progress_show(&e->progress, e->x->scenario.name, stats, frontier, yp_clock_ms());
}

/* ---- results ---- */

static int open_results(struct exploration *e)
{
	const struct yp_explore_request *request = e->x->request;
	const struct yp_scenario *scenario = &e->x->scenario;
	struct yp_campaign_head head = {.seed = YP_SEED_DEFAULT, .shard = 1, .shards = 1};
	char path[PATH_MAX];
	char former[PATH_MAX + 8];

	(void)snprintf(head.subjects, sizeof head.subjects, "%s", scenario->subject->name);
	if (mkdir(request->out, 0777) < 0 && errno != EEXIST)
		return -errno;
	if (snprintf(path, sizeof path, "%s/%s", request->out, YP_RESULTS_FILE) >= (int)sizeof path)
		return -ENAMETOOLONG;
	(void)snprintf(former, sizeof former, "%s.old", path);
	if (rename(path, former) < 0 && errno != ENOENT)
		return -errno;
	e->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (e->fd < 0)
		return -errno;
	int r = yp_program_digest(head.program);
	if (r == 0)
		r = yp_results_campaign(e->fd, &head, &scenario, 1,
					json_pack("[{s:s, s:s}]", "name", "host", "sentence",
						  "shell commands on this kernel, their media served and recorded"),
					json_array());
	return r == 0 ? yp_results_log(e->fd, scenario->name, e->x->log, e->x->findings, e->x->finding_count) : r;
}

static void name_bound(struct exploration *e, int ended)
{
	const struct yp_explore_request *request = e->x->request;
	char *out = e->result.bounded_by;
	size_t bytes = sizeof e->result.bounded_by;

	if (ended == STOP_TIME)
		(void)snprintf(out, bytes, "%" PRIu64 " seconds", request->limit_seconds);
	else if (ended == STOP_FAILURES)
		(void)snprintf(out, bytes, "its first %" PRIu64 " failures", e->failures);
	else if (request->limits.states_max && e->stats.distinct >= request->limits.states_max)
		(void)snprintf(out, bytes, "%" PRIu64 " states", request->limits.states_max);
	else if (e->stats.disagreed)
		(void)snprintf(out, bytes, "commands that are not repeatable");
	else if (!e->stats.closed)
		(void)snprintf(out, bytes, "%u cuts in a row", e->stats.depth);
}

/* Commands that do not repeat are the rig's fault, unless a failure was seen twice. */
static void judge_runs(struct exploration *e)
{
	struct yp_result *out = &e->result;

	if (out->verdict == YP_FAIL && e->repeated)
		return;
	if (out->verdict == YP_FAIL || e->stats.disagreed) {
		out->verdict = YP_ERROR;
		(void)snprintf(out->reason, sizeof out->reason,
			       "the commands are not repeatable, so nothing is proved: %.120s; let them depend on the "
			       "media alone",
			       e->stats.disagreed ? e->stats.disagreement : "a failure passed when it was run again");
	}
}

static void print_end(const struct exploration *e)
{
	const struct yp_result *r = &e->result;
	const struct yp_stats *s = &r->stats;
	char number[4][32];

	(void)printf("%-5s %s: %s crash states, %s distinct, %s run, %s settled by what was read, %" PRIu64
		     " audited; ",
		     yp_verdict_text(r->verdict), e->x->scenario.name, yp_summary_number(s->enumerated, number[0]),
		     yp_summary_number(s->distinct, number[1]), yp_summary_number(s->run, number[2]),
		     yp_summary_number(s->settled, number[3]), s->audited);
	if (s->closed)
		(void)printf("closed, depth %u; %.1f s\n", s->depth, (double)r->duration_ms / 1000);
	else
		(void)printf("bounded by %s; %.1f s\n", r->bounded_by, (double)r->duration_ms / 1000);
	if (r->verdict == YP_ERROR)
		(void)printf("      %s\n", r->reason);
	if (r->verdict == YP_ERROR && *e->x->rig.difference)
		(void)printf("      from states that they cannot tell apart, %s\n", e->x->rig.difference);
	if (r->verdict == YP_PASS) {
		print_advice(e->x);
		if (!s->closed)
			(void)printf("      not proved: bounded by %s\n", r->bounded_by);
		else if (s->sampled)
			(void)printf("      bounded by samples: subsets of %" PRIu64 " large epochs were sampled\n",
				     s->sampled);
		else if (e->x->request->recover)
			(void)puts("      proved: closed, so this holds for any number of power cuts");
		else
			(void)puts(
			    "      proved: closed, so this holds wherever the power is cut; give --recover to cut "
			    "what the device does then, too");
	}
	if (e->x->request->out)
		(void)printf("      results %s/%s; 'yankproof report %s' makes HTML and JUnit\n", e->x->request->out,
			     YP_RESULTS_FILE, e->x->request->out);
}

static int end_results(struct exploration *e, int ended)
{
	struct yp_result *out = &e->result;
	char failing[YP_ID_MAX];

	(void)snprintf(failing, sizeof failing, "%s", out->failing);
	int r = yp_cases_end(e->cases, out);
	(void)snprintf(out->scenario, sizeof out->scenario, "%s", e->x->scenario.name);
	if (*failing)
		(void)snprintf(out->failing, sizeof out->failing, "%s", failing);
	out->replay = *e->replay ? e->replay : NULL;
	out->explored = true;
	out->stats = e->stats;
	out->duration_ms = yp_clock_ms() - e->start_ms;
	name_bound(e, ended);
	judge_runs(e);
	if (e->fd >= 0 && r == 0)
		r = yp_results_scenario(e->fd, &e->x->scenario, out);
	if (e->fd >= 0 && r == 0)
		r = yp_results_end(e->fd, out, 1, out->duration_ms);
	return r;
}

/* ---- run ---- */

/* Runs the check alone on the media before the update. */
static int run_base(struct yp_recorded *x, struct yp_outcome *outcome, size_t *reads)
{
	struct yp_log *log = NULL;
	const char *recover = x->rig.recover;
	size_t room = x->rig.known_room;
	int r = yp_log_new(yp_image_layout(x->base), yp_image_pool(x->base), &log);

	/* That run has no recovery: no other may be taken for it, so it is not kept. */
	x->rig.known_room = 0;
	x->rig.recover = NULL;
	if (r == 0)
		r = x->face.recover(x->face.ctx, x->base, log, outcome);
	x->rig.recover = recover;
	x->rig.known_room = room;
	*reads = r == 0 ? yp_log_count(log) : 0;
	yp_log_free(log);
	return r;
}

/* A check that says no before any power cut does not look at these media, or looks at more than them. */
static int check_base(struct yp_recorded *x)
{
	struct yp_outcome first = {0};
	struct yp_outcome second = {0};
	size_t reads = 0;
	size_t reads_again = 0;
	int r = run_base(x, &first, &reads);

	if (r == 0 && first.verdict != YP_FAIL)
		r = run_base(x, &second, &reads_again);
	if (r < 0)
		return r;
	if (first.verdict == YP_FAIL)
		(void)snprintf(x->rig.error, sizeof x->rig.error,
			       "the check fails on the media as they were before the update (%.120s); mend the check",
			       first.text);
	else if (second.verdict != first.verdict || strcmp(first.label, second.label) != 0 || reads != reads_again)
		(void)snprintf(x->rig.error, sizeof x->rig.error,
			       "the check is not repeatable: on the same media it ended as '%s' after %zu reads, then "
			       "as '%s' after %zu; let it depend on the media alone",
			       first.label, reads, second.label, reads_again);
	return *x->rig.error ? -EINVAL : 0;
}

static int explore_cases(struct exploration *e)
{
	int r = check_base(e->x);

	if (r < 0)
		return r;
	e->x->explore.on_case = on_case;
	e->x->explore.case_ctx = e;
	e->x->explore.on_progress = on_progress;
	e->x->explore.progress_ctx = e;
	r = yp_explore_run(&e->x->explore, &e->stats);
	yp_progress_clear(&e->progress);
	return r;
}

int yp_explore_all(struct yp_recorded *x)
{
	struct exploration *e = calloc(1, sizeof *e);
	int status = YP_EXIT_ERROR;

	if (!e)
		return yp_no_memory();
	e->x = x;
	e->fd = -1;
	e->start_ms = yp_clock_ms();
	e->progress = (struct yp_progress){.on = isatty(STDERR_FILENO) == 1, .total = 1, .start_ms = e->start_ms};
	int r = x->request->out ? open_results(e) : 0;
	if (r == 0)
		r = yp_cases_new(e->fd, x->scenario.name, &e->cases);
	if (r < 0) {
		(void)fprintf(stderr, "yankproof: %s: %s\n", x->request->out ? x->request->out : "results",
			      strerror(-r));
	} else {
		r = explore_cases(e);
		if (r >= 0) {
			int written = end_results(e, r);

			print_end(e);
			if (written < 0)
				(void)fprintf(stderr, "yankproof: %s: %s\n", x->request->out, strerror(-written));
			status = written < 0 ? YP_EXIT_ERROR : yp_verdict_status(e->result.verdict);
		} else {
			status = yp_recorded_error(x, r);
		}
	}
	yp_cases_free(e->cases);
	if (e->fd >= 0)
		(void)close(e->fd);
	free(e);
	return status;
}

/* ---- one case ---- */

static int save_state(struct yp_recorded *x, const struct yp_image *state)
{
	char detail[YP_DETAIL_MAX] = "";
	int r = yp_host_media_save(&x->media, state, x->request->save, detail, sizeof detail);

	if (r == 0)
		(void)printf("the media of this state are in %s\n", x->request->save);
	else
		(void)fprintf(stderr, "yankproof: %s\n", detail);
	return r;
}

int yp_explore_one(struct yp_recorded *x)
{
	const char *at = strrchr(x->request->like, '@');
	struct yp_image *state = NULL;
	struct yp_outcome outcome = {0};
	struct yp_case c;
	char *story = malloc(STORY_BYTES);

	if (!story)
		return yp_no_memory();
	if (yp_case_decode(at ? at + 1 : x->request->like, &c) < 0) {
		free(story);
		return yp_usage_error("'%s' is no case; take the id that a FAIL printed", x->request->like);
	}
	x->rig.echo = true;
	int r = yp_explore_replay(&x->explore, &c, &state, &outcome, story, STORY_BYTES);
	if (r == 0) {
		(void)fputs(story, stdout);
		(void)printf("%s%s%s%s%s\n", yp_verdict_text(outcome.verdict), outcome.verdict == YP_FAIL ? "  " : "",
			     yp_invariant_id(outcome.invariant), *outcome.text ? ": " : "", outcome.text);
		if (x->request->save)
			r = save_state(x, state);
	} else if (r == -EINVAL) {
		r = yp_usage_error("'%s' is no case of this recording; was it made anew?", x->request->like);
	} else {
		r = yp_recorded_error(x, r);
	}
	yp_image_free(state);
	free(story);
	return r < 0 ? YP_EXIT_ERROR : r > 0 ? r : yp_verdict_status(outcome.verdict);
}
