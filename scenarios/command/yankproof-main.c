/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/verbs.h"
#include "command/version.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} verbs[] = {
    {"run", yp_verb_run, "run scenarios"},
    {"replay", yp_verb_replay, "run one case again and print its story"},
    {"explain", yp_verb_explain, "shrink a failing case and say it in one sentence"},
    {"list", yp_verb_list, "show the scenarios"},
    {"lint", yp_verb_lint, "check a write log without any crash state"},
    {"log", yp_verb_log, "record a scenario's story and print or export its write log"},
    {"report", yp_verb_report, "make the HTML report and the JUnit XML"},
    {"merge", yp_verb_merge, "join the results of shards"},
    {"coverage", yp_verb_coverage, "which entries of a catalogue of faults are covered"},
    {"cuts", yp_verb_cuts, "what the power cuts of a real board came to, by step"},
    {"baseline", yp_verb_baseline, "random kill -9, for comparison"},
};

static void help(FILE *f)
{
	(void)fputs("Usage: yankproof VERB [options]\n\n"
		    "Proves, or refutes with a replayable case, that an over-the-air update cannot brick a device.\n\n",
		    f);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		(void)fprintf(f, "  %-10s %s\n", verbs[i].name, verbs[i].text);
	(void)fputs(
	    "\n'yankproof VERB --help' says more. Exit status: 0 PASS, 1 FAIL, 2 bad usage or bad input, 3 ERROR,\n"
	    "4 MISS, 5 stopped; the worst verdict decides.\n",
	    f);
}

/* What nobody could read was not said. */
static int end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "yankproof: the output could not be written: %s\n", strerror(errno));
	return status ? status : YP_EXIT_ERROR;
}

/* Started with a standard stream closed, the next file to be opened would take its place: results, and a summary in them. */
static int hold_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* The lowest that is free is this one. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (hold_streams())
		return YP_EXIT_ERROR;
	(void)signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would hide how workers end */
	if (argc < 2) {
		help(stderr);
		return YP_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		help(stdout);
		return end(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		const char *mutant = yp_mutant_name();
		(void)printf("yankproof %s%s%s\n", YP_VERSION, *mutant ? " with the planted defect " : "", mutant);
		return end(0);
	}
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return end(verbs[i].run(argc - 1, argv + 1));
	}
	return yp_usage_error("there is no verb '%s'; see 'yankproof --help'", argv[1]);
}
