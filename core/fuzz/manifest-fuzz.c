/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest text, and after the first zero byte an index: the parsers behind the signature, without the signature. What
 * is accepted can be written and read again to the same, and its chunks add up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/index.h"
#include "ota/reason.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct ota_manifest *manifest)
{
	char text[OTA_MANIFEST_WRITTEN_MAX];
	size_t size;
	struct ota_manifest again;
	if (ota_manifest_encode(manifest, text, sizeof text, &size, NULL, 0))
		abort();
	if (ota_manifest_parse((struct ota_span){(const uint8_t *)text, size}, &again, NULL, 0) ||
	    memcmp(&again, manifest, sizeof again) != 0)
		abort();
}

static void check_chunks(const struct ota_manifest *manifest, uint64_t chunks)
{
	uint64_t total = 0;
	uint64_t sum = 0;
	for (unsigned i = 0; i < manifest->image_count; i++)
		total += manifest->images[i].size_bytes;
	for (uint32_t i = 0; i < chunks; i++)
		sum += ota_manifest_chunk_bytes(manifest, i);
	if (sum != total || manifest->payload_bytes > total)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ota_manifest manifest;
	char detail[100];
	const uint8_t *zero = size ? memchr(data, '\0', size) : NULL;
	const size_t text_bytes = zero ? (size_t)(zero - data) : size;
	int result = ota_manifest_parse((struct ota_span){data, text_bytes}, &manifest, detail, sizeof detail);
	if (result && result != OTA_BAD_MANIFEST)
		abort();
	if (result)
		return 0;
	check_text(&manifest);
	if (!zero)
		return 0;
	const struct ota_span index = {zero + 1, size - text_bytes - 1};
	result = ota_index_check(&manifest, index, detail, sizeof detail);
	if (result && result != OTA_BAD_MANIFEST)
		abort();
	if (!result)
		check_chunks(&manifest, index.size_bytes / OTA_INDEX_RECORD_BYTES);
	return 0;
}
