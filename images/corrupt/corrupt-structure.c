/* SPDX-License-Identifier: Apache-2.0 */
/* Structure: records, lengths, bytes after the end, frames with false headers. All signed by the good key unless the
 * name says otherwise: a signer's mistake must be as harmless as an attack. */
#include "corrupt/bundle-edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#define GARBAGE 0x5a

static int build_sealed(struct yp_forge *forge, struct yp_parts *parts, int r, struct offer *offer)
{
	if (r == 0)
		r = yp_parts_seal(forge, parts, &offer->raw);
	yp_parts_deinit(parts);
	return r;
}

static int build_good(const struct yp_forge *forge, struct offer *offer)
{
	const struct bytes *bundle = &forge->site.bundles[2];
	return bytes_copy(&offer->raw, bundle->data, bundle->size);
}

/* n bytes behind the end; a: "unsized" when the server does not say the size. */
static int build_garbage(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct bytes *bundle = &forge->site.bundles[2];
	size_t more = (size_t)row->n;
	offer->unsized = row->a != NULL;
	offer->raw = (struct bytes){malloc(bundle->size + more), bundle->size + more};
	if (!offer->raw.data)
		return -ENOMEM;
	memcpy(offer->raw.data, bundle->data, bundle->size);
	memset(offer->raw.data + bundle->size, GARBAGE, more);
	return 0;
}

/* Another kind of file altogether: a holds its first n bytes. */
static int build_foreign(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	int r = build_good(forge, offer);
	if (r == 0)
		memcpy(offer->raw.data, row->a, (size_t)row->n);
	return r;
}

/* Signed, and then the lengths of the header are other ones: n more bytes of manifest, as many less of index. */
static int moved_border(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	char detail[160];
	struct yp_parts parts;
	struct bytes content = {0};
	struct bytes signature = {0};
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	r = yp_forge_signed_bytes(&parts.manifest, &parts.index, &content);
	if (r == 0) {
		layout_put(content.data + LAYOUT_MANIFEST_BYTES, (uint32_t)((int64_t)parts.manifest.size + row->n));
		layout_put(content.data + LAYOUT_INDEX_BYTES, (uint32_t)((int64_t)parts.index.size - row->n));
		r = ota_keyring_sign(forge->signer.certificate_pem, forge->signer.key_pem, content.data, content.size,
				     &signature.data, &signature.size, detail, sizeof detail);
	}
	if (r == 0)
		r = yp_forge_assemble(&parts.manifest, &parts.index, &signature, &parts.payload, &offer->raw);
	if (r == 0)
		memcpy(offer->raw.data, content.data, LAYOUT_SIGNED_BYTES);
	bytes_free(&content);
	bytes_free(&signature);
	yp_parts_deinit(&parts);
	return r;
}

/* The header declares no signature; a: whether its bytes are removed as well. */
static int unsigned_bundle(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct layout *layout = &forge->site.layout;
	struct bytes *raw = &offer->raw;
	int r = build_good(forge, offer);
	if (r)
		return r;
	if (row->a) {
		memmove(raw->data + layout->signature, raw->data + layout->payload, layout->size - layout->payload);
		raw->size -= layout->signature_bytes;
	}
	layout_put(raw->data + LAYOUT_SIGNATURE_BYTES, 0);
	return 0;
}

enum record_change {
	RECORD_MISSING,
	RECORD_DUPLICATE,
	RECORD_SWAPPED,       /* two records, their payload stays */
	RECORD_SWAPPED_WHOLE, /* with their payload: each chunk verifies, the image is another */
	RECORD_BORDER,        /* one byte moves from a chunk to the one before */
	RECORD_OVERLAP,       /* both chunks claim that byte */
	RECORD_FLAG,
	RECORD_RAW_AS_ZSTD,
	RECORD_ZSTD_AS_RAW,
	RECORD_ALIKE, /* one record's digest in another's place */
};

static void swap_records(struct yp_parts *parts, uint32_t i, uint32_t k)
{
	uint8_t keep[LAYOUT_RECORD_BYTES];
	uint8_t *a = parts->index.data + (size_t)i * LAYOUT_RECORD_BYTES;
	uint8_t *b = parts->index.data + (size_t)k * LAYOUT_RECORD_BYTES;
	memcpy(keep, a, sizeof keep);
	memcpy(a, b, sizeof keep);
	memcpy(b, keep, sizeof keep);
}

/* Chunks 0 and 1, which lie side by side. */
static int swap_payload(struct yp_parts *parts)
{
	uint32_t first = layout_get(parts->index.data);
	uint32_t second = layout_get(parts->index.data + LAYOUT_RECORD_BYTES);
	uint8_t *keep = malloc(first);
	if (!keep)
		return -ENOMEM;
	memcpy(keep, parts->payload.data, first);
	memmove(parts->payload.data, parts->payload.data + first, second);
	memcpy(parts->payload.data + second, keep, first);
	free(keep);
	return 0;
}

static int grow_index(struct yp_parts *parts)
{
	uint8_t *data = realloc(parts->index.data, parts->index.size + LAYOUT_RECORD_BYTES);
	if (!data)
		return -ENOMEM;
	memcpy(data + parts->index.size, data + parts->index.size - LAYOUT_RECORD_BYTES, LAYOUT_RECORD_BYTES);
	parts->index.data = data;
	parts->index.size += LAYOUT_RECORD_BYTES;
	return 0;
}

static void add_stored(struct yp_parts *parts, uint32_t chunk, int32_t more)
{
	uint8_t *record = parts->index.data + (size_t)chunk * LAYOUT_RECORD_BYTES;
	layout_put(record, (uint32_t)((int64_t)layout_get(record) + more));
}

static int change_records(struct yp_parts *parts, enum record_change change, uint32_t value)
{
	uint8_t *second = parts->index.data + LAYOUT_RECORD_BYTES;
	switch (change) {
	case RECORD_MISSING:
		parts->index.size -= LAYOUT_RECORD_BYTES;
		return 0;
	case RECORD_DUPLICATE:
		return grow_index(parts);
	case RECORD_SWAPPED_WHOLE:
	case RECORD_SWAPPED:
		if (change == RECORD_SWAPPED_WHOLE && swap_payload(parts))
			return -ENOMEM;
		swap_records(parts, 0, 1);
		return 0;
	case RECORD_BORDER:
		add_stored(parts, 0, 1);
		add_stored(parts, 1, -1);
		return 0;
	case RECORD_OVERLAP:
		add_stored(parts, 0, 1);
		return yp_parts_number(parts, "update", "payload-bytes", parts->payload.size + 1);
	case RECORD_FLAG:
		layout_put(second + 4, layout_get(second + 4) | value);
		return 0;
	case RECORD_RAW_AS_ZSTD:
	case RECORD_ZSTD_AS_RAW: /* chunk 2 is noise, stored raw */
		second = parts->index.data + (size_t)(change == RECORD_RAW_AS_ZSTD ? 2 : 1) * LAYOUT_RECORD_BYTES;
		layout_put(second + 4, layout_get(second + 4) ^ 1u);
		return 0;
	case RECORD_ALIKE:
		memcpy(second + 8, parts->index.data + 8, LAYOUT_RECORD_BYTES - 8);
		return 0;
	}
	return -EINVAL;
}

/* n: enum record_change; a: bits for RECORD_FLAG, in hexadecimal. */
static int build_records(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct yp_parts parts;
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	uint32_t value = row->a ? (uint32_t)strtoul(row->a, NULL, 16) : 0;
	return build_sealed(forge, &parts, change_records(&parts, (enum record_change)row->n, value), offer);
}

enum frame {
	FRAME_CLAIMS_4G,
	FRAME_RLE_BOMB,
	FRAME_NESTED,
	FRAME_WINDOW,
	FRAME_WINDOW_HUGE,
	FRAME_SKIPPABLE,
	FRAME_UNSIZED,
	FRAME_EMPTY_BLOCKS,
	FRAME_DICTIONARY,
	FRAME_GZIP
};

#define FRAME_ROOM 2048u
static const uint8_t zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

static size_t put_block(uint8_t *at, unsigned type, uint32_t size, bool last)
{
	uint32_t header = (last ? 1u : 0u) | type << 1 | size << 3;
	at[0] = (uint8_t)header;
	at[1] = (uint8_t)(header >> 8);
	at[2] = (uint8_t)(header >> 16);
	return 3;
}

/* A frame of nothing but blocks that repeat one byte: RFC 8878, 3.1.1.2. */
static size_t frame_rle(uint8_t *out, uint8_t descriptor, const uint8_t *fields, size_t field_bytes, unsigned blocks,
			uint32_t block_bytes)
{
	size_t n = sizeof zstd_magic;
	memcpy(out, zstd_magic, n);
	out[n++] = descriptor;
	memcpy(out + n, fields, field_bytes);
	n += field_bytes;
	for (unsigned i = 0; i < blocks; i++) {
		n += put_block(out + n, 1, block_bytes, i + 1 == blocks);
		out[n++] = 'x';
	}
	return n;
}

static size_t compress_frame(uint8_t *out, const uint8_t *content, size_t size, bool sized)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	if (!zstd)
		return 0;
	(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, sized);
	size_t n = ZSTD_compress2(zstd, out, FRAME_ROOM, content, size);
	(void)ZSTD_freeCCtx(zstd);
	return ZSTD_isError(n) ? 0 : n;
}

/* 4096 bytes that are themselves a frame of 128 KiB blocks: a decoder that looked for frames in what it got would
 * unpack 150 MiB. */
static size_t frame_nested(uint8_t *out)
{
	uint8_t inner[YP_FORGE_CHUNK_BYTES] = {0};
	static const uint8_t window[] = {0x88};
	(void)frame_rle(inner, 0x00, window, 1, 900, 128u * 1024u);
	return compress_frame(out, inner, sizeof inner, true);
}

/* The content itself, but wrapped so that a reader needs a window of many GiB. */
static size_t frame_window(uint8_t *out, const uint8_t *content, uint8_t window)
{
	static const uint8_t header[] = {0x28, 0xb5, 0x2f, 0xfd, 0x40 /* two bytes of size, a window */,
					 0xff, 0x00, 0x0f};
	uint8_t plain[FRAME_ROOM];
	size_t n = compress_frame(plain, content, YP_FORGE_CHUNK_BYTES, true);
	/* zstd's own frame: magic, descriptor 0x60 (single segment, two bytes of size), size. */
	if (n < 7 || plain[4] != 0x60)
		return 0;
	memcpy(out, header, sizeof header);
	out[5] = window;
	memcpy(out + sizeof header, plain + 7, n - 7);
	return sizeof header + n - 7;
}

static size_t frame_make(enum frame frame, const uint8_t *content, uint8_t *out)
{
	static const uint8_t claims_4g[] = {0xff, 0xff, 0xff, 0xff};
	static const uint8_t claims_chunk[] = {0x00, 0x0f};
	static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
	static const uint8_t gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	size_t n;
	switch (frame) {
	case FRAME_CLAIMS_4G:
		return frame_rle(out, 0xa0, claims_4g, 4, 400, 128u * 1024u);
	case FRAME_RLE_BOMB: /* says 4096, holds 50 MiB */
		return frame_rle(out, 0x60, claims_chunk, 2, 400, 128u * 1024u);
	case FRAME_NESTED:
		return frame_nested(out);
	case FRAME_WINDOW:
		return frame_window(out, content, 0xa0); /* 1 GiB */
	case FRAME_WINDOW_HUGE:
		return frame_window(out, content, 0xff); /* 3.75 TiB, the most that can be said */
	case FRAME_SKIPPABLE:
		n = compress_frame(out, content, YP_FORGE_CHUNK_BYTES, true);
		memcpy(out + n, skippable, sizeof skippable);
		return n ? n + sizeof skippable : 0;
	case FRAME_UNSIZED:
		return compress_frame(out, content, YP_FORGE_CHUNK_BYTES, false);
	case FRAME_EMPTY_BLOCKS:
		n = frame_rle(out, 0x60, claims_chunk, 2, 400, 0);
		return n;
	case FRAME_DICTIONARY:
		n = frame_rle(out, 0x61, (const uint8_t[]){0x07, 0x00, 0x0f}, 3, 1, YP_FORGE_CHUNK_BYTES);
		return n;
	case FRAME_GZIP:
		memcpy(out, gzip, sizeof gzip);
		return sizeof gzip;
	}
	return 0;
}

/* n: enum frame, in place of chunk 0's, which compresses. */
static int build_framed(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	uint8_t frame[2 * FRAME_ROOM];
	struct yp_parts parts;
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	struct bytes stored = {frame, frame_make((enum frame)row->n, forge->site.images[2].rootfs.data, frame)};
	r = stored.size > 0 ? yp_parts_chunk(&parts, 0, &stored) : -EPROTO;
	offer->memory_bytes = 8u * 1024u * 1024u;
	return build_sealed(forge, &parts, r, offer);
}

/* Genuine head, n: version, over the genuine payload of version 3 of the same sizes where they are equal. */
static int other_payload(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct yp_forge_site *site = &forge->site;
	struct layout other;
	(void)row;
	if (!layout_read(site->bundles[3].data, site->bundles[3].size, &other))
		return -EPROTO;
	int r = plain_splice(&site->bundles[2], site->layout.payload, &site->bundles[3], other.payload, &offer->raw);
	if (r)
		return r;
	/* Cut or filled to the size that the head says, so that nothing but the content is wrong. */
	uint8_t *data = realloc(offer->raw.data, site->layout.size);
	if (!data)
		return -ENOMEM;
	if (offer->raw.size < site->layout.size)
		memset(data + offer->raw.size, 0, site->layout.size - offer->raw.size);
	offer->raw.data = data;
	offer->raw.size = site->layout.size;
	return 0;
}

/* n: the byte that fills chunk 2 (stored raw) or, for a != NULL, chunk 0 (compressed). */
static int build_filled(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct layout_record record;
	int r = build_good(forge, offer);
	if (r)
		return r;
	layout_record(&forge->site.layout, offer->raw.data, row->a ? 0 : 2, &record);
	memset(offer->raw.data + record.payload_offset, (int)row->n, record.stored_bytes);
	return 0;
}

#define E YP_CORRUPT_REJ_E
#define L YP_CORRUPT_REJ_L

const struct yp_corrupt_row rows_structure[] = {
    {"trc:garbage.1", "TRC-12", E, REASON(TRAILING), build_garbage, .n = 1},
    {"trc:garbage.4096", "TRC-12", E, REASON(TRAILING), build_garbage, .n = 4096},
    {"trc:garbage.1048576", "TRC-12 RES-02", E, REASON(TRAILING), build_garbage, .n = 1048576},
    {"trc:garbage.1.unsized", "TRC-12", YP_CORRUPT_IGNORED, REASON(OK), build_garbage, "unsized", .n = 1,
     .note = "bytes behind the end are never asked for"},
    {"trc:garbage.1048576.unsized", "TRC-12 RES-02", YP_CORRUPT_IGNORED, REASON(OK), build_garbage, "unsized",
     .n = 1048576, .note = "bytes behind the end are never asked for"},
    {"trc:squashfs", "TRC-15 SIG-27", E, REASON(BAD_MAGIC), build_foreign, "hsqs\0\0\0\0", .n = 8},
    {"trc:cpio", "TRC-15 SIG-27", E, REASON(BAD_MAGIC), build_foreign, "07070100", .n = 8},
    {"trc:gzip", "TRC-15 SIG-27", E, REASON(BAD_MAGIC), build_foreign, "\x1f\x8b\x08\0\0\0\0\0", .n = 8},
    {"trc:zip", "TRC-15 SIG-27", E, REASON(BAD_MAGIC), build_foreign, "PK\x03\x04\0\0\0\0", .n = 8},
    {"trc:html", "TRC-15", E, REASON(BAD_MAGIC), build_foreign, "<!DOCTYPE html>", .n = 15},
    {"trc:format.0", "TRC-15", E, REASON(BAD_FORMAT), build_foreign, "OTABNDL\n\0", .n = 9},
    {"trc:format.2", "TRC-15", E, REASON(BAD_FORMAT), build_foreign, "OTABNDL\n\2", .n = 9},
    {"trc:crlf", "TRC-15", E, REASON(BAD_MAGIC), build_foreign, "OTABNDL\r\n", .n = 9},
    {"trc:border.1", "TRC-17", E, REASON(BAD_FORMAT), moved_border, .n = 1},
    {"trc:border.40", "TRC-17", E, REASON(BAD_MANIFEST), moved_border, .n = 40},
    {"trc:border.-40", "TRC-17", E, REASON(BAD_MANIFEST), moved_border, .n = -40},
    {"trc:record-missing", "TRC-11 TRC-17", E, REASON(BAD_MANIFEST), build_records, .n = RECORD_MISSING},
    {"trc:record-duplicate", "TRC-17", E, REASON(BAD_MANIFEST), build_records, .n = RECORD_DUPLICATE},
    {"trc:records-swapped", "TRC-17 FLP-06", L, REASON(CHUNK_DECODE), build_records, .n = RECORD_SWAPPED},
    {"trc:chunks-swapped", "TRC-17 DLT-04", L, REASON(READ_BACK), build_records, .n = RECORD_SWAPPED_WHOLE},
    {"trc:chunks-border", "TRC-17", L, REASON(CHUNK_DECODE), build_records, .n = RECORD_BORDER},
    {"trc:chunks-overlap", "TRC-17", E, REASON(TRUNCATED), build_records, .n = RECORD_OVERLAP},
    {"trc:digest-of-another", "FLP-06 DLT-04", L, REASON(CHUNK_DIGEST), build_records, .n = RECORD_ALIKE},
    {"trc:flag.2", "FLP-12 FLP-05", E, REASON(BAD_MANIFEST), build_records, "2", .n = RECORD_FLAG},
    {"trc:flag.80000000", "FLP-12 FLP-05", E, REASON(BAD_MANIFEST), build_records, "80000000", .n = RECORD_FLAG},
    {"trc:raw-as-zstd", "FLP-12", E, REASON(BAD_MANIFEST), build_records, .n = RECORD_RAW_AS_ZSTD},
    {"trc:zstd-as-raw", "FLP-12", E, REASON(BAD_MANIFEST), build_records, .n = RECORD_ZSTD_AS_RAW},
    {"res:claims-4g", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_CLAIMS_4G},
    {"res:rle-bomb", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_RLE_BOMB},
    {"res:nested", "RES-03", L, REASON(CHUNK_DIGEST), build_framed, .n = FRAME_NESTED},
    {"res:window", "RES-03", YP_CORRUPT_IGNORED, REASON(OK), build_framed, .n = FRAME_WINDOW,
     .note = "the chunk is the window: nothing is allocated for the one that a frame asks for"},
    {"res:window-huge", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_WINDOW_HUGE},
    {"res:skippable", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_SKIPPABLE},
    {"res:frame-unsized", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_UNSIZED},
    {"res:empty-blocks", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_EMPTY_BLOCKS},
    {"res:dictionary", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_DICTIONARY},
    {"res:gzip-chunk", "RES-03", L, REASON(CHUNK_DECODE), build_framed, .n = FRAME_GZIP},
    {"flp:chunk.raw.00", "FLP-08", L, REASON(CHUNK_DIGEST), build_filled, .n = 0x00},
    {"flp:chunk.raw.ff", "FLP-08", L, REASON(CHUNK_DIGEST), build_filled, .n = 0xff},
    {"flp:chunk.zstd.00", "FLP-08", L, REASON(CHUNK_DECODE), build_filled, "zstd", .n = 0x00},
    {"flp:chunk.zstd.ff", "FLP-08", L, REASON(CHUNK_DECODE), build_filled, "zstd", .n = 0xff},
    {"man:other-payload", "MAN-08 FLP-11", L, REASON(CHUNK_DECODE) | REASON(CHUNK_DIGEST), other_payload, .n = 0},
    {"sig:stripped", "SIG-01 TRC-05 SIG-27", E, REASON(NO_SIGNATURE), unsigned_bundle, .a = "gone"},
    {"sig:zero-length", "SIG-02", E, REASON(NO_SIGNATURE), unsigned_bundle, .n = 0},
    {"flp:hooks", "FLP-13", .note = "a bundle carries no scripts: hooks belong to the device"},
    {.id = NULL},
};
