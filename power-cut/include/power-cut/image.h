/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_IMAGE_H
#define POWER_CUT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "power-cut/hash.h"
#include "power-cut/log.h"

/* A range whose hash is kept up to date: each environment copy, each slot, the journal ... */
struct yp_region {
	char name[YP_NAME_MAX];
	unsigned medium;
	uint64_t first, sectors;
};
#define YP_REGIONS_MAX 32u

/* Events that were visible outside the device before the cut: texts of YP_MARK_WORLD, in order, interned as one id by
 * the explorer. */
struct yp_world {
	const char *const *events;
	size_t count;
};

/*
 * Contents of all media: a content id for every sector, with an incremental hash (Zobrist: XOR over
 * sectors of a mix of place and content hash), for the whole and for each declared region. Setting a sector is O(1).
 */
struct yp_image;
int yp_image_new(const struct yp_layout *layout, struct yp_pool *pool, struct yp_image **out)
    __attribute__((warn_unused_result)); /* all zero */
void yp_image_free(struct yp_image *image);
int yp_image_copy(const struct yp_image *from, struct yp_image **out) __attribute__((warn_unused_result));
int yp_image_region_add(struct yp_image *image, const struct yp_region *region, unsigned *index)
    __attribute__((warn_unused_result)); /* before contents are set */
void yp_image_set(struct yp_image *image, unsigned medium, uint64_t sector, uint32_t content);
uint32_t yp_image_get(const struct yp_image *image, unsigned medium, uint64_t sector);
int yp_image_write(struct yp_image *image, unsigned medium, uint64_t sector, uint32_t sectors, const void *data)
    __attribute__((warn_unused_result));
void yp_image_read(const struct yp_image *image, unsigned medium, uint64_t sector, uint32_t sectors, void *out);
/* Undo: everything set after push is taken back by pop. Nests. */
int yp_image_push(struct yp_image *image) __attribute__((warn_unused_result));
void yp_image_pop(struct yp_image *image);
struct yp_hash yp_image_hash(const struct yp_image *image);
struct yp_hash yp_image_region_hash(const struct yp_image *image, unsigned index);
/* The hash of any range, as a region over it would have. Takes time with each sector. */
struct yp_hash yp_image_range_hash(const struct yp_image *image, unsigned medium, uint64_t sector, uint64_t sectors);
unsigned yp_image_regions_count(const struct yp_image *image);
const struct yp_region *yp_image_region(const struct yp_image *image, unsigned index);
struct yp_pool *yp_image_pool(const struct yp_image *image);
const struct yp_layout *yp_image_layout(const struct yp_image *image);
/* Applies entries [0, count) of a log, as if all were durable. */
int yp_image_apply(struct yp_image *image, const struct yp_log *log, size_t count) __attribute__((warn_unused_result));

#endif
