/* SPDX-License-Identifier: Apache-2.0 */
/* One campaign: statuses, ids, coverage. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/campaign-place.h"

/* Invariant: the exit status is the class of the worst verdict, and bad input is never taken for a result. */
Test(campaign, exit_status)
{
	static const struct {
		const char *name;
		int status;
	} cases[] = {{"stops", 0},  {"skipped", 0}, {"beyond", 0},      {"fails", 1},        {"blind", 1},
		     {"misses", 4}, {"refused", 3}, {"no-such-lie", 3}, {"nothing-such", 2}, {"g/no-file.yaml", 2}};
	struct place p;
	char out[192];
	char bad[256];
	place_make(&p);
	place_out_dir(&p, "out", out);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = place_run(&p, out, cases[i].name, NULL, NULL, NULL);
		cr_expect_eq(status, cases[i].status, "%s ended with %d", cases[i].name, status);
	}
	cr_expect_eq(place_run(&p, out, "misses", "fails", "refused", NULL), 3 > 1 ? 1 : 0, "FAIL is the worst");
	cr_expect_eq(place_run(&p, out, "cut", "--shard", "3/2", NULL), 2);
	cr_expect_eq(place_run(&p, out, "cut", "--seed", "x", NULL), 2);
	(void)snprintf(bad, sizeof bad, "%s/g/broken.yaml", p.scenarios);
	place_put(bad, "name: broken\n");
	cr_expect_eq(place_run(&p, out, "cut", NULL, NULL, NULL), 2, "a broken file beside it");
	place_remove_tree(p.dir);
}

/* Invariant: results.jsonl holds one head, per scenario one log and one verdict, and one end; each case line's id runs
 * again and comes to the same verdict. */
Test(campaign, ids_replay)
{
	struct place p;
	char out[192];
	place_make(&p);
	place_out_dir(&p, "out", out);
	cr_assert_eq(place_run(&p, out, "cut", "rollback", "fails", NULL), 1);
	struct place_results *r = place_read_results(out);
	cr_expect(r->campaigns == 1 && r->ends == 1 && r->scenarios == 3 && r->logs == 3);
	cr_assert(r->cases > 20);
	unsigned failed = 0;
	for (unsigned i = 0; i < r->cases; i++) {
		if (r->verdicts[i] == YP_PASS && i % (1 + r->cases / 40) != 0)
			continue;
		const char *arguments[] = {"replay", "--scenarios", p.scenarios, "--dir", out, r->ids[i], NULL};
		int status = place_status_of(place_start(yp_verb_replay, arguments));
		cr_expect_eq(status, yp_verdict_status(r->verdicts[i]), "%s: %d", r->ids[i], status);
		failed += status == 1;
	}
	cr_expect(failed > 0, "no failing case was replayed");
	const char *by_name[] = {"replay", "--scenarios", p.scenarios, "--dir", out, "fails", NULL};
	cr_expect_eq(place_status_of(place_start(yp_verb_replay, by_name)), 1);
	const char *explained[] = {"explain", "--scenarios", p.scenarios, "fails@fault:none", NULL};
	cr_expect_eq(place_status_of(place_start(yp_verb_explain, explained)), 0);
	free(r);
	place_remove_tree(p.dir);
}

struct listed {
	unsigned cases, skipped, catalogued, reasoned, bytes;
	char id[YP_ID_MAX];
};

static int note_listed(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct listed *l = ctx;
	(void)text;
	(void)bytes;
	if (strcmp(json_string_value(json_object_get(line, "type")), "case") != 0)
		return 0;
	l->cases++;
	l->skipped += strcmp(json_string_value(json_object_get(line, "verdict")), "SKIP") == 0;
	l->catalogued += json_array_size(json_object_get(line, "catalogue")) > 0;
	l->reasoned += json_object_get(line, "reason") != NULL; /* only where there is one */
	l->bytes += json_integer_value(json_object_get(line, "bytes_honest")) > 0;
	(void)snprintf(l->id, sizeof l->id, "%s", json_string_value(json_object_get(line, "id")));
	return 0;
}

/* Invariant: cases of rigs that list them carry what they cover, the subject's reason and the bytes; each id runs again
 * and comes to the same verdict; an id that names no case, or another rig's, is bad usage. */
Test(campaign, listed_cases_replay)
{
	static const char *const names[] = {"lies", "net"};
	struct place p;
	char out[192];
	char path[256];
	char detail[YP_DETAIL_MAX] = "";
	place_make(&p);
	place_out_dir(&p, "out", out);
	(void)snprintf(path, sizeof path, "%s/results.jsonl", out);
	for (size_t n = 0; n < 2; n++) {
		struct listed l = {0};
		int status = place_run(&p, out, names[n], "--seed", "3", NULL);
		cr_assert_eq(status, 0, "%s: %d", names[n], status);
		cr_assert_eq(yp_results_read(path, note_listed, &l, detail, sizeof detail), 0, "%s", detail);
		cr_assert(l.cases >= 4 && l.catalogued == l.cases && l.reasoned + l.skipped == l.cases, "%s", names[n]);
		cr_expect_geq(l.bytes, l.cases - l.skipped);
		struct place_results *r = place_read_results(out);
		const char *first[] = {"replay", "--scenarios", p.scenarios, r->ids[0], NULL};
		status = place_status_of(place_start(yp_verb_replay, first));
		cr_expect_eq(status, yp_verdict_status(r->verdicts[0]), "%s: %d", r->ids[0], status);
		const char *last[] = {"explain", "--scenarios", p.scenarios, l.id, NULL};
		cr_expect_eq(place_status_of(place_start(yp_verb_explain, last)), 0, "%s", l.id);
		free(r);
	}
	static const char *const strangers[] = {"lies@image:flp:header.9999.0", "lies@net:reset.file-0",
						"cut@net:reset.file-0", "net@net:reset.nowhere",
						"net@image:flp:header.0.0"};
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
		const char *arguments[] = {"replay", "--scenarios", p.scenarios, strangers[i], NULL};
		int status = place_status_of(place_start(yp_verb_replay, arguments));
		cr_expect_eq(status, 2, "%s: %d", strangers[i], status);
	}
	place_remove_tree(p.dir);
}

/* ---- coverage ---- */

static int coverage(const struct place *p, const char *catalogue, const char *results, const char *a, const char *b)
{
	const char *arguments[] = {
	    "coverage", "--strict", "--scenarios", p->scenarios, "--catalogue", catalogue, "--results", results,
	    a,          b,          NULL};
	return place_status_of(place_start(yp_verb_coverage, arguments));
}

/* Invariant: with --strict an entry without a case and without an excuse is a MISS; so is a fault that did not land. */
Test(campaign, coverage_is_not_silent)
{
	struct place p;
	char out[192];
	char catalogue[256];
	char skips[256];
	place_make(&p);
	place_out_dir(&p, "out", out);
	(void)snprintf(catalogue, sizeof catalogue, "%s/catalogue.csv", p.dir);
	(void)snprintf(skips, sizeof skips, "%s/coverage-skips.csv", p.scenarios);
	cr_assert_eq(place_run(&p, out, "lies", NULL, NULL, NULL), 0);
	place_put(catalogue, "id,group,injected,expected\nFLP-01,\"FLP, all\",\"every bit, of header\",REJ-E\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 0, "each case names its entry");
	place_put(catalogue, "id,group,injected,expected\nFLP-01,FLP,x,y\nPWR-05,PWR,x,y\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 4, "silence");
	place_put(skips, "id,reason\nPWR-05,\"needs a supply, a real one\"\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 0, "a reason");
	place_put(skips, "id,reason\nPWR-99,why\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 2, "an entry that is none");
	place_put(skips, "id,reason\nPWR-05,\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 2, "a reason that is none");
	place_put(skips, "id,reason\n");
	/* Skipped cases cover nothing, but their lines give the reason. */
	place_put(catalogue, "id,group,injected,expected\nRCE-04,RCE,x,y\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 0, "a skipped case");
	cr_expect_eq(coverage(&p, catalogue, out, "--reasons", NULL), 4, "most reasons are not produced here");
	cr_assert_eq(place_run(&p, out, "misses", NULL, NULL, NULL), 4);
	place_put(catalogue, "id,group,injected,expected\nSTO-01,STO,x,y\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 4, "it did not land");
	cr_expect_eq(coverage(&p, "/nowhere.csv", out, NULL, NULL), 2);
	place_put(catalogue, "STO-01,STO,x,y\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 2, "no heading, no catalogue");
	place_put(catalogue, "id,group,injected,expected\nSTO-01,STO,x,y\n");
	(void)snprintf(skips, sizeof skips, "%s/results.jsonl", out);
	place_put(skips, "");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 2, "no campaign");
	place_remove_tree(p.dir);
}
