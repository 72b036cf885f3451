/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_BOARD_BOARD_CASES_H
#define SCENARIOS_RIGS_BOARD_BOARD_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "rigs/board/board-timing.h"
#include "rigs/listed-cases.h"

/*
 * Cases of a board, as text that replays them:
 *   cut:S05h0-S10h0/3      the power cut at step S05, and in the recovery at S10; seed 3 of what the medium loses
 *   check:NAME             one line of the bring-up checklist
 * A cut is STEP MODE DELAY: h = while the updater holds at the step's mark, g = released there, then DELAY
 * microseconds, n = no hold, DELAY microseconds after the mark (steps of the bootloader have none).
 */
#define YP_BOARD_CUTS_MAX 16u

struct yp_board_cut {
	char step[4];
	char mode;
	uint32_t delay_us;
};

struct yp_board_plan {
	unsigned count;
	struct yp_board_cut cuts[YP_BOARD_CUTS_MAX];
	uint32_t seed;
};

/* 0 or -EINVAL. */
int yp_board_plan_decode(const char *text, struct yp_board_plan *out) __attribute__((warn_unused_result));
void yp_board_plan_encode(const struct yp_board_plan *plan, char out[YP_ID_LISTED_MAX]);
/* Where the updater is to hold: steps with a comma between, or "none". */
void yp_board_plan_holds(const struct yp_board_plan *plan, char *out, size_t out_bytes);

/* Lists the cases of one fault; not those of free cuts. 0 or -errno. */
int yp_board_list_cases(const struct yp_fault *fault, uint64_t seed, struct yp_listing *listing)
    __attribute__((warn_unused_result));
/*
 * Lists the next case of a fault's free cuts, or nothing if its plan is through: one at a time, because its delay
 * follows from what was measured until then. Nothing measured of its step: anywhere in the first 60 ms. *next counts
 * the cuts of the plan, from 0. 0 or -errno.
 */
int yp_board_list_free(const struct yp_fault *fault, uint64_t seed, const struct yp_board_timing *timing,
		       unsigned *next, struct yp_listing *listing) __attribute__((warn_unused_result));

/* The steps that cuts hit so far, and the number of requested cuts. */
#define YP_BOARD_STEPS_MAX 24u
struct yp_board_tally {
	unsigned asked;
	unsigned count;
	struct {
		char step[4];
		unsigned hits;
	} steps[YP_BOARD_STEPS_MAX];
};
void yp_board_tally_hit(struct yp_board_tally *tally, const char *step);
/*
 * Spends the rest of a fault's budget on the step of its plan that was hit least: lists one case for it, or nothing if
 * the budget is spent. 0 or -errno.
 */
int yp_board_list_more(const struct yp_fault *fault, uint64_t seed, const struct yp_board_tally *tally,
		       const struct yp_board_timing *timing, struct yp_listing *listing)
    __attribute__((warn_unused_result));

/* The plan that a fault requests: an index of yp_board_plans. */
enum yp_board_plan_kind { YP_BOARD_CHECKS, YP_BOARD_CUTS, YP_BOARD_FREE_CUTS };
extern const char *const yp_board_plans[]; /* checks, cuts, free-cuts; ends with NULL */

/* The checklist: names in the order in which they are run; ends with NULL. */
extern const char *const yp_board_checks[];

#endif
