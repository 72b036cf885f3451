/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's layout, read by code of its own: offsets, records, and plain changes of its bytes. */
#include "corrupt/bundle-layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zstd.h>

#define DIGEST_BYTES 32u

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}

int bytes_copy(struct bytes *out, const void *data, size_t size)
{
	*out = (struct bytes){malloc(size ? size : 1), size};
	if (!out->data)
		return -ENOMEM;
	if (size > 0)
		memcpy(out->data, data, size);
	return 0;
}

uint32_t layout_get(const uint8_t *raw)
{
	return (uint32_t)raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 | (uint32_t)raw[3] << 24;
}

void layout_put(uint8_t *raw, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		raw[i] = (uint8_t)(value >> 8 * i);
}

bool layout_read(const uint8_t *raw, size_t size, struct layout *out)
{
	if (size < LAYOUT_HEADER_BYTES || memcmp(raw, "OTABNDL\n", 8) != 0 || layout_get(raw + LAYOUT_FORMAT) != 1)
		return false;
	*out = (struct layout){.manifest_bytes = layout_get(raw + LAYOUT_MANIFEST_BYTES),
			       .index_bytes = layout_get(raw + LAYOUT_INDEX_BYTES),
			       .signature_bytes = layout_get(raw + LAYOUT_SIGNATURE_BYTES),
			       .size = size};
	out->index = (size_t)LAYOUT_HEADER_BYTES + out->manifest_bytes;
	out->signature = out->index + out->index_bytes;
	out->payload = out->signature + out->signature_bytes;
	out->chunks = out->index_bytes / LAYOUT_RECORD_BYTES;
	return out->payload <= size && out->index_bytes % LAYOUT_RECORD_BYTES == 0;
}

const char *layout_region(const struct layout *layout, size_t at, size_t *offset)
{
	const struct {
		const char *name;
		size_t from;
	} regions[] = {{"payload", layout->payload},
		       {"signature", layout->signature},
		       {"index", layout->index},
		       {"manifest", LAYOUT_HEADER_BYTES},
		       {"header", 0}};
	unsigned i = 0;
	while (at < regions[i].from)
		i++;
	*offset = at - regions[i].from;
	return regions[i].name;
}

void layout_record(const struct layout *layout, const uint8_t *raw, uint32_t chunk, struct layout_record *out)
{
	size_t offset = layout->payload;
	const uint8_t *record = raw + layout->index;
	for (uint32_t i = 0; i < chunk; i++, record += LAYOUT_RECORD_BYTES)
		offset += layout_get(record);
	*out = (struct layout_record){layout_get(record), layout_get(record + 4), record + 8, offset};
}

int layout_chunk_judge(const struct layout_record *record, const uint8_t *stored, size_t content_bytes)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	uint8_t *content = malloc(content_bytes);
	int result = CHUNK_UNDECODABLE;
	if (!content)
		return -ENOMEM;
	if (record->flags & 1u) {
		if (ZSTD_getFrameContentSize(stored, record->stored_bytes) != content_bytes ||
		    ZSTD_findFrameCompressedSize(stored, record->stored_bytes) != record->stored_bytes ||
		    ZSTD_decompress(content, content_bytes, stored, record->stored_bytes) != content_bytes)
			goto out;
	} else {
		if (record->stored_bytes != content_bytes)
			goto out;
		memcpy(content, stored, content_bytes);
	}
	if (EVP_Digest(content, content_bytes, digest, NULL, EVP_sha256(), NULL) != 1)
		result = -ENOMEM;
	else
		result = memcmp(digest, record->sha256, DIGEST_BYTES) == 0 ? CHUNK_GOOD : CHUNK_OTHER;
out:
	free(content);
	return result;
}

struct line {
	const uint8_t *at;
	size_t size; /* without the line feed */
};

static bool next_line(const struct bytes *text, size_t *offset, struct line *out)
{
	if (*offset >= text->size)
		return false;
	const uint8_t *at = text->data + *offset;
	const uint8_t *feed = memchr(at, '\n', text->size - *offset);
	out->at = at;
	out->size = feed ? (size_t)(feed - at) : text->size - *offset;
	*offset += out->size + (feed ? 1 : 0);
	return true;
}

/* Finds a section and, unless key is NULL, a key in it. [*from, *to): the key's line, or the place behind the section's
 * last line. */
static bool find_key(const struct bytes *text, const char *section, const char *key, size_t *from, size_t *to)
{
	char want[96];
	size_t offset = 0;
	struct line line;
	bool inside = false;
	bool found = false;
	(void)snprintf(want, sizeof want, "[%s]", section);
	size_t key_bytes = key ? strlen(key) : 0;
	while (next_line(text, &offset, &line)) {
		size_t start = (size_t)(line.at - text->data);
		if (line.size > 0 && line.at[0] == '[') {
			inside = line.size == strlen(want) && memcmp(line.at, want, line.size) == 0;
		} else if (inside && key && line.size > key_bytes && memcmp(line.at, key, key_bytes) == 0 &&
			   line.at[key_bytes] == '=') {
			*from = start;
			*to = offset;
			return true;
		}
		if (inside && !key && line.size > 0) {
			*from = *to = offset;
			found = true;
		}
	}
	return found;
}

static int replace_key(const struct bytes *text, size_t from, size_t to, const struct bytes *with, struct bytes *out)
{
	*out = (struct bytes){malloc(text->size + with->size + 1), text->size - (to - from) + with->size};
	if (!out->data)
		return -ENOMEM;
	memcpy(out->data, text->data, from);
	if (with->size > 0)
		memcpy(out->data + from, with->data, with->size);
	memcpy(out->data + from + with->size, text->data + to, text->size - to);
	return 0;
}

int manifest_set(const struct bytes *text, const char *section, const char *key, const char *value, size_t value_bytes,
		 struct bytes *out)
{
	size_t from;
	size_t to;
	struct bytes line = {0};
	if (!find_key(text, section, key, &from, &to))
		return -ENOENT;
	if (value) {
		size_t key_bytes = strlen(key);
		line.size = key_bytes + value_bytes + 2;
		line.data = malloc(line.size);
		if (!line.data)
			return -ENOMEM;
		memcpy(line.data, key, key_bytes);
		line.data[key_bytes] = '=';
		if (value_bytes > 0)
			memcpy(line.data + key_bytes + 1, value, value_bytes);
		line.data[line.size - 1] = '\n';
	}
	int result = replace_key(text, from, to, &line, out);
	free(line.data);
	return result;
}

int manifest_add(const struct bytes *text, const char *section, const char *line, size_t line_bytes, struct bytes *out)
{
	size_t from;
	size_t to;
	struct bytes with;
	if (!find_key(text, section, NULL, &from, &to))
		return -ENOENT;
	int result = bytes_copy(&with, line, line_bytes + 1);
	if (result)
		return result;
	with.data[line_bytes] = '\n';
	result = replace_key(text, from, to, &with, out);
	free(with.data);
	return result;
}

bool manifest_get(const struct bytes *text, const char *section, const char *key, char *out, size_t out_bytes)
{
	size_t from;
	size_t to;
	if (!find_key(text, section, key, &from, &to))
		return false;
	from += strlen(key) + 1;
	size_t size = to - from - 1;
	if (size >= out_bytes)
		return false;
	memcpy(out, text->data + from, size);
	out[size] = '\0';
	return true;
}

int plain_flip(const struct bytes *in, size_t at, unsigned bit, struct bytes *out)
{
	if (at >= in->size || bit > 7)
		return -EINVAL;
	int result = bytes_copy(out, in->data, in->size);
	if (!result)
		out->data[at] ^= (uint8_t)(1u << bit);
	return result;
}

int plain_truncate(const struct bytes *in, size_t size, struct bytes *out)
{
	return size >= in->size ? -EINVAL : bytes_copy(out, in->data, size);
}

int plain_splice(const struct bytes *in, size_t at, const struct bytes *other, size_t from, struct bytes *out)
{
	if (at > in->size || from > other->size)
		return -EINVAL;
	*out = (struct bytes){malloc(at + other->size - from + 1), at + other->size - from};
	if (!out->data)
		return -ENOMEM;
	memcpy(out->data, in->data, at);
	memcpy(out->data + at, other->data + from, other->size - from);
	return 0;
}
