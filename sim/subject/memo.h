/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_MEMO_H
#define SIM_SUBJECT_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Results remembered by the exact contents they were computed from: a run of content ids of one pool. An environment
 * copy or a state record is decoded once, for all crash states that contain it.
 */
struct yp_memo {
	size_t key_count; /* ids a key */
	size_t value_bytes;
	size_t count, size; /* size: a power of two */
	uint32_t *keys;
	uint8_t *values;
	uint32_t *index; /* 1 + entry, 0 = free */
};

void yp_memo_init(struct yp_memo *memo, size_t key_count, size_t value_bytes);
void yp_memo_deinit(struct yp_memo *memo);
/* The value for this key, zeroed when it is new (*found = false). Valid until the next call. NULL: out of memory. */
void *yp_memo_at(struct yp_memo *memo, const uint32_t *key, bool *found);

#endif
