/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_BASE_CONTENT_HASH_H
#define POWER_CUT_BASE_CONTENT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/hash.h"

/* A bijective mix of 64 bits (the finaliser of splitmix64, Steele et al. 2014): every input bit reaches every output
 * bit. */
static inline uint64_t yp_mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline struct yp_hash yp_hash_xor(struct yp_hash x, struct yp_hash y)
{
	return (struct yp_hash){x.lo ^ y.lo, x.hi ^ y.hi};
}

static inline bool yp_hash_equal(struct yp_hash x, struct yp_hash y)
{
	return x.lo == y.lo && x.hi == y.hi;
}

/* Adds a word to a running hash, in order. */
static inline struct yp_hash yp_hash_add(struct yp_hash h, uint64_t word)
{
	h.lo = yp_mix64(h.lo ^ (word + UINT64_C(0x9e3779b97f4a7c15)));
	h.hi = yp_mix64(h.hi + word * UINT64_C(0xd6e8feb86659fd93) + (h.lo >> 7));
	return h;
}

/* The same for bytes, length included. */
struct yp_hash yp_hash_add_bytes(struct yp_hash h, const void *bytes, size_t size_bytes);

/* What one sector adds to the hash of an image. Zero contents add nothing, so that an empty image hashes to zero at no
 * cost. */
static inline struct yp_hash yp_hash_place(unsigned medium, uint64_t sector, struct yp_hash content)
{
	uint64_t place = yp_mix64(((uint64_t)medium << 56) ^ (sector + 1));
	return (struct yp_hash){yp_mix64(place ^ content.lo),
				yp_mix64(place * UINT64_C(0xff51afd7ed558ccd) + content.hi)};
}

/* A map from 128-bit keys to 32-bit values: open addressing, grows by doubling, never shrinks. The key is taken as
 * already well mixed. */
struct yp_map {
	struct yp_map_slot *slots;
	size_t room, used;
};
struct yp_map_slot {
	struct yp_hash key;
	uint32_t value; /* YP_MAP_FREE: no entry */
};
#define YP_MAP_FREE UINT32_MAX

void yp_map_deinit(struct yp_map *map);
uint32_t yp_map_get(const struct yp_map *map, struct yp_hash key); /* YP_MAP_FREE: absent */
/* Puts value (below YP_MAP_FREE) unless the key is there. 0, 1 if it was there, or -ENOMEM. */
int yp_map_put(struct yp_map *map, struct yp_hash key, uint32_t value) __attribute__((warn_unused_result));

/* Makes room for one more item in an array that doubles; max bounds it (-E2BIG). */
int yp_array_grow(void **items, size_t *room, size_t used, size_t item_bytes, size_t max)
    __attribute__((warn_unused_result));

#endif
