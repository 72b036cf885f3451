/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_QEMU_CHECK_H
#define SIM_QEMU_CHECK_H

#include "sim/qemu.h"

/*
 * What QEMU wrote into the plain copies of a run with .witness, against what its start and its write logs say: every
 * byte of every medium. 0: equal; 1: not; -errno. detail says it in any case.
 */
int sim_qemu_compare(struct sim_qemu *rig, const struct sim_qemu_start *start, const struct sim_qemu_result *result,
		     const char *witness, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

#endif
