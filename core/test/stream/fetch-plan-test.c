/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: the gap that is read through is wait times rate of the link, never outside its bounds whatever the clock says, and
 * one answer that was slow to begin changes nothing.
 */
#include "stream/fetch-plan.h"

#include <criterion/criterion.h>

static struct ota_plan fresh_plan(void)
{
	return (struct ota_plan){.wait_ms = -1, .gap_bytes = OTA_GAP_MAX_BYTES};
}

Test(plan, gap_is_wait_times_rate)
{
	static const struct {
		int64_t wait_ms, body_ms;
		uint64_t body_bytes, gap_bytes;
	} cases[] = {
	    {0, 1, 1000000, OTA_GAP_MIN_BYTES},      /* loopback */
	    {50, 80, 1000000, OTA_GAP_MAX_BYTES},    /* 100 Mbit/s */
	    {50, 400, 1000000, 125000},              /* 20 Mbit/s */
	    {50, 1600, 1000000, OTA_GAP_MIN_BYTES},  /* 5 Mbit/s */
	    {600, 1600, 1000000, OTA_GAP_MAX_BYTES}, /* satellite */
	    {50, 400, 1000, OTA_GAP_MAX_BYTES},      /* too short a body to say anything */
	    {-1, 400, 1000000, OTA_GAP_MAX_BYTES},   /* a clock that goes back */
	    {50, -400, 1000000, OTA_GAP_MAX_BYTES},  /* ... */
	    {INT64_MAX, 0, UINT64_MAX, OTA_GAP_MAX_BYTES},
	    {1, INT64_MAX, 1000000, OTA_GAP_MIN_BYTES}, /* hardly any rate */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ota_plan plan = fresh_plan();

		ota_plan_learn(&plan, cases[i].wait_ms, cases[i].body_ms, cases[i].body_bytes);
		cr_assert_eq(plan.gap_bytes, cases[i].gap_bytes, "case %zu: %llu", i,
			     (unsigned long long)plan.gap_bytes);
	}
}

Test(plan, one_slow_answer_changes_nothing)
{
	struct ota_plan plan = fresh_plan();

	ota_plan_learn(&plan, 50, 400, 1000000);
	ota_plan_learn(&plan, 5000, 400, 1000000);
	cr_assert_eq(plan.gap_bytes, 125000);
	for (unsigned i = 0; i < 10000; i++)
		ota_plan_learn(&plan, INT64_MAX, i % 2 ? INT64_MAX / 20000 : 0, OTA_GAP_BODY_MAX_BYTES);
	cr_assert(plan.gap_bytes >= OTA_GAP_MIN_BYTES && plan.gap_bytes <= OTA_GAP_MAX_BYTES);
}
