/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_BUNDLE_MAKE_H
#define CORE_TEST_BUNDLE_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "ota/bundle.h"
#include "test/test-pki.h"

/* A small bundle for tests: two images, one that compresses and one that does not, chunks of 4096 bytes. */
#define MAKE_ROOTFS_BYTES 13312u
#define MAKE_KERNEL_BYTES 4608u
struct make_images {
	uint8_t rootfs[MAKE_ROOTFS_BYTES];
	uint8_t kernel[MAKE_KERNEL_BYTES];
};
void make_images(struct make_images *images);
void make_manifest(struct ota_manifest *manifest);
/* 0 or what ota_bundle_build() says; *out: free(). */
int make_bundle(const char *certificate_pem, const char *key_pem, uint8_t **out, size_t *out_bytes)
    __attribute__((warn_unused_result));
/* Bytes of the head of a whole bundle in memory; 0 if its header is bad. */
size_t make_head_bytes(const uint8_t *bundle, size_t size_bytes);

#endif
