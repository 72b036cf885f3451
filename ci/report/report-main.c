/* SPDX-License-Identifier: Apache-2.0 */
/* The yankproof-report command: results.jsonl to HTML and JUnit XML. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "report/report-results.h"

/* As of yankproof: 1 would be a broken invariant. */
enum { EXIT_OK = 0, EXIT_USAGE = 2, EXIT_FAILED = 3 };

static void print_usage(FILE *f)
{
	(void)fputs("Usage: yankproof-report RESULTS [--html FILE] [--junit FILE]\n"
		    "\n"
		    "RESULTS   a results.jsonl, or its directory\n"
		    "--html    path of the report (default: report.html beside the results)\n"
		    "--junit   path of the JUnit XML (default: junit.xml beside the results)\n"
		    "\n"
		    "Exit status: 0 written (whatever the verdict), 2 bad usage, or results that cannot be read, 3 "
		    "cannot write.\n",
		    f);
}

/* The path `given`, or else one beside the results. */
static const char *place_beside(const char *given, const char *dir, const char *name, char *out, size_t out_bytes)
{
	if (given)
		return given;
	int n = snprintf(out, out_bytes, "%s/%s", dir, name);
	return n < 0 || (size_t)n >= out_bytes ? NULL : out;
}

static int cannot_read(const char *path, int result, const char *detail)
{
	if (result < 0)
		(void)fprintf(stderr, "yankproof-report: cannot read %s: %s; give the folder of a campaign's results\n",
			      path, strerror(-result));
	else
		(void)fprintf(stderr, "yankproof-report: %s: %s; was it written by yankproof?\n", path, detail);
	return EXIT_USAGE;
}

static int cannot_write(const char *path, int result)
{
	(void)fprintf(stderr, "yankproof-report: cannot write %s: %s\n", path, strerror(-result));
	return EXIT_FAILED;
}

static int write_reports(const char *dir, const char *path, const char *html, const char *junit)
{
	char html_default[4096];
	char junit_default[4096];
	char detail[256];
	html = place_beside(html, dir, "report.html", html_default, sizeof html_default);
	junit = place_beside(junit, dir, "junit.xml", junit_default, sizeof junit_default);
	if (!html || !junit)
		return cannot_write(dir, -ENAMETOOLONG);
	json_t *results = NULL;
	int result = results_load(path, &results, detail, sizeof detail);
	if (result)
		return cannot_read(path, result, detail);
	int status = EXIT_OK;
	result = html_write(results, html);
	if (result)
		status = cannot_write(html, result);
	result = junit_write(results, junit);
	if (result)
		status = cannot_write(junit, result);
	json_decref(results);
	if (!status)
		(void)printf("report: %s\njunit:  %s\n", html, junit);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"html", required_argument, NULL, 'w'},
	    {"junit", required_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	const char *html = NULL;
	const char *junit = NULL;
	int option;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'w':
			html = optarg;
			break;
		case 'j':
			junit = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_OK;
		default:
			(void)fputs("yankproof-report: see 'yankproof-report --help'\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		(void)fputs("yankproof-report: give the folder of a campaign's results; see 'yankproof-report "
			    "--help'\n",
			    stderr);
		return EXIT_USAGE;
	}
	char dir[2048];
	char path[4096];
	struct stat st;
	(void)snprintf(dir, sizeof dir, "%s", argv[optind]);
	if (!stat(dir, &st) && S_ISDIR(st.st_mode)) {
		(void)snprintf(path, sizeof path, "%s/results.jsonl", dir);
	} else {
		(void)snprintf(path, sizeof path, "%s", dir);
		char *slash = strrchr(dir, '/');
		if (slash)
			*slash = '\0';
		else
			(void)snprintf(dir, sizeof dir, ".");
	}
	return write_reports(dir, path, html, junit);
}
