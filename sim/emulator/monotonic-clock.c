/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* ppoll */
/* Waiting until a deadline. */
#include "emulator/monotonic-clock.h"

#include <errno.h>
#include <time.h>

#include "power-cut/host-calls.h"

#define NS_PER_S 1000000000

int64_t yp_emulator_clock_ns(void)
{
	return (int64_t)yp_clock_ns();
}

int yp_emulator_clock_poll(struct pollfd *fds, nfds_t count, int64_t deadline_ns)
{
	for (;;) { /* bounded by the deadline */
		int64_t left = deadline_ns == YP_EMULATOR_NEVER ? 0 : deadline_ns - yp_emulator_clock_ns();
		struct timespec t = {.tv_sec = left > 0 ? left / NS_PER_S : 0,
				     .tv_nsec = left > 0 ? left % NS_PER_S : 0};
		int n = ppoll(fds, count, deadline_ns == YP_EMULATOR_NEVER ? NULL : &t, NULL);
		if (n >= 0)
			return n;
		if (errno != EINTR)
			return -errno;
	}
}
