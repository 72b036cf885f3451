/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_INTERNAL_H
#define SIM_INTERNAL_H

#include "device.h"
#include "env.h"
#include "fixture.h"
#include "judge.h"
#include "memo.h"
#include "ota/ota.h"
#include "ota/uboot.h"
#include "past.h"
#include "world.h"

#define SIM_DATA_SECTORS   8u
#define SIM_SESSIONS_MAX   24u /* runs of the updater in one run of the device */
#define SIM_ENV_WRITES_MAX 32u

/* Regions of every image, in this order. */
enum sim_region {
	SIM_REGION_ROOTFS_A,
	SIM_REGION_ROOTFS_B,
	SIM_REGION_TAIL_A,
	SIM_REGION_TAIL_B,
	SIM_REGION_KERNEL_A,
	SIM_REGION_KERNEL_B,
	SIM_REGION_DATA,
	SIM_REGIONS
};

/* One run of the device, from power on to idle. */
struct sim_run {
	char running; /* 'A' or 'B' */
	int version;  /* enum sim_version_id that runs */
	bool reboot;  /* the updater asked for it */
	unsigned boots;
	unsigned sessions;
	uint64_t circle; /* what the last run of the updater left, for offers that lead nowhere */
};

struct sim {
	struct sim_spec spec;
	struct sim_expect expect;
	struct bp_layout layout;
	struct bp_pool *pool;
	struct bp_image *base;
	struct sim_version versions[SIM_VERSIONS];
	int offered;      /* version that the story's server offers */
	unsigned allowed; /* bit mask of versions that may run */
	uint8_t *file;
	size_t file_bytes;
	size_t corrupt_at; /* a byte of the file that SIM_LIE_*_CHUNK changes */
	struct ota_keyring *keyring;
	struct sim_device device;
	struct sim_world world;
	struct sim_run run;
	struct ota_env_place env_place;
	struct sim_memo env_memo, record_memo, descriptor_memo;
	struct bp_hash known[2][2][SIM_VERSIONS]; /* [slot][rootfs, kernel][version]: region hashes */
	struct bp_hash blank[2][2];
	struct bp_hash data_hash;
	struct bp_lint_roles roles;
	struct bp_rig rig;
	char told[32];             /* the reason told last, success apart */
	struct bp_outcome prelude; /* FAIL when the device could not even get to the start of the story */
};

static inline unsigned sim_slot_index(char slot)
{
	return slot == 'B' ? 1u : 0u;
}

/* run.c: from what the device holds until it is idle. 0 or -errno (the harness's). */
int sim_run_until_idle(struct sim *sim, struct bp_outcome *out) __attribute__((warn_unused_result));
/* Media, world and counters for a fresh run. */
void sim_run_prepare(struct sim *sim, const struct bp_image *start, struct bp_log *log);

/* session.c: one run of the updater on the device that is up. 0 or -errno (the harness's). */
int sim_session(struct sim *sim) __attribute__((warn_unused_result));

/* base.c: layout, versions and the media before the story. */
int sim_base_make(struct sim *sim) __attribute__((warn_unused_result));

/* canon.c */
int sim_canon(struct sim *sim, const struct bp_image *state, const struct bp_world *before, struct bp_hash *out)
    __attribute__((warn_unused_result));
/* The environment as the bootloader will read it from this state. *holding: 0, 1 or -1; copies as they are. */
int sim_state_env(struct sim *sim, const struct bp_image *state, struct sim_env_copy copy[2], int *holding)
    __attribute__((warn_unused_result));

/* judge.c */
/* What the media alone say, before any recovery. */
int sim_judge_state(struct sim *sim, const struct bp_image *state, const struct bp_world *before,
		    struct bp_outcome *out) __attribute__((warn_unused_result));
#endif
