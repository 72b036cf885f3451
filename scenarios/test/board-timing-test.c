/* SPDX-License-Identifier: Apache-2.0 */
/* When a cut without the hold is commanded: from what was measured before. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rigs/board/board-cases.h"

/* Invariant: the delay is that place of the step's part which the seed says, less what the switch takes; never below 0.
 */
Test(hil_timing, delays_follow_from_what_was_measured)
{
	static const struct {
		uint32_t length_us, switch_us, seed;
		unsigned turn, turns;
		uint32_t delay_us;
	} cases[] = {
	    /* seed 7 draws 0.3898, 8 draws 0.6185, 9505325 draws 0.9946 */
	    {40000, 2000, 7, 0, 4, 1898},
	    {40000, 2000, 7, 1, 4, 11898},
	    {40000, 2000, 7, 2, 4, 21898},
	    {40000, 2000, 7, 3, 4, 31898},
	    {40000, 2000, 8, 0, 1, 22740},
	    {40000, 0, 7, 0, 1, 15593},
	    {40000, 0, 9505325, 2, 3, 39927},
	    {1500, 2000, 7, 0, 1, 0}, /* shorter than the switch: tried at once */
	    {0, 0, 7, 0, 1, 0},
	    {UINT32_MAX, 0, 7, 999, 1000, YP_BOARD_DELAY_MAX_US},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_eq(yp_board_delay_us(cases[i].length_us, cases[i].switch_us, cases[i].seed, cases[i].turn,
					       cases[i].turns),
			     cases[i].delay_us, "case %zu", i);
}

/* Invariant: medians, of the last YP_BOARD_SAMPLES_MAX; nothing before both step and switch are measured. */
Test(hil_timing, medians_of_what_was_measured)
{
	struct yp_board_timing timing = {0};
	uint32_t length_us = 0;
	uint32_t switch_us = 0;
	yp_board_timing_step(&timing, "S06", 9000);
	cr_expect_not(yp_board_timing_median(&timing, "S06", &length_us, &switch_us));
	yp_board_timing_cut(&timing, 2000);
	cr_expect_not(yp_board_timing_median(&timing, "S07", &length_us, &switch_us));
	yp_board_timing_step(&timing, "S06", 100000); /* once the board was slow */
	yp_board_timing_step(&timing, "S06", 8000);
	cr_expect(yp_board_timing_median(&timing, "S06", &length_us, &switch_us));
	cr_expect_eq(length_us, 9000);
	cr_expect_eq(switch_us, 2000);
	for (unsigned i = 0; i < YP_BOARD_SAMPLES_MAX; i++)
		yp_board_timing_cut(&timing, 3000 + i);
	cr_expect(yp_board_timing_median(&timing, "S06", &length_us, &switch_us));
	cr_expect_eq(switch_us, 3000 + YP_BOARD_SAMPLES_MAX / 2);
}

/* All cases of the fault, one at a time, as in a campaign. */
static void list_all(const struct yp_fault *fault, const struct yp_board_timing *timing, struct yp_listing *listing)
{
	unsigned next = 0;
	size_t before;
	static struct yp_scenario scenario;
	scenario.subject = yp_subject_find(NULL);
	*listing = (struct yp_listing){.scenario = &scenario, .seed = 3};
	do {
		before = listing->count;
		cr_assert_eq(yp_board_list_free(fault, listing->seed, timing, &next, listing), 0);
	} while (listing->count > before);
}

/* Invariant: measured, the cuts of a step share it evenly; each id carries its delay; the same measurements, the same
 * ids. */
Test(hil_timing, free_cuts_cover_their_step)
{
	struct yp_fault fault = {.board = 2, .match = "cut:S06", .rounds = 2};
	struct yp_board_timing timing = {0};
	struct yp_board_plan plan;
	struct yp_listing listing;
	struct yp_listing again;
	yp_board_timing_step(&timing, "S06", 40000);
	yp_board_timing_cut(&timing, 1000);
	list_all(&fault, &timing, &listing);
	list_all(&fault, &timing, &again);
	cr_assert_eq(listing.count, 4);
	cr_assert_eq(again.count, 4);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(yp_board_plan_decode(listing.cases[i].id, &plan), 0);
		cr_expect_eq(plan.cuts[0].delay_us, yp_board_delay_us(40000, 1000, plan.seed, i, 4));
		cr_expect(plan.cuts[0].delay_us + 1000 >= 10000 * i && plan.cuts[0].delay_us + 1000 <= 10000 * (i + 1),
			  "%s", listing.cases[i].id);
		cr_expect_str_eq(listing.cases[i].id, again.cases[i].id);
	}
	free(listing.cases);
	free(again.cases);
}

/* Invariant: without measurements all of the plan is listed, in its order; of a sampled plan every Nth, with or without
 * measurements. */
Test(hil_timing, unmeasured_the_plan_is_swept)
{
	static const char *const steps[] = {"S05", "S06", "S06", "S07", "S08", "S09", "S10", "S11", "S15"};
	struct yp_fault fault = {.board = 2, .match = "cut:"};
	const struct yp_board_timing nothing = {0};
	struct yp_board_plan plan;
	struct yp_listing listing;
	struct yp_listing sampled;
	list_all(&fault, &nothing, &listing);
	cr_assert_eq(listing.count, 9);
	for (unsigned i = 0; i < 9; i++) {
		cr_assert_eq(yp_board_plan_decode(listing.cases[i].id, &plan), 0);
		cr_expect_str_eq(plan.cuts[0].step, steps[i]);
		cr_expect_lt(plan.cuts[0].delay_us, 60000);
	}
	fault.sample = 4; /* seed 3: the 4th, the 8th */
	list_all(&fault, &nothing, &sampled);
	cr_assert_eq(sampled.count, 2);
	cr_expect_str_eq(sampled.cases[0].id, listing.cases[3].id);
	cr_expect_str_eq(sampled.cases[1].id, listing.cases[7].id);
	free(listing.cases);
	free(sampled.cases);
}
