/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic classes: which states of the board behave alike. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/oracle-private.h"

const char *const *yp_oracle_equivalences(void)
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
	    "A slot that holds a known version whole is that version. A slot that the environment bars, or whose "
	    "header block "
	    "is zero, is started by nobody; while the journal says that it is being installed, the updater bars it "
	    "anew "
	    "or goes on after what is durable, and verifies all of it before it is armed. Of such a slot it matters "
	    "only "
	    "whether its descriptor is valid, and whether nothing or a part is durable by the journal.",
	    "B4 data",
	    "Each different content of the data partition is replayed and checked on a copy beforehand, by the program "
	    "that the "
	    "board itself runs before it mounts it, and must come out consistent with the user's file intact. So it "
	    "does "
	    "not matter whether there is something to replay: nothing else on the board depends on it.",
	    "B5 reports",
	    "What the server was told, ids in order of appearance, repetitions left out.",
	    "B6 runs again",
	    "A class with fewer states than runs has states that are run again. Each must end as the first did; the "
	    "crash states that go on are those of the first run.",
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

static uint64_t mix_slot(const struct yp_image *state, const struct board_view *view, unsigned slot, uint64_t h)
{
	char name = (char)('A' + (int)slot);
	bool target = view->record.good && view->record.target == name;
	bool barred = view->env.boot.barred == name && view->env.boot.slot != name;
	struct yp_hash hash;

	h = yp_sim_mix(h, view->described[slot] ? view->descriptor[slot] : 0);
	if (target && (barred || view->blank[slot]) && view->record.phase == OTA_PHASE_INSTALLING)
		return yp_sim_mix(h, 0x200u + (unsigned)progress_of(view, slot));
	if (view->version[slot] >= 0)
		return yp_sim_mix(h, 0x100u + (unsigned)view->version[slot]);
	if ((barred || view->blank[slot]) && !(target && view->record.phase == OTA_PHASE_WRITTEN))
		return yp_sim_mix(h, view->blank[slot]);
	/* Somebody may read all of it: nothing is left out. */
	hash = yp_image_region_hash(state, BOARD_REGION_A + slot);
	return yp_sim_mix(yp_sim_mix(h, hash.lo), hash.hi);
}

/* Counts the class, and finds words for it when it is new. */
static int class_met(struct yp_oracle *board, const struct yp_image *state, uint64_t hash)
{
	const uint32_t key[2] = {(uint32_t)hash, (uint32_t)(hash >> 32)};
	bool found;
	size_t *index = yp_sim_memo_at(&board->class_memo, key, &found);
	struct yp_oracle_class *class;

	if (index == NULL)
		return -ENOMEM;
	if (found) {
		board->classes[*index].states++;
		return 0;
	}
	if (board->classes_count == board->classes_room) {
		size_t room = board->classes_room ? 2 * board->classes_room : 64;
		struct yp_oracle_class *more = realloc(board->classes, room * sizeof *more);

		if (more == NULL)
			return -ENOMEM;
		board->classes = more;
		board->classes_room = room;
	}
	*index = board->classes_count++;
	class = &board->classes[*index];
	*class = (struct yp_oracle_class){.hash = hash, .states = 1};
	return yp_oracle_describe(board, state, class->words, sizeof class->words);
}

size_t yp_oracle_classes(const struct yp_oracle *board, const struct yp_oracle_class **out)
{
	*out = board->classes;
	return board->classes_count;
}

int board_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	struct yp_oracle *board = ctx;
	struct board_view view;
	const struct board_copy *env = &view.env;
	uint64_t h = 0x243f6a8885a308d3u;
	int error = board_look(board, state, &view);

	if (error != 0)
		return error;
	h = yp_sim_mix(yp_sim_mix(h, env->good), env->hash);
	h = yp_sim_mix(h, env->boot.attempts < env->boot.limit ? env->boot.attempts : env->boot.limit);
	h = yp_sim_mix(h, view.copy[view.holding == 0 ? 1 : 0].good);
	h = yp_sim_mix(yp_sim_mix(h, view.record.good), view.record.hash);
	h = yp_sim_mix(h, env->trial_id == 0 ? 0 : env->trial_id == view.record.trial_id ? 1 : 2);
	h = yp_sim_mix(h, view.record.trial_id != 0);
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++)
		h = yp_sim_mix(h, view.record.outbox[i] != 0 && yp_sim_past_delivered(before, view.record.outbox[i]));
	for (unsigned slot = 0; slot < 2; slot++)
		h = mix_slot(state, &view, slot, h);
	h = yp_sim_mix(h, view.data.state == BOARD_DATA_BROKEN);
	out->lo = yp_sim_past_hash(before, h);
	out->hi = yp_sim_mix(out->lo, h);
	return class_met(board, state, out->lo);
}

static const char *holds(const struct yp_oracle *board, const struct board_view *view, unsigned slot)
{
	if (view->version[slot] >= 0)
		return board->config.versions[view->version[slot]].label;
	return view->blank[slot] ? "nothing startable" : "a part";
}

int yp_oracle_describe(struct yp_oracle *board, const struct yp_image *state, char *out, size_t out_bytes)
{
	static const char *const phases[] = {"idle", "installing", "written"};
	static const char *const data[] = {"clean", "to be replayed", "broken"};
	struct board_view view;
	char trial[48] = "";
	char barred[24] = "";
	char failures[32] = "";
	int error = board_look(board, state, &view);

	if (error != 0)
		return error;
	if (view.env.boot.trial)
		(void)snprintf(trial, sizeof trial, " on trial, %lu of %lu boots counted", view.env.boot.attempts,
			       view.env.boot.limit);
	if (view.env.boot.barred != 0)
		(void)snprintf(barred, sizeof barred, ", %c barred", view.env.boot.barred);
	if (view.record.failures != 0)
		(void)snprintf(failures, sizeof failures, ", %u failure%s noted", view.record.failures,
			       view.record.failures == 1 ? "" : "s");
	(void)snprintf(out, out_bytes, "%s%c%s%s%s; A holds %s%s, B %s%s%s; journal %s%s%s%s; data %s",
		       view.env.good ? "selected " : "no environment: ", view.env.boot.slot, trial, barred,
		       view.copy[view.holding == 0].good ? "" : ", other copy bad", holds(board, &view, 0),
		       view.described[0] ? "" : " undescribed", holds(board, &view, 1),
		       view.described[1] ? "" : " undescribed", progress_of(&view, 1) ? ", begun" : "",
		       view.record.good ? phases[view.record.phase < 3 ? view.record.phase : 0] : "empty",
		       view.record.outbox[0] != 0 ? ", report waits" : "",
		       view.env.trial_id != 0 && view.env.trial_id == view.record.trial_id ? ", of this trial" : "",
		       failures, data[view.data.state]);
	return 0;
}
