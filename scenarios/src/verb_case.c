/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "version.h"

static void help(const char *verb, bool replay)
{
	(void)printf("Usage: brickproof %s ID [options]\n"
		     "\n"
		     "%s\n"
		     "ID is self-contained: SCENARIO@CASE, SCENARIO@fault:KIND.NTH[.ever] or SCENARIO@lint:RULE.ENTRY. "
		     "With --dir it may\n"
		     "also be a scenario's name: then the failing case that those results name.\n"
		     "\n"
		     "      --dir RESULTS    the results that the id is from\n"
		     "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
		     "\n"
		     "Exit status: %s\n",
		     verb,
		     replay ? "Runs one case again and prints its story."
			    : "Shrinks a failing case to the fewest cuts and lost writes, and says it in one sentence.",
		     replay ? "of the verdict: 0 PASS, 1 FAIL, 2 bad usage, 3 ERROR, 4 MISS."
			    : "0 explained, 2 bad usage, 3 ERROR.");
}

struct options {
	const char *scenarios, *dir, *id;
};

/* In the results: the failing case of a scenario, and whose results they are. */
struct lookup {
	const char *scenario;
	char failing[BP_ID_MAX];
	char mutant[64];
};

static int look(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct lookup *lookup = ctx;
	(void)text;
	(void)bytes;
	struct bp_result result;
	const char *mutant = json_string_value(json_object_get(json_object_get(line, "subject"), "mutant"));
	if (mutant)
		(void)snprintf(lookup->mutant, sizeof lookup->mutant, "%s", mutant);
	if (bp_result_parse(line, &result) == 0 && strcmp(result.scenario, lookup->scenario) == 0)
		(void)snprintf(lookup->failing, sizeof lookup->failing, "%s", result.failing);
	return 0;
}

/* Fills id from the results' folder if the argument is a scenario's name. 0 or an exit status. */
static int find_id(const struct options *o, char id[BP_ID_MAX])
{
	(void)snprintf(id, BP_ID_MAX, "%s", o->id);
	if (!o->dir)
		return 0;
	char path[PATH_MAX];
	char detail[BP_DETAIL_MAX] = "";
	struct lookup lookup = {.scenario = o->id};
	(void)snprintf(path, sizeof path, "%s/%s", o->dir, BP_RESULTS_FILE);
	int result = bp_results_read(path, look, &lookup, detail, sizeof detail);
	if (result) {
		(void)fprintf(stderr, "brickproof: %s\n", *detail ? detail : strerror(-result));
		return BP_EXIT_USAGE;
	}
	if (strcmp(lookup.mutant, bp_mutant_name()) != 0)
		(void)fprintf(stderr, "brickproof: these results are of subject '%s', this build carries '%s'\n",
			      *lookup.mutant ? lookup.mutant : "clean core",
			      *bp_mutant_name() ? bp_mutant_name() : "clean core");
	if (strchr(o->id, '@'))
		return 0;
	if (!*lookup.failing)
		return bp_usage_error("%s holds no failing case of '%s'", path, o->id);
	(void)snprintf(id, BP_ID_MAX, "%s", lookup.failing);
	return 0;
}

static int open_case(const struct options *o, struct bp_id *id, struct bp_scenario *scenario,
		     struct bp_session *session)
{
	char text[BP_ID_MAX];
	char detail[BP_DETAIL_MAX] = "";
	*session = (struct bp_session){0};
	int status = find_id(o, text);
	if (status)
		return status;
	if (bp_id_decode(text, id))
		return bp_usage_error("'%s' is no case id; copy one from results or from a replay line", text);
	status = bp_select_one(o->scenarios, id->name, scenario);
	if (status)
		return status;
	if (scenario->rig != BP_RIG_SIM)
		return bp_usage_error("rig %s is not available in this build", bp_rig_text(scenario->rig));
	int result = bp_session_init(session, scenario, id->seed, detail, sizeof detail);
	if (result) {
		(void)fprintf(stderr, "brickproof: %s: %s\n", scenario->name, detail);
		return BP_EXIT_ERROR;
	}
	return 0;
}

static int failed(const struct options *o, int result)
{
	if (result > 0)
		return bp_usage_error("'%s' does not fit this scenario; was it, or the core, changed since?", o->id);
	(void)fprintf(stderr, "brickproof: %s: %s\n", o->id, strerror(-result));
	return BP_EXIT_ERROR;
}

static int replay(const struct options *o, struct bp_session *session, const struct bp_id *id)
{

	char story[BP_STORY_BYTES];
	struct bp_outcome outcome = {0};
	int result = bp_session_replay(session, id, &outcome, story, sizeof story);
	if (result)
		return failed(o, result);
	size_t length = strlen(story);
	(void)printf("%s%s", story, length && story[length - 1] != '\n' ? "\n" : "");
	(void)printf("%s  ended %s after %u boots%s%s%s%s\n", bp_verdict_text(outcome.verdict),
		     *outcome.label ? outcome.label : "-", outcome.boots, *outcome.invariant ? "  " : "",
		     outcome.invariant, *outcome.text ? ": " : "", outcome.text);
	return bp_verdict_status(outcome.verdict);
}

static int explain(const struct options *o, struct bp_session *session, const struct bp_id *id)
{
	char story[BP_STORY_BYTES];
	char smaller[BP_ID_MAX] = "";
	char sentence[BP_DETAIL_MAX];
	struct bp_outcome outcome = {0};
	int result = bp_session_replay(session, id, &outcome, story, sizeof story);
	if (result)
		return failed(o, result);
	if (outcome.verdict != BP_FAIL) {
		(void)printf("this case does not fail: %s, ended %s\n", bp_verdict_text(outcome.verdict),
			     outcome.label);
		return 0;
	}
	result = bp_session_explain(session, id, smaller, sentence, sizeof sentence);
	if (result)
		return failed(o, result);
	(void)printf("%s\n      brickproof replay '%s'\n", sentence, smaller);
	return 0;
}

static int parse(int argc, char **argv, bool is_replay, struct options *o)
{
	static const struct option long_options[] = {{"dir", required_argument, NULL, 'd'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'd') {
			o->dir = optarg;
		} else if (option == 's') {
			o->scenarios = optarg;
		} else if (option == 'h') {
			help(argv[0], is_replay);
			return -1;
		} else {
			return bp_usage_hint(argv[0]);
		}
	}
	if (optind + 1 != argc)
		return bp_usage_error("give one case id; see 'brickproof %s --help'", argv[0]);
	o->id = argv[optind];
	return 0;
}

static int with_case(int argc, char **argv, bool is_replay)
{
	struct options o = {.scenarios = BP_SCENARIOS_DIR, .id = ""};
	struct bp_id id;
	struct bp_scenario scenario;
	struct bp_session session;
	int status = parse(argc, argv, is_replay, &o);
	if (status)
		return status < 0 ? 0 : status;
	status = open_case(&o, &id, &scenario, &session);
	if (!status)
		status = is_replay ? replay(&o, &session, &id) : explain(&o, &session, &id);
	bp_session_deinit(&session);
	return status;
}

int bp_verb_replay(int argc, char **argv)
{
	return with_case(argc, argv, true);
}

int bp_verb_explain(int argc, char **argv)
{
	return with_case(argc, argv, false);
}
