/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_CLOCK_H
#define OTA_CLOCK_H

#include <stdint.h>

/*
 * realtime_s    seconds since 1970 by the device's clock; may be wrong or jump
 * monotonic_ms  for deadlines; never goes back, origin arbitrary
 * sleep_ms      returns 0, or -EINTR when the process was asked to stop
 */
struct ota_clock_ops {
	int64_t (*realtime_s)(void *clock);
	int64_t (*monotonic_ms)(void *clock);
	int (*sleep_ms)(void *clock, uint32_t ms);
};

struct ota_clock {
	const struct ota_clock_ops *ops;
	void *clock;
};

#endif
