/* SPDX-License-Identifier: Apache-2.0 */
/* Closure, settling, audits, replay and shrinking, on a toy device whose defects are known. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/toy-device.h"

static struct yp_stats explore_toy(struct toy *toy, enum yp_model model)
{
	struct yp_stats stats;
	toy_init(toy, model);
	struct yp_explore e = toy_explore(toy);
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	toy_deinit(toy);
	return stats;
}

/* Invariant: a sound subject passes under every storage model that keeps its promises, and the exploration closes. */
Test(explore, the_sound_subject_passes_and_closes)
{
	for (int model = 0; model < YP_MODEL_COUNT; model++) {
		if (model == YP_MODEL_LYING_FLUSH)
			continue;
		struct yp_stats stats = explore_toy(&(struct toy){.slot_writes = 4}, (enum yp_model)model);
		cr_assert_eq(stats.failed, 0, "model %d: %lu failed", model, (unsigned long)stats.failed);
		cr_assert(stats.closed, "model %d", model);
		cr_assert_eq(stats.disagreed, 0, "model %d: %s", model, stats.disagreement);
		cr_assert_eq(stats.canonical, stats.run + stats.settled);
		cr_assert_leq(stats.distinct, stats.enumerated);
		cr_assert_leq(stats.canonical, stats.distinct);
		cr_assert_geq(stats.canonical, 3, "model %d: too little was explored", model);
	}
}

/* Invariant: a flush that is promised but not kept breaks even a sound subject. */
Test(explore, a_lying_flush_breaks_the_sound_subject)
{
	cr_assert_gt(explore_toy(&(struct toy){0}, YP_MODEL_LYING_FLUSH).failed, 0);
}

/* Invariant: prefixes do not see a missing flush before the flip, tears do not help, subsets see it at once. */
Test(explore, only_subsets_see_the_missing_flush)
{
	cr_assert_eq(explore_toy(&(struct toy){.no_flush = true, .one_disk = true}, YP_MODEL_ORDERED).failed, 0);
	cr_assert_gt(explore_toy(&(struct toy){.no_flush = true, .one_disk = true}, YP_MODEL_VOLATILE_CACHE).failed, 0);
	/* As one chain beside the record, and as more writes than all subsets are tried of. */
	cr_assert_gt(
	    explore_toy(&(struct toy){.no_flush = true, .bulk = true, .slot_writes = 16}, YP_MODEL_VOLATILE_CACHE)
		.failed,
	    0);
	cr_assert_gt(explore_toy(&(struct toy){.no_flush = true, .slot_writes = 16}, YP_MODEL_VOLATILE_CACHE).failed,
		     0);
}

/* Invariant: tears are found where writes are torn, and only there. */
Test(explore, tears_break_the_copy_that_holds)
{
	cr_assert_eq(explore_toy(&(struct toy){.active_copy = true}, YP_MODEL_VOLATILE_CACHE).failed, 0);
	cr_assert_gt(explore_toy(&(struct toy){.active_copy = true}, YP_MODEL_TORN).failed, 0);
	cr_assert_gt(explore_toy(&(struct toy){.active_copy = true}, YP_MODEL_NOR).failed, 0);
	cr_assert_eq(explore_toy(&(struct toy){.no_checksum = true}, YP_MODEL_VOLATILE_CACHE).failed, 0);
	cr_assert_gt(explore_toy(&(struct toy){.no_checksum = true}, YP_MODEL_TORN).failed, 0);
}

/* Invariant: what the world saw before the cut is part of a state. */
Test(explore, the_world_remembers)
{
	cr_assert_gt(explore_toy(&(struct toy){.tell_early = true}, YP_MODEL_VOLATILE_CACHE).failed, 0);
}

struct first {
	struct yp_case c;
	struct yp_outcome outcome;
	char id[YP_CASE_TEXT_MAX];
	char step[16];
	unsigned count;
	bool found;
};

static int keep_first_failure(void *ctx, const char *id, const struct yp_case *c, const char *step,
			      const struct yp_outcome *outcome, bool settled)
{
	struct first *f = ctx;
	(void)settled;
	f->count++;
	if (outcome->verdict != YP_FAIL || f->found)
		return 0;
	f->found = true;
	f->c = *c;
	f->outcome = *outcome;
	(void)snprintf(f->id, sizeof f->id, "%s", id);
	(void)snprintf(f->step, sizeof f->step, "%s", step);
	return 0;
}

/* Invariant: a recovery that does not stand a second cut is found by closure and not by one cut. */
Test(explore, closure_finds_what_needs_two_cuts)
{
	struct toy toy = {.fragile = true};
	struct first first = {0};
	struct yp_stats stats;
	toy_init(&toy, YP_MODEL_TORN);
	struct yp_explore e = toy_explore(&toy);
	e.on_case = keep_first_failure;
	e.case_ctx = &first;
	e.limits.depth_max = 1;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert_eq(stats.failed, 0);
	cr_assert_not(stats.closed, "states at the last depth were not explored");
	e.limits.depth_max = 0;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert_gt(stats.failed, 0);
	cr_assert(stats.closed);
	cr_assert_eq(first.c.count, 2, "breadth first: the fewest cuts come first");
	cr_assert_eq(first.outcome.invariant, YP_I1);
	toy_deinit(&toy);
}

/* Invariant: a counter that grows keeps the frontier open for ever, unless the canonical form leaves it out; a bound
 * that was hit is reported. */
Test(explore, counters_need_a_canonical_form)
{
	struct toy toy = {.count_boots = true};
	struct yp_stats stats;
	toy_init(&toy, YP_MODEL_VOLATILE_CACHE);
	struct yp_explore e = toy_explore(&toy);
	e.limits.states_max = 40;
	e.limits.audit_fraction = 0;
	toy.rig.canon = NULL;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert_not(stats.closed);
	cr_assert_eq(stats.distinct, 40);
	/* Cuts in a row are bounded as well, by what a case can name. */
	e.limits.states_max = 0;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert_not(stats.closed);
	cr_assert_gt(stats.depth, 30);
	toy.rig.canon = toy_canon;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert(stats.closed);
	cr_assert_lt(stats.canonical, 100);
	e.limits.runs_max = 1;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert_not(stats.closed);
	cr_assert_eq(stats.run, 1);
	toy_deinit(&toy);
}

/* Invariant: a canonical form that calls different states equal is caught by the audit; a correct one is not. */
Test(explore, the_audit_catches_a_canonical_form_that_lies)
{
	for (unsigned lie = 0; lie < 3; lie++) {
		struct toy toy = {.no_flush = true, .canon_lies = lie == 1, .canon_short = lie == 2};
		struct yp_stats stats;
		toy_init(&toy, YP_MODEL_TORN);
		struct yp_explore e = toy_explore(&toy);
		e.limits.audit_fraction = 1;
		cr_assert_eq(yp_explore_run(&e, &stats), 0);
		cr_assert_eq(stats.disagreed > 0, lie > 0, "lie %u: %s", lie, stats.disagreement);
		cr_assert_eq(stats.closed, lie == 0, "a closure that rests on a lie is none");
		cr_assert_eq(*stats.disagreement != 0, lie > 0);
		toy_deinit(&toy);
	}
}

/* Subjects of one medium with four sectors, for what the toy does not do. */
struct mini {
	struct yp_layout layout;
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_log *log;
};

static void mini_write(struct yp_log *log, uint64_t sector, uint8_t value)
{
	uint8_t data[YP_SECTOR_BYTES];
	memset(data, value, sizeof data);
	cr_assert_eq(yp_log_write(log, 0, sector, 1, data, false), 0);
}

static void mini_init(struct mini *mini)
{
	const struct yp_region rest = {"rest", 0, 1, 3};
	const uint8_t data[YP_SECTOR_BYTES] = {1};
	mini->layout = (struct yp_layout){.count = 1, .media = {{"disk", 4, YP_MODEL_VOLATILE_CACHE, false}}};
	cr_assert_eq(yp_pool_new(&mini->pool), 0);
	cr_assert_eq(yp_image_new(&mini->layout, mini->pool, &mini->base), 0);
	cr_assert_eq(yp_image_region_add(mini->base, &rest, NULL), 0);
	cr_assert_eq(yp_image_write(mini->base, 0, 0, 1, data), 0);
	cr_assert_eq(yp_log_new(&mini->layout, mini->pool, &mini->log), 0);
}

static void mini_run(struct mini *mini, const struct yp_rig *rig, struct yp_stats *stats)
{
	struct yp_explore e = {.rig = rig, .base = mini->base, .log = mini->log, .limits = {.audit_fraction = 1}};
	cr_assert_eq(yp_explore_run(&e, stats), 0);
	yp_log_free(mini->log);
	yp_image_free(mini->base);
	yp_pool_free(mini->pool);
}

static int mini_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	(void)ctx;
	(void)before;
	*out = yp_image_region_hash(state, 0);
	return 0;
}

/* Sector 0 is a flag: if it is set, recovery writes sector 1. */
static int recover_by_flag(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	(void)ctx;
	(void)out;
	cr_assert_eq(yp_log_read(log, 0, 0, 1), 0);
	if (yp_image_get(start, 0, 0) != 0)
		mini_write(log, 1, 9);
	return 0;
}

/* Invariant: a canonical form that hides a difference which only the next recovery shows is caught. */
Test(explore, the_audit_looks_one_recovery_ahead)
{
	const struct yp_rig rig = {.recover = recover_by_flag, .canon = mini_canon};
	struct mini mini;
	struct yp_stats stats;
	mini_init(&mini);
	mini_write(mini.log, 0, 0); /* the plain cut, with the flag cleared, comes first and stands for the other */
	mini_run(&mini, &rig, &stats);
	cr_assert_gt(stats.disagreed, 0);
	cr_assert(strstr(stats.disagreement, "leads to"), "%s", stats.disagreement);
	cr_assert_not(stats.closed);
}

static int recover_nothing(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	(void)ctx;
	(void)start;
	(void)log;
	(void)out;
	return 0;
}

static int inspect_flag(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_outcome *out)
{
	(void)ctx;
	(void)before;
	if (yp_image_get(state, 0, 0) == 0)
		out->verdict = YP_FAIL;
	return 0;
}

/* Invariant: bytes that a canonical form leaves out are still judged, in every distinct state. */
Test(explore, every_distinct_state_is_inspected)
{
	struct yp_rig rig = {.recover = recover_nothing, .canon = mini_canon};
	for (unsigned inspected = 0; inspected < 2; inspected++) {
		struct mini mini;
		struct yp_stats stats;
		mini_init(&mini);
		mini_write(mini.log, 2, 5);
		mini_write(mini.log, 0, 0);
		rig.inspect = inspected ? inspect_flag : NULL;
		mini_run(&mini, &rig, &stats);
		cr_assert_gt(stats.distinct, stats.canonical);
		cr_assert_eq(stats.failed > 0, inspected == 1, "%lu failed", (unsigned long)stats.failed);
	}
}

static int recover_own(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	(void)ctx;
	(void)start;
	(void)out;
	mini_write(log, 0, 9);
	mini_write(log, 1, 9);
	cr_assert_eq(yp_log_read(log, 0, 0, 3), 0);
	cr_assert_eq(yp_log_read(log, 0, 0, 2), 0);
	return 0;
}

/* Invariant: a read of what the run itself wrote is no dependency, sector by sector, for any flags of the recorder. */
Test(explore, own_writes_are_no_dependency)
{
	const struct yp_rig rig = {.recover = recover_own};
	struct mini mini;
	struct yp_stats stats;
	mini_init(&mini);
	for (unsigned s = 0; s < 4; s++)
		mini_write(mini.log, s, 5);
	mini_run(&mini, &rig, &stats);
	cr_assert(stats.closed);
	cr_assert_eq(stats.run, 2, "one for each content of sector 2, not %lu", (unsigned long)stats.run);
	cr_assert_gt(stats.settled, 14);
	cr_assert_eq(stats.disagreed, 0, "%s", stats.disagreement);
}

/* Invariant: a rig that is not deterministic is caught. */
Test(explore, the_audit_catches_a_moody_rig)
{
	struct toy toy = {.moody = true};
	struct yp_stats stats;
	toy_init(&toy, YP_MODEL_TORN);
	struct yp_explore e = toy_explore(&toy);
	e.limits.audit_fraction = 1;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert_gt(stats.disagreed, 0);
	cr_assert_not(stats.closed);
	toy_deinit(&toy);
}

/* Invariant: settling skips runs and changes nothing: the same ids, verdicts and labels come out if everything is run.
 */
Test(explore, settling_skips_runs_and_changes_nothing)
{
	for (unsigned bug = 0; bug < 3; bug++) {
		struct toy settling = {.no_flush = bug == 1, .fragile = bug == 2, .slot_writes = 4};
		struct toy running = {.no_flush = bug == 1, .fragile = bug == 2, .slot_writes = 4, .reads_all = true};
		struct yp_stats a = explore_toy(&settling, YP_MODEL_TORN);
		struct yp_stats b = explore_toy(&running, YP_MODEL_TORN);
		cr_assert(bug == 2 || a.settled > a.run, "most states differ where nothing reads");
		/* Only the same image with another world can be settled then. */
		cr_assert_lt(b.settled, a.settled);
		cr_assert_lt(a.run, b.run);
		cr_assert_eq(a.canonical, b.canonical);
		cr_assert_eq(a.failed, b.failed);
	}
}

struct replay {
	const struct yp_explore *e;
	unsigned count, deep;
};

static int replay_case(void *ctx, const char *id, const struct yp_case *c, const char *step,
		       const struct yp_outcome *outcome, bool settled)
{
	struct replay *r = ctx;
	struct yp_case decoded;
	struct yp_image *state = NULL;
	struct yp_outcome again;
	char story[4096];
	(void)step;
	(void)settled;
	cr_assert_eq(yp_case_decode(id, &decoded), 0, "%s", id);
	cr_assert_eq(decoded.count, c->count);
	/* An explorer of its own: replay must not need the one that runs. */
	cr_assert_eq(yp_explore_replay(r->e, &decoded, &state, &again, story, sizeof story), 0, "%s", id);
	cr_assert_eq(again.verdict, outcome->verdict, "%s", id);
	cr_assert_str_eq(again.label, outcome->label, "%s", id);
	cr_assert(strstr(story, outcome->label), "%s", story);
	yp_image_free(state);
	r->count++;
	r->deep += c->count > 1;
	return 0;
}

/* Invariant: every case that an exploration names is reproduced by its id alone. */
Test(explore, replay_reproduces_every_case)
{
	for (int model = 0; model < YP_MODEL_COUNT; model++) {
		struct toy toy = {.no_flush = true,
				  .fragile = true,
				  .slot_writes = model == YP_MODEL_VOLATILE_CACHE ? 12 : 2,
				  .bulk = model == YP_MODEL_TORN};
		struct yp_stats stats;
		toy_init(&toy, (enum yp_model)model);
		struct yp_explore e = toy_explore(&toy);
		struct replay r = {&e, 0, 0};
		e.on_case = replay_case;
		e.case_ctx = &r;
		e.limits.states_max = 2500;
		cr_assert_eq(yp_explore_run(&e, &stats), 0);
		cr_assert_eq(r.count, stats.canonical);
		cr_assert(model != YP_MODEL_TORN || r.deep > 0);
		toy_deinit(&toy);
	}
}

/* Invariant: a case that does not fit the log is refused, not bent. */
Test(explore, replay_refuses_what_does_not_fit)
{
	static const char *const ids[] = {"99.a.0.0",      "5.s.4096.0",    "5.p.99.0",      "5.o.0.9",
					  "5.a.0.0t9.1.0", "5.a.0.0t0.2.0", "5.a.0.0t0.0.4", "5.s32.0.0"};
	struct toy toy = {0};
	toy_init(&toy, YP_MODEL_TORN);
	struct yp_explore e = toy_explore(&toy);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct yp_case c;
		struct yp_image *state = NULL;
		struct yp_outcome outcome;
		cr_assert_eq(yp_case_decode(ids[i], &c), 0, "%s", ids[i]);
		cr_assert_lt(yp_explore_replay(&e, &c, &state, &outcome, NULL, 0), 0, "%s", ids[i]);
		cr_assert_null(state);
	}
	toy_deinit(&toy);
}

static void shrink_toy(struct toy *toy, enum yp_model model, struct yp_case *out, char *sentence, size_t sentence_bytes)
{
	struct first first = {0};
	struct yp_stats stats;
	toy_init(toy, model);
	struct yp_explore e = toy_explore(toy);
	e.on_case = keep_first_failure;
	e.case_ctx = &first;
	e.stop_at_first_failure = true;
	cr_assert_eq(yp_explore_run(&e, &stats), 0);
	cr_assert(first.found);
	cr_assert_not(stats.closed);
	cr_assert_eq(stats.failed, 1);
	cr_assert_eq(yp_explore_shrink(&e, &first.c, out, sentence, sentence_bytes), 0);
	struct yp_image *state;
	struct yp_outcome outcome;
	cr_assert_eq(yp_explore_replay(&e, out, &state, &outcome, NULL, 0), 0);
	cr_assert_eq(outcome.verdict, YP_FAIL);
	cr_assert_eq(outcome.invariant, first.outcome.invariant);
	yp_image_free(state);
	toy_deinit(toy);
}

/* Invariant: a shrunk case still fails alike, and its sentence names the lost and the surviving write. */
Test(explore, shrinking_ends_in_one_sentence)
{
	struct yp_case c;
	char sentence[512];
	shrink_toy(&(struct toy){.no_flush = true, .slot_writes = 8}, YP_MODEL_VOLATILE_CACHE, &c, sentence,
		   sizeof sentence);
	cr_assert_eq(c.count, 1);
	cr_assert_str_eq(sentence,
			 "copy 1 (S10 write) persisted without slot 2 + 7 KiB (S06 write): no flush between them");
	shrink_toy(&(struct toy){.no_flush = true, .slot_writes = 8, .bulk = true}, YP_MODEL_TORN, &c, sentence,
		   sizeof sentence);
	cr_assert_str_eq(sentence, "copy 1 (S10 write) persisted without slot 2 (S06 write): no flush between them");
	shrink_toy(&(struct toy){.active_copy = true}, YP_MODEL_TORN, &c, sentence, sizeof sentence);
	cr_assert_eq(c.count, 1);
	cr_assert(strstr(sentence, "copy 0 (S10 write) torn: only its "), "%s", sentence);
	shrink_toy(&(struct toy){.fragile = true}, YP_MODEL_TORN, &c, sentence, sizeof sentence);
	cr_assert_eq(c.count, 2);
	cr_assert(strstr(sentence, "; then, in the recovery, "), "%s", sentence);
}

/* Invariant: cuts and losses that are not needed for the failure are removed. */
Test(explore, shrinking_leaves_out_what_does_not_matter)
{
	struct toy toy = {.no_flush = true, .slot_writes = 8};
	struct yp_case c;
	char sentence[512];
	toy_init(&toy, YP_MODEL_VOLATILE_CACHE);
	struct yp_explore e = toy_explore(&toy);
	/* Of nine writes only the last, the record, survives; then two more cuts that lose nothing. */
	cr_assert_eq(yp_case_decode("11.k.8.8-0.a.0.0-0.n.0.0", &c), 0);
	cr_assert_eq(yp_explore_shrink(&e, &c, &c, sentence, sizeof sentence), 0);
	cr_assert_eq(c.count, 1);
	cr_assert_str_eq(sentence,
			 "copy 1 (S10 write) persisted without slot 2 + 7 KiB (S06 write): no flush between them");
	toy_deinit(&toy);
}

/* Invariant: a case that passes is not shrunk into a failure. */
Test(explore, shrinking_refuses_a_case_that_passes)
{
	struct toy toy = {0};
	struct yp_case c;
	char sentence[64];
	toy_init(&toy, YP_MODEL_TORN);
	struct yp_explore e = toy_explore(&toy);
	cr_assert_eq(yp_case_decode("1.a.0.0", &c), 0);
	cr_assert_eq(yp_explore_shrink(&e, &c, &c, sentence, sizeof sentence), -EINVAL);
	toy_deinit(&toy);
}

/* Invariant: same seed, same digest; another subject, another digest. */
Test(explore, the_digest_is_stable)
{
	struct yp_stats a = explore_toy(&(struct toy){.slot_writes = 12, .no_flush = true}, YP_MODEL_VOLATILE_CACHE);
	struct yp_stats b = explore_toy(&(struct toy){.slot_writes = 12, .no_flush = true}, YP_MODEL_VOLATILE_CACHE);
	struct yp_stats c = explore_toy(&(struct toy){.slot_writes = 12}, YP_MODEL_VOLATILE_CACHE);
	cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
	cr_assert_neq(a.digest, c.digest);
	cr_assert_gt(a.sampled, 0, "twelve writes are too many for all subsets");
	cr_assert_eq(c.sampled > 0, true);
}

static int stop_at_third(void *ctx, const char *id, const struct yp_case *c, const char *step,
			 const struct yp_outcome *outcome, bool settled)
{
	unsigned *count = ctx;
	(void)id;
	(void)c;
	(void)step;
	(void)outcome;
	(void)settled;
	return ++*count == 3 ? -ECANCELED : 0;
}

/* Invariant: the sink can stop an exploration, and its answer is forwarded. */
Test(explore, the_sink_can_stop_it)
{
	struct toy toy = {0};
	struct yp_stats stats;
	unsigned count = 0;
	toy_init(&toy, YP_MODEL_TORN);
	struct yp_explore e = toy_explore(&toy);
	e.on_case = stop_at_third;
	e.case_ctx = &count;
	cr_assert_eq(yp_explore_run(&e, &stats), -ECANCELED);
	cr_assert_eq(count, 3);
	cr_assert_not(stats.closed);
	toy_deinit(&toy);
}
