/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_STATE_CRASH_H
#define POWER_CUT_STATE_CRASH_H

#include "log/sector-pool.h"
#include "power-cut/cut.h"
#include "state/replay-plan.h"

/*
 * Walks a plan up to a cut: durable writes go into the image, the others stay pending.
 */
struct yp_pending {
	uint32_t op;
	bool forced; /* durable, but not yet in the image because an earlier write to the medium is not */
};
struct yp_walk {
	const struct yp_plan *plan;
	struct yp_worlds *worlds;
	struct yp_image *image;
	struct yp_pending *pending;
	size_t pending_count, pending_room;
	uint32_t next;  /* op that the walk stands before */
	uint32_t world; /* what the outside has seen so far */
};

/* A pending write or discard, or a chain of writes. */
struct yp_element {
	uint32_t first, count; /* in yp_point.ops */
	uint64_t sector, sectors;
	uint16_t medium;
	bool forced;
	bool in_flight;         /* the cut hit it while it ran, on a medium that has no cache */
	uint32_t optional;      /* number among the elements that are not forced */
	uint32_t optional_here; /* ... and among those on this medium */
};

/* Everything a cut can choose from. Reusable; zero-initialised, then yp_point_deinit(). */
struct yp_point {
	const struct yp_plan *plan;
	const struct yp_layout *layout;
	uint32_t entry;
	uint32_t *ops; /* indices into the plan, by element */
	uint32_t *element_of;
	size_t ops_room;
	struct yp_element *elements;
	size_t elements_count, elements_room;
	uint32_t optional_count;
	uint32_t optional_on[YP_MEDIA_MAX];
};

void yp_walk_init(struct yp_walk *walk, const struct yp_plan *plan, struct yp_worlds *worlds, struct yp_image *image,
		  uint32_t world);
void yp_walk_deinit(struct yp_walk *walk);
/* Does the op that the walk stands before end an epoch, so that crash states must be enumerated before it? True at the
 * end of the plan. */
bool yp_walk_at_point(const struct yp_walk *walk);
bool yp_walk_at_end(const struct yp_walk *walk);
int yp_walk_next(struct yp_walk *walk) __attribute__((warn_unused_result));
/* What is pending where the walk stands. */
int yp_walk_point(const struct yp_walk *walk, struct yp_point *out) __attribute__((warn_unused_result));
/* Walks on to a cut. */
int yp_walk_to(struct yp_walk *walk, uint32_t entry) __attribute__((warn_unused_result));

void yp_point_deinit(struct yp_point *point);
/* Applies to the image, which holds what is durable at the point, what survives the cut. -EINVAL: the cut does not fit
 * the point. */
int yp_point_apply(const struct yp_point *point, const struct yp_cut *cut, struct yp_image *image)
    __attribute__((warn_unused_result));
/* The pieces of that, for an enumeration that goes step by step. */
void yp_element_apply(const struct yp_point *point, const struct yp_element *element, struct yp_image *image);
int yp_element_apply_part(const struct yp_point *point, const struct yp_element *element, const struct yp_cut *cut,
			  struct yp_image *image) __attribute__((warn_unused_result));
/* Does the form let an optional element survive? The order of an ordered medium and the torn element come on top. */
bool yp_element_survives(const struct yp_cut *cut, const struct yp_element *element);
/* The fate of an element; to be called for all in order, *broken starting at 0. */
enum yp_fate { YP_FATE_DURABLE, YP_FATE_KEPT, YP_FATE_LOST, YP_FATE_PART };
enum yp_fate yp_element_fate(const struct yp_point *point, const struct yp_cut *cut, const struct yp_element *e,
			     uint32_t *broken);
/* Is one element torn, so that nothing written over it later can have survived? */
bool yp_cut_tears(const struct yp_cut *cut);
static inline bool yp_elements_overlap(const struct yp_element *x, const struct yp_element *y)
{
	return x->medium == y->medium && x->sector < y->sector + y->sectors && y->sector < x->sector + x->sectors;
}

/* Called for every crash state of a point, the image being that state. Non-zero ends the enumeration. */
typedef int yp_crash_sink(void *ctx, const struct yp_cut *cut, struct yp_image *image);
/* *sampled: not all subsets and parts were tried. Leaves the image as it was. */
int yp_point_enumerate(const struct yp_point *point, const struct yp_limits *limits, struct yp_image *image,
		       yp_crash_sink *sink, void *ctx, bool *sampled) __attribute__((warn_unused_result));

#endif
