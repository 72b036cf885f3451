/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes one chunk and verifies its content against the signed digest. */
#include "ota/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "base/sha256.h"
#include "ota/reason.h"

struct ota_decoder {
	ZSTD_DCtx *zstd; /* NULL until the first compressed chunk: it is larger than many a chunk */
};

int ota_decoder_new(struct ota_decoder **out)
{
	struct ota_decoder *decoder = calloc(1, sizeof *decoder);
	*out = NULL;
	if (!decoder)
		return -ENOMEM;
	*out = decoder;
	return 0;
}

void ota_decoder_free(struct ota_decoder *decoder)
{
	if (!decoder)
		return;
	(void)ZSTD_freeDCtx(decoder->zstd);
	free(decoder);
}

/*
 * One frame, which says the content's exact size and ends where the stored bytes end. Decoded in one call
 * into the caller's buffer, which is the window: whatever window a frame asks for, no memory is allocated for it.
 */
static int decompress_chunk(struct ota_decoder *decoder, const struct ota_chunk *chunk, const uint8_t *stored,
			    uint8_t *content)
{
	if (ZSTD_getFrameContentSize(stored, chunk->stored_bytes) != chunk->content_bytes ||
	    ZSTD_findFrameCompressedSize(stored, chunk->stored_bytes) != chunk->stored_bytes)
		return OTA_CHUNK_DECODE;
	if (!decoder->zstd)
		decoder->zstd = ZSTD_createDCtx();
	if (!decoder->zstd)
		return -ENOMEM;
	size_t size = ZSTD_decompressDCtx(decoder->zstd, content, chunk->content_bytes, stored, chunk->stored_bytes);
	return size == chunk->content_bytes ? 0 : OTA_CHUNK_DECODE;
}

int ota_decoder_chunk(struct ota_decoder *decoder, const struct ota_chunk *chunk, const uint8_t *stored,
		      uint8_t *content)
{
	uint8_t digest[OTA_DIGEST_BYTES];
	if (chunk->zstd) {
		int result = decompress_chunk(decoder, chunk, stored, content);
		if (result)
			return result;
	} else {
		if (chunk->stored_bytes != chunk->content_bytes)
			return OTA_CHUNK_DECODE;
		if (content != stored)
			memmove(content, stored, chunk->content_bytes);
	}
	ota_hash_once(content, chunk->content_bytes, digest);
	return memcmp(digest, chunk->sha256, sizeof digest) == 0 ? 0 : OTA_CHUNK_DIGEST;
}
