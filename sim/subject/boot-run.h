/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_BOOT_RUN_H
#define SIM_SUBJECT_BOOT_RUN_H

#include "sim/subject.h"
#include "subject/uboot-env.h"

/* printf into the next free text of texts, "name=value", and that into the environment. 0 or -ENOSPC. */
int yp_boot_set(struct yp_sim_env *env, struct yp_boot_texts *texts, const char *format, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));
/*
 * One boot on an environment in memory, as a bootloader does it: reads both copies, counts, decides, stores. Each store
 * goes to the copy that does not hold. raw[i]: env_bytes each, and changed. loads: whether A's and B's kernels load.
 * stored: called after each store with the copy it went to, and its error is forwarded; NULL: not called.
 * *slot: 'A', 'B', or 0 when it halts. 0, -ENOSPC, or what stored returned.
 */
int yp_boot_run(const struct yp_boot_protocol *protocol, uint8_t *const raw[2], size_t env_bytes, const bool loads[2],
		int (*stored)(void *ctx, unsigned copy), void *ctx, char *slot) __attribute__((warn_unused_result));
/* What the environment says: variables of the copy that holds, or the defaults. Returns the copy, or -1. */
int yp_boot_read(const struct yp_boot_protocol *protocol, const uint8_t *const raw[2], size_t env_bytes,
		 struct yp_sim_boot_variables *out);

#endif
