/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_HASH_H
#define POWER_CUT_HASH_H

#include <stdint.h>

/* 128 well-mixed bits, the same in every process and run. Not cryptographic. */
struct yp_hash {
	uint64_t lo, hi;
};

#endif
