/* SPDX-License-Identifier: Apache-2.0 */
/* Write logs in memory: layouts, entries, contents and texts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/content-hash.h"
#include "log/log-private.h"
#include "log/sector-pool.h"

#define ENTRIES_MAX  ((size_t)1 << 28)
#define CONTENTS_MAX ((size_t)1 << 32)
#define TEXT_MAX     ((size_t)1 << 30)

bool yp_layout_valid(const struct yp_layout *layout)
{
	if (layout->count == 0 || layout->count > YP_MEDIA_MAX)
		return false;
	for (unsigned m = 0; m < layout->count; m++) {
		const struct yp_medium *medium = &layout->media[m];
		if (medium->sectors == 0 || medium->sectors > YP_MEDIUM_SECTORS_MAX ||
		    (unsigned)medium->model >= YP_MODEL_COUNT || !memchr(medium->name, 0, sizeof medium->name))
			return false;
	}
	return true;
}

bool yp_layout_same_media(const struct yp_layout *x, const struct yp_layout *y)
{
	if (x->count != y->count)
		return false;
	for (unsigned m = 0; m < x->count; m++) {
		if (x->media[m].sectors != y->media[m].sectors)
			return false;
	}
	return true;
}

int yp_log_new(const struct yp_layout *layout, struct yp_pool *pool, struct yp_log **out)
{
	if (!yp_layout_valid(layout))
		return -EINVAL;
	struct yp_log *log = calloc(1, sizeof *log);
	if (!log)
		return -ENOMEM;
	log->layout = *layout;
	log->pool = pool;
	*out = log;
	return 0;
}

void yp_log_free(struct yp_log *log)
{
	if (!log)
		return;
	free(log->entries);
	free(log->contents);
	free(log->text);
	free(log);
}

void yp_log_clear(struct yp_log *log)
{
	log->count = 0;
	log->contents_count = 0;
	log->text_bytes = 0;
}

static int entry_add(struct yp_log *log, struct yp_entry entry)
{
	void *items = log->entries;
	int r = yp_array_grow(&items, &log->room, log->count, sizeof *log->entries, ENTRIES_MAX);
	log->entries = items;
	if (r < 0)
		return r;
	entry.submit_ns = log->count;
	entry.complete_ns = log->count;
	log->entries[log->count++] = entry;
	return 0;
}

static bool range_valid(const struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors)
{
	return medium < log->layout.count && sectors > 0 && sector <= log->layout.media[medium].sectors &&
	       sectors <= log->layout.media[medium].sectors - sector;
}

int yp_log_content_add(struct yp_log *log, uint32_t id)
{
	void *items = log->contents;
	int r = yp_array_grow(&items, &log->contents_room, log->contents_count, sizeof *log->contents, CONTENTS_MAX);
	log->contents = items;
	if (r < 0)
		return r;
	log->contents[log->contents_count++] = id;
	return 0;
}

int yp_log_write(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors, const void *data, bool fua)
{
	if (!range_valid(log, medium, sector, sectors))
		return -EINVAL;
	const uint8_t *bytes = data;
	size_t first = log->contents_count;
	int r = 0;
	for (uint32_t k = 0; r == 0 && k < sectors; k++) {
		uint32_t id;
		r = yp_pool_intern(log->pool, bytes + (size_t)k * YP_SECTOR_BYTES, &id);
		if (r == 0)
			r = yp_log_content_add(log, id);
	}
	if (r == 0)
		r = entry_add(log, (struct yp_entry){.op = YP_WRITE,
						     .medium = (uint16_t)medium,
						     .fua = fua,
						     .sector = sector,
						     .sectors = sectors,
						     .data = first});
	if (r < 0)
		log->contents_count = first;
	return r;
}

int yp_log_write_zeros(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors, bool fua)
{
	if (!range_valid(log, medium, sector, sectors))
		return -EINVAL;
	size_t first = log->contents_count;
	int r = 0;
	for (uint32_t k = 0; r == 0 && k < sectors; k++)
		r = yp_log_content_add(log, YP_CONTENT_00);
	if (r == 0)
		r = yp_log_write_ids(log, medium, sector, sectors, first, fua);
	if (r < 0)
		log->contents_count = first;
	return r;
}

int yp_log_write_ids(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors, uint64_t first_content,
		     bool fua)
{
	if (!range_valid(log, medium, sector, sectors) || first_content > log->contents_count ||
	    sectors > log->contents_count - first_content)
		return -EINVAL;
	return entry_add(log, (struct yp_entry){.op = YP_WRITE,
						.medium = (uint16_t)medium,
						.fua = fua,
						.sector = sector,
						.sectors = sectors,
						.data = first_content});
}

int yp_log_read(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors)
{
	if (!range_valid(log, medium, sector, sectors))
		return -EINVAL;
	return entry_add(
	    log, (struct yp_entry){.op = YP_READ, .medium = (uint16_t)medium, .sector = sector, .sectors = sectors});
}

int yp_log_flush(struct yp_log *log, unsigned medium)
{
	if (medium >= log->layout.count)
		return -EINVAL;
	return entry_add(log, (struct yp_entry){.op = YP_FLUSH, .medium = (uint16_t)medium});
}

int yp_log_discard(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors)
{
	if (!range_valid(log, medium, sector, sectors))
		return -EINVAL;
	return entry_add(
	    log, (struct yp_entry){.op = YP_DISCARD, .medium = (uint16_t)medium, .sector = sector, .sectors = sectors});
}

int yp_log_mark(struct yp_log *log, enum yp_mark_kind kind, const char *text)
{
	size_t bytes = strlen(text) + 1;
	if ((unsigned)kind > YP_MARK_NOTE || bytes > YP_MARK_BYTES_MAX || log->text_bytes + bytes > TEXT_MAX)
		return -EINVAL;
	while (log->text_bytes + bytes > log->text_room) {
		size_t room = log->text_room ? log->text_room * 2 : YP_MARK_BYTES_MAX;
		char *moved = realloc(log->text, room);
		if (!moved)
			return -ENOMEM;
		log->text = moved;
		log->text_room = room;
	}
	int r = entry_add(log, (struct yp_entry){.op = YP_MARK, .kind = kind, .text = (uint32_t)log->text_bytes});
	if (r < 0)
		return r;
	memcpy(log->text + log->text_bytes, text, bytes);
	log->text_bytes += bytes;
	return 0;
}

void yp_log_times(struct yp_log *log, uint64_t submit_ns, uint64_t complete_ns)
{
	if (log->count == 0)
		return;
	log->entries[log->count - 1].submit_ns = submit_ns;
	log->entries[log->count - 1].complete_ns = complete_ns;
}

size_t yp_log_count(const struct yp_log *log)
{
	return log->count;
}

const struct yp_entry *yp_log_entry(const struct yp_log *log, size_t i)
{
	return &log->entries[i];
}

uint32_t yp_log_content(const struct yp_log *log, const struct yp_entry *write, uint32_t k)
{
	return log->contents[write->data + k];
}

const char *yp_log_text(const struct yp_log *log, const struct yp_entry *mark)
{
	return mark->op == YP_MARK ? log->text + mark->text : "";
}

const struct yp_layout *yp_log_layout(const struct yp_log *log)
{
	return &log->layout;
}

int yp_log_take_models(struct yp_log *log, const struct yp_layout *layout)
{
	if (!yp_layout_same_media(layout, &log->layout) || !yp_layout_valid(layout))
		return -EINVAL;
	log->layout = *layout;
	return 0;
}

void yp_log_write_through(struct yp_log *log, unsigned medium)
{
	for (size_t i = 0; i < log->count; i++) {
		if (log->entries[i].op == YP_WRITE && log->entries[i].medium == medium)
			log->entries[i].fua = true;
	}
}

const char *yp_log_step(const struct yp_log *log, size_t i)
{
	for (size_t k = i < log->count ? i + 1 : log->count; k-- > 0;) {
		if (log->entries[k].op == YP_MARK && log->entries[k].kind == YP_MARK_STEP)
			return log->text + log->entries[k].text;
	}
	return "";
}
