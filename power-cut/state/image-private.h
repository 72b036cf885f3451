/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_STATE_IMAGE_PRIVATE_H
#define POWER_CUT_STATE_IMAGE_PRIVATE_H

#include <stdbool.h>

#include "power-cut/image.h"

/* What all copies of an image have in common. */
struct shape {
	unsigned references;
	struct yp_layout layout;
	unsigned regions_count;
	struct yp_region regions[YP_REGIONS_MAX];
	uint32_t
	    *regions_at[YP_MEDIA_MAX]; /* for each sector a mask of the regions over it; NULL: none on the medium */
};

struct hashes {
	struct yp_hash whole;
	struct yp_hash region[YP_REGIONS_MAX];
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

struct yp_image {
	struct shape *shape;
	struct yp_pool *pool;
	uint32_t *ids[YP_MEDIA_MAX];
	struct hashes now;
	struct undo *undo;
	size_t undo_used, undo_room;
	struct level *levels;
	size_t levels_used, levels_room;
	bool broken; /* an undo was lost to a lack of memory */
};

/* The hash of any range, as a region over it would have. */
struct yp_hash yp_image_range_hash(const struct yp_image *image, unsigned medium, uint64_t sector, uint64_t sectors);

#endif
