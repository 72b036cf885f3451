/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the control socket, parsed. */
#include "server/server-command.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/format-detail.h"

#define WAIT_MS_MAX  3600000u
#define DELAY_MS_MAX 600000u
#define BIT_MAX      (UINT64_C(1) << 40)

static const char *const fault_names[YP_FAULT_COUNT] = {"eio", "enospc", "erofs", "delay", "hang", "flip", "cut"};
static const char *const op_names[] = {"any", "write", "read", "flush", "discard"};

const char *yp_fault_kind_name(enum yp_fault_kind kind)
{
	assert(kind < YP_FAULT_COUNT);
	return fault_names[kind];
}

const char *yp_op_name(enum yp_op op)
{
	return (unsigned)op < sizeof op_names / sizeof *op_names ? op_names[op] : "?";
}

/* The rest of a line; words are cut off its front in place. */
struct line {
	char *rest;
};

/* "" at the end. */
static char *take_word(struct line *line)
{
	char *word = line->rest + strspn(line->rest, " \t");
	char *end = word + strcspn(word, " \t");
	line->rest = *end ? end + 1 : end;
	*end = 0;
	return word;
}

static bool parse_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		uint64_t digit = (uint64_t)(*s - '0');
		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

/* The index of a word in a list, or -1. */
static int find_choice(const char *word, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, names[i]) == 0)
			return (int)i;
	}
	return -1;
}

static const char *take_text(struct line *line, struct yp_command *out)
{
	const char *text = line->rest + strspn(line->rest, " \t");
	if (!*text)
		return "the text or path is missing";
	(void)snprintf(out->text, sizeof out->text, "%s", text);
	line->rest += strlen(line->rest);
	return NULL;
}

static const char *take_name(struct line *line, char out[YP_NAME_MAX])
{
	const char *word = take_word(line);
	if (!*word || strlen(word) >= YP_NAME_MAX)
		return "the name of the medium is missing or too long";
	(void)snprintf(out, YP_NAME_MAX, "%s", word);
	return NULL;
}

/* true: it was an option of a cut and is fine. */
static bool cut_option(const char *word, struct yp_power_cut *cut)
{
	static const char *const forms[] = {"all", "none", "sample"};
	static const enum yp_form form_of[] = {YP_FORM_ALL, YP_FORM_NONE, YP_FORM_SAMPLE};
	uint64_t value;
	if (strncmp(word, "seed=", 5) == 0 && parse_number(word + 5, UINT32_MAX, &value)) {
		cut->seed = (uint32_t)value;
		cut->seeded = true;
		return true;
	}
	if (strncmp(word, "kill=", 5) == 0 && parse_number(word + 5, INT32_MAX, &value) && value > 1) {
		cut->kill = (pid_t)value;
		return true;
	}
	if (strncmp(word, "form=", 5) == 0) {
		int form = find_choice(word + 5, forms, 3);
		if (form >= 0)
			cut->form = form_of[form];
		return form >= 0;
	}
	cut->fail = strcmp(word, "answer=fail") == 0;
	return cut->fail || strcmp(word, "answer=hang") == 0;
}

static const char *take_cut(struct line *line, struct yp_power_cut *cut)
{
	cut->form = YP_FORM_SAMPLE;
	for (const char *word = take_word(line); *word; word = take_word(line)) {
		if (!cut_option(word, cut))
			return "an option of the cut is none of seed=N form=sample|all|none kill=PID answer=hang|fail";
	}
	return NULL;
}

static bool fault_option(const char *word, struct yp_fault_spec *fault)
{
	uint64_t value;
	if (strncmp(word, "count=", 6) == 0)
		return parse_number(word + 6, UINT32_MAX, &fault->count);
	if (strncmp(word, "bit=", 4) == 0)
		return parse_number(word + 4, BIT_MAX, &fault->bit);
	if (strncmp(word, "ms=", 3) != 0)
		return cut_option(word, &fault->cut);
	if (!parse_number(word + 3, DELAY_MS_MAX, &value))
		return false;
	fault->ms = (uint32_t)value;
	return true;
}

static const char *take_fault(struct line *line, struct yp_fault_spec *fault)
{
	int kind = find_choice(take_word(line), fault_names, YP_FAULT_COUNT);
	if (kind < 0)
		return "the fault is none of eio enospc erofs delay hang flip cut";
	int op = find_choice(take_word(line), op_names, sizeof op_names / sizeof *op_names);
	if (op < 0)
		return "the request is none of read write flush discard any";
	const char *wrong = take_name(line, fault->medium);
	if (wrong)
		return wrong;
	if (!parse_number(take_word(line), UINT32_MAX, &fault->nth) || fault->nth == 0)
		return "which request (from 1) is missing";
	fault->kind = (enum yp_fault_kind)kind;
	fault->op = (enum yp_op)op;
	fault->count = 1;
	fault->cut.form = YP_FORM_SAMPLE;
	for (const char *word = take_word(line); *word; word = take_word(line)) {
		if (!fault_option(word, fault))
			return "an option of the fault is none of count=N ms=N bit=N, or of a cut's";
	}
	if (fault->kind == YP_FAULT_FLIP && fault->op != YP_READ && fault->op != YP_WRITE)
		return "only what is read or written can have a flipped bit";
	return NULL;
}

static const char *take_mark(struct line *line, struct yp_command *out)
{
	static const char *const kinds[] = {"step", "world", "note"};
	int kind = find_choice(take_word(line), kinds, 3);
	if (kind < 0)
		return "the mark is none of step world note";
	out->mark = (enum yp_mark_kind)kind;
	return take_text(line, out);
}

static const char *take_crash(struct line *line, struct yp_command *out)
{
	struct yp_case c;
	if (yp_case_decode(take_word(line), &c) < 0 || c.count != 1)
		return "the cut is no case of one cut, such as 42.s.5.0";
	out->at = c.cuts[0];
	return take_text(line, out);
}

static const char *take_id(struct line *line, bool or_all, struct yp_command *out)
{
	uint64_t id;
	const char *word = take_word(line);
	out->id = YP_FAULT_ID_ALL;
	if (or_all && strcmp(word, "all") == 0)
		return NULL;
	if (!parse_number(word, UINT32_MAX, &id) || id == YP_FAULT_ID_ALL)
		return "the number of the fault is missing";
	out->id = (uint32_t)id;
	return NULL;
}

static const char *take_wait(struct line *line, struct yp_command *out)
{
	const char *word = take_word(line);
	const char *wrong = NULL;
	uint64_t ms;
	if (strcmp(word, "cut") == 0) {
		out->kind = YP_COMMAND_WAIT_CUT;
	} else if (strcmp(word, "fault") == 0) {
		out->kind = YP_COMMAND_WAIT_FAULT;
		wrong = take_id(line, false, out);
	} else {
		wrong = "what to wait for is none of cut fault";
	}
	if (wrong)
		return wrong;
	if (!parse_number(take_word(line), WAIT_MS_MAX, &ms))
		return "the deadline in ms is missing or beyond an hour";
	out->timeout_ms = (uint32_t)ms;
	return NULL;
}

static const char *take_arguments(struct line *line, struct yp_command *out)
{
	const char *wrong = NULL;
	switch (out->kind) {
	case YP_COMMAND_MARK:
		return take_mark(line, out);
	case YP_COMMAND_CUT:
		return take_cut(line, &out->cut);
	case YP_COMMAND_POWER:
		return line->rest[strspn(line->rest, " \t")] ? take_text(line, out) : NULL;
	case YP_COMMAND_APPLY:
	case YP_COMMAND_SAVE_DM:
		return take_text(line, out);
	case YP_COMMAND_CRASH:
		return take_crash(line, out);
	case YP_COMMAND_FAULT:
		return take_fault(line, &out->fault);
	case YP_COMMAND_UNFAULT:
		return take_id(line, true, out);
	case YP_COMMAND_WAIT_CUT:
	case YP_COMMAND_WAIT_FAULT:
		return take_wait(line, out);
	case YP_COMMAND_SAVE_IMAGE:
		wrong = take_name(line, out->medium);
		return wrong ? wrong : take_text(line, out);
	case YP_COMMAND_DIGEST:
		return take_name(line, out->medium);
	case YP_COMMAND_RESTORE:
	case YP_COMMAND_FAULTS:
	case YP_COMMAND_STATS:
	case YP_COMMAND_QUIT:
		break;
	}
	return NULL;
}

int yp_command_parse(const char *bytes, size_t size, struct yp_command *out, char *detail, size_t detail_bytes)
{
	assert(bytes && out);
	/* In the order of enum yp_command_kind; "wait" stands for both of its kinds. */
	static const char *const verbs[] = {"mark",       "cut",     "power",  "restore", "apply", "crash",
					    "fault",      "unfault", "faults", "stats",   "wait",  "wait",
					    "save-image", "save-dm", "digest", "quit"};
	char copy[YP_COMMAND_BYTES_MAX];
	*out = (struct yp_command){.kind = YP_COMMAND_STATS};
	const char *wrong = NULL;
	if (size >= sizeof copy)
		wrong = "the line is too long";
	for (size_t i = 0; !wrong && i < size; i++) {
		if ((unsigned char)bytes[i] < ' ' && bytes[i] != '\t')
			wrong = "the line has a control character in it";
	}
	if (!wrong) {
		memcpy(copy, bytes, size);
		copy[size] = 0;
		struct line line = {copy};
		int verb = find_choice(take_word(&line), verbs, sizeof verbs / sizeof *verbs);
		out->kind = verb < 0 ? YP_COMMAND_STATS : (enum yp_command_kind)verb;
		wrong = verb < 0 ? "the command is unknown" : take_arguments(&line, out);
		if (!wrong && *take_word(&line))
			wrong = "there is more on the line than the command takes";
	}
	yp_detail(detail, detail_bytes, "%s", wrong ? wrong : "");
	return wrong ? 1 : 0;
}
