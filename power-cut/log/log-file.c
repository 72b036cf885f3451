/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own format of a write log, complete and byte for byte the same for equal logs. Little endian:
 *
 *   "bp-log-1", u32 media, u32 0, u64 entries, u64 contents, u64 sectors, u64 bytes of text
 *   for each medium   name (32 bytes, ends in 0), u64 sectors, u32 model, u32 bulk
 *   text              strings that end in 0
 *   sectors           each different one once, 512 bytes
 *   contents          u32 each: index of a sector above
 *   entries           48 bytes: u8 op, u8 flags (1 FUA, 2 internal), u16 medium, u32 kind of a mark, u64 sector, u32
 * sectors, u32 offset of a mark's text, u64 first content, u64 submitted, u64 completed and nothing behind.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/content-hash.h"
#include "base/format-detail.h"
#include "log/bytes.h"
#include "log/log-record.h"
#include "log/log-stream.h"

static const char magic[8] = {'b', 'p', '-', 'l', 'o', 'g', '-', '1'};
#define HEAD_BYTES   48u
#define MEDIUM_BYTES YP_FILE_MEDIUM_BYTES
#define ENTRY_BYTES  YP_FILE_ENTRY_BYTES

static void save_head(struct yp_file *f, const struct yp_log *log, size_t sectors)
{
	uint8_t head[HEAD_BYTES] = {0};
	memcpy(head, magic, sizeof magic);
	yp_put_le32(head + 8, log->layout.count);
	yp_put_le64(head + 16, log->count);
	yp_put_le64(head + 24, log->contents_count);
	yp_put_le64(head + 32, sectors);
	yp_put_le64(head + 40, log->text_bytes);
	yp_file_add(f, head, sizeof head);
	for (unsigned m = 0; m < log->layout.count; m++) {
		uint8_t bytes[MEDIUM_BYTES];
		yp_file_medium_put(bytes, &log->layout.media[m]);
		yp_file_add(f, bytes, sizeof bytes);
	}
	yp_file_add(f, log->text, log->text_bytes);
}

static void save_entries(struct yp_file *f, const struct yp_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		uint8_t bytes[ENTRY_BYTES];
		yp_file_entry_put(bytes, &log->entries[i]);
		yp_file_add(f, bytes, sizeof bytes);
	}
}

/* Numbers the different contents in the order they come up. */
static int number_contents(const struct yp_log *log, struct yp_map *numbers, uint32_t *order, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < log->contents_count; i++) {
		struct yp_hash key = yp_hash_add((struct yp_hash){0}, log->contents[i]);
		int r = yp_map_put(numbers, key, (uint32_t)*count);
		if (r < 0)
			return r;
		if (r == 0)
			order[(*count)++] = log->contents[i];
	}
	return 0;
}

int yp_log_save(const struct yp_log *log, const char *path)
{
	assert(log && path);
	struct yp_map numbers = {0};
	struct yp_file f;
	size_t count;
	uint32_t *order = malloc((log->contents_count + 1) * sizeof *order);
	int r = order ? number_contents(log, &numbers, order, &count) : -ENOMEM;
	if (r == 0)
		r = yp_file_create(&f, path);
	if (r < 0)
		goto out;
	save_head(&f, log, count);
	for (size_t i = 0; i < count; i++)
		yp_file_add(&f, yp_pool_sector(log->pool, order[i]), YP_SECTOR_BYTES);
	for (size_t i = 0; i < log->contents_count; i++) {
		uint8_t bytes[4];
		yp_put_le32(bytes, yp_map_get(&numbers, yp_hash_add((struct yp_hash){0}, log->contents[i])));
		yp_file_add(&f, bytes, sizeof bytes);
	}
	save_entries(&f, log);
	r = yp_file_close(&f);
out:
	yp_map_deinit(&numbers);
	free(order);
	return r;
}

/* Where things lie in a file that is being read. */
struct file {
	const uint8_t *text, *sectors, *contents, *entries;
	uint64_t text_bytes, sectors_count, contents_count, entries_count;
};

/* Steps over count items; false if they are not all there. */
static bool take_items(const uint8_t **at, size_t *left, uint64_t count, size_t item_bytes, const uint8_t **out)
{
	if (count > *left / item_bytes)
		return false;
	*out = *at;
	*at += count * item_bytes;
	*left -= (size_t)count * item_bytes;
	return true;
}

static const char *load_head(const uint8_t *bytes, size_t size, struct yp_layout *layout, struct file *file)
{
	const uint8_t *head;
	const uint8_t *media;
	if (!take_items(&bytes, &size, 1, HEAD_BYTES, &head) || memcmp(head, magic, sizeof magic) != 0 ||
	    yp_get_le32(head + 12) != 0)
		return "is no write log (bp-log-1)";
	unsigned count = yp_get_le32(head + 8);
	if (count > YP_MEDIA_MAX || !take_items(&bytes, &size, count, MEDIUM_BYTES, &media))
		return "has too many media";
	const char *wrong = yp_file_media_get(media, count, layout);
	if (wrong)
		return wrong;
	file->entries_count = yp_get_le64(head + 16);
	file->contents_count = yp_get_le64(head + 24);
	file->sectors_count = yp_get_le64(head + 32);
	file->text_bytes = yp_get_le64(head + 40);
	if (!take_items(&bytes, &size, file->text_bytes, 1, &file->text) ||
	    !take_items(&bytes, &size, file->sectors_count, YP_SECTOR_BYTES, &file->sectors) ||
	    !take_items(&bytes, &size, file->contents_count, 4, &file->contents) ||
	    !take_items(&bytes, &size, file->entries_count, ENTRY_BYTES, &file->entries))
		return "is cut short";
	return size ? "has bytes behind its end" : NULL;
}

/* 0, 1 = malformed, or -errno. */
static int load_contents(struct yp_log *log, struct yp_pool *pool, const struct file *file)
{
	uint32_t *ids = malloc(((size_t)file->sectors_count + 1) * sizeof *ids);
	int r = ids ? 0 : -ENOMEM;
	for (uint64_t i = 0; r == 0 && i < file->sectors_count; i++)
		r = yp_pool_intern(pool, file->sectors + i * YP_SECTOR_BYTES, &ids[i]);
	for (uint64_t i = 0; r == 0 && i < file->contents_count; i++) {
		uint32_t n = yp_get_le32(file->contents + i * 4);
		r = n < file->sectors_count ? yp_log_content_add(log, ids[n]) : 1;
	}
	free(ids);
	return r;
}

int yp_log_parse(const void *bytes, size_t size_bytes, struct yp_pool *pool, struct yp_log **out, char *detail,
		 size_t detail_bytes)
{
	assert((bytes || size_bytes == 0) && pool && out);
	struct yp_layout layout;
	struct file file;
	struct yp_log *log = NULL;
	yp_detail(detail, detail_bytes, "%s", "");
	if (size_bytes >= sizeof yp_stream_magic && memcmp(bytes, yp_stream_magic, sizeof yp_stream_magic) == 0)
		return yp_stream_parse(bytes, size_bytes, pool, out, detail, detail_bytes);
	const char *wrong = load_head(bytes, size_bytes, &layout, &file);
	if (wrong) {
		yp_detail(detail, detail_bytes, "%s", wrong);
		return 1;
	}
	int r = yp_log_new(&layout, pool, &log);
	if (r == 0)
		r = load_contents(log, pool, &file);
	if (r == 1)
		yp_detail(detail, detail_bytes, "names contents that it does not have");
	for (uint64_t i = 0; r == 0 && i < file.entries_count; i++) {
		r = yp_file_entry_get(file.entries + i * ENTRY_BYTES, file.text, (size_t)file.text_bytes, log);
		if (r == 1)
			yp_detail(detail, detail_bytes, "entry %" PRIu64 " makes no sense", i);
	}
	if (r != 0) {
		yp_log_free(log);
		if (r < 0)
			yp_detail(detail, detail_bytes, "%s", strerror(-r));
		return r;
	}
	*out = log;
	return 0;
}

int yp_log_load(const char *path, struct yp_pool *pool, struct yp_log **out, char *detail, size_t detail_bytes)
{
	assert(path && pool && out);
	uint8_t *bytes;
	size_t size;
	int r = yp_file_read(path, &bytes, &size);
	if (r < 0) {
		yp_detail(detail, detail_bytes, "cannot be read: %s", strerror(-r));
		return r;
	}
	r = yp_log_parse(bytes, size, pool, out, detail, detail_bytes);
	free(bytes);
	return r;
}
