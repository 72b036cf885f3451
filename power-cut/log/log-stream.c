/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write log as a stream. Little endian:
 *
 *   "bp-log-s", u32 media, u32 0, then each medium as in log-file.c
 *   records: u32 bytes of payload, u32 check (a hash of the payload), payload:
 *     u32 new sectors, u32 bytes of text, entry as in log-file.c (offsets of text and contents are 0),
 *     new sectors (numbered on through the whole stream), u32 each content of a write, text of a mark that ends in 0
 *   at the end of a stream that was closed: u32 0, u32 entries
 *
 * Each record can be read by itself, so that a prefix of the bytes is a prefix of the log.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/content-hash.h"
#include "base/format-detail.h"
#include "log/bytes.h"
#include "log/log-record.h"
#include "log/log-stream.h"
#include "power-cut/host-calls.h"

const char yp_stream_magic[8] = {'b', 'p', '-', 'l', 'o', 'g', '-', 's'};
#define HEAD_BYTES    16u
#define RECORD_BYTES  8u
#define PAYLOAD_BYTES (8u + YP_FILE_ENTRY_BYTES)
#define PAYLOAD_MAX   UINT32_MAX
#define IDS_MAX       ((size_t)1 << 32)
#define ID_NEW        UINT32_MAX

struct yp_stream {
	int fd;
	int error;      /* sticks: an entry that is half there cannot be followed by another */
	size_t entries; /* written */
	uint32_t *numbers;
	size_t numbers_count; /* of the pool's ids: number in the stream, or ID_NEW */
	uint32_t sectors;
	uint8_t *buffer;
	size_t used, room;
};

/* Room for more bytes at the end of the buffer. */
static int buffer_room(struct yp_stream *s, size_t more)
{
	if (more <= s->room - s->used)
		return 0;
	size_t room = (s->used + more) * 2;
	uint8_t *moved = realloc(s->buffer, room);
	if (!moved)
		return -ENOMEM;
	s->buffer = moved;
	s->room = room;
	return 0;
}

int yp_stream_open(const char *path, const struct yp_layout *layout, struct yp_stream **out)
{
	assert(path && layout && out);
	uint8_t head[HEAD_BYTES + YP_MEDIA_MAX * YP_FILE_MEDIUM_BYTES] = {0};
	if (!yp_layout_valid(layout))
		return -EINVAL;
	struct yp_stream *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = s->fd < 0 ? -errno : 0;
	memcpy(head, yp_stream_magic, sizeof yp_stream_magic);
	yp_put_le32(head + 8, layout->count);
	for (unsigned m = 0; m < layout->count; m++)
		yp_file_medium_put(head + HEAD_BYTES + (size_t)m * YP_FILE_MEDIUM_BYTES, &layout->media[m]);
	if (r == 0)
		r = yp_write_all(s->fd, head, HEAD_BYTES + (size_t)layout->count * YP_FILE_MEDIUM_BYTES);
	if (r < 0) {
		if (s->fd >= 0)
			(void)close(s->fd);
		free(s);
		return r;
	}
	*out = s;
	return 0;
}

/* The number of a content in the stream; *fresh if it has none yet. */
static int number_content(struct yp_stream *s, uint32_t id, uint32_t *out, bool *fresh)
{
	if (id >= s->numbers_count) {
		size_t count = s->numbers_count ? s->numbers_count * 2 : 1024;
		while (count <= id)
			count *= 2;
		uint32_t *moved = count < IDS_MAX ? realloc(s->numbers, count * sizeof *moved) : NULL;
		if (!moved)
			return -ENOMEM;
		memset(moved + s->numbers_count, 0xff, (count - s->numbers_count) * sizeof *moved);
		s->numbers = moved;
		s->numbers_count = count;
	}
	*fresh = s->numbers[id] == ID_NEW;
	if (*fresh)
		s->numbers[id] = s->sectors++;
	*out = s->numbers[id];
	return 0;
}

/* New sectors go straight behind the entry, the list of contents behind them. */
static int add_contents(struct yp_stream *s, const struct yp_log *log, const struct yp_entry *e, uint8_t *list,
			uint32_t *fresh_count)
{
	*fresh_count = 0;
	for (uint32_t k = 0; k < e->sectors; k++) {
		uint32_t id = yp_log_content(log, e, k);
		uint32_t n;
		bool fresh;
		int r = number_content(s, id, &n, &fresh);
		if (r == 0 && fresh)
			r = buffer_room(s, YP_SECTOR_BYTES);
		if (r < 0)
			return r;
		if (fresh) {
			memcpy(s->buffer + s->used, yp_pool_sector(log->pool, id), YP_SECTOR_BYTES);
			s->used += YP_SECTOR_BYTES;
			++*fresh_count;
		}
		yp_put_le32(list + (size_t)k * 4, n);
	}
	return 0;
}

static int add_entry(struct yp_stream *s, const struct yp_log *log, const struct yp_entry *e)
{
	size_t start = s->used;
	size_t list_bytes = e->op == YP_WRITE ? (size_t)e->sectors * 4 : 0;
	uint8_t *list = list_bytes ? malloc(list_bytes) : NULL;
	const char *text = yp_log_text(log, e);
	size_t text_bytes = e->op == YP_MARK ? strlen(text) + 1 : 0;
	uint32_t fresh = 0;
	struct yp_entry plain = *e;
	plain.data = 0;
	plain.text = 0;
	int r = list_bytes && !list ? -ENOMEM : buffer_room(s, RECORD_BYTES + PAYLOAD_BYTES);
	if (r == 0) {
		s->used += RECORD_BYTES + PAYLOAD_BYTES;
		r = list ? add_contents(s, log, e, list, &fresh) : 0;
	}
	if (r == 0)
		r = buffer_room(s, list_bytes + text_bytes);
	if (r == 0) {
		if (list)
			memcpy(s->buffer + s->used, list, list_bytes);
		memcpy(s->buffer + s->used + list_bytes, text, text_bytes);
		s->used += list_bytes + text_bytes;
		uint8_t *payload = s->buffer + start + RECORD_BYTES;
		size_t bytes = s->used - start - RECORD_BYTES;
		yp_put_le32(payload, fresh);
		yp_put_le32(payload + 4, (uint32_t)text_bytes);
		yp_file_entry_put(payload + 8, &plain);
		yp_put_le32(payload - 8, (uint32_t)bytes);
		yp_put_le32(payload - 4, (uint32_t)yp_hash_add_bytes((struct yp_hash){0}, payload, bytes).lo);
		r = bytes > PAYLOAD_MAX ? -EFBIG : 0;
	}
	free(list);
	return r;
}

int yp_stream_append(struct yp_stream *s, const struct yp_log *log)
{
	assert(s && log);
	assert(s->entries <= log->count);
	for (; s->error == 0 && s->entries < log->count; s->entries += s->error == 0) {
		s->used = 0;
		s->error = add_entry(s, log, &log->entries[s->entries]);
		/* One write for each entry: an entry that was acknowledged is in the file. */
		if (s->error == 0)
			s->error = yp_write_all(s->fd, s->buffer, s->used);
	}
	return s->error;
}

int yp_stream_close(struct yp_stream *s)
{
	uint8_t end[RECORD_BYTES] = {0};
	if (!s)
		return 0;
	yp_put_le32(end + 4, (uint32_t)s->entries);
	int r = s->error ? s->error : yp_write_all(s->fd, end, sizeof end);
	if (r == 0 && fsync(s->fd) < 0 && errno != EINVAL && errno != EROFS)
		r = -errno; /* a pipe cannot be made durable */
	if (close(s->fd) < 0 && r == 0)
		r = -errno;
	free(s->numbers);
	free(s->buffer);
	free(s);
	return r;
}

struct ids {
	uint32_t *of; /* content ids of the stream's sectors */
	size_t count, room;
};

static int take_sectors(struct ids *ids, struct yp_pool *pool, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		void *items = ids->of;
		int r = yp_array_grow(&items, &ids->room, ids->count, sizeof *ids->of, IDS_MAX);
		ids->of = items;
		if (r == 0)
			r = yp_pool_intern(pool, bytes + (size_t)i * YP_SECTOR_BYTES, &ids->of[ids->count]);
		if (r < 0)
			return r;
		ids->count++;
	}
	return 0;
}

static int take_record(struct ids *ids, struct yp_log *log, const uint8_t *p, size_t size)
{
	uint8_t entry[YP_FILE_ENTRY_BYTES];
	if (size < PAYLOAD_BYTES)
		return 1;
	uint32_t fresh = yp_get_le32(p);
	uint32_t text_bytes = yp_get_le32(p + 4);
	memcpy(entry, p + 8, sizeof entry);
	uint64_t listed = entry[0] == YP_WRITE ? yp_get_le32(entry + 16) : 0;
	if (size - PAYLOAD_BYTES != (uint64_t)fresh * YP_SECTOR_BYTES + listed * 4 + text_bytes)
		return 1;
	p += PAYLOAD_BYTES;
	int r = take_sectors(ids, log->pool, p, fresh);
	p += (size_t)fresh * YP_SECTOR_BYTES;
	yp_put_le64(entry + 24, log->contents_count);
	for (uint64_t k = 0; r == 0 && k < listed; k++, p += 4) {
		uint32_t n = yp_get_le32(p);
		r = n < ids->count ? yp_log_content_add(log, ids->of[n]) : 1;
	}
	return r ? r : yp_file_entry_get(entry, p, text_bytes, log);
}

/* 0, 1 = malformed, -errno; *closed: the last record is there. */
static int take_records(struct yp_log *log, const uint8_t *p, size_t left, bool *closed, char *detail,
			size_t detail_bytes)
{
	struct ids ids = {0};
	int r = 0;
	*closed = false;
	while (r == 0 && left >= RECORD_BYTES) {
		uint32_t bytes = yp_get_le32(p);
		uint32_t check = yp_get_le32(p + 4);
		p += RECORD_BYTES;
		left -= RECORD_BYTES;
		if (bytes == 0) {
			*closed = left == 0 && check == (uint32_t)log->count;
			r = *closed ? 0 : 1;
			break;
		}
		if (bytes > left)
			break;
		r = (uint32_t)yp_hash_add_bytes((struct yp_hash){0}, p, bytes).lo == check
			? take_record(&ids, log, p, bytes)
			: 1;
		p += bytes;
		left -= bytes;
	}
	free(ids.of);
	if (r == 1)
		yp_detail(detail, detail_bytes, "record %zu is damaged", log->count);
	return r;
}

int yp_stream_parse(const uint8_t *bytes, size_t size, struct yp_pool *pool, struct yp_log **out, char *detail,
		    size_t detail_bytes)
{
	struct yp_layout layout;
	struct yp_log *log = NULL;
	bool closed = false;
	unsigned media = size >= HEAD_BYTES ? yp_get_le32(bytes + 8) : 0;
	if (size < HEAD_BYTES || yp_get_le32(bytes + 12) != 0 || media > YP_MEDIA_MAX ||
	    (size - HEAD_BYTES) / YP_FILE_MEDIUM_BYTES < media) {
		yp_detail(detail, detail_bytes, "is cut short in its head");
		return 1;
	}
	const char *wrong = yp_file_media_get(bytes + HEAD_BYTES, media, &layout);
	if (wrong) {
		yp_detail(detail, detail_bytes, "%s", wrong);
		return 1;
	}
	size_t head = HEAD_BYTES + (size_t)media * YP_FILE_MEDIUM_BYTES;
	int r = yp_log_new(&layout, pool, &log);
	if (r == 0)
		r = take_records(log, bytes + head, size - head, &closed, detail, detail_bytes);
	if (r != 0) {
		yp_log_free(log);
		if (r < 0)
			yp_detail(detail, detail_bytes, "%s", strerror(-r));
		return r;
	}
	if (!closed)
		yp_detail(detail, detail_bytes, "was not closed: its recorder was stopped");
	*out = log;
	return 0;
}
