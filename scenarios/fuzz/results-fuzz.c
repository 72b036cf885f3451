/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a results.jsonl: read, counted by step, merged, resumed. Each ends with a documented status; after a
 * resume the file can be read.
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/verbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/yankproof-fuzz-XXXXXX";

static void remove_folder(void)
{
	static const char *const names[] = {"/results.jsonl", "/out/results.jsonl", "/out", ""};
	char path[128];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)snprintf(path, sizeof path, "%s%s", dir, names[i]);
		(void)remove(path);
	}
}

static FILE *quiet;

static void make_folder(void)
{
	if (quiet)
		return;
	quiet = fopen("/dev/null", "w");
	if (!quiet)
		abort();
	if (!mkdtemp(dir) || atexit(remove_folder))
		abort();
}

static void put_file(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "w");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
}

static int ignore_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	(void)ctx;
	(void)text;
	(void)bytes;
	(void)line;
	return 0;
}

static void run_verb(int (*run)(int, char **), const char *a, const char *b)
{
	char name[] = "verb";
	char first[128];
	char second[128];
	char *argv[] = {name, first, second, NULL};
	(void)snprintf(first, sizeof first, "%s", a);
	(void)snprintf(second, sizeof second, "%s", b);
	optind = 0;
	FILE *out = stdout;
	FILE *err = stderr;
	stdout = stderr = quiet;
	int status = run(*b ? 3 : 2, argv);
	stdout = out;
	stderr = err;
	if (status < 0 || status > YP_EXIT_STOPPED)
		abort();
}

/* One scenario that has ended, maybe, and goes on. */
static void resume_campaign(const char *path)
{
	struct yp_scenario scenario = {
	    .name = "update-cut", .rig = &yp_rig_sim.terms, .subject = yp_subject_find(NULL)};
	const struct yp_scenario *list[] = {&scenario};
	struct yp_campaign campaign = {
	    .scenarios = list, .count = 1, .dir = dir, .head = {.seed = 1, .shard = 1, .shards = 1}};
	struct yp_result result;
	bool finished = false;
	char detail[YP_DETAIL_MAX] = "";
	if (yp_campaign_resume(&campaign, &result, &finished, detail, sizeof detail) == 0 &&
	    yp_results_read(path, ignore_line, NULL, detail, sizeof detail))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[128];
	char out[128];
	char merged[160];
	make_folder();
	(void)snprintf(path, sizeof path, "%s/%s", dir, YP_RESULTS_FILE);
	(void)snprintf(out, sizeof out, "%s/out", dir);
	(void)snprintf(merged, sizeof merged, "%s/%s", out, YP_RESULTS_FILE);
	put_file(path, data, size);
	run_verb(yp_verb_cuts, dir, "");
	run_verb(yp_verb_merge, out, dir);
	(void)unlink(merged);
	resume_campaign(path);
	return 0;
}
