/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_BOARD_H
#define SIM_BOARD_H

#include "power-cut/explore.h"
#include "sim/sim.h"

/*
 * The oracles of the emulated board: what its media say, without booting anything, and without asking the updater. A crash
 * state is an image (power-cut/image.h); nothing here depends on how it came about.
 *
 * Media, by name: "card" (both copies of the boot environment), "state" (the updater's records), "slot-a" and "slot-b"
 * (root filesystem with the kernel in it, the descriptor in the last 512 KiB), "data" (ext4 with a file "canary"). Others do not
 * matter.
 */
#define SIM_BOARD_VERSIONS_MAX 8u
#define SIM_BOARD_REGIONS      3u
#define SIM_BOARD_PATH_MAX     512u

/* A version that may lie in a slot. The first is the one that runs at the start: "old". */
struct sim_board_version {
	const char *label;   /* of outcomes: "old", "new", ... */
	const char *version; /* as the image calls itself, and reports do */
	uint64_t sequence;
	const char *image; /* file */
	bool loads;        /* its kernel can be loaded and started */
	bool allowed;      /* it may run in the end, or on trial */
};

/* Everything borrowed until sim_board_free(). */
struct sim_board_config {
	struct sim_board_version versions[SIM_BOARD_VERSIONS_MAX];
	unsigned count;
	unsigned offered;         /* the version that the story's server offers */
	uint64_t env_offset[2];   /* bytes, on the card */
	uint32_t env_bytes;       /* of each copy */
	struct sim_spec spec;     /* the story: what reports are expected, the boot limit */
	struct sim_expect expect; /* what must hold in the end */
	const char *work;         /* directory for scratch files */
};

struct sim_board;
/* The regions that an image of this board must have, in this order. 0, or -EINVAL: media are missing. */
int sim_board_regions(const struct bp_layout *layout, uint64_t image_bytes, struct bp_region out[SIM_BOARD_REGIONS])
    __attribute__((warn_unused_result));
/* base: the media at the start, with those regions. Reads the versions' images into its pool. 0 or -errno with one
 * clause in detail. */
int sim_board_new(const struct sim_board_config *config, const struct bp_image *base, struct sim_board **out,
		  char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
void sim_board_free(struct sim_board *board);

/* canon, judge and inspect of a struct bp_rig; recover is NULL. */
const struct bp_rig *sim_board_rig(struct sim_board *board);
/* The label of what a slot ('A', 'B') of this image holds whole, "mixed" if nothing; "none" for slot 0. */
const char *sim_board_holds(const struct sim_board *board, const struct bp_image *image, char slot);
/* The copy of the environment that holds: 0, 1, or -1. */
int sim_board_holding(const struct sim_board *board, const struct bp_image *image);
/* The media of a board that is idle, `slot` having been booted last: it is where it will stay, with nothing on trial. *out fails
 * if not. */
int sim_board_rest(struct sim_board *board, const struct bp_image *image, char slot, struct bp_outcome *out)
    __attribute__((warn_unused_result));
/* What the media alone say of a state; the label is not looked at. */
int sim_board_inspect(struct sim_board *board, const struct bp_image *state, const struct bp_world *before,
		      struct bp_outcome *out) __attribute__((warn_unused_result));
/* The story's own end, with no fault: *out says what runs, and fails unless it is exactly what was expected. */
int sim_board_story(struct sim_board *board, const struct bp_image *end, const struct bp_world *before,
		    const struct bp_world *during, struct bp_outcome *out) __attribute__((warn_unused_result));
const char *const *sim_board_equivalences(void);
/* What a class is, in words: "A runs, trial of B, 1 of 3 boots counted; B holds new; journal written; data to be
 * replayed". */
int sim_board_describe(struct sim_board *board, const struct bp_image *state, char *out, size_t out_bytes)
    __attribute__((warn_unused_result));

/*
 * The real U-Boot, as a process, decides every different environment that was looked at. build: its folder; disks: folder of
 * images/uboot/disk.sh; defaults: the default environment. An environment that the table and U-Boot decide differently is
 * saved as WORK/env-N.bin (both copies). 0 or -errno.
 */
struct sim_board_real {
	uint64_t decided, disagreed;
	char detail[200]; /* the first disagreement */
};
int sim_board_real(struct sim_board *board, const char *build, const char *disks, const char *defaults,
		   struct sim_board_real *out) __attribute__((warn_unused_result));

/* The classes met so far, in the order in which they were: a hash that is the same in every process, and words. */
struct sim_board_class {
	uint64_t hash;
	uint64_t states; /* how often it was met */
	char words[240];
};
size_t sim_board_classes(const struct sim_board *board, const struct sim_board_class **out);

struct sim_board_stats {
	uint64_t environments; /* different pairs of copies */
	uint64_t data;         /* different contents of the data partition, each replayed and checked */
};
void sim_board_stats(const struct sim_board *board, struct sim_board_stats *out);

#endif
