/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cost of a crash state on the simulated device with the real core: the story, layout and storage models of
 * scenarios/power/update-cut-torn.yaml.
 *
 *   run       every distinct crash state of the recorded update once: recovered by the core, recorded, judged. Nothing
 * is settled: to the explorer the recovery is one that reads and writes nothing, and the judge runs the real one.
 *   settled   the exploration to closure as a campaign does it; decided without a run: by canonical form or by read set
 *   read set  one cut deep, canonical forms off: what the decision tree of reads settles alone
 *
 * CPU time of the process (CLOCK_PROCESS_CPUTIME_ID), all of it: enumeration, hashing, recording, judging, audits.
 * Medians of ROUNDS. With --table the last lines are "figure|measured|goal|ok".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "power-cut/explore.h"
#include "sim/device.h"

#define ROUNDS       5u
#define ROUND_S_MIN  0.5 /* shorter measurements are repeated */
#define REPEATS_MAX  100000u
#define RUN_GOAL     2000.0
#define SETTLED_GOAL 20000.0
#define LITTLEFS     2161.0 /* power losses per CPU-second of littlefs's runner, as measured on such a machine */

struct bench {
	struct yp_sim *sim;
	struct yp_log *recorded;
	struct yp_log *log; /* of a recovery, reused */
	uint64_t runs, failed;
};

static void check(int result, const char *what)
{
	if (result == 0)
		return;
	(void)fprintf(stderr, "recover-bench: %s: %s\n", what, strerror(result < 0 ? -result : EPROTO));
	exit(1);
}

static double cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof *values, ascending);
	return values[ROUNDS / 2];
}

static int recover_nothing(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	(void)ctx;
	(void)start;
	(void)log;
	(void)snprintf(out->label, sizeof out->label, "none");
	return 0;
}

static void world_of(const struct yp_log *log, const char *events[], size_t max, struct yp_world *out)
{
	*out = (struct yp_world){.events = events};
	for (size_t i = 0; i < yp_log_count(log) && out->count < max; i++) {
		const struct yp_entry *entry = yp_log_entry(log, i);

		if (entry->op == YP_MARK && entry->kind == YP_MARK_WORLD)
			events[out->count++] = yp_log_text(log, entry);
	}
}

/* Called for each distinct image: recovers it, recording, and judges it. */
static int judge_by_running(void *ctx, const struct yp_image *state, const struct yp_world *before,
			    const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	struct bench *bench = ctx;
	const struct yp_rig *rig = yp_sim_rig(bench->sim);
	struct yp_outcome recovered = {0};
	const char *events[64];
	struct yp_world seen;
	int result;

	(void)during;
	(void)run;
	yp_log_clear(bench->log);
	result = rig->recover(rig->ctx, state, bench->log, &recovered);
	if (result != 0)
		return result;
	world_of(bench->log, events, sizeof events / sizeof *events, &seen);
	result = rig->judge(rig->ctx, state, before, &seen, &recovered, out);
	bench->runs++;
	bench->failed += out->verdict != YP_PASS;
	return result;
}

static struct yp_explore exploration(const struct bench *bench, const struct yp_rig *rig)
{
	return (struct yp_explore){.rig = rig,
				   .base = yp_sim_base(bench->sim),
				   .log = bench->recorded,
				   .limits = {.samples = 64, .seed = 1, .audit_fraction = 0.02}};
}

/* Explores until ROUND_S_MIN is used up; CPU-seconds of one exploration. */
static double explore_for(const struct yp_explore *explore, struct yp_stats *stats)
{
	double start = cpu_s(), spent = 0;
	unsigned repeats = 0;

	while (spent < ROUND_S_MIN && repeats < REPEATS_MAX) {
		check(yp_explore_run(explore, stats), "explore");
		spent = cpu_s() - start;
		repeats++;
	}
	if (stats->failed != 0 || stats->disagreed != 0) {
		(void)fprintf(stderr, "recover-bench: %llu states failed, %llu disagreed\n",
			      (unsigned long long)stats->failed, (unsigned long long)stats->disagreed);
		exit(1);
	}
	return spent / repeats;
}

static double bench_run(struct bench *bench)
{
	const struct yp_rig rig = {.ctx = bench, .recover = recover_nothing, .judge = judge_by_running};
	struct yp_explore explore = exploration(bench, &rig);
	struct yp_stats stats = {0};
	double rate[ROUNDS];

	explore.limits.depth_max = 1;
	explore.limits.audit_fraction = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		double spent = explore_for(&explore, &stats);

		rate[i] = (double)stats.distinct / spent;
	}
	if (bench->failed != 0 || stats.canonical != stats.distinct) {
		(void)fprintf(stderr, "recover-bench: %llu recoveries failed, %llu of %llu states run\n",
			      (unsigned long long)bench->failed, (unsigned long long)stats.canonical,
			      (unsigned long long)stats.distinct);
		exit(1);
	}
	double middle = median(rate);
	(void)printf(
	    "run: %llu crash states enumerated, %llu distinct, each run once: %.0f per CPU-second (%.0f to %.0f)\n",
	    (unsigned long long)stats.enumerated, (unsigned long long)stats.distinct, middle, rate[0],
	    rate[ROUNDS - 1]);
	return middle;
}

static double bench_settled(const struct bench *bench)
{
	struct yp_explore explore = exploration(bench, yp_sim_rig(bench->sim));
	struct yp_stats stats = {0};
	double spent[ROUNDS], all, rate;

	for (unsigned i = 0; i < ROUNDS; i++)
		spent[i] = explore_for(&explore, &stats);
	all = median(spent);
	rate = (double)(stats.distinct - stats.run) / all;
	(void)printf(
	    "settled: %llu enumerated, %llu distinct, %llu run, %llu audited, %s, depth %u, in %.1f ms of CPU: "
	    "%.0f settled, %.0f enumerated per CPU-second\n",
	    (unsigned long long)stats.enumerated, (unsigned long long)stats.distinct, (unsigned long long)stats.run,
	    (unsigned long long)stats.audited, stats.closed ? "closed" : "not closed", stats.depth, all * 1e3, rate,
	    (double)stats.enumerated / all);
	return rate;
}

static double bench_read_set(const struct bench *bench)
{
	struct yp_rig rig = *yp_sim_rig(bench->sim);
	struct yp_explore explore = exploration(bench, &rig);
	struct yp_stats stats = {0};
	double spent[ROUNDS], all, rate;

	rig.canon = NULL;
	explore.limits.depth_max = 1;
	for (unsigned i = 0; i < ROUNDS; i++)
		spent[i] = explore_for(&explore, &stats);
	all = median(spent);
	rate = (double)stats.settled / all;
	(void)printf("read set: %llu distinct, %llu run, %llu settled, %llu audited, in %.1f ms of CPU: %.0f settled "
		     "per CPU-second\n",
		     (unsigned long long)stats.distinct, (unsigned long long)stats.run,
		     (unsigned long long)stats.settled, (unsigned long long)stats.audited, all * 1e3, rate);
	return rate;
}

/* CPU microseconds of one run of the device from this image, without a log. */
static double run_us(struct yp_sim *sim, const struct yp_image *start)
{
	double us[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		double from = cpu_s(), spent = 0;
		unsigned repeats = 0;

		while (spent < ROUND_S_MIN / 5 && repeats < REPEATS_MAX) {
			struct yp_outcome outcome;

			check(yp_sim_run(sim, start, &outcome), "run");
			if (outcome.verdict != YP_PASS)
				check(-EPROTO, outcome.text);
			spent = cpu_s() - from;
			repeats++;
		}
		us[i] = spent / repeats * 1e6;
	}
	return median(us);
}

static double canon_us(const struct bench *bench, const struct yp_image *state)
{
	const struct yp_rig *rig = yp_sim_rig(bench->sim);
	const struct yp_world none = {NULL, 0};
	double from = cpu_s(), spent = 0;
	unsigned repeats = 0;

	while (spent < ROUND_S_MIN / 5) {
		struct yp_hash hash;

		for (unsigned i = 0; i < 1000; i++)
			check(rig->canon(rig->ctx, state, &none, &hash), "canon");
		spent = cpu_s() - from;
		repeats += 1000;
	}
	return spent / repeats * 1e6;
}

static void bench_single(const struct bench *bench, double us[3])
{
	struct yp_image *end;

	check(yp_image_copy(yp_sim_base(bench->sim), &end), "image");
	check(yp_image_apply(end, bench->recorded, yp_log_count(bench->recorded)), "image");
	us[0] = run_us(bench->sim, end);
	us[1] = run_us(bench->sim, yp_sim_base(bench->sim));
	us[2] = canon_us(bench, end);
	yp_image_free(end);
	(void)printf("idle recovery %.1f us, whole update %.0f us, canonical form %.2f us of CPU\n", us[0], us[1],
		     us[2]);
}

static void row(const char *figure, double measured, double goal)
{
	(void)printf("%s|%.0f|>= %.0f|%s\n", figure, measured, goal, measured >= goal ? "yes" : "MISSED");
}

int main(int argc, char **argv)
{
	struct yp_sim_spec spec = {.serve = true, .seed = 1};
	const struct yp_sim_expect expect = {.version = "new"};
	struct bench bench = {0};
	struct yp_outcome story;
	struct rusage usage;
	double run, settled, read_set, us[3];

	for (unsigned m = 0; m < YP_MEDIA_MAX; m++)
		spec.model[m] = YP_MODEL_TORN;
	check(yp_sim_new(&spec, &expect, &bench.sim), "device");
	check(yp_sim_record(bench.sim, &bench.recorded, &story), "record");
	if (story.verdict != YP_PASS)
		check(-EPROTO, story.text);
	check(yp_log_new(yp_sim_layout(bench.sim), yp_sim_pool(bench.sim), &bench.log), "log");
	run = bench_run(&bench);
	settled = bench_settled(&bench);
	read_set = bench_read_set(&bench);
	bench_single(&bench, us);
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("peak RSS %.1f MiB; for comparison: littlefs's runner %.0f cuts per CPU-second\n",
		     (double)usage.ru_maxrss / 1024, LITTLEFS);
	if (argc > 1 && strcmp(argv[1], "--table") == 0) {
		row("crash states truly run per CPU-second", run, RUN_GOAL);
		row("crash states settled per CPU-second", settled, SETTLED_GOAL);
		(void)printf("... by read set alone, one cut deep|%.0f||\n", read_set);
		(void)printf("idle recovery, us of CPU|%.1f||\n", us[0]);
		(void)printf("whole update, us of CPU|%.0f||\n", us[1]);
		(void)printf("canonical form, us of CPU|%.2f||\n", us[2]);
		(void)printf("peak RSS of the explorer, MiB|%.1f||\n", (double)usage.ru_maxrss / 1024);
	}
	yp_log_free(bench.log);
	yp_log_free(bench.recorded);
	yp_sim_free(bench.sim);
	return 0;
}
