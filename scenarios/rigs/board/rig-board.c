/* SPDX-License-Identifier: Apache-2.0 */
/* Real boards, through the listing's agent: the rig that lists power cuts and the checklist. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file/schema.h"
#include "rigs/board/board-asks.h"

#define POST_MORTEM          "post-mortem" /* beside the environment */
#define CONSOLE_MOST         (256u * 1024u)
#define POST_MORTEM_MS       15000u
#define POST_MORTEM_SHELL_MS 5000u /* a board that hangs does not answer */

static void board_close(void *session)
{
	struct yp_board *board = session;
	/* Left off, if the listing still can. */
	json_t *answer = NULL;
	char detail[YP_BOARD_TEXT_MAX];
	if (board->agent && yp_board_agent_ask(board->agent, json_pack("{s:s}", "op", "off"), 5000, &answer, detail,
					       sizeof detail) == 0)
		json_decref(answer);
	yp_board_agent_free(board->agent);
	json_decref(board->commands);
	free(board);
}

static int read_hello(struct yp_board *board, char *detail, size_t detail_bytes)
{
	json_t *answer = NULL;
	int result = yp_board_agent_ask(board->agent, json_pack("{s:s}", "op", "hello"), YP_BOARD_SHELL_MS, &answer,
					detail, detail_bytes);
	if (result)
		return result;
	(void)snprintf(board->old, sizeof board->old, "%s", json_string_value(json_object_get(answer, "old")));
	(void)snprintf(board->new, sizeof board->new, "%s", json_string_value(json_object_get(answer, "new")));
	board->boot_ms = (uint32_t)json_integer_value(json_object_get(answer, "boot_timeout_ms"));
	board->provision = json_is_true(json_object_get(answer, "provision"));
	board->commands = json_incref(json_object_get(answer, "commands"));
	json_decref(answer);
	if (yp_board_command(board, "update") && yp_board_command(board, "slot"))
		return 0;
	(void)snprintf(detail, detail_bytes, "%s: commands: needs at least update and slot; see hil/README.md",
		       yp_board_agent_environment(board->agent));
	return YP_BOARD_LAB;
}

static bool board_absent(const struct yp_scenario *scenario, const char *images, char *why, size_t why_bytes)
{
	const struct yp_subject *subject = scenario->subject;
	(void)images;
	if (!subject->steps || !subject->cuts || !subject->messages || !subject->commands) {
		(void)snprintf(why, why_bytes, "subject %s does not define steps, cuts, messages or commands",
			       subject->name);
		return true;
	}
	(void)snprintf(why, why_bytes, "no board: LG_ENV names no labgrid environment; 'make hil' has one in a box");
	return !yp_board_environment();
}

static int board_open(const struct yp_rig_setup *setup, void **session, char *detail, size_t detail_bytes)
{
	if (board_absent(setup->scenario, setup->images, detail, detail_bytes))
		return 1;
	*detail = 0;
	struct yp_board *board = calloc(1, sizeof *board);
	if (!board)
		return -ENOMEM;
	board->subject = setup->scenario->subject;
	int result = yp_board_agent_new(yp_board_environment(), &board->agent, detail, detail_bytes);
	if (!result)
		result = read_hello(board, detail, detail_bytes);
	if (result) {
		board_close(board);
		return result > 0 ? -EIO : result;
	}
	*session = board;
	return 0;
}

static int list_next_free(struct yp_board *board, const struct yp_fault *fault, struct yp_listing *listing)
{
	unsigned *next = &board->next_free[fault - listing->scenario->faults];
	return yp_board_list_free(fault, listing->seed, &board->timing, next, listing);
}

static int board_plan(void *session, const struct yp_fault *fault, uint64_t seed, struct yp_listing *listing)
{
	return fault->board == YP_BOARD_FREE_CUTS ? list_next_free(session, fault, listing)
						  : yp_board_list_cases(fault, seed, listing);
}

/* What is left of the plan of free cuts, one at a time; then what is left of the budget. */
static int board_more(void *session, struct yp_listing *listing)
{
	const struct yp_scenario *scenario = listing->scenario;
	struct yp_board *board = session;
	int result = 0;
	for (unsigned i = 0; !result && i < scenario->fault_count; i++) {
		const struct yp_fault *fault = &scenario->faults[i];
		size_t before = listing->count;
		if (fault->board == YP_BOARD_FREE_CUTS)
			result = list_next_free(board, fault, listing);
		listing->sample = 0; /* the budget is not sampled */
		if (!result && listing->count == before)
			result = yp_board_list_more(fault, listing->seed, &board->tally, &board->timing, listing);
	}
	return result;
}

static int board_find(void *session, const char *id, struct yp_listed_case *out)
{
	struct yp_board_plan plan;
	(void)session;
	(void)snprintf(out->id, sizeof out->id, "%s", id);
	if (yp_board_plan_decode(id, &plan) == 0)
		return 0;
	for (unsigned i = 0; strncmp(id, "check:", 6) == 0 && yp_board_checks[i]; i++) {
		if (strcmp(yp_board_checks[i], id + 6) == 0)
			return 0;
	}
	return 1;
}

static void save_text(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX + 32];
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *file = fopen(path, "we");
	if (!file)
		return;
	(void)fputs(text ? text : "", file);
	(void)fclose(file);
}

/* ENVIRONMENT's folder / post-mortem / ID. */
static int make_folder(const char *environment, const char *id, char *out, size_t out_bytes)
{
	const char *slash = strrchr(environment, '/');
	int length =
	    snprintf(out, out_bytes, "%.*s" POST_MORTEM, slash ? (int)(slash - environment + 1) : 0, environment);
	if (mkdir(out, 0777) < 0 && errno != EEXIST)
		return -errno;
	(void)snprintf(out + length, out_bytes - (size_t)length, "/%s", id);
	for (char *at = out + length + 1; *at; at++)
		*at = *at == '/' ? '_' : *at;
	return mkdir(out, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

/* For the analysis of a failure: console, environment, cuts, the replay command. Missing parts are left out. */
static void post_mortem(struct yp_board *board, const struct yp_listed_case *c, const char *cuts)
{
	char dir[PATH_MAX];
	char text[PATH_MAX + 1024] = "";
	char detail[YP_BOARD_TEXT_MAX];
	json_t *answer = NULL;
	if (make_folder(yp_board_agent_environment(board->agent), c->id, dir, sizeof dir))
		return;
	if (yp_board_agent_ask(board->agent,
			       json_pack("{s:s, s:I, s:I}", "op", "console", "from", board->console_at, "most",
					 (json_int_t)CONSOLE_MOST),
			       POST_MORTEM_MS, &answer, detail, sizeof detail) == 0)
		save_text(dir, "console.log", json_string_value(json_object_get(answer, "text")));
	json_decref(answer);
	answer = NULL;
	const char *describe = board->subject->commands->describe;
	if (describe && yp_board_agent_ask(board->agent, json_pack("{s:s, s:s}", "op", "shell", "command", describe),
					   POST_MORTEM_SHELL_MS, &answer, detail, sizeof detail) == 0)
		save_text(dir, "environment.txt", json_string_value(json_object_get(answer, "output")));
	json_decref(answer);
	save_text(dir, "cuts.json", cuts);
	(void)snprintf(text, sizeof text, "%s: %s %s\nLG_ENV=%s yankproof replay 'SCENARIO@%s'\n", c->id,
		       yp_invariant_id(board->out->outcome.invariant), board->out->outcome.text,
		       yp_board_agent_environment(board->agent), c->id);
	save_text(dir, "why.txt", text);
	(void)snprintf(board->out->landing, sizeof board->out->landing, "post-mortem in %.79s", dir);
}

/* How long the steps of this case took where nothing disturbed them. That the listing cannot say is no verdict. */
static void measure_steps(struct yp_board *board)
{
	char detail[YP_BOARD_TEXT_MAX];
	json_t *answer = NULL;
	json_t *request = json_pack("{s:s, s:I}", "op", "lengths", "from", board->console_at);
	const char *step;
	json_t *length;
	if (yp_board_agent_ask(board->agent, request, YP_BOARD_SHELL_MS, &answer, detail, sizeof detail) == 0) {
		json_object_foreach(json_object_get(answer, "lengths"), step, length)
		{
			json_int_t us = json_integer_value(length);
			if (us >= 0 && us <= UINT32_MAX)
				yp_board_timing_step(&board->timing, step, (uint32_t)us);
		}
	}
	json_decref(answer);
}

static int board_run(void *session, const struct yp_listed_case *c, struct yp_listed_result *out)
{
	struct yp_board *board = session;
	struct yp_board_plan plan;
	board->out = out;
	board->detail[0] = board->canary[0] = board->slot[0] = 0;
	board->cuts = json_array();
	out->landed = true;
	bool cuts_power = yp_board_plan_decode(c->id, &plan) == 0;
	int result =
	    cuts_power ? yp_board_run_plan(board, &plan) : yp_board_run_check(board, c->id + strcspn(c->id, ":") + 1);
	if (cuts_power && result >= 0)
		measure_steps(board);
	char *cuts = json_array_size(board->cuts) ? json_dumps(board->cuts, JSON_COMPACT) : NULL;
	if (cuts && strlen(cuts) < sizeof out->cuts)
		(void)snprintf(out->cuts, sizeof out->cuts, "%s", cuts);
	if (result < 0 || out->outcome.verdict == YP_FAIL || out->outcome.verdict == YP_MISS)
		post_mortem(board, c, cuts);
	free(cuts);
	json_decref(board->cuts);
	board->cuts = NULL;
	return result < 0 ? result : 0;
}

static void name_fault(const char *id, char out[YP_FAULT_TEXT])
{
	(void)snprintf(out, YP_FAULT_TEXT, "%s", strncmp(id, "cut:", 4) == 0 ? "power-cut" : "none");
}

/* Of the first cut. */
static void find_step(const char *id, char out[YP_STEP_TEXT])
{
	out[0] = 0;
	if (strncmp(id, "cut:", 4) == 0)
		(void)snprintf(out, YP_STEP_TEXT, "%.*s", (int)strspn(id + 4, "SR0123456789"), id + 4);
}

const char *const yp_board_plans[] = {"checks", "cuts", "free-cuts", NULL};
static const struct yp_schema_field options[] = {
    {.key = "plan",
     .type = YP_SCHEMA_CHOICE,
     .offset = offsetof(struct yp_fault, board),
     .names = yp_board_plans,
     .required = true},
    YP_OPTION_MATCH("match"),
    {.key = "rounds", .type = YP_SCHEMA_UINT, .offset = offsetof(struct yp_fault, rounds), .min = 1, .max = 1000},
    {.key = "budget", .type = YP_SCHEMA_UINT, .offset = offsetof(struct yp_fault, budget), .min = 1, .max = 100000},
    {.key = NULL}};

const struct yp_scenario_rig yp_rig_board = {.terms = {.name = "board", .fault = "board", .options = options},
					     .sentence =
						 "a real board in a labgrid lab, its power cut by a real switch",
					     .absent = board_absent,
					     .open = board_open,
					     .close = board_close,
					     .plan = board_plan,
					     .find = board_find,
					     .more = board_more,
					     .run = board_run,
					     .name_fault = name_fault,
					     .find_step = find_step};
