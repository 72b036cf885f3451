/* SPDX-License-Identifier: Apache-2.0 */
/* Failure memory, outbox and the JSON of reports: the pure parts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "transaction/outbox.h"
#include "transaction/report.h"

static void digest_of(uint8_t out[OTA_DIGEST_BYTES], unsigned n)
{
	memset(out, 0, OTA_DIGEST_BYTES);
	out[0] = (uint8_t)n;
	out[31] = 1;
}

/* A condemned version stays condemned, whatever else is refused meanwhile; and a refusal repeats without a change. */
Test(report, refusals_do_not_push_out_condemned)
{
	struct ota_state state = {0};
	uint8_t digest[OTA_DIGEST_BYTES];
	for (unsigned n = 1; n <= OTA_FAILED_MAX - OTA_REFUSED_MAX; n++) {
		digest_of(digest, n);
		ota_failed_add(&state, digest, OTA_BOOT_LIMIT);
	}
	for (unsigned n = 100; n < 200; n++) {
		struct ota_state before;
		digest_of(digest, n);
		cr_assert(ota_refused_add(&state, digest, OTA_DOWNGRADE));
		before = state;
		cr_assert(!ota_refused_add(&state, digest, OTA_DOWNGRADE));
		cr_assert_arr_eq(state.failed, before.failed, sizeof state.failed);
		cr_assert_null(ota_failed_find(&state, digest), "a refusal is not a condemnation");
	}
	for (unsigned n = 1; n <= OTA_FAILED_MAX - OTA_REFUSED_MAX; n++) {
		digest_of(digest, n);
		cr_assert_not_null(ota_failed_find(&state, digest), "%u forgotten", n);
		cr_assert(!ota_refused_add(&state, digest, OTA_KNOWN_BAD),
			  "known bad is reported once, as the rollback");
	}
	/* More condemned versions push out refusals first, then the oldest. */
	for (unsigned n = 10; n < 13; n++) {
		digest_of(digest, n);
		ota_failed_add(&state, digest, OTA_HEALTH_FAILED);
	}
	digest_of(digest, 1);
	cr_assert_null(ota_failed_find(&state, digest));
	digest_of(digest, 2);
	cr_assert_not_null(ota_failed_find(&state, digest));
	digest_of(digest, 250);
	cr_assert(!ota_refused_add(&state, digest, OTA_DOWNGRADE), "no room: not stored at every poll");
}

/* Counting saturates, and a version that was committed after all is forgiven. */
Test(report, counted_and_forgiven)
{
	struct ota_state state = {0};
	uint8_t digest[OTA_DIGEST_BYTES];
	uint8_t zero[OTA_DIGEST_BYTES] = {0};
	digest_of(digest, 1);
	ota_failed_add(&state, digest, OTA_BOOT_LIMIT);
	ota_failed_add(&state, digest, OTA_MARKED_BAD);
	cr_assert_eq(ota_failed_find(&state, digest)->count, 2);
	cr_assert_eq(ota_failed_find(&state, digest)->reason, OTA_MARKED_BAD);
	state.failed[0].count = UINT16_MAX;
	ota_failed_add(&state, digest, OTA_BOOT_LIMIT);
	cr_assert_eq(state.failed[0].count, UINT16_MAX);
	ota_failed_remove(&state, digest);
	cr_assert_null(ota_failed_find(&state, digest));
	ota_failed_add(&state, zero, OTA_BOOT_LIMIT);
	cr_assert_eq(state.failed[0].count, 0, "an unknown version cannot be condemned");
}

/* Oldest first; a full outbox loses refusals before endings; an event that waits already is not queued again. */
Test(report, outbox)
{
	struct ota_state state = {0};
	for (uint64_t id = 1; id <= OTA_OUTBOX_MAX; id++) {
		struct ota_event event = {.id = id, .kind = id == 1 ? OTA_EVENT_SUCCESS : OTA_EVENT_FAILURE};
		ota_outbox_add(&state, &event);
		ota_outbox_add(&state, &event);
	}
	struct ota_event more = {.id = 100, .kind = OTA_EVENT_ROLLBACK};
	ota_outbox_add(&state, &more);
	cr_assert_eq(ota_outbox_first(&state)->id, 1, "the success is kept");
	cr_assert_eq(state.outbox[1].id, 3);
	cr_assert_eq(state.outbox[OTA_OUTBOX_MAX - 1].id, 100);
	ota_outbox_remove(&state, 1);
	cr_assert_eq(ota_outbox_first(&state)->id, 3);
	for (uint64_t id = 200; id < 200 + 2 * OTA_OUTBOX_MAX; id++) {
		struct ota_event event = {.id = id, .kind = OTA_EVENT_SUCCESS};
		ota_outbox_add(&state, &event);
	}
	cr_assert_eq(state.outbox[OTA_OUTBOX_MAX - 1].id, 200 + 2 * OTA_OUTBOX_MAX - 1);
	while (ota_outbox_first(&state))
		ota_outbox_remove(&state, ota_outbox_first(&state)->id);
	ota_outbox_remove(&state, 0);
}

/* Valid JSON whatever a version or a message contains, within its bound; the whole text, so that a field cannot go
 * missing. */
Test(report, json)
{
	char out[OTA_REPORT_MAX_BYTES];
	struct ota_event event = {.id = 0xab, .kind = OTA_EVENT_ROLLBACK, .reason = OTA_BOOT_LIMIT};
	strcpy(event.version, "2\"\\\n\x7f\xc3");
	strcpy(event.from_version, "1");
	size_t n = ota_report_format(&event, "dev", out);
	cr_assert_str_eq(
	    out,
	    "{\"id\":\"00000000000000ab\",\"device\":\"dev\",\"event\":\"rollback\","
	    "\"version\":\"2\\\"\\\\\\u000a\\u007f\\u00c3\",\"from\":\"1\",\"reason\":\"BOOT_LIMIT\",\"detail\":\"\"}");
	cr_assert_eq(n, strlen(out));
	/* The longest: every string full, each character escaped to six. */
	char device[1000];
	memset(device, 1, sizeof device - 1);
	device[sizeof device - 1] = '\0';
	memset(event.version, 1, sizeof event.version - 1);
	memset(event.from_version, 1, sizeof event.from_version - 1);
	memset(event.detail, 1, sizeof event.detail - 1);
	n = ota_report_format(&event, device, out);
	cr_assert_lt(n, sizeof out);
	cr_assert_eq(out[n - 1], '}');
	event.kind = 99;
	event.reason = 9999;
	cr_assert_gt(ota_report_format(&event, NULL, out), 0);
}

/* The same event has the same id, another one another, none has 0. */
Test(report, event_ids)
{
	uint64_t a = ota_event_id("x", 1, OTA_EVENT_SUCCESS, OTA_OK);
	cr_assert_eq(a, ota_event_id("x", 1, OTA_EVENT_SUCCESS, OTA_OK));
	cr_assert_neq(a, ota_event_id("y", 1, OTA_EVENT_SUCCESS, OTA_OK));
	cr_assert_neq(a, ota_event_id("x", 1, OTA_EVENT_ROLLBACK, OTA_OK));
	cr_assert_neq(a, ota_event_id("x", 1, OTA_EVENT_SUCCESS, OTA_DOWNGRADE));
	cr_assert_neq(a, 0);
}
