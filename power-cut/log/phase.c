/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phases of an update, from media roles and order. roles.h has the rules.
 *
 * Two passes: one from the end, which notes for each entry what comes after it (is a slot written before the device can
 * have booted?), and one from the start, which is a small machine: idle, filling a slot, armed, in the bootloader,
 * running what was booted.
 */
#include "power-cut/phase.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/sector-pool.h"
#include "power-cut/roles.h"

static const char *const names[YP_PHASE_COUNT] = {
    [YP_PHASE_NONE] = "",
    [YP_PHASE_FETCH] = "fetch",
    [YP_PHASE_BAR] = "bar",
    [YP_PHASE_WRITE] = "write",
    [YP_PHASE_FLUSH] = "flush",
    [YP_PHASE_VERIFY] = "verify",
    [YP_PHASE_ARM] = "arm",
    [YP_PHASE_SELECT] = "select",
    [YP_PHASE_BOOT] = "boot",
    [YP_PHASE_HEALTH] = "health",
    [YP_PHASE_COMMIT] = "commit",
    [YP_PHASE_FLOOR] = "floor",
    [YP_PHASE_REPORT] = "report",
    [YP_PHASE_FALL_BACK] = "fall back",
    [YP_PHASE_RECORD] = "record",
    [YP_PHASE_RESTART] = "restart",
    [YP_PHASE_RECORD_FAILURE] = "record failure",
};

const char *yp_phase_name(enum yp_phase phase)
{
	assert((unsigned)phase < YP_PHASE_COUNT);
	return names[phase];
}

enum yp_phase yp_phase_find(const char *name)
{
	assert(name);
	for (unsigned i = YP_PHASE_NONE + 1; i < YP_PHASE_COUNT; i++) {
		if (strcmp(names[i], name) == 0)
			return (enum yp_phase)i;
	}
	return YP_PHASE_NONE;
}

enum yp_phase yp_roles_mark_phase(const struct yp_lint_roles *roles, const char *text)
{
	assert(roles && text);
	for (size_t i = 0; i < roles->marks_count; i++) {
		if (strcmp(roles->marks[i].text, text) == 0)
			return roles->marks[i].phase;
	}
	return YP_PHASE_COUNT;
}

/*
 * What comes after an entry. The last two count up to the next read of one copy of the environment: a device that
 * stores a copy and reads it back has not booted; one that reads the other copy has.
 */
#define AHEAD_WRITE       1u  /* a slot is written */
#define AHEAD_MORE        2u  /* of a slot: the next that happens to this medium is a store */
#define AHEAD_WRITE_FIRST 4u  /* a slot is written before copy 0 is read; shifted by 1: before copy 1 is */
#define AHEAD_HEAD_FIRST  16u /* the start of a slot is read before copy 0 is; shifted by 1: before copy 1 is */

/* `armed`, `selecting`: between the store that arms and the first read of a slot by the bootloader. */
enum stage { STAGE_IDLE, STAGE_FILLING, STAGE_ARMED, STAGE_SELECTING, STAGE_RUNNING, STAGE_COMMITTED };

struct deriver {
	const struct yp_log *log;
	const struct yp_lint_roles *roles;
	const uint8_t *ahead;
	enum yp_phase *out;
	enum stage stage;
	enum yp_phase at;         /* the neighbourhood */
	enum yp_phase told;       /* by a mark, or NONE */
	const char *running;      /* slot, "": not known */
	const char *before;       /* slot that ran when the other one was armed */
	bool dirty[YP_MEDIA_MAX]; /* written and not flushed */
	unsigned copies;          /* of the environment: those that the last store touched */
	bool filled;              /* the inactive slot has more than its bar */
	bool trial;               /* a slot was armed, or an attempt counted, and not committed yet */
	bool fell_back;
	bool stored;         /* the bootloader stored something in this boot */
	size_t commit_first; /* entry at which what runs stored that it stays */
	size_t select_first; /* entry at which the bootloader began */
};

static bool is_store(const struct yp_entry *e)
{
	return e->op == YP_WRITE || e->op == YP_DISCARD;
}

static bool is_boot_mark(const struct deriver *d, const struct yp_entry *e)
{
	return e->op == YP_MARK && yp_roles_mark_phase(d->roles, yp_log_text(d->log, e)) == YP_PHASE_SELECT;
}

/* The copies of the environment that an entry touches, as a mask; both where the roles do not say where they are. */
static unsigned env_copies(const struct deriver *d, const struct yp_entry *e)
{
	const struct yp_lint_roles *roles = d->roles;
	if (e->op == YP_MARK || e->op == YP_FLUSH || roles->role[e->medium] != YP_ROLE_ENV)
		return 0;
	if (roles->env_sectors == 0)
		return 3;
	unsigned mask = 0;
	for (unsigned c = 0; c < 2; c++) {
		if (e->sector < roles->env_first[c] + roles->env_sectors &&
		    roles->env_first[c] < e->sector + e->sectors)
			mask |= 1u << c;
	}
	return mask;
}

/* Is it so for the copies that the store left alone, or for any if it left none? */
static bool comes_first(const struct deriver *d, size_t i, unsigned what, unsigned stored)
{
	unsigned others = stored == 3 ? 3 : 3 & ~stored;
	return (d->ahead[i] & (what * others)) == what * others;
}

/* From the end: what is ahead of each entry. */
static void look_ahead(const struct deriver *d, uint8_t *ahead)
{
	uint8_t now = 0;
	bool more[YP_MEDIA_MAX] = {false};
	for (size_t i = yp_log_count(d->log); i-- > 0;) {
		const struct yp_entry *e = yp_log_entry(d->log, i);
		bool slot = e->op != YP_MARK && d->roles->role[e->medium] == YP_ROLE_SLOT;
		unsigned read = e->op == YP_READ ? env_copies(d, e) : is_boot_mark(d, e) ? 3 : 0;
		ahead[i] = now;
		if (slot && more[e->medium])
			ahead[i] |= AHEAD_MORE;
		if (slot && e->op != YP_FLUSH)
			more[e->medium] = is_store(e);
		if (read)
			memset(more, 0, sizeof more); /* it may be a boot */
		if (slot && is_store(e))
			now |= AHEAD_WRITE | AHEAD_WRITE_FIRST * 3u;
		else if (slot && e->op == YP_READ && e->sector == 0)
			now |= AHEAD_HEAD_FIRST * 3u;
		now &= (uint8_t) ~((AHEAD_WRITE_FIRST | AHEAD_HEAD_FIRST) * read);
	}
}

static bool is_inactive(const struct deriver *d, unsigned medium)
{
	return d->roles->role[medium] == YP_ROLE_SLOT && strcmp(d->roles->slot[medium], d->running) != 0;
}

/* Does the store leave only zeros at the start of its medium? */
static bool blanks_head(const struct deriver *d, const struct yp_entry *e)
{
	for (uint32_t k = 0; e->op == YP_WRITE && k < e->sectors; k++) {
		if (yp_log_content(d->log, e, k) != YP_CONTENT_00)
			return false;
	}
	return e->sector == 0;
}

/* The reads of the environment right before entry i belong to its store. The first of them, or i. */
static size_t patch_reads(struct deriver *d, size_t i)
{
	for (; i > 0; i--) {
		const struct yp_entry *e = yp_log_entry(d->log, i - 1);
		if (e->op != YP_READ || !env_copies(d, e))
			break;
		if (d->told == YP_PHASE_NONE)
			d->out[i - 1] = d->at;
	}
	return i;
}

static void enter_select(struct deriver *d, size_t i)
{
	d->stage = STAGE_SELECTING;
	d->at = YP_PHASE_SELECT;
	d->stored = false;
	d->fell_back = false;
	d->select_first = i;
}

/* The slot that ran before the trial is read: all entries since `first` were the fallback to it. */
static void fall_back(struct deriver *d, size_t first, size_t i, enum yp_phase was)
{
	for (size_t k = first; d->told == YP_PHASE_NONE && k < i; k++)
		d->out[k] = d->out[k] == was ? YP_PHASE_FALL_BACK : d->out[k];
	d->fell_back = true;
}

static bool is_before(const struct deriver *d, unsigned medium)
{
	return *d->before && strcmp(d->roles->slot[medium], d->before) == 0;
}

/* The bootloader reads a slot: it has decided. */
static void leave_select(struct deriver *d, size_t i, unsigned medium)
{
	if (d->stage == STAGE_COMMITTED)
		fall_back(d, d->commit_first, i, YP_PHASE_COMMIT);
	else if (d->trial && d->stored && is_before(d, medium))
		fall_back(d, d->select_first, i, YP_PHASE_SELECT);
	d->trial = d->trial && !d->fell_back;
	d->running = d->roles->slot[medium];
	d->filled = false;
	d->stage = STAGE_RUNNING;
	d->at = YP_PHASE_BOOT;
}

static void store_slot(struct deriver *d, const struct yp_entry *e)
{
	bool verified = d->at == YP_PHASE_VERIFY && d->stage == STAGE_FILLING;
	if (d->stage != STAGE_FILLING)
		d->filled = false;
	d->stage = STAGE_FILLING;
	d->dirty[e->medium] = !e->fua;
	if (!d->filled && blanks_head(d, e)) {
		d->at = YP_PHASE_BAR;
		return;
	}
	d->filled = true;
	d->at = verified && e->sector == 0 ? YP_PHASE_VERIFY : YP_PHASE_WRITE;
}

/* A store of the environment by what runs, not by the bootloader. */
static void store_env_running(struct deriver *d, size_t i, unsigned copies)
{
	if (comes_first(d, i, AHEAD_HEAD_FIRST, copies)) {
		enter_select(d, i);
		d->stored = true;
		d->trial = true;
	} else if (comes_first(d, i, AHEAD_WRITE_FIRST, copies)) {
		d->stage = STAGE_FILLING;
		d->filled = false;
		d->at = YP_PHASE_BAR;
	} else if (d->fell_back) {
		d->at = YP_PHASE_FALL_BACK;
	} else if (d->trial) {
		d->trial = false;
		d->stage = STAGE_COMMITTED;
		d->at = YP_PHASE_COMMIT;
		d->commit_first = i;
	}
}

static void store_env(struct deriver *d, size_t i, unsigned copies)
{
	bool write_first = comes_first(d, i, AHEAD_WRITE_FIRST, copies);
	switch (d->stage) {
	case STAGE_IDLE:
	case STAGE_COMMITTED:
		if (!write_first)
			return;
		d->stage = STAGE_FILLING;
		d->filled = false;
		d->at = YP_PHASE_BAR;
		break;
	case STAGE_FILLING:
		if (d->filled && write_first)
			return; /* a note on progress */
		d->at = d->filled ? YP_PHASE_ARM : YP_PHASE_BAR;
		if (d->filled) {
			d->stage = STAGE_ARMED;
			d->before = d->running;
			d->trial = true;
		}
		break;
	case STAGE_ARMED:
		d->at = YP_PHASE_ARM;
		break;
	case STAGE_SELECTING:
		d->stored = true;
		d->trial = true;
		return;
	case STAGE_RUNNING:
		store_env_running(d, i, copies);
		break;
	}
	size_t first = patch_reads(d, i);
	if (d->stage == STAGE_SELECTING)
		d->select_first = first;
	if (d->stage == STAGE_COMMITTED && d->commit_first == i)
		d->commit_first = first;
}

/* Stores of state and data, where they decide the phase. */
static void pass_other(struct deriver *d, size_t i, bool store)
{
	if (d->stage != STAGE_RUNNING)
		return;
	if (store && d->fell_back)
		d->at = YP_PHASE_FALL_BACK;
	else if (store && d->trial)
		d->at = YP_PHASE_HEALTH;
	else if (!d->fell_back && !d->trial && d->ahead[i] & AHEAD_WRITE)
		d->at = YP_PHASE_FETCH;
}

static void pass_store(struct deriver *d, size_t i, const struct yp_entry *e)
{
	enum yp_role role = d->roles->role[e->medium];
	unsigned copies = env_copies(d, e);
	if (copies) {
		d->dirty[e->medium] = !e->fua;
		d->copies = copies;
		store_env(d, i, copies);
	} else if (is_inactive(d, e->medium)) {
		store_slot(d, e);
	} else if (role != YP_ROLE_SLOT && role != YP_ROLE_ENV) {
		pass_other(d, i, true);
	}
}

static void pass_flush(struct deriver *d, size_t i, const struct yp_entry *e)
{
	bool dirty = d->dirty[e->medium];
	d->dirty[e->medium] = false;
	if (d->stage != STAGE_FILLING || !is_inactive(d, e->medium) || !d->filled || !dirty || d->at == YP_PHASE_VERIFY)
		return;
	/* One that is followed by more writes makes progress durable. */
	if (!(d->ahead[i] & AHEAD_MORE))
		d->at = YP_PHASE_FLUSH;
}

static void pass_read(struct deriver *d, size_t i, const struct yp_entry *e)
{
	enum yp_role role = d->roles->role[e->medium];
	unsigned copies = env_copies(d, e);
	if (copies) {
		if (d->stage != STAGE_ARMED || d->dirty[e->medium] || (d->copies != 3 && copies == d->copies))
			return;
		enter_select(d, i);
		d->select_first = patch_reads(d, i);
	} else if (role == YP_ROLE_SLOT &&
		   (d->stage == STAGE_SELECTING ||
		    (d->stage == STAGE_COMMITTED && e->sector == 0 && is_before(d, e->medium)))) {
		leave_select(d, i, e->medium);
	} else if (d->stage == STAGE_FILLING && is_inactive(d, e->medium) && d->filled && !d->dirty[e->medium]) {
		d->at = YP_PHASE_VERIFY;
	} else if (role != YP_ROLE_SLOT && role != YP_ROLE_ENV) {
		pass_other(d, i, false);
	}
}

static void pass_mark(struct deriver *d, size_t i, const struct yp_entry *e)
{
	enum yp_phase phase = yp_roles_mark_phase(d->roles, yp_log_text(d->log, e));
	if (phase != YP_PHASE_COUNT)
		d->told = phase;
	if (phase == YP_PHASE_SELECT)
		enter_select(d, i);
	else if (phase == YP_PHASE_COUNT && e->kind == YP_MARK_WORLD)
		d->at = YP_PHASE_REPORT;
}

static void pass_all(struct deriver *d)
{
	for (size_t i = 0; i < yp_log_count(d->log); i++) {
		const struct yp_entry *e = yp_log_entry(d->log, i);
		switch (e->op) {
		case YP_WRITE:
		case YP_DISCARD:
			pass_store(d, i, e);
			break;
		case YP_FLUSH:
			pass_flush(d, i, e);
			break;
		case YP_READ:
			pass_read(d, i, e);
			break;
		case YP_MARK:
			pass_mark(d, i, e);
			break;
		}
		d->out[i] = d->told != YP_PHASE_NONE ? d->told : d->at;
	}
}

int yp_phases_derive(const struct yp_log *log, const struct yp_lint_roles *roles, bool from_boot, enum yp_phase *out)
{
	assert(log && roles && out);
	size_t count = yp_log_count(log);
	struct deriver d = {.log = log, .roles = roles, .out = out, .running = roles->running, .before = ""};
	uint8_t *ahead = calloc(count + 1, sizeof *ahead);
	if (!ahead)
		return -ENOMEM;
	look_ahead(&d, ahead);
	d.ahead = ahead;
	if (from_boot)
		enter_select(&d, 0);
	else if (count > 0)
		d.at = ahead[0] & AHEAD_WRITE ? YP_PHASE_FETCH : YP_PHASE_NONE;
	pass_all(&d);
	free(ahead);
	return 0;
}
