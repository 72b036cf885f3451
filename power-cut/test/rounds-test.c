/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: exploring in rounds judges the same states as exploring one at a time; what is not run is said to be so;
 * a class whose members end differently, and a bootloader that is not a function of what it reads, are found out. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/explore.h"
#include "test/toy-device.h"

/* Machines that run the toy. A state is reached as on a real machine: cut by cut, from the base. */
struct fleet {
	struct toy *toy;
	const struct yp_explore *explore;
	size_t budget; /* runs */
	size_t asked;  /* jobs */
	unsigned most_again;
	bool firm_moody; /* the first write of a run differs by the run */
	/* of the classes told */
	uint64_t classes, states, runs, of_one_cut, unrun;
};

static int on_class(void *ctx, const struct yp_class_end *end)
{
	struct fleet *f = ctx;
	f->classes++;
	f->states += end->states;
	f->runs += end->runs;
	f->of_one_cut += end->cuts == 1;
	f->unrun += end->runs == 0;
	cr_expect_eq(end->runs == 0, *end->label == 0, "%u runs end in '%s'", end->runs, end->label);
	return 0;
}

static int run_one(struct fleet *f, struct yp_job *job)
{
	struct yp_image *image = NULL;
	struct yp_log *log = NULL;
	int r = yp_image_copy(f->explore->base, &image);
	for (unsigned i = 0; r == 0 && i < job->c.count; i++) {
		r = yp_case_state(log ? log : f->explore->log, &job->c.cuts[i], image);
		yp_log_free(log);
		log = NULL;
		if (r == 0)
			r = yp_log_new(&f->toy->layout, f->toy->pool, &log);
		if (r == 0)
			r = f->explore->rig->recover(f->explore->rig->ctx, image, log, &job->outcome);
	}
	yp_image_free(image);
	if (r < 0) {
		yp_log_free(log);
		return r;
	}
	job->log = log;
	/* The first two things that it does are reads of the copies: the counter comes later. */
	job->firm = 2;
	if (f->firm_moody)
		job->firm = f->asked % 2 ? yp_log_count(log) : 2;
	return 0;
}

static int recover_jobs(void *ctx, struct yp_job *jobs, size_t count)
{
	struct fleet *f = ctx;
	int r = 0;
	/* Backwards: the order in which they run must not matter. */
	for (size_t i = count; r == 0 && i-- > 0;) {
		f->asked++;
		if (jobs[i].again > f->most_again)
			f->most_again = jobs[i].again;
		if (f->budget > 0) {
			f->budget--;
			r = run_one(f, &jobs[i]);
		}
	}
	return r;
}

static int explore_toy(struct toy *toy, struct fleet *fleet, unsigned class_runs, struct yp_stats *stats)
{
	struct yp_explore e = toy_explore(toy);
	fleet->toy = toy;
	fleet->explore = &e;
	struct yp_rounds how = {
	    .class_runs = class_runs, .ctx = fleet, .recover = recover_jobs, .on_class = on_class, .class_ctx = fleet};
	return yp_explore_rounds(&e, &how, stats);
}

/* Kills: a round that forgets classes, or counts a state twice. */
Test(rounds, they_judge_what_the_explorer_judges)
{
	for (int fragile = 0; fragile < 2; fragile++) {
		struct toy toy = {.fragile = fragile};
		struct fleet fleet = {.budget = SIZE_MAX};
		struct yp_stats one;
		struct yp_stats many;
		toy_init(&toy, YP_MODEL_TORN);
		toy.rig.canon = toy_canon;
		struct yp_explore e = toy_explore(&toy);
		cr_assert_eq(yp_explore_run(&e, &one), 0);
		cr_assert_eq(explore_toy(&toy, &fleet, 3, &many), 0);
		cr_expect_eq(many.failed > 0, one.failed > 0);
		cr_expect_eq(many.closed, one.closed);
		cr_expect_geq(many.distinct, one.distinct);
		cr_expect_geq(many.canonical, one.canonical);
		cr_expect_eq(many.run, many.canonical * 3, "%lu runs of %lu classes", (unsigned long)many.run,
			     (unsigned long)many.canonical);
		cr_expect_eq(many.audited, many.canonical * 2);
		cr_expect_eq(many.disagreed, 0u, "%s", many.disagreement);
		cr_expect_eq(many.unrun, 0u);
		cr_expect_gt(fleet.most_again, 0u, "no class with a single member");
		cr_expect_eq(fleet.classes, many.canonical);
		cr_expect_eq(fleet.runs, many.run);
		cr_expect_gt(fleet.of_one_cut, 0u);
		cr_expect_lt(fleet.of_one_cut, fleet.classes, "later cuts find classes of their own");
		if (!fragile)
			cr_expect_eq(fleet.states, many.distinct, "each state is of one class");
		toy_deinit(&toy);
	}
}

/* Kills: order of runs in ids or digest. */
Test(rounds, the_same_again_gives_the_same_digest)
{
	struct yp_stats stats[2];
	for (unsigned i = 0; i < 2; i++) {
		struct toy toy = {.count_boots = true};
		struct fleet fleet = {.budget = SIZE_MAX};
		toy_init(&toy, YP_MODEL_TORN);
		toy.rig.canon = toy_canon;
		cr_assert_eq(explore_toy(&toy, &fleet, 1, &stats[i]), 0);
		toy_deinit(&toy);
	}
	cr_expect_eq(stats[0].digest, stats[1].digest);
	cr_expect_eq(stats[0].distinct, stats[1].distinct);
	cr_expect_gt(stats[0].settled, 0u);
	cr_expect_gt(stats[0].settled_firm, 0u);
}

/* Kills: "closed" although the budget ended; classes that were not booted and are not reported. */
Test(rounds, a_spent_budget_bounds_the_claim)
{
	struct toy toy = {0};
	struct fleet fleet = {.budget = 2};
	struct yp_stats stats;
	toy_init(&toy, YP_MODEL_TORN);
	toy.rig.canon = toy_canon;
	cr_assert_eq(explore_toy(&toy, &fleet, 3, &stats), 0);
	cr_expect_eq(stats.run, 2u);
	cr_expect_not(stats.closed);
	cr_expect_eq(stats.unrun, stats.canonical - 2u);
	cr_expect_eq(fleet.unrun, stats.unrun);
	cr_expect_gt(stats.distinct, stats.run, "what is not run is enumerated and inspected all the same");
	toy_deinit(&toy);
}

/* Kills: a class that counts as settled after its first run. */
Test(rounds, members_that_end_differently_are_found_out)
{
	struct toy toy = {.moody = true};
	struct fleet fleet = {.budget = SIZE_MAX};
	struct yp_stats stats;
	toy_init(&toy, YP_MODEL_TORN);
	toy.rig.canon = toy_canon;
	cr_assert_eq(explore_toy(&toy, &fleet, 3, &stats), 0);
	cr_expect_gt(stats.disagreed, 0u);
	cr_expect_not(stats.closed);
	toy_deinit(&toy);
}

/* Kills: reads of the bootloader taken for all that it depends on without a check. */
Test(rounds, a_bootloader_that_is_not_repeatable_is_found_out)
{
	struct toy toy = {.count_boots = true};
	struct fleet fleet = {.budget = SIZE_MAX, .firm_moody = true};
	struct yp_stats stats;
	toy_init(&toy, YP_MODEL_TORN);
	toy.rig.canon = toy_canon;
	cr_assert_eq(explore_toy(&toy, &fleet, 3, &stats), 0);
	cr_expect_gt(stats.disagreed, 0u);
	toy_deinit(&toy);
}

Test(rounds, bad_numbers_of_runs_are_refused)
{
	struct toy toy = {0};
	struct fleet fleet = {.budget = SIZE_MAX};
	struct yp_stats stats;
	toy_init(&toy, YP_MODEL_TORN);
	cr_expect_eq(explore_toy(&toy, &fleet, 0, &stats), -EINVAL);
	cr_expect_eq(explore_toy(&toy, &fleet, YP_CLASS_RUNS_MAX + 1, &stats), -EINVAL);
	toy_deinit(&toy);
}
