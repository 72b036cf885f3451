/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the guest and of the console, taken apart. */
#include "emulator/guest-channel.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next word of *at, which moves on. Longer than out, or empty: no word. */
static bool read_word(const char **at, char *out, size_t out_bytes)
{
	const char *from = *at + strspn(*at, " ");
	size_t length = strcspn(from, " ");
	if (length == 0 || length >= out_bytes)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isgraph((unsigned char)from[i]))
			return false;
	}
	memcpy(out, from, length);
	out[length] = 0;
	*at = from + length;
	return true;
}

static bool is_at_end(const char *at)
{
	return at[strspn(at, " ")] == 0;
}

static bool parse_slot(const char **at, struct yp_emulator_said *out)
{
	char slot[2];
	if (!read_word(at, slot, sizeof slot) || (slot[0] != 'A' && slot[0] != 'B'))
		return false;
	out->slot = slot[0];
	return true;
}

static bool parse_ready(const char *at, struct yp_emulator_said *out)
{
	return parse_slot(&at, out) && read_word(&at, out->boot_id, sizeof out->boot_id) && is_at_end(at);
}

static bool parse_up(const char *at, struct yp_emulator_said *out)
{
	return parse_slot(&at, out) && read_word(&at, out->version, sizeof out->version) &&
	       read_word(&at, out->boot_id, sizeof out->boot_id) && is_at_end(at);
}

static bool parse_mark(const struct yp_subject_steps *steps, const char *at, struct yp_emulator_said *out)
{
	char number[24], state[16];
	if (!read_word(&at, out->step, sizeof out->step) || !yp_subject_match(steps->name, out->step, NULL, 0) ||
	    !read_word(&at, number, sizeof number) || !read_word(&at, number, sizeof number) ||
	    !read_word(&at, state, sizeof state) || !is_at_end(at))
		return false;
	out->state = strcmp(state, "begin") == 0  ? YP_EMULATOR_STEP_BEGIN
		     : strcmp(state, "hold") == 0 ? YP_EMULATOR_STEP_HOLD
						  : YP_EMULATOR_STEP_GOES_ON;
	return true;
}

/* Of an updater that does not hold. */
static bool parse_step(const struct yp_subject_steps *steps, const char *at, struct yp_emulator_said *out)
{
	return read_word(&at, out->step, sizeof out->step) && yp_subject_match(steps->name, out->step, NULL, 0) &&
	       is_at_end(at);
}

static bool parse_number(const char **at, int *out)
{
	char text[12];
	char *end;
	if (!read_word(at, text, sizeof text))
		return false;
	errno = 0;
	long value = strtol(text, &end, 10);
	*out = (int)value;
	return errno == 0 && *end == 0 && value >= 0 && value <= 255;
}

static bool parse_run(const char *at, struct yp_emulator_said *out)
{
	if (!read_word(&at, out->verb, sizeof out->verb) || !parse_number(&at, &out->exit))
		return false;
	(void)snprintf(out->reason, sizeof out->reason, "%s", "-");
	return is_at_end(at) || (read_word(&at, out->reason, sizeof out->reason) && is_at_end(at));
}

static bool parse_verb(const char *at, struct yp_emulator_said *out)
{
	return read_word(&at, out->verb, sizeof out->verb) && is_at_end(at);
}

static bool parse_nothing(const char *at, struct yp_emulator_said *out)
{
	(void)out;
	return is_at_end(at);
}

static bool parse_text(const char *at, struct yp_emulator_said *out)
{
	at += *at == ' ';
	(void)snprintf(out->text, sizeof out->text, "%.*s", (int)sizeof out->text - 1, at);
	return true;
}

static bool parse_exit(const char *at, struct yp_emulator_said *out)
{
	return parse_number(&at, &out->exit) && is_at_end(at);
}

int yp_emulator_guest_parse(const struct yp_subject_steps *steps, const char *line, struct yp_emulator_said *out)
{
	static const struct {
		const char *verb;
		enum yp_emulator_said_kind kind;
		bool (*parse)(const char *at, struct yp_emulator_said *out);
	} table[] = {
	    {"ready", YP_EMULATOR_SAID_READY, parse_ready},     {"up", YP_EMULATOR_SAID_UP, parse_up},
	    {"begin", YP_EMULATOR_SAID_BEGIN, parse_verb},      {"run", YP_EMULATOR_SAID_RUN, parse_run},
	    {"reboot", YP_EMULATOR_SAID_REBOOT, parse_nothing}, {"idle", YP_EMULATOR_SAID_IDLE, parse_nothing},
	    {"out", YP_EMULATOR_SAID_OUT, parse_text},          {"exit", YP_EMULATOR_SAID_EXIT, parse_exit},
	    {"error", YP_EMULATOR_SAID_ERROR, parse_text},
	};
	char verb[16];
	const char *at = line;
	*out = (struct yp_emulator_said){0};
	if (!read_word(&at, verb, sizeof verb))
		return 1;
	if (steps && (strcmp(verb, steps->mark) == 0 || strcmp(verb, steps->plain) == 0)) {
		out->kind = YP_EMULATOR_SAID_MARK;
		return (strcmp(verb, steps->mark) == 0 ? parse_mark : parse_step)(steps, at, out) ? 0 : 1;
	}
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (strcmp(verb, table[i].verb) == 0) {
			out->kind = table[i].kind;
			return table[i].parse(at, out) ? 0 : 1;
		}
	}
	return 1;
}

/* Does the line fit, and does it name a slot? */
static bool match_slot(const char *pattern, const char *line, char *slot)
{
	char letter[3];
	if (!yp_subject_match(pattern, line, letter, sizeof letter) || (letter[0] != 'A' && letter[0] != 'B') ||
	    letter[1])
		return false;
	*slot = letter[0];
	return true;
}

enum yp_emulator_console_kind yp_emulator_console_match(const struct yp_subject_console *console, const char *line,
							char *slot)
{
	if (console && match_slot(console->slot, line, slot))
		return YP_EMULATOR_CONSOLE_SLOT;
	if (console && match_slot(console->back, line, slot))
		return YP_EMULATOR_CONSOLE_BACK;
	if (console && yp_subject_match(console->halt, line, NULL, 0))
		return YP_EMULATOR_CONSOLE_HALT;
	if (strncmp(line, "Starting kernel", 15) == 0)
		return YP_EMULATOR_CONSOLE_STARTING;
	if (strstr(line, "Kernel panic - not syncing"))
		return YP_EMULATOR_CONSOLE_PANIC;
	return YP_EMULATOR_CONSOLE_OTHER;
}

bool yp_emulator_console_prompt(const struct yp_subject_console *console, const char *rest)
{
	return console && console->prompt && strcmp(rest, console->prompt) == 0;
}
