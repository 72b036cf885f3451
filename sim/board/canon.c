/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic classes: which states of the board behave alike. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

const char *const *sim_board_equivalences(void)
{
	static const char *const pairs[] = {
	    "B1 boot environment",
	    "Of the copy that holds count: slot, bar, trial, limit, attempts (beyond the limit all are one), and "
	    "whether the "
	    "trial is the journal's. Place, counter and what U-Boot notes for itself do not. Of the other copy only "
	    "good or "
	    "bad: a store overwrites it whole. The real U-Boot decides every environment anew.",
	    "B2 records",
	    "Of the updater's records the newest valid one counts, without its counter, ids (compared for equality "
	    "only), "
	    "failure counts beyond the trials that a version gets, and the trusted time.",
	    "B3 slots",
	    "A slot that holds a known version whole is that version. Of any other, which the environment bars or "
	    "whose "
	    "header block is zero, it matters whether the header is zero, whether the descriptor is valid, and whether "
	    "nothing, a part or all of it is durable by the journal: the updater goes on from there, and verifies all "
	    "of "
	    "it before it is armed.",
	    "B4 data",
	    "The data partition is clean, or its journal is to be replayed. Each different content is replayed and "
	    "checked "
	    "on a copy beforehand, and must come out consistent with the user's file intact.",
	    "B5 reports",
	    "What the server was told, ids in order of appearance, repetitions left out.",
	    NULL};

	return pairs;
}

enum progress { PROGRESS_NONE, PROGRESS_PART };

/* How far the journal says that this slot is. */
static enum progress progress_of(const struct board_view *view, unsigned slot)
{
	if (view->record.phase != OTA_PHASE_INSTALLING || view->record.target != (char)('A' + (int)slot))
		return PROGRESS_NONE;
	return view->record.chunks_done == 0 ? PROGRESS_NONE : PROGRESS_PART;
}

static uint64_t mix_slot(const struct sim_board *board, const struct bp_image *state, const struct board_view *view,
			 unsigned slot, uint64_t h)
{
	char name = (char)('A' + (int)slot);
	bool written = view->record.phase == OTA_PHASE_WRITTEN && view->record.target == name;
	bool unread = (view->env.boot.barred == name && view->env.boot.slot != name) || view->blank[slot];
	struct bp_hash hash;

	h = sim_mix(h, view->described[slot] ? view->descriptor[slot] : 0);
	if (view->version[slot] >= 0)
		return sim_mix(h, 0x100u + (unsigned)view->version[slot]);
	h = sim_mix(sim_mix(h, view->blank[slot]), progress_of(view, slot));
	if (unread && !written)
		return h;
	/* Somebody may read all of it: nothing is left out. */
	hash = bp_image_region_hash(state, BOARD_REGION_A + slot);
	(void)board;
	return sim_mix(sim_mix(h, hash.lo), hash.hi);
}

int board_canon(void *ctx, const struct bp_image *state, const struct bp_world *before, struct bp_hash *out)
{
	struct sim_board *board = ctx;
	struct board_view view;
	const struct board_copy *env = &view.env;
	uint64_t h = 0x243f6a8885a308d3u;
	int error = board_look(board, state, &view);

	if (error != 0)
		return error;
	h = sim_mix(sim_mix(h, env->good), env->hash);
	h = sim_mix(h, env->boot.attempts < env->boot.limit ? env->boot.attempts : env->boot.limit);
	h = sim_mix(h, view.copy[view.holding == 0 ? 1 : 0].good);
	h = sim_mix(sim_mix(h, view.record.good), view.record.hash);
	h = sim_mix(h, env->trial_id == 0 ? 0 : env->trial_id == view.record.trial_id ? 1 : 2);
	h = sim_mix(h, view.record.trial_id != 0);
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++)
		h = sim_mix(h, view.record.outbox[i] != 0 && sim_past_delivered(before, view.record.outbox[i]));
	for (unsigned slot = 0; slot < 2; slot++)
		h = mix_slot(board, state, &view, slot, h);
	h = sim_mix(h, view.data.state);
	out->lo = sim_past_hash(before, h);
	out->hi = sim_mix(out->lo, h);
	return 0;
}

static const char *holds(const struct sim_board *board, const struct board_view *view, unsigned slot)
{
	if (view->version[slot] >= 0)
		return board->config.versions[view->version[slot]].label;
	return view->blank[slot] ? "nothing startable" : "a part";
}

int sim_board_describe(struct sim_board *board, const struct bp_image *state, char *out, size_t out_bytes)
{
	static const char *const phases[] = {"idle", "installing", "written"};
	static const char *const data[] = {"clean", "to be replayed", "broken"};
	struct board_view view;
	char trial[48] = "";
	char barred[24] = "";
	int error = board_look(board, state, &view);

	if (error != 0)
		return error;
	if (view.env.boot.trial)
		(void)snprintf(trial, sizeof trial, " on trial, %lu of %lu boots counted", view.env.boot.attempts,
			       view.env.boot.limit);
	if (view.env.boot.barred != 0)
		(void)snprintf(barred, sizeof barred, ", %c barred", view.env.boot.barred);
	(void)snprintf(out, out_bytes, "%s%c%s%s%s; A holds %s, B %s; journal %s%s; data %s",
		       view.env.good ? "selected " : "no environment: ", view.env.boot.slot, trial, barred,
		       view.copy[view.holding == 0].good ? "" : ", other copy bad", holds(board, &view, 0),
		       holds(board, &view, 1),
		       view.record.good ? phases[view.record.phase < 3 ? view.record.phase : 0] : "empty",
		       view.record.outbox[0] != 0 ? ", report waits" : "", data[view.data.state]);
	return 0;
}
