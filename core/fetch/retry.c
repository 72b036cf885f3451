/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether a failed request is worth another attempt, and how long to wait for it. */
#include "fetch/retry.h"

#include <assert.h>

static uint32_t or_default(uint32_t value, uint32_t preset)
{
	return value > 0 ? value : preset;
}

/* FNV-1a, 32 bits (Fowler, Noll, Vo): spreads ids that differ in their last digit. */
static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; text && *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash;
}

static int64_t now_ms(const struct ota_retry *retry)
{
	return retry->clock->ops->monotonic_ms(retry->clock->clock);
}

void ota_retry_start(struct ota_retry *retry, const struct ota *ota)
{
	const struct ota_policy *policy = &ota->policy;

	assert(ota->clock.ops);
	retry->clock = &ota->clock;
	retry->attempts_max = or_default(policy->fetch_attempts, OTA_RETRY_ATTEMPTS);
	retry->delay_ms = or_default(policy->retry_delay_ms, OTA_RETRY_DELAY_MS);
	retry->failures = 0;
	retry->seed = hash_text(policy->device_id);
	retry->end_ms = now_ms(retry) + (int64_t)or_default(policy->fetch_deadline_s, OTA_RETRY_DEADLINE_S) * 1000;
}

bool ota_retry_worthwhile(int result, int status)
{
	switch (result) {
	case OTA_UNREACHABLE:
	case OTA_NAME:
	case OTA_TLS:
	case OTA_HTTP_RANGE:
	case OTA_SHORT_BODY:
	case OTA_LONG_BODY:
	case OTA_STALLED:
	case OTA_CHUNK_DECODE:
	case OTA_CHUNK_DIGEST:
		return true;
	case OTA_HTTP_STATUS:
		/* The client's fault stays one, but for "timeout", "too early" and "too many requests". */
		return status < 400 || status >= 500 || status == 408 || status == 425 || status == 429;
	default:
		return false;
	}
}

bool ota_retry_expired(const struct ota_retry *retry)
{
	return now_ms(retry) >= retry->end_ms;
}

uint32_t ota_retry_delay_ms(const struct ota_retry *retry)
{
	uint32_t delay = retry->delay_ms < OTA_RETRY_DELAY_MAX_MS ? retry->delay_ms : OTA_RETRY_DELAY_MAX_MS;
	uint32_t half;

	for (unsigned i = 1; i < retry->failures && delay < OTA_RETRY_DELAY_MAX_MS; i++)
		delay = delay <= OTA_RETRY_DELAY_MAX_MS / 2 ? delay * 2 : OTA_RETRY_DELAY_MAX_MS;
	half = delay / 2;
	return delay - (retry->seed + retry->failures * 2654435761u) % (half + 1);
}

int ota_retry_wait(struct ota_retry *retry, int result, bool progress, uint32_t retry_after_s)
{
	uint32_t delay_ms;

	assert(result != 0);
	assert(retry->clock);
	retry->failures = progress ? 1 : retry->failures + 1;
	if (retry->failures >= retry->attempts_max)
		return result;
	if (retry_after_s > OTA_RETRY_AFTER_MAX_S)
		retry_after_s = OTA_RETRY_AFTER_MAX_S;
	delay_ms = ota_retry_delay_ms(retry);
	if (retry_after_s * 1000u > delay_ms)
		delay_ms = retry_after_s * 1000u;
	if (now_ms(retry) + delay_ms >= retry->end_ms)
		return OTA_DEADLINE;
	return retry->clock->ops->sleep_ms(retry->clock->clock, delay_ms);
}
