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
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log/bytes.h"
#include "log/log-file.h"
#include "state/state-hash.h"

static const char magic[8] = {'b', 'p', '-', 'l', 'o', 'g', '-', '1'};
#define HEAD_BYTES    48u
#define MEDIUM_BYTES  YP_FILE_MEDIUM_BYTES
#define ENTRY_BYTES   YP_FILE_ENTRY_BYTES
#define FLAG_FUA      1u
#define FLAG_INTERNAL 2u

void yp_file_medium_put(uint8_t bytes[MEDIUM_BYTES], const struct yp_medium *medium)
{
	memset(bytes, 0, MEDIUM_BYTES);
	memcpy(bytes, medium->name, strnlen(medium->name, YP_NAME_MAX - 1));
	yp_put_le64(bytes + 32, medium->sectors);
	yp_put_le32(bytes + 40, (uint32_t)medium->model);
	yp_put_le32(bytes + 44, medium->bulk);
}

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

void yp_file_entry_put(uint8_t bytes[ENTRY_BYTES], const struct yp_entry *e)
{
	bytes[0] = (uint8_t)e->op;
	bytes[1] = (uint8_t)((e->fua ? FLAG_FUA : 0) | (e->internal ? FLAG_INTERNAL : 0));
	bytes[2] = (uint8_t)(e->medium & 0xff);
	bytes[3] = (uint8_t)(e->medium >> 8);
	yp_put_le32(bytes + 4, (uint32_t)e->kind);
	yp_put_le64(bytes + 8, e->sector);
	yp_put_le32(bytes + 16, e->sectors);
	yp_put_le32(bytes + 20, e->text);
	yp_put_le64(bytes + 24, e->data);
	yp_put_le64(bytes + 32, e->submit_ns);
	yp_put_le64(bytes + 40, e->complete_ns);
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
static bool take(const uint8_t **at, size_t *left, uint64_t count, size_t item_bytes, const uint8_t **out)
{
	if (count > *left / item_bytes)
		return false;
	*out = *at;
	*at += count * item_bytes;
	*left -= (size_t)count * item_bytes;
	return true;
}

const char *yp_file_media_get(const uint8_t *bytes, unsigned count, struct yp_layout *layout)
{
	*layout = (struct yp_layout){.count = count};
	for (unsigned m = 0; m < count; m++) {
		const uint8_t *p = bytes + (size_t)m * MEDIUM_BYTES;
		memcpy(layout->media[m].name, p, YP_NAME_MAX);
		layout->media[m].sectors = yp_get_le64(p + 32);
		layout->media[m].model = (enum yp_model)yp_get_le32(p + 40);
		layout->media[m].bulk = yp_get_le32(p + 44) == 1;
		if (yp_get_le32(p + 40) >= YP_MODEL_COUNT || yp_get_le32(p + 44) > 1)
			return "has a medium of an unknown kind";
	}
	return yp_layout_valid(layout) ? NULL : "has media without name or size";
}

static const char *load_head(const uint8_t *bytes, size_t size, struct yp_layout *layout, struct file *file)
{
	const uint8_t *head;
	const uint8_t *media;
	if (!take(&bytes, &size, 1, HEAD_BYTES, &head) || memcmp(head, magic, sizeof magic) != 0 ||
	    yp_get_le32(head + 12) != 0)
		return "is no write log (bp-log-1)";
	unsigned count = yp_get_le32(head + 8);
	if (count > YP_MEDIA_MAX || !take(&bytes, &size, count, MEDIUM_BYTES, &media))
		return "has too many media";
	const char *wrong = yp_file_media_get(media, count, layout);
	if (wrong)
		return wrong;
	file->entries_count = yp_get_le64(head + 16);
	file->contents_count = yp_get_le64(head + 24);
	file->sectors_count = yp_get_le64(head + 32);
	file->text_bytes = yp_get_le64(head + 40);
	if (!take(&bytes, &size, file->text_bytes, 1, &file->text) ||
	    !take(&bytes, &size, file->sectors_count, YP_SECTOR_BYTES, &file->sectors) ||
	    !take(&bytes, &size, file->contents_count, 4, &file->contents) ||
	    !take(&bytes, &size, file->entries_count, ENTRY_BYTES, &file->entries))
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

static int load_mark(struct yp_log *log, const uint8_t *text, size_t text_bytes, const uint8_t *p)
{
	uint32_t at = yp_get_le32(p + 20);
	uint32_t kind = yp_get_le32(p + 4);
	if (kind > YP_MARK_NOTE || at >= text_bytes || !memchr(text + at, 0, text_bytes - at))
		return 1;
	return yp_log_mark(log, (enum yp_mark_kind)kind, (const char *)text + at);
}

int yp_file_entry_get(const uint8_t *p, const uint8_t *text, size_t text_bytes, struct yp_log *log)
{
	unsigned medium = p[2] | (unsigned)p[3] << 8;
	uint64_t sector = yp_get_le64(p + 8);
	uint32_t sectors = yp_get_le32(p + 16);
	int r = 1;
	if (p[1] > (FLAG_FUA | FLAG_INTERNAL))
		return 1;
	if (p[0] == YP_WRITE)
		r = yp_log_write_ids(log, medium, sector, sectors, yp_get_le64(p + 24), p[1] & FLAG_FUA);
	else if (p[0] == YP_READ)
		r = yp_log_read(log, medium, sector, sectors);
	else if (p[0] == YP_FLUSH)
		r = yp_log_flush(log, medium);
	else if (p[0] == YP_DISCARD)
		r = yp_log_discard(log, medium, sector, sectors);
	else if (p[0] == YP_MARK)
		r = load_mark(log, text, text_bytes, p);
	if (r != 0)
		return r == -EINVAL ? 1 : r;
	log->entries[log->count - 1].internal = p[1] & FLAG_INTERNAL;
	yp_log_times(log, yp_get_le64(p + 32), yp_get_le64(p + 40));
	return 0;
}

int yp_log_parse(const void *bytes, size_t size_bytes, struct yp_pool *pool, struct yp_log **out, char *detail,
		 size_t detail_bytes)
{
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
