/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: the simulated device follows its story, fails where a fault strikes, and is deterministic. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/device.h"

/* A story and how it must end. */
struct story {
	const char *name;
	struct yp_sim_spec spec;
	struct yp_sim_expect expect;
};

static const struct story stories[] = {
    {"happy", {.serve = true}, {"new", false, "OK"}},
    {"quick cycles", {.serve = true, .quick_cycles = 3}, {"new", false, "OK"}},
    {"kernel", {.serve = true, .kernel_kib = 16}, {"new", false, "OK"}},
    {"no stash", {.serve = true, .tail_kib = 12}, {"new", false, "OK"}},
    {"first install", {.serve = true, .slot_b_empty = true}, {"new", false, "OK"}},
    {"after a rollback", {.serve = true, .after_rollback = true}, {"new", false, "OK"}},
    {"nothing to do", {.serve = true, .committed = true, .quick_cycles = 3}, {"new", true, ""}},
    {"no server", {.committed = true}, {"new", true, ""}},
    {"copy 0 torn", {.serve = true, .env_bad = 1}, {"new", false, "OK"}},
    {"copy 1 torn", {.serve = true, .env_bad = 2}, {"new", false, "OK"}},
    {"both copies torn", {.serve = true, .env_bad = 3}, {"new", false, "OK"}},
    {"counter 254", {.serve = true, .env_counter = 254}, {"new", false, "OK"}},
    {"counter 255", {.serve = true, .env_counter = 255}, {"new", false, "OK"}},
    {"panics", {.serve = true, .new_kind = YP_SIM_IMAGE_PANICS}, {"old", true, "BOOT_LIMIT"}},
    {"hangs", {.serve = true, .new_kind = YP_SIM_IMAGE_HANGS}, {"old", true, "BOOT_LIMIT"}},
    {"no root", {.serve = true, .new_kind = YP_SIM_IMAGE_NO_ROOT}, {"old", true, "BOOT_LIMIT"}},
    {"crash loops", {.serve = true, .new_kind = YP_SIM_IMAGE_CRASH_LOOPS}, {"old", true, "BOOT_LIMIT"}},
    {"health fails", {.serve = true, .new_kind = YP_SIM_IMAGE_HEALTH_FAILS}, {"old", true, "HEALTH_FAILED"}},
    {"health hangs", {.serve = true, .new_kind = YP_SIM_IMAGE_HEALTH_HANGS}, {"old", true, "HEALTH_TIMEOUT"}},
    {"downgrade", {.serve = true, .downgrade = true}, {"old", true, "DOWNGRADE"}},
    {"no signature", {.serve = true, .bundle_lie = YP_SIM_LIE_NO_SIGNATURE}, {"old", true, "NO_SIGNATURE"}},
    {"nobody signed", {.serve = true, .bundle_lie = YP_SIM_LIE_EMPTY_SIGNATURE}, {"old", true, ""}},
    {"bad signature", {.serve = true, .bundle_lie = YP_SIM_LIE_BAD_SIGNATURE}, {"old", true, "BAD_SIGNATURE"}},
    {"wrong purpose", {.serve = true, .bundle_lie = YP_SIM_LIE_WRONG_PURPOSE}, {"old", true, "CERT_PURPOSE"}},
    {"untrusted", {.serve = true, .bundle_lie = YP_SIM_LIE_UNTRUSTED}, {"old", true, "UNTRUSTED"}},
    {"corrupt manifest", {.serve = true, .bundle_lie = YP_SIM_LIE_CORRUPT_MANIFEST}, {"old", true, "BAD_SIGNATURE"}},
    {"corrupt chunk", {.serve = true, .bundle_lie = YP_SIM_LIE_CORRUPT_CHUNK}, {"old", true, "CHUNK_DIGEST"}},
    {"incompatible", {.serve = true, .bundle_lie = YP_SIM_LIE_INCOMPATIBLE}, {"old", true, "INCOMPATIBLE"}},
    {"expired", {.serve = true, .bundle_lie = YP_SIM_LIE_EXPIRED}, {"old", true, "EXPIRED"}},
    {"too big", {.serve = true, .bundle_lie = YP_SIM_LIE_TOO_BIG}, {"old", true, "NO_SPACE"}},
    {"truncated", {.serve = true, .bundle_lie = YP_SIM_LIE_TRUNCATED}, {"old", true, "TRUNCATED"}},
    {"flaky chunk", {.serve = true, .bundle_lie = YP_SIM_LIE_FLAKY_CHUNK}, {"new", false, "OK"}},
    {"reports late", {.serve = true, .report_down = 2}, {"new", false, "OK"}},
    {"reports never", {.serve = true, .report_down = YP_SIM_FOR_EVER}, {"new", false, ""}},
    {"no reports", {.serve = true, .report_url_none = true}, {"new", false, ""}},
};
#define STORIES (sizeof stories / sizeof stories[0])

static struct yp_sim *make(const struct story *story)
{
	struct yp_sim *sim = NULL;

	cr_assert_eq(yp_sim_new(&story->spec, &story->expect, &sim), 0, "%s", story->name);
	return sim;
}

/* Every story ends as it must, with the reason that the report must carry, and no invariant broken on the way. */
Test(sim, stories)
{
	for (size_t i = 0; i < STORIES; i++) {
		struct yp_sim *sim = make(&stories[i]);
		struct yp_outcome out;
		struct yp_log *log;

		cr_assert_eq(yp_sim_record(sim, &log, &out), 0);
		cr_assert_eq(out.verdict, YP_PASS, "%s: %s %s: %s", stories[i].name, yp_invariant_id(out.invariant),
			     out.label, out.text);
		cr_assert_str_eq(out.label, stories[i].expect.version, "%s", stories[i].name);
		yp_log_free(log);
		yp_sim_free(sim);
	}
}

static bool same_logs(const struct yp_log *a, const struct yp_log *b)
{
	if (yp_log_count(a) != yp_log_count(b))
		return false;
	for (size_t i = 0; i < yp_log_count(a); i++) {
		const struct yp_entry *x = yp_log_entry(a, i), *y = yp_log_entry(b, i);

		if (x->op != y->op || x->medium != y->medium || x->sector != y->sector || x->sectors != y->sectors)
			return false;
		for (uint32_t k = 0; x->op == YP_WRITE && k < x->sectors; k++) {
			if (yp_log_content(a, x, k) != yp_log_content(b, y, k))
				return false;
		}
		if (x->op == YP_MARK && strcmp(yp_log_text(a, x), yp_log_text(b, y)) != 0)
			return false;
	}
	return true;
}

/* Deterministic: two recordings of one device are equal entry by entry, and two devices of one spec have equal media.
 */
Test(sim, deterministic)
{
	struct yp_sim *one = make(&stories[0]), *two = make(&stories[0]);
	struct yp_hash h1 = yp_image_hash(yp_sim_base(one)), h2 = yp_image_hash(yp_sim_base(two));
	struct yp_outcome out;
	struct yp_log *a, *b;

	cr_assert(h1.lo == h2.lo && h1.hi == h2.hi);
	cr_assert_eq(yp_sim_record(one, &a, &out), 0);
	cr_assert_eq(yp_sim_record(one, &b, &out), 0);
	cr_assert(same_logs(a, b));
	yp_log_free(b);
	yp_log_free(a);
	yp_sim_free(one);
	yp_sim_free(two);
}

struct failure {
	char text[256];
	uint64_t cases;
};

static int on_case(void *ctx, const char *id, const struct yp_case *c, const char *step,
		   const struct yp_outcome *outcome, bool settled)
{
	struct failure *failure = ctx;

	(void)c;
	(void)settled;
	failure->cases++;
	if (outcome->verdict == YP_FAIL && failure->text[0] == '\0')
		(void)snprintf(failure->text, sizeof failure->text, "%.60s at %s: %s %.100s", id, step,
			       yp_invariant_id(outcome->invariant), outcome->text);
	return 0;
}

/* Convergent: under every cut, any number of times, every story keeps the invariants; the exploration closes, and
 * recoveries that the canonical form says are alike are alike. */
Test(sim, closes, .timeout = 120)
{
	for (size_t i = 0; i < STORIES; i++) {
		struct yp_sim *sim = make(&stories[i]);
		struct failure failure = {.cases = 0};
		struct yp_stats stats;
		struct yp_outcome out;
		struct yp_log *log;

		cr_assert_eq(yp_sim_record(sim, &log, &out), 0);
		struct yp_explore explore = {
		    .rig = yp_sim_rig(sim),
		    .base = yp_sim_base(sim),
		    .log = log,
		    .limits = {.subset_writes = 10, .samples = 64, .seed = 1, .audit_fraction = 0.1},
		    .on_case = on_case,
		    .case_ctx = &failure};
		cr_assert_eq(yp_explore_run(&explore, &stats), 0);
		cr_assert_eq(stats.failed, 0, "%s: %s", stories[i].name, failure.text);
		cr_assert_eq(stats.disagreed, 0, "%s: %s", stories[i].name, stats.disagreement);
		cr_assert(stats.closed, "%s", stories[i].name);
		cr_assert_gt(failure.cases, 0);
		yp_log_free(log);
		yp_sim_free(sim);
	}
}

/* The same with torn writes, for the stories that write most. */
Test(sim, closes_torn, .timeout = 120)
{
	static const size_t which[] = {0, 2, 17};

	for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
		struct story story = stories[which[i]];
		struct failure failure = {.cases = 0};
		struct yp_stats stats;
		struct yp_outcome out;
		struct yp_log *log;

		story.spec.slot_kib = 32;
		for (unsigned m = 0; m < YP_MEDIA_MAX; m++)
			story.spec.model[m] = YP_MODEL_TORN;
		struct yp_sim *sim = make(&story);
		cr_assert_eq(yp_sim_record(sim, &log, &out), 0);
		struct yp_explore explore = {
		    .rig = yp_sim_rig(sim),
		    .base = yp_sim_base(sim),
		    .log = log,
		    .limits = {.subset_writes = 10, .samples = 64, .seed = 1, .audit_fraction = 0.05},
		    .on_case = on_case,
		    .case_ctx = &failure};
		cr_assert_eq(yp_explore_run(&explore, &stats), 0);
		cr_assert_eq(stats.failed, 0, "%s: %s", story.name, failure.text);
		cr_assert_eq(stats.disagreed, 0, "%s: %s", story.name, stats.disagreement);
		cr_assert(stats.closed, "%s", story.name);
		yp_log_free(log);
		yp_sim_free(sim);
	}
}

static unsigned sweep(struct yp_sim *sim, const char *name, enum yp_sim_fault_kind kind, bool for_ever, uint64_t stride)
{
	uint64_t points = yp_sim_fault_points(sim, kind);
	unsigned landed_count = 0;

	for (uint64_t n = 1; n <= points; n += stride) {
		struct yp_sim_fault fault = {.kind = kind, .nth = n, .for_ever = for_ever, .medium = -1};
		struct yp_outcome out;
		bool landed;

		cr_assert_eq(yp_sim_run_fault(sim, &fault, &landed, &out), 0);
		cr_assert_eq(out.verdict, YP_PASS, "%s, %s number %u: %s %s", name, yp_sim_fault_name(kind),
			     (unsigned)n, yp_invariant_id(out.invariant), out.text);
		landed_count += landed;
	}
	return landed_count;
}

/* Retryable: after any failed operation, once or until the updater gives up, the device ends as without the fault.
 */
Test(sim, faults, .timeout = 120)
{
	static const size_t which[] = {0, 2, 17};

	for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
		struct yp_sim *sim = make(&stories[which[i]]);

		for (int k = YP_SIM_FAULT_READ_EIO; k <= YP_SIM_FAULT_POWER; k++) {
			enum yp_sim_fault_kind kind = (enum yp_sim_fault_kind)k;
			bool lasting = kind != YP_SIM_FAULT_STOP && kind != YP_SIM_FAULT_POWER;
			uint64_t stride = kind == YP_SIM_FAULT_NO_MEMORY ? 7 : 1;

			cr_assert_gt(sweep(sim, stories[which[i]].name, kind, false, stride), 0, "%s never lands",
				     yp_sim_fault_name(kind));
			if (lasting)
				(void)sweep(sim, stories[which[i]].name, kind, true, stride);
		}
		yp_sim_free(sim);
	}
}

/* A wrong clock can only delay an update. */
Test(sim, clock)
{
	static const int64_t clocks[] = {0, 1796083200 - 86400, 1796083200 + INT64_C(631152000), INT64_C(2147483648)};

	for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
		struct yp_sim *sim = make(&stories[0]);
		struct yp_sim_fault fault = {.kind = YP_SIM_FAULT_CLOCK, .clock_s = clocks[i], .medium = -1};
		struct yp_outcome out;
		bool landed;

		cr_assert_eq(yp_sim_run_fault(sim, &fault, &landed, &out), 0);
		cr_assert(landed);
		cr_assert_eq(out.verdict, YP_PASS, "%zu: %s %s", i, yp_invariant_id(out.invariant), out.text);
		yp_sim_free(sim);
	}
}

/* A story that cannot be simulated is refused. */
Test(sim, refuses)
{
	static const struct yp_sim_spec bad[] = {
	    {.slot_kib = 5},
	    {.env_bytes = 3000},
	    {.chunk_bytes = 1000},
	    {.env_bad = 4},
	    {.committed = true, .slot_b_empty = true},
	    {.slot_b_empty = true, .downgrade = true},
	    {.bundle_lie = YP_SIM_LIE_COUNT},
	};
	struct yp_sim_expect expect = {"old", false, ""};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct yp_sim *sim;

		cr_assert_eq(yp_sim_new(&bad[i], &expect, &sim), -EINVAL, "%zu", i);
	}
}
