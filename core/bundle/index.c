/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a bundle: its records, and the check against the manifest. */
#include "bundle/index.h"

#include <inttypes.h>
#include <string.h>

#include "base/number-bytes.h"
#include "ota/reason.h"

struct ota_record ota_record_read(const uint8_t *raw)
{
	return (struct ota_record){(uint32_t)ota_number_get(raw, 4), (uint32_t)ota_number_get(raw + 4, 4), raw + 8};
}

void ota_record_write(uint8_t *raw, uint32_t stored_bytes, uint32_t flags, const uint8_t *sha256)
{
	ota_number_put(raw, stored_bytes, 4);
	ota_number_put(raw + 4, flags, 4);
	memcpy(raw + 8, sha256, OTA_DIGEST_BYTES);
}

static const char *check_record(const struct ota_record *record, uint32_t content_bytes)
{
	if (record->flags & ~OTA_RECORD_ZSTD)
		return "unknown flags";
	if (record->stored_bytes == 0)
		return "nothing stored";
	if (record->flags & OTA_RECORD_ZSTD)
		/* Larger is stored raw. It bounds every buffer for stored bytes by the chunk's size. */
		return record->stored_bytes < content_bytes ? NULL : "compressed, but not smaller";
	return record->stored_bytes == content_bytes ? NULL : "stored size is not the content's";
}

int ota_index_check(const struct ota_manifest *manifest, struct ota_span index, char *detail, size_t detail_bytes)
{
	uint64_t chunks = 0;
	uint64_t payload_bytes = 0;
	for (unsigned i = 0; i < manifest->image_count; i++)
		chunks += manifest->images[i].chunks;
	if (index.size_bytes % OTA_INDEX_RECORD_BYTES || index.size_bytes / OTA_INDEX_RECORD_BYTES != chunks)
		return ota_detail_write(detail, detail_bytes, OTA_BAD_MANIFEST,
					"index: %zu bytes, but the images have %" PRIu64 " chunks", index.size_bytes,
					chunks);
	for (uint32_t i = 0; i < chunks; i++) {
		const struct ota_record record = ota_record_read(index.data + (size_t)i * OTA_INDEX_RECORD_BYTES);
		const char *wrong = check_record(&record, ota_manifest_chunk_bytes(manifest, i));
		if (wrong)
			return ota_detail_write(detail, detail_bytes, OTA_BAD_MANIFEST, "index: chunk %" PRIu32 ": %s",
						i, wrong);
		payload_bytes += record.stored_bytes; /* at most 2^18 times 2^20 */
	}
	if (payload_bytes != manifest->payload_bytes)
		return ota_detail_write(detail, detail_bytes, OTA_BAD_MANIFEST,
					"[update] payload-bytes: says %" PRIu64 ", the index %" PRIu64,
					manifest->payload_bytes, payload_bytes);
	return 0;
}
