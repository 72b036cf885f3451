/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of all media, hashed as they change, with undo. */
#include "power-cut/image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/content-hash.h"
#include "log/sector-pool.h"

#define UNDO_MAX   ((size_t)1 << 32)
#define LEVELS_MAX ((size_t)1 << 20)

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

int yp_image_new(const struct yp_layout *layout, struct yp_pool *pool, struct yp_image **out)
{
	assert(layout && pool && out);
	if (!yp_layout_valid(layout))
		return -EINVAL;
	struct yp_image *image = calloc(1, sizeof *image);
	struct shape *shape = calloc(1, sizeof *shape);
	if (!image || !shape) {
		free(image);
		free(shape);
		return -ENOMEM;
	}
	shape->layout = *layout;
	shape->references = 1;
	image->shape = shape;
	image->pool = pool;
	for (unsigned m = 0; m < layout->count; m++) {
		image->ids[m] = calloc((size_t)layout->media[m].sectors, sizeof *image->ids[m]);
		if (!image->ids[m]) {
			yp_image_free(image);
			return -ENOMEM;
		}
	}
	*out = image;
	return 0;
}

void yp_image_free(struct yp_image *image)
{
	if (!image)
		return;
	for (unsigned m = 0; m < image->shape->layout.count; m++)
		free(image->ids[m]);
	if (--image->shape->references == 0) {
		for (unsigned m = 0; m < image->shape->layout.count; m++)
			free(image->shape->regions_at[m]);
		free(image->shape);
	}
	free(image->undo);
	free(image->levels);
	free(image);
}

int yp_image_copy(const struct yp_image *from, struct yp_image **out)
{
	assert(from && out);
	struct yp_image *image = calloc(1, sizeof *image);
	if (!image)
		return -ENOMEM;
	image->shape = from->shape;
	image->shape->references++;
	image->pool = from->pool;
	image->now = from->now;
	for (unsigned m = 0; m < from->shape->layout.count; m++) {
		size_t bytes = (size_t)from->shape->layout.media[m].sectors * sizeof *image->ids[m];
		image->ids[m] = malloc(bytes);
		if (!image->ids[m]) {
			yp_image_free(image);
			return -ENOMEM;
		}
		memcpy(image->ids[m], from->ids[m], bytes);
	}
	*out = image;
	return 0;
}

int yp_image_region_add(struct yp_image *image, const struct yp_region *region, unsigned *index)
{
	assert(image && region);
	struct shape *shape = image->shape;
	if (region->medium >= shape->layout.count || region->sectors == 0 ||
	    !memchr(region->name, 0, sizeof region->name) ||
	    region->first >= shape->layout.media[region->medium].sectors ||
	    region->sectors > shape->layout.media[region->medium].sectors - region->first)
		return -EINVAL;
	/* Copies share the shape: a region added now would be wrong in them. */
	if (shape->references > 1 || image->levels_used)
		return -EBUSY;
	if (shape->regions_count == YP_REGIONS_MAX)
		return -ENOSPC;
	uint32_t **at = &shape->regions_at[region->medium];
	if (!*at) {
		*at = calloc((size_t)shape->layout.media[region->medium].sectors, sizeof **at);
		if (!*at)
			return -ENOMEM;
	}
	unsigned n = shape->regions_count++;
	shape->regions[n] = *region;
	image->now.region[n] = yp_image_range_hash(image, region->medium, region->first, region->sectors);
	for (uint64_t s = 0; s < region->sectors; s++)
		(*at)[region->first + s] |= UINT32_C(1) << n;
	if (index)
		*index = n;
	return 0;
}

static struct yp_hash place_hash(const struct yp_image *image, unsigned medium, uint64_t sector, uint32_t content)
{
	struct yp_hash none = {0};
	return content == YP_CONTENT_00 ? none : yp_hash_place(medium, sector, yp_pool_hash128(image->pool, content));
}

static void undo_note(struct yp_image *image, unsigned medium, uint64_t sector, uint32_t content)
{
	if (image->undo_used == image->undo_room) {
		void *items = image->undo;
		/* Without undo every later state would be wrong: the error is kept and returned by the next push.
		 */
		if (yp_array_grow(&items, &image->undo_room, image->undo_used, sizeof *image->undo, UNDO_MAX) < 0) {
			image->broken = true;
			return;
		}
		image->undo = items;
	}
	image->undo[image->undo_used++] = (struct undo){sector, content, (uint16_t)medium};
}

void yp_image_set(struct yp_image *image, unsigned medium, uint64_t sector, uint32_t content)
{
	uint32_t *id = &image->ids[medium][sector];
	if (*id == content)
		return;
	if (image->levels_used)
		undo_note(image, medium, sector, *id);
	struct yp_hash change =
	    yp_hash_xor(place_hash(image, medium, sector, *id), place_hash(image, medium, sector, content));
	*id = content;
	image->now.whole = yp_hash_xor(image->now.whole, change);
	const uint32_t *at = image->shape->regions_at[medium];
	for (uint32_t left = at ? at[sector] : 0; left; left &= left - 1) {
		unsigned n = (unsigned)__builtin_ctz(left);
		image->now.region[n] = yp_hash_xor(image->now.region[n], change);
	}
}

static bool image_range_valid(const struct yp_image *image, unsigned medium, uint64_t sector, uint64_t sectors)
{
	const struct yp_layout *layout = &image->shape->layout;
	return medium < layout->count && sector <= layout->media[medium].sectors &&
	       sectors <= layout->media[medium].sectors - sector;
}

uint32_t yp_image_get(const struct yp_image *image, unsigned medium, uint64_t sector)
{
	assert(medium < image->shape->layout.count && sector < image->shape->layout.media[medium].sectors);
	return image->ids[medium][sector];
}

int yp_image_write(struct yp_image *image, unsigned medium, uint64_t sector, uint32_t sectors, const void *data)
{
	assert(image && (data || sectors == 0));
	if (!image_range_valid(image, medium, sector, sectors))
		return -EINVAL;
	const uint8_t *bytes = data;
	for (uint32_t k = 0; k < sectors; k++) {
		uint32_t id;
		int r = yp_pool_intern(image->pool, bytes + (size_t)k * YP_SECTOR_BYTES, &id);
		if (r < 0)
			return r;
		yp_image_set(image, medium, sector + k, id);
	}
	return 0;
}

void yp_image_read(const struct yp_image *image, unsigned medium, uint64_t sector, uint32_t sectors, void *out)
{
	assert(image_range_valid(image, medium, sector, sectors));
	uint8_t *bytes = out;
	for (uint32_t k = 0; k < sectors; k++)
		memcpy(bytes + (size_t)k * YP_SECTOR_BYTES, yp_pool_sector(image->pool, image->ids[medium][sector + k]),
		       YP_SECTOR_BYTES);
}

int yp_image_push(struct yp_image *image)
{
	if (image->broken)
		return -ENOMEM;
	void *items = image->levels;
	int r = yp_array_grow(&items, &image->levels_room, image->levels_used, sizeof *image->levels, LEVELS_MAX);
	image->levels = items;
	if (r < 0)
		return r;
	struct level *level = &image->levels[image->levels_used++];
	level->undo_used = image->undo_used;
	/* Only the regions that exist: this runs for every crash state. */
	level->hashes.whole = image->now.whole;
	memcpy(level->hashes.region, image->now.region, image->shape->regions_count * sizeof image->now.region[0]);
	return 0;
}

void yp_image_pop(struct yp_image *image)
{
	assert(image->levels_used > 0);
	const struct level *level = &image->levels[--image->levels_used];
	while (image->undo_used > level->undo_used) {
		const struct undo *u = &image->undo[--image->undo_used];
		image->ids[u->medium][u->sector] = u->content;
	}
	image->now.whole = level->hashes.whole;
	memcpy(image->now.region, level->hashes.region, image->shape->regions_count * sizeof image->now.region[0]);
}

struct yp_hash yp_image_hash(const struct yp_image *image)
{
	return image->now.whole;
}

struct yp_hash yp_image_region_hash(const struct yp_image *image, unsigned index)
{
	assert(index < image->shape->regions_count);
	return image->now.region[index];
}

struct yp_hash yp_image_range_hash(const struct yp_image *image, unsigned medium, uint64_t sector, uint64_t sectors)
{
	assert(image_range_valid(image, medium, sector, sectors));
	const uint32_t *ids = image->ids[medium];
	struct yp_hash h = {0};
	for (uint64_t s = sector; s < sector + sectors; s++) {
		if (ids[s] != YP_CONTENT_00)
			h = yp_hash_xor(h, yp_hash_place(medium, s, yp_pool_hash128(image->pool, ids[s])));
	}
	return h;
}

unsigned yp_image_regions_count(const struct yp_image *image)
{
	return image->shape->regions_count;
}

const struct yp_region *yp_image_region(const struct yp_image *image, unsigned index)
{
	assert(index < image->shape->regions_count);
	return &image->shape->regions[index];
}

struct yp_pool *yp_image_pool(const struct yp_image *image)
{
	return image->pool;
}

const struct yp_layout *yp_image_layout(const struct yp_image *image)
{
	return &image->shape->layout;
}

int yp_image_apply(struct yp_image *image, const struct yp_log *log, size_t count)
{
	assert(image && log);
	if (count > yp_log_count(log))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op != YP_WRITE && e->op != YP_DISCARD)
			continue;
		if (!image_range_valid(image, e->medium, e->sector, e->sectors))
			return -EINVAL;
		uint32_t erased = yp_content_erased(image->shape->layout.media[e->medium].model);
		for (uint32_t k = 0; k < e->sectors; k++)
			yp_image_set(image, e->medium, e->sector + k,
				     e->op == YP_WRITE ? yp_log_content(log, e, k) : erased);
	}
	return 0;
}
