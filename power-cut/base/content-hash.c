/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of bytes, a map from hashes to numbers, and arrays that grow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/content-hash.h"

#define ARRAY_ROOM_FIRST 64u
#define MAP_ROOM_FIRST   1024u
#define MAP_ROOM_MAX     ((size_t)1 << 31)

struct yp_hash yp_hash_add_bytes(struct yp_hash h, const void *bytes, size_t size_bytes)
{
	const uint8_t *p = bytes;
	size_t left = size_bytes;
	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, sizeof word);
		h = yp_hash_add(h, word);
	}
	uint64_t tail = 0;
	memcpy(&tail, p, left);
	return yp_hash_add(yp_hash_add(h, tail), size_bytes);
}

int yp_array_grow(void **items, size_t *room, size_t used, size_t item_bytes, size_t max)
{
	if (used < *room)
		return 0;
	if (used >= max)
		return -E2BIG;
	size_t more = *room ? *room * 2 : ARRAY_ROOM_FIRST;
	void *moved = realloc(*items, more * item_bytes);
	if (!moved)
		return -ENOMEM;
	*items = moved;
	*room = more;
	return 0;
}

void yp_map_deinit(struct yp_map *map)
{
	free(map->slots);
	*map = (struct yp_map){0};
}

static struct yp_map_slot *map_find(const struct yp_map *map, struct yp_hash key)
{
	size_t i = (size_t)key.lo & (map->room - 1);
	while (map->slots[i].value != YP_MAP_FREE && !yp_hash_equal(map->slots[i].key, key))
		i = (i + 1) & (map->room - 1);
	return &map->slots[i];
}

uint32_t yp_map_get(const struct yp_map *map, struct yp_hash key)
{
	return map->room ? map_find(map, key)->value : YP_MAP_FREE;
}

static int map_grow(struct yp_map *map)
{
	struct yp_map bigger = {.room = map->room ? map->room * 2 : MAP_ROOM_FIRST, .used = map->used};
	if (bigger.room > MAP_ROOM_MAX)
		return -E2BIG;
	bigger.slots = malloc(bigger.room * sizeof *bigger.slots);
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < bigger.room; i++)
		bigger.slots[i] = (struct yp_map_slot){.value = YP_MAP_FREE};
	for (size_t i = 0; i < map->room; i++) {
		if (map->slots[i].value != YP_MAP_FREE)
			*map_find(&bigger, map->slots[i].key) = map->slots[i];
	}
	free(map->slots);
	*map = bigger;
	return 0;
}

int yp_map_put(struct yp_map *map, struct yp_hash key, uint32_t value)
{
	/* At most three quarters full, so that a search ends soon. */
	if (map->used >= map->room / 4 * 3) {
		int r = map_grow(map);
		if (r < 0)
			return r;
	}
	struct yp_map_slot *slot = map_find(map, key);
	if (slot->value != YP_MAP_FREE)
		return 1;
	*slot = (struct yp_map_slot){key, value};
	map->used++;
	return 0;
}
