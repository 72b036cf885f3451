/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of small scenarios, and the command run on them, for tests of campaigns. */
#include "test/campaign-place.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

void place_put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static const char *rig_of(const char *name)
{
	return strcmp(name, "skipped") == 0 ? "board"
	       : strcmp(name, "net") == 0   ? "network"
	       : strstr(name, "lie")        ? "images"
					    : "sim";
}

void place_make(struct place *p)
{
	char path[256];
	(void)snprintf(p->dir, sizeof p->dir, "/tmp/yankproof-test-XXXXXX");
	cr_assert(mkdtemp(p->dir));
	(void)snprintf(p->scenarios, sizeof p->scenarios, "%s/scenarios", p->dir);
	(void)snprintf(path, sizeof path, "%s/g", p->scenarios);
	cr_assert(mkdir(p->scenarios, 0755) == 0 && mkdir(path, 0755) == 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char text[512];
		(void)snprintf(path, sizeof path, "%s/g/%s.yaml", p->scenarios, files[i].name);
		(void)snprintf(text, sizeof text, "name: %s\ntitle: t\ngroup: g\nrig: %s\n%s", files[i].name,
			       rig_of(files[i].name), files[i].rest);
		place_put(path, text);
	}
}

void place_remove_tree(const char *dir)
{
	char command[256];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
}

/* The command's own entry, in a process of its own: NULL-terminated arguments; quiet. */
pid_t place_start(int (*verb)(int, char **), const char *const *arguments)
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

int place_status_of(pid_t pid)
{
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int place_run(const struct place *p, const char *out, const char *a, const char *b, const char *c, const char *d)
{
	const char *arguments[] = {"run", "--scenarios", p->scenarios, "-o", out, "--jobs", "2", a, b, c, d, NULL};
	return place_status_of(place_start(yp_verb_run, arguments));
}

int place_count_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct place_results *r = ctx;
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
		    yp_verdict_find(json_string_value(json_object_get(line, "verdict")), &r->verdicts[r->cases]), 0);
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

struct place_results *place_read_results(const char *dir)
{
	char path[256];
	char detail[YP_DETAIL_MAX] = "";
	struct place_results *r = calloc(1, sizeof *r);
	(void)snprintf(path, sizeof path, "%s/results.jsonl", dir);
	cr_assert(r && yp_results_read(path, place_count_line, r, detail, sizeof detail) == 0, "%s", detail);
	return r;
}

void place_digest_of(const char *dir, char out[YP_DIGEST_TEXT])
{
	struct place_results *r = place_read_results(dir);
	cr_assert_eq(r->ends, 1, "%s did not end once", dir);
	(void)snprintf(out, YP_DIGEST_TEXT, "%s", r->digest);
	free(r);
}

void place_out_dir(const struct place *p, const char *name, char out[192])
{
	(void)snprintf(out, 192, "%s/%s", p->dir, name);
}
