/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of sector contents: equal sectors are stored once. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/content-hash.h"
#include "log/sector-pool.h"

/* 2 MiB of contents a chunk; 2^31 sectors are 1 TiB of different contents, more than any machine's memory. */
#define CHUNK_SECTORS 4096u
#define CHUNKS_MAX    (1u << 19)
#define HASH_LANES    4u
#define SECTOR_WORDS  (YP_SECTOR_BYTES / 8u)
#define TABLE_FIRST   4096u

struct chunk {
	struct yp_hash hash[CHUNK_SECTORS];
	uint8_t bytes[CHUNK_SECTORS][YP_SECTOR_BYTES];
};

struct yp_pool {
	struct chunk **chunks;
	size_t chunks_room;
	uint32_t count;
	uint32_t *table; /* ids + 1 by hash, open addressing; 0: free */
	size_t room;
};

/*
 * yp_pool_intern() compares the bytes and does not rely on this hash. The hash of an image relies on it, so all 128
 * bits are well mixed: four lanes of multiply and rotate over the words, folded at the end.
 */
static struct yp_hash sector_hash(const uint8_t *sector)
{
	uint64_t lane[HASH_LANES] = {UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344),
				     UINT64_C(0xa4093822299f31d0), UINT64_C(0x082efa98ec4e6c89)};
	for (unsigned i = 0; i < SECTOR_WORDS; i += HASH_LANES) {
		for (unsigned k = 0; k < HASH_LANES; k++) {
			uint64_t word;
			memcpy(&word, sector + (size_t)(i + k) * 8, sizeof word);
			uint64_t x = (lane[k] ^ word) * UINT64_C(0x9fb21c651e98df25);
			lane[k] = (x << 29 | x >> 35) + word * UINT64_C(0xd6e8feb86659fd93);
			lane[k] ^= lane[k] >> 32;
		}
	}
	struct yp_hash h = {lane[0], lane[1]};
	for (unsigned k = 0; k < HASH_LANES; k++)
		h = yp_hash_add(h, lane[k]);
	return yp_hash_add(h, lane[0] ^ lane[1]);
}

static int pool_append(struct yp_pool *pool, const uint8_t *sector, struct yp_hash hash, uint32_t *id)
{
	uint32_t chunk = pool->count / CHUNK_SECTORS;
	uint32_t at = pool->count % CHUNK_SECTORS;
	if (at == 0) {
		void *items = pool->chunks;
		int r = yp_array_grow(&items, &pool->chunks_room, chunk, sizeof(void *), CHUNKS_MAX);
		pool->chunks = items;
		if (r < 0 || !pool->chunks)
			return -ENOMEM;
		pool->chunks[chunk] = malloc(sizeof **pool->chunks);
		if (!pool->chunks[chunk])
			return -ENOMEM;
	}
	pool->chunks[chunk]->hash[at] = hash;
	memcpy(pool->chunks[chunk]->bytes[at], sector, YP_SECTOR_BYTES);
	*id = pool->count++;
	return 0;
}

static int table_grow(struct yp_pool *pool)
{
	size_t room = pool->room ? pool->room * 2 : TABLE_FIRST;
	uint32_t *table = calloc(room, sizeof *table);
	if (!table)
		return -ENOMEM;
	for (uint32_t id = 0; id < pool->count; id++) {
		size_t i = (size_t)yp_pool_hash(pool, id) & (room - 1);
		while (table[i])
			i = (i + 1) & (room - 1);
		table[i] = id + 1;
	}
	free(pool->table);
	pool->table = table;
	pool->room = room;
	return 0;
}

int yp_pool_intern(struct yp_pool *pool, const uint8_t sector[YP_SECTOR_BYTES], uint32_t *id)
{
	assert(pool && sector && id);
	if (pool->count >= pool->room / 2) {
		int r = table_grow(pool);
		if (r < 0)
			return r;
	}
	struct yp_hash hash = sector_hash(sector);
	size_t i = (size_t)hash.lo & (pool->room - 1);
	for (; pool->count > 0 && pool->table[i]; i = (i + 1) & (pool->room - 1)) {
		uint32_t there = pool->table[i] - 1;
		if (yp_hash_equal(yp_pool_hash128(pool, there), hash) &&
		    memcmp(yp_pool_sector(pool, there), sector, YP_SECTOR_BYTES) == 0) {
			*id = there;
			return 0;
		}
	}
	int r = pool_append(pool, sector, hash, id);
	if (r < 0)
		return r;
	pool->table[i] = *id + 1;
	return 0;
}

int yp_pool_new(struct yp_pool **out)
{
	assert(out);
	struct yp_pool *pool = calloc(1, sizeof *pool);
	uint8_t sector[YP_SECTOR_BYTES] = {0};
	uint32_t id;
	if (!pool)
		return -ENOMEM;
	int r = yp_pool_intern(pool, sector, &id);
	if (r == 0) {
		memset(sector, 0xff, sizeof sector);
		r = yp_pool_intern(pool, sector, &id);
	}
	if (r < 0) {
		yp_pool_free(pool);
		return r;
	}
	*out = pool;
	return 0;
}

void yp_pool_free(struct yp_pool *pool)
{
	if (!pool)
		return;
	for (uint32_t i = 0; i * CHUNK_SECTORS < pool->count; i++)
		free(pool->chunks[i]);
	free(pool->chunks);
	free(pool->table);
	free(pool);
}

const uint8_t *yp_pool_sector(const struct yp_pool *pool, uint32_t id)
{
	assert(id < pool->count);
	return pool->chunks[id / CHUNK_SECTORS]->bytes[id % CHUNK_SECTORS];
}

struct yp_hash yp_pool_hash128(const struct yp_pool *pool, uint32_t id)
{
	return pool->chunks[id / CHUNK_SECTORS]->hash[id % CHUNK_SECTORS];
}

uint64_t yp_pool_hash(const struct yp_pool *pool, uint32_t id)
{
	return yp_pool_hash128(pool, id).lo;
}
