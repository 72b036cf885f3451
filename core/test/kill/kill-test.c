/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kills the ota command at random points of an install over HTTPS, then lets it recover as a device would at its next
 * start.
 *
 * The invariant: wherever SIGKILL falls, what is left can be started safely (see kill-oracle.h); `ota resume`, or `ota
 * install` anew where nothing had been journaled, ends in the new version armed, verified from outside byte for byte;
 * and of the payload no byte is sent again that belongs to a chunk which was checkpointed.
 *
 * The fault: the death of the process, no power cut: what it wrote stays in the kernel. Of four cases, two are killed
 * at a moment drawn from the time that an undisturbed install takes, one at the entry of a system call that changes
 * what files hold, drawn from all those of one install, and one at such a call of the first and the last ones, each
 * in its turn: most calls write chunks, and it is around them that journal, boot state and slot descriptor are stored.
 * A seed repeats the draws, not the threads' race to them.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/kill/kill-lab.h"
#include "test/kill/kill-oracle.h"
#include "test/kill/kill-process.h"
#include "test/kill/kill-server.h"

#define EXIT_SKIPPED       77
#define COUNT_DEFAULT      12
#define COUNT_MAX          100000
#define RATE               "60m" /* the install takes about half a second */
#define INSTALL_TIMEOUT_MS 60000
#define EDGE_CALLS         24u /* at either end of an install */
#define EDGE_STRIDE        29u /* has no factor in common with 2 * EDGE_CALLS */
#define DRAWS_MAX          20  /* an install may be faster than the one it was drawn from */

struct options {
	unsigned count;
	uint64_t seed;
	unsigned only; /* case; 0: all */
	bool keep;
};

/* One undisturbed install. */
struct reference {
	uint64_t duration_us;
	uint64_t sent_bytes;
	unsigned points; /* system calls to kill at; 0: tracing is not possible here */
};

struct campaign {
	struct lab lab;
	struct options options;
	struct reference reference;
	unsigned verified;
	unsigned at_calls;
	unsigned standing[PHASE_COUNT]; /* where kills found it */
	uint64_t again_bytes;
	uint64_t *overfetch_bytes; /* of each case that was verified */
	char point[64];            /* of the current case, for a person */
};

/* `ota VERB [OPERAND]`, to its end. */
static int run_ota(struct lab *lab, const char *verb, const char *operand)
{
	char option[LAB_PATH_MAX + 16];
	const char *argv[] = {lab->ota, option, verb, operand, NULL};
	int status;

	(void)snprintf(option, sizeof(option), "--config=%s", lab->config);
	status = process_run(argv, lab->dir, lab->log, INSTALL_TIMEOUT_MS);
	return status == 0 ? 0 : lab_fail(lab, "ota %s: exit status %d; see %s", verb, status, lab->log);
}

static int start_install(struct lab *lab, unsigned flags, struct process *process)
{
	char option[LAB_PATH_MAX + 16];
	const char *argv[] = {lab->ota, option, "install", lab->url, NULL};
	int result;

	(void)snprintf(option, sizeof(option), "--config=%s", lab->config);
	result = process_start(argv, lab->dir, lab->log, flags, process);
	return result == 0 ? 0 : lab_fail(lab, "%s: %s", lab->ota, strerror(-result));
}

static int measure_time(struct lab *lab, struct reference *out)
{
	struct traffic traffic;
	uint64_t begin_us;

	if (lab_reset(lab) != 0 || server_traffic(lab, 0, &traffic) != 0)
		return -1;
	begin_us = process_now_us();
	if (run_ota(lab, "install", lab->url) != 0)
		return -1;
	out->duration_us = process_now_us() - begin_us;
	if (server_traffic(lab, 0, &traffic) != 0 || oracle_recovered(lab) != 0)
		return -1;
	out->sent_bytes = traffic.sent_bytes;
	return traffic.sent_bytes == lab->chunk_offset[lab->chunks]
		   ? 0
		   : lab_fail(lab, "undisturbed, %" PRIu64 " bytes were sent of a bundle of %" PRIu64,
			      traffic.sent_bytes, lab->chunk_offset[lab->chunks]);
}

/* Where tracing is not allowed, all kills go by time. */
static int measure_points(struct lab *lab, struct reference *out)
{
	struct process process;
	struct traffic traffic;
	struct trace trace;
	int status;

	if (lab_reset(lab) != 0 || start_install(lab, PROCESS_TRACED, &process) != 0)
		return -1;
	status = trace_run(&process, 0, INSTALL_TIMEOUT_MS, &trace);
	if (server_traffic(lab, 0, &traffic) != 0)
		return -1;
	if (status == -EPERM) {
		out->points = 0;
		return 0;
	}
	if (status != 0)
		return lab_fail(lab, "ota install, traced: status %d; see %s", status, lab->log);
	out->points = trace.points;
	return oracle_recovered(lab);
}

/* Of the edges every call is drawn once before any is drawn twice; the seed says where that begins. */
static unsigned draw_call(const struct campaign *campaign, unsigned number, uint64_t *random)
{
	unsigned points = campaign->reference.points;
	uint64_t edge;

	if (number % 4 != 0 || points <= 2 * EDGE_CALLS)
		return 1 + (unsigned)(lab_random(random) % points);
	edge = (campaign->options.seed % (2 * EDGE_CALLS) + (number / 4) * EDGE_STRIDE) % (2 * EDGE_CALLS);
	return edge < EDGE_CALLS ? 1 + (unsigned)edge : points - (unsigned)(edge - EDGE_CALLS);
}

/* Draws points until one falls before the end of its install. */
static int kill_somewhere(struct campaign *campaign, unsigned number, uint64_t *random, bool by_call)
{
	struct lab *lab = &campaign->lab;

	for (unsigned i = 0; i < DRAWS_MAX; i++) {
		struct process process;
		struct traffic traffic;
		struct trace trace;
		int status;

		/* What the draw before left is no part of this one. */
		if (lab_reset(lab) != 0 || server_traffic(lab, 0, &traffic) != 0 ||
		    start_install(lab, by_call ? PROCESS_TRACED : 0, &process) != 0)
			return -1;
		if (by_call) {
			unsigned point = draw_call(campaign, number, random);

			status = trace_run(&process, point, INSTALL_TIMEOUT_MS, &trace);
			(void)snprintf(campaign->point, sizeof(campaign->point), "at call %u, %s", point, trace.call);
		} else {
			uint64_t delay_us = lab_random(random) % campaign->reference.duration_us;

			status = process_kill_after(&process, delay_us);
			(void)snprintf(campaign->point, sizeof(campaign->point), "after %.1f ms",
				       (double)delay_us / 1000);
		}
		if (status == 128 + SIGKILL)
			return 0;
		if (status != 0)
			return lab_fail(lab, "ota install: status %d before it was killed", status);
	}
	return lab_fail(lab, "%d installs ended before they could be killed", DRAWS_MAX);
}

static int recover_run(struct campaign *campaign, const struct standing *standing)
{
	struct lab *lab = &campaign->lab;

	if (run_ota(lab, "resume", NULL) != 0)
		return -1;
	/* Nothing was known of the install: as at the next poll. */
	if (standing->phase == PHASE_IDLE && run_ota(lab, "install", lab->url) != 0)
		return -1;
	return oracle_recovered(lab);
}

static int run_case(struct campaign *campaign, unsigned number)
{
	struct lab *lab = &campaign->lab;
	uint64_t random = campaign->options.seed * COUNT_MAX + number;
	bool by_call = number % 2 == 0 && campaign->reference.points > 0;
	struct traffic before, after;
	struct standing standing;
	uint64_t sent_bytes;

	if (kill_somewhere(campaign, number, &random, by_call) != 0 || server_traffic(lab, 0, &before) != 0 ||
	    oracle_killed(lab, &standing) != 0 || recover_run(campaign, &standing) != 0 ||
	    server_traffic(lab, oracle_durable_end(lab, &standing), &after) != 0)
		return -1;
	campaign->again_bytes += after.again_bytes;
	if (after.again_bytes > 0)
		return lab_fail(lab, "%" PRIu64 " bytes below checkpointed chunk %u were fetched again",
				after.again_bytes, standing.chunks_done);
	campaign->standing[standing.phase]++;
	campaign->at_calls += by_call;
	/* The head is read by every run, and small. */
	sent_bytes = before.sent_bytes + after.sent_bytes;
	campaign->overfetch_bytes[campaign->verified++] =
	    sent_bytes > campaign->reference.sent_bytes ? sent_bytes - campaign->reference.sent_bytes : 0;
	return 0;
}

static bool was_interrupted(void)
{
	static const struct timespec now = {0};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	return sigtimedwait(&signals, NULL, &now) > 0;
}

static int run_cases(struct campaign *campaign)
{
	const struct options *options = &campaign->options;
	bool terminal = isatty(STDERR_FILENO) == 1;

	for (unsigned number = 1; number <= options->count; number++) {
		if (options->only != 0 && number != options->only)
			continue;
		if (terminal)
			(void)fprintf(stderr, "\rkill: %u of %u ", number, options->count);
		if (was_interrupted())
			return lab_fail(&campaign->lab, "interrupted");
		if (run_case(campaign, number) != 0) {
			(void)fprintf(stderr, "%skill: case %u (seed %" PRIu64 "), killed %s: %s\n",
				      terminal ? "\n" : "", number, options->seed, campaign->point, campaign->lab.why);
			return -1;
		}
	}
	if (terminal)
		(void)fprintf(stderr, "\r                              \r");
	return oracle_running_slot(&campaign->lab);
}

static int compare_bytes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print_summary(struct campaign *campaign, uint64_t begin_us)
{
	unsigned n = campaign->verified;
	const struct reference *reference = &campaign->reference;
	uint64_t *over = campaign->overfetch_bytes;

	qsort(over, n, sizeof(*over), compare_bytes);
	(void)printf("kill: one install: %.0f ms, %" PRIu64 " KiB sent, %u calls to kill at%s\n",
		     (double)reference->duration_us / 1000, reference->sent_bytes / 1024, reference->points,
		     reference->points == 0 ? " (tracing is not allowed here: all kills by time)" : "");
	(void)printf("kill: %u by time, %u at a call; found idle %u, installing %u, written %u, armed %u\n",
		     n - campaign->at_calls, campaign->at_calls, campaign->standing[PHASE_IDLE],
		     campaign->standing[PHASE_INSTALLING], campaign->standing[PHASE_WRITTEN],
		     campaign->standing[PHASE_ARMED]);
	(void)printf("kill: %u kills (seed %" PRIu64 "): %u verified, %" PRIu64
		     " checkpointed bytes fetched twice; overfetch median %" PRIu64 " KiB, max %" PRIu64
		     " KiB; %.0f s\n",
		     n, campaign->options.seed, n, campaign->again_bytes, n > 0 ? over[n / 2] / 1024 : 0,
		     n > 0 ? over[n - 1] / 1024 : 0, (double)(process_now_us() - begin_us) / 1e6);
}

static const char *missing_tool(void)
{
	static const char *const tools[] = {"nginx", "openssl", "mkenvimage", "fw_printenv"};

	for (unsigned i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		char command[128];
		const char *argv[] = {"sh", "-c", command, NULL};

		(void)snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin command -v %s", tools[i]);
		if (process_run(argv, "/", "/dev/null", INSTALL_TIMEOUT_MS) != 0)
			return tools[i];
	}
	return NULL;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end = NULL;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out <= max;
}

static void print_help(FILE *out)
{
	(void)fprintf(out,
		      "Usage: kill [--count=N] [--seed=N] [--case=N] [--keep]\n"
		      "Kills ota at random points of an install over HTTPS; checks what it recovers to.\n\n"
		      "  --count=N  kills; default %d\n"
		      "  --seed=N   of the points; default 1\n"
		      "  --case=N   this one alone\n"
		      "  --keep     keep the directory also when all is well\n\n"
		      "Exit status: 0 all verified, 1 not, 77 a tool is missing\n",
		      COUNT_DEFAULT);
}

/* 0, or the exit status + 1. */
static int parse_options(int argc, char **argv, struct options *out)
{
	static const struct option known[] = {
	    {"count", required_argument, NULL, 'c'}, {"seed", required_argument, NULL, 's'},
	    {"case", required_argument, NULL, 'o'},  {"keep", no_argument, NULL, 'k'},
	    {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
	uint64_t number = 0;
	int option;

	*out = (struct options){.count = COUNT_DEFAULT, .seed = 1};
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		bool good = true;

		if (option == 'h') {
			print_help(stdout);
			return 1;
		}
		if (option == 'k')
			out->keep = true;
		else
			good = optarg != NULL && parse_number(optarg, option == 's' ? UINT64_MAX : COUNT_MAX, &number);
		if (option == 'c')
			out->count = (unsigned)number;
		else if (option == 's')
			out->seed = number;
		else if (option == 'o')
			out->only = (unsigned)number;
		if (!good || (option == 'c' && number == 0)) {
			print_help(stderr);
			return 2;
		}
	}
	if (out->only > out->count)
		out->count = out->only;
	return 0;
}

static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
}

int main(int argc, char **argv)
{
	uint64_t begin_us = process_now_us();
	struct campaign campaign = {0};
	struct lab *lab = &campaign.lab;
	const char *tool;
	int result = parse_options(argc, argv, &campaign.options);

	if (result != 0)
		return result - 1;
	block_signals();
	tool = missing_tool();
	if (tool != NULL) {
		(void)printf("kill: skipped: %s is not installed\n", tool);
		return EXIT_SKIPPED;
	}
	campaign.overfetch_bytes = calloc(campaign.options.count, sizeof(*campaign.overfetch_bytes));
	result = campaign.overfetch_bytes == NULL ? -1 : lab_init(lab, campaign.options.seed);
	if (result == 0)
		result = server_start(lab, RATE);
	if (result == 0 &&
	    (measure_time(lab, &campaign.reference) != 0 || measure_points(lab, &campaign.reference) != 0))
		result = -1;
	if (result == 0)
		result = run_cases(&campaign);
	if (result == 0)
		print_summary(&campaign, begin_us);
	else
		(void)fprintf(stderr, "kill: FAIL after %u kills: %s; kept: %s\n", campaign.verified, lab->why,
			      lab->dir);
	server_stop(lab);
	lab_deinit(lab, result != 0 || campaign.options.keep);
	if (result == 0 && campaign.options.keep)
		(void)printf("kill: kept %s\n", lab->dir);
	free(campaign.overfetch_bytes);
	return result == 0 ? 0 : 1;
}
