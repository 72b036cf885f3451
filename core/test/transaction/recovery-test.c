/* SPDX-License-Identifier: Apache-2.0 */
/* The recovery table over every combination of facts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "ota/ota.h"

#define TRIAL_ID  0x1234u
#define STEPS_MAX 12u
#define ATTEMPTS  3u

struct world {
	char booted[2];
	struct ota_boot_state boot;
	struct ota_state state;
	bool described;
};

/* The combinations, as digits of one number. */
enum {
	BOOTED = 2,
	SELECTED = 3,
	BARRED = 3,
	TRIAL = 2,
	READABLE = 2,
	COUNTED = 3,
	PHASE = 3,
	TARGET = 2,
	ID = 3,
	VERDICT = 2,
	DESCRIBED = 2
};
#define WORLDS                                                                                                         \
	((uint32_t)BOOTED * SELECTED * BARRED * TRIAL * READABLE * COUNTED * PHASE * TARGET * ID * VERDICT * DESCRIBED)

static unsigned take_digit(uint32_t *number, unsigned base)
{
	unsigned d = *number % base;
	*number /= base;
	return d;
}

static void world_make(uint32_t number, struct world *w)
{
	static const char *const slots[] = {"A", "B", ""};
	static const uint64_t ids[] = {0, TRIAL_ID, 77};
	memset(w, 0, sizeof *w);
	strcpy(w->booted, slots[take_digit(&number, BOOTED)]);
	strcpy(w->boot.selected, slots[take_digit(&number, SELECTED)]);
	strcpy(w->boot.barred, slots[take_digit(&number, BARRED)]);
	w->boot.trial = take_digit(&number, TRIAL);
	w->boot.readable = take_digit(&number, READABLE);
	w->boot.attempts = take_digit(&number, COUNTED) * 2;
	w->boot.limit = ATTEMPTS;
	w->state.phase = (enum ota_phase)take_digit(&number, PHASE);
	w->boot.trial_id = ids[take_digit(&number, ID)];
	unsigned target = take_digit(&number, TARGET);
	unsigned verdict = take_digit(&number, VERDICT);
	w->described = take_digit(&number, DESCRIBED);
	if (w->state.phase != OTA_PHASE_IDLE) {
		strcpy(w->state.target, slots[target]);
		w->state.trial_id = TRIAL_ID;
		w->state.digest[0] = 9;
		w->state.verdict = verdict ? OTA_HEALTH_FAILED : OTA_OK;
	}
}

static enum ota_action decide_action(const struct world *w)
{
	struct ota_slot_descriptor target = {.digest = {9}};
	struct ota_facts facts = {w->booted, &w->boot, &w->state, w->described ? &target : NULL};
	return ota_recovery_decide(&facts);
}

static const char *other_slot(const char *slot)
{
	return strcmp(slot, "A") ? "A" : "B";
}

static void roll_back(struct world *w, const char *keep, const char *bad)
{
	cr_assert_str_neq(w->booted, keep[0] == w->booted[0] ? bad : "", "the booted slot is barred and kept");
	memmove(w->boot.selected, keep, 2);
	memmove(w->boot.barred, bad, strlen(bad) + 1);
	w->boot.trial = false;
	w->boot.attempts = 0;
	w->boot.readable = true;
}

static void try_slot(struct world *w, const char *slot)
{
	strcpy(w->boot.selected, slot);
	strcpy(w->boot.barred, "");
	w->boot.trial = true;
	w->boot.attempts = 0;
	w->boot.trial_id = w->state.trial_id;
	w->boot.readable = true;
}

/* A bootloader that starts what is selected. */
static void boot_selected(struct world *w)
{
	if (w->boot.trial)
		w->boot.attempts++;
	if (w->boot.selected[0])
		memcpy(w->booted, w->boot.selected, 2);
}

static void close_journal(struct world *w)
{
	memset(&w->state, 0, sizeof w->state);
}

/* What each action does to the facts, as trial.c and install.c do it; healthy: what a judgement finds. */
static void apply_action(struct world *w, enum ota_action action, bool healthy)
{
	bool armed = w->state.phase != OTA_PHASE_IDLE && w->state.trial_id == w->boot.trial_id;
	char bad[2];
	switch (action) {
	case OTA_ACTION_REPAIR:
		if ((!w->boot.readable || !w->boot.selected[0]) && w->state.phase == OTA_PHASE_WRITTEN &&
		    !strcmp(w->state.target, w->booted))
			try_slot(w, w->booted);
		else if (!w->boot.readable || !w->boot.selected[0])
			roll_back(w, w->booted, strcmp(w->state.target, w->booted) ? w->state.target : "");
		else
			roll_back(w, w->booted, strcmp(w->boot.barred, w->booted) ? w->boot.barred : "");
		break;
	case OTA_ACTION_CONTINUE: /* ends armed, or given up */
		if (!strcmp(w->state.target, w->booted) || !healthy) {
			close_journal(w);
			break;
		}
		w->state.phase = OTA_PHASE_WRITTEN;
		w->described = true;
		try_slot(w, w->state.target);
		break;
	case OTA_ACTION_ARM:
		try_slot(w, w->state.target);
		break;
	case OTA_ACTION_REBOOT:
		boot_selected(w);
		break;
	case OTA_ACTION_JUDGE:
		if (healthy && !(armed && w->state.verdict)) {
			strcpy(w->boot.barred, "");
			w->boot.trial = false;
			w->boot.attempts = 0;
			close_journal(w);
			break;
		}
		memcpy(bad, w->booted, 2);
		roll_back(w, other_slot(w->booted), bad);
		boot_selected(w);
		break;
	case OTA_ACTION_GO_BACK:
		roll_back(w, w->booted, other_slot(w->booted));
		break;
	case OTA_ACTION_FINISH:
	case OTA_ACTION_RECORD_FAILURE:
		close_journal(w);
		break;
	case OTA_ACTION_NONE:
	case OTA_ACTION_COUNT:
		break;
	}
}

/* Properties of single decisions: what must never be decided, whatever was lost. */
Test(recovery, never)
{
	uint32_t seen[OTA_ACTION_COUNT] = {0};
	for (uint32_t n = 0; n < WORLDS; n++) {
		struct world w;
		world_make(n, &w);
		enum ota_action action = decide_action(&w);
		bool runs = !strcmp(w.booted, w.boot.selected);
		bool target_runs = w.state.phase != OTA_PHASE_IDLE && !strcmp(w.booted, w.state.target);
		bool armed = w.state.phase != OTA_PHASE_IDLE && w.state.trial_id == w.boot.trial_id;
		cr_assert_lt((unsigned)action, OTA_ACTION_COUNT);
		seen[action]++;
		if (!w.boot.readable || !w.boot.selected[0])
			cr_assert_eq(action, OTA_ACTION_REPAIR, "%u", n);
		else if (w.boot.trial && runs)
			cr_assert_eq(action, OTA_ACTION_JUDGE, "%u: a trial that runs is judged, journal or not", n);
		if (action == OTA_ACTION_JUDGE)
			cr_assert(w.boot.readable && runs && (w.boot.trial || (target_runs && !armed)),
				  "%u: judged what is not to be judged", n);
		if (action == OTA_ACTION_ARM)
			cr_assert(w.described && w.state.phase == OTA_PHASE_WRITTEN && !target_runs && !armed &&
				      !w.boot.trial && !w.state.verdict,
				  "%u: armed what is not known to be good", n);
		if (action == OTA_ACTION_FINISH)
			cr_assert(runs && target_runs && armed && !w.boot.trial,
				  "%u: success of what does not run or was never judged", n);
		if (action == OTA_ACTION_RECORD_FAILURE)
			cr_assert(!target_runs && !w.boot.trial && (armed || w.state.verdict),
				  "%u: failure of what was not tried", n);
		if (action == OTA_ACTION_GO_BACK)
			cr_assert(!runs, "%u: the selected slot runs", n);
		if (action == OTA_ACTION_CONTINUE)
			cr_assert(!w.boot.trial && !armed && w.state.phase != OTA_PHASE_IDLE, "%u: writes a tried slot",
				  n);
		if (w.state.phase == OTA_PHASE_IDLE && w.boot.readable && !w.boot.trial && runs &&
		    strcmp(w.boot.barred, w.booted) != 0)
			cr_assert_eq(action, OTA_ACTION_NONE, "%u: an idle device does something", n);
	}
	for (unsigned a = 0; a < OTA_ACTION_COUNT; a++)
		cr_assert_gt(seen[a], 0, "%s is never decided", ota_action_name((enum ota_action)a));
}

/* I10: from every combination, acting leads to rest, in a bounded number of steps, healthy or not; and never with the
 * booted slot barred and selected. */
Test(recovery, comes_to_rest)
{
	for (uint32_t n = 0; n < WORLDS; n++) {
		for (unsigned healthy = 0; healthy < 2; healthy++) {
			struct world w;
			unsigned steps = 0;
			enum ota_action action;
			world_make(n, &w);
			while ((action = decide_action(&w)) != OTA_ACTION_NONE) {
				apply_action(&w, action, healthy);
				cr_assert_lt(++steps, STEPS_MAX, "%u: no rest, at last %s", n, ota_action_name(action));
			}
			cr_assert(w.boot.readable && !w.boot.trial, "%u", n);
			cr_assert(!(w.boot.selected[0] && !strcmp(w.boot.selected, w.boot.barred)), "%u", n);
		}
	}
}

/* The rows that a reviewer asks for first. */
Test(recovery, named_cases)
{
	struct world w;
	memset(&w, 0, sizeof w);
	strcpy(w.booted, "B");
	strcpy(w.boot.selected, "A");
	strcpy(w.boot.barred, "B");
	w.boot.readable = true;
	w.boot.trial_id = TRIAL_ID;
	w.state = (struct ota_state){.phase = OTA_PHASE_WRITTEN,
				     .target = "B",
				     .trial_id = TRIAL_ID,
				     .digest = {9},
				     .verdict = OTA_HEALTH_FAILED};
	cr_assert_eq(decide_action(&w), OTA_ACTION_REBOOT, "gone back, not rebooted: not a success");
	strcpy(w.booted, "A");
	cr_assert_eq(decide_action(&w), OTA_ACTION_RECORD_FAILURE);
	w.boot.trial_id = 5;
	w.state.verdict = OTA_OK;
	w.described = true;
	cr_assert_eq(decide_action(&w), OTA_ACTION_ARM);
	w.described = false;
	cr_assert_eq(decide_action(&w), OTA_ACTION_CONTINUE, "the slot does not hold what the journal says");
	w.state.phase = OTA_PHASE_INSTALLING;
	w.described = true;
	cr_assert_eq(decide_action(&w), OTA_ACTION_CONTINUE, "not written yet, whatever the slot says");
	w.boot.trial_id = TRIAL_ID;
	cr_assert_eq(decide_action(&w), OTA_ACTION_RECORD_FAILURE, "armed before, so the lost record was \"written\"");
	cr_assert_str_eq(ota_action_name(OTA_ACTION_GO_BACK), "GO_BACK");
	cr_assert_str_eq(ota_action_name(OTA_ACTION_COUNT), "UNKNOWN");
}
