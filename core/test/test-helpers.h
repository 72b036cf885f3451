/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_TEST_HELPERS_H
#define CORE_TEST_TEST_HELPERS_H

#include <stddef.h>
#include <stdint.h>

/* What many tests need: a clock, random numbers, small files. A failure fails the test. */

/* Monotonic time, for deadlines. */
int64_t test_now_ms(void);
/* The next random number from 0 to 2^31 - 1: the same seed gives the same numbers. */
uint32_t test_random_next(uint64_t *seed);
/* Makes or replaces a file. */
void test_file_write(const char *path, const void *data, size_t size_bytes);
/* At most room_bytes of a file that must be there; returns how many. */
size_t test_file_read(const char *path, void *out, size_t room_bytes);

#endif
