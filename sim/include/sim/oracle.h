/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "power-cut/explore.h"
#include "sim/story.h"
#include "sim/subject.h"

/*
 * The oracles of media: they judge the media of a device without booting it and without running the updater. A crash
 * state is an image (power-cut/image.h). Nothing here depends on its origin or on the subject: struct yp_subject
 * defines the meaning of the bytes.
 *
 * Media, by the subject's roles: the boot environment (both copies), slot A and slot B (an image from the first byte
 * on, the descriptor, if there is one, before the end), the records, the data (ext4 with a file "canary"). The last two
 * may be missing. Others do not matter. A subject without a boot protocol cannot be judged here.
 */
#define YP_ORACLE_VERSIONS_MAX 8u
#define YP_ORACLE_REGIONS      3u
#define YP_ORACLE_PATH_MAX     512u

/* A version that may lie in a slot. The first is the one that runs at the start: "old". */
struct yp_oracle_version {
	const char *label;   /* of outcomes: "old", "new", ... */
	const char *version; /* as the image calls itself, and reports do */
	uint64_t sequence;
	const char *image; /* file */
	bool loads;        /* its kernel can be loaded and started */
	bool allowed;      /* it may run in the end, or on trial */
};

/* Everything borrowed until yp_oracle_free(). */
struct yp_oracle_config {
	const struct yp_subject *subject; /* NULL: yp_subject_find(NULL) */
	struct yp_oracle_version versions[YP_ORACLE_VERSIONS_MAX];
	unsigned count;
	unsigned offered;            /* the version that the story's server offers */
	uint64_t env_offset[2];      /* bytes, on the environment's medium */
	uint32_t env_bytes;          /* of each copy */
	struct yp_sim_spec spec;     /* the story: what reports are expected, the boot limit */
	struct yp_sim_expect expect; /* what must hold in the end */
	const char *work;            /* directory for scratch files */
};

struct yp_oracle;
/* The regions that an image of such media must have, in this order. The last one has no sectors, and is left out,
 * where the subject has no data. subject NULL: yp_subject_find(NULL). 0, or -EINVAL: media are missing. */
int yp_oracle_regions(const struct yp_subject *subject, const struct yp_layout *layout, uint64_t image_bytes,
		      struct yp_region out[YP_ORACLE_REGIONS]) __attribute__((warn_unused_result));
/* base: the media at the start, with those regions. Reads the versions' images into its pool. 0 or -errno with one
 * clause in detail. */
int yp_oracle_new(const struct yp_oracle_config *config, const struct yp_image *base, struct yp_oracle **out,
		  char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
void yp_oracle_free(struct yp_oracle *oracle);

/* canon, judge and inspect of a struct yp_rig; recover is NULL. */
const struct yp_rig *yp_oracle_rig(struct yp_oracle *oracle);
/* The label of the version that a slot ('A', 'B') of this image holds completely, "mixed" if none; "none" for slot 0.
 */
const char *yp_oracle_holds(const struct yp_oracle *oracle, const struct yp_image *image, char slot);
/* The copy of the environment that holds: 0, 1, or -1. */
int yp_oracle_holding(const struct yp_oracle *oracle, const struct yp_image *image);
/* The media of a device that is idle, `slot` having been booted last: it is where it will stay, with nothing on trial.
 * *out fails if not. */
int yp_oracle_rest(struct yp_oracle *oracle, const struct yp_image *image, char slot, struct yp_outcome *out)
    __attribute__((warn_unused_result));
/* Judges the media of a state alone; the label is ignored. */
int yp_oracle_inspect(struct yp_oracle *oracle, const struct yp_image *state, const struct yp_world *before,
		      struct yp_outcome *out) __attribute__((warn_unused_result));
/* The end of the story without a fault: *out has the running version, and fails unless it is exactly the expected one.
 */
int yp_oracle_story(struct yp_oracle *oracle, const struct yp_image *end, const struct yp_world *before,
		    const struct yp_world *during, struct yp_outcome *out) __attribute__((warn_unused_result));
const char *const *yp_oracle_equivalences(void);
/* Describes a class in words: "A runs, trial of B, 1 of 3 boots counted; B holds new; journal written; data to be
 * replayed". */
int yp_oracle_describe(struct yp_oracle *oracle, const struct yp_image *state, char *out, size_t out_bytes)
    __attribute__((warn_unused_result));

/*
 * The real U-Boot, as a process, decides every different environment that was looked at. build: its folder; disks:
 * folder of images/uboot/uboot-disk.sh; defaults: the default environment. An environment that the table and U-Boot
 * decide differently is saved as WORK/env-N.bin (both copies). 0 or -errno.
 */
struct yp_oracle_real {
	uint64_t decided, disagreed;
	char detail[200]; /* the first disagreement */
};
int yp_oracle_real(struct yp_oracle *oracle, const char *build, const char *disks, const char *defaults,
		   struct yp_oracle_real *out) __attribute__((warn_unused_result));

/* The classes met so far, in the order in which they were: a hash that is the same in every process, and words. */
struct yp_oracle_class {
	uint64_t hash;
	uint64_t states; /* how often it was met */
	char words[240];
};
size_t yp_oracle_classes(const struct yp_oracle *oracle, const struct yp_oracle_class **out);

struct yp_oracle_stats {
	uint64_t environments; /* different pairs of copies */
	uint64_t data;         /* different contents of the data partition, each replayed and checked */
};
void yp_oracle_stats(const struct yp_oracle *oracle, struct yp_oracle_stats *out);

#endif
