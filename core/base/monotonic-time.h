/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_MONOTONIC_TIME_H
#define CORE_BASE_MONOTONIC_TIME_H

#include <stdint.h>

/*
 * The machine's monotonic clock, for deadlines inside a back-end: never goes back, origin arbitrary. The transaction
 * never asks it: its time comes through struct ota_clock.
 */
int64_t ota_monotonic_ms(void);
int64_t ota_monotonic_us(void);

#endif
