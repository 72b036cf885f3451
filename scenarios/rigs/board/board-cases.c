/* SPDX-License-Identifier: Apache-2.0 */
/* Plans a board's cuts: every step of the transaction in each round, several in one update, to need few boots. */
#include "rigs/board/board-cases.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/random.h"

#define DELAY_SWEEP_US 60000u
#define DELAY_AIMED_US 5000u

const char *const yp_board_checks[] = {"update",          "environment",         "torn-environment",
				       "flush",           "quick-cycles",        "trial-counts",
				       "limit-goes-back", "downgrade",           "first-install",
				       "no-clock",        "brown-out",           "watchdog",
				       "watchdog-kernel", "watchdog-bootloader", NULL};

static const struct yp_subject_cuts *find_cuts(const struct yp_listing *listing)
{
	const struct yp_subject_cuts *cuts = listing->scenario->subject->cuts;
	assert(cuts); /* board_absent() saw to it */
	return cuts;
}

static unsigned count_texts(const char *const *list)
{
	unsigned count = 0;
	while (list[count])
		count++;
	return count;
}

static int decode_cut(const char *text, struct yp_board_cut *out, const char **after)
{
	size_t length = strspn(text, "SR0123456789");
	char *end;
	if (length < 2 || length > 3)
		return -EINVAL;
	memcpy(out->step, text, length);
	out->step[length] = 0;
	out->mode = text[length];
	if (!out->mode || !strchr("hgn", out->mode) || text[length + 1] < '0' || text[length + 1] > '9')
		return -EINVAL;
	unsigned long value = strtoul(text + length + 1, &end, 10);
	if (value > YP_BOARD_DELAY_MAX_US)
		return -EINVAL;
	out->delay_us = (uint32_t)value;
	*after = end;
	return 0;
}

int yp_board_plan_decode(const char *text, struct yp_board_plan *out)
{
	const char *at = text;
	*out = (struct yp_board_plan){0};
	if (strncmp(at, "cut:", 4) != 0)
		return -EINVAL;
	at += 4;
	while (out->count < YP_BOARD_CUTS_MAX) {
		if (decode_cut(at, &out->cuts[out->count++], &at))
			return -EINVAL;
		if (*at != '-')
			break;
		at++;
	}
	char *end;
	if (*at != '/' || at[1] < '0' || at[1] > '9')
		return -EINVAL;
	unsigned long seed = strtoul(at + 1, &end, 10);
	out->seed = (uint32_t)seed;
	return *end || seed > UINT32_MAX ? -EINVAL : 0;
}

void yp_board_plan_encode(const struct yp_board_plan *plan, char out[YP_ID_LISTED_MAX])
{
	size_t used = (size_t)snprintf(out, YP_ID_LISTED_MAX, "cut:");
	for (unsigned i = 0; i < plan->count && used < YP_ID_LISTED_MAX; i++)
		used += (size_t)snprintf(out + used, YP_ID_LISTED_MAX - used, "%s%s%c%u", i ? "-" : "",
					 plan->cuts[i].step, plan->cuts[i].mode, plan->cuts[i].delay_us);
	if (used < YP_ID_LISTED_MAX)
		(void)snprintf(out + used, YP_ID_LISTED_MAX - used, "/%u", plan->seed);
}

void yp_board_plan_holds(const struct yp_board_plan *plan, char *out, size_t out_bytes)
{
	size_t used = 0;
	(void)snprintf(out, out_bytes, "none");
	for (unsigned i = 0; i < plan->count && used < out_bytes; i++) {
		if (plan->cuts[i].mode != 'n')
			used +=
			    (size_t)snprintf(out + used, out_bytes - used, "%s%s", used ? "," : "", plan->cuts[i].step);
	}
}

static int list_case(struct yp_listing *listing, const struct yp_fault *fault, const char *id)
{
	/* The fault is what the text begins with: "cut:S05", "check:flush". */
	if (strncmp(id, fault->match, strlen(fault->match)) != 0)
		return 0;
	return yp_listing_add(listing, id, "PWR-01", NULL);
}

/* Is a free cut at this step one of the fault's? */
static bool has_step(const struct yp_fault *fault, const char *step)
{
	char id[16];
	(void)snprintf(id, sizeof id, "cut:%.3sn", step);
	return strncmp(id, fault->match, strlen(fault->match)) == 0;
}

/* Of the plan's first `count` cuts those that are the fault's; with a step only those at it. */
static unsigned count_free(const struct yp_fault *fault, const char *const *free_steps, unsigned count,
			   const char *step)
{
	unsigned all = count_texts(free_steps);
	unsigned found = 0;
	for (unsigned i = 0; i < count; i++) {
		const char *at = free_steps[i % all];
		found += has_step(fault, at) && (!step || strcmp(at, step) == 0);
	}
	return found;
}

/* The turn-th of `turns` cuts at a step. What is drawn follows from `state` alone, measured or not. */
static int list_cut(const struct yp_board_timing *timing, uint64_t *state, const char *step, unsigned turn,
		    unsigned turns, uint32_t sweep_us, struct yp_listing *listing)
{
	struct yp_board_plan plan = {.count = 1, .seed = (uint32_t)(yp_random_next(state) >> 40)};
	struct yp_board_cut *cut = &plan.cuts[0];
	char id[YP_ID_LISTED_MAX];
	uint32_t length_us;
	uint32_t switch_us;
	(void)snprintf(cut->step, sizeof cut->step, "%.3s", step);
	cut->mode = 'n';
	cut->delay_us = (uint32_t)(yp_random_next(state) % sweep_us);
	if (yp_board_timing_median(timing, step, &length_us, &switch_us))
		cut->delay_us = yp_board_delay_us(length_us, switch_us, plan.seed, turn, turns);
	yp_board_plan_encode(&plan, id);
	return yp_listing_add(listing, id, "PWR-01", NULL);
}

int yp_board_list_free(const struct yp_fault *fault, uint64_t seed, const struct yp_board_timing *timing,
		       unsigned *next, struct yp_listing *listing)
{
	const char *const *free_steps = find_cuts(listing)->free_steps;
	unsigned all = count_texts(free_steps);
	unsigned total = (fault->rounds ? fault->rounds : 1) * all;
	size_t before = listing->count;
	int result = 0;
	while (!result && listing->count == before && *next < total) {
		unsigned at = (*next)++;
		const char *step = free_steps[at % all];
		/* All of the plan is drawn in order, so that a case does not depend on which ones were listed. */
		uint64_t state = seed;
		for (unsigned i = 0; i < 2 * at; i++)
			(void)yp_random_next(&state);
		if (!has_step(fault, step))
			continue;
		listing->sample = fault->sample;
		listing->seen = count_free(fault, free_steps, at, NULL);
		result = list_cut(timing, &state, step, count_free(fault, free_steps, at, step),
				  count_free(fault, free_steps, total, step), DELAY_SWEEP_US, listing);
	}
	return result;
}

int yp_board_list_cases(const struct yp_fault *fault, uint64_t seed, struct yp_listing *listing)
{
	uint64_t state = seed;
	unsigned rounds = fault->rounds ? fault->rounds : 1;
	char id[YP_ID_LISTED_MAX];
	int result = 0;
	for (unsigned i = 0; !result && fault->board == YP_BOARD_CHECKS && yp_board_checks[i]; i++) {
		(void)snprintf(id, sizeof id, "check:%s", yp_board_checks[i]);
		result = list_case(listing, fault, id);
	}
	for (unsigned round = 0; !result && fault->board == YP_BOARD_CUTS && round < rounds; round++) {
		const char *const *chains = find_cuts(listing)->chains;
		for (; !result && *chains; chains++) {
			(void)snprintf(id, sizeof id, "cut:%s/%u", *chains, (unsigned)(yp_random_next(&state) >> 40));
			result = list_case(listing, fault, id);
		}
	}
	return result;
}

/* ---- the budget beyond the plan ---- */

void yp_board_tally_hit(struct yp_board_tally *tally, const char *step)
{
	unsigned i = 0;
	while (i < tally->count && strcmp(tally->steps[i].step, step) != 0)
		i++;
	if (i == YP_BOARD_STEPS_MAX)
		return;
	if (i == tally->count)
		(void)snprintf(tally->steps[tally->count++].step, sizeof tally->steps[i].step, "%.3s", step);
	tally->steps[i].hits++;
}

static unsigned hits_of(const struct yp_board_tally *tally, const char *step)
{
	for (unsigned i = 0; i < tally->count; i++) {
		if (strcmp(tally->steps[i].step, step) == 0)
			return tally->steps[i].hits;
	}
	return 0;
}

/* Of two that were hit equally often the later: cuts for it may also hit the other. */
static void consider_step(const struct yp_board_tally *tally, const char *step, char thin[4], unsigned *fewest)
{
	unsigned hits = hits_of(tally, step);
	if (hits > *fewest)
		return;
	*fewest = hits;
	(void)snprintf(thin, 4, "%.3s", step);
}

/* The step of the fault's plan that was hit least; "" if it has none. */
static void find_thinnest(const struct yp_fault *fault, const struct yp_subject_cuts *cuts,
			  const struct yp_board_tally *tally, char thin[4])
{
	unsigned fewest = UINT_MAX;
	char id[YP_ID_LISTED_MAX];
	struct yp_board_plan plan;
	thin[0] = 0;
	for (unsigned i = 0; fault->board == YP_BOARD_FREE_CUTS && cuts->free_steps[i]; i++) {
		if (has_step(fault, cuts->free_steps[i]))
			consider_step(tally, cuts->free_steps[i], thin, &fewest);
	}
	for (size_t i = 0; fault->board == YP_BOARD_CUTS && cuts->chains[i]; i++) {
		(void)snprintf(id, sizeof id, "cut:%s/0", cuts->chains[i]);
		if (strncmp(id, fault->match, strlen(fault->match)) != 0 || yp_board_plan_decode(id, &plan))
			continue;
		for (unsigned k = 0; k < plan.count; k++)
			consider_step(tally, plan.cuts[k].step, thin, &fewest);
	}
}

int yp_board_list_more(const struct yp_fault *fault, uint64_t seed, const struct yp_board_tally *tally,
		       const struct yp_board_timing *timing, struct yp_listing *listing)
{
	const struct yp_subject_steps *steps = listing->scenario->subject->steps;
	struct yp_board_plan plan = {.count = 1};
	char id[YP_ID_LISTED_MAX];
	uint64_t state = seed + tally->asked;
	if (fault->board == YP_BOARD_CHECKS || tally->asked >= fault->budget)
		return 0;
	find_thinnest(fault, find_cuts(listing), tally, plan.cuts[0].step);
	if (!plan.cuts[0].step[0])
		return 0;
	if (fault->board == YP_BOARD_FREE_CUTS)
		return list_cut(timing, &state, plan.cuts[0].step, 0, 1, DELAY_AIMED_US, listing);
	plan.seed = (uint32_t)(yp_random_next(&state) >> 40);
	plan.cuts[0].mode = strcmp(plan.cuts[0].step, steps->select) == 0 ? 'n' : 'h';
	if (strcmp(plan.cuts[0].step, steps->fall_back) == 0) /* a trial has to be used up first */
		(void)snprintf(id, sizeof id, "cut:%s/%u", find_cuts(listing)->fall_back, plan.seed);
	else
		yp_board_plan_encode(&plan, id);
	return yp_listing_add(listing, id, "PWR-01", NULL);
}
