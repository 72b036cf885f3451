/* SPDX-License-Identifier: Apache-2.0 */
/* Real boards, through the lab's agent: the rig that lists power cuts and the checklist. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rigs/board-asks.h"

#define POST_MORTEM          "post-mortem" /* beside the environment */
#define CONSOLE_MOST         (256u * 1024u)
#define POST_MORTEM_MS       15000u
#define POST_MORTEM_SHELL_MS 5000u /* a board that hangs does not answer */

static void board_close(void *rig)
{
	struct yp_hil *board = rig;
	if (!board)
		return;
	/* Left off, if the lab still can. */
	json_t *answer = NULL;
	char detail[YP_HIL_TEXT_MAX];
	if (board->agent &&
	    yp_hil_ask(board->agent, json_pack("{s:s}", "op", "off"), 5000, &answer, detail, sizeof detail) == 0)
		json_decref(answer);
	yp_hil_agent_free(board->agent);
	json_decref(board->commands);
	free(board);
}

static int read_hello(struct yp_hil *board, char *detail, size_t detail_bytes)
{
	json_t *answer = NULL;
	int result =
	    yp_hil_ask(board->agent, json_pack("{s:s}", "op", "hello"), YP_HIL_SHELL_MS, &answer, detail, detail_bytes);
	if (result)
		return result;
	(void)snprintf(board->old, sizeof board->old, "%s", json_string_value(json_object_get(answer, "old")));
	(void)snprintf(board->new, sizeof board->new, "%s", json_string_value(json_object_get(answer, "new")));
	board->boot_ms = (uint32_t)json_integer_value(json_object_get(answer, "boot_timeout_ms"));
	board->provision = json_is_true(json_object_get(answer, "provision"));
	board->commands = json_incref(json_object_get(answer, "commands"));
	json_decref(answer);
	if (yp_hil_command(board, "update") && yp_hil_command(board, "slot"))
		return 0;
	(void)snprintf(detail, detail_bytes, "%s: commands: needs at least update and slot; see hil/README.md",
		       yp_hil_agent_environment(board->agent));
	return YP_HIL_LAB;
}

static int board_open(uint64_t seed, void **rig, char *detail, size_t detail_bytes)
{
	struct yp_hil *board = calloc(1, sizeof *board);
	(void)seed;
	if (!board)
		return -ENOMEM;
	int result = yp_hil_agent_new(yp_hil_environment(), &board->agent, detail, detail_bytes);
	if (!result)
		result = read_hello(board, detail, detail_bytes);
	if (result) {
		board_close(board);
		return result > 0 ? -EIO : result;
	}
	*rig = board;
	return 0;
}

static int list_next_free(struct yp_hil *board, const struct yp_fault *fault, struct yp_lab *lab)
{
	unsigned *next = &board->next_free[fault - lab->scenario->faults];
	return yp_hil_list_free(fault, lab->seed, &board->timing, next, lab);
}

static int board_plan(void *rig, const struct yp_fault *fault, uint64_t seed, struct yp_lab *lab)
{
	return fault->board == 2 ? list_next_free(rig, fault, lab) : yp_hil_list(fault, seed, lab);
}

/* What is left of the plan of free cuts, one at a time; then what is left of the budget. */
static int board_more(void *rig, const struct yp_scenario *scenario, struct yp_lab *lab)
{
	struct yp_hil *board = rig;
	int result = 0;
	for (unsigned i = 0; !result && i < scenario->fault_count; i++) {
		const struct yp_fault *fault = &scenario->faults[i];
		size_t before = lab->count;
		if (fault->board == 2)
			result = list_next_free(board, fault, lab);
		lab->sample = 0; /* the budget is not sampled */
		if (!result && lab->count == before)
			result = yp_hil_list_more(fault, lab->seed, &board->tally, &board->timing, lab);
	}
	return result;
}

static int board_find(void *rig, const char *id, struct yp_lab_case *out)
{
	struct yp_hil_plan plan;
	(void)rig;
	(void)snprintf(out->id, sizeof out->id, "%s", id);
	if (yp_hil_plan_decode(id, &plan) == 0)
		return 0;
	for (unsigned i = 0; strncmp(id, "check:", 6) == 0 && yp_hil_checks[i]; i++) {
		if (strcmp(yp_hil_checks[i], id + 6) == 0)
			return 0;
	}
	return 1;
}

/* What the medium itself says of the cut, where the lab can ask it. */
static int note_medium(struct yp_hil *board, json_t *noted)
{
	char text[YP_HIL_TEXT_MAX] = "";
	if (!yp_hil_command(board, "medium"))
		return 0;
	int result = yp_hil_host(board, "medium", NULL, text, sizeof text);
	json_t *said = result ? NULL : json_loads(text, 0, NULL);
	if (json_is_object(said) && json_object_set(noted, "medium", said))
		result = -ENOMEM;
	json_decref(said);
	return result;
}

/* Of a cut without the hold: what was measured before it. Then what the switch took this time. */
static int note_timing(struct yp_hil *board, const struct yp_hil_cut *cut, json_int_t ack_us, json_t *noted)
{
	uint32_t length_us;
	uint32_t switch_us;
	int result = 0;
	if (cut->mode == 'n' && yp_hil_timing_of(&board->timing, cut->step, &length_us, &switch_us) &&
	    (json_object_set_new(noted, "length_us", json_integer(length_us)) ||
	     json_object_set_new(noted, "switch_us", json_integer(switch_us))))
		result = -ENOMEM;
	if (ack_us >= cut->delay_us && ack_us <= UINT32_MAX)
		yp_hil_timing_cut(&board->timing, (uint32_t)ack_us - cut->delay_us);
	return result;
}

int yp_hil_cut(struct yp_hil *board, const struct yp_hil_cut *cut, const char *start)
{
	json_t *answer = NULL;
	json_t *request =
	    json_pack("{s:s, s:s, s:s, s:I, s:s}", "op", "cut", "step", cut->step, "what",
		      cut->mode == 'g' ? "go" : "mark", "delay_us", (json_int_t)cut->delay_us, "start", start);
	board->tally.asked++;
	int result = yp_hil_do(board, request, 3 * board->boot_ms, &answer);
	if (!result) {
		const char *landed = json_string_value(json_object_get(answer, "landed"));
		json_t *noted = json_pack(
		    "{s:s, s:s, s:s, s:I, s:O, s:O, s:O}", "step", cut->step, "landed", landed, "mode",
		    cut->mode == 'h'   ? "hold"
		    : cut->mode == 'g' ? "go"
				       : "free",
		    "delay_us", (json_int_t)cut->delay_us, "overshoot", json_object_get(answer, "overshoot"),
		    "command_us", json_object_get(answer, "command_us"), "ack_us", json_object_get(answer, "ack_us"));
		board->out->cut_count++;
		yp_hil_tally_hit(&board->tally, landed);
		result = note_timing(board, cut, json_integer_value(json_object_get(answer, "ack_us")), noted);
		if (!result)
			result = json_array_append(board->cuts, noted) ? -ENOMEM : note_medium(board, noted);
		json_decref(noted);
		if (cut->mode == 'h' && strcmp(landed, cut->step) != 0)
			board->out->landed = false;
	}
	json_decref(answer);
	return result;
}

/* At these marks the boot store of S10 is done, and the bootloader has not gone back yet. */
static bool is_armed(const char *step)
{
	return step[0] == 'S' && strcmp(step, "S11") >= 0 && strcmp(step, "S16") < 0;
}

int yp_hil_run_plan(struct yp_hil *board, const struct yp_hil_plan *plan)
{
	char holds[YP_HIL_TEXT_MAX];
	char missed[YP_HIL_TEXT_MAX] = "";
	yp_hil_plan_holds(plan, holds, sizeof holds);
	int result = yp_hil_prepare(board, holds, plan->seed);
	for (unsigned i = 0; !result && i < plan->count; i++) {
		result = yp_hil_cut(board, &plan->cuts[i], i ? "on" : yp_hil_command(board, "update"));
		if (!result)
			result = yp_hil_judge_media(board, is_armed(plan->cuts[i].step));
	}
	if (result == 1 && board->out->outcome.verdict == YP_FAIL)
		return 1;
	if (result == 1) {
		/* The step did not come: no cut landed there. Is the board well, all the same? */
		(void)snprintf(missed, sizeof missed, "%s", board->detail);
		result = yp_hil_do(board, json_pack("{s:s}", "op", "off"), board->boot_ms, NULL);
	}
	if (!result)
		result = yp_hil_do(board, json_pack("{s:s}", "op", "on"), board->boot_ms, NULL);
	if (!result)
		result = yp_hil_settle(board);
	if (!result)
		result = yp_hil_judge(board);
	if (!result && *missed) {
		board->out->landed = false;
		(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text, "%s", missed);
		board->out->outcome.verdict = YP_MISS;
		return 1;
	}
	return result;
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

/* For whoever has to find out why: console, environment, cuts, how to run it again. What cannot be had is left out. */
static void post_mortem(struct yp_hil *board, const struct yp_lab_case *c, const char *cuts)
{
	char dir[PATH_MAX];
	char text[PATH_MAX + 1024] = "";
	char detail[YP_HIL_TEXT_MAX];
	json_t *answer = NULL;
	if (make_folder(yp_hil_agent_environment(board->agent), c->id, dir, sizeof dir))
		return;
	if (yp_hil_ask(board->agent,
		       json_pack("{s:s, s:I, s:I}", "op", "console", "from", board->console_at, "most",
				 (json_int_t)CONSOLE_MOST),
		       POST_MORTEM_MS, &answer, detail, sizeof detail) == 0)
		save_text(dir, "console.log", json_string_value(json_object_get(answer, "text")));
	json_decref(answer);
	answer = NULL;
	if (yp_hil_ask(board->agent, json_pack("{s:s, s:s}", "op", "shell", "command", "fw_printenv; ota status"),
		       POST_MORTEM_SHELL_MS, &answer, detail, sizeof detail) == 0)
		save_text(dir, "environment.txt", json_string_value(json_object_get(answer, "output")));
	json_decref(answer);
	save_text(dir, "cuts.json", cuts);
	(void)snprintf(text, sizeof text, "%s: %s %s\nLG_ENV=%s yankproof replay 'SCENARIO@%s'\n", c->id,
		       yp_invariant_id(board->out->outcome.invariant), board->out->outcome.text,
		       yp_hil_agent_environment(board->agent), c->id);
	save_text(dir, "why.txt", text);
	(void)snprintf(board->out->landing, sizeof board->out->landing, "post-mortem in %.79s", dir);
}

/* How long the steps of this case took where nothing disturbed them. That the lab cannot say is no verdict. */
static void measure_steps(struct yp_hil *board)
{
	char detail[YP_HIL_TEXT_MAX];
	json_t *answer = NULL;
	json_t *request = json_pack("{s:s, s:I}", "op", "lengths", "from", board->console_at);
	const char *step;
	json_t *length;
	if (yp_hil_ask(board->agent, request, YP_HIL_SHELL_MS, &answer, detail, sizeof detail) == 0) {
		json_object_foreach(json_object_get(answer, "lengths"), step, length)
		{
			json_int_t us = json_integer_value(length);
			if (us >= 0 && us <= UINT32_MAX)
				yp_hil_timing_step(&board->timing, step, (uint32_t)us);
		}
	}
	json_decref(answer);
}

static int board_run(void *rig, const struct yp_lab_case *c, struct yp_lab_result *out)
{
	struct yp_hil *board = rig;
	struct yp_hil_plan plan;
	board->out = out;
	board->detail[0] = board->canary[0] = board->slot[0] = 0;
	board->cuts = json_array();
	out->landed = true;
	bool cuts_power = yp_hil_plan_decode(c->id, &plan) == 0;
	int result =
	    cuts_power ? yp_hil_run_plan(board, &plan) : yp_hil_run_check(board, c->id + strcspn(c->id, ":") + 1);
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

const struct yp_lab_rig yp_lab_hil = {.open = board_open,
				      .close = board_close,
				      .plan = board_plan,
				      .find = board_find,
				      .more = board_more,
				      .run = board_run};
