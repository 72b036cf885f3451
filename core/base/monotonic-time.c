/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's monotonic clock in milliseconds and microseconds. */
#include "base/monotonic-time.h"

#include <time.h>

int64_t ota_monotonic_us(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with these arguments */
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t ota_monotonic_ms(void)
{
	return ota_monotonic_us() / 1000;
}
