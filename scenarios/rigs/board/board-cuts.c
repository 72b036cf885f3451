/* SPDX-License-Identifier: Apache-2.0 */
/* Power cuts of a board: one at a step, and a plan of several in one update. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rigs/board/board-asks.h"

/* The medium's own report of the cut, where the lab can read it. */
static int note_medium(struct yp_board *board, json_t *noted)
{
	char text[YP_BOARD_TEXT_MAX] = "";
	if (!yp_board_command(board, "medium"))
		return 0;
	int result = yp_board_run_on_host(board, "medium", NULL, text, sizeof text);
	json_t *said = result ? NULL : json_loads(text, 0, NULL);
	if (json_is_object(said) && json_object_set(noted, "medium", said))
		result = -ENOMEM;
	json_decref(said);
	return result;
}

/* For a cut without the hold: the measurements before it, then the switch's time for this cut. */
static int note_timing(struct yp_board *board, const struct yp_board_cut *cut, json_int_t ack_us, json_t *noted)
{
	uint32_t length_us;
	uint32_t switch_us;
	int result = 0;
	if (cut->mode == 'n' && yp_board_timing_median(&board->timing, cut->step, &length_us, &switch_us) &&
	    (json_object_set_new(noted, "length_us", json_integer(length_us)) ||
	     json_object_set_new(noted, "switch_us", json_integer(switch_us))))
		result = -ENOMEM;
	if (ack_us >= cut->delay_us && ack_us <= UINT32_MAX)
		yp_board_timing_cut(&board->timing, (uint32_t)ack_us - cut->delay_us);
	return result;
}

int yp_board_cut_power(struct yp_board *board, const struct yp_board_cut *cut, const char *start)
{
	json_t *answer = NULL;
	json_t *request =
	    json_pack("{s:s, s:s, s:s, s:I, s:s}", "op", "cut", "step", cut->step, "what",
		      cut->mode == 'g' ? "go" : "mark", "delay_us", (json_int_t)cut->delay_us, "start", start);
	board->tally.asked++;
	int result = yp_board_request(board, request, 3 * board->boot_ms, &answer);
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
		yp_board_tally_hit(&board->tally, landed);
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

/* At these marks the store that arms is done, and the bootloader has not gone back yet. */
static bool is_armed(const struct yp_subject *subject, const char *step)
{
	for (const char *const *at = subject->cuts->armed; *at; at++) {
		if (strcmp(*at, step) == 0)
			return true;
	}
	return false;
}

int yp_board_run_plan(struct yp_board *board, const struct yp_board_plan *plan)
{
	char holds[YP_BOARD_TEXT_MAX];
	char missed[YP_BOARD_TEXT_MAX] = "";
	yp_board_plan_holds(plan, holds, sizeof holds);
	int result = yp_board_prepare(board, holds, plan->seed);
	for (unsigned i = 0; !result && i < plan->count; i++) {
		result = yp_board_cut_power(board, &plan->cuts[i], i ? "on" : yp_board_command(board, "update"));
		if (!result)
			result = yp_board_judge_media(board, is_armed(board->subject, plan->cuts[i].step));
	}
	if (result == 1 && board->out->outcome.verdict == YP_FAIL)
		return 1;
	if (result == 1) {
		/* The step did not come: no cut landed there. Check that the board still works. */
		(void)snprintf(missed, sizeof missed, "%s", board->detail);
		result = yp_board_request(board, json_pack("{s:s}", "op", "off"), board->boot_ms, NULL);
	}
	if (!result)
		result = yp_board_request(board, json_pack("{s:s}", "op", "on"), board->boot_ms, NULL);
	if (!result)
		result = yp_board_settle(board);
	if (!result)
		result = yp_board_judge(board);
	if (!result && *missed) {
		board->out->landed = false;
		(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text, "%s", missed);
		board->out->outcome.verdict = YP_MISS;
		return 1;
	}
	return result;
}
