/* SPDX-License-Identifier: Apache-2.0 */
#include "contents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"

#define SAVE_SECTORS 2048u

static int base_read(const struct bp_base *base, uint64_t sector, uint32_t sectors, uint8_t *out)
{
	size_t bytes = (size_t)sectors * BP_SECTOR_BYTES;
	size_t done = 0;
	while (base->fd >= 0 && done < bytes) {
		ssize_t n =
		    pread(base->fd, out + done, bytes - done, (off_t)(base->offset + sector * BP_SECTOR_BYTES + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	memset(out + done, 0, bytes - done);
	return 0;
}

int bp_contents_read(const struct bp_contents *c, unsigned medium, uint64_t sector, uint32_t sectors, void *out)
{
	uint8_t *bytes = out;
	for (uint32_t k = 0; k < sectors;) {
		uint32_t id = bp_overlay_get(&c->overlay, medium, sector + k);
		if (id != BP_OVERLAY_NONE) {
			memcpy(bytes + (size_t)k * BP_SECTOR_BYTES, bp_pool_sector(c->pool, id), BP_SECTOR_BYTES);
			k++;
			continue;
		}
		uint32_t run = 1;
		while (k + run < sectors && bp_overlay_get(&c->overlay, medium, sector + k + run) == BP_OVERLAY_NONE)
			run++;
		int r = base_read(&c->bases[medium], sector + k, run, bytes + (size_t)k * BP_SECTOR_BYTES);
		if (r < 0)
			return r;
		k += run;
	}
	return 0;
}

int bp_contents_take(struct bp_contents *c, const struct bp_log *log, const struct bp_entry *e)
{
	if (e->op != BP_WRITE && e->op != BP_DISCARD)
		return 0;
	int r = bp_overlay_reserve(&c->overlay, e->medium, e->sector, e->sectors);
	if (r < 0)
		return r;
	uint32_t erased = c->layout->media[e->medium].model == BP_MODEL_NOR ? BP_CONTENT_FF : BP_CONTENT_00;
	for (uint32_t k = 0; k < e->sectors; k++)
		bp_overlay_set(&c->overlay, e->medium, e->sector + k,
			       e->op == BP_WRITE ? bp_log_content(log, e, k) : erased);
	return 0;
}

static bool same_media(const struct bp_layout *x, const struct bp_layout *y)
{
	if (x->count != y->count)
		return false;
	for (unsigned m = 0; m < x->count; m++) {
		if (x->media[m].sectors != y->media[m].sectors)
			return false;
	}
	return true;
}

int bp_contents_apply(struct bp_contents *c, const struct bp_log *log)
{
	int r = same_media(c->layout, bp_log_layout(log)) ? 0 : -EINVAL;
	for (size_t i = 0; r == 0 && i < bp_log_count(log); i++)
		r = bp_contents_take(c, log, bp_log_entry(log, i));
	return r;
}

/* The content id of a sector as the base has it. */
static int base_id(const struct bp_contents *c, unsigned medium, uint64_t at, uint32_t *id)
{
	uint8_t sector[BP_SECTOR_BYTES];
	*id = c->known ? bp_overlay_get(c->known, medium, at) : BP_OVERLAY_NONE;
	if (*id != BP_OVERLAY_NONE)
		return 0;
	int r = base_read(&c->bases[medium], at, 1, sector);
	if (r == 0)
		r = bp_pool_intern(c->pool, sector, id);
	if (r == 0 && c->known)
		r = bp_overlay_reserve(c->known, medium, at, 1);
	if (r == 0 && c->known)
		bp_overlay_set(c->known, medium, at, *id);
	return r;
}

int bp_contents_image(const struct bp_contents *c, const struct bp_log *log, struct bp_image **out)
{
	struct bp_image *image = NULL;
	int r = same_media(c->layout, bp_log_layout(log)) ? bp_image_new(c->layout, c->pool, &image) : -EINVAL;
	for (size_t i = 0; r == 0 && i < bp_log_count(log); i++) {
		const struct bp_entry *e = bp_log_entry(log, i);
		for (uint32_t k = 0; r == 0 && (e->op == BP_WRITE || e->op == BP_DISCARD) && k < e->sectors; k++) {
			uint32_t id = bp_overlay_get(&c->overlay, e->medium, e->sector + k);
			if (id == BP_OVERLAY_NONE)
				r = base_id(c, e->medium, e->sector + k, &id);
			if (r == 0)
				bp_image_set(image, e->medium, e->sector + k, id);
		}
	}
	if (r < 0) {
		bp_image_free(image);
		return r;
	}
	*out = image;
	return 0;
}

int bp_contents_from_image(struct bp_contents *c, const struct bp_log *log, const struct bp_image *image)
{
	for (size_t i = 0; i < bp_log_count(log); i++) {
		const struct bp_entry *e = bp_log_entry(log, i);
		if (e->op != BP_WRITE && e->op != BP_DISCARD)
			continue;
		int r = bp_overlay_reserve(&c->overlay, e->medium, e->sector, e->sectors);
		if (r < 0)
			return r;
		for (uint32_t k = 0; k < e->sectors; k++)
			bp_overlay_set(&c->overlay, e->medium, e->sector + k,
				       bp_image_get(image, e->medium, e->sector + k));
	}
	return 0;
}

int bp_contents_crash(struct bp_contents *c, const struct bp_log *log, const struct bp_cut *cut)
{
	struct bp_image *image;
	int r = bp_contents_image(c, log, &image);
	if (r < 0)
		return r;
	r = bp_case_state(log, cut, image);
	if (r == 0)
		r = bp_contents_from_image(c, log, image);
	bp_image_free(image);
	return r;
}

int bp_contents_digest(const struct bp_contents *c, unsigned medium, struct bp_hash *out)
{
	struct bp_hash hash = {0};
	for (uint64_t s = 0; s < c->layout->media[medium].sectors; s++) {
		uint32_t id = bp_overlay_get(&c->overlay, medium, s);
		int r = id == BP_OVERLAY_NONE ? base_id(c, medium, s, &id) : 0;
		if (r < 0)
			return r;
		struct bp_hash content = bp_pool_hash128(c->pool, id);
		hash = bp_hash_add(bp_hash_add(hash, content.lo), content.hi);
	}
	*out = hash;
	return 0;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static int save_range(const struct bp_contents *c, unsigned medium, uint64_t sector, uint32_t sectors, uint8_t *buffer,
		      int fd)
{
	size_t bytes = (size_t)sectors * BP_SECTOR_BYTES;
	int r = bp_contents_read(c, medium, sector, sectors, buffer);
	if (r < 0 || all_zero(buffer, bytes))
		return r;
	for (size_t done = 0; done < bytes;) {
		ssize_t n = pwrite(fd, buffer + done, bytes - done, (off_t)(sector * BP_SECTOR_BYTES + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int bp_contents_save(const struct bp_contents *c, unsigned medium, const char *path)
{
	uint64_t sectors = c->layout->media[medium].sectors;
	uint8_t *buffer = malloc((size_t)SAVE_SECTORS * BP_SECTOR_BYTES);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : !buffer ? -ENOMEM : 0;
	if (r == 0 && ftruncate(fd, (off_t)(sectors * BP_SECTOR_BYTES)) < 0)
		r = -errno;
	for (uint64_t at = 0; r == 0 && at < sectors; at += SAVE_SECTORS)
		r = save_range(c, medium, at, (uint32_t)(sectors - at < SAVE_SECTORS ? sectors - at : SAVE_SECTORS),
			       buffer, fd);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	free(buffer);
	return r;
}
