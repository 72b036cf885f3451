/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_TEST_TOY_H
#define POWER_CUT_TEST_TOY_H

#include "power-cut/explore.h"

/*
 * Subjects small enough to know the answer for.
 *
 * The record: slot (medium 0), and two copies of a record on medium 1 that say which version runs, with a sequence
 * number and a checksum. The update writes the slot, flushes it, writes the older copy, flushes that. Recovery picks
 * the newest valid copy, checks that the slot it names holds that version, and repairs the other copy.
 */
struct toy {
	struct bp_pool *pool;
	struct bp_layout layout;
	struct bp_image *base;
	struct bp_log *log;
	struct bp_rig rig;
	/* What is wrong with it. */
	bool no_flush;    /* the slot is not flushed before the record */
	bool active_copy; /* the update overwrites the copy that holds */
	bool count_boots; /* each recovery adds one to a counter that nothing needs */
	bool canon_lies;  /* the canonical form leaves out the slot */
	bool moody;       /* every third recovery ends otherwise */
	bool no_checksum; /* a torn copy is believed */
	unsigned slot_writes;
	unsigned record_sectors;
	unsigned moods;
	unsigned runs;
};

enum { TOY_SLOT, TOY_RECORD };
#define TOY_COPY_SECTORS 4u

/* Makes base, log and rig from what is set in *toy. */
void toy_init(struct toy *toy, enum bp_model model);
void toy_deinit(struct toy *toy);
struct bp_explore toy_explore(const struct toy *toy);
int toy_canon(void *ctx, const struct bp_image *state, const struct bp_world *before, struct bp_hash *out);

#endif
