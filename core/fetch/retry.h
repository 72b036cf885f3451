/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_FETCH_RETRY_H
#define CORE_FETCH_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "ota/ota.h"

/*
 * When to try again, and when not any more: attempts without progress, a delay that doubles, and a deadline for all of
 * it. Deterministic: the jitter comes from the device's id, so that a fleet spreads and a test repeats.
 */
#define OTA_RETRY_ATTEMPTS     5u
#define OTA_RETRY_DELAY_MS     1000u
#define OTA_RETRY_DELAY_MAX_MS 60000u
#define OTA_RETRY_AFTER_MAX_S  3600u
#define OTA_RETRY_DEADLINE_S   14400u

struct ota_retry {
	const struct ota_clock *clock;
	int64_t end_ms; /* monotonic */
	unsigned attempts_max;
	unsigned failures; /* in a row, without progress */
	uint32_t delay_ms; /* first delay */
	uint32_t seed;
};

void ota_retry_start(struct ota_retry *retry, const struct ota *ota);

/* Whether another attempt could end otherwise. status: the HTTP status behind OTA_HTTP_STATUS, 0 if unknown. */
bool ota_retry_worthwhile(int result, int status);

/* Time is used up. */
bool ota_retry_expired(const struct ota_retry *retry);

/*
 * An attempt failed with `result` (worthwhile to repeat). Waits, then 0: try again. Else what the whole must end with:
 * `result` itself when the attempts are used up, OTA_DEADLINE when the wait would pass the deadline, -EINTR when asked
 * to stop.
 */
int ota_retry_wait(struct ota_retry *retry, int result, bool progress, uint32_t retry_after_s)
    __attribute__((warn_unused_result));

/* The delay before attempt `failures` + 1, jitter included: between half and all of the doubled delay. Pure. */
uint32_t ota_retry_delay_ms(const struct ota_retry *retry);

#endif
