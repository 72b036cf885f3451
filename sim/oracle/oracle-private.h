/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ORACLE_ORACLE_PRIVATE_H
#define SIM_ORACLE_ORACLE_PRIVATE_H

#include "device/device-judge.h"
#include "oracle/reports-seen.h"
#include "ota/slot.h"
#include "sim/oracle.h"
#include "subject/uboot-env.h"

enum board_medium { BOARD_CARD, BOARD_STATE, BOARD_SLOT_A, BOARD_SLOT_B, BOARD_DATA, BOARD_MEDIA };
enum board_region { BOARD_REGION_A, BOARD_REGION_B, BOARD_REGION_DATA };

/* One copy of the environment, remembered by its contents. */
struct board_copy {
	bool good;
	uint8_t flags;
	bool kept; /* all of the base's variables that are not the protocol's are there, unchanged */
	struct yp_sim_boot_variables boot;
	uint64_t trial_id;
	uint64_t hash; /* of the protocol's variables but attempts and trial id, and of `kept` */
};

/* What the ext4 on the data partition is. */
enum board_data { BOARD_DATA_CLEAN, BOARD_DATA_REPLAY, BOARD_DATA_BROKEN };
struct board_data_check {
	uint8_t state; /* enum board_data */
	char text[100];
};

struct board_ext4;
struct yp_oracle {
	struct yp_oracle_config config;
	struct yp_pool *pool;
	const struct yp_image *base;
	unsigned medium[BOARD_MEDIA]; /* in the layout */
	uint64_t image_sectors;       /* of a version */
	struct yp_hash known[2][YP_ORACLE_VERSIONS_MAX];
	struct yp_sim_memo env_memo, record_memo, descriptor_memo, data_memo, real_memo;
	char *kept; /* variables of the base that are not the protocol's, each with its NUL, an empty one at the end */
	struct board_ext4 *ext4;
	struct yp_sim_memo class_memo; /* by hash, to the index of a class */
	struct yp_oracle_class *classes;
	size_t classes_count, classes_room;
	struct yp_rig rig;
};

/* What a state says, taken apart once. */
struct board_view {
	struct board_copy copy[2];
	int holding;           /* 0, 1, -1 */
	struct board_copy env; /* the one that holds; good = false: the defaults */
	struct yp_sim_record record;
	int version[2];    /* that the slot holds whole, -1: none */
	bool blank[2];     /* its header block is zero: nothing can start it */
	bool loads[2];     /* the bootloader may be able to start it */
	bool described[2]; /* its descriptor is valid ... */
	uint64_t descriptor[2];
	struct board_data_check data;
};
int board_look(struct yp_oracle *board, const struct yp_image *image, struct board_view *out)
    __attribute__((warn_unused_result));
/* 'A' or 'B', or 0: what the bootloader would boot from this state. */
char board_boots(const struct board_view *view);

/* ext4-check.c: the data partition, replayed and checked on a scratch file. */
int board_ext4_new(const char *work, const struct yp_image *base, unsigned medium, struct board_ext4 **out,
		   char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
void board_ext4_free(struct board_ext4 *ext4);
int board_ext4_check(struct board_ext4 *ext4, const struct yp_image *image, struct board_data_check *out)
    __attribute__((warn_unused_result));

/* media-canon.c, media-judge.c: as struct yp_rig says. */
int board_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out);
int board_judge(void *ctx, const struct yp_image *state, const struct yp_world *before, const struct yp_world *during,
		const struct yp_outcome *run, struct yp_outcome *out);
int board_inspect(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_outcome *out);

static inline unsigned board_slot(char slot)
{
	return slot == 'B' ? 1u : 0u;
}

#endif
