/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_IMAGE_H
#define POWER_CUT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "power-cut/log.h"

/*
 * Contents of all media: a content id for every sector, with an incremental hash (Zobrist: XOR over
 * sectors of a mix of place and content hash), for the whole and for each declared region. Setting a sector is O(1).
 */
struct bp_hash {
	uint64_t lo, hi;
};

/* A range whose hash is kept up to date: each environment copy, each slot, the journal ... */
struct bp_region {
	char name[BP_NAME_MAX];
	unsigned medium;
	uint64_t first, sectors;
};
#define BP_REGIONS_MAX 32u

/* What the outside saw before the cut: texts of BP_MARK_WORLD, in order, interned as one id by the explorer. */
struct bp_world {
	const char *const *events;
	size_t count;
};

struct bp_image;
int bp_image_new(const struct bp_layout *layout, struct bp_pool *pool, struct bp_image **out)
    __attribute__((warn_unused_result)); /* all zero */
void bp_image_free(struct bp_image *image);
int bp_image_copy(const struct bp_image *from, struct bp_image **out) __attribute__((warn_unused_result));
int bp_image_region_add(struct bp_image *image, const struct bp_region *region, unsigned *index)
    __attribute__((warn_unused_result)); /* before contents are set */
void bp_image_set(struct bp_image *image, unsigned medium, uint64_t sector, uint32_t content);
uint32_t bp_image_get(const struct bp_image *image, unsigned medium, uint64_t sector);
int bp_image_write(struct bp_image *image, unsigned medium, uint64_t sector, uint32_t sectors, const void *data)
    __attribute__((warn_unused_result));
void bp_image_read(const struct bp_image *image, unsigned medium, uint64_t sector, uint32_t sectors, void *out);
/* Undo: everything set after push is taken back by pop. Nests. */
int bp_image_push(struct bp_image *image) __attribute__((warn_unused_result));
void bp_image_pop(struct bp_image *image);
struct bp_hash bp_image_hash(const struct bp_image *image);
struct bp_hash bp_image_region_hash(const struct bp_image *image, unsigned index);
struct bp_pool *bp_image_pool(const struct bp_image *image);
const struct bp_layout *bp_image_layout(const struct bp_image *image);
/* Applies entries [0, count) of a log, as if all were durable. */
int bp_image_apply(struct bp_image *image, const struct bp_log *log, size_t count) __attribute__((warn_unused_result));

#endif
