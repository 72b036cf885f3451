/* SPDX-License-Identifier: Apache-2.0 */
#include "server/media-contents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/content-hash.h"
#include "log/sector-pool.h"

#define SAVE_SECTORS 2048u

static int base_read(const struct yp_base *base, uint64_t sector, uint32_t sectors, uint8_t *out)
{
	size_t bytes = (size_t)sectors * YP_SECTOR_BYTES;
	size_t done = 0;
	while (base->fd >= 0 && done < bytes) {
		ssize_t n =
		    pread(base->fd, out + done, bytes - done, (off_t)(base->offset + sector * YP_SECTOR_BYTES + done));
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

int yp_contents_read(const struct yp_contents *c, unsigned medium, uint64_t sector, uint32_t sectors, void *out)
{
	uint8_t *bytes = out;
	for (uint32_t k = 0; k < sectors;) {
		uint32_t id = yp_overlay_get(&c->overlay, medium, sector + k);
		if (id != YP_OVERLAY_NONE) {
			memcpy(bytes + (size_t)k * YP_SECTOR_BYTES, yp_pool_sector(c->pool, id), YP_SECTOR_BYTES);
			k++;
			continue;
		}
		uint32_t run = 1;
		while (k + run < sectors && yp_overlay_get(&c->overlay, medium, sector + k + run) == YP_OVERLAY_NONE)
			run++;
		int r = base_read(&c->bases[medium], sector + k, run, bytes + (size_t)k * YP_SECTOR_BYTES);
		if (r < 0)
			return r;
		k += run;
	}
	return 0;
}

int yp_contents_take(struct yp_contents *c, const struct yp_log *log, const struct yp_entry *e)
{
	if (e->op != YP_WRITE && e->op != YP_DISCARD)
		return 0;
	int r = yp_overlay_reserve(&c->overlay, e->medium, e->sector, e->sectors);
	if (r < 0)
		return r;
	uint32_t erased = yp_content_erased(c->layout->media[e->medium].model);
	for (uint32_t k = 0; k < e->sectors; k++)
		yp_overlay_set(&c->overlay, e->medium, e->sector + k,
			       e->op == YP_WRITE ? yp_log_content(log, e, k) : erased);
	return 0;
}

int yp_contents_apply(struct yp_contents *c, const struct yp_log *log)
{
	int r = yp_layout_same_media(c->layout, yp_log_layout(log)) ? 0 : -EINVAL;
	for (size_t i = 0; r == 0 && i < yp_log_count(log); i++)
		r = yp_contents_take(c, log, yp_log_entry(log, i));
	return r;
}

/* The content id of a sector as the base has it. */
static int base_id(const struct yp_contents *c, unsigned medium, uint64_t at, uint32_t *id)
{
	uint8_t sector[YP_SECTOR_BYTES];
	*id = c->known ? yp_overlay_get(c->known, medium, at) : YP_OVERLAY_NONE;
	if (*id != YP_OVERLAY_NONE)
		return 0;
	int r = base_read(&c->bases[medium], at, 1, sector);
	if (r == 0)
		r = yp_pool_intern(c->pool, sector, id);
	if (r == 0 && c->known)
		r = yp_overlay_reserve(c->known, medium, at, 1);
	if (r == 0 && c->known)
		yp_overlay_set(c->known, medium, at, *id);
	return r;
}

int yp_contents_image(const struct yp_contents *c, const struct yp_log *log, struct yp_image **out)
{
	struct yp_image *image = NULL;
	int r =
	    yp_layout_same_media(c->layout, yp_log_layout(log)) ? yp_image_new(c->layout, c->pool, &image) : -EINVAL;
	for (size_t i = 0; r == 0 && i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		for (uint32_t k = 0; r == 0 && (e->op == YP_WRITE || e->op == YP_DISCARD) && k < e->sectors; k++) {
			uint32_t id = yp_overlay_get(&c->overlay, e->medium, e->sector + k);
			if (id == YP_OVERLAY_NONE)
				r = base_id(c, e->medium, e->sector + k, &id);
			if (r == 0)
				yp_image_set(image, e->medium, e->sector + k, id);
		}
	}
	if (r < 0) {
		yp_image_free(image);
		return r;
	}
	*out = image;
	return 0;
}

int yp_contents_from_image(struct yp_contents *c, const struct yp_log *log, const struct yp_image *image)
{
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op != YP_WRITE && e->op != YP_DISCARD)
			continue;
		int r = yp_overlay_reserve(&c->overlay, e->medium, e->sector, e->sectors);
		if (r < 0)
			return r;
		for (uint32_t k = 0; k < e->sectors; k++)
			yp_overlay_set(&c->overlay, e->medium, e->sector + k,
				       yp_image_get(image, e->medium, e->sector + k));
	}
	return 0;
}

int yp_contents_crash(struct yp_contents *c, const struct yp_log *log, const struct yp_cut *cut)
{
	struct yp_image *image;
	int r = yp_contents_image(c, log, &image);
	if (r < 0)
		return r;
	r = yp_case_state(log, cut, image);
	if (r == 0)
		r = yp_contents_from_image(c, log, image);
	yp_image_free(image);
	return r;
}

int yp_contents_digest(const struct yp_contents *c, unsigned medium, struct yp_hash *out)
{
	struct yp_hash hash = {0};
	for (uint64_t s = 0; s < c->layout->media[medium].sectors; s++) {
		uint32_t id = yp_overlay_get(&c->overlay, medium, s);
		int r = id == YP_OVERLAY_NONE ? base_id(c, medium, s, &id) : 0;
		if (r < 0)
			return r;
		struct yp_hash content = yp_pool_hash128(c->pool, id);
		hash = yp_hash_add(yp_hash_add(hash, content.lo), content.hi);
	}
	*out = hash;
	return 0;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static int save_range(const struct yp_contents *c, unsigned medium, uint64_t sector, uint32_t sectors, uint8_t *buffer,
		      int fd)
{
	size_t bytes = (size_t)sectors * YP_SECTOR_BYTES;
	int r = yp_contents_read(c, medium, sector, sectors, buffer);
	if (r < 0 || all_zero(buffer, bytes))
		return r;
	for (size_t done = 0; done < bytes;) {
		ssize_t n = pwrite(fd, buffer + done, bytes - done, (off_t)(sector * YP_SECTOR_BYTES + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int yp_contents_save(const struct yp_contents *c, unsigned medium, const char *path)
{
	uint64_t sectors = c->layout->media[medium].sectors;
	uint8_t *buffer = malloc((size_t)SAVE_SECTORS * YP_SECTOR_BYTES);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : !buffer ? -ENOMEM : 0;
	if (r == 0 && ftruncate(fd, (off_t)(sectors * YP_SECTOR_BYTES)) < 0)
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
