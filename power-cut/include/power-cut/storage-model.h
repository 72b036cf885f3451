/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_STORAGE_MODEL_H
#define POWER_CUT_STORAGE_MODEL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Storage models: what a medium may do with unflushed writes at a cut. Each is one row of a table (storage-model.c).
 * Code tests the row's properties, never which model it is. A new model is a name here and a row there.
 *
 * The numbers are in write logs: a new model goes last.
 */
enum yp_model {
	YP_MODEL_VOLATILE_CACHE, /* the default */
	YP_MODEL_ORDERED,
	YP_MODEL_TORN,
	YP_MODEL_LYING_FLUSH,
	YP_MODEL_NOR,
	YP_MODEL_COUNT
};

/* What the sectors of a torn write contain that were not written. */
#define YP_TEAR_OLD 1u
#define YP_TEAR_00  2u
#define YP_TEAR_FF  4u

/*
 * A write is whole or not there, unless `tears` or `write_through` says otherwise. A single sector is always atomic.
 * `ordered` goes with neither of the two.
 */
struct yp_model_row {
	const char *name;     /* in scenarios, logs of commands and reports */
	const char *sentence; /* what survives a cut, for people */
	bool
	    flush_durable; /* a completed flush makes durable what was complete when it was submitted; else nothing does */
	bool fua_durable; /* a completed FUA write is durable; on an ordered medium with all that completed before it */
	bool ordered;     /* a prefix of the unflushed writes survives, by completion; else any subset */
	uint8_t tears;    /* YP_TEAR_*: one write may be torn at a sector, its rest reading so; 0: none is */
	bool write_through;   /* no cache: what is complete is durable. The write in flight stops while erasing or
	                         programming, in order, and needs no erase if it only clears bits */
	uint8_t erase_byte;   /* what a discarded or erased sector reads as: 0x00 or 0xff */
	bool beyond_contract; /* worse than a device may be: a failure under it does not count against the subject */
};

/* By model. Names in the same order, with a NULL behind them, for lists of choices. */
extern const struct yp_model_row yp_model_rows[YP_MODEL_COUNT];
extern const char *const yp_model_names[YP_MODEL_COUNT + 1];

/* The row of a model, which is one of the enum's. */
static inline const struct yp_model_row *yp_model_row(enum yp_model model)
{
	assert((unsigned)model < YP_MODEL_COUNT);
	return &yp_model_rows[model];
}

/* Can a single write survive in part? */
static inline bool yp_model_splits_writes(enum yp_model model)
{
	return yp_model_row(model)->tears || yp_model_row(model)->write_through;
}

/* 0, or -ENOENT for a text that is no name. */
int yp_model_find(const char *name, enum yp_model *out) __attribute__((warn_unused_result));

#endif
