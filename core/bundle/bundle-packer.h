/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BUNDLE_BUNDLE_PACKER_H
#define CORE_BUNDLE_BUNDLE_PACKER_H

#include "bundle/manifest.h"

/*
 * Makes a bundle from images that come as streams: chunks are compressed two at a time and handed to a sink as
 * they are ready, in order; the head, which needs all of them, comes last. Memory is bounded by a few
 * batches, plus the index.
 */
struct ota_packer;

struct ota_packer_source {
	const char *name;
	uint64_t size_bytes;
	/* Reads the next size_bytes, whole; 0 or -errno. */
	int (*read)(void *ctx, uint8_t *out, size_t size_bytes);
	void *ctx;
};

struct ota_packer_sink {
	int (*write)(void *ctx, const uint8_t *data, size_t size_bytes); /* 0 or -errno */
	void *ctx;
};

/* *manifest is copied; its images and payload_bytes are ignored. 0, -ENOMEM, OTA_BAD_CONFIG, OTA_BAD_MANIFEST. */
int ota_packer_new(const struct ota_manifest *manifest, const struct ota_packer_source *sources, unsigned count,
		   int zstd_level, struct ota_packer **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void ota_packer_free(struct ota_packer *packer);

/* All payload, in order. 0 or -errno. */
int ota_packer_run(struct ota_packer *packer, const struct ota_packer_sink *sink, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/* After run: the signed head; *head: free(). 0, -ENOMEM, OTA_BAD_CONFIG, OTA_BAD_MANIFEST. */
int ota_packer_seal(struct ota_packer *packer, const char *certificate_pem, const char *key_pem, uint8_t **head,
		    size_t *head_bytes, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

/* A signed head from any manifest and index, valid or not: the last part of seal. Tests sign invalid manifests with it. */
int ota_head_seal(struct ota_span manifest, struct ota_span index, const char *certificate_pem, const char *key_pem,
		  uint8_t **head, size_t *head_bytes, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
