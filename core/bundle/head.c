/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a bundle: header, manifest, index and signature, opened only after the signature was verified. */
#include "bundle/head.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number-bytes.h"
#include "base/sha256.h"
#include "bundle/index.h"
#include "bundle/signature.h"
#include "ota/reason.h"

static const uint8_t magic[8] = {'O', 'T', 'A', 'B', 'N', 'D', 'L', '\n'};

struct ota_head {
	struct ota_bundle_header header;
	struct ota_manifest manifest;
	uint8_t digest[OTA_DIGEST_BYTES];
	uint32_t chunks;
	uint32_t slots;    /* of `table`: a power of two, more than twice the chunks */
	uint64_t *offsets; /* of each chunk in the payload */
	uint32_t *table;   /* open addressing: chunk + 1, 0 = free */
	const uint8_t *index;
	size_t size_bytes;
	uint8_t raw[];
};

static uint32_t read_u32(const uint8_t *raw)
{
	return (uint32_t)ota_number_get(raw, 4);
}

void ota_bundle_header_write(const struct ota_bundle_header *header, uint8_t raw[OTA_BUNDLE_HEADER_BYTES])
{
	memset(raw, 0, OTA_BUNDLE_HEADER_BYTES);
	memcpy(raw, magic, sizeof magic);
	ota_number_put(raw + 8, OTA_BUNDLE_FORMAT, 4);
	ota_number_put(raw + 12, header->manifest_bytes, 4);
	ota_number_put(raw + 16, header->index_bytes, 4);
	ota_number_put(raw + 20, header->signature_bytes, 4);
}

int ota_bundle_header_parse(const uint8_t raw[OTA_BUNDLE_HEADER_BYTES], struct ota_bundle_header *out)
{
	static const uint8_t zeros[8];
	if (memcmp(raw, magic, sizeof magic) != 0)
		return OTA_BAD_MAGIC;
	if (read_u32(raw + 8) != OTA_BUNDLE_FORMAT || memcmp(raw + 24, zeros, sizeof zeros) != 0)
		return OTA_BAD_FORMAT;
	const struct ota_bundle_header header = {read_u32(raw + 12), read_u32(raw + 16), read_u32(raw + 20)};
	if (header.manifest_bytes > OTA_MANIFEST_MAX_BYTES || header.index_bytes > OTA_INDEX_MAX_BYTES ||
	    header.signature_bytes > OTA_SIGNATURE_MAX_BYTES)
		return OTA_TOO_LARGE;
	if (header.manifest_bytes == 0 || header.index_bytes == 0 || header.index_bytes % OTA_INDEX_RECORD_BYTES)
		return OTA_BAD_FORMAT;
	if (header.signature_bytes == 0)
		return OTA_NO_SIGNATURE;
	*out = header;
	return 0;
}

size_t ota_bundle_head_bytes(const struct ota_bundle_header *header)
{
	return (size_t)OTA_BUNDLE_HEADER_BYTES + header->manifest_bytes + header->index_bytes + header->signature_bytes;
}

static uint32_t first_bucket(const struct ota_head *head, const uint8_t *sha256)
{
	return read_u32(sha256) & (head->slots - 1);
}

/* The place in the table of this digest and size, or the free place where it belongs. The table is never full. */
static uint32_t find_bucket(const struct ota_head *head, const uint8_t *sha256, uint32_t content_bytes)
{
	uint32_t at = first_bucket(head, sha256);
	for (; head->table[at]; at = (at + 1) & (head->slots - 1)) {
		uint32_t chunk = head->table[at] - 1;
		const struct ota_record record = ota_record_read(head->index + (size_t)chunk * OTA_INDEX_RECORD_BYTES);
		if (memcmp(record.sha256, sha256, OTA_DIGEST_BYTES) == 0 &&
		    ota_manifest_chunk_bytes(&head->manifest, chunk) == content_bytes)
			break;
	}
	return at;
}

static int build_tables(struct ota_head *head)
{
	head->slots = 4;
	while (head->slots <= 2 * head->chunks)
		head->slots *= 2;
	head->offsets = malloc(head->chunks * sizeof *head->offsets);
	head->table = calloc(head->slots, sizeof *head->table);
	if (!head->offsets || !head->table)
		return -ENOMEM;
	uint64_t offset = 0;
	for (uint32_t i = 0; i < head->chunks; i++) {
		const struct ota_record record = ota_record_read(head->index + (size_t)i * OTA_INDEX_RECORD_BYTES);
		head->offsets[i] = offset;
		offset += record.stored_bytes;
		/* Equal chunks (runs of zeros) share one place, or filling the table would take quadratic time. */
		uint32_t at = find_bucket(head, record.sha256, ota_manifest_chunk_bytes(&head->manifest, i));
		if (!head->table[at])
			head->table[at] = i + 1;
	}
	return 0;
}

static const char *header_text(int reason)
{
	switch (reason) {
	case OTA_BAD_MAGIC:
		return "header: not a bundle";
	case OTA_NO_SIGNATURE:
		return "header: no signature";
	case OTA_TOO_LARGE:
		return "header: a size is above its bound";
	default:
		return "header: unknown format version or malformed";
	}
}

static int check_size(const uint8_t *raw, size_t size_bytes, struct ota_bundle_header *header, char *detail,
		      size_t detail_bytes)
{
	if (size_bytes < OTA_BUNDLE_HEADER_BYTES)
		return ota_detail_write(detail, detail_bytes, OTA_TRUNCATED, "header: %zu bytes of %u", size_bytes,
					OTA_BUNDLE_HEADER_BYTES);
	int result = ota_bundle_header_parse(raw, header);
	if (result)
		return ota_detail_write(detail, detail_bytes, result, "%s", header_text(result));
	size_t wanted = ota_bundle_head_bytes(header);
	if (size_bytes < wanted)
		return ota_detail_write(detail, detail_bytes, OTA_TRUNCATED, "head: %zu bytes of %zu", size_bytes,
					wanted);
	if (size_bytes > wanted)
		return ota_detail_write(detail, detail_bytes, OTA_TRAILING, "head: %zu bytes instead of %zu",
					size_bytes, wanted);
	return 0;
}

static int parse_verified(struct ota_head *head, char *detail, size_t detail_bytes)
{
	const uint8_t *manifest = head->raw + OTA_BUNDLE_HEADER_BYTES;
	head->index = manifest + head->header.manifest_bytes;
	head->chunks = head->header.index_bytes / OTA_INDEX_RECORD_BYTES;
	int result = ota_manifest_parse((struct ota_span){manifest, head->header.manifest_bytes}, &head->manifest,
					detail, detail_bytes);
	if (!result)
		result = ota_index_check(&head->manifest, (struct ota_span){head->index, head->header.index_bytes},
					 detail, detail_bytes);
	if (!result)
		result = build_tables(head);
	return result;
}

/* A copy of the bytes, unverified: the bytes of the caller may change meanwhile. */
static int head_copy(const uint8_t *raw, size_t size_bytes, struct ota_head **out, char *detail, size_t detail_bytes)
{
	struct ota_bundle_header header = {0};
	int result = check_size(raw, size_bytes, &header, detail, detail_bytes);
	if (result)
		return result;
	struct ota_head *head = malloc(sizeof *head + size_bytes);
	if (!head)
		return -ENOMEM;
	memset(head, 0, sizeof *head);
	head->header = header;
	head->size_bytes = size_bytes;
	memcpy(head->raw, raw, size_bytes);
	*out = head;
	return 0;
}

static size_t body_bytes(const struct ota_head *head)
{
	return (size_t)head->header.manifest_bytes + head->header.index_bytes;
}

int ota_head_open(const uint8_t *raw, size_t size_bytes, const struct ota_keyring *keyring, int64_t now_s,
		  struct ota_head **out, char *detail, size_t detail_bytes)
{
	struct ota_head *head = NULL;
	assert(raw && keyring && out);
	*out = NULL;
	int result = head_copy(raw, size_bytes, &head, detail, detail_bytes);
	if (result)
		return result;
	const uint8_t *body = head->raw + OTA_BUNDLE_HEADER_BYTES;
	const struct ota_span signed_parts[] = {{head->raw, OTA_HEADER_SIGNED_BYTES}, {body, body_bytes(head)}};
	const struct ota_span signature = {body + body_bytes(head), head->header.signature_bytes};
	result =
	    ota_keyring_verify_spans(keyring, signed_parts, 2, signature, now_s, head->digest, detail, detail_bytes);
	if (!result)
		result = parse_verified(head, detail, detail_bytes);
	/* The date becomes a lower bound of the time. One that the signer's own certificate does not reach would make
	 * every later update expired, for ever. */
	if (!result && head->manifest.created_s > now_s)
		result = ota_keyring_verify_spans(keyring, signed_parts, 2, signature, head->manifest.created_s, NULL,
						  detail, detail_bytes);
	if (result) {
		ota_head_free(head);
		return result;
	}
	*out = head;
	return 0;
}

int ota_head_known(const uint8_t *raw, size_t size_bytes, const uint8_t digest[OTA_DIGEST_BYTES], struct ota_head **out)
{
	struct ota_head *head = NULL;
	struct ota_hash hash;
	assert(raw && digest && out);
	*out = NULL;
	int result = head_copy(raw, size_bytes, &head, NULL, 0);
	if (result)
		return result;
	ota_hash_init(&hash);
	ota_hash_update(&hash, head->raw, OTA_HEADER_SIGNED_BYTES);
	ota_hash_update(&hash, head->raw + OTA_BUNDLE_HEADER_BYTES, body_bytes(head));
	ota_hash_final(&hash, head->digest);
	result =
	    memcmp(head->digest, digest, OTA_DIGEST_BYTES) == 0 ? parse_verified(head, NULL, 0) : OTA_BAD_SIGNATURE;
	if (result) {
		ota_head_free(head);
		return result;
	}
	*out = head;
	return 0;
}

void ota_head_free(struct ota_head *head)
{
	if (!head)
		return;
	free(head->offsets);
	free(head->table);
	free(head);
}

const struct ota_manifest *ota_head_manifest(const struct ota_head *head)
{
	return &head->manifest;
}

const uint8_t *ota_head_digest(const struct ota_head *head)
{
	return head->digest;
}

size_t ota_head_bytes(const struct ota_head *head)
{
	return head->size_bytes;
}

uint32_t ota_head_chunks(const struct ota_head *head)
{
	return head->chunks;
}

void ota_head_chunk(const struct ota_head *head, uint32_t chunk, struct ota_chunk *out)
{
	assert(chunk < head->chunks);
	const struct ota_record record = ota_record_read(head->index + (size_t)chunk * OTA_INDEX_RECORD_BYTES);
	*out = (struct ota_chunk){.stored_bytes = record.stored_bytes,
				  .content_bytes = ota_manifest_chunk_bytes(&head->manifest, chunk),
				  .payload_offset = head->offsets[chunk],
				  .zstd = record.flags & OTA_RECORD_ZSTD,
				  .sha256 = record.sha256};
}

int64_t ota_head_find(const struct ota_head *head, const uint8_t sha256[OTA_DIGEST_BYTES], uint32_t content_bytes)
{
	return (int64_t)head->table[find_bucket(head, sha256, content_bytes)] - 1;
}

const uint8_t *ota_head_raw(const struct ota_head *head)
{
	return head->raw;
}
