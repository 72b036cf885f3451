/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of cases: few in the file, all in the counts, each in the digest. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/case-lines.h"

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
