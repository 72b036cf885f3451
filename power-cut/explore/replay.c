/* SPDX-License-Identifier: Apache-2.0 */
/* Replay: a case is run again, cut by cut, judged and described. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explore/replay.h"

#define PENDING_TOLD_MAX 8u

static int scene_play(struct yp_replayed *out, const struct yp_explore *explore, unsigned i, const struct yp_log *log)
{
	struct yp_scene *scene = &out->scenes[i];
	struct yp_walk walk;
	scene->log = log;
	int r = yp_plan_new(log, yp_image_layout(out->image), &out->worlds, &scene->plan);
	if (r < 0)
		return r;
	yp_walk_init(&walk, scene->plan, &out->worlds, out->image, out->world);
	r = yp_walk_to(&walk, scene->cut.entry);
	if (r == 0)
		r = yp_walk_point(&walk, &scene->point);
	out->world = walk.world;
	yp_walk_deinit(&walk);
	if (r == 0)
		r = yp_point_apply(&scene->point, &scene->cut, out->image);
	if (r == 0)
		r = yp_log_new(yp_image_layout(out->image), yp_image_pool(out->image), &out->logs[i]);
	if (r == 0)
		r = explore->rig->recover(explore->rig->ctx, out->image, out->logs[i], &scene->outcome);
	return r;
}

/* World events before the cut and during recovery, and the oracle's verdict. */
static int judge_replayed(struct yp_replayed *out, const struct yp_explore *explore)
{
	const struct yp_rig *rig = explore->rig;
	const struct yp_scene *last = &out->scenes[out->count - 1];
	out->outcome = last->outcome;
	if (!rig->judge)
		return 0;
	struct yp_plan *plan = NULL;
	struct yp_world view = {0};
	struct yp_world during;
	const char **before = NULL;
	int r = yp_plan_new(out->logs[out->count - 1], yp_image_layout(out->image), &out->worlds, &plan);
	if (r == 0)
		r = yp_worlds_view(&out->worlds, out->world, &view);
	if (r < 0)
		goto out;
	before = malloc((view.count + 1) * sizeof *before);
	if (!before) {
		r = -ENOMEM;
		goto out;
	}
	if (view.count)
		memcpy(before, view.events, view.count * sizeof *before);
	view.events = before;
	r = yp_worlds_view(&out->worlds, plan->during, &during);
	if (r == 0)
		r = rig->judge(rig->ctx, out->image, &view, &during, &last->outcome, &out->outcome);
out:
	free(before);
	yp_plan_free(plan);
	return r;
}

int yp_replayed_run(struct yp_replayed *out, const struct yp_explore *explore, const struct yp_case *c)
{
	assert(out && explore && c);
	assert(explore->rig && explore->rig->recover && explore->base && explore->log);
	*out = (struct yp_replayed){0};
	if (c->count == 0 || c->count > YP_CUTS_MAX)
		return -EINVAL;
	out->count = c->count;
	out->logs = calloc(c->count, sizeof(void *));
	out->scenes = calloc(c->count, sizeof *out->scenes);
	if (!out->logs || !out->scenes)
		return -ENOMEM;
	int r = yp_worlds_init(&out->worlds);
	if (r == 0)
		r = yp_image_copy(explore->base, &out->image);
	for (unsigned i = 0; r == 0 && i < c->count; i++) {
		out->scenes[i].cut = c->cuts[i];
		r = scene_play(out, explore, i, i == 0 ? explore->log : out->logs[i - 1]);
	}
	return r < 0 ? r : judge_replayed(out, explore);
}

void yp_replayed_deinit(struct yp_replayed *replayed)
{
	for (unsigned i = 0; i < replayed->count; i++) {
		if (replayed->scenes) {
			yp_plan_free(replayed->scenes[i].plan);
			yp_point_deinit(&replayed->scenes[i].point);
		}
		if (replayed->logs)
			yp_log_free(replayed->logs[i]);
	}
	free(replayed->scenes);
	free(replayed->logs);
	yp_worlds_deinit(&replayed->worlds);
	yp_image_free(replayed->image);
}

/* One line for each pending element, the first and the last of many. */
static void story_pending(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene)
{
	static const char *const words[] = {"durable ", "survives", "lost    ", "in part "};
	size_t count = scene->point.elements_count;
	uint32_t broken = 0;
	for (size_t i = 0; i < count; i++) {
		const struct yp_element *e = &scene->point.elements[i];
		enum yp_fate fate = yp_element_fate(&scene->point, &scene->cut, e, &broken);
		if (i >= PENDING_TOLD_MAX / 2 && i + PENDING_TOLD_MAX / 2 < count && fate != YP_FATE_PART) {
			if (i == PENDING_TOLD_MAX / 2)
				yp_text_add(text, "      ... %zu more ...\n", count - PENDING_TOLD_MAX);
			continue;
		}
		yp_text_add(text, "      %s  ", words[fate]);
		if (fate == YP_FATE_PART)
			yp_text_part(text, image, scene);
		else
			yp_text_element(text, image, scene, e, UINT32_MAX);
		yp_text_add(text, "\n");
	}
	if (count == 0)
		yp_text_add(text, "      nothing was pending\n");
}

static const char *verdict_word(enum yp_verdict verdict)
{
	static const char *const words[] = {"PASS", "SKIP", "MISS", "ERROR", "FAIL"};
	return (unsigned)verdict < sizeof words / sizeof *words ? words[verdict] : "?";
}

static void story_tell(const struct yp_replayed *replayed, char *story, size_t story_bytes)
{
	struct yp_text text = {story, story_bytes, 0};
	for (unsigned i = 0; i < replayed->count; i++) {
		const struct yp_scene *scene = &replayed->scenes[i];
		yp_text_add(&text, "cut %u, in %s: before entry %" PRIu32 " of %zu, ", i + 1,
			    i == 0 ? "the recorded run" : "the recovery from it", scene->cut.entry,
			    yp_log_count(scene->log));
		yp_text_entry(&text, replayed->image, scene);
		yp_text_add(&text, "\n");
		story_pending(&text, replayed->image, scene);
	}
	const struct yp_outcome *o = &replayed->outcome;
	yp_text_add(&text, "then no more cuts: %" PRIu32 " boots, ended as \"%s\": %s%s%s%s%s\n", o->boots, o->label,
		    verdict_word(o->verdict), o->invariant != YP_I_NONE ? " " : "", yp_invariant_id(o->invariant),
		    *o->text ? ": " : "", o->text);
}

int yp_explore_replay(const struct yp_explore *explore, const struct yp_case *c, struct yp_image **state,
		      struct yp_outcome *outcome, char *story, size_t story_bytes)
{
	assert(explore && c && outcome);
	struct yp_replayed replayed;
	int r = yp_replayed_run(&replayed, explore, c);
	if (story && story_bytes > 0)
		story[0] = 0;
	if (r == 0) {
		if (story && story_bytes > 0)
			story_tell(&replayed, story, story_bytes);
		*outcome = replayed.outcome;
		if (state) {
			*state = replayed.image;
			replayed.image = NULL;
		}
	}
	yp_replayed_deinit(&replayed);
	return r;
}
