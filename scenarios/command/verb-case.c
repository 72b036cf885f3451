/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs replay and explain: one case again. */
#include "command/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "file/version.h"

static void print_help(const char *verb, bool replay)
{
	(void)printf(
	    "Usage: yankproof %s ID [options]\n"
	    "\n"
	    "%s\n"
	    "ID is self-contained: SCENARIO@CASE, SCENARIO@fault:KIND.NTH[.ever], SCENARIO@lint:RULE.ENTRY or\n"
	    "SCENARIO@image:CASE. With --dir it may be a scenario's name: its failing case in those results.\n"
	    "\n"
	    "      --dir RESULTS    the results of the id; rig qemu: by default the newest of the scenario\n"
	    "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
	    "%s"
	    "\n"
	    "Exit status: %s\n",
	    verb,
	    replay ? "Runs one case again and prints its story."
		   : "Shrinks a failing case to the fewest cuts and lost writes, and describes it in one sentence.",
	    replay
		? "Rig qemu:\n"
		  "      --console        boot it and show its console; if the media alone are broken, the first boot "
		  "only\n"
		  "      --gdb            boot it; the machine waits for gdb first\n"
		  "      --disk FILE      write its media instead: the disk to FILE, the card to FILE.card\n"
		  "      --before         the state just before the last cut, with all writes; --after (default): "
		  "after "
		  "it\n"
		: "",
	    replay ? "of the verdict: 0 PASS, 1 FAIL, 2 bad usage, 3 ERROR, 4 MISS."
		   : "0 explained, 2 bad usage, 3 ERROR.");
}

struct options {
	const char *scenarios, *dir, *id;
	struct yp_replay_options how;
};

/* In the results: the failing case of a scenario, and whose results they are. */
struct lookup {
	const char *scenario;
	char failing[YP_ID_MAX];
	char mutant[64];
};

static int note_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct lookup *lookup = ctx;
	(void)text;
	(void)bytes;
	struct yp_result result;
	const char *mutant = json_string_value(json_object_get(json_object_get(line, "subject"), "mutant"));
	if (mutant)
		(void)snprintf(lookup->mutant, sizeof lookup->mutant, "%s", mutant);
	if (yp_result_parse(line, &result) == 0 && strcmp(result.scenario, lookup->scenario) == 0)
		(void)snprintf(lookup->failing, sizeof lookup->failing, "%s", result.failing);
	return 0;
}

/* Fills id from the results' folder if the argument is a scenario's name. 0 or an exit status. */
static int find_id(const struct options *o, char id[YP_ID_MAX])
{
	(void)snprintf(id, YP_ID_MAX, "%s", o->id);
	if (!o->dir)
		return 0;
	char path[PATH_MAX];
	char detail[YP_DETAIL_MAX] = "";
	struct lookup lookup = {.scenario = o->id};
	(void)snprintf(path, sizeof path, "%s/%s", o->dir, YP_RESULTS_FILE);
	int result = yp_results_read(path, note_line, &lookup, detail, sizeof detail);
	if (result) {
		(void)fprintf(stderr, "yankproof: %s\n", *detail ? detail : strerror(-result));
		return YP_EXIT_USAGE;
	}
	if (strcmp(lookup.mutant, yp_mutant_name()) != 0)
		(void)fprintf(stderr, "yankproof: these results are of subject '%s', this build carries '%s'\n",
			      *lookup.mutant ? lookup.mutant : "clean core",
			      *yp_mutant_name() ? yp_mutant_name() : "clean core");
	if (strchr(o->id, '@'))
		return 0;
	if (!*lookup.failing)
		return yp_usage_error("%s holds no failing case of '%s'", path, o->id);
	(void)snprintf(id, YP_ID_MAX, "%s", lookup.failing);
	return 0;
}

/* A case, and what it runs on. */
struct opened {
	struct yp_id id;
	struct yp_scenario scenario;
	struct yp_rig_session session;
};

static int open_case(const struct options *o, struct opened *c)
{
	char text[YP_ID_MAX];
	char detail[YP_DETAIL_MAX] = "";
	const struct yp_replay_options *how = &o->how;
	int status = find_id(o, text);
	if (status)
		return status;
	if (yp_id_decode(text, &c->id))
		return yp_usage_error("'%s' is no case id; copy one from results or from a replay line", text);
	status = yp_select_one(o->scenarios, c->id.name, &c->scenario);
	if (status)
		return status;
	const struct yp_scenario_rig *rig = yp_rig_of(&c->scenario);
	const struct yp_rig_setup setup = {
	    .scenario = &c->scenario, .seed = c->id.seed, .use = YP_RIG_REPLAY, .dir = o->dir};
	if (!rig->shows_machine && (how->console || how->gdb || how->before || how->disk_out))
		return yp_usage_error("--console, --gdb, --disk and --before need a machine; %s runs on rig %s, which "
				      "has none to show",
				      c->scenario.name, rig->terms.name);
	int result = yp_rig_session_init(&c->session, &setup, detail, sizeof detail);
	if (!result)
		return 0;
	(void)fprintf(stderr, "yankproof: %s: %s\n", c->scenario.name, detail);
	return result > 0 ? YP_EXIT_USAGE : YP_EXIT_ERROR;
}

static int report_failure(const struct options *o, int result)
{
	if (result > 0)
		return yp_usage_error("'%s' does not fit this scenario; was it, or the core, changed since?", o->id);
	(void)fprintf(stderr, "yankproof: %s: %s\n", o->id, strerror(-result));
	return YP_EXIT_ERROR;
}

static int replay_case(const struct options *o, struct opened *c)
{
	char story[YP_STORY_BYTES];
	struct yp_outcome outcome = {0};
	int result = yp_rig_session_replay(&c->session, &c->id, &o->how, &outcome, story, sizeof story);
	if (result)
		return report_failure(o, result);
	size_t length = strlen(story);
	(void)printf("%s%s", story, length && story[length - 1] != '\n' ? "\n" : "");
	(void)printf("%s  ended %s after %u boots%s%s%s%s\n", yp_verdict_text(outcome.verdict),
		     *outcome.label ? outcome.label : "-", outcome.boots, outcome.invariant != YP_I_NONE ? "  " : "",
		     yp_invariant_id(outcome.invariant), *outcome.text ? ": " : "", outcome.text);
	return yp_verdict_status(outcome.verdict);
}

/* A listed case is as small as it gets: its story in one line. */
static void explain_listed(const struct opened *c, char *story, const struct yp_outcome *outcome, char *sentence,
			   size_t sentence_bytes, char *smaller)
{
	for (char *at = story; *at; at++) {
		if (*at == '\n')
			*at = at[1] ? ';' : 0;
	}
	yp_id_listed(c->scenario.name, c->id.seed, c->id.image, c->id.listed, smaller);
	(void)snprintf(sentence, sentence_bytes, "%.700s: %s%s%s", story, yp_invariant_id(outcome->invariant),
		       outcome->invariant != YP_I_NONE ? ": " : "", outcome->text);
}

static int explain_case(const struct options *o, struct opened *c)
{
	char story[YP_STORY_BYTES];
	char smaller[YP_ID_MAX] = "";
	char sentence[YP_DETAIL_MAX];
	struct yp_outcome outcome = {0};
	int result = yp_rig_session_replay(&c->session, &c->id, &o->how, &outcome, story, sizeof story);
	if (result)
		return report_failure(o, result);
	if (outcome.verdict != YP_FAIL) {
		(void)printf("this case does not fail: %s, ended %s\n", yp_verdict_text(outcome.verdict),
			     outcome.label);
		return 0;
	}
	const struct yp_scenario_rig *rig = c->session.rig;
	if (rig->explain)
		result = rig->explain(c->session.session, &c->id, smaller, sentence, sizeof sentence);
	else
		explain_listed(c, story, &outcome, sentence, sizeof sentence, smaller);
	if (result)
		return report_failure(o, result);
	(void)printf("%s\n      yankproof replay '%s'\n", sentence, smaller);
	return 0;
}

static int parse_options(int argc, char **argv, bool is_replay, struct options *o)
{
	static const struct option long_options[] = {{"dir", required_argument, NULL, 'd'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"console", no_argument, NULL, 'c'},
						     {"gdb", no_argument, NULL, 'g'},
						     {"disk", required_argument, NULL, 'o'},
						     {"before", no_argument, NULL, 'b'},
						     {"after", no_argument, NULL, 'a'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (strchr("cgoba", option) && !is_replay)
			return yp_usage_error("that option is for replay");
		if (option == 'c') {
			o->how.console = true;
		} else if (option == 'g') {
			o->how.gdb = true;
		} else if (option == 'o') {
			o->how.disk_out = optarg;
		} else if (option == 'b' || option == 'a') {
			o->how.before = option == 'b';
		} else if (option == 'd') {
			o->dir = optarg;
		} else if (option == 's') {
			o->scenarios = optarg;
		} else if (option == 'h') {
			print_help(argv[0], is_replay);
			return -1;
		} else {
			return yp_usage_hint(argv[0]);
		}
	}
	if (optind + 1 != argc)
		return yp_usage_error("give one case id; see 'yankproof %s --help'", argv[0]);
	o->id = argv[optind];
	return 0;
}

static int run_verb(int argc, char **argv, bool is_replay)
{
	struct options o = {.scenarios = YP_SCENARIOS_DIR, .id = ""};
	struct opened *c = calloc(1, sizeof *c);
	int status = parse_options(argc, argv, is_replay, &o);
	if (!c)
		return yp_no_memory();
	if (!status)
		status = open_case(&o, c);
	if (!status)
		status = is_replay ? replay_case(&o, c) : explain_case(&o, c);
	yp_rig_session_deinit(&c->session);
	free(c);
	return status < 0 ? 0 : status;
}

int yp_verb_replay(int argc, char **argv)
{
	return run_verb(argc, argv, true);
}

int yp_verb_explain(int argc, char **argv)
{
	return run_verb(argc, argv, false);
}
