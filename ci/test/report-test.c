/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports show what results.jsonl contains: every case counts once, a failing one always shows with its replay
 * id, a campaign that was cut short is not a pass, and a broken file is refused with its line.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/report-results.h"

static const char campaign[] = "{\"type\":\"campaign\",\"schema\":1,\"started\":\"2026-01-01T00:00:00Z\",\"seed\":7}\n";
static const char cases[] =
    "{\"type\":\"case\",\"scenario\":\"power/a\",\"id\":\"power/"
    "a@1\",\"fault\":\"power-cut\",\"step\":\"S05\",\"entry\":3,"
    "\"verdict\":\"PASS\",\"label\":\"old\",\"form\":\"plain\",\"count\":40}\n"
    "{\"type\":\"case\",\"scenario\":\"power/a\",\"id\":\"power/"
    "a@2\",\"fault\":\"power-cut\",\"step\":\"S05\",\"entry\":3,"
    "\"verdict\":\"FAIL\",\"label\":\"broken\",\"invariant\":\"I2\",\"text\":\"<torn> & booted\",\"form\":\"lost\"}\n"
    "{\"type\":\"of-the-future\",\"scenario\":\"power/a\"}\n";
static const char scenario[] =
    "{\"type\":\"scenario\",\"scenario\":\"power/a\",\"verdict\":\"FAIL\",\"duration_ms\":1500}\n";

static char *put_file(const char *a, const char *b, const char *c)
{
	static char path[64];
	(void)snprintf(path, sizeof path, "/tmp/report-test-XXXXXX");
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	FILE *f = fdopen(fd, "w");
	cr_assert(f);
	(void)fprintf(f, "%s%s%s", a, b, c);
	cr_assert_eq(fclose(f), 0);
	return path;
}

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	cr_assert(f);
	char *text = calloc(1, 1 << 20);
	cr_assert(text);
	(void)fread(text, 1, (1 << 20) - 1, f);
	(void)fclose(f);
	return text;
}

Test(report, folds_every_case_once)
{
	char detail[128];
	json_t *results;
	char *path = put_file(campaign, cases, scenario);
	cr_assert_eq(results_load(path, &results, detail, sizeof detail), 0, "%s", detail);
	(void)unlink(path);
	json_t *s = json_array_get(json_object_get(results, "scenarios"), 0);
	json_int_t total = 0;
	size_t i;
	json_t *cell;
	json_array_foreach(json_object_get(s, "matrix"), i, cell) total += results_number(cell, "count");
	cr_assert_eq(total, 41);
	cr_assert_eq(json_array_size(json_object_get(s, "cuts")), 2);
	cr_assert_eq(json_array_size(json_object_get(s, "failures")), 1);
	cr_assert_str_eq(results_text(s, "verdict"), "FAIL");
	json_decref(results);
}

Test(report, junit_and_html_show_the_failure_escaped)
{
	char detail[128];
	json_t *results;
	char *path = put_file(campaign, cases, scenario);
	cr_assert_eq(results_load(path, &results, detail, sizeof detail), 0);
	cr_assert_eq(junit_write(results, path), 0);
	char *xml = slurp(path);
	cr_assert(strstr(xml, "tests=\"2\" failures=\"2\" errors=\"0\" skipped=\"0\""), "%s", xml);
	cr_assert(strstr(xml, "&lt;torn&gt; &amp; booted"));
	cr_assert(strstr(xml, "yankproof replay power/a@2"));
	free(xml);
	cr_assert_eq(html_write(results, path), 0);
	char *html = slurp(path);
	cr_assert(strstr(html, "\\u003ctorn> & booted"));
	cr_assert_not(strstr(html, "/*RESULTS*/"));
	free(html);
	(void)unlink(path);
	json_decref(results);
}

Test(report, an_unfinished_scenario_is_an_error)
{
	char detail[128];
	json_t *results;
	char *path = put_file(campaign, cases, "{\"type\":\"case\",\"scen"); /* killed in the middle of a line */
	cr_assert_eq(results_load(path, &results, detail, sizeof detail), 0);
	(void)unlink(path);
	json_t *s = json_array_get(json_object_get(results, "scenarios"), 0);
	cr_assert_str_eq(results_text(s, "verdict"), "ERROR");
	cr_assert(json_is_null(json_object_get(results, "end")));
	json_decref(results);
}

/* Kills: a scenario that never began, or a campaign without its end, shown as passed. */
/* Kills: classes that end a scenario which did not end, or that end up in the next one. */
Test(report, classes_stay_with_their_scenario)
{
	static const char classes[] =
	    "{\"type\":\"classes\",\"scenario\":\"power/a\",\"classes\":[{\"words\":\"selected A\","
	    "\"states\":9,\"cuts\":1,\"runs\":3,\"label\":\"old\",\"verdict\":\"PASS\"}]}\n";
	static const char other[] = "{\"type\":\"scenario\",\"scenario\":\"power/b\",\"verdict\":\"PASS\"}\n";
	char detail[128];
	json_t *results;
	char *path = put_file(campaign, classes, other);
	cr_assert_eq(results_load(path, &results, detail, sizeof detail), 0, "%s", detail);
	(void)unlink(path);
	const json_t *a = json_array_get(json_object_get(results, "scenarios"), 0);
	const json_t *b = json_array_get(json_object_get(results, "scenarios"), 1);
	cr_expect_str_eq(results_text(a, "verdict"), "ERROR");
	cr_expect_eq(results_number(json_array_get(json_object_get(a, "classes"), 0), "states"), 9);
	cr_expect_null(json_object_get(b, "classes"));
	json_decref(results);
}

Test(report, a_campaign_that_was_cut_short_is_not_green)
{
	static const struct {
		const char *limits, *end, *verdict;
	} rows[] = {{"{}", "", "ERROR"},
		    {"{\"fail_fast\":true}", "", "ERROR"},
		    {"{\"fail_fast\":false}", "{\"type\":\"end\"}\n", "ERROR"},
		    {"{\"fail_fast\":true}", "{\"type\":\"end\"}\n", "SKIP"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char head[256];
		char detail[128];
		json_t *results;
		(void)snprintf(head, sizeof head,
			       "{\"type\":\"campaign\",\"scenarios\":[\"power/a\",\"power/b\"],\"limits\":%s}\n",
			       rows[i].limits);
		char *path = put_file(head, "{\"type\":\"scenario\",\"scenario\":\"power/a\",\"verdict\":\"PASS\"}\n",
				      rows[i].end);
		cr_assert_eq(results_load(path, &results, detail, sizeof detail), 0, "%s", detail);
		json_t *list = json_object_get(results, "scenarios");
		cr_assert_eq(json_array_size(list), 2);
		cr_assert_str_eq(results_text(json_array_get(list, 1), "scenario"), "power/b");
		cr_assert_str_eq(results_text(json_array_get(list, 1), "verdict"), rows[i].verdict);
		cr_assert_eq(junit_write(results, path), 0);
		char *xml = slurp(path);
		cr_assert_eq(strstr(xml, "before its end") != NULL, !*rows[i].end, "%s", xml);
		cr_assert_eq(strstr(xml, "<error ") != NULL, strcmp(rows[i].verdict, "ERROR") == 0, "%s", xml);
		free(xml);
		(void)unlink(path);
		json_decref(results);
	}
}

Test(report, a_full_disk_is_said)
{
	char detail[128];
	json_t *results;
	char *path = put_file(campaign, cases, scenario);
	cr_assert_eq(results_load(path, &results, detail, sizeof detail), 0);
	(void)unlink(path);
	cr_assert_eq(junit_write(results, "/dev/full"), -ENOSPC);
	cr_assert_eq(html_write(results, "/dev/full"), -ENOSPC);
	json_decref(results);
}

Test(report, refuses_what_is_not_results)
{
	static const char *const bad[] = {"[1]\n", "{\"type\":\"case\"}\n", "not json\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char detail[128];
		json_t *results;
		char *path = put_file(campaign, bad[i], scenario);
		cr_assert_eq(results_load(path, &results, detail, sizeof detail), 1, "%s", bad[i]);
		cr_assert(*detail);
		(void)unlink(path);
	}
	char detail[128];
	json_t *results;
	cr_assert_eq(results_load("/nonexistent/results.jsonl", &results, detail, sizeof detail), -ENOENT);
	char *path = put_file("", "", ""); /* nothing in it is not "nothing failed" */
	cr_assert_eq(results_load(path, &results, detail, sizeof detail), 1);
	(void)unlink(path);
}
