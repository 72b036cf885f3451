/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_SHA256_H
#define CORE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256 without allocation and without a provider look-up, so that it cannot fail: a state record must be readable
 * when memory is short. The struct is opaque storage for libcrypto's own context (checked at compile time).
 */
struct ota_hash {
	uint64_t storage[16];
};
void ota_hash_init(struct ota_hash *hash);
void ota_hash_update(struct ota_hash *hash, const void *data, size_t size_bytes);
void ota_hash_final(struct ota_hash *hash, uint8_t out[32]);
/* Of one piece. */
void ota_hash_once(const void *data, size_t size_bytes, uint8_t out[32]);

#endif
