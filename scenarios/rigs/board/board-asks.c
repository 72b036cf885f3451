/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a board, and the conditions that must hold on it: on its console, in its boot environment, on its media,
 * at the server. */
#include "rigs/board/board-asks.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_TURNS_MAX 6u
#define SEED_ROOM        16u /* cuts of one case */

int yp_board_fail(struct yp_board *board, enum yp_invariant invariant, const char *format, ...)
{
	va_list args;

	(void)snprintf(board->out->outcome.label, sizeof board->out->outcome.label, "broken");
	va_start(args, format);
	yp_outcome_vfail(&board->out->outcome, invariant, format, args);
	va_end(args);
	return 1;
}

int yp_board_request(struct yp_board *board, json_t *request, uint32_t deadline_ms, json_t **answer)
{
	int result =
	    yp_board_agent_ask(board->agent, request, deadline_ms, answer, board->detail, sizeof board->detail);
	if (result != YP_BOARD_LAB && result >= 0)
		return result;
	board->out->outcome.verdict = YP_ERROR;
	(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text, "the lab failed: %.120s",
		       result < 0 ? strerror(-result) : board->detail);
	return result < 0 ? result : -EIO;
}

const char *yp_board_command(const struct yp_board *board, const char *name)
{
	return json_string_value(json_object_get(board->commands, name));
}

static void copy_trimmed(const char *text, char *out, size_t out_bytes)
{
	while (text && isspace((unsigned char)*text))
		text++;
	(void)snprintf(out, out_bytes, "%s", text ? text : "");
	for (size_t n = strlen(out); n && isspace((unsigned char)out[n - 1]);)
		out[--n] = 0;
}

int yp_board_run_shell(struct yp_board *board, const char *command, uint32_t deadline_ms, char *out, size_t out_bytes)
{
	json_t *answer = NULL;
	int result =
	    yp_board_request(board, json_pack("{s:s, s:s}", "op", "shell", "command", command), deadline_ms, &answer);
	if (!result && out)
		copy_trimmed(json_string_value(json_object_get(answer, "output")), out, out_bytes);
	json_decref(answer);
	return result;
}

int yp_board_run_on_host(struct yp_board *board, const char *name, json_t *values, char *out, size_t out_bytes)
{
	json_t *answer = NULL;
	json_t *request =
	    json_pack("{s:s, s:s, s:o}", "op", "host", "name", name, "values", values ? values : json_object());
	int result = yp_board_request(board, request, YP_BOARD_WORK_MS, &answer);
	if (!result && out)
		copy_trimmed(json_string_value(json_object_get(answer, "output")), out, out_bytes);
	json_decref(answer);
	return result;
}

int yp_board_await_linux(struct yp_board *board, char version[64])
{
	json_t *answer = NULL;
	int result = yp_board_request(board, json_pack("{s:s}", "op", "linux"), 3 * board->boot_ms, &answer);
	if (!result) {
		copy_trimmed(json_string_value(json_object_get(answer, "version")), version, 64);
		board->out->outcome.boots += (uint32_t)json_integer_value(json_object_get(answer, "boots"));
	}
	json_decref(answer);
	return result;
}

/* Reports of success that the server has. */
static int count_successes(struct yp_board *board, long *out)
{
	json_t *answer = NULL;
	int result = yp_board_request(board, json_pack("{s:s, s:s}", "op", "host", "name", "reports"), YP_BOARD_WORK_MS,
				      &answer);
	const char *at = json_string_value(json_object_get(answer, "output"));
	*out = result || !json_is_true(json_object_get(answer, "known")) ? -1 : 0;
	for (; *out >= 0 && at && (at = strstr(at, "\"event\":\"success\"")); at++)
		++*out;
	json_decref(answer);
	return result;
}

int yp_board_run_shell_with(struct yp_board *board, const char *name, const char *place, const char *value, char *out,
			    size_t out_bytes)
{
	char command[2 * YP_BOARD_TEXT_MAX];
	const char *pattern = yp_board_command(board, name);
	const char *at = pattern ? strstr(pattern, place) : NULL;
	if (!at)
		return 0;
	(void)snprintf(command, sizeof command, "%.*s%s%s", (int)(at - pattern), pattern, value, at + strlen(place));
	return yp_board_run_shell(board, command, YP_BOARD_SHELL_MS, out, out_bytes);
}

/* The rig's own preparation: a failure here is an error of the rig, not of the board. */
static int report_unprepared(struct yp_board *board, int result)
{
	if (result <= 0)
		return result;
	board->out->outcome.verdict = YP_ERROR;
	(void)snprintf(board->out->outcome.text, sizeof board->out->outcome.text,
		       "the board could not be prepared: %.110s", board->detail);
	return -EIO;
}

static int prepare_media(struct yp_board *board, uint32_t seed)
{
	json_t *values = json_pack("{s:I}", "SEED", (json_int_t)((uint64_t)seed * SEED_ROOM % UINT32_MAX + 1));
	int result =
	    board->provision ? yp_board_request(board, json_pack("{s:s}", "op", "restore"), board->boot_ms, NULL) : 0;
	if (!result)
		result = yp_board_run_on_host(board, "seed", values, NULL, 0);
	else
		json_decref(values);
	if (!result)
		result = yp_board_run_on_host(board, "offer_old", NULL, NULL, 0);
	if (!result)
		result = yp_board_request(board, json_pack("{s:s}", "op", "off"), board->boot_ms, NULL);
	if (!result) /* a case before may have ended without one */
		result = yp_board_run_on_host(board, "clock", json_pack("{s:s}", "CLOCK", "now"), NULL, 0);
	return result;
}

int yp_board_prepare(struct yp_board *board, const char *holds, uint32_t seed)
{
	char version[64] = "";
	json_t *answer = NULL;
	int result = prepare_media(board, seed);
	if (!result)
		result = yp_board_request(board, json_pack("{s:s}", "op", "on"), board->boot_ms, &answer);
	board->console_at = json_integer_value(json_object_get(answer, "at"));
	json_decref(answer);
	if (!result)
		result = yp_board_await_linux(board, version);
	if (!result && strcmp(version, board->old) != 0) {
		(void)snprintf(board->detail, sizeof board->detail, "version %s runs, not %s", version, board->old);
		result = 1;
	}
	if (!result)
		result = yp_board_run_shell_with(board, "hold", "@HOLD@", holds, NULL, 0);
	if (!result && yp_board_command(board, "canary"))
		result = yp_board_run_shell(board, yp_board_command(board, "canary"), YP_BOARD_SHELL_MS, board->canary,
					    sizeof board->canary);
	if (!result)
		result = yp_board_run_shell(board, yp_board_command(board, "slot"), YP_BOARD_SHELL_MS, board->slot,
					    sizeof board->slot);
	if (!result)
		result = count_successes(board, &board->successes);
	if (!result)
		result = yp_board_run_on_host(board, "offer_new", NULL, NULL, 0);
	return report_unprepared(board, result);
}

/* The last line that says how a command ended; "" if there is none. */
static void find_outcome(const struct yp_board *board, const char *output, char *said, size_t said_bytes)
{
	char line[YP_BOARD_TEXT_MAX];
	said[0] = 0;
	for (const char *at = output; at && *at; at += strspn(at, "\r\n")) {
		size_t length = strcspn(at, "\r\n");
		(void)snprintf(line, sizeof line, "%.*s", (int)length, at);
		if (yp_subject_match(board->subject->messages->outcome, line, NULL, 0))
			(void)snprintf(said, said_bytes, "%s", line);
		at += length;
	}
}

int yp_board_count_boots(struct yp_board *board, long *out)
{
	const char *command = board->subject->commands->attempts;
	char text[64] = "";
	int result = command ? yp_board_run_shell(board, command, YP_BOARD_SHELL_MS, text, sizeof text) : 0;
	*out = strtol(text, NULL, 10);
	return result;
}

int yp_board_run_update(struct yp_board *board, char *said, size_t said_bytes, bool *rebooted)
{
	json_t *answer = NULL;
	json_t *request = json_pack("{s:s, s:s}", "op", "update", "command", yp_board_command(board, "update"));
	int result = yp_board_request(board, request, YP_BOARD_WORK_MS + board->boot_ms, &answer);
	*rebooted = json_is_true(json_object_get(answer, "rebooted"));
	if (!result && !*rebooted) {
		find_outcome(board, json_string_value(json_object_get(answer, "output")), said, said_bytes);
	}
	json_decref(answer);
	if (result == 1)
		return yp_board_fail(board, YP_I7, "the update neither ends nor reboots: %s", board->detail);
	return result;
}

int yp_board_settle(struct yp_board *board)
{
	char version[64] = "";
	char pending[64] = "";
	char said[YP_BOARD_TEXT_MAX] = "";
	bool rebooted = false;
	for (unsigned turn = 0; turn < SETTLE_TURNS_MAX; turn++) {
		int result = yp_board_await_linux(board, version);
		if (result == 1)
			return yp_board_fail(board, YP_I1, "no version comes up by itself: %s", board->detail);
		if (!result && yp_board_command(board, "pending"))
			result = yp_board_run_shell(board, yp_board_command(board, "pending"), YP_BOARD_SHELL_MS,
						    pending, sizeof pending);
		if (result)
			return result < 0 ? result : yp_board_fail(board, YP_I1, "its shell ends: %s", board->detail);
		if (strcmp(version, board->new) == 0 && strcmp(pending, "1") != 0)
			return 0;
		if (strcmp(version, board->old) != 0 && strcmp(version, board->new) != 0)
			return yp_board_fail(board, YP_I2, "version '%s' runs, which is neither %s nor %s", version,
					     board->old, board->new);
		result = yp_board_run_update(board, said, sizeof said, &rebooted);
		if (result)
			return result;
	}
	return yp_board_fail(board, YP_I6, "the same good update does not succeed after the cut: version %s; %s",
			     version, said);
}

/* The pattern with the slot and the number of bytes in it. */
static void fill_pattern(const char *pattern, const char *slot, long long bytes, char *out, size_t out_bytes)
{
	size_t used = 0;
	out[0] = 0;
	while (*pattern && used + 1 < out_bytes) {
		if (strncmp(pattern, "@BYTES@", 7) == 0) {
			used += (size_t)snprintf(out + used, out_bytes - used, "%lld", bytes);
			pattern += 7;
		} else if (strncmp(pattern, "@SLOT@", 6) == 0) {
			used += (size_t)snprintf(out + used, out_bytes - used, "%s", slot);
			pattern += 6;
		} else {
			out[used++] = *pattern++;
			out[used] = 0;
		}
	}
}

int yp_board_run_on_slot(struct yp_board *board, const char *name, const char *slot, long long bytes, char *out,
			 size_t out_bytes)
{
	char command[2 * YP_BOARD_TEXT_MAX];
	fill_pattern(yp_board_command(board, name), slot, bytes, command, sizeof command);
	return yp_board_run_shell(board, command, YP_BOARD_READ_MS, out, out_bytes);
}

/* Read by the lab from the medium itself where there is a mux (the power is off then), else by the running system. */
static int read_digest(struct yp_board *board, const char *slot, long long bytes, char *out, size_t out_bytes)
{
	if (yp_board_command(board, "mux"))
		return yp_board_run_on_host(
		    board, "mux", json_pack("{s:s, s:I}", "SLOT", slot, "BYTES", (json_int_t)bytes), out, out_bytes);
	return yp_board_run_on_slot(board, "hash", slot, bytes, out, out_bytes);
}

/* Does this slot hold this image, byte for byte? */
static int check_slot(struct yp_board *board, const char *slot, const char *image, const char *whose)
{
	char digest[YP_BOARD_TEXT_MAX];
	json_t *answer = NULL;
	if (!(yp_board_command(board, "hash") || yp_board_command(board, "mux")) || !yp_board_command(board, image))
		return 0;
	int result =
	    yp_board_request(board, json_pack("{s:s, s:s}", "op", "image", "name", image), YP_BOARD_WORK_MS, &answer);
	if (!result)
		result = read_digest(board, slot, (long long)json_integer_value(json_object_get(answer, "bytes")),
				     digest, sizeof digest);
	const char *want = json_string_value(json_object_get(answer, "sha256"));
	if (result == 1)
		result = yp_board_fail(board, YP_I7, "reading slot %s does not end: %.80s", slot, board->detail);
	else if (!result && (!want || strncmp(digest, want, 64) != 0))
		result =
		    yp_board_fail(board, YP_I2, "slot %s is not the %s image: its digest begins with %.16s, not %.16s",
				  slot, whose, digest, want ? want : "?");
	json_decref(answer);
	return result;
}

static int check_slots(struct yp_board *board, const char *slot)
{
	int result = 0;
	if (yp_board_command(board, "mux"))
		result = yp_board_request(board, json_pack("{s:s}", "op", "off"), board->boot_ms, NULL);
	if (!result)
		result = check_slot(board, slot, "image_new", "new");
	return result ? result : check_slot(board, board->slot, "image_old", "old");
}

int yp_board_judge_media(struct yp_board *board, bool armed)
{
	const char *other = strcmp(board->slot, "A") == 0 ? "B" : "A";
	if (!yp_board_command(board, "mux"))
		return 0;
	int result = check_slot(board, board->slot, "image_old", "old");
	return result || !armed ? result : check_slot(board, other, "image_new", "new");
}

/* At a shell of the new version. Leaves the power off where a mux reads the media. */
int yp_board_judge(struct yp_board *board)
{
	char slot[8] = "";
	char canary[YP_BOARD_TEXT_MAX] = "";
	long count = 0;
	long successes = 0;
	int result = yp_board_count_boots(board, &count);
	if (!result && count != 0)
		return yp_board_fail(board, YP_I11,
				     "%ld boots are counted after the commit: power cycles would go back", count);
	if (!result)
		result =
		    yp_board_run_shell(board, yp_board_command(board, "slot"), YP_BOARD_SHELL_MS, slot, sizeof slot);
	if (!result && strcmp(slot, board->slot) == 0)
		return yp_board_fail(board, YP_I2, "the new version runs in slot %s, as the old one did", slot);
	if (!result && yp_board_command(board, "canary"))
		result = yp_board_run_shell(board, yp_board_command(board, "canary"), YP_BOARD_SHELL_MS, canary,
					    sizeof canary);
	if (!result && yp_board_command(board, "canary") && strcmp(canary, board->canary) != 0)
		return yp_board_fail(board, YP_I8, "user data changed: %.60s before, %.60s now", board->canary, canary);
	if (!result)
		result = count_successes(board, &successes);
	if (result == 1)
		return yp_board_fail(board, YP_I1, "the shell ends: %.100s", board->detail);
	if (!result && successes >= 0 && successes != board->successes + 1)
		return yp_board_fail(board, YP_I5, "%ld reports of success arrived, not 1",
				     successes - board->successes);
	if (!result)
		result = check_slots(board, slot);
	if (!result)
		(void)snprintf(board->out->outcome.label, sizeof board->out->outcome.label, "new");
	return result;
}
