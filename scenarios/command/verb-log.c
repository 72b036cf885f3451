/* SPDX-License-Identifier: Apache-2.0 */
/* The verb log: a write log, recorded or kept, printed or written. */
#include "command/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void log_help(void)
{
	(void)puts("Usage: yankproof log SCENARIO [--dm FILE] [--save FILE] [options]\n"
		   "       yankproof log --log FILE [--dm FILE] [--save FILE]\n"
		   "\n"
		   "Records a scenario's story and prints its write log; or prints a saved log.\n"
		   "\n"
		   "      --log FILE       a write log in yankproof's own format\n"
		   "      --dm FILE        write it in the dm-log-writes format instead\n"
		   "      --save FILE      write it in yankproof's own format, reads included\n"
		   "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
		   "\n"
		   "Exit status: 0, 2 bad usage or a bad scenario, 3 ERROR.");
}

static void print_entry(const struct yp_log *log, size_t i)
{
	static const char *const ops[] = {"?", "write", "read", "flush", "discard", "mark"};
	static const char *const marks[] = {"step", "world", "note"};
	const struct yp_entry *e = yp_log_entry(log, i);
	(void)printf("%6zu %-4s %-8s", i, yp_log_step(log, i), ops[e->op]);
	if (e->op == YP_MARK)
		(void)printf("%s: %s\n", marks[e->kind], yp_log_text(log, e));
	else if (e->op == YP_FLUSH)
		(void)printf("%s\n", yp_log_layout(log)->media[e->medium].name);
	else
		(void)printf("%-9s sector %" PRIu64 " + %u%s\n", yp_log_layout(log)->media[e->medium].name, e->sector,
			     e->sectors, e->fua ? " FUA" : "");
}

static int put_log(const struct yp_log *log, const char *dm, const char *save)
{
	char detail[YP_DETAIL_MAX] = "";
	const char *path = dm;
	int result = dm ? yp_log_export_dm(log, dm, detail, sizeof detail) : 0;
	if (!result && save) {
		path = save;
		result = yp_log_save(log, save);
	}
	for (size_t i = 0; !dm && !save && i < yp_log_count(log); i++)
		print_entry(log, i);
	if (!result)
		return 0;
	(void)fprintf(stderr, "yankproof: %s: %s\n", path, *detail ? detail : strerror(-result));
	return YP_EXIT_ERROR;
}

static int put_file(const char *path, const char *dm, const char *save)
{
	struct yp_pool *pool = NULL;
	struct yp_log *log = NULL;
	char detail[YP_DETAIL_MAX] = "";
	int result = yp_pool_new(&pool);
	if (!result)
		result = yp_log_load(path, pool, &log, detail, sizeof detail);
	int status = 0;
	if (result) {
		(void)fprintf(stderr, "%s: %s\n", path, *detail ? detail : strerror(-result));
		status = result > 0 || result == -ENOENT ? YP_EXIT_USAGE : YP_EXIT_ERROR;
	} else {
		status = put_log(log, dm, save);
	}
	yp_log_free(log);
	yp_pool_free(pool);
	return status;
}

int yp_verb_log(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"dm", required_argument, NULL, 'd'},   {"log", required_argument, NULL, 'l'},
	    {"save", required_argument, NULL, 'o'}, {"scenarios", required_argument, NULL, 's'},
	    {"help", no_argument, NULL, 'h'},       {0}};
	const char *dm = NULL;
	const char *file = NULL;
	const char *save = NULL;
	const char *dir = YP_SCENARIOS_DIR;
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'd') {
			dm = optarg;
		} else if (option == 'l') {
			file = optarg;
		} else if (option == 'o') {
			save = optarg;
		} else if (option == 's') {
			dir = optarg;
		} else if (option == 'h') {
			log_help();
			return 0;
		} else {
			return yp_usage_hint("log");
		}
	}
	if (file && optind == argc)
		return put_file(file, dm, save);
	if (file || optind + 1 != argc)
		return yp_usage_error("give one scenario; see 'yankproof log --help'");
	struct yp_scenario scenario;
	struct yp_rig_session session;
	struct yp_rig_story story;
	int status = yp_open_story(dir, argv[optind], &scenario, &session, &story);
	if (!status)
		status = put_log(story.log, dm, save);
	yp_rig_session_deinit(&session);
	return status;
}
