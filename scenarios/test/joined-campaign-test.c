/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns in parts: shards, campaigns that were stopped and go on, results that are there already. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rigs/qemu/qemu.h"
#include "test/campaign-place.h"

/* Invariant: the digest depends on scenarios and seed alone, not on the number of jobs or shards. */
Test(campaign, digest_is_the_same)
{
	struct place p;
	char whole[192];
	char again[192];
	char one[192];
	char two[192];
	char merged[192];
	char a[YP_DIGEST_TEXT];
	char b[YP_DIGEST_TEXT];
	place_make(&p);
	place_out_dir(&p, "whole", whole);
	place_out_dir(&p, "again", again);
	place_out_dir(&p, "one", one);
	place_out_dir(&p, "two", two);
	place_out_dir(&p, "merged", merged);
	const char *const all[] = {"cut", "kernel", "rollback", "stops"};
	const char *single[] = {"run", "--scenarios", p.scenarios, "-o",   again,  "--jobs",
				"1",   all[3],        all[0],      all[2], all[1], NULL};
	cr_assert_eq(place_run(&p, whole, all[0], all[1], all[2], all[3]), 0);
	cr_assert_eq(place_status_of(place_start(yp_verb_run, single)), 0);
	place_digest_of(whole, a);
	place_digest_of(again, b);
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
		cr_assert_eq(place_status_of(place_start(yp_verb_run, shard)), 0);
	}
	const char *half[] = {"merge", merged, one, NULL};
	cr_expect_eq(place_status_of(place_start(yp_verb_merge, half)), 2, "a shard is missing");
	const char *twice[] = {"merge", merged, one, one, NULL};
	cr_expect_eq(place_status_of(place_start(yp_verb_merge, twice)), 2, "one shard twice");
	const char *both[] = {"merge", merged, two, one, NULL};
	cr_assert_eq(place_status_of(place_start(yp_verb_merge, both)), 0);
	place_digest_of(merged, b);
	cr_expect_str_eq(a, b, "merged");
	struct place_results *w = place_read_results(whole);
	struct place_results *m = place_read_results(merged);
	cr_expect(w->cases == m->cases && w->counted == m->counted && m->scenarios == 4 && m->campaigns == 1);
	free(w);
	free(m);
	cr_assert_eq(place_run(&p, again, "cut", "--seed", "2", NULL), 0);
	place_digest_of(again, b);
	cr_expect_str_neq(a, b);
	place_remove_tree(p.dir);
}

static int merge(const char *out, const char *a, const char *b)
{
	const char *arguments[] = {"merge", out, a, b, NULL};
	return place_status_of(place_start(yp_verb_merge, arguments));
}

static int shard(const struct place *p, const char *out, const char *part, const char *name)
{
	const char *arguments[] = {"run", "--scenarios", p->scenarios, "-o", out, "--shard", part, "stops", name, NULL};
	return place_status_of(place_start(yp_verb_run, arguments));
}

/* Invariant: shards of two selections are not one campaign, nor are those of two versions of one scenario; what cannot
 * be merged leaves nothing behind, and a full disk is an ERROR. */
Test(campaign, unlike_shards_are_refused)
{
	struct place p;
	char one[192];
	char two[192];
	char other[192];
	char merged[192];
	char path[256];
	place_make(&p);
	place_out_dir(&p, "one", one);
	place_out_dir(&p, "two", two);
	place_out_dir(&p, "other", other);
	place_out_dir(&p, "merged", merged);
	(void)snprintf(path, sizeof path, "%s/results.jsonl", merged);
	cr_assert_eq(shard(&p, one, "1/2", "cut"), 0);
	cr_assert_eq(shard(&p, two, "2/2", "cut"), 0);
	cr_assert_eq(shard(&p, other, "2/2", "rollback"), 0);
	cr_expect_eq(merge(merged, one, other), 2, "another selection");
	cr_assert_eq(mkdir(merged, 0755), 0);
	place_put(path, "");
	cr_expect_eq(merge(merged, one, two), 2, "it is there");
	cr_assert_eq(unlink(path), 0);
	struct rlimit limit;
	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	const struct rlimit small = {2000, limit.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	cr_expect_eq(merge(merged, one, two), 3, "no room");
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_expect_neq(access(path, F_OK), 0, "half a file was left");
	cr_expect_eq(merge(merged, one, two), 0);
	(void)snprintf(path, sizeof path, "%s/g/cut.yaml", p.scenarios);
	place_put(path, "name: cut\ntitle: another\ngroup: g\nrig: sim\nexpect: {version: new}\n");
	cr_assert_eq(shard(&p, other, "2/2", "cut"), 0);
	place_out_dir(&p, "again", merged);
	cr_expect_eq(merge(merged, one, other), 2, "another version of a scenario");
	place_remove_tree(p.dir);
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
		char detail[YP_DETAIL_MAX];
		struct place_results *r = calloc(1, sizeof *r);
		(void)snprintf(path, sizeof path, "%s/results.jsonl", dir);
		cr_assert(r);
		bool there = yp_results_read(path, place_count_line, r, detail, sizeof detail) == 0 &&
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
	char a[YP_DIGEST_TEXT];
	char b[YP_DIGEST_TEXT];
	place_make(&p);
	place_out_dir(&p, "whole", whole);
	cr_assert_eq(place_run(&p, whole, "cut", "long", "stops", NULL), 0);
	place_digest_of(whole, a);
	static const int signals[] = {SIGKILL, SIGINT};
	for (size_t i = 0; i < 2; i++) {
		place_out_dir(&p, i ? "stopped" : "killed", out);
		const char *arguments[] = {"run", "--scenarios", p.scenarios, "-o",    out, "--jobs",
					   "1",   "cut",         "long",      "stops", NULL};
		pid_t pid = place_start(yp_verb_run, arguments);
		await_scenarios(out, 1);
		cr_assert_eq(kill(pid, signals[i]), 0);
		cr_expect_eq(place_status_of(pid), signals[i] == SIGKILL ? -SIGKILL : YP_EXIT_STOPPED);
		/* A killed campaign's worker follows it at once; its last line may be half written. */
		wait_ms(50);
		cr_expect_eq(place_run(&p, out, "cut", "long", "--resume", "--seed=3"), 2, "another seed");
		cr_assert_eq(place_run(&p, out, "cut", "long", "stops", "--resume"), 0);
		place_digest_of(out, b);
		cr_expect_str_eq(a, b);
		struct place_results *r = place_read_results(out);
		cr_expect(r->campaigns == 1 && r->scenarios == 3 && r->logs == 3);
		free(r);
	}
	place_remove_tree(p.dir);
}

/* Invariant: existing results are resumed or kept: none of another selection are dropped or overwritten. */
Test(campaign, nothing_is_lost)
{
	struct place p;
	char out[192];
	char former[1024];
	char a[YP_DIGEST_TEXT];
	char b[YP_DIGEST_TEXT];
	place_make(&p);
	place_out_dir(&p, "out", out);
	cr_expect_eq(place_run(&p, out, "cut", "--resume", NULL, NULL), 2, "nothing to go on with");
	cr_assert_eq(place_run(&p, out, "cut", NULL, NULL, NULL), 0);
	place_digest_of(out, a);
	cr_expect_eq(place_run(&p, out, "stops", "--resume", NULL, NULL), 2, "other scenarios");
	cr_expect_eq(place_run(&p, out, "cut", "--resume", NULL, NULL), 0);
	(void)snprintf(former, sizeof former,
		       "sed -i '1s/\"program\":\"[0-9a-f]\\{32\\}\"/\"program\":\"0\"/w %s/log' %s/results.jsonl && "
		       "grep -q . %s/log",
		       out, out, out);
	cr_assert_eq(system(former), 0, "the program is not in the head");
	cr_expect_eq(place_run(&p, out, "cut", "--resume", NULL, NULL), 0, "another build goes on, and is told");
	cr_expect_eq(place_run(&p, out, "cut", "stops", "--resume", NULL), 2, "more scenarios");
	cr_expect_eq(place_run(&p, out, "cut", "--resume", "--board=elsewhere", NULL), 2, "another board");
	cr_expect_eq(place_run(&p, out, "cut", "--board=", NULL, NULL), 2, "no board");
	place_digest_of(out, b);
	cr_expect_str_eq(a, b);
	cr_assert_eq(place_run(&p, out, "stops", NULL, NULL, NULL), 0);
	(void)snprintf(former, sizeof former, "mv %s/results.jsonl.old %s/results.jsonl", out, out);
	cr_assert_eq(system(former), 0);
	place_digest_of(out, b);
	cr_expect_str_eq(a, b, "the former results");
	place_remove_tree(p.dir);
}

static int count_lines(void *ctx, const char *text, size_t bytes, json_t *line)
{
	unsigned *count = ctx;
	(void)text;
	(void)bytes;
	(void)line;
	++*count;
	return 0;
}

/* Invariant: a line is there whole or not at all: one that found no room is taken back, one that its writer left half
 * written goes before the next. */
Test(campaign, lines_are_whole)
{
	char path[] = "/tmp/yankproof-lines-XXXXXX";
	char detail[YP_DETAIL_MAX] = "";
	char long_text[3000];
	unsigned count = 0;
	struct stat st;
	const struct rlimit small = {2000, 2000};
	int fd = mkstemp(path);
	cr_assert(fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0);
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = 0;
	cr_assert_eq(yp_results_line(fd, json_pack("{s:i}", "line", 1)), 0);
	cr_assert_eq(write(fd, "{\"killed\":", 10), 10);
	cr_assert_eq(yp_results_line(fd, json_pack("{s:i}", "line", 2)), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	cr_assert_eq(yp_results_line(fd, json_pack("{s:s}", "line", long_text)), -EFBIG);
	cr_assert_eq(yp_results_line(fd, json_pack("{s:i}", "line", 3)), 0);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_size, 3 * (off_t)strlen("{\"line\":1}\n"));
	cr_assert_eq(yp_results_read(path, count_lines, &count, detail, sizeof detail), 0, "%s", detail);
	cr_expect_eq(count, 3);
	cr_assert_eq(unlink(path), 0);
}

/* Invariant: a worker that crashes is an ERROR that names the signal, never a pass, and its scenario is in the results.
 */
Test(campaign, crash_is_an_error)
{
	struct place p;
	char out[192];
	place_make(&p);
	place_out_dir(&p, "out", out);
	const char *arguments[] = {"run", "--scenarios", p.scenarios, "-o", out, "--jobs", "1", "long", NULL};
	pid_t pid = place_start(yp_verb_run, arguments);
	await_scenarios(out, 0);
	pid_t worker = child_of(pid);
	cr_assert(worker > 0 && kill(worker, SIGKILL) == 0);
	cr_expect_eq(place_status_of(pid), 3);
	struct place_results *r = place_read_results(out);
	cr_expect(r->scenarios == 1 && r->ends == 1);
	cr_expect(strstr(r->reason, "SIGKILL"), "%s", r->reason);
	free(r);
	place_remove_tree(p.dir);
}

/* Invariant: two campaigns never write into one folder. */
Test(campaign, one_at_a_time)
{
	struct place p;
	char out[192];
	place_make(&p);
	place_out_dir(&p, "out", out);
	const char *arguments[] = {"run", "--scenarios", p.scenarios, "-o", out, "long", NULL};
	pid_t pid = place_start(yp_verb_run, arguments);
	await_scenarios(out, 0);
	cr_expect_eq(place_run(&p, out, "cut", NULL, NULL, NULL), 3);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_expect_eq(place_status_of(pid), YP_EXIT_STOPPED);
	place_remove_tree(p.dir);
}

/* Invariant: a case of the emulated board is replayed on the images that its recording was made of, not on those that
 * are there by default. */
Test(campaign, recordings_name_their_images)
{
	struct place p;
	struct yp_scenario scenario = {.name = "story", .rig = &yp_rig_qemu.terms, .subject = yp_subject_find(NULL)};
	struct yp_qemu board;
	char detail[YP_DETAIL_MAX] = "";
	char path[256];
	place_make(&p);
	(void)snprintf(path, sizeof path, "mkdir -p %s/out/qemu/story", p.dir);
	cr_assert_eq(system(path), 0);
	(void)snprintf(path, sizeof path, "%s/out/qemu/story/story.base", p.dir);
	place_put(path, "00112233445566778899aabbccddeeff\n/nonexistent/board\n");
	(void)snprintf(path, sizeof path, "%s/out", p.dir);
	cr_expect_eq(yp_qemu_open(&board, &scenario, NULL, 1, path, YP_QEMU_REPLAY, detail, sizeof detail), -ENOENT);
	cr_expect_str_eq(board.images, "/nonexistent/board");
	cr_expect_neq(*detail, 0);
	yp_qemu_close(&board);
	place_remove_tree(p.dir);
}
