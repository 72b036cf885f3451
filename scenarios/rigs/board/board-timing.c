/* SPDX-License-Identifier: Apache-2.0 */
/* When to command a cut without the hold: from the lengths of steps and the switch's time, as they were measured. */
#include "rigs/board/board-timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/random.h"

#define FRACTION_BITS 24

static void add_sample(struct yp_board_samples *samples, uint32_t us)
{
	samples->us[samples->count++ % YP_BOARD_SAMPLES_MAX] = us;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a;
	const uint32_t y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t find_median(const struct yp_board_samples *samples)
{
	unsigned count = samples->count < YP_BOARD_SAMPLES_MAX ? samples->count : YP_BOARD_SAMPLES_MAX;
	uint32_t sorted[YP_BOARD_SAMPLES_MAX];
	memcpy(sorted, samples->us, sizeof sorted);
	qsort(sorted, count, sizeof *sorted, by_value);
	return sorted[count / 2];
}

static unsigned index_of(const struct yp_board_timing *timing, const char *step)
{
	unsigned i = 0;
	while (i < timing->count && strcmp(timing->steps[i].step, step) != 0)
		i++;
	return i;
}

void yp_board_timing_step(struct yp_board_timing *timing, const char *step, uint32_t us)
{
	unsigned i = index_of(timing, step);
	if (i == YP_BOARD_TIMED_MAX)
		return;
	if (i == timing->count)
		(void)snprintf(timing->steps[timing->count++].step, sizeof timing->steps[i].step, "%.3s", step);
	add_sample(&timing->steps[i], us);
}

void yp_board_timing_cut(struct yp_board_timing *timing, uint32_t us)
{
	add_sample(&timing->cuts, us);
}

bool yp_board_timing_median(const struct yp_board_timing *timing, const char *step, uint32_t *length_us,
			    uint32_t *switch_us)
{
	unsigned i = index_of(timing, step);
	if (i == timing->count || !timing->cuts.count)
		return false;
	*length_us = find_median(&timing->steps[i]);
	*switch_us = find_median(&timing->cuts);
	return true;
}

uint32_t yp_board_delay_us(uint32_t length_us, uint32_t switch_us, uint32_t seed, unsigned turn, unsigned turns)
{
	uint64_t state = seed;
	uint64_t fraction = yp_random_next(&state) >> (64 - FRACTION_BITS);
	uint64_t begin = (uint64_t)length_us * turn / turns;
	uint64_t end = (uint64_t)length_us * (turn + 1) / turns;
	uint64_t place = begin + ((end - begin) * fraction >> FRACTION_BITS);
	uint64_t delay = place > switch_us ? place - switch_us : 0;
	return delay < YP_BOARD_DELAY_MAX_US ? (uint32_t)delay : YP_BOARD_DELAY_MAX_US;
}
