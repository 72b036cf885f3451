/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_HOST_CALLS_H
#define POWER_CUT_HOST_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* Calls of the operating system that every part of the harness uses. */

/* CLOCK_MONOTONIC, which never goes back. */
uint64_t yp_clock_ms(void);
uint64_t yp_clock_ns(void);
/* Writes all bytes, in as many calls as that takes. 0 or -errno; -EIO if a call wrote nothing. */
int yp_write_all(int fd, const void *data, size_t size_bytes) __attribute__((warn_unused_result));

#endif
