/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "verbs.h"

/* Small scenarios of every outcome, in a folder of their own. */
static const struct {
	const char *name, *rest;
} files[] = {
    {"cut", "faults: [{power-cut: {}}]\nexpect: {version: new}\n"},
    {"kernel", "story: {kernel-kib: 16}\nfaults: [{power-cut: {}}]\nexpect: {version: new}\n"},
    {"rollback", "story: {new-image: panics}\nfaults: [{power-cut: {}}, {stop: {nth: 5}}]\nexpect: {version: old}\n"},
    {"stops", "faults: [{stop: {at: every}}]\nexpect: {version: new}\n"},
    {"fails", "tags: [bad]\nexpect: {version: old}\n"},
    {"misses", "tags: [bad]\ncatalogue: [STO-01]\nfaults: [{write-eio: {nth: 100000}}]\nexpect: {version: new}\n"},
    {"refused", "tags: [bad]\nstory: {committed: true, env-bad: both}\nexpect: {version: new}\n"},
    {"skipped", "tags: [bad]\nfaults: [{board: {plan: checks}}]\n"},
    {"beyond", "tags: [bad]\nexpect: {version: old, verdict: FAIL}\n"},
    {"blind", "tags: [bad]\nexpect: {version: new, verdict: FAIL}\n"},
    {"lies", "tags: [bad]\nfaults: [{image: {group: 'flp:header', sample: 32}}, {image: {group: 'rce:'}}]\n"},
    {"no-such-lie", "tags: [bad]\nfaults: [{image: {group: 'flp:tail'}}]\n"},
    {"net", "tags: [bad]\nfaults: [{network: {plan: http, match: 'http:body-short', power-cut: sampled}}]\n"},
    {"long", "tags: [bad]\nfaults: [{no-memory: {at: every, for-ever: true}}]\nexpect: {version: new}\n"},
};
#define GOOD 4 /* the first of them */

struct place {
	char dir[128];
	char scenarios[160];
};

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static const char *rig_of(const char *name)
{
	return strcmp(name, "skipped") == 0 ? "board"
	       : strcmp(name, "net") == 0   ? "host"
	       : strstr(name, "lie")        ? "images"
					    : "sim";
}

static void make_place(struct place *p)
{
	char path[256];
	(void)snprintf(p->dir, sizeof p->dir, "/tmp/brickproof-test-XXXXXX");
	cr_assert(mkdtemp(p->dir));
	(void)snprintf(p->scenarios, sizeof p->scenarios, "%s/scenarios", p->dir);
	(void)snprintf(path, sizeof path, "%s/g", p->scenarios);
	cr_assert(mkdir(p->scenarios, 0755) == 0 && mkdir(path, 0755) == 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char text[512];
		(void)snprintf(path, sizeof path, "%s/g/%s.yaml", p->scenarios, files[i].name);
		(void)snprintf(text, sizeof text, "name: %s\ntitle: t\ngroup: g\nrig: %s\n%s", files[i].name,
			       rig_of(files[i].name), files[i].rest);
		put(path, text);
	}
}

static void remove_tree(const char *dir)
{
	char command[256];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
}

/* The command's own entry, in a process of its own: NULL-terminated arguments; quiet. */
static pid_t start(int (*verb)(int, char **), const char *const *arguments)
{
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	char *argv[24];
	int argc = 0;
	while (arguments[argc] && argc < 23) {
		argv[argc] = strdup(arguments[argc]);
		argc++;
	}
	argv[argc] = NULL;
	int null = open("/dev/null", O_WRONLY);
	(void)dup2(null, 1);
	(void)dup2(null, 2);
	_exit(verb(argc, argv));
}

static int status_of(pid_t pid)
{
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int run(const struct place *p, const char *out, const char *a, const char *b, const char *c, const char *d)
{
	const char *arguments[] = {"run", "--scenarios", p->scenarios, "-o", out, "--jobs", "2", a, b, c, d, NULL};
	return status_of(start(bp_verb_run, arguments));
}

/* ---- reading results ---- */

struct read {
	unsigned campaigns, logs, cases, scenarios, ends;
	char digest[BP_DIGEST_TEXT];
	char reason[256];
	char ids[4096][BP_ID_MAX / 8];
	enum bp_verdict verdicts[4096];
	json_int_t counted;
};

static int count_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct read *r = ctx;
	(void)text;
	(void)bytes;
	const char *type = json_string_value(json_object_get(line, "type"));
	r->campaigns += strcmp(type, "campaign") == 0;
	r->logs += strcmp(type, "log") == 0;
	if (strcmp(type, "case") == 0 && r->cases < 4096) {
		const json_t *count = json_object_get(line, "count");
		(void)snprintf(r->ids[r->cases], sizeof r->ids[0], "%s",
			       json_string_value(json_object_get(line, "id")));
		cr_assert_eq(
		    bp_verdict_find(json_string_value(json_object_get(line, "verdict")), &r->verdicts[r->cases]), 0);
		r->counted += count ? json_integer_value(count) : 1;
		r->cases++;
	}
	if (strcmp(type, "scenario") == 0) {
		(void)snprintf(r->reason, sizeof r->reason, "%s", json_string_value(json_object_get(line, "reason")));
		r->scenarios++;
	}
	if (strcmp(type, "end") == 0) {
		(void)snprintf(r->digest, sizeof r->digest, "%s", json_string_value(json_object_get(line, "digest")));
		r->ends++;
	}
	return 0;
}

static struct read *read_results(const char *dir)
{
	char path[256];
	char detail[BP_DETAIL_MAX] = "";
	struct read *r = calloc(1, sizeof *r);
	(void)snprintf(path, sizeof path, "%s/results.jsonl", dir);
	cr_assert(r && bp_results_read(path, count_line, r, detail, sizeof detail) == 0, "%s", detail);
	return r;
}

static void digest_of(const char *dir, char out[BP_DIGEST_TEXT])
{
	struct read *r = read_results(dir);
	cr_assert_eq(r->ends, 1, "%s did not end once", dir);
	(void)snprintf(out, BP_DIGEST_TEXT, "%s", r->digest);
	free(r);
}

static void out_dir(const struct place *p, const char *name, char out[192])
{
	(void)snprintf(out, 192, "%s/%s", p->dir, name);
}

/* Invariant: the exit status tells the class of the worst verdict, and bad input is never taken for a result. */
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
	make_place(&p);
	out_dir(&p, "out", out);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = run(&p, out, cases[i].name, NULL, NULL, NULL);
		cr_expect_eq(status, cases[i].status, "%s ended with %d", cases[i].name, status);
	}
	cr_expect_eq(run(&p, out, "misses", "fails", "refused", NULL), 3 > 1 ? 1 : 0, "FAIL is the worst");
	cr_expect_eq(run(&p, out, "cut", "--shard", "3/2", NULL), 2);
	cr_expect_eq(run(&p, out, "cut", "--seed", "x", NULL), 2);
	(void)snprintf(bad, sizeof bad, "%s/g/broken.yaml", p.scenarios);
	put(bad, "name: broken\n");
	cr_expect_eq(run(&p, out, "cut", NULL, NULL, NULL), 2, "a broken file beside it");
	remove_tree(p.dir);
}

/* Invariant: results.jsonl holds one head, per scenario one log and one verdict, and one end; each case line's id runs
 * again and comes to the same verdict. */
Test(campaign, ids_replay)
{
	struct place p;
	char out[192];
	make_place(&p);
	out_dir(&p, "out", out);
	cr_assert_eq(run(&p, out, "cut", "rollback", "fails", NULL), 1);
	struct read *r = read_results(out);
	cr_expect(r->campaigns == 1 && r->ends == 1 && r->scenarios == 3 && r->logs == 3);
	cr_assert(r->cases > 20);
	unsigned failed = 0;
	for (unsigned i = 0; i < r->cases; i++) {
		if (r->verdicts[i] == BP_PASS && i % (1 + r->cases / 40) != 0)
			continue;
		const char *arguments[] = {"replay", "--scenarios", p.scenarios, "--dir", out, r->ids[i], NULL};
		int status = status_of(start(bp_verb_replay, arguments));
		cr_expect_eq(status, bp_verdict_status(r->verdicts[i]), "%s: %d", r->ids[i], status);
		failed += status == 1;
	}
	cr_expect(failed > 0, "no failing case was replayed");
	const char *by_name[] = {"replay", "--scenarios", p.scenarios, "--dir", out, "fails", NULL};
	cr_expect_eq(status_of(start(bp_verb_replay, by_name)), 1);
	const char *explained[] = {"explain", "--scenarios", p.scenarios, "fails@fault:none", NULL};
	cr_expect_eq(status_of(start(bp_verb_explain, explained)), 0);
	free(r);
	remove_tree(p.dir);
}

struct listed {
	unsigned cases, skipped, catalogued, reasoned, bytes;
	char id[BP_ID_MAX];
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
	char detail[BP_DETAIL_MAX] = "";
	make_place(&p);
	out_dir(&p, "out", out);
	(void)snprintf(path, sizeof path, "%s/results.jsonl", out);
	for (size_t n = 0; n < 2; n++) {
		struct listed l = {0};
		int status = run(&p, out, names[n], "--seed", "3", NULL);
		cr_assert_eq(status, 0, "%s: %d", names[n], status);
		cr_assert_eq(bp_results_read(path, note_listed, &l, detail, sizeof detail), 0, "%s", detail);
		cr_assert(l.cases >= 4 && l.catalogued == l.cases && l.reasoned + l.skipped == l.cases, "%s", names[n]);
		cr_expect_geq(l.bytes, l.cases - l.skipped);
		struct read *r = read_results(out);
		const char *first[] = {"replay", "--scenarios", p.scenarios, r->ids[0], NULL};
		status = status_of(start(bp_verb_replay, first));
		cr_expect_eq(status, bp_verdict_status(r->verdicts[0]), "%s: %d", r->ids[0], status);
		const char *last[] = {"explain", "--scenarios", p.scenarios, l.id, NULL};
		cr_expect_eq(status_of(start(bp_verb_explain, last)), 0, "%s", l.id);
		free(r);
	}
	static const char *const strangers[] = {"lies@image:flp:header.9999.0", "lies@net:reset.file-0",
						"cut@net:reset.file-0", "net@net:reset.nowhere",
						"net@image:flp:header.0.0"};
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
		const char *arguments[] = {"replay", "--scenarios", p.scenarios, strangers[i], NULL};
		int status = status_of(start(bp_verb_replay, arguments));
		cr_expect_eq(status, 2, "%s: %d", strangers[i], status);
	}
	remove_tree(p.dir);
}

/* Invariant: the digest is a matter of scenarios and seed alone: not of the number of jobs, nor of how shards divide
 * the work. */
Test(campaign, digest_is_the_same)
{
	struct place p;
	char whole[192];
	char again[192];
	char one[192];
	char two[192];
	char merged[192];
	char a[BP_DIGEST_TEXT];
	char b[BP_DIGEST_TEXT];
	make_place(&p);
	out_dir(&p, "whole", whole);
	out_dir(&p, "again", again);
	out_dir(&p, "one", one);
	out_dir(&p, "two", two);
	out_dir(&p, "merged", merged);
	const char *const all[] = {"cut", "kernel", "rollback", "stops"};
	const char *single[] = {"run", "--scenarios", p.scenarios, "-o",   again,  "--jobs",
				"1",   all[3],        all[0],      all[2], all[1], NULL};
	cr_assert_eq(run(&p, whole, all[0], all[1], all[2], all[3]), 0);
	cr_assert_eq(status_of(start(bp_verb_run, single)), 0);
	digest_of(whole, a);
	digest_of(again, b);
	cr_expect_str_eq(a, b, "one job");
	for (unsigned i = 1; i <= 2; i++) {
		const char *shard[] = {"run",
				       "--scenarios",
				       p.scenarios,
				       "-o",
				       i == 1 ? one : two,
				       "--shard",
				       i == 1 ? "1/2" : "2/2",
				       all[0],
				       all[1],
				       all[2],
				       all[3],
				       NULL};
		cr_assert_eq(status_of(start(bp_verb_run, shard)), 0);
	}
	const char *half[] = {"merge", merged, one, NULL};
	cr_expect_eq(status_of(start(bp_verb_merge, half)), 2, "a shard is missing");
	const char *twice[] = {"merge", merged, one, one, NULL};
	cr_expect_eq(status_of(start(bp_verb_merge, twice)), 2, "one shard twice");
	const char *both[] = {"merge", merged, two, one, NULL};
	cr_assert_eq(status_of(start(bp_verb_merge, both)), 0);
	digest_of(merged, b);
	cr_expect_str_eq(a, b, "merged");
	struct read *w = read_results(whole);
	struct read *m = read_results(merged);
	cr_expect(w->cases == m->cases && w->counted == m->counted && m->scenarios == 4 && m->campaigns == 1);
	free(w);
	free(m);
	cr_assert_eq(run(&p, again, "cut", "--seed", "2", NULL), 0);
	digest_of(again, b);
	cr_expect_str_neq(a, b);
	remove_tree(p.dir);
}

/* ---- campaigns that are stopped ---- */

static void wait_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

/* Until the results hold that many finished scenarios and something of the next, or half a minute passed. */
static void await_scenarios(const char *dir, unsigned count)
{
	for (unsigned i = 0; i < 3000; i++) {
		char path[256];
		char detail[BP_DETAIL_MAX];
		struct read *r = calloc(1, sizeof *r);
		(void)snprintf(path, sizeof path, "%s/results.jsonl", dir);
		cr_assert(r);
		bool there = bp_results_read(path, count_line, r, detail, sizeof detail) == 0 &&
			     r->scenarios >= count && r->logs > count;
		free(r);
		if (there)
			return;
		wait_ms(10);
	}
	cr_assert_fail("no progress in %s", dir);
}

/* The one worker of a campaign. */
static pid_t child_of(pid_t parent)
{
	char path[64];
	long child = 0;
	(void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)parent, (long)parent);
	FILE *f = fopen(path, "r");
	cr_assert(f);
	int n = fscanf(f, "%ld", &child);
	(void)fclose(f);
	return n == 1 ? (pid_t)child : 0;
}

/* Invariant: a campaign that was killed, or stopped, goes on where it was, keeps what had ended, and comes to the
 * digest of one that never stopped. */
Test(campaign, resumes)
{
	struct place p;
	char whole[192];
	char out[192];
	char a[BP_DIGEST_TEXT];
	char b[BP_DIGEST_TEXT];
	make_place(&p);
	out_dir(&p, "whole", whole);
	cr_assert_eq(run(&p, whole, "cut", "long", "stops", NULL), 0);
	digest_of(whole, a);
	static const int signals[] = {SIGKILL, SIGINT};
	for (size_t i = 0; i < 2; i++) {
		out_dir(&p, i ? "stopped" : "killed", out);
		const char *arguments[] = {"run", "--scenarios", p.scenarios, "-o",    out, "--jobs",
					   "1",   "cut",         "long",      "stops", NULL};
		pid_t pid = start(bp_verb_run, arguments);
		await_scenarios(out, 1);
		cr_assert_eq(kill(pid, signals[i]), 0);
		cr_expect_eq(status_of(pid), signals[i] == SIGKILL ? -SIGKILL : BP_EXIT_STOPPED);
		/* A killed campaign's worker follows it at once; its last line may be half written. */
		wait_ms(50);
		cr_expect_eq(run(&p, out, "cut", "long", "--resume", "--seed=3"), 2, "another seed");
		cr_assert_eq(run(&p, out, "cut", "long", "stops", "--resume"), 0);
		digest_of(out, b);
		cr_expect_str_eq(a, b);
		struct read *r = read_results(out);
		cr_expect(r->campaigns == 1 && r->scenarios == 3 && r->logs == 3);
		free(r);
	}
	remove_tree(p.dir);
}

/* Invariant: a worker that crashes is an ERROR that names the signal, never a pass, and its scenario is in the results.
 */
Test(campaign, crash_is_an_error)
{
	struct place p;
	char out[192];
	make_place(&p);
	out_dir(&p, "out", out);
	const char *arguments[] = {"run", "--scenarios", p.scenarios, "-o", out, "--jobs", "1", "long", NULL};
	pid_t pid = start(bp_verb_run, arguments);
	await_scenarios(out, 0);
	pid_t worker = child_of(pid);
	cr_assert(worker > 0 && kill(worker, SIGKILL) == 0);
	cr_expect_eq(status_of(pid), 3);
	struct read *r = read_results(out);
	cr_expect(r->scenarios == 1 && r->ends == 1);
	cr_expect(strstr(r->reason, "SIGKILL"), "%s", r->reason);
	free(r);
	remove_tree(p.dir);
}

/* Invariant: two campaigns never write into one folder. */
Test(campaign, one_at_a_time)
{
	struct place p;
	char out[192];
	make_place(&p);
	out_dir(&p, "out", out);
	const char *arguments[] = {"run", "--scenarios", p.scenarios, "-o", out, "long", NULL};
	pid_t pid = start(bp_verb_run, arguments);
	await_scenarios(out, 0);
	cr_expect_eq(run(&p, out, "cut", NULL, NULL, NULL), 3);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_expect_eq(status_of(pid), BP_EXIT_STOPPED);
	remove_tree(p.dir);
}

/* ---- coverage ---- */

static int coverage(const struct place *p, const char *catalogue, const char *results, const char *a, const char *b)
{
	const char *arguments[] = {
	    "coverage", "--strict", "--scenarios", p->scenarios, "--catalogue", catalogue, "--results", results,
	    a,          b,          NULL};
	return status_of(start(bp_verb_coverage, arguments));
}

/* Invariant: with --strict, what no case covers and no reason excuses is a MISS; so is a fault that did not land. */
Test(campaign, coverage_is_not_silent)
{
	struct place p;
	char out[192];
	char catalogue[256];
	char skips[256];
	make_place(&p);
	out_dir(&p, "out", out);
	(void)snprintf(catalogue, sizeof catalogue, "%s/catalogue.csv", p.dir);
	(void)snprintf(skips, sizeof skips, "%s/coverage-skips.csv", p.scenarios);
	cr_assert_eq(run(&p, out, "lies", NULL, NULL, NULL), 0);
	put(catalogue, "id,group,injected,expected\nFLP-01,\"FLP, all\",\"every bit, of header\",REJ-E\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 0, "each case names its entry");
	put(catalogue, "id,group,injected,expected\nFLP-01,FLP,x,y\nPWR-05,PWR,x,y\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 4, "silence");
	put(skips, "id,reason\nPWR-05,\"needs a supply, a real one\"\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 0, "a reason");
	put(skips, "id,reason\nPWR-99,why\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 2, "an entry that is none");
	put(skips, "id,reason\nPWR-05,\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 2, "a reason that is none");
	put(skips, "id,reason\n");
	/* Skipped cases cover nothing, but they say why. */
	put(catalogue, "id,group,injected,expected\nRCE-04,RCE,x,y\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 0, "a skipped case");
	cr_expect_eq(coverage(&p, catalogue, out, "--reasons", NULL), 4, "most reasons are not produced here");
	cr_assert_eq(run(&p, out, "misses", NULL, NULL, NULL), 4);
	put(catalogue, "id,group,injected,expected\nSTO-01,STO,x,y\n");
	cr_expect_eq(coverage(&p, catalogue, out, NULL, NULL), 4, "it did not land");
	cr_expect_eq(coverage(&p, "/nowhere.csv", out, NULL, NULL), 2);
	remove_tree(p.dir);
}
