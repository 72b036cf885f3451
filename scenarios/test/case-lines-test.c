/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of cases: few in the file, all in the counts, each in the digest. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rigs/rig.h"

struct sums {
	uint64_t lines, count, failing_lines;
};

static int add_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct sums *sums = ctx;
	(void)text;
	(void)bytes;
	const json_t *count = json_object_get(line, "count");
	sums->lines++;
	sums->count += count ? (uint64_t)json_integer_value(count) : 1;
	sums->failing_lines += !count && strcmp(json_string_value(json_object_get(line, "verdict")), "FAIL") == 0;
	return 0;
}

/* Invariant: however many cases there are, the file stays small, no case is lost from the counts, failures are written
 * whole, and the digest is that of every single case. */
Test(cases, classes_lose_nothing)
{
	enum { CASES = 60000 };
	char path[] = "/tmp/yankproof-cases-XXXXXX";
	char detail[YP_DETAIL_MAX];
	char digests[2][YP_DIGEST_TEXT];
	struct sums sums = {0};
	for (unsigned round = 0; round < 2; round++) {
		int fd = round ? -1 : mkstemp(path);
		struct yp_cases *cases = NULL;
		struct yp_result result = {0};
		cr_assert_eq(yp_cases_new(fd, "s", &cases), 0);
		for (unsigned i = 0; i < CASES; i++) {
			char id[32];
			(void)snprintf(id, sizeof id, "s@%u.a.0.0", i);
			const struct yp_case_line line = {.id = id,
							  .fault = "power-cut",
							  .step = i % 2 ? "S06" : "S10",
							  .label = i % 3 ? "new" : "old",
							  .invariant = i % 100 ? "" : "I2",
							  .text = "",
							  .form = "mixed",
							  .entry = (long)(i % 50),
							  .cuts = 1 + i % 3,
							  .verdict = i % 100 ? YP_PASS : YP_FAIL};
			cr_assert_eq(yp_cases_add(cases, &line), 0);
		}
		cr_assert_eq(yp_cases_end(cases, &result), 0);
		cr_expect(result.verdict == YP_FAIL && result.cases == CASES && result.fails == CASES / 100);
		cr_expect_str_eq(result.failing, "s@0.a.0.0");
		memcpy(digests[round], result.digest, sizeof result.digest);
		yp_cases_free(cases);
		if (fd >= 0)
			cr_assert_eq(close(fd), 0);
	}
	cr_expect_str_eq(digests[0], digests[1]);
	cr_assert_eq(yp_results_read(path, add_line, &sums, detail, sizeof detail), 0, "%s", detail);
	cr_expect_eq(sums.count, CASES);
	cr_expect_eq(sums.failing_lines, CASES / 100);
	cr_expect(sums.lines < 4000, "%llu lines", (unsigned long long)sums.lines);
	(void)unlink(path);
}

/* Invariant: one changed label changes the digest. */
Test(cases, digest_sees_each_label)
{
	char digests[2][YP_DIGEST_TEXT];
	for (unsigned round = 0; round < 2; round++) {
		struct yp_cases *cases = NULL;
		struct yp_result result = {0};
		cr_assert_eq(yp_cases_new(-1, "s", &cases), 0);
		const struct yp_case_line line = {.id = "s@1",
						  .fault = "",
						  .step = "",
						  .label = round ? "old" : "new",
						  .invariant = "",
						  .text = "",
						  .form = ""};
		cr_assert_eq(yp_cases_add(cases, &line), 0);
		cr_assert_eq(yp_cases_end(cases, &result), 0);
		memcpy(digests[round], result.digest, sizeof result.digest);
		yp_cases_free(cases);
	}
	cr_expect_str_neq(digests[0], digests[1]);
}

static void count_failure(void *ctx, const struct yp_case_line *line)
{
	unsigned *told = ctx;
	++*told;
	cr_expect_str_eq(line->id, "x@1.a.0.0", "the first that is no finding");
}

static void add_to_run(struct yp_rig_run *run, const char *id, enum yp_verdict verdict, bool finding)
{
	cr_assert_eq(yp_rig_run_add(run, &(struct yp_case_line){.id = id,
								.fault = finding ? "lint" : "power-cut",
								.step = "",
								.label = "",
								.invariant = finding ? "" : "I2",
								.text = "broken",
								.form = "plain",
								.cuts = finding ? 0 : 1,
								.verdict = verdict,
								.finding = finding}),
		     0);
}

/* Invariant: a failure is reported once and at once; the exploration then has its cases, and no more; the case that is
 * named is the failure, not the finding that explains it. */
Test(cases, a_red_run_is_told_and_ends)
{
	unsigned told = 0;
	struct yp_execute_options options = {
	    .fd = -1, .cases_after_failure = 3, .on_failure = count_failure, .progress_ctx = &told};
	struct yp_result result = {0};
	struct yp_rig_run run = {.options = &options, .out = &result};
	cr_assert_eq(yp_cases_new(-1, "x", &run.cases), 0);
	add_to_run(&run, "x@lint:flip-unflushed.1", YP_FAIL, true);
	for (unsigned i = 0; i < 10; i++)
		add_to_run(&run, "x@0.a.0.0", YP_PASS, false);
	cr_expect(told == 0 && !yp_rig_run_spent(&run), "a finding is no failure by itself");
	add_to_run(&run, "x@1.a.0.0", YP_FAIL, false);
	add_to_run(&run, "x@2.a.0.0", YP_FAIL, false);
	add_to_run(&run, "x@3.a.0.0", YP_PASS, false);
	cr_expect(told == 1 && !yp_rig_run_spent(&run));
	add_to_run(&run, "x@4.a.0.0", YP_PASS, false);
	cr_expect(yp_rig_run_spent(&run));
	result.beyond = true;
	cr_expect_not(yp_rig_run_spent(&run), "one that is expected to fail is explored to its end");
	cr_assert_eq(yp_cases_end(run.cases, &result), 0);
	cr_expect_str_eq(result.failing, "x@1.a.0.0");
	yp_cases_free(run.cases);
}
