/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shrinking: greedy, each step kept only if the case still fails with the same invariant. First cuts are left out,
 * then, from the last cut to the first, the choice is replaced by one that loses less: nothing lost, one write lost, a
 * prefix, then all subsets in the order of what they lose. A lost write costs two, a torn write three: a tear is
 * replaced by a loss if the loss shows the same failure.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "explore/replay.h"

#define RUNS_MAX          4000u
#define SUBSETS_MAX       12u /* pending elements, for all their subsets to be tried */
#define CHAIN_PARTS_TRIED 16u
#define ROUNDS_MAX        8u

struct shrinker {
	const struct yp_explore *explore;
	struct yp_case best;
	enum yp_invariant invariant;
	unsigned runs;
};

/* 1 if the case fails alike, 0 if not, or -errno. */
static int fails_alike(struct shrinker *s, const struct yp_case *c)
{
	struct yp_replayed replayed;
	if (s->runs++ >= RUNS_MAX)
		return 0;
	int r = yp_replayed_run(&replayed, s->explore, c);
	if (r == 0)
		r = replayed.outcome.verdict == YP_FAIL && replayed.outcome.invariant == s->invariant;
	else if (r == -EINVAL)
		r = 0; /* the cut does not fit the log it now meets */
	yp_replayed_deinit(&replayed);
	return r;
}

static uint64_t cut_cost(const struct yp_point *point, const struct yp_cut *cut)
{
	uint64_t lost = 0;
	uint32_t broken = 0;
	bool torn = false;
	for (size_t i = 0; i < point->elements_count; i++) {
		const struct yp_element *e = &point->elements[i];
		enum yp_fate fate = yp_element_fate(point, cut, e, &broken);
		if (fate == YP_FATE_LOST)
			lost += e->count;
		if (fate != YP_FATE_PART)
			continue;
		torn = cut->fill <= YP_FILL_ERASED;
		lost += cut->fill == YP_FILL_OMIT     ? 1
			: cut->fill == YP_FILL_ONLY   ? e->count - 1
			: cut->fill == YP_FILL_PREFIX ? e->count - cut->tear
						      : 1;
	}
	return lost * 2 + torn;
}

/* Tries another choice for cut i; keeps it if it is cheaper and fails. */
static int try_cut(struct shrinker *s, unsigned i, const struct yp_point *point, struct yp_cut cut, uint64_t *best_cost)
{
	struct yp_case c = s->best;
	cut.entry = c.cuts[i].entry;
	uint64_t price = cut_cost(point, &cut);
	if (price >= *best_cost)
		return 0;
	c.cuts[i] = cut;
	int r = fails_alike(s, &c);
	if (r != 1)
		return r;
	s->best = c;
	*best_cost = price;
	return 0;
}

/* One write less than all; the last first, because that is a prefix. */
static int try_omit_one(struct shrinker *s, unsigned i, const struct yp_point *point, uint64_t *best_cost)
{
	int r = 0;
	for (size_t n = point->elements_count; r == 0 && n-- > 0;) {
		const struct yp_element *e = &point->elements[n];
		if (e->forced)
			continue;
		if (e->count == 1) {
			r = try_cut(
			    s, i, point,
			    (struct yp_cut){.form = YP_FORM_OMIT, .a = e->optional, .b = e->optional, .torn = -1},
			    best_cost);
			continue;
		}
		for (uint32_t k = 0; r == 0 && k < e->count && k < CHAIN_PARTS_TRIED; k++) {
			/* From the end, and from the start if that is not enough. */
			uint32_t part = k % 2 ? k / 2 : e->count - 1 - k / 2;
			r = try_cut(
			    s, i, point,
			    (struct yp_cut){
				.form = YP_FORM_ALL, .torn = (int32_t)e->optional, .tear = part, .fill = YP_FILL_OMIT},
			    best_cost);
		}
	}
	return r;
}

static int try_subsets(struct shrinker *s, unsigned i, const struct yp_point *point, uint64_t *best_cost)
{
	uint32_t n = point->optional_count;
	int r = 0;
	for (uint32_t p = n; r == 0 && p-- > 0;)
		r = try_cut(s, i, point, (struct yp_cut){.form = p ? YP_FORM_PREFIX : YP_FORM_NONE, .a = p, .torn = -1},
			    best_cost);
	if (n > SUBSETS_MAX)
		return r;
	for (uint32_t lost = 2; r == 0 && lost < n; lost++) {
		for (uint64_t mask = (UINT64_C(1) << n) - 1; r == 0 && mask > 0; mask--) {
			if ((uint32_t)__builtin_popcountll(mask) == n - lost)
				r = try_cut(s, i, point, (struct yp_cut){.form = YP_FORM_SUBSET, .a = mask, .torn = -1},
					    best_cost);
		}
	}
	return r;
}

static int shrink_cut(struct shrinker *s, unsigned i)
{
	struct yp_replayed replayed;
	int r = yp_replayed_run(&replayed, s->explore, &s->best);
	if (r == 0) {
		const struct yp_point *point = &replayed.scenes[i].point;
		uint64_t best_cost = cut_cost(point, &s->best.cuts[i]);
		struct yp_cut whole = s->best.cuts[i];
		r = try_cut(s, i, point, (struct yp_cut){.form = YP_FORM_ALL, .torn = -1}, &best_cost);
		whole.torn = -1;
		whole.tear = 0;
		whole.fill = 0;
		if (r == 0)
			r = try_cut(s, i, point, whole, &best_cost);
		if (r == 0)
			r = try_omit_one(s, i, point, &best_cost);
		if (r == 0)
			r = try_subsets(s, i, point, &best_cost);
	}
	yp_replayed_deinit(&replayed);
	return r;
}

static int drop_cuts(struct shrinker *s)
{
	for (unsigned i = 0; s->best.count > 1 && i < s->best.count;) {
		struct yp_case c = s->best;
		memmove(&c.cuts[i], &c.cuts[i + 1], (c.count - i - 1) * sizeof c.cuts[0]);
		c.count--;
		int r = fails_alike(s, &c);
		if (r < 0)
			return r;
		if (r)
			s->best = c;
		else
			i++;
	}
	return 0;
}

static int write_sentence(const struct shrinker *s, char *sentence, size_t sentence_bytes)
{
	struct yp_replayed replayed;
	struct yp_text text = {sentence, sentence_bytes, 0};
	int r = yp_replayed_run(&replayed, s->explore, &s->best);
	if (sentence_bytes > 0)
		sentence[0] = 0;
	for (unsigned i = 0; r == 0 && i < replayed.count; i++) {
		if (i > 0)
			yp_text_add(&text, "; then, in the recovery, ");
		yp_text_cut(&text, replayed.image, &replayed.scenes[i]);
	}
	yp_replayed_deinit(&replayed);
	return r;
}

static bool same_case(const struct yp_case *x, const struct yp_case *y)
{
	char a[YP_CASE_TEXT_MAX];
	char b[YP_CASE_TEXT_MAX];
	if (yp_case_encode(x, a, sizeof a) < 0 || yp_case_encode(y, b, sizeof b) < 0)
		return true;
	return strcmp(a, b) == 0;
}

int yp_explore_shrink(const struct yp_explore *explore, const struct yp_case *failing, struct yp_case *out,
		      char *sentence, size_t sentence_bytes)
{
	assert(explore && failing && out);
	assert(sentence || sentence_bytes == 0);
	struct shrinker s = {.explore = explore, .best = *failing};
	struct yp_replayed replayed;
	int r = yp_replayed_run(&replayed, explore, failing);
	if (r == 0 && replayed.outcome.verdict != YP_FAIL)
		r = -EINVAL;
	if (r == 0)
		s.invariant = replayed.outcome.invariant;
	yp_replayed_deinit(&replayed);
	for (unsigned round = 0; r == 0 && round < ROUNDS_MAX; round++) {
		struct yp_case before = s.best;
		r = drop_cuts(&s);
		for (unsigned i = s.best.count; r == 0 && i-- > 0;)
			r = shrink_cut(&s, i);
		if (same_case(&before, &s.best))
			break;
	}
	if (r == 0)
		r = write_sentence(&s, sentence, sentence_bytes);
	if (r == 0)
		*out = s.best;
	return r;
}
