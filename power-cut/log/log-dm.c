/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of the kernel's dm-log-writes target (Documentation/admin-guide/device-mapper/log-writes.rst and the
 * structures at the top of drivers/md/dm-log-writes.c), which QEMU's blklogwrites writes too. Little endian, in blocks
 * of the log's own sector size:
 *
 *   block 0   u64 magic, u64 version, u64 entries, u32 sector size
 *   then each entry: one block with u64 sector, u64 sectors, u64 flags, u64 length of data behind it in this block (a
 * mark's text); then, unless it is a discard or a mark, its sectors.
 *
 * The format describes one device. Media lie on it one behind the other, each starting at a multiple of 4096 bytes. A
 * flush has no place in it: ours is exported with the last sector of its medium as its sector (0 means the whole
 * device, as every other writer has it), so that we get it back.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/format-detail.h"
#include "log/bytes.h"
#include "log/log-private.h"

#define DM_MAGIC     UINT64_C(0x6a736677736872)
#define DM_VERSION   1u
#define DM_FLUSH     1u
#define DM_FUA       2u
#define DM_DISCARD   4u
#define DM_MARK      8u
#define DM_METADATA  16u
#define DM_FLAGS     (DM_FLUSH | DM_FUA | DM_DISCARD | DM_MARK | DM_METADATA)
#define ENTRY_BYTES  32u
#define SUPER_BYTES  28u
#define BLOCK_MAX    (1u << 20)
#define MEDIUM_ALIGN 8u /* sectors */

static void media_starts(const struct yp_layout *layout, uint64_t starts[YP_MEDIA_MAX + 1])
{
	starts[0] = 0;
	for (unsigned m = 0; m < layout->count; m++)
		starts[m + 1] = (starts[m] + layout->media[m].sectors + MEDIUM_ALIGN - 1) / MEDIUM_ALIGN * MEDIUM_ALIGN;
}

static void export_block(struct yp_file *f, uint64_t sector, uint64_t sectors, uint64_t flags, const char *text)
{
	uint8_t block[YP_SECTOR_BYTES] = {0};
	size_t length = strnlen(text, sizeof block - ENTRY_BYTES);
	yp_put_le64(block, sector);
	yp_put_le64(block + 8, sectors);
	yp_put_le64(block + 16, flags);
	yp_put_le64(block + 24, length);
	memcpy(block + ENTRY_BYTES, text, length);
	yp_file_add(f, block, sizeof block);
}

static void export_entry(struct yp_file *f, const struct yp_log *log, const struct yp_entry *e, const uint64_t *starts)
{
	uint64_t start = starts[e->medium];
	switch (e->op) {
	case YP_WRITE:
		export_block(f, start + e->sector, e->sectors, e->fua ? DM_FUA : 0, "");
		for (uint32_t k = 0; k < e->sectors; k++)
			yp_file_add(f, yp_pool_sector(log->pool, yp_log_content(log, e, k)), YP_SECTOR_BYTES);
		break;
	case YP_DISCARD:
		export_block(f, start + e->sector, e->sectors, DM_DISCARD, "");
		break;
	case YP_FLUSH:
		export_block(f, starts[e->medium + 1] - 1, 0, DM_FLUSH, "");
		break;
	case YP_MARK:
		export_block(f, 0, 0, DM_MARK, yp_log_text(log, e));
		break;
	case YP_READ:
		break;
	}
}

int yp_log_export_dm(const struct yp_log *log, const char *path, char *detail, size_t detail_bytes)
{
	assert(log && path);
	uint64_t starts[YP_MEDIA_MAX + 1];
	uint8_t super[YP_SECTOR_BYTES] = {0};
	uint64_t entries = 0;
	struct yp_file f;
	media_starts(&log->layout, starts);
	for (size_t i = 0; i < log->count; i++)
		entries += log->entries[i].op != YP_READ;
	yp_put_le64(super, DM_MAGIC);
	yp_put_le64(super + 8, DM_VERSION);
	yp_put_le64(super + 16, entries);
	yp_put_le32(super + 24, YP_SECTOR_BYTES);
	int r = yp_file_create(&f, path);
	if (r == 0) {
		yp_file_add(&f, super, sizeof super);
		for (size_t i = 0; i < log->count; i++)
			export_entry(&f, log, &log->entries[i], starts);
		r = yp_file_close(&f);
	}
	if (r < 0)
		yp_detail(detail, detail_bytes, "cannot be written: %s", strerror(-r));
	return r;
}

struct import {
	const uint8_t *bytes;
	size_t size, at;
	uint32_t block; /* bytes */
	uint64_t entries;
	uint64_t starts[YP_MEDIA_MAX + 1];
	struct yp_log *log;
	bool dirty[YP_MEDIA_MAX];
	char *detail;
	size_t detail_bytes;
	uint64_t entry;
};

static int report_malformed(struct import *im, const char *what)
{
	yp_detail(im->detail, im->detail_bytes, "entry %" PRIu64 " %s", im->entry, what);
	return 1;
}

/* The medium that a range of the device lies on. */
static bool find_medium(const struct import *im, uint64_t sector, uint64_t sectors, unsigned *medium)
{
	const struct yp_layout *layout = &im->log->layout;
	for (unsigned m = 0; m < layout->count; m++) {
		if (sector >= im->starts[m] && sector < im->starts[m + 1]) {
			*medium = m;
			uint64_t within = sector - im->starts[m];
			return within <= layout->media[m].sectors && sectors <= layout->media[m].sectors - within;
		}
	}
	return false;
}

static int import_flush(struct import *im, uint64_t sector, bool alone)
{
	const struct yp_layout *layout = &im->log->layout;
	for (unsigned m = 0; m < layout->count; m++) {
		/* In our own logs the sector names the medium. */
		if (alone && sector + 1 == im->starts[m + 1]) {
			im->dirty[m] = false;
			return yp_log_flush(im->log, m);
		}
	}
	for (unsigned m = 0; m < layout->count; m++) {
		int r = im->dirty[m] || layout->count == 1 ? yp_log_flush(im->log, m) : 0;
		if (r < 0)
			return r;
		im->dirty[m] = false;
	}
	return 0;
}

static int import_range(struct import *im, uint64_t sector, uint64_t sectors, uint64_t flags)
{
	unsigned m;
	if (sectors == 0)
		return 0;
	if (sectors > UINT32_MAX || !find_medium(im, sector, sectors, &m))
		return report_malformed(im, "reaches outside the media");
	uint64_t within = sector - im->starts[m];
	if (flags & DM_DISCARD) {
		im->dirty[m] = true;
		return yp_log_discard(im->log, m, within, (uint32_t)sectors);
	}
	uint64_t data = sectors * YP_SECTOR_BYTES;
	if (data > im->size - im->at)
		return report_malformed(im, "is cut short");
	int r = yp_log_write(im->log, m, within, (uint32_t)sectors, im->bytes + im->at, flags & DM_FUA);
	im->at += (size_t)data;
	im->dirty[m] = im->dirty[m] || !(flags & DM_FUA);
	return r;
}

/* "S06", "R2": the shape of our step marks, since the format has no kinds of marks. */
static bool is_step(const char *text)
{
	if (text[0] != 'S' && text[0] != 'R')
		return false;
	size_t digits = strspn(text + 1, "0123456789");
	return digits >= 1 && digits <= 2 && text[digits + 1] == 0;
}

static int import_mark(struct import *im, const uint8_t *data, uint64_t length)
{
	char text[YP_MARK_BYTES_MAX];
	if (length > im->block - ENTRY_BYTES)
		return report_malformed(im, "has a mark longer than its block");
	size_t n = length < sizeof text ? (size_t)length : sizeof text - 1;
	memcpy(text, data, n);
	text[n] = 0;
	return yp_log_mark(im->log, is_step(text) ? YP_MARK_STEP : YP_MARK_NOTE, text);
}

static int import_entry(struct import *im)
{
	if (im->size - im->at < im->block)
		return report_malformed(im, "is cut short");
	const uint8_t *p = im->bytes + im->at;
	uint64_t sector = yp_get_le64(p);
	uint64_t sectors = yp_get_le64(p + 8);
	uint64_t flags = yp_get_le64(p + 16);
	uint64_t scale = im->block / YP_SECTOR_BYTES;
	im->at += im->block;
	if (flags & ~(uint64_t)DM_FLAGS)
		return report_malformed(im, "has unknown flags");
	if (flags & DM_MARK)
		return import_mark(im, p + ENTRY_BYTES, yp_get_le64(p + 24));
	if (sector > UINT64_MAX / scale || sectors > UINT64_MAX / scale)
		return report_malformed(im, "reaches outside the media");
	int r = 0;
	/* A write with the flush flag comes after the flush. */
	if (flags & DM_FLUSH)
		r = import_flush(im, sector * scale + scale - 1, sectors == 0 && sector != 0);
	return r == 0 ? import_range(im, sector * scale, sectors * scale, flags) : r;
}

static const char *import_super(struct import *im)
{
	if (im->size < SUPER_BYTES || yp_get_le64(im->bytes) != DM_MAGIC)
		return "is no dm-log-writes log";
	if (yp_get_le64(im->bytes + 8) != DM_VERSION)
		return "has an unknown version";
	im->entries = yp_get_le64(im->bytes + 16);
	im->block = yp_get_le32(im->bytes + 24);
	if (im->block < YP_SECTOR_BYTES || im->block > BLOCK_MAX || (im->block & (im->block - 1)))
		return "has an impossible sector size";
	if (im->size < im->block)
		return "is cut short";
	im->at = im->block;
	return NULL;
}

int yp_log_parse_dm(const void *bytes, size_t size_bytes, const struct yp_layout *layout, struct yp_pool *pool,
		    struct yp_log **out, char *detail, size_t detail_bytes)
{
	assert((bytes || size_bytes == 0) && layout && pool && out);
	struct import im = {.bytes = bytes, .size = size_bytes, .detail = detail, .detail_bytes = detail_bytes};
	const char *wrong = import_super(&im);
	if (wrong) {
		yp_detail(detail, detail_bytes, "%s", wrong);
		return 1;
	}
	int r = yp_log_new(layout, pool, &im.log);
	if (r < 0)
		return r;
	media_starts(layout, im.starts);
	for (; r == 0 && im.entry < im.entries; im.entry++)
		r = import_entry(&im);
	if (r != 0) {
		yp_log_free(im.log);
		if (r < 0)
			yp_detail(detail, detail_bytes, "entry %" PRIu64 ": %s", im.entry, strerror(-r));
		return r;
	}
	*out = im.log;
	return 0;
}

int yp_log_import_dm(const char *path, const struct yp_layout *layout, struct yp_pool *pool, struct yp_log **out,
		     char *detail, size_t detail_bytes)
{
	assert(path && layout && pool && out);
	uint8_t *bytes;
	size_t size;
	int r = yp_file_read(path, &bytes, &size);
	if (r < 0) {
		yp_detail(detail, detail_bytes, "cannot be read: %s", strerror(-r));
		return r;
	}
	r = yp_log_parse_dm(bytes, size, layout, pool, out, detail, detail_bytes);
	free(bytes);
	return r;
}
