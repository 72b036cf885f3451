/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table from exact contents to what was computed from them: open addressing, entries in order of arrival. */
#include "subject/memo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64u

void yp_memo_init(struct yp_memo *memo, size_t key_count, size_t value_bytes)
{
	assert(key_count > 0 && value_bytes > 0);
	*memo = (struct yp_memo){.key_count = key_count, .value_bytes = value_bytes};
}

void yp_memo_deinit(struct yp_memo *memo)
{
	free(memo->keys);
	free(memo->values);
	free(memo->index);
	*memo = (struct yp_memo){.key_count = memo->key_count, .value_bytes = memo->value_bytes};
}

static size_t hash_key(const struct yp_memo *memo, const uint32_t *key)
{
	uint64_t h = 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < memo->key_count; i++) {
		h = (h ^ key[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (size_t)h;
}

static bool grow_memo(struct yp_memo *memo)
{
	size_t size = memo->size == 0 ? FIRST_SIZE : memo->size * 2;
	uint32_t *index = calloc(size, sizeof *index);
	uint32_t *keys = realloc(memo->keys, size / 2 * memo->key_count * sizeof *keys);
	uint8_t *values;

	if (keys != NULL)
		memo->keys = keys;
	values = realloc(memo->values, size / 2 * memo->value_bytes);
	if (values != NULL)
		memo->values = values;
	if (index == NULL || keys == NULL || values == NULL) {
		free(index);
		return false;
	}
	for (size_t entry = 0; entry < memo->count; entry++) {
		size_t at = hash_key(memo, memo->keys + entry * memo->key_count) & (size - 1);

		while (index[at] != 0)
			at = (at + 1) & (size - 1);
		index[at] = (uint32_t)entry + 1;
	}
	free(memo->index);
	memo->index = index;
	memo->size = size;
	return true;
}

void *yp_memo_at(struct yp_memo *memo, const uint32_t *key, bool *found)
{
	size_t key_bytes = memo->key_count * sizeof *key;
	size_t at;

	if (memo->count >= memo->size / 2 && !grow_memo(memo))
		return NULL;
	at = hash_key(memo, key) & (memo->size - 1);
	while (memo->index[at] != 0) {
		size_t entry = memo->index[at] - 1;

		if (memcmp(memo->keys + entry * memo->key_count, key, key_bytes) == 0) {
			*found = true;
			return memo->values + entry * memo->value_bytes;
		}
		at = (at + 1) & (memo->size - 1);
	}
	*found = false;
	memcpy(memo->keys + memo->count * memo->key_count, key, key_bytes);
	memset(memo->values + memo->count * memo->value_bytes, 0, memo->value_bytes);
	memo->index[at] = (uint32_t)++memo->count;
	return memo->values + (memo->count - 1) * memo->value_bytes;
}
