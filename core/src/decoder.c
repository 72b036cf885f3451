/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zstd.h>

#include "ota/reason.h"

struct ota_decoder {
	ZSTD_DCtx *zstd;
	EVP_MD *sha256;
	EVP_MD_CTX *hash;
};

int ota_decoder_new(struct ota_decoder **out)
{
	struct ota_decoder *decoder = calloc(1, sizeof *decoder);
	*out = NULL;
	if (!decoder)
		return -ENOMEM;
	decoder->zstd = ZSTD_createDCtx();
	decoder->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	decoder->hash = EVP_MD_CTX_new();
	if (!decoder->zstd || !decoder->sha256 || !decoder->hash) {
		ota_decoder_free(decoder);
		return -ENOMEM;
	}
	*out = decoder;
	return 0;
}

void ota_decoder_free(struct ota_decoder *decoder)
{
	if (!decoder)
		return;
	(void)ZSTD_freeDCtx(decoder->zstd);
	EVP_MD_free(decoder->sha256);
	EVP_MD_CTX_free(decoder->hash);
	free(decoder);
}

/*
 * One frame, which says the content's exact size and ends where the stored bytes end. Decoded in one call
 * into the caller's buffer, which is the window: whatever window a frame asks for, no memory is allocated for it.
 */
static int decompress(struct ota_decoder *decoder, const struct ota_chunk *chunk, const uint8_t *stored,
		      uint8_t *content)
{
	if (ZSTD_getFrameContentSize(stored, chunk->stored_bytes) != chunk->content_bytes ||
	    ZSTD_findFrameCompressedSize(stored, chunk->stored_bytes) != chunk->stored_bytes)
		return OTA_CHUNK_DECODE;
	size_t size = ZSTD_decompressDCtx(decoder->zstd, content, chunk->content_bytes, stored, chunk->stored_bytes);
	return size == chunk->content_bytes ? 0 : OTA_CHUNK_DECODE;
}

int ota_decoder_chunk(struct ota_decoder *decoder, const struct ota_chunk *chunk, const uint8_t *stored,
		      uint8_t *content)
{
	uint8_t digest[OTA_DIGEST_BYTES];
	if (chunk->zstd) {
		int result = decompress(decoder, chunk, stored, content);
		if (result)
			return result;
	} else {
		if (chunk->stored_bytes != chunk->content_bytes)
			return OTA_CHUNK_DECODE;
		if (content != stored)
			memmove(content, stored, chunk->content_bytes);
	}
	if (EVP_DigestInit_ex2(decoder->hash, decoder->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(decoder->hash, content, chunk->content_bytes) != 1 ||
	    EVP_DigestFinal_ex(decoder->hash, digest, NULL) != 1)
		return -ENOMEM;
	return memcmp(digest, chunk->sha256, sizeof digest) == 0 ? 0 : OTA_CHUNK_DIGEST;
}
