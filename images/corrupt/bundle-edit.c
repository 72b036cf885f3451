/* SPDX-License-Identifier: Apache-2.0 */
/* A good bundle in parts: changed, and sealed again by the good signer. */
#include "corrupt/bundle-edit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int yp_parts_init(const struct yp_forge *forge, struct yp_parts *out)
{
	const struct bytes payload = yp_forge_payload(forge);
	*out = (struct yp_parts){0};
	int r = yp_forge_manifest(forge, &out->manifest);
	if (r == 0)
		r = yp_forge_index(forge, &out->index);
	if (r == 0)
		r = bytes_copy(&out->payload, payload.data, payload.size);
	if (r)
		yp_parts_deinit(out);
	return r;
}

void yp_parts_deinit(struct yp_parts *parts)
{
	bytes_free(&parts->manifest);
	bytes_free(&parts->index);
	bytes_free(&parts->payload);
}

int yp_parts_seal(const struct yp_forge *forge, const struct yp_parts *parts, struct bytes *out)
{
	return yp_forge_seal(forge, &parts->manifest, &parts->index, &parts->payload, out);
}

/* [from, to) of `text` becomes `with`. */
static int replace_range(struct bytes *text, size_t from, size_t to, const void *with, size_t with_bytes)
{
	size_t size = text->size - (to - from) + with_bytes;
	uint8_t *data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	memcpy(data, text->data, from);
	if (with_bytes > 0)
		memcpy(data + from, with, with_bytes);
	memcpy(data + from + with_bytes, text->data + to, text->size - to);
	free(text->data);
	text->data = data;
	text->size = size;
	return 0;
}

int yp_parts_replace(struct bytes *text, const char *from, const void *to, size_t to_bytes)
{
	size_t n = strlen(from);
	for (size_t at = 0; at + n <= text->size; at++)
		if (memcmp(text->data + at, from, n) == 0)
			return replace_range(text, at, at + n, to, to_bytes);
	return -ENOENT;
}

int yp_parts_number(struct yp_parts *parts, const char *section, const char *key, uint64_t value)
{
	char text[24];
	struct bytes out;
	int n = snprintf(text, sizeof text, "%" PRIu64, value);
	int r = manifest_set(&parts->manifest, section, key, text, (size_t)n, &out);
	if (r)
		return r;
	bytes_free(&parts->manifest);
	parts->manifest = out;
	return 0;
}

size_t yp_parts_chunk_offset(const struct yp_parts *parts, uint32_t chunk)
{
	size_t offset = 0;
	for (uint32_t i = 0; i < chunk; i++)
		offset += layout_get(parts->index.data + (size_t)i * LAYOUT_RECORD_BYTES);
	return offset;
}

int yp_parts_chunk(struct yp_parts *parts, uint32_t chunk, const struct bytes *stored)
{
	uint8_t *record = parts->index.data + (size_t)chunk * LAYOUT_RECORD_BYTES;
	size_t from = yp_parts_chunk_offset(parts, chunk);
	int r = replace_range(&parts->payload, from, from + layout_get(record), stored->data, stored->size);
	if (r)
		return r;
	layout_put(record, (uint32_t)stored->size);
	return yp_parts_number(parts, "update", "payload-bytes", parts->payload.size);
}
