/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_RANDOM_H
#define POWER_CUT_RANDOM_H

#include <stdint.h>

/*
 * The one generator of the harness: splitmix64 (Sebastiano Vigna, public domain). A seed is printed with whatever it
 * decided, so that the same numbers come again.
 */
static inline uint64_t yp_random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
