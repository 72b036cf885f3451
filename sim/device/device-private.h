/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_DEVICE_PRIVATE_H
#define SIM_DEVICE_DEVICE_PRIVATE_H

#include "device/device-images.h"
#include "device/device-seams.h"
#include "device/device-world.h"
#include "oracle/reports-judge.h"
#include "oracle/reports-seen.h"
#include "ota/ota.h"
#include "ota/uboot.h"
#include "subject/memo.h"
#include "subject/mix.h"
#include "subject/uboot-env.h"

#define YP_SIM_DATA_SECTORS   8u
#define YP_SIM_SESSIONS_MAX   24u /* runs of the updater in one run of the device */
#define YP_SIM_ENV_WRITES_MAX 32u

/* Regions of every image, in this order. */
enum yp_sim_region {
	YP_SIM_REGION_ROOTFS_A,
	YP_SIM_REGION_ROOTFS_B,
	YP_SIM_REGION_TAIL_A,
	YP_SIM_REGION_TAIL_B,
	YP_SIM_REGION_KERNEL_A,
	YP_SIM_REGION_KERNEL_B,
	YP_SIM_REGION_DATA,
	YP_SIM_REGIONS
};

/* One run of the device, from power on to idle. */
struct yp_sim_run {
	char running; /* 'A' or 'B' */
	int version;  /* enum yp_sim_version_id that runs */
	bool reboot;  /* the updater requested it */
	unsigned boots;
	unsigned sessions;
	uint64_t circle; /* what the last run of the updater left, for offers that lead nowhere */
};

struct yp_sim {
	const struct yp_subject *subject; /* `ota`: it runs in this process */
	struct yp_sim_spec spec;
	struct yp_sim_expect expect;
	struct yp_layout layout;
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_sim_version versions[YP_SIM_VERSIONS];
	int offered;      /* version that the story's server offers */
	unsigned allowed; /* bit mask of versions that may run */
	uint8_t *file;
	size_t file_bytes;
	size_t corrupt_at; /* a byte of the file that YP_SIM_LIE_*_CHUNK changes */
	struct ota_keyring *keyring;
	struct yp_sim_device device;
	struct yp_sim_world world;
	struct yp_sim_run run;
	struct ota_env_place env_place;
	struct yp_memo env_memo, record_memo, descriptor_memo;
	struct yp_hash known[2][2][YP_SIM_VERSIONS]; /* [slot][rootfs, kernel][version]: region hashes */
	struct yp_hash blank[2][2];
	struct yp_hash data_hash;
	struct yp_lint_roles roles;
	struct yp_rig rig;
	char told[32];             /* the last reported reason, success excluded */
	struct yp_outcome prelude; /* FAIL when the device did not reach the start of the story */
};

static inline unsigned yp_sim_slot_index(char slot)
{
	return slot == 'B' ? 1u : 0u;
}

/* device-run.c: from what the device holds until it is idle. 0 or -errno (the harness's). */
int yp_sim_run_until_idle(struct yp_sim *sim, struct yp_outcome *out) __attribute__((warn_unused_result));
/* Media, world and counters for a fresh run. */
void yp_sim_run_prepare(struct yp_sim *sim, const struct yp_image *start, struct yp_log *log);

/* updater-run.c: one run of the updater on the device that is up. 0 or -errno (the harness's). */
int yp_sim_session(struct yp_sim *sim) __attribute__((warn_unused_result));

/* device-media.c: layout, versions and the media before the story. */
int yp_sim_base_make(struct yp_sim *sim) __attribute__((warn_unused_result));

/* device-canon.c */
int yp_sim_canon(struct yp_sim *sim, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
    __attribute__((warn_unused_result));
/* The environment as the bootloader will read it from this state. *holding: 0, 1 or -1; copies as they are. */
int yp_sim_state_env(struct yp_sim *sim, const struct yp_image *state, struct yp_sim_env_copy copy[2], int *holding)
    __attribute__((warn_unused_result));

/* device-judge.c */
/* Judges the media alone, before any recovery. */
int yp_sim_judge_state(struct yp_sim *sim, const struct yp_image *state, const struct yp_world *before,
		       struct yp_outcome *out) __attribute__((warn_unused_result));
#endif
