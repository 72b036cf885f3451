/* SPDX-License-Identifier: Apache-2.0 */
/* What both of our formats have in common: a medium and an entry as bytes. log-file.c draws them. */
#include "log/log-record.h"

#include <errno.h>
#include <string.h>

#include "log/bytes.h"

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
