/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic classes: which states of the board behave alike. */
#include <assert.h>
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

/* The slot's progress by the journal. */
static enum progress read_progress(const struct yp_oracle_view *view, unsigned slot)
{
	if (view->record.phase != YP_RECORD_INSTALLING || view->record.target != (char)('A' + (int)slot))
		return PROGRESS_NONE;
	return view->record.progress == 0 ? PROGRESS_NONE : PROGRESS_PART;
}

static uint64_t mix_slot(const struct yp_image *state, const struct yp_oracle_view *view, unsigned slot, uint64_t h)
{
	char name = (char)('A' + (int)slot);
	bool target = view->record.good && view->record.target == name;
	bool barred = view->env.boot.barred == name && view->env.boot.slot != name;
	struct yp_hash hash;

	h = yp_mix(h, view->described[slot] ? view->descriptor[slot] : 0);
	if (target && (barred || view->blank[slot]) && view->record.phase == YP_RECORD_INSTALLING)
		return yp_mix(h, 0x200u + (unsigned)read_progress(view, slot));
	if (view->version[slot] >= 0)
		return yp_mix(h, 0x100u + (unsigned)view->version[slot]);
	if ((barred || view->blank[slot]) && !(target && view->record.phase == YP_RECORD_WRITTEN))
		return yp_mix(h, view->blank[slot]);
	/* All of it may be read, so nothing is left out. */
	hash = yp_image_region_hash(state, YP_ORACLE_REGION_A + slot);
	return yp_mix(yp_mix(h, hash.lo), hash.hi);
}

/* Counts the class, and finds words for it when it is new. */
static int count_class(struct yp_oracle *oracle, const struct yp_image *state, uint64_t hash)
{
	const uint32_t key[2] = {(uint32_t)hash, (uint32_t)(hash >> 32)};
	bool found;
	size_t *index = yp_memo_at(&oracle->class_memo, key, &found);
	struct yp_oracle_class *class;

	if (index == NULL)
		return -ENOMEM;
	if (found) {
		oracle->classes[*index].states++;
		return 0;
	}
	if (oracle->classes_count == oracle->classes_room) {
		size_t room = oracle->classes_room ? 2 * oracle->classes_room : 64;
		struct yp_oracle_class *more = realloc(oracle->classes, room * sizeof *more);

		if (more == NULL)
			return -ENOMEM;
		oracle->classes = more;
		oracle->classes_room = room;
	}
	*index = oracle->classes_count++;
	class = &oracle->classes[*index];
	*class = (struct yp_oracle_class){.hash = hash, .states = 1};
	return yp_oracle_describe(oracle, state, class->words, sizeof class->words);
}

size_t yp_oracle_classes(const struct yp_oracle *oracle, const struct yp_oracle_class **out)
{
	*out = oracle->classes;
	return oracle->classes_count;
}

int yp_oracle_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	struct yp_oracle *oracle = ctx;
	struct yp_oracle_view view;
	const struct yp_oracle_copy *env = &view.env;
	uint64_t h = 0x243f6a8885a308d3u;
	int error = yp_oracle_look(oracle, state, &view);

	if (error != 0)
		return error;
	h = yp_mix(yp_mix(h, env->good), env->hash);
	h = yp_mix(h, env->boot.attempts < env->boot.limit ? env->boot.attempts : env->boot.limit);
	h = yp_mix(h, view.copy[view.holding == 0 ? 1 : 0].good);
	h = yp_mix(yp_mix(h, view.record.good), view.record.hash);
	h = yp_mix(h, env->boot.trial_id == 0 ? 0 : env->boot.trial_id == view.record.trial_id ? 1 : 2);
	h = yp_mix(h, view.record.trial_id != 0);
	for (unsigned i = 0; i < YP_RECORD_EVENTS_MAX; i++)
		h = yp_mix(h, view.record.events[i] != 0 && yp_oracle_past_delivered(before, view.record.events[i]));
	for (unsigned slot = 0; slot < 2; slot++)
		h = mix_slot(state, &view, slot, h);
	h = yp_mix(h, view.data.state == YP_ORACLE_DATA_BROKEN);
	out->lo = yp_oracle_past_hash(before, h);
	out->hi = yp_mix(out->lo, h);
	return count_class(oracle, state, out->lo);
}

static const char *describe_slot(const struct yp_oracle *oracle, const struct yp_oracle_view *view, unsigned slot)
{
	if (view->version[slot] >= 0)
		return oracle->config.versions[view->version[slot]].label;
	return view->blank[slot] ? "nothing startable" : "a part";
}

int yp_oracle_describe(struct yp_oracle *oracle, const struct yp_image *state, char *out, size_t out_bytes)
{
	static const char *const phases[] = {"idle", "installing", "written"};
	static const char *const data[] = {"clean", "to be replayed", "broken"};
	struct yp_oracle_view view;
	char trial[48] = "";
	char barred[24] = "";
	char failures[32] = "";
	int error = yp_oracle_look(oracle, state, &view);

	assert(out_bytes > 0);
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
		       view.copy[view.holding == 0].good ? "" : ", other copy bad", describe_slot(oracle, &view, 0),
		       view.described[0] ? "" : " undescribed", describe_slot(oracle, &view, 1),
		       view.described[1] ? "" : " undescribed", read_progress(&view, 1) ? ", begun" : "",
		       view.record.good ? phases[view.record.phase < 3 ? view.record.phase : 0] : "empty",
		       view.record.events[0] != 0 ? ", report waits" : "",
		       view.env.boot.trial_id != 0 && view.env.boot.trial_id == view.record.trial_id ? ", of this trial"
												     : "",
		       failures, data[view.data.state]);
	return 0;
}
