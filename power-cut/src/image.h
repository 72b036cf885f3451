/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SRC_IMAGE_H
#define POWER_CUT_SRC_IMAGE_H

#include <stdbool.h>

#include "power-cut/image.h"

/* What all copies of an image have in common. */
struct shape {
	unsigned references;
	struct bp_layout layout;
	unsigned regions_count;
	struct bp_region regions[BP_REGIONS_MAX];
	uint32_t
	    *regions_at[BP_MEDIA_MAX]; /* for each sector a mask of the regions over it; NULL: none on the medium */
};

struct hashes {
	struct bp_hash whole;
	struct bp_hash region[BP_REGIONS_MAX];
};

struct undo {
	uint64_t sector;
	uint32_t content;
	uint16_t medium;
};

struct level {
	size_t undo_used;
	struct hashes hashes;
};

struct bp_image {
	struct shape *shape;
	struct bp_pool *pool;
	uint32_t *ids[BP_MEDIA_MAX];
	struct hashes now;
	struct undo *undo;
	size_t undo_used, undo_room;
	struct level *levels;
	size_t levels_used, levels_room;
	bool broken; /* an undo was lost to a lack of memory */
};

/* The hash of any range, as a region over it would have. */
struct bp_hash bp_image_range_hash(const struct bp_image *image, unsigned medium, uint64_t sector, uint64_t sectors);

#endif
