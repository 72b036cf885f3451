/* SPDX-License-Identifier: Apache-2.0 */
/* The low-level interface is deprecated in OpenSSL 3 but has no replacement that allocates nothing. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "base/sha256.h"

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct ota_hash), "room for libcrypto's context");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct ota_hash), "alignment of libcrypto's context");

void ota_hash_init(struct ota_hash *hash)
{
	memset(hash, 0, sizeof *hash);
	SHA256_CTX context;
	(void)SHA256_Init(&context); /* these three return 1, always */
	memcpy(hash->storage, &context, sizeof context);
}

void ota_hash_update(struct ota_hash *hash, const void *data, size_t size_bytes)
{
	assert(data || size_bytes == 0);
	SHA256_CTX context;
	memcpy(&context, hash->storage, sizeof context);
	(void)SHA256_Update(&context, data, size_bytes);
	memcpy(hash->storage, &context, sizeof context);
}

void ota_hash_final(struct ota_hash *hash, uint8_t out[32])
{
	SHA256_CTX context;
	memcpy(&context, hash->storage, sizeof context);
	(void)SHA256_Final(out, &context);
}

void ota_hash_once(const void *data, size_t size_bytes, uint8_t out[32])
{
	struct ota_hash hash;
	ota_hash_init(&hash);
	ota_hash_update(&hash, data, size_bytes);
	ota_hash_final(&hash, out);
}
