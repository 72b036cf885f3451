/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_BOOT_ENV_RANDOM_H
#define CORE_TEST_BOOT_ENV_RANDOM_H

#include <stdint.h>

/* Seeded boot environments, with all that tools read differently. */
#define ENV_TEST_BYTES  4096u /* of a copy */
#define ENV_ENTRIES_MAX 16u
#define ENV_ENTRY_BYTES 400u

/* One copy's list as written: entries in order, as strings. */
struct env_list {
	char entries[ENV_ENTRIES_MAX][ENV_ENTRY_BYTES];
	unsigned count;
};

enum env_special { ENV_PLAIN, ENV_BARE_NAME, ENV_EMPTY_NAME, ENV_DOT_FLAGS, ENV_SPECIALS };

/* From 0 to n - 1. */
uint32_t env_random_below(uint64_t *seed, uint32_t n);
/* A special entry goes into the middle, so that there is something before and behind. */
void env_random_list(uint64_t *seed, struct env_list *list, enum env_special special);
void env_random_copy(const struct env_list *list, uint8_t flags, uint8_t pad, uint8_t raw[ENV_TEST_BYTES]);
/* A copy as a cut store leaves it: some sectors of `new` from the front or the back, the rest `old` or a fill. */
void env_random_tear(uint64_t *seed, const uint8_t old[ENV_TEST_BYTES], const uint8_t new[ENV_TEST_BYTES],
		     uint8_t out[ENV_TEST_BYTES]);

#endif
