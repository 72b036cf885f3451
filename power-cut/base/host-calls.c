/* SPDX-License-Identifier: Apache-2.0 */
/* The monotonic clock, and a write of all bytes. */
#include "power-cut/host-calls.h"

#include <assert.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

uint64_t yp_clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t yp_clock_ms(void)
{
	return yp_clock_ns() / 1000000u;
}

int yp_write_all(int fd, const void *data, size_t size_bytes)
{
	assert(data || size_bytes == 0);
	const uint8_t *at = data;

	while (size_bytes > 0) {
		ssize_t n = write(fd, at, size_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}
