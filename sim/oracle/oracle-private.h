/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ORACLE_ORACLE_PRIVATE_H
#define SIM_ORACLE_ORACLE_PRIVATE_H

#include "oracle/reports-judge.h"
#include "oracle/reports-seen.h"
#include "sim/oracle.h"
#include "sim/subject.h"
#include "subject/memo.h"
#include "subject/mix.h"
#include "subject/uboot-env.h"

#define YP_ORACLE_DESCRIPTOR_SECTORS 8u /* the longest that a subject may have */

enum yp_oracle_medium {
	YP_ORACLE_ENV,
	YP_ORACLE_STATE,
	YP_ORACLE_SLOT_A,
	YP_ORACLE_SLOT_B,
	YP_ORACLE_DATA,
	YP_ORACLE_MEDIA
};
enum yp_oracle_region { YP_ORACLE_REGION_A, YP_ORACLE_REGION_B, YP_ORACLE_REGION_DATA };

/* One copy of the environment, remembered by its contents. */
struct yp_oracle_copy {
	bool good;
	uint8_t flags;
	bool kept; /* all of the base's variables that are not the protocol's are there, unchanged */
	struct yp_sim_boot_variables boot;
	uint64_t hash; /* of the protocol's variables but attempts and trial id, and of `kept` */
};

/* What the ext4 on the data partition is. */
enum yp_oracle_data { YP_ORACLE_DATA_CLEAN, YP_ORACLE_DATA_REPLAY, YP_ORACLE_DATA_BROKEN };
struct yp_oracle_data_check {
	uint8_t state; /* enum yp_oracle_data */
	char text[100];
};

struct yp_oracle_ext4;
struct yp_oracle {
	struct yp_oracle_config config;
	struct yp_pool *pool;
	const struct yp_image *base;
	const struct yp_subject *subject;
	int medium[YP_ORACLE_MEDIA]; /* in the layout; -1: none */
	uint64_t image_sectors;      /* of a version */
	struct yp_hash known[2][YP_ORACLE_VERSIONS_MAX];
	struct yp_memo env_memo, record_memo, descriptor_memo, data_memo, real_memo;
	char *kept; /* variables of the base that are not the protocol's, each with its NUL, an empty one at the end */
	struct yp_oracle_ext4 *ext4; /* NULL: the subject has no data medium */
	struct yp_memo class_memo;   /* by hash, to the index of a class */
	struct yp_oracle_class *classes;
	size_t classes_count, classes_room;
	struct yp_rig rig;
};

/* A state, decoded once. */
struct yp_oracle_view {
	struct yp_oracle_copy copy[2];
	int holding;               /* 0, 1, -1 */
	struct yp_oracle_copy env; /* the one that holds; good = false: the defaults */
	struct yp_subject_record record;
	int version[2];    /* that the slot holds whole, -1: none */
	bool blank[2];     /* its header block is zero: nothing can start it */
	bool loads[2];     /* the bootloader may be able to start it */
	bool described[2]; /* its descriptor is valid ... */
	uint64_t descriptor[2];
	struct yp_oracle_data_check data;
};
int yp_oracle_look(struct yp_oracle *oracle, const struct yp_image *image, struct yp_oracle_view *out)
    __attribute__((warn_unused_result));
/* 'A' or 'B', or 0: what the bootloader would boot from this state. */
char yp_oracle_boots(const struct yp_oracle *oracle, const struct yp_oracle_view *view);

/* ext4-check.c: the data partition, replayed and checked on a scratch file. */
int yp_oracle_ext4_new(const char *work, const struct yp_image *base, unsigned medium, struct yp_oracle_ext4 **out,
		       char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
void yp_oracle_ext4_free(struct yp_oracle_ext4 *ext4);
int yp_oracle_ext4_check(struct yp_oracle_ext4 *ext4, const struct yp_image *image, struct yp_oracle_data_check *out)
    __attribute__((warn_unused_result));

/* media-canon.c, media-judge.c: as struct yp_rig says. */
int yp_oracle_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out);
int yp_oracle_judge(void *ctx, const struct yp_image *state, const struct yp_world *before,
		    const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out);
int yp_oracle_inspect_media(void *ctx, const struct yp_image *state, const struct yp_world *before,
			    struct yp_outcome *out);

static inline unsigned yp_oracle_slot_index(char slot)
{
	return slot == 'B' ? 1u : 0u;
}

#endif
