/* SPDX-License-Identifier: Apache-2.0 */
#include "command/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command/version.h"
#include "rigs/listed-rig.h"
#include "rigs/rig-qemu.h"

static void help(const char *verb, bool replay)
{
	(void)printf(
	    "Usage: yankproof %s ID [options]\n"
	    "\n"
	    "%s\n"
	    "ID is self-contained: SCENARIO@CASE, SCENARIO@fault:KIND.NTH[.ever], SCENARIO@lint:RULE.ENTRY or\n"
	    "SCENARIO@image:CASE. With --dir it may also be a scenario's name: then the failing case that those "
	    "results name.\n"
	    "\n"
	    "      --dir RESULTS    the results that the id is from; rig qemu: by default the newest of the scenario\n"
	    "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
	    "%s"
	    "\n"
	    "Exit status: %s\n",
	    verb,
	    replay ? "Runs one case again and prints its story."
		   : "Shrinks a failing case to the fewest cuts and lost writes, and says it in one sentence.",
	    replay ? "Rig qemu:\n"
		     "      --console        boot it, with its console; media that are broken as they lie there: the "
		     "first boot "
		     "only\n"
		     "      --gdb            boot it; the machine waits for gdb first\n"
		     "      --disk FILE      write its media instead: the disk to FILE, the card to FILE.card\n"
		     "      --before         just before the last cut: all that was written is there; --after "
		     "(default): after it\n"
		   : "",
	    replay ? "of the verdict: 0 PASS, 1 FAIL, 2 bad usage, 3 ERROR, 4 MISS."
		   : "0 explained, 2 bad usage, 3 ERROR.");
}

struct options {
	const char *scenarios, *dir, *id;
	struct yp_qemu_options board;
};

/* In the results: the failing case of a scenario, and whose results they are. */
struct lookup {
	const char *scenario;
	char failing[YP_ID_MAX];
	char mutant[64];
};

static int look(void *ctx, const char *text, size_t bytes, json_t *line)
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
	int result = yp_results_read(path, look, &lookup, detail, sizeof detail);
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

/* A case as its rig runs it: of a session, of a rig that lists its cases, or of the emulated board. */
struct opened {
	struct yp_id id;
	struct yp_scenario scenario;
	struct yp_session session;
	struct yp_lab lab;
	struct yp_qemu board;
	bool on_board;
	const struct yp_qemu_options *options;
};

static int open_board(const struct options *o, struct opened *c, char *detail, size_t detail_bytes)
{
	c->on_board = true;
	c->options = &o->board;
	int result =
	    yp_qemu_open(&c->board, &c->scenario, NULL, c->id.seed, o->dir, YP_QEMU_REPLAY, detail, detail_bytes);
	if (!result)
		result = yp_qemu_record(&c->board, false, detail, detail_bytes);
	if (!result)
		return 0;
	(void)fprintf(stderr, "yankproof: %s: %s\n", c->scenario.name, detail);
	return result == -ENOENT ? YP_EXIT_USAGE : YP_EXIT_ERROR;
}

static int open_case(const struct options *o, struct opened *c)
{
	char text[YP_ID_MAX];
	char detail[YP_DETAIL_MAX] = "";
	int status = find_id(o, text);
	if (status)
		return status;
	if (yp_id_decode(text, &c->id))
		return yp_usage_error("'%s' is no case id; copy one from results or from a replay line", text);
	status = yp_select_one(o->scenarios, c->id.name, &c->scenario);
	if (status)
		return status;
	int result = 0;
	bool on_board = c->scenario.rig == YP_RIG_QEMU;
	if (!on_board && (o->board.console || o->board.gdb || o->board.before || o->board.disk_out))
		return yp_usage_error("--console, --gdb, --disk and --before are for rig qemu; %s runs on rig %s",
				      c->scenario.name, yp_rig_text(c->scenario.rig));
	if (on_board)
		return open_board(o, c, detail, sizeof detail);
	if (yp_lab_lists(&c->scenario))
		result = yp_lab_init(&c->lab, &c->scenario, c->id.seed, false, detail, sizeof detail);
	else if (c->scenario.rig != YP_RIG_SIM)
		return yp_usage_error("%s runs on rig %s, and LG_ENV names no labgrid environment", c->scenario.name,
				      yp_rig_text(c->scenario.rig));
	else
		result = yp_session_init(&c->session, &c->scenario, c->id.seed, detail, sizeof detail);
	if (result) {
		(void)fprintf(stderr, "yankproof: %s: %s\n", c->scenario.name, detail);
		return YP_EXIT_ERROR;
	}
	return 0;
}

static int run_again(struct opened *c, struct yp_outcome *outcome, char *story, size_t story_bytes)
{
	if (c->on_board)
		return yp_qemu_replay(&c->board, &c->id, c->options, outcome, story, story_bytes);
	if (c->lab.ops)
		return yp_lab_replay(&c->lab, &c->id, outcome, story, story_bytes);
	/* Only a rig that lists its cases has ids of that kind. */
	if (c->id.kind == YP_ID_LISTED)
		return 1;
	return yp_session_replay(&c->session, &c->id, outcome, story, story_bytes);
}

static int failed(const struct options *o, int result)
{
	if (result > 0)
		return yp_usage_error("'%s' does not fit this scenario; was it, or the core, changed since?", o->id);
	(void)fprintf(stderr, "yankproof: %s: %s\n", o->id, strerror(-result));
	return YP_EXIT_ERROR;
}

static int replay(const struct options *o, struct opened *c)
{
	char story[YP_STORY_BYTES];
	struct yp_outcome outcome = {0};
	int result = run_again(c, &outcome, story, sizeof story);
	if (result)
		return failed(o, result);
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

static int explain(const struct options *o, struct opened *c)
{
	char story[YP_STORY_BYTES];
	char smaller[YP_ID_MAX] = "";
	char sentence[YP_DETAIL_MAX];
	struct yp_outcome outcome = {0};
	int result = run_again(c, &outcome, story, sizeof story);
	if (result)
		return failed(o, result);
	if (outcome.verdict != YP_FAIL) {
		(void)printf("this case does not fail: %s, ended %s\n", yp_verdict_text(outcome.verdict),
			     outcome.label);
		return 0;
	}
	if (c->on_board)
		result = yp_qemu_explain(&c->board, &c->id, smaller, sentence, sizeof sentence);
	else if (c->lab.ops)
		explain_listed(c, story, &outcome, sentence, sizeof sentence, smaller);
	else
		result = yp_session_explain(&c->session, &c->id, smaller, sentence, sizeof sentence);
	if (result)
		return failed(o, result);
	(void)printf("%s\n      yankproof replay '%s'\n", sentence, smaller);
	return 0;
}

static int parse(int argc, char **argv, bool is_replay, struct options *o)
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
			o->board.console = true;
		} else if (option == 'g') {
			o->board.gdb = true;
		} else if (option == 'o') {
			o->board.disk_out = optarg;
		} else if (option == 'b' || option == 'a') {
			o->board.before = option == 'b';
		} else if (option == 'd') {
			o->dir = optarg;
		} else if (option == 's') {
			o->scenarios = optarg;
		} else if (option == 'h') {
			help(argv[0], is_replay);
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

static int with_case(int argc, char **argv, bool is_replay)
{
	struct options o = {.scenarios = YP_SCENARIOS_DIR, .id = ""};
	struct opened *c = calloc(1, sizeof *c);
	int status = parse(argc, argv, is_replay, &o);
	if (!c)
		return yp_no_memory();
	if (!status)
		status = open_case(&o, c);
	if (!status)
		status = is_replay ? replay(&o, c) : explain(&o, c);
	yp_session_deinit(&c->session);
	yp_lab_deinit(&c->lab);
	if (c->on_board)
		yp_qemu_close(&c->board);
	free(c);
	return status < 0 ? 0 : status;
}

int yp_verb_replay(int argc, char **argv)
{
	return with_case(argc, argv, true);
}

int yp_verb_explain(int argc, char **argv)
{
	return with_case(argc, argv, false);
}
