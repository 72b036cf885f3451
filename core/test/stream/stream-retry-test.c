/* SPDX-License-Identifier: Apache-2.0 */
/* When streaming tries again, when it gives up, and when the resource is not what it was. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/retry.h"
#include "test/stream/stream-lab.h"

static const struct lab_spec small = {.chunk_bytes = 4096,
				      .zstd_level = 3,
				      .block_bytes = 512,
				      .image_count = 1,
				      .image_bytes = {96 * 1024},
				      .checkpoint_bytes = 16 * 1024};

/* Delays double from the first to a minute, each between half and all of that, the same for the same device, other for
 * another. */
Test(retry, delays)
{
	struct ota ota = {.policy = {.device_id = "device-1", .retry_delay_ms = 1000}};
	struct lab *lab = lab_new(&small);
	struct ota_retry one, same, other;
	unsigned differ = 0;

	lab_publish(lab);
	ota.clock = lab->ota.clock;
	ota_retry_start(&one, &ota);
	ota_retry_start(&same, &ota);
	ota.policy.device_id = "device-2";
	ota_retry_start(&other, &ota);
	for (unsigned n = 1; n <= 40; n++) {
		uint32_t full = n <= 6 ? 1000u << (n - 1) : 60000u;

		one.failures = same.failures = other.failures = n;
		full = full > 60000u ? 60000u : full;
		cr_assert_leq(ota_retry_delay_ms(&one), full, "%u", n);
		cr_assert_geq(ota_retry_delay_ms(&one), full / 2, "%u", n);
		cr_assert_eq(ota_retry_delay_ms(&one), ota_retry_delay_ms(&same));
		differ += ota_retry_delay_ms(&one) != ota_retry_delay_ms(&other);
	}
	cr_assert_gt(differ, 30);
	lab_free(lab);
}

/* Network reasons and bad chunks may heal; refusals, errors of the platform and the client's own faults do not. */
Test(retry, worthwhile)
{
	static const int statuses[] = {400, 401, 403, 404, 410};
	static const int again[] = {0, 408, 425, 429, 500, 502, 503, 504};

	for (int reason = OTA_OK; reason < OTA_REASON_COUNT; reason++) {
		bool network = reason >= OTA_UNREACHABLE && reason <= OTA_STALLED;
		bool chunk = reason == OTA_CHUNK_DECODE || reason == OTA_CHUNK_DIGEST;

		cr_assert_eq(ota_retry_worthwhile(reason, 0), network || chunk, "%s", ota_reason_name(reason));
	}
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		cr_assert(!ota_retry_worthwhile(OTA_HTTP_STATUS, statuses[i]), "%d", statuses[i]);
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
		cr_assert(ota_retry_worthwhile(OTA_HTTP_STATUS, again[i]), "%d", again[i]);
	cr_assert(!ota_retry_worthwhile(-EIO, 0) && !ota_retry_worthwhile(-EINTR, 0));
}

/* Each network reason is retried as often as the policy says, then returned; the detail names it. */
Test(retry, gives_up)
{
	struct lab *lab = lab_new(&small);

	lab_publish(lab);
	for (int reason = OTA_UNREACHABLE; reason <= OTA_STALLED; reason++)
		for (unsigned attempts = 1; attempts <= 7; attempts += 3) {
			int result;

			lab_reset(lab);
			lab->ota.policy.fetch_attempts = attempts;
			lab->net.refuse = reason;
			lab->net.refuse_status = reason == OTA_HTTP_STATUS ? 503 : 0;
			result = lab_run(lab, 0);
			cr_assert_eq(result, reason, "%s instead of %s", ota_reason_name(result),
				     ota_reason_name(reason));
			/* A range that is refused is looked into once, which here is refused too. */
			cr_assert_eq(lab->net.requests, reason == OTA_HTTP_RANGE ? 2 : attempts, "%s: %u",
				     ota_reason_name(reason), lab->net.requests);
			cr_assert_neq(lab->stream.detail[0], '\0');
			cr_assert_eq(lab->target[0].writes, 0);
		}
	lab_reset(lab);
	lab->net.refuse = OTA_HTTP_STATUS;
	lab->net.refuse_status = 404;
	cr_assert_eq(lab_run(lab, 0), OTA_HTTP_STATUS);
	cr_assert_eq(lab->net.requests, 1);
	cr_assert(strstr(lab->stream.detail, "404"), "%s", lab->stream.detail);
	lab_free(lab);
}

/* Retry-After is honoured, within its cap and the deadline. */
Test(retry, retry_after)
{
	struct lab *lab = lab_new(&small);

	lab_publish(lab);
	lab->net.refuse = OTA_HTTP_STATUS;
	lab->net.refuse_status = 503;
	lab->net.refusals_left = 1;
	lab->net.retry_after_s = 120;
	cr_assert_eq(lab_run(lab, 0), 0);
	cr_assert_eq(lab->clock.longest_ms, 120000);
	lab_reset(lab);
	lab->net.refuse = OTA_HTTP_STATUS;
	lab->net.refuse_status = 503;
	lab->net.refusals_left = 1;
	lab->net.retry_after_s = UINT32_MAX;
	cr_assert_eq(lab_run(lab, 0), 0);
	cr_assert_eq(lab->clock.longest_ms, OTA_RETRY_AFTER_MAX_S * 1000u);
	lab_reset(lab);
	lab->ota.policy.fetch_deadline_s = 60;
	lab->net.refuse = OTA_HTTP_STATUS;
	lab->net.refuse_status = 503;
	lab->net.retry_after_s = 120;
	cr_assert_eq(lab_run(lab, 0), OTA_DEADLINE);
	cr_assert_eq(lab->clock.sleeps, 0, "there was no point in waiting");
	lab_free(lab);
}

/* The deadline ends a download that is always a little alive, and a stop request ends a wait. */
Test(retry, deadline_and_stop)
{
	struct lab *lab = lab_new(&small);

	lab_publish(lab);
	lab->ota.policy.fetch_deadline_s = 10;
	lab->net.piece_bytes = 100;
	lab->clock.step_ms = 100;
	cr_assert_eq(lab_run(lab, 0), OTA_DEADLINE);
	cr_assert_lt(lab->stream.bytes_fetched, 20000);
	lab_check_clean(lab, "deadline");
	lab_reset(lab);
	lab->net.refuse = OTA_UNREACHABLE;
	lab->clock.sleep_says = -EINTR;
	cr_assert_eq(lab_run(lab, 0), -EINTR);
	cr_assert_eq(lab->net.requests, 1);
	lab_free(lab);
}

/* The resource was put there again with another validator: its head is compared once, and the same bundle goes on,
 * without a byte twice. */
Test(retry, validator_changed_same_bundle)
{
	for (int pipeline = 0; pipeline < 2; pipeline++) {
		struct lab *lab = lab_new(&small);

		lab_publish(lab);
		lab->ota.policy.pipeline = pipeline;
		lab->net.cut_bytes = 9000;
		lab->net.cut_reason = OTA_UNREACHABLE;
		lab->net.cuts_left = 1;
		lab->net.change_request = 2;
		lab->net.other = lab->bundle;
		lab->net.other_bytes = lab->bundle_bytes;
		lab->net.other_etag = "\"two\"";
		cr_assert_eq(lab_run(lab, 0), 0, "%s", lab->stream.detail);
		lab_check_whole(lab, "same bundle");
		cr_assert_eq(lab->stream.bytes_fetched, lab->bundle_bytes);
		cr_assert_eq(lab->net.requests, 4);
		lab_free(lab);
	}
}

/* Another resource is never spliced in: neither behind another validator, nor behind none, nor of another size. */
Test(retry, resource_changed)
{
	for (unsigned i = 0; i < 12; i++) {
		struct lab *lab = lab_new(&small);
		uint8_t *other;
		int result;

		lab_publish(lab);
		other = malloc(lab->bundle_bytes);
		cr_assert(other);
		memcpy(other, lab->bundle, lab->bundle_bytes);
		for (size_t k = 40; k < lab->bundle_bytes; k++)
			other[k] ^= 0xa5;
		lab->ota.policy.pipeline = i % 2;
		lab->net.cut_bytes = 9000;
		lab->net.cut_reason = OTA_UNREACHABLE;
		lab->net.cuts_left = 1;
		lab->net.change_request = 2;
		lab->net.other = other;
		lab->net.other_bytes = lab->bundle_bytes - (i / 2 % 2 == 1 ? 100 : 0);
		lab->net.other_etag = i / 4 == 0 ? "\"two\"" : i / 4 == 1 ? NULL : "\"one\"";
		lab->net.etag = i / 4 == 1 ? NULL : "\"one\"";
		lab->stream.etag = i / 4 == 1 ? "" : "\"one\"";
		result = lab_run(lab, 0);
		lab_check_clean(lab, "changed");
		/* Unless size or validator tell, the chunks do. */
		if (i / 4 == 0 || i / 2 % 2 == 1)
			cr_assert_eq(result, OTA_HTTP_RANGE, "case %u: %s", i, ota_reason_name(result));
		else
			cr_assert(result == OTA_CHUNK_DECODE || result == OTA_CHUNK_DIGEST, "case %u: %s", i,
				  ota_reason_name(result));
		free(other);
		lab_free(lab);
	}
}

/* A bundle with bytes behind its end, or that ends early, is refused before anything is written. */
Test(retry, trailing_and_truncated)
{
	for (int pipeline = 0; pipeline < 2; pipeline++)
		for (int longer = 0; longer < 2; longer++) {
			struct lab *lab = lab_new(&small);
			uint8_t *other;

			lab_publish(lab);
			other = calloc(1, lab->bundle_bytes + 1);
			cr_assert(other);
			memcpy(other, lab->bundle, lab->bundle_bytes);
			lab->ota.policy.pipeline = pipeline;
			lab->net.data = other;
			lab->net.size_bytes = longer ? lab->bundle_bytes + 1 : lab->bundle_bytes - 1;
			cr_assert_eq(lab_run(lab, 0), longer ? OTA_TRAILING : OTA_TRUNCATED);
			cr_assert_eq(lab->target[0].writes, 0);
			cr_assert_eq(lab->net.requests, 1);
			free(other);
			lab_free(lab);
		}
}

/* Where the head came with the right size, another size means another resource, not a bundle that is cut short. */
Test(retry, resource_of_another_size)
{
	for (int longer = 0; longer < 2; longer++) {
		struct lab *lab = lab_new(&small);
		uint8_t *other;

		lab_publish(lab);
		other = calloc(1, lab->bundle_bytes + 1);
		cr_assert(other);
		memcpy(other, lab->bundle, lab->bundle_bytes);
		lab->net.data = other;
		lab->net.size_bytes = longer ? lab->bundle_bytes + 1 : lab->bundle_bytes - 1;
		lab->stream.size_known = true;
		cr_assert_eq(lab_run(lab, 0), OTA_HTTP_RANGE);
		cr_assert_eq(lab->target[0].writes, 0);
		free(other);
		lab_free(lab);
	}
}
