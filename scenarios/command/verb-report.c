/* SPDX-License-Identifier: Apache-2.0 */
/* The verb report: hands over to yankproof-report. */
#include "command/verbs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static void report_help(void)
{
	(void)puts(
	    "Usage: yankproof report DIR [--html FILE] [--junit FILE]\n"
	    "\n"
	    "Makes the HTML report and the JUnit XML of a campaign's results, by yankproof-report, which is in the "
	    "folder of "
	    "this\n"
	    "program.\n"
	    "\n"
	    "Exit status: 0 written (whatever the verdict), 2 bad usage, or results that cannot be read, 3 cannot "
	    "write.");
}

int yp_verb_report(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		report_help();
		return 0;
	}
	if (argc < 2)
		return yp_usage_error("give the results' folder; see 'yankproof report --help'");
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	char *slash = NULL;
	if (n > 0) {
		path[n] = 0;
		slash = strrchr(path, '/');
	}
	if (!slash || (size_t)(slash + 1 - path) + sizeof "yankproof-report" > sizeof path) {
		(void)fprintf(stderr, "yankproof: cannot find the folder of yankproof-report\n");
		return YP_EXIT_ERROR;
	}
	memcpy(slash + 1, "yankproof-report", sizeof "yankproof-report");
	argv[0] = path;
	(void)execv(path, argv);
	(void)fprintf(stderr, "yankproof: cannot start %s: %s; build it with 'make'\n", path, strerror(errno));
	return YP_EXIT_ERROR;
}
