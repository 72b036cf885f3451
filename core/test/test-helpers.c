/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers that many tests share: a clock, random numbers, small files. */
#include "test/test-helpers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

int64_t test_now_ms(void)
{
	struct timespec now;

	cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Knuth's linear congruential generator (MMIX); its low bits are left out, for they repeat soon. */
uint32_t test_random_next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

void test_file_write(const char *path, const void *data, size_t size_bytes)
{
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file, "%s", path);
	cr_assert_eq(fwrite(data, 1, size_bytes, file), size_bytes, "%s", path);
	cr_assert_eq(fclose(file), 0, "%s", path);
}

size_t test_file_read(const char *path, void *out, size_t room_bytes)
{
	FILE *file = fopen(path, "re");
	size_t size_bytes;

	cr_assert_not_null(file, "%s", path);
	size_bytes = fread(out, 1, room_bytes, file);
	cr_assert_eq(fclose(file), 0, "%s", path);
	return size_bytes;
}
