/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_BUNDLE_H
#define OTA_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/keyring.h"

/*
 * The bundle: one static file, installed while it streams. All integers little-endian.
 *
 *   offset 0    header, 32 bytes: magic "OTABNDL\n", u32 format (1), u32 manifest_bytes,
 *               u32 index_bytes, u32 signature_bytes, 8 zero bytes (must be zero)
 *          32   manifest: INI text, ASCII, LF line ends
 *               index: one 40-byte record a chunk, images in manifest order:
 *               u32 stored_bytes, u32 flags (bit 0: stored as one zstd frame; others zero),
 *               32 bytes SHA-256 of the chunk's content
 *               signature: detached CMS SignedData (DER) over header's bytes 0..19 + manifest + index
 *               (signature_bytes itself is fixed by the DER length, which must match exactly)
 *               payload: the chunks' stored bytes, back to back, in index order
 *
 * A chunk's content is chunk_bytes long, the last one of an image shorter; its place is
 * (its index within the image) * chunk_bytes. Together header, manifest, index and signature are
 * the *head*: it is read whole and verified before any value in it is used, and before any write.
 *
 * Manifest (sections in any order, each key at most once, unknown keys refused unless "x-..."):
 *   [update]        compatible= version= sequence= (u64: the version floor compares this)
 *                   hardware= (optional, comma separated) channel= devices= (optional, comma separated)
 *                   created= expires= (seconds since 1970 UTC; expires optional)
 *                   chunk-bytes= (power of two, 4 KiB .. 1 MiB) payload-bytes=
 *   [image.NAME]    size= (bytes; multiple of 512) sha256= (hex, of the whole image)
 *                   NAME: rootfs, kernel, dtb or another slot class; rootfs must be there
 */
#define OTA_BUNDLE_HEADER_BYTES 32u
#define OTA_BUNDLE_FORMAT       1u
#define OTA_MANIFEST_MAX_BYTES  (64u * 1024u)
#define OTA_INDEX_MAX_BYTES     (8u * 1024u * 1024u)
#define OTA_SIGNATURE_MAX_BYTES (64u * 1024u)
#define OTA_INDEX_RECORD_BYTES  40u
#define OTA_CHUNK_MIN_BYTES     4096u
#define OTA_CHUNK_MAX_BYTES     (1024u * 1024u)
#define OTA_IMAGES_MAX          4u
#define OTA_NAME_MAX            32u /* with the terminating zero */
#define OTA_VERSION_MAX         64u
#define OTA_LIST_MAX            256u
#define OTA_DIGEST_BYTES        32u
/*
 * How far above the version floor a sequence may lie. One signed mistake must not use up all numbers that are left
 * (fast-forward): after the farthest step there is room for 65,000 more. Dates such as 20261122120000 fit.
 */
#define OTA_SEQUENCE_STEP_MAX (UINT64_C(1) << 48)

struct ota_bundle_header {
	uint32_t manifest_bytes;
	uint32_t index_bytes;
	uint32_t signature_bytes;
};

struct ota_manifest_image {
	char name[OTA_NAME_MAX];
	uint64_t size_bytes;
	uint8_t sha256[OTA_DIGEST_BYTES];
	uint32_t first_chunk; /* index of its first chunk in the bundle */
	uint32_t chunks;
};

struct ota_manifest {
	char compatible[OTA_NAME_MAX * 2];
	char version[OTA_VERSION_MAX];
	uint64_t sequence;
	char hardware[OTA_LIST_MAX]; /* "" = any */
	char channel[OTA_NAME_MAX];  /* "" = any */
	char devices[OTA_LIST_MAX];  /* "" = any */
	int64_t created_s;
	int64_t expires_s; /* 0 = never */
	uint32_t chunk_bytes;
	uint64_t payload_bytes;
	unsigned image_count;
	struct ota_manifest_image images[OTA_IMAGES_MAX];
};

struct ota_chunk {
	uint32_t stored_bytes;
	uint32_t content_bytes;
	uint64_t payload_offset; /* from the start of the payload */
	bool zstd;
	const uint8_t *sha256; /* borrowed from the head */
};

/* A verified head: owns its bytes. Made only by ota_head_open(). */
struct ota_head;

/* Checks the 32 header bytes against the bounds. 0, BAD_MAGIC, BAD_FORMAT, TOO_LARGE, NO_SIGNATURE (signature_bytes 0).
 */
int ota_bundle_header_parse(const uint8_t raw[OTA_BUNDLE_HEADER_BYTES], struct ota_bundle_header *out)
    __attribute__((warn_unused_result));
/* Bytes of header + manifest + index + signature. */
size_t ota_bundle_head_bytes(const struct ota_bundle_header *header);

/*
 * Verifies, then parses. `raw` is a whole head of exactly size_bytes (copied). now_s: the time to judge certificates
 * by. Nothing of manifest or index is parsed before the signature is good. A created= later than now_s must be a time
 * at which the signer's certificates are still valid, or it is refused for theirs: the date is a lower bound of the
 * time from then on. *out: free with ota_head_free(). Returns 0, -ENOMEM or any reason of the structure, signature and
 * manifest groups. `detail` (may be NULL) gets one clause for a person on refusal.
 */
int ota_head_open(const uint8_t *raw, size_t size_bytes, const struct ota_keyring *keyring, int64_t now_s,
		  struct ota_head **out, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
void ota_head_free(struct ota_head *head);

const struct ota_manifest *ota_head_manifest(const struct ota_head *head);
/* SHA-256 of the head's signed bytes: the identity of the update. */
const uint8_t *ota_head_digest(const struct ota_head *head);
size_t ota_head_bytes(const struct ota_head *head); /* = offset of the payload in the file */
uint32_t ota_head_chunks(const struct ota_head *head);
/* Fills *out for chunk < ota_head_chunks(). */
void ota_head_chunk(const struct ota_head *head, uint32_t chunk, struct ota_chunk *out);
/* The index of a chunk with this digest and content size, or -1: for reuse from a slot that holds this head's images.
 */
int64_t ota_head_find(const struct ota_head *head, const uint8_t sha256[OTA_DIGEST_BYTES], uint32_t content_bytes);
/* The raw bytes (to store them beside the image). */
const uint8_t *ota_head_raw(const struct ota_head *head);

/*
 * Turns a chunk's stored bytes into its content and checks it: 0, CHUNK_DECODE, CHUNK_DIGEST, -ENOMEM.
 * `content` holds at least chunk->content_bytes. A decoder keeps its zstd context: new/free, one a thread.
 */
struct ota_decoder;
int ota_decoder_new(struct ota_decoder **out) __attribute__((warn_unused_result));
void ota_decoder_free(struct ota_decoder *decoder);
int ota_decoder_chunk(struct ota_decoder *decoder, const struct ota_chunk *chunk, const uint8_t *stored,
		      uint8_t *content) __attribute__((warn_unused_result));

/* Host side: makes and signs a bundle. Deterministic for the same input but for the signature. */
struct ota_bundle_image {
	const char *name;
	const char *path;
};
struct ota_bundle_spec {
	const struct ota_manifest *manifest; /* image_count, images[], payload_bytes are ignored: computed */
	const struct ota_bundle_image *images;
	unsigned image_count;
	const char *certificate_path; /* PEM: leaf, then intermediates */
	const char *key_path;         /* PEM */
	int zstd_level;               /* 0 = store raw */
};
int ota_bundle_write(const struct ota_bundle_spec *spec, const char *out_path, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* The same in memory, images given as bytes; *out: free(). For tests and simulated servers. */
struct ota_bundle_blob {
	const char *name;
	const uint8_t *data;
	size_t size_bytes;
};
int ota_bundle_build(const struct ota_manifest *manifest, const struct ota_bundle_blob *images, unsigned image_count,
		     const char *certificate_pem, const char *key_pem, int zstd_level, uint8_t **out, size_t *out_bytes,
		     char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

#endif
