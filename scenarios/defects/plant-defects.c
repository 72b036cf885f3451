/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The negative controls: builds the house once for each planted defect of scenarios/defects/mutants.csv, runs the same
 * campaign on each, and random kills for as long, for comparison. A row of a rig without such a campaign runs its one
 * scenario. A defect that survives is one that the harness does not find: exit 1. The clean core must pass the same.
 * Runs from the root of the repository; build/release/yankproof must be there.
 */
#include "defects/plant-defects.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The next row that may start: two of one mutant share a build folder, so not while another of its rows runs. */
static struct mutant *next_row(struct mutant *mutants, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		bool busy = mutants[i].started;
		for (unsigned k = 0; k < count && !busy; k++)
			busy = mutants[k].pid > 0 && strcmp(mutants[k].name, mutants[i].name) == 0;
		if (!busy)
			return &mutants[i];
	}
	return NULL;
}

static void run_mutants(struct mutant *mutants, unsigned count, const struct mutant_options *o)
{
	unsigned alive = 0;
	struct mutant *m;
	while ((m = next_row(mutants, count)) || alive) {
		while (m && alive < o->jobs) {
			m->started = true;
			(void)fflush(NULL);
			m->pid = fork();
			if (m->pid == 0)
				_exit(mutant_run(m, o));
			alive += m->pid > 0;
			m = next_row(mutants, count);
		}
		int status = 0;
		pid_t pid = wait(&status);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return;
		alive--;
		for (unsigned i = 0; i < count; i++) {
			if (mutants[i].pid != pid)
				continue;
			mutants[i].pid = 0;
			mutant_learn(&mutants[i], WIFEXITED(status) && WEXITSTATUS(status) == 0);
			(void)fprintf(stderr, "%s: %s\n", mutants[i].name,
				      !mutants[i].built   ? "ERROR"
				      : mutants[i].killed ? "killed"
							  : "SURVIVED");
		}
	}
}

static int report_mutants(const struct mutant *mutants, unsigned count, int clean, const char *rig)
{
	char text[64];
	char rows[64];
	(void)snprintf(text, sizeof text, MUTANTS_OUT "/matrix%s%.16s.txt", rig ? "-" : "", rig ? rig : "");
	(void)snprintf(rows, sizeof rows, MUTANTS_OUT "/matrix%s%.16s.jsonl", rig ? "-" : "", rig ? rig : "");
	FILE *f = fopen(text, "w");
	int status = clean == 0 ? 0 : 1;
	mutants_print(stdout, mutants, count, clean);
	if (f)
		mutants_print(f, mutants, count, clean);
	if (!f || fclose(f) || mutants_write(rows, mutants, count)) {
		(void)fprintf(stderr, "mutants: cannot write %s: %s\n", MUTANTS_OUT, strerror(errno));
		status = 3;
	}
	for (unsigned i = 0; i < count; i++) {
		if (!mutants[i].built)
			status = 3;
		else if ((!mutants[i].killed || !mutants[i].as_expected) && status == 0)
			status = 1;
	}
	return status;
}

/* The clean core must pass the campaign, and what the rows of other rigs run. 0, or not so. */
static int run_clean(const struct mutant *mutants, unsigned count, const struct mutant_options *o)
{
	static const char program[] = "build/release/yankproof";
	bool whole = !o->rig;
	int clean = 0;
	for (unsigned i = 0; i < count; i++)
		whole = whole || mutant_has_campaign(&mutants[i]);
	if (whole)
		clean = mutant_campaign(program, MUTANTS_OUT "/clean", o->tag, NULL, "2", NULL);
	for (unsigned i = 0; i < count; i++) {
		const struct mutant *m = &mutants[i];
		bool known = mutant_has_campaign(m);
		char dir[256];
		for (unsigned k = 0; k < i && !known; k++)
			known = !mutant_has_campaign(&mutants[k]) && strcmp(mutants[k].expected, m->expected) == 0;
		(void)snprintf(dir, sizeof dir, "%s/clean-%s", MUTANTS_OUT, m->expected);
		if (!known && mutant_campaign(program, dir, NULL, m->expected, "2", m->rig))
			clean = 1;
	}
	return clean;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"only", required_argument, NULL, 'o'}, {"tag", required_argument, NULL, 't'},
	    {"rig", required_argument, NULL, 'r'},  {"jobs", required_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},       {0}};
	struct mutant_options o = {.tag = "mutants", .jobs = 2};
	uint64_t jobs = 0;
	int option;
	while ((option = getopt_long(argc, argv, "j:h", long_options, NULL)) != -1) {
		if (option == 'o') {
			o.only = optarg;
		} else if (option == 'r') {
			o.rig = optarg;
		} else if (option == 't') {
			o.tag = optarg;
		} else if (option == 'j' && yp_parse_u64(optarg, 1, YP_JOBS_MAX, &jobs) == 0) {
			o.jobs = (unsigned)jobs;
		} else {
			(void)fputs("Usage: yankproof-mutants [--only NAME,...] [--rig R] [--tag T] [--jobs N]\n"
				    "Exit status: 0 all killed and the clean core passes, 1 not so, 3 ERROR.\n",
				    option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : YP_EXIT_USAGE;
		}
	}
	struct mutant *mutants = calloc(MUTANTS_MAX, sizeof *mutants);
	if (!mutants)
		return YP_EXIT_ERROR;
	unsigned count = mutants_read("scenarios/defects/mutants.csv", &o, mutants);
	if (!count) {
		(void)fprintf(stderr, "mutants: none is selected from scenarios/defects/mutants.csv\n");
		free(mutants);
		return YP_EXIT_USAGE;
	}
	(void)mkdir("build", 0755);
	(void)mkdir(MUTANTS_OUT, 0755);
	int clean = run_clean(mutants, count, &o);
	run_mutants(mutants, count, &o);
	int status = report_mutants(mutants, count, clean, o.rig);
	free(mutants);
	return status;
}
