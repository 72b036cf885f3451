/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes of the checklist and of the power cuts of a board, by line and by step, with confidence bounds. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/verbs.h"
#include "rigs/board/board-cases.h"

#define STEPS_MAX 24u
#define CUTS_MAX  100000u
#define LINES_MAX 64u

static void cuts_help(void)
{
	(void)puts(
	    "Usage: yankproof cuts DIR\n"
	    "\n"
	    "Prints the outcomes of rig board's checklist and power cuts in DIR/results.jsonl. For each step: cuts "
	    "requested,\n"
	    "cuts verified (the power was off), cuts that landed in the intended step, the median number of marks "
	    "before the\n"
	    "power was off, and the outcome. With n cuts and no failure a step fails in at most 3/n of cuts, at 95 %.\n"
	    "\n"
	    "Exit status: 0, 2 if there is nothing to read, 4 if no cut was verified (and there is no checklist).");
}

struct row {
	char step[4];
	bool held; /* the updater was to hold there, or it is a step of the bootloader */
	unsigned asked, verified, landed, passed, failed, other;
	unsigned *overshoots;
	unsigned count, room;
	/* of cuts with a report of the medium: epochs of their boots, and how many of them lost writes */
	unsigned told, first_epoch, last_epoch, lost;
	/* of cuts without the hold before which step and switch were measured: what they were, the last time */
	unsigned measured, length_us, switch_us;
};

struct line {
	char name[32], verdict[8];
	char text[128];
};

struct hit {
	char step[4];
	unsigned times;
};

struct table {
	struct line lines[LINES_MAX];
	unsigned line_count;
	struct row rows[2 * STEPS_MAX]; /* with the hold, and without */
	unsigned count;
	double *ack_ms;
	unsigned acks, acks_room;
	struct hit hits[STEPS_MAX]; /* without the hold: by the step that was hit */
	unsigned hit_count;
};

static int by_value(const void *a, const void *b)
{
	const unsigned x = *(const unsigned *)a;
	const unsigned y = *(const unsigned *)b;
	return (x > y) - (x < y);
}

static int by_time(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct row *row_of(struct table *t, const char *step, bool held)
{
	for (unsigned i = 0; i < t->count; i++) {
		if (t->rows[i].held == held && strcmp(t->rows[i].step, step) == 0)
			return &t->rows[i];
	}
	if (t->count == sizeof t->rows / sizeof *t->rows)
		return NULL;
	struct row *row = &t->rows[t->count++];
	(void)snprintf(row->step, sizeof row->step, "%.3s", step);
	row->held = held;
	return row;
}

static int note_hit(struct table *t, const char *step)
{
	for (unsigned i = 0; i < t->hit_count; i++) {
		if (strcmp(t->hits[i].step, step) == 0)
			return t->hits[i].times++, 0;
	}
	if (t->hit_count == STEPS_MAX)
		return 1;
	struct hit *hit = &t->hits[t->hit_count++];
	(void)snprintf(hit->step, sizeof hit->step, "%.3s", step);
	hit->times = 1;
	return 0;
}

/* Room for one more element of `size` bytes. */
static int grow_list(void **list, unsigned count, unsigned *room, size_t size)
{
	if (count < *room)
		return 0;
	unsigned more = *room ? 2 * *room : 64;
	void *bigger = more > CUTS_MAX ? NULL : realloc(*list, more * size);
	if (!bigger)
		return -1;
	*list = bigger;
	*room = more;
	return 0;
}

static void note_medium(struct row *row, const json_t *medium)
{
	unsigned epoch = (unsigned)json_integer_value(json_object_get(medium, "epoch"));
	if (!json_is_object(medium))
		return;
	if (!row->told || epoch < row->first_epoch)
		row->first_epoch = epoch;
	if (epoch > row->last_epoch)
		row->last_epoch = epoch;
	row->told++;
	row->lost += json_integer_value(json_object_get(medium, "lost")) > 0;
}

static void note_measured(struct row *row, const json_t *cut)
{
	const json_t *length = json_object_get(cut, "length_us");
	if (!length)
		return;
	row->measured++;
	row->length_us = (unsigned)json_integer_value(length);
	row->switch_us = (unsigned)json_integer_value(json_object_get(cut, "switch_us"));
}

static int note_landing(struct table *t, const json_t *cut)
{
	const char *mode = json_string_value(json_object_get(cut, "mode"));
	bool held = mode && strcmp(mode, "free") != 0;
	const char *step = json_string_value(json_object_get(cut, "step"));
	const char *landed = json_string_value(json_object_get(cut, "landed"));
	struct row *row = step && landed ? row_of(t, step, held) : NULL;
	if (!row)
		return 0;
	note_medium(row, json_object_get(cut, "medium"));
	note_measured(row, cut);
	row->verified++;
	row->landed += strcmp(step, landed) == 0;
	if (!held && note_hit(t, landed))
		return 1;
	if (grow_list((void **)&row->overshoots, row->count, &row->room, sizeof *row->overshoots) ||
	    grow_list((void **)&t->ack_ms, t->acks, &t->acks_room, sizeof *t->ack_ms))
		return 1;
	row->overshoots[row->count++] = (unsigned)json_integer_value(json_object_get(cut, "overshoot"));
	t->ack_ms[t->acks++] = (double)(json_integer_value(json_object_get(cut, "ack_us")) -
					json_integer_value(json_object_get(cut, "command_us"))) /
			       1000;
	return 0;
}

/* A line of the checklist. */
static void note_check(struct table *t, const char *name, const char *verdict, const json_t *line)
{
	const char *text = json_string_value(json_object_get(line, "text"));
	if (t->line_count == LINES_MAX)
		return;
	struct line *out = &t->lines[t->line_count++];
	(void)snprintf(out->name, sizeof out->name, "%s", name);
	(void)snprintf(out->verdict, sizeof out->verdict, "%s", verdict);
	(void)snprintf(out->text, sizeof out->text, "%s", text ? text : "");
}

static int on_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct table *t = ctx;
	struct yp_board_plan plan;
	const char *type = json_string_value(json_object_get(line, "type"));
	const char *id = json_string_value(json_object_get(line, "id"));
	const char *verdict = json_string_value(json_object_get(line, "verdict"));
	const char *at = id ? strchr(id, '@') : NULL;
	(void)text;
	(void)bytes;
	if (!type || strcmp(type, "case") != 0 || !at || !verdict)
		return 0;
	if (strncmp(at, "@check:", 7) == 0)
		note_check(t, at + 7, verdict, line);
	if (yp_board_plan_decode(at + 1, &plan))
		return 0;
	for (unsigned i = 0; i < plan.count; i++) {
		struct row *row = row_of(t, plan.cuts[i].step, plan.cuts[i].mode != 'n');
		if (!row)
			return 1;
		row->asked++;
		row->passed += strcmp(verdict, "PASS") == 0;
		row->failed += strcmp(verdict, "FAIL") == 0;
		row->other += strcmp(verdict, "PASS") != 0 && strcmp(verdict, "FAIL") != 0;
	}
	size_t i;
	json_t *cut;
	json_array_foreach(json_object_get(line, "landings"), i, cut)
	{
		if (note_landing(t, cut))
			return 1;
	}
	return 0;
}

/* S05 before S15 before R1. */
static int by_step(const void *a, const void *b)
{
	const struct row *x = a;
	const struct row *y = b;
	if (x->held != y->held)
		return x->held ? -1 : 1;
	if (x->step[0] != y->step[0])
		return x->step[0] == 'S' ? -1 : 1;
	return strcmp(x->step, y->step);
}

/* R1 comes after all of S. */
static int by_hit(const void *a, const void *b)
{
	const struct hit *x = a;
	const struct hit *y = b;
	if (x->step[0] != y->step[0])
		return x->step[0] == 'S' ? -1 : 1;
	return strcmp(x->step, y->step);
}

static void print_row(struct row *row)
{
	char bound[40] = "";
	char outcome[48];
	if (row->count)
		qsort(row->overshoots, row->count, sizeof *row->overshoots, by_value);
	if (!row->failed && row->verified)
		(void)snprintf(bound, sizeof bound, row->verified > 3 ? "fails in <= %.2f of cuts" : "too few to bound",
			       3.0 / row->verified);
	(void)snprintf(outcome, sizeof outcome, "%u passed, %u failed, %u other", row->passed, row->failed, row->other);
	(void)printf("%-4s  %5u  %8u  %6u  %9u  %-30s  %s\n", row->step, row->asked, row->verified, row->landed,
		     row->count ? row->overshoots[row->count / 2] : 0, outcome, bound);
}

static void print_measured(const struct table *t)
{
	bool headed = false;
	for (unsigned i = 0; i < t->count; i++) {
		const struct row *row = &t->rows[i];
		if (!row->measured)
			continue;
		if (!headed)
			(void)puts("\nwithout the hold a delay is planned from what was measured before the cut: the "
				   "step's length, the switch's median");
		headed = true;
		(void)printf(
		    "%-4s  %u of %u cuts: the step %.1f ms, the switch %.1f ms%s\n", row->step, row->measured,
		    row->verified, row->length_us / 1000.0, row->switch_us / 1000.0,
		    row->length_us < row->switch_us ? "; too short: not hittable without the hold, but by chance" : "");
	}
}

static void print_media(const struct table *t)
{
	bool headed = false;
	for (unsigned i = 0; i < t->count; i++) {
		const struct row *row = &t->rows[i];
		if (!row->told)
			continue;
		if (!headed)
			(void)puts("\nwhat the medium says: epochs (of the boot), and cuts that lost writes which no "
				   "flush had "
				   "covered");
		headed = true;
		(void)printf("%-4s  %s  epochs %u to %u, %u of %u lost writes\n", row->step,
			     row->held ? "hold" : "free", row->first_epoch, row->last_epoch, row->lost, row->told);
	}
}

static void print_times(const struct table *t)
{
	static const double edges[] = {1, 2, 4, 8, 16, 32, 64, 128, 1e9};
	double low = 0;
	if (!t->acks)
		return;
	qsort(t->ack_ms, t->acks, sizeof *t->ack_ms, by_time);
	(void)printf("\nthe switch, command to answer: median %.1f ms, p99 %.1f ms over %u cuts\n",
		     t->ack_ms[t->acks / 2], t->ack_ms[(t->acks * 99 - 1) / 100], t->acks);
	for (size_t e = 0; e < sizeof edges / sizeof *edges; low = edges[e++]) {
		unsigned n = 0;
		for (unsigned i = 0; i < t->acks; i++)
			n += t->ack_ms[i] >= low && t->ack_ms[i] < edges[e];
		if (n && edges[e] < 1e9)
			(void)printf("  %4.0f to %4.0f ms %6u\n", low, edges[e], n);
		else if (n)
			(void)printf("  %4.0f ms and more %4u\n", low, n);
	}
}

static void print_checks(const struct table *t)
{
	if (t->line_count)
		(void)puts("the checklist");
	for (unsigned i = 0; i < t->line_count; i++)
		(void)printf("%-5s %-20s %s\n", t->lines[i].verdict, t->lines[i].name, t->lines[i].text);
	if (t->line_count && t->count)
		(void)puts("");
}

static int print_table(struct table *t)
{
	unsigned verified[2] = {0, 0};
	unsigned landed[2] = {0, 0};
	const char *const heads[] = {"without the hold: where a cut lands is up to the board, and is only told",
				     "with the hold"};
	print_checks(t);
	qsort(t->rows, t->count, sizeof *t->rows, by_step);
	for (unsigned i = 0; i < t->count; i++) {
		if (i == 0 || t->rows[i].held != t->rows[i - 1].held)
			(void)printf(
			    "%s%s\nstep  asked  verified  landed  overshoot  outcome of the cases            95 %%\n",
			    i ? "\n" : "", heads[t->rows[i].held]);
		print_row(&t->rows[i]);
		verified[t->rows[i].held] += t->rows[i].verified;
		landed[t->rows[i].held] += t->rows[i].landed;
	}
	for (unsigned held = 0; held < 2; held++) {
		if (verified[held])
			(void)printf(
			    "%s%u cuts verified %s the hold, %u of them in the step they were meant for (%.0f %%)\n",
			    held ? "" : "\n", verified[held], held ? "with" : "without", landed[held],
			    100.0 * landed[held] / verified[held]);
	}
	qsort(t->hits, t->hit_count, sizeof *t->hits, by_hit);
	for (unsigned i = 0; i < t->hit_count; i++)
		(void)printf("%s%s %u%s", i ? ", " : "without it they hit: ", t->hits[i].step, t->hits[i].times,
			     i + 1 == t->hit_count ? "\n" : "");
	print_measured(t);
	print_media(t);
	print_times(t);
	if (!t->count)
		(void)puts("no case of these results cuts a board's power (rig board)");
	return verified[0] + verified[1] || (t->line_count && !t->count) ? 0 : yp_verdict_status(YP_MISS);
}

int yp_verb_cuts(int argc, char **argv)
{
	static const struct option long_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	char path[YP_SCENARIO_PATH_MAX];
	char detail[YP_DETAIL_MAX] = "";
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option != 'h')
			return yp_usage_hint("cuts");
		cuts_help();
		return 0;
	}
	if (optind + 1 != argc)
		return yp_usage_error("give the folder of a campaign's results; see 'yankproof cuts --help'");
	struct table *t = calloc(1, sizeof *t);
	if (!t)
		return yp_no_memory();
	(void)snprintf(path, sizeof path, "%s/%s", argv[optind], YP_RESULTS_FILE);
	int status = yp_results_read(path, on_line, t, detail, sizeof detail)
			 ? yp_usage_error("%s", *detail ? detail : path)
			 : print_table(t);
	for (unsigned i = 0; i < t->count; i++)
		free(t->rows[i].overshoots);
	free(t->ack_ms);
	free(t);
	return status;
}
