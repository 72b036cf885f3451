/* SPDX-License-Identifier: Apache-2.0 */
/* The verb baseline: random kills of the updater, for comparison. */
#include "command/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/host-calls.h"
#include "power-cut/random.h"

static void print_help(void)
{
	(void)puts(
	    "Usage: yankproof baseline --seconds S [--seed N] [PATH|NAME|GROUP|TAG...] [options]\n"
	    "\n"
	    "For comparison with other test benches: kills the updater at a random operation (kill -9: all its "
	    "writes survive),\n"
	    "lets it recover and checks the invariants. Repeats this for S seconds, over all scenarios in turn.\n"
	    "\n"
	    "      --seconds S      the time to run; a fraction such as 2.5 is allowed\n"
	    "      --seed N         of the random operations (default 1)\n"
	    "      --tag T          only scenarios with this tag (repeat it to require several)\n"
	    "      --output-format=FORMAT text (default) or json\n"
	    "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
	    "\n"
	    "Exit status: 0 nothing was found, 1 a broken invariant was found, 2 bad usage, 3 ERROR.");
}

struct options {
	double seconds;
	uint64_t seed;
	bool json;
	const char *dir;
	const char *tags[YP_SELECT_TAGS_MAX];
	unsigned tag_count;
};

struct trials {
	uint64_t count;
	char killed_by[YP_ID_MAX];
};

static double now_s(void)
{
	return (double)yp_clock_ns() / 1e9;
}

/* A scenario that is tried, ready to run. */
struct bench {
	struct yp_rig_session session;
	uint64_t points;
};

/* Prepares the scenarios; this time does not count. 0 or -errno. */
static int prepare_benches(const struct yp_catalog *catalog, struct bench *benches, size_t *count)
{
	for (size_t i = 0; i < catalog->count; i++) {
		const struct yp_scenario *scenario = &catalog->items[i];
		struct bench *bench = &benches[*count];
		char detail[YP_DETAIL_MAX] = "";
		const struct yp_scenario_rig *rig = yp_rig_of(scenario);
		const struct yp_rig_setup setup = {.scenario = scenario, .seed = YP_SEED_DEFAULT};
		if (!rig->run_fault || scenario->expect_fail)
			continue;
		++*count;
		int result = yp_rig_session_init(&bench->session, &setup, detail, sizeof detail);
		if (result) {
			(void)fprintf(stderr, "yankproof: %s: %s\n", scenario->name, detail);
			return result;
		}
		bench->points = rig->fault_points(bench->session.session, YP_SIM_FAULT_STOP);
		/* A story that never becomes idle has no last operation. */
		if (!bench->points)
			bench->points = 1;
	}
	return 0;
}

static int try_all(struct bench *benches, size_t count, const struct options *o, struct trials *trials)
{
	uint64_t random = o->seed;
	double until_s = now_s() + o->seconds;
	int result = 0;
	for (size_t i = 0; !result && count && !*trials->killed_by && now_s() < until_s;
	     i = i + 1 < count ? i + 1 : 0) {
		struct yp_sim_fault fault = {
		    .kind = YP_SIM_FAULT_STOP, .nth = 1 + yp_random_next(&random) % benches[i].points, .medium = -1};
		struct yp_outcome outcome = {0};
		bool landed = false;
		const struct yp_rig_session *session = &benches[i].session;
		result = session->rig->run_fault(session->session, &fault, &landed, &outcome);
		trials->count++;
		if (!result && outcome.verdict == YP_FAIL)
			yp_id_fault(session->setup.scenario->name, YP_SEED_DEFAULT, &fault, trials->killed_by);
	}
	return result;
}

static int run_baseline(const struct yp_catalog *catalog, const struct options *o)
{
	struct trials trials = {0};
	size_t count = 0;
	struct bench *benches = calloc(catalog->count, sizeof *benches);
	int result = benches ? prepare_benches(catalog, benches, &count) : -ENOMEM;
	double start_s = now_s();
	if (!result)
		result = try_all(benches, count, o, &trials);
	double seconds = now_s() - start_s;
	for (size_t i = 0; benches && i < count; i++)
		yp_rig_session_deinit(&benches[i].session);
	free(benches);
	if (result) {
		(void)fprintf(stderr, "yankproof: baseline: %s\n", strerror(-result));
		return YP_EXIT_ERROR;
	}
	bool killed = *trials.killed_by;
	if (o->json)
		(void)printf("{\"killed\":%s,\"trials\":%" PRIu64 ",\"seconds\":%.2f,\"case\":\"%s\"}\n",
			     killed ? "true" : "false", trials.count, seconds, trials.killed_by);
	else if (killed)
		(void)printf("found after %" PRIu64 " random kills, %.1f s: yankproof replay '%s'\n", trials.count,
			     seconds, trials.killed_by);
	else
		(void)printf("nothing found by %" PRIu64 " random kills in %.1f s\n", trials.count, seconds);
	return killed ? 1 : 0;
}

static int take_option(int option, const char *value, struct options *o)
{
	char *end = NULL;
	switch (option) {
	case 'n':
		o->seconds = strtod(value, &end);
		if (end == value || *end || !(o->seconds > 0) || o->seconds > 86400)
			return yp_usage_error("--seconds %s: write a number of seconds", value);
		return 0;
	case 'r':
		if (yp_parse_u64(value, 0, INT64_MAX, &o->seed))
			return yp_usage_error("--seed %s: write a whole number", value);
		return 0;
	case 't':
		if (o->tag_count == YP_SELECT_TAGS_MAX)
			return yp_usage_error("--tag: at most %u", YP_SELECT_TAGS_MAX);
		o->tags[o->tag_count++] = value;
		return 0;
	case 'f':
		if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
			return yp_usage_error("--output-format %s: choose text or json", value);
		o->json = *value == 'j';
		return 0;
	case 's':
		o->dir = value;
		return 0;
	default:
		return yp_usage_hint("baseline");
	}
}

int yp_verb_baseline(int argc, char **argv)
{
	static const struct option long_options[] = {{"seconds", required_argument, NULL, 'n'},
						     {"seed", required_argument, NULL, 'r'},
						     {"tag", required_argument, NULL, 't'},
						     {"output-format", required_argument, NULL, 'f'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	struct options o = {.seed = YP_SEED_DEFAULT, .dir = YP_SCENARIOS_DIR};
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			return 0;
		}
		int status = take_option(option, optarg, &o);
		if (status)
			return status;
	}
	if (!(o.seconds > 0))
		return yp_usage_error("give --seconds S; see 'yankproof baseline --help'");
	struct yp_catalog catalog;
	int status = yp_select(o.dir, argv + optind, argc - optind, o.tags, o.tag_count, &catalog);
	if (!status)
		status = run_baseline(&catalog, &o);
	yp_catalog_deinit(&catalog);
	return status;
}
