/* SPDX-License-Identifier: Apache-2.0 */
/* The verb run: its options, and what it selects. */
#include "command/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CASES_AFTER_FAILURE 1000u

static void print_help(void)
{
	(void)puts(
	    "Usage: yankproof run [PATH|NAME|GROUP|TAG...] [options]\n"
	    "       yankproof run --log FILE [--like FILE] SCENARIO\n"
	    "\n"
	    "Runs scenarios: all of the scenarios folder but those tagged 'campaign' (hours), or those named.\n"
	    "\n"
	    "  -o, --output DIR     where results.jsonl goes (default: results)\n"
	    "      --seed N         of the images' noise and of samples (default 1)\n"
	    "  -j, --jobs N         scenarios at a time (default: one a CPU)\n"
	    "      --shard I/N      only every Nth scenario, from the Ith; 'yankproof merge' joins them\n"
	    "      --all            those tagged 'campaign' too\n"
	    "      --tag T          only scenarios with this tag (repeat it to require several)\n"
	    "      --limit-states N at most N distinct crash states a scenario\n"
	    "      --limit-seconds N\n"
	    "                       (rig qemu) at most N seconds of machines running a scenario\n"
	    "      --fail-fast      stop at the first failure\n"
	    "      --after-failure N\n"
	    "                       an exploration ends N cases after its first failure (1000); 0: it goes on to its "
	    "end,\n"
	    "                       which a defect can put off for hours\n"
	    "      --no-lint        findings in the write log do not count\n"
	    "      --resume         continue the campaign in DIR: finished scenarios are kept. Without it, existing\n"
	    "                       results become results.jsonl.old\n"
	    "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
	    "      --board DIR      (rig qemu) the board's images (default: build/qemu)\n"
	    "      --log FILE       (rig qemu) judge and sort the crash states of this write log, yankproof's or "
	    "dm-log-writes over\n"
	    "                       all the board's media, without a boot; --like FILE: both must have the same "
	    "classes\n"
	    "\n"
	    "Exit status: 0 all passed or skipped, 1 an invariant is broken (FAIL), 2 bad usage or a bad scenario,\n"
	    "3 the rig failed (ERROR), 4 a fault did not land (MISS), 5 stopped by a signal before\n"
	    "a failure was found.");
}

struct options {
	const char *dir, *scenarios, *log, *like;
	struct yp_campaign_head head;
	unsigned jobs;
	uint64_t seconds_max, cases_after_failure;
	bool resume, all;
	const char *tags[YP_SELECT_TAGS_MAX];
	unsigned tag_count;
};

enum {
	OPTION_SEED = 256,
	OPTION_SHARD,
	OPTION_TAG,
	OPTION_ALL,
	OPTION_LIMIT,
	OPTION_SECONDS,
	OPTION_FAIL_FAST,
	OPTION_AFTER_FAILURE,
	OPTION_NO_LINT,
	OPTION_RESUME,
	OPTION_SCENARIOS,
	OPTION_BOARD,
	OPTION_LOG,
	OPTION_LIKE
};
static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
					     {"seed", required_argument, NULL, OPTION_SEED},
					     {"jobs", required_argument, NULL, 'j'},
					     {"shard", required_argument, NULL, OPTION_SHARD},
					     {"tag", required_argument, NULL, OPTION_TAG},
					     {"all", no_argument, NULL, OPTION_ALL},
					     {"limit-states", required_argument, NULL, OPTION_LIMIT},
					     {"limit-seconds", required_argument, NULL, OPTION_SECONDS},
					     {"fail-fast", no_argument, NULL, OPTION_FAIL_FAST},
					     {"after-failure", required_argument, NULL, OPTION_AFTER_FAILURE},
					     {"no-lint", no_argument, NULL, OPTION_NO_LINT},
					     {"resume", no_argument, NULL, OPTION_RESUME},
					     {"scenarios", required_argument, NULL, OPTION_SCENARIOS},
					     {"board", required_argument, NULL, OPTION_BOARD},
					     {"log", required_argument, NULL, OPTION_LOG},
					     {"like", required_argument, NULL, OPTION_LIKE},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

/* Options with or without a value. */
static bool take_flag(int option, struct options *o)
{
	switch (option) {
	case OPTION_FAIL_FAST:
		return o->head.fail_fast = true;
	case OPTION_NO_LINT:
		return o->head.no_lint = true;
	case OPTION_ALL:
		return o->all = true;
	case OPTION_RESUME:
		return o->resume = true;
	default:
		return false;
	}
}

/* One option; 0, or an exit status with the error said. */
static int take_option(int option, const char *value, struct options *o)
{
	uint64_t number = 0;
	switch (option) {
	case 'o':
		o->dir = value;
		return 0;
	case OPTION_SCENARIOS:
		o->scenarios = value;
		return 0;
	case OPTION_BOARD:
		if (!*value || strlen(value) >= YP_IMAGES_PATH_MAX)
			return yp_usage_error("--board: name a folder of images, such as build/qemu");
		o->head.board = value;
		return 0;
	case OPTION_LOG:
		o->log = value;
		return 0;
	case OPTION_LIKE:
		o->like = value;
		return 0;
	case OPTION_SEED:
		if (yp_parse_u64(value, 0, INT64_MAX, &o->head.seed))
			return yp_usage_error("--seed %s: write a whole number", value);
		return 0;
	case OPTION_LIMIT:
		if (yp_parse_u64(value, 1, INT64_MAX, &o->head.states_max))
			return yp_usage_error("--limit-states %s: write a whole number from 1", value);
		return 0;
	case OPTION_AFTER_FAILURE:
		if (yp_parse_u64(value, 0, INT64_MAX, &o->cases_after_failure))
			return yp_usage_error("--after-failure %s: write a whole number of cases", value);
		return 0;
	case OPTION_SECONDS:
		if (yp_parse_u64(value, 1, YP_SECONDS_MAX, &o->seconds_max))
			return yp_usage_error("--limit-seconds %s: write a whole number from 1 to %u", value,
					      YP_SECONDS_MAX);
		return 0;
	case 'j':
		if (yp_parse_u64(value, 1, YP_JOBS_MAX, &number))
			return yp_usage_error("--jobs %s: choose 1 to %u", value, YP_JOBS_MAX);
		o->jobs = (unsigned)number;
		return 0;
	case OPTION_SHARD:
		if (yp_parse_shard(value, &o->head.shard, &o->head.shards))
			return yp_usage_error("--shard %s: write I/N, I from 1 to N, N up to %u", value, YP_SHARDS_MAX);
		return 0;
	case OPTION_TAG:
		if (o->tag_count == YP_SELECT_TAGS_MAX)
			return yp_usage_error("--tag: at most %u", YP_SELECT_TAGS_MAX);
		o->tags[o->tag_count++] = value;
		return 0;
	default:
		return take_flag(option, o) ? 0 : yp_usage_hint("run");
	}
}

static int make_folder(const char *dir)
{
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return 0;
	char *parent = strdup(dir);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	int result = -errno;
	if (slash && slash != parent && errno == ENOENT) {
		*slash = 0;
		result = make_folder(parent);
		if (!result && mkdir(dir, 0755) && errno != EEXIST)
			result = -errno;
	}
	free(parent);
	return result;
}

/* Of all selected scenarios: shards of one campaign have the same. */
static void write_subjects(const struct yp_catalog *catalog, char *out, size_t out_bytes)
{
	out[0] = 0;
	for (const struct yp_subject *const *at = yp_subjects(); *at; at++) {
		bool used = false;
		size_t length = strlen(out);
		for (size_t i = 0; i < catalog->count && !used; i++)
			used = catalog->items[i].subject == *at;
		if (used)
			(void)snprintf(out + length, out_bytes - length, "%s%s", length ? ", " : "", (*at)->name);
	}
}

static int run_selected(const struct options *o, const struct yp_catalog *catalog)
{
	const struct yp_scenario **list = calloc(catalog->count + 1, sizeof(void *));
	if (!list)
		return yp_no_memory();
	struct yp_campaign campaign = {.scenarios = list,
				       .dir = o->dir,
				       .head = o->head,
				       .jobs = o->jobs,
				       .seconds_max = o->seconds_max,
				       .cases_after_failure = o->cases_after_failure,
				       .resume = o->resume,
				       .progress = isatty(STDERR_FILENO) == 1,
				       .out = stdout};
	write_subjects(catalog, campaign.head.subjects, sizeof campaign.head.subjects);
	int result = yp_selection_digest(catalog, campaign.head.selection);
	if (!result)
		result = yp_program_digest(campaign.head.program);
	if (result) {
		(void)fprintf(stderr, "yankproof: the scenarios or this program cannot be read again: %s\n",
			      strerror(-result));
		free(list);
		return YP_EXIT_ERROR;
	}
	for (size_t i = 0; i < catalog->count; i++) {
		if (i % o->head.shards == o->head.shard - 1)
			list[campaign.count++] = &catalog->items[i];
	}
	int status = yp_campaign_run(&campaign);
	free(list);
	return status;
}

/* Scenarios that take hours run only by name or tag. */
static void drop_campaign(struct yp_catalog *catalog)
{
	size_t kept = 0;
	for (size_t i = 0; i < catalog->count; i++) {
		if (yp_scenario_tagged(&catalog->items[i], "campaign"))
			continue;
		if (kept++ != i)
			catalog->items[kept - 1] = catalog->items[i];
	}
	catalog->count = kept;
}

static int run_log(const struct options *o, char *const *arguments, int count)
{
	struct yp_scenario scenario;
	if (!o->log || count != 1)
		return yp_usage_error("give --log FILE and one scenario; see 'yankproof run --help'");
	int status = yp_select_one(o->scenarios, arguments[0], &scenario);
	if (status)
		return status;
	const struct yp_scenario_rig *rig = yp_rig_of(&scenario);
	if (!rig->judge_log)
		return yp_usage_error("%s runs on rig %s, which judges no write log from elsewhere (--log)",
				      scenario.name, rig->terms.name);
	return rig->judge_log(&scenario, o->head.board, o->log, o->like);
}

int yp_verb_run(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct options o = {.dir = YP_RESULTS_DIR,
			    .cases_after_failure = CASES_AFTER_FAILURE,
			    .scenarios = YP_SCENARIOS_DIR,
			    .head = {.seed = YP_SEED_DEFAULT, .shard = 1, .shards = 1},
			    .jobs = cpus < 1             ? 1
				    : cpus > YP_JOBS_MAX ? YP_JOBS_MAX
							 : (unsigned)cpus};
	int option;
	while ((option = getopt_long(argc, argv, "o:j:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			return 0;
		}
		int status = take_option(option, optarg, &o);
		if (status)
			return status;
	}
	if (o.log || o.like)
		return run_log(&o, argv + optind, argc - optind);
	struct yp_catalog catalog;
	int status = yp_select(o.scenarios, argv + optind, argc - optind, o.tags, o.tag_count, &catalog);
	if (!status && optind == argc && !o.tag_count && !o.all)
		drop_campaign(&catalog);
	if (!status) {
		int result = make_folder(o.dir);
		if (result) {
			(void)fprintf(stderr, "yankproof: cannot make the folder %s: %s\n", o.dir, strerror(-result));
			status = YP_EXIT_ERROR;
		}
	}
	if (!status)
		status = run_selected(&o, &catalog);
	yp_catalog_deinit(&catalog);
	return status;
}
