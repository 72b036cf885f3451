/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_MEDIA_CHECK_H
#define SIM_EMULATOR_MEDIA_CHECK_H

#include "sim/emulator.h"

/*
 * Compares the plain copies that QEMU wrote (a run with .witness) with the start plus the write logs, every byte of
 * every medium. 0: equal; 1: not; -errno. detail is set in any case.
 */
int yp_emulator_compare(struct yp_emulator *rig, const struct yp_emulator_start *start,
			const struct yp_emulator_result *result, const char *witness, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
