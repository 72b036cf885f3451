/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BUNDLE_INDEX_H
#define CORE_BUNDLE_INDEX_H

#include "bundle/manifest.h"

/*
 * The index of a bundle: one record of OTA_INDEX_RECORD_BYTES for each chunk, in order. u32 stored_bytes, u32 flags,
 * SHA-256 of the content; numbers are little-endian.
 */
struct ota_record {
	uint32_t stored_bytes;
	uint32_t flags; /* OTA_RECORD_ZSTD or 0 */
	const uint8_t *sha256;
};
#define OTA_RECORD_ZSTD 1u
/* raw: OTA_INDEX_RECORD_BYTES; the digest in the answer points into it. */
struct ota_record ota_record_read(const uint8_t *raw);
void ota_record_write(uint8_t *raw, uint32_t stored_bytes, uint32_t flags, const uint8_t *sha256);

/*
 * The index against the manifest: number of chunks, flags, stored sizes (raw: the content's size; zstd: smaller than
 * it), and their sum against payload-bytes. 0 or OTA_BAD_MANIFEST.
 */
int ota_index_check(const struct ota_manifest *manifest, struct ota_span index, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
