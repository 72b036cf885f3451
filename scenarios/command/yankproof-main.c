/* SPDX-License-Identifier: Apache-2.0 */
/* The yankproof command: dispatches to its verbs, and handles streams and exit for all of them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/verbs.h"
#include "file/version.h"

#define YP_VERB_ROW(name, text) {#name, yp_verb_##name, text},
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} verbs[] = {YP_VERBS(YP_VERB_ROW)};
#undef YP_VERB_ROW

/* Lists come from the tables that the program itself goes by. */
static void print_help(FILE *f)
{
	const struct yp_scenario_rig *rig;
	(void)fputs(
	    "Usage: yankproof VERB [options]\n\n"
	    "Proves, or refutes with a case that replays, that an over-the-air update cannot brick a device.\n\n",
	    f);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		(void)fprintf(f, "  %-10s %s\n", verbs[i].name, verbs[i].text);
	(void)fputs("\nRigs, on which a scenario runs:\n", f);
	for (size_t i = 0; (rig = yp_rig_at(i)); i++)
		(void)fprintf(f, "  %-10s %s\n", rig->terms.name, rig->sentence);
	(void)fputs("\nStorage models, which say what survives a power cut:\n", f);
	for (unsigned i = 0; i < YP_MODEL_COUNT; i++)
		(void)fprintf(f, "  %-15s %s\n", yp_model_rows[i].name, yp_model_rows[i].sentence);
	(void)fputs("\nInvariants, which must hold after any fault:\n", f);
	for (unsigned i = YP_I_NONE + 1; i < YP_INVARIANTS; i++) {
		const struct yp_invariant_row *row = yp_invariant_row((enum yp_invariant)i);
		(void)fprintf(f, "  %-4s %-12s %s\n", row->id, row->name, row->sentence);
	}
	(void)fputs("\n'yankproof VERB --help' lists its options. Exit status: 0 PASS, 1 FAIL, 2 bad usage or bad "
		    "input, 3 ERROR,\n"
		    "4 MISS, 5 stopped; the worst verdict decides.\n",
		    f);
}

/* Output that could not be written is an error. */
static int end_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "yankproof: the output could not be written: %s\n", strerror(errno));
	return status ? status : YP_EXIT_ERROR;
}

/* Started with a standard stream closed, the next file to be opened would take its place: results, and a summary in
 * them. */
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
		print_help(stderr);
		return YP_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return end_output(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		const char *mutant = yp_mutant_name();
		(void)printf("yankproof %s%s%s\n", YP_VERSION, *mutant ? " with the planted defect " : "", mutant);
		return end_output(0);
	}
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return end_output(verbs[i].run(argc - 1, argv + 1));
	}
	return yp_usage_error("there is no verb '%s'; see 'yankproof --help'", argv[1]);
}
