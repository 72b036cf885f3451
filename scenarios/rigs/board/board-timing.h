/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_BOARD_BOARD_TIMING_H
#define SCENARIOS_RIGS_BOARD_BOARD_TIMING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Measurements of a board while its cases ran: the lengths of its steps and the time of its switch. They give the
 * delays of cuts without the hold, so that these cover a step. Times are microseconds.
 */
#define YP_BOARD_DELAY_MAX_US 10000000u /* of a cut */
#define YP_BOARD_TIMED_MAX    24u       /* steps */
#define YP_BOARD_SAMPLES_MAX  64u       /* of one thing, the last ones */

struct yp_board_samples {
	char step[4];
	unsigned count; /* of all samples */
	uint32_t us[YP_BOARD_SAMPLES_MAX];
};

struct yp_board_timing {
	unsigned count;
	struct yp_board_samples steps[YP_BOARD_TIMED_MAX];
	struct yp_board_samples cuts;
};

/* A step that nothing disturbed, from its mark to the next step's. */
void yp_board_timing_step(struct yp_board_timing *timing, const char *step, uint32_t us);
/* A verified cut, from when it was due to the supply's answer. */
void yp_board_timing_cut(struct yp_board_timing *timing, uint32_t us);
/* The medians of the step's length and of the switch. false: not both are measured yet. */
bool yp_board_timing_median(const struct yp_board_timing *timing, const char *step, uint32_t *length_us,
			    uint32_t *switch_us) __attribute__((warn_unused_result));

/*
 * After which delay to command the cut so that the power goes in the turn-th of `turns` equal parts of a step, at a
 * place there that follows from the seed; what the switch takes is taken off. 0 where it takes longer than up to there,
 * at most YP_BOARD_DELAY_MAX_US. turns is above 0, turn below turns.
 */
uint32_t yp_board_delay_us(uint32_t length_us, uint32_t switch_us, uint32_t seed, unsigned turn, unsigned turns)
    __attribute__((warn_unused_result));

#endif
