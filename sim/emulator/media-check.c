/* SPDX-License-Identifier: Apache-2.0 */
/* Compares QEMU's view of the media with the requested image. */
#include "emulator/media-check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/emulator-private.h"

#define CHUNK_SECTORS 256u

static const struct yp_cut *cut_of(const struct yp_emulator_cycle *cycle, struct yp_case *c)
{
	return *cycle->cut && yp_case_decode(cycle->cut, c) == 0 ? &c->cuts[0] : NULL;
}

/* Base, start's logs and the run's own, in memory, by the library and not by the block server. */
static int make_expected(const struct yp_emulator *rig, const struct yp_emulator_start *start,
			 const struct yp_emulator_result *result, struct yp_pool *pool, struct yp_image **out)
{
	struct yp_case c;
	char detail[160];
	int r = yp_emulator_base(rig, pool, NULL, 0, out);
	unsigned starts = start ? start->count : 0;
	for (unsigned i = 0; r == 0 && i < starts + result->cycles; i++) {
		const char *path = i < starts ? start->from[i].log : result->cycle[i - starts].log;
		struct yp_log *log = NULL;
		r = yp_log_load(path, pool, &log, detail, sizeof detail);
		const struct yp_cut *cut = i < starts ? start->from[i].cut : cut_of(&result->cycle[i - starts], &c);
		if (r == 0 && cut)
			r = yp_case_state(log, cut, *out);
		else if (r == 0)
			r = yp_image_apply(*out, log, yp_log_count(log));
		yp_log_free(log);
		if (r > 0)
			r = -EINVAL;
	}
	return r;
}

struct difference {
	uint64_t sectors, differ;
	char first[96];
};

static int compare_medium(const struct yp_image *image, unsigned medium, int fd, off_t *at, struct difference *out)
{
	static const size_t step = (size_t)CHUNK_SECTORS * YP_SECTOR_BYTES;
	const struct yp_medium *m = &yp_image_layout(image)->media[medium];
	uint8_t *bytes = malloc(2 * step);
	int r = bytes ? 0 : -ENOMEM;
	for (uint64_t s = 0; r == 0 && s < m->sectors; s += CHUNK_SECTORS) {
		uint32_t count = m->sectors - s < CHUNK_SECTORS ? (uint32_t)(m->sectors - s) : CHUNK_SECTORS;
		size_t size = (size_t)count * YP_SECTOR_BYTES;
		if (pread(fd, bytes, size, *at) != (ssize_t)size)
			r = -EIO;
		*at += (off_t)size;
		yp_image_read(image, medium, s, count, bytes + step);
		for (uint32_t i = 0; r == 0 && i < count; i++) {
			size_t from = (size_t)i * YP_SECTOR_BYTES;
			if (memcmp(bytes + from, bytes + step + from, YP_SECTOR_BYTES) != 0 && out->differ++ == 0)
				(void)snprintf(out->first, sizeof out->first, "%s, sector %" PRIu64, m->name, s + i);
		}
		out->sectors += count;
	}
	free(bytes);
	return r;
}

static int compare_export(const struct yp_emulator *rig, const char *name, const struct yp_image *image,
			  const char *witness, struct difference *out)
{
	const struct yp_export *export = yp_media_export(&rig->media, name);
	char path[YP_EMULATOR_PATH_MAX + 16];
	off_t at = 0;
	(void)snprintf(path, sizeof path, "%s/%s.img", witness, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	for (unsigned i = 0; r == 0 && i < export->count; i++)
		r = compare_medium(image, export->media[i], fd, &at, out);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

int yp_emulator_compare(struct yp_emulator *rig, const struct yp_emulator_start *start,
			const struct yp_emulator_result *result, const char *witness, char *detail, size_t detail_bytes)
{
	struct difference difference = {0};
	struct yp_pool *pool = NULL;
	struct yp_image *image = NULL;
	int r = yp_pool_new(&pool);
	if (r == 0)
		r = make_expected(rig, start, result, pool, &image);
	if (r == 0)
		r = compare_export(rig, "card", image, witness, &difference);
	if (r == 0)
		r = compare_export(rig, "disk", image, witness, &difference);
	yp_image_free(image);
	yp_pool_free(pool);
	if (r < 0)
		(void)snprintf(detail, detail_bytes, "witness: %s", strerror(-r));
	else if (difference.differ > 0)
		(void)snprintf(detail, detail_bytes,
			       "witness: %" PRIu64 " of %" PRIu64 " sectors are not what base + log say, first %s",
			       difference.differ, difference.sectors, difference.first);
	else
		(void)snprintf(detail, detail_bytes,
			       "witness: all %" PRIu64 " bytes that QEMU left in its own copies equal base + log",
			       difference.sectors * YP_SECTOR_BYTES);
	return r < 0 ? r : difference.differ > 0 ? 1 : 0;
}
