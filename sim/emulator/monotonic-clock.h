/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_MONOTONIC_CLOCK_H
#define SIM_EMULATOR_MONOTONIC_CLOCK_H

#include <poll.h>
#include <stdint.h>

/* CLOCK_MONOTONIC. A deadline is a time of it; YP_EMULATOR_NEVER: none. */
#define YP_EMULATOR_NEVER INT64_MAX
int64_t yp_emulator_clock_ns(void);
static inline int64_t yp_emulator_clock_in_ms(int64_t ms)
{
	return yp_emulator_clock_ns() + ms * 1000000;
}
/* As poll(), until a deadline. 0: it has passed. */
int yp_emulator_clock_poll(struct pollfd *fds, nfds_t count, int64_t deadline_ns) __attribute__((warn_unused_result));

#endif
