/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SRC_CRASH_H
#define POWER_CUT_SRC_CRASH_H

#include "plan.h"
#include "power-cut/explore.h"

/*
 * Walks a plan up to a cut: what is durable there goes into the image, what is not stays pending.
 */
struct bp_pending {
	uint32_t op;
	bool forced; /* durable, but not yet in the image because an earlier write to the medium is not */
};
struct bp_walk {
	const struct bp_plan *plan;
	struct bp_worlds *worlds;
	struct bp_image *image;
	struct bp_pending *pending;
	size_t pending_count, pending_room;
	uint32_t next;  /* op that the walk stands before */
	uint32_t world; /* what the outside has seen so far */
};

/* A pending write or discard, or a chain of writes. */
struct bp_element {
	uint32_t first, count; /* in bp_point.ops */
	uint64_t sector, sectors;
	uint16_t medium;
	bool forced;
	bool in_flight;         /* the cut hit it while it ran, on a medium that has no cache (NOR) */
	uint32_t optional;      /* number among the elements that are not forced */
	uint32_t optional_here; /* ... and among those on this medium */
};

/* Everything a cut can choose from. Reusable; zero-initialised, then bp_point_deinit(). */
struct bp_point {
	const struct bp_plan *plan;
	const struct bp_layout *layout;
	uint32_t entry;
	uint32_t *ops; /* indices into the plan, by element */
	uint32_t *element_of;
	size_t ops_room;
	struct bp_element *elements;
	size_t elements_count, elements_room;
	uint32_t optional_count;
	uint32_t optional_on[BP_MEDIA_MAX];
};

void bp_walk_init(struct bp_walk *walk, const struct bp_plan *plan, struct bp_worlds *worlds, struct bp_image *image,
		  uint32_t world);
void bp_walk_deinit(struct bp_walk *walk);
/* Does the op that the walk stands before end an epoch, so that crash states must be enumerated before it? True at the
 * end of the plan. */
bool bp_walk_at_point(const struct bp_walk *walk);
bool bp_walk_at_end(const struct bp_walk *walk);
int bp_walk_next(struct bp_walk *walk) __attribute__((warn_unused_result));
/* What is pending where the walk stands. */
int bp_walk_point(const struct bp_walk *walk, struct bp_point *out) __attribute__((warn_unused_result));
/* Walks on to a cut. */
int bp_walk_to(struct bp_walk *walk, uint32_t entry) __attribute__((warn_unused_result));

void bp_point_deinit(struct bp_point *point);
/* Applies to the image, which holds what is durable at the point, what survives the cut. -EINVAL: the cut does not fit
 * the point. */
int bp_point_apply(const struct bp_point *point, const struct bp_cut *cut, struct bp_image *image)
    __attribute__((warn_unused_result));
/* The pieces of that, for an enumeration that goes step by step. */
void bp_element_apply(const struct bp_point *point, const struct bp_element *element, struct bp_image *image);
int bp_element_apply_part(const struct bp_point *point, const struct bp_element *element, const struct bp_cut *cut,
			  struct bp_image *image) __attribute__((warn_unused_result));
/* Does the form let an optional element survive? The order of an ordered medium and the torn element come on top. */
bool bp_element_survives(const struct bp_cut *cut, const struct bp_element *element);
/* What becomes of an element; to be asked of all in order, *broken starting at 0. */
enum bp_fate { BP_FATE_DURABLE, BP_FATE_KEPT, BP_FATE_LOST, BP_FATE_PART };
enum bp_fate bp_element_fate(const struct bp_point *point, const struct bp_cut *cut, const struct bp_element *e,
			     uint32_t *broken);
/* Is one element torn, so that nothing written over it later can have survived? */
bool bp_cut_tears(const struct bp_cut *cut);
static inline bool bp_elements_overlap(const struct bp_element *x, const struct bp_element *y)
{
	return x->medium == y->medium && x->sector < y->sector + y->sectors && y->sector < x->sector + x->sectors;
}

/* Called for every crash state of a point, the image being that state. Non-zero ends the enumeration. */
typedef int bp_crash_sink(void *ctx, const struct bp_cut *cut, struct bp_image *image);
/* *sampled: not all subsets and parts were tried. Leaves the image as it was. */
int bp_point_enumerate(const struct bp_point *point, const struct bp_limits *limits, struct bp_image *image,
		       bp_crash_sink *sink, void *ctx, bool *sampled) __attribute__((warn_unused_result));

#endif
