/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_BOOTLOADER_H
#define SIM_BOOTLOADER_H

#include "env.h"

/* The decision of images/uboot/README.md, pure: variables as stored, before this boot counts. */
enum sim_boots { SIM_BOOTS_SELECTED, SIM_BOOTS_OTHER, SIM_BOOTS_HALT };
enum sim_stores { SIM_STORES_NOTHING, SIM_STORES_BACK, SIM_STORES_END };
struct sim_decision {
	bool counts;            /* store C comes first */
	enum sim_stores stores; /* then this, in one store */
	enum sim_boots boots;
};
struct sim_decision sim_boot_decide(const struct sim_boot_variables *v, bool selected_loads, bool other_loads);

/*
 * One boot (S12, R1) on a device: reads both copies, counts, decides, stores. loads() tells whether a slot's kernel can
 * be loaded, reading it. *slot: 'A', 'B', or 0 when it halts. 0, or -EIO when the power was cut meanwhile.
 */
struct sim_device;
int sim_bootloader_run(struct sim_device *device, struct sim_memo *memo, size_t env_bytes,
		       int (*loads)(void *ctx, char slot, bool *out), void *ctx, char *slot)
    __attribute__((warn_unused_result));

#endif
