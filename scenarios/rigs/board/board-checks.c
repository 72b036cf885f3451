/* SPDX-License-Identifier: Apache-2.0 */
/* The bring-up checklist: properties that an updater needs of a board, each line tested on it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rigs/board/board-asks.h"

#define FLUSH_ROUNDS 3u
#define QUICK_CYCLES 3u
#define HEAD_BYTES   65536
#define CLOCK_LOST_S 1000000000L /* a clock before this (2001) was never set */

static int skip_check(struct yp_board *board, const char *what)
{
	board->out->outcome.verdict = YP_SKIP;
	(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text, "the environment has no command '%s'",
		       what);
	return 1;
}

/* For a missing part of this board: its environment may give the reason, in `why`. */
static int skip_why(struct yp_board *board, const char *what, const char *why)
{
	const char *reason = yp_board_command(board, why);
	if (!reason)
		return skip_check(board, what);
	board->out->outcome.verdict = YP_SKIP;
	(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text, "%.150s", reason);
	return 1;
}

/* The planned action on the board cannot be shown to have happened. */
static int report_miss(struct yp_board *board, const char *text)
{
	board->out->outcome.verdict = YP_MISS;
	board->out->landed = false;
	(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text, "%s", text);
	return 1;
}

/* A bootloader without a prompt cannot be queried: SKIP, with the environment's reason. */
static int no_prompt(struct yp_board *board)
{
	const char *why = yp_board_command(board, "no_prompt");
	if (!why)
		return 0;
	board->out->outcome.verdict = YP_SKIP;
	(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text,
		       "the bootloader has no prompt: %.100s", why);
	return 1;
}

static int power_on(struct yp_board *board)
{
	return yp_board_request(board, json_pack("{s:s}", "op", "on"), board->boot_ms, NULL);
}

static int power_off(struct yp_board *board)
{
	return yp_board_request(board, json_pack("{s:s}", "op", "off"), board->boot_ms, NULL);
}

/* A shell, in the version that is expected. */
static int expect_version(struct yp_board *board, const char *want)
{
	char version[64] = "";
	int result = yp_board_await_linux(board, version);
	if (result == 1)
		return yp_board_fail(board, YP_I1, "no version comes up: %s", board->detail);
	if (!result && strcmp(version, want) != 0)
		return yp_board_fail(board, YP_I11, "version %s runs, not %s", version, want);
	return result;
}

/* Power off and on again: a shell, in that version. */
static int cycle_power(struct yp_board *board, const char *want)
{
	int result = power_off(board);
	if (!result)
		result = power_on(board);
	return result ? result : expect_version(board, want);
}

/* Late in a check: the board did not act in time. */
static int judge_late(struct yp_board *board, int result, enum yp_invariant invariant)
{
	if (result == 1 && board->out->outcome.verdict == YP_PASS)
		return yp_board_fail(board, invariant, "%s", board->detail);
	return result;
}

/* Both slots boot, and the first update goes from one to the other. */
static int check_update(struct yp_board *board)
{
	const char *update = yp_board_command(board, "update");
	json_t *request = json_pack("{s:s, s:s}", "op", "update", "command", update);
	int result =
	    judge_late(board, yp_board_request(board, request, YP_BOARD_WORK_MS + board->boot_ms, NULL), YP_I7);
	if (!result)
		result = yp_board_settle(board);
	return result ? result : yp_board_judge(board);
}

/* The bootloader reads what Linux stored in either copy of the environment. Two stores write both copies. */
static int check_environment(struct yp_board *board)
{
	const char *enable = yp_board_command(board, "bootloader_stop");
	char command[YP_BOARD_TEXT_MAX];
	int result = no_prompt(board);
	if (!result)
		result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	for (unsigned i = 1; !result && i <= 2; i++) {
		json_t *answer = NULL;
		(void)snprintf(command, sizeof command, "%s%sfw_setenv hil_probe copy-%u", enable ? enable : "",
			       enable ? "; " : "", i);
		result = yp_board_run_shell(board, command, YP_BOARD_SHELL_MS, NULL, 0);
		enable = NULL;
		if (!result)
			result = yp_board_request(board, json_pack("{s:s, s:s}", "op", "state", "name", "bootloader"),
						  2 * board->boot_ms, NULL);
		if (!result)
			result = yp_board_request(
			    board, json_pack("{s:s, s:s}", "op", "bootloader", "command", "printenv hil_probe"),
			    YP_BOARD_SHELL_MS, &answer);
		const char *output = json_string_value(json_object_get(answer, "output"));
		(void)snprintf(command, sizeof command, "hil_probe=copy-%u", i);
		if (!result && (!output || !strstr(output, command)))
			result = yp_board_fail(board, YP_I1, "Linux stored %s, the bootloader reads '%.60s'", command,
					       output ? output : "");
		json_decref(answer);
		if (!result)
			result = cycle_power(board, board->old);
	}
	return judge_late(board, result, YP_I1);
}

/* Tears one copy of the boot environment, both of which say hil_probe=whole by then. */
static int tear_copy(struct yp_board *board, const char *copy)
{
	char before[YP_BOARD_TEXT_MAX] = "";
	char after[YP_BOARD_TEXT_MAX] = "";
	/* A store writes the copy that is not in use: three reach both. */
	int result =
	    yp_board_run_shell(board, "fw_setenv hil_probe; fw_setenv hil_probe whole && fw_setenv hil_other whole",
			       YP_BOARD_SHELL_MS, NULL, 0);
	if (!result)
		result = yp_board_run_shell_with(board, "copy", "@COPY@", copy, before, sizeof before);
	if (!result)
		result = yp_board_run_shell_with(board, "tear", "@COPY@", copy, NULL, 0);
	if (!result)
		result = yp_board_run_shell_with(board, "copy", "@COPY@", copy, after, sizeof after);
	if (!result && strcmp(before, after) == 0)
		return report_miss(board, "'tear' left the copy of the environment as it was");
	return result;
}

/* Either copy of the boot environment may be torn: bootloader and Linux go on with the other one. */
static int check_torn_environment(struct yp_board *board)
{
	static const char *const copies[] = {"1", "2"};
	char text[64] = "";
	if (!yp_board_command(board, "tear") || !yp_board_command(board, "copy"))
		return skip_check(board, yp_board_command(board, "tear") ? "copy" : "tear");
	int result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	for (unsigned i = 0; !result && i < 2; i++) {
		result = tear_copy(board, copies[i]);
		if (!result)
			result = cycle_power(board, board->old);
		if (!result)
			result =
			    yp_board_run_shell(board, "fw_printenv -n hil_probe", YP_BOARD_SHELL_MS, text, sizeof text);
		if (!result && strcmp(text, "whole") != 0)
			result = yp_board_fail(board, YP_I1,
					       "copy %s of the environment is torn, and of the other is read: '%.40s'",
					       copies[i], text);
	}
	if (!result)
		result = yp_board_run_on_host(board, "offer_new", NULL, NULL, 0);
	return result ? judge_late(board, result, YP_I1) : check_update(board);
}

/* Data for which sync has returned survives a power cut. */
static int check_flush(struct yp_board *board)
{
	const char *file = yp_board_command(board, "scratch");
	char command[YP_BOARD_TEXT_MAX];
	char output[YP_BOARD_TEXT_MAX];
	if (!file)
		return skip_check(board, "scratch");
	/* A board that polls at each boot must find nothing new. */
	int result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	for (unsigned i = 1; !result && i <= FLUSH_ROUNDS; i++) {
		(void)snprintf(command, sizeof command, "echo flushed-%u >%s && sync", i, file);
		result = yp_board_run_shell(board, command, YP_BOARD_SHELL_MS, NULL, 0);
		if (!result)
			result = cycle_power(board, board->old);
		(void)snprintf(command, sizeof command, "cat %s", file);
		if (!result)
			result = yp_board_run_shell(board, command, YP_BOARD_SHELL_MS, output, sizeof output);
		(void)snprintf(command, sizeof command, "flushed-%u", i);
		if (!result && strcmp(output, command) != 0)
			result = yp_board_fail(board, YP_I8, "%s was flushed before the cut, and reads back '%.60s'",
					       command, output);
	}
	return judge_late(board, result, YP_I1);
}

/* Cuts while the bootloader runs; `start` as yp_board_cut_power(). */
static int cut_boot(struct yp_board *board, const char *start)
{
	struct yp_board_cut cut = {.mode = 'n'};
	(void)snprintf(cut.step, sizeof cut.step, "%.3s", board->subject->steps->select);
	return yp_board_cut_power(board, &cut, start);
}

/* Power cycles of a healthy device are not counted and change nothing. */
static int check_quick_cycles(struct yp_board *board)
{
	long count = 0;
	int result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	if (!result)
		result = power_off(board);
	for (unsigned i = 0; !result && i < QUICK_CYCLES; i++)
		result = cut_boot(board, "on");
	if (!result)
		result = power_on(board);
	if (!result)
		result = expect_version(board, board->old);
	if (!result)
		result = yp_board_count_boots(board, &count);
	if (!result && count != 0)
		return yp_board_fail(board, YP_I11, "%ld boots were counted outside a trial", count);
	return judge_late(board, result, YP_I1);
}

/* On trial each boot is counted, and stored before the version starts. */
static int check_trial_counts(struct yp_board *board)
{
	const struct yp_subject_commands *commands = board->subject->commands;
	const char *enable = yp_board_command(board, "bootloader_stop");
	json_t *answer = NULL;
	char count[16] = "";
	if (!commands->prompt_attempts)
		return skip_check(board, "prompt_attempts");
	int result = no_prompt(board);
	if (!result && enable)
		result = yp_board_run_shell(board, enable, YP_BOARD_SHELL_MS, NULL, 0);
	if (!result)
		result = cut_boot(board, yp_board_command(board, "update"));
	if (!result)
		result = yp_board_request(board, json_pack("{s:s, s:s}", "op", "state", "name", "bootloader"),
					  2 * board->boot_ms, NULL);
	if (!result)
		result = yp_board_request(
		    board, json_pack("{s:s, s:s}", "op", "bootloader", "command", commands->prompt_attempts),
		    YP_BOARD_SHELL_MS, &answer);
	const char *output = json_string_value(json_object_get(answer, "output"));
	if (!result && (!yp_subject_match(commands->prompt_answer, output ? output : "", count, sizeof count) ||
			strcmp(count, "2") != 0))
		result = yp_board_fail(board, YP_I7, "the second boot of a trial is not counted as 2: '%.40s'",
				       output ? output : "");
	json_decref(answer);
	if (!result)
		result = power_off(board);
	if (!result)
		result = power_on(board);
	if (!result)
		result = yp_board_settle(board);
	return judge_late(board, result, YP_I1);
}

/* A version whose every trial boot is cut: the bootloader's alternative command goes back to the old one. */
static int check_limit(struct yp_board *board)
{
	struct yp_board_plan plan;
	char id[YP_ID_LISTED_MAX];
	(void)snprintf(id, sizeof id, "cut:%s/1", board->subject->cuts->limit);
	int result = yp_board_plan_decode(id, &plan);
	return result ? result : yp_board_run_plan(board, &plan);
}

/* No version below the floor is installed, from any source. */
static int check_downgrade(struct yp_board *board)
{
	char said[YP_BOARD_TEXT_MAX] = "";
	bool rebooted = false;
	if (!yp_board_command(board, "offer_old"))
		return skip_check(board, "offer_old");
	int result = check_update(board);
	if (!result && yp_board_command(board, "mux"))
		result = power_on(board);
	if (!result && yp_board_command(board, "mux"))
		result = expect_version(board, board->new);
	if (!result)
		result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	if (!result)
		result = yp_board_run_update(board, said, sizeof said, &rebooted);
	if (!result && rebooted)
		result = yp_board_fail(board, YP_I4, "an older version was installed over a newer one");
	else if (!result && !strstr(said, board->subject->messages->older))
		result = yp_board_fail(board, YP_I4, "an older version is not refused as a downgrade: %.120s", said);
	return judge_late(board, result, YP_I7);
}

/* A command after which nothing runs any more; the watchdog must start the board anew, into the same version. */
static int expect_reset(struct yp_board *board, const char *hang)
{
	int result = yp_board_request(board, json_pack("{s:s, s:s}", "op", "await_boot", "command", hang),
				      3 * board->boot_ms, NULL);
	if (!result)
		result = expect_version(board, board->old);
	return judge_late(board, result, YP_I1);
}

static int check_watchdog(struct yp_board *board)
{
	if (!yp_board_command(board, "hang"))
		return skip_why(board, "hang", "no_hang");
	int result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	return result ? result : expect_reset(board, yp_board_command(board, "hang"));
}

static int check_watchdog_kernel(struct yp_board *board)
{
	if (!yp_board_command(board, "hang_kernel"))
		return skip_why(board, "hang_kernel", "no_hang_kernel");
	int result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	return result ? result : expect_reset(board, yp_board_command(board, "hang_kernel"));
}

static int check_watchdog_bootloader(struct yp_board *board)
{
	const char *enable = yp_board_command(board, "bootloader_stop");
	if (!yp_board_command(board, "hang_bootloader"))
		return skip_why(board, "hang_bootloader", "no_hang_bootloader");
	int result = no_prompt(board);
	if (!result)
		result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	if (!result && enable)
		result = yp_board_run_shell(board, enable, YP_BOARD_SHELL_MS, NULL, 0);
	if (!result)
		result = yp_board_request(board, json_pack("{s:s, s:s}", "op", "state", "name", "bootloader"),
					  2 * board->boot_ms, NULL);
	if (!result)
		result = expect_reset(board, yp_board_command(board, "hang_bootloader"));
	return judge_late(board, result, YP_I1);
}

/* The other slot never held a version, as a factory may leave it: the first update is installed there. */
static int check_first_install(struct yp_board *board)
{
	const char *other = strcmp(board->slot, "A") == 0 ? "B" : "A";
	char before[YP_BOARD_TEXT_MAX] = "";
	char after[YP_BOARD_TEXT_MAX] = "";
	if (!yp_board_command(board, "garble") || !yp_board_command(board, "hash"))
		return skip_check(board, yp_board_command(board, "garble") ? "hash" : "garble");
	int result = yp_board_run_on_slot(board, "hash", other, HEAD_BYTES, before, sizeof before);
	if (!result)
		result = yp_board_run_on_slot(board, "garble", other, 0, NULL, 0);
	if (!result)
		result = yp_board_run_on_slot(board, "hash", other, HEAD_BYTES, after, sizeof after);
	if (!result && strcmp(before, after) == 0)
		return report_miss(board, "'garble' left the other slot as it was");
	return result ? judge_late(board, result, YP_I1) : check_update(board);
}

/* Power off, and on again with that clock: seconds since 1970, or "now". */
static int start_with_clock(struct yp_board *board, const char *clock)
{
	int result = power_off(board);
	if (!result)
		result = yp_board_run_on_host(board, "clock", json_pack("{s:s}", "CLOCK", clock), NULL, 0);
	return result ? result : power_on(board);
}

/* With the clock lost: either the update succeeds, or it is refused with one reason. */
static int update_without_clock(struct yp_board *board)
{
	char version[64] = "";
	char text[YP_BOARD_TEXT_MAX] = "";
	bool rebooted = false;
	int result = yp_board_await_linux(board, version);
	if (!result)
		result = yp_board_run_shell(board, "date +%s", YP_BOARD_SHELL_MS, text, sizeof text);
	if (!result && strtol(text, NULL, 10) >= CLOCK_LOST_S)
		return report_miss(board, "the board knows what time it is: its clock was not lost");
	if (result || strcmp(version, board->new) == 0)
		return judge_late(board, result, YP_I1);
	if (strcmp(version, board->old) != 0)
		return yp_board_fail(board, YP_I2, "version '%s' runs", version);
	text[0] = 0;
	result = yp_board_run_update(board, text, sizeof text, &rebooted);
	if (!result && rebooted)
		return yp_board_settle(board);
	/* Its last line ends with a reason. */
	if (!result && !yp_subject_match(board->subject->messages->outcome, text, NULL, 0))
		return yp_board_fail(board, YP_I5, "without a clock no update, and no reason: '%.80s'", text);
	if (!result)
		(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text, "without a clock: %.100s",
			       text);
	return result;
}

/* A board whose clock is at 1970, as without a battery at each boot: no harm, and the update once the clock is right.
 */
static int check_no_clock(struct yp_board *board)
{
	if (!yp_board_command(board, "clock"))
		return skip_why(board, "clock", "no_clock");
	int result = start_with_clock(board, "0");
	if (!result)
		result = update_without_clock(board);
	if (!result)
		result = start_with_clock(board, "now");
	if (!result)
		result = yp_board_settle(board);
	return result ? judge_late(board, result, YP_I1) : yp_board_judge(board);
}

/* The supply dips at a step of the update: the update still succeeds. */
static int dip_supply(struct yp_board *board, const char *step, unsigned ms, const char *start, unsigned *resets)
{
	json_t *answer = NULL;
	json_t *request = json_pack("{s:s, s:s, s:s, s:s, s:{s:I}}", "op", "dip", "step", step, "start", start, "name",
				    "brownout", "values", "MS", (json_int_t)ms);
	int result = yp_board_request(board, request, 3 * board->boot_ms, &answer);
	*resets += json_is_true(json_object_get(answer, "reset"));
	json_decref(answer);
	return result;
}

static int check_brown_out(struct yp_board *board)
{
	static const unsigned dips_ms[] = {5, 50, 500};
	const char *const *steps = board->subject->cuts->dips;
	const char *start = yp_board_command(board, "update");
	unsigned resets = 0;
	int result = 0;
	if (!yp_board_command(board, "brownout"))
		return skip_why(board, "brownout", "no_brownout");
	for (size_t i = 0; !result && i < sizeof dips_ms / sizeof *dips_ms; i++)
		result = dip_supply(board, steps[i], dips_ms[i], i ? "" : start, &resets);
	if (!result)
		result = yp_board_settle(board);
	if (!result)
		result = yp_board_judge(board);
	if (!result && resets == 0)
		return report_miss(board,
				   "no dip reset the board: nothing shows that there was one; deeper, or longer");
	if (!result)
		(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text,
			       "%u of %zu dips reset the board", resets, sizeof dips_ms / sizeof *dips_ms);
	return judge_late(board, result, YP_I1);
}

static const char holds_dips[] = "dips"; /* at the steps where the supply dips */

static void write_dips(const struct yp_board *board, char *out, size_t out_bytes)
{
	size_t used = 0;
	out[0] = 0;
	for (const char *const *at = board->subject->cuts->dips; *at && used < out_bytes; at++)
		used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", used ? "," : "", *at);
}

int yp_board_run_check(struct yp_board *board, const char *name)
{
	char holds[64];
	static const struct {
		const char *name;
		int (*run)(struct yp_board *board);
		const char *holds;
	} checks[] = {{"update", check_update, "none"},
		      {"environment", check_environment, "none"},
		      {"torn-environment", check_torn_environment, "none"},
		      {"flush", check_flush, "none"},
		      {"quick-cycles", check_quick_cycles, "none"},
		      {"trial-counts", check_trial_counts, "none"},
		      {"limit-goes-back", check_limit, NULL},
		      {"downgrade", check_downgrade, "none"},
		      {"first-install", check_first_install, "none"},
		      {"no-clock", check_no_clock, "none"},
		      {"brown-out", check_brown_out, holds_dips},
		      {"watchdog", check_watchdog, "none"},
		      {"watchdog-kernel", check_watchdog_kernel, "none"},
		      {"watchdog-bootloader", check_watchdog_bootloader, "none"}};
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		if (strcmp(checks[i].name, name) != 0)
			continue;
		if (checks[i].holds == holds_dips)
			write_dips(board, holds, sizeof holds);
		else
			(void)snprintf(holds, sizeof holds, "%s", checks[i].holds ? checks[i].holds : "");
		int result = *holds ? yp_board_prepare(board, holds, 1) : 0;
		return result ? result : checks[i].run(board);
	}
	return -EINVAL;
}
