/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_TEST_TOY_DEVICE_H
#define POWER_CUT_TEST_TOY_DEVICE_H

#include "power-cut/explore.h"

/*
 * A subject so small that all its correct answers are known. Medium 0 holds two slots, version v in slot v - 1. Medium
 * 1 holds two copies of a record that says which version runs, with a sequence number and a checksum, and a counter.
 * The update from 1 to 2 writes the slot, flushes it, writes the copy that does not hold, flushes that and tells the
 * world. Recovery runs the version of the newest valid copy, and repairs the other one if it is not valid.
 */
struct toy {
	/* Its planted defect. */
	bool no_flush;        /* the slot is not flushed before the record */
	bool active_copy;     /* the update overwrites the copy that holds, and there is no other */
	bool fragile;         /* the repair writes the copy that holds as well, first */
	bool tell_early;      /* the world event comes before the record is durable */
	bool no_checksum;     /* a torn copy counts as valid */
	bool count_boots;     /* each recovery adds one to a counter that nothing needs */
	bool moody;           /* every third recovery calls it otherwise */
	bool canon_lies;      /* the canonical form leaves the slots out */
	bool canon_short;     /* the canonical form leaves the record out, but not what runs at once */
	bool reads_all;       /* recovery reads all there is: nothing can be settled */
	bool bulk;            /* slots are written as one chain */
	bool one_disk;        /* the record lies behind the slots, on medium 0 */
	unsigned slot_writes; /* of two sectors each */

	struct yp_pool *pool;
	struct yp_layout layout;
	struct yp_image *base;
	struct yp_log *log;
	struct yp_rig rig;
	unsigned record;       /* its medium */
	uint64_t record_first; /* sector on it */
	unsigned runs;
};

#define TOY_SLOTS           0u
#define TOY_COPY_SECTORS    4u
#define TOY_COUNTER_SECTOR  (2u * TOY_COPY_SECTORS)
#define TOY_SLOT_WRITES_MAX 16u

/* Makes base, log and rig from what is set in *toy. */
void toy_init(struct toy *toy, enum yp_model model);
void toy_deinit(struct toy *toy);
struct yp_explore toy_explore(const struct toy *toy);
/* The canonical form: everything but the counter. */
int toy_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out);

#endif
