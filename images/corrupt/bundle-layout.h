/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_BUNDLE_LAYOUT_H
#define IMAGES_CORRUPT_BUNDLE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bundle's format, written anew from the text of ota/bundle.h. The core's parser is not used, because its mistakes
 * would then be shared.
 */
#define LAYOUT_HEADER_BYTES 32u
#define LAYOUT_SIGNED_BYTES 20u /* of the header */
#define LAYOUT_RECORD_BYTES 40u

enum layout_field {
	LAYOUT_MAGIC = 0,
	LAYOUT_FORMAT = 8,
	LAYOUT_MANIFEST_BYTES = 12,
	LAYOUT_INDEX_BYTES = 16,
	LAYOUT_SIGNATURE_BYTES = 20,
	LAYOUT_RESERVED = 24
};

/* Bytes with an owner: free(data). */
struct bytes {
	uint8_t *data;
	size_t size;
};
void bytes_free(struct bytes *bytes);
/* 0 or -ENOMEM. */
int bytes_copy(struct bytes *out, const void *data, size_t size) __attribute__((warn_unused_result));

/* Where the parts of a good bundle lie. */
struct layout {
	uint32_t manifest_bytes, index_bytes, signature_bytes;
	size_t index, signature, payload, size; /* offsets; the manifest lies at 32 */
	uint32_t chunks;
};
/* False if it is not what the format says. */
bool layout_read(const uint8_t *raw, size_t size, struct layout *out);
/* "header", "manifest", "index", "signature" or "payload"; *offset: within it. Static. */
const char *layout_region(const struct layout *layout, size_t at, size_t *offset);
uint32_t layout_get(const uint8_t *raw);
void layout_put(uint8_t *raw, uint32_t value);

struct layout_record {
	uint32_t stored_bytes, flags;
	const uint8_t *sha256;
	size_t payload_offset; /* of its stored bytes, in the file */
};
void layout_record(const struct layout *layout, const uint8_t *raw, uint32_t chunk, struct layout_record *out);

/*
 * What a reader of chunk's stored bytes must find: 0 the content as signed, 1 it does not decode, 2 other content.
 * -ENOMEM. Decides with libzstd and OpenSSL alone.
 */
enum { CHUNK_GOOD, CHUNK_UNDECODABLE, CHUNK_OTHER };
int layout_chunk_judge(const struct layout_record *record, const uint8_t *stored, size_t content_bytes);

/*
 * Changes to a manifest's text; each gives a new text. section is "update" or "image.rootfs" ...
 *   set     the value of the first `key` line in the section; NULL removes the line
 *   add     a line at the section's end
 * 0, -ENOMEM, or -ENOENT when section or key is not there.
 */
int manifest_set(const struct bytes *text, const char *section, const char *key, const char *value, size_t value_bytes,
		 struct bytes *out) __attribute__((warn_unused_result));
int manifest_add(const struct bytes *text, const char *section, const char *line, size_t line_bytes, struct bytes *out)
    __attribute__((warn_unused_result));
/* The value of a key, copied; false if it is not there or too long. */
bool manifest_get(const struct bytes *text, const char *section, const char *key, char *out, size_t out_bytes);

/*
 * Independent of any format: for a bundle of any updater. 0, -ENOMEM, -EINVAL (nothing there to change).
 */
int plain_flip(const struct bytes *in, size_t at, unsigned bit, struct bytes *out) __attribute__((warn_unused_result));
int plain_truncate(const struct bytes *in, size_t size, struct bytes *out) __attribute__((warn_unused_result));
/* in's first `at` bytes, then other's from `from` on. */
int plain_splice(const struct bytes *in, size_t at, const struct bytes *other, size_t from, struct bytes *out)
    __attribute__((warn_unused_result));

#endif
