/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the log. A rule whose data is missing (no marks, no roles) reports nothing.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/lint.h"

#define NO_ENTRY SIZE_MAX

struct lint {
	const struct yp_log *log;
	const struct yp_layout *layout;
	const struct yp_lint_roles *roles;
	struct yp_finding *out;
	size_t max, count;
	enum yp_phase told;              /* by the last mark, or NONE */
	size_t unflushed[YP_MEDIA_MAX];  /* first write not yet flushed, or NO_ENTRY */
	size_t idle_flush[YP_MEDIA_MAX]; /* last flush elsewhere, of nothing, while this medium had unflushed writes */
	bool running_told[YP_MEDIA_MAX];
	unsigned copies;               /* mask of the environment copies written in this epoch */
	uint8_t *unread[YP_MEDIA_MAX]; /* slots: sectors written and not read since */
	size_t unread_count[YP_MEDIA_MAX];
	bool has_arm_mark, has_mark, has_work;
	size_t first_write;
};

static void add_finding(struct lint *l, const char *rule, size_t entry, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void add_finding(struct lint *l, const char *rule, size_t entry, const char *format, ...)
{
	if (l->count++ >= l->max)
		return;
	struct yp_finding *f = &l->out[l->count - 1];
	va_list args;
	(void)snprintf(f->rule, sizeof f->rule, "%s", rule);
	f->entry = entry;
	va_start(args, format);
	int n = vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
	if (n < 0)
		f->text[0] = 0;
}

/* "slot-b + 4096 (S06)" */
struct place {
	char text[96];
};
static struct place place_of(const struct lint *l, size_t i)
{
	struct place p;
	const struct yp_entry *e = yp_log_entry(l->log, i);
	const char *step = yp_log_step(l->log, i);
	(void)snprintf(p.text, sizeof p.text, "%s + %" PRIu64 "%s%.20s%s", l->layout->media[e->medium].name,
		       e->sector * YP_SECTOR_BYTES, *step ? " (" : "", step, *step ? ")" : "");
	return p;
}

static unsigned copies_of(const struct yp_lint_roles *roles, const struct yp_entry *e)
{
	unsigned mask = 0;
	for (unsigned c = 0; c < 2; c++) {
		if (e->sector < roles->env_first[c] + roles->env_sectors &&
		    roles->env_first[c] < e->sector + e->sectors)
			mask |= 1u << c;
	}
	return mask;
}

static bool is_arming(const struct lint *l)
{
	return !l->has_arm_mark || l->told == YP_PHASE_ARM;
}

static void env_write(struct lint *l, size_t i, const struct yp_entry *e)
{
	for (unsigned m = 0; m < l->layout->count; m++) {
		if (l->roles->role[m] != YP_ROLE_SLOT)
			continue;
		if (l->unflushed[m] != NO_ENTRY) {
			add_finding(l, "flip-unflushed", i, "%s written while %s is not flushed", place_of(l, i).text,
				    place_of(l, l->unflushed[m]).text);
			if (l->idle_flush[m] != NO_ENTRY)
				add_finding(l, "wrong-flush", l->idle_flush[m],
					    "flush of %s, which had nothing to flush; %s was meant",
					    l->layout->media[yp_log_entry(l->log, l->idle_flush[m])->medium].name,
					    l->layout->media[m].name);
		}
		if (l->unread_count[m] > 0 && is_arming(l)) {
			add_finding(l, "no-read-back", i,
				    "%s armed; %zu sectors of %s were not read back since they were written",
				    place_of(l, i).text, l->unread_count[m], l->layout->media[m].name);
			memset(l->unread[m], 0, (size_t)l->layout->media[m].sectors);
			l->unread_count[m] = 0;
		}
	}
	unsigned mask = copies_of(l->roles, e);
	if ((l->copies | mask) == 3 && l->copies != 3)
		add_finding(l, "both-copies", i, "%s: both environment copies in one epoch", place_of(l, i).text);
	l->copies |= mask;
}

static void any_write(struct lint *l, size_t i, const struct yp_entry *e)
{
	enum yp_role role = l->roles->role[e->medium];
	if (l->first_write == NO_ENTRY)
		l->first_write = i;
	if (role == YP_ROLE_SLOT && !l->running_told[e->medium] && *l->roles->running &&
	    strncmp(l->roles->slot[e->medium], l->roles->running, sizeof l->roles->running) == 0) {
		l->running_told[e->medium] = true;
		add_finding(l, "running-slot", i, "%s: slot %s runs", place_of(l, i).text, l->roles->running);
	}
	if (role == YP_ROLE_ENV)
		env_write(l, i, e);
	if (l->unread[e->medium] && e->op == YP_WRITE) {
		for (uint64_t s = e->sector; s < e->sector + e->sectors; s++) {
			l->unread_count[e->medium] += !l->unread[e->medium][s];
			l->unread[e->medium][s] = 1;
		}
	}
	if (e->fua) {
		if (role == YP_ROLE_ENV)
			l->copies = 0;
	} else if (l->unflushed[e->medium] == NO_ENTRY) {
		l->unflushed[e->medium] = i;
	}
}

static void any_flush(struct lint *l, size_t i, const struct yp_entry *e)
{
	if (l->unflushed[e->medium] == NO_ENTRY) {
		for (unsigned m = 0; m < l->layout->count; m++) {
			if (l->unflushed[m] != NO_ENTRY)
				l->idle_flush[m] = i;
		}
	}
	l->unflushed[e->medium] = NO_ENTRY;
	l->idle_flush[e->medium] = NO_ENTRY;
	if (l->roles->role[e->medium] == YP_ROLE_ENV)
		l->copies = 0;
}

static void any_read(struct lint *l, const struct yp_entry *e)
{
	if (!l->unread[e->medium])
		return;
	for (uint64_t s = e->sector; s < e->sector + e->sectors; s++) {
		l->unread_count[e->medium] -= l->unread[e->medium][s];
		l->unread[e->medium][s] = 0;
	}
}

/* The phase that a mark means; NONE if it is not a step, or not listed. */
static enum yp_phase mark_phase(const struct lint *l, const struct yp_entry *e)
{
	enum yp_phase phase = YP_PHASE_COUNT;
	if (e->op == YP_MARK && e->kind == YP_MARK_STEP)
		phase = yp_roles_mark_phase(l->roles, yp_log_text(l->log, e));
	return phase == YP_PHASE_COUNT ? YP_PHASE_NONE : phase;
}

static int lint_init(struct lint *l)
{
	l->first_write = NO_ENTRY;
	for (unsigned m = 0; m < l->layout->count; m++) {
		l->unflushed[m] = NO_ENTRY;
		l->idle_flush[m] = NO_ENTRY;
		if (l->roles->role[m] != YP_ROLE_SLOT)
			continue;
		l->unread[m] = calloc((size_t)l->layout->media[m].sectors, 1);
		if (!l->unread[m])
			return -ENOMEM;
	}
	for (size_t i = 0; i < yp_log_count(l->log); i++) {
		enum yp_phase phase = mark_phase(l, yp_log_entry(l->log, i));
		l->has_mark |= phase != YP_PHASE_NONE;
		l->has_arm_mark |= phase == YP_PHASE_ARM;
		/* While it fetches, an updater sends requests and decides; it stores nothing. */
		l->has_work |= phase != YP_PHASE_NONE && phase != YP_PHASE_FETCH;
	}
	return 0;
}

static void lint_pass(struct lint *l)
{
	for (size_t i = 0; i < yp_log_count(l->log); i++) {
		const struct yp_entry *e = yp_log_entry(l->log, i);
		switch (e->op) {
		case YP_WRITE:
		case YP_DISCARD:
			any_write(l, i, e);
			break;
		case YP_FLUSH:
			any_flush(l, i, e);
			break;
		case YP_READ:
			any_read(l, e);
			break;
		case YP_MARK:
			if (e->kind == YP_MARK_STEP)
				l->told = mark_phase(l, e);
			break;
		}
	}
	if (l->has_mark && !l->has_work && l->first_write != NO_ENTRY)
		add_finding(l, "write-in-idle", l->first_write, "%s written although nothing was to do",
			    place_of(l, l->first_write).text);
}

int yp_lint(const struct yp_log *log, const struct yp_lint_roles *roles, struct yp_finding *out, size_t max,
	    size_t *count)
{
	assert(log && roles && count && (out || max == 0));
	struct lint l = {.log = log, .layout = yp_log_layout(log), .roles = roles, .out = out, .max = max};
	int r = lint_init(&l);
	if (r == 0)
		lint_pass(&l);
	for (unsigned m = 0; m < l.layout->count; m++)
		free(l.unread[m]);
	*count = l.count;
	return r;
}

bool yp_lint_rule(const char *name)
{
	assert(name);
	static const char *const rules[] = {"running-slot", "flip-unflushed", "both-copies",
					    "no-read-back", "wrong-flush",    "write-in-idle"};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		if (strcmp(rules[i], name) == 0)
			return true;
	}
	return false;
}
