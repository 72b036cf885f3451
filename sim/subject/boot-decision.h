/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_BOOT_DECISION_H
#define SIM_SUBJECT_BOOT_DECISION_H

#include "subject/uboot-env.h"

/* The decision of images/uboot/README.md, pure: variables as stored, before this boot counts. */
enum yp_sim_boots { YP_SIM_BOOTS_SELECTED, YP_SIM_BOOTS_OTHER, YP_SIM_BOOTS_HALT };
enum yp_sim_stores { YP_SIM_STORES_NOTHING, YP_SIM_STORES_BACK, YP_SIM_STORES_END };
struct yp_sim_decision {
	bool counts;               /* store C comes first */
	enum yp_sim_stores stores; /* then this, in one store */
	enum yp_sim_boots boots;
};
struct yp_sim_decision yp_sim_boot_decide(const struct yp_sim_boot_variables *v, bool selected_loads, bool other_loads);

/*
 * One boot (S12, R1) on a device: reads both copies, counts, decides, stores. loads() tells whether a slot's kernel can
 * be loaded, reading it. *slot: 'A', 'B', or 0 when it halts. 0, or -EIO when the power was cut meanwhile.
 */
struct yp_sim_device;
int yp_sim_bootloader_run(struct yp_sim_device *device, struct yp_sim_memo *memo, size_t env_bytes,
			  int (*loads)(void *ctx, char slot, bool *out), void *ctx, char *slot)
    __attribute__((warn_unused_result));

#endif
