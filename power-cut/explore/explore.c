/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worklist. The crash states of a state's recovery are enumerated (crash.c explains why those cuts are enough).
 * Each new crash state is decided, judged and appended. Breadth first: a failure is found with the fewest cuts that
 * lead to it. An empty worklist means that any number of cuts, at any place, leads to states that were judged: closure.
 *
 * A state is checked three times, the cheapest check first. Was this image with this world seen (hash)? Was its
 * canonical form seen (rig->canon)? Did an earlier run read the same contents (settle.c)? If not, its recovery runs.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "explore/explorer.h"

#define PROGRESS_EVERY 256u

/* Runs or settles the image as it is. */
static int settle_or_run(struct yp_explorer *x, const struct yp_cut *cut, struct yp_hash raw, uint32_t *result,
			 bool *settled)
{
	*settled = yp_settle_find(&x->settle, x->image, result) == 1;
	bool audit = *settled && yp_explorer_draw(x, raw, 's') < yp_draw_limit(x->limits.audit_fraction);
	if (*settled && !audit) {
		x->stats->settled++;
		return 0;
	}
	if (!*settled && x->limits.runs_max && x->stats->run >= x->limits.runs_max)
		return YP_STOP_BOUND;
	uint32_t ran;
	int r = yp_explorer_recover(x, &ran);
	if (r < 0)
		return r;
	int differs = yp_settle_add(&x->settle, x->image, x->log, ran);
	if (differs < 0)
		return differs;
	if (differs)
		yp_explorer_disagree(x, x->at, cut,
				     *settled ? "ran otherwise than the run that settled it"
					      : "ran otherwise than a run that read the same");
	if (*settled) {
		x->stats->settled++;
		x->stats->audited++;
		return 0;
	}
	x->stats->run++;
	*result = ran;
	return 0;
}

/* A state with a canonical form not seen before. */
static int judge_new(struct yp_explorer *x, const struct yp_cut *cut, struct yp_hash raw)
{
	struct yp_node node = {
	    .cut = *cut, .parent = x->at, .world = x->walk.world, .depth = (uint16_t)(x->nodes[x->at].depth + 1u)};
	struct yp_outcome outcome = {0};
	bool settled = false;
	int r = settle_or_run(x, cut, raw, &node.result, &settled);
	if (r == 0)
		r = yp_explorer_judge(x, node.world, node.result, &outcome);
	if (r == 0)
		r = yp_worlds_text(&x->worlds, outcome.label, &node.label);
	if (r != 0)
		return r;
	node.verdict = (uint8_t)outcome.verdict;
	x->stats->canonical++;
	r = yp_explorer_node(x, &node);
	if (r == 0)
		r = yp_explorer_report(x, x->at, cut, &outcome, settled);
	if (x->in->on_progress && x->stats->canonical % PROGRESS_EVERY == 0)
		x->in->on_progress(x->in->progress_ctx, x->stats, x->nodes_count - 1 - x->at);
	return r;
}

/* A state whose canonical form is known: its own media are inspected nevertheless. */
static int inspect_state(struct yp_explorer *x, const struct yp_cut *cut, uint32_t like)
{
	const struct yp_rig *rig = x->in->rig;
	const struct yp_node *node = &x->nodes[like];
	struct yp_outcome outcome = {.verdict = (enum yp_verdict)node->verdict};
	struct yp_world before;
	if (!rig->inspect || node->verdict == YP_FAIL)
		return 0;
	(void)snprintf(outcome.label, sizeof outcome.label, "%s", yp_worlds_word(&x->worlds, node->label));
	int r = yp_worlds_view(&x->worlds, x->walk.world, &before);
	if (r == 0)
		r = rig->inspect(rig->ctx, x->image, &before, &outcome);
	return r == 0 && outcome.verdict > (enum yp_verdict)node->verdict
		   ? yp_explorer_report(x, x->at, cut, &outcome, true)
		   : r;
}

static int on_crash(void *ctx, const struct yp_cut *cut, struct yp_image *image)
{
	struct yp_explorer *x = ctx;
	struct yp_hash key;
	x->stats->enumerated++;
	struct yp_hash raw = yp_hash_add(yp_image_hash(image), yp_worlds_hash(&x->worlds, x->walk.world).lo);
	int r = yp_map_put(&x->raw, raw, 0);
	if (r != 0)
		return r < 0 ? r : 0;
	if (x->limits.states_max && x->stats->distinct >= x->limits.states_max)
		return YP_STOP_BOUND;
	x->stats->distinct++;
	r = yp_explorer_canon(x, x->walk.world, &key);
	if (r < 0)
		return r;
	uint32_t like = yp_map_get(&x->canonical, key);
	if (like != YP_MAP_FREE) {
		r = inspect_state(x, cut, like);
		return r != 0 ? r : yp_explorer_drop(x, cut, raw, like);
	}
	r = yp_map_put(&x->canonical, key, (uint32_t)x->nodes_count);
	return r < 0 ? r : judge_new(x, cut, raw);
}

/* Expands the worklist until it is empty. 0, YP_STOP_*, or what a callback returned. */
static int explore_states(struct yp_explorer *x)
{
	unsigned depth_max =
	    x->limits.depth_max && x->limits.depth_max < YP_CUTS_MAX ? x->limits.depth_max : YP_CUTS_MAX;
	int r = 0;
	for (uint32_t at = 0; r == 0 && at < x->nodes_count; at++) {
		if (x->nodes[at].depth >= depth_max) {
			x->bounded = true;
			continue;
		}
		x->at = at;
		r = yp_explorer_go(x, at);
		if (r == 0)
			r = yp_explorer_expand(x, x->plans[x->results[x->nodes[at].result].plan], x->nodes[at].world,
					       on_crash, x);
	}
	return r;
}

int yp_explore_run(const struct yp_explore *in, struct yp_stats *stats)
{
	assert(in && stats && in->rig && in->rig->recover);
	struct yp_explorer x;
	int r = yp_explorer_init(&x, in, stats);
	if (r == 0)
		r = explore_states(&x);
	if (r == YP_STOP_BOUND || r == YP_STOP_FAILURE) {
		x.bounded = true;
		r = 0;
	}
	if (r == 0)
		r = yp_explorer_audit(&x, !x.bounded);
	stats->closed = r == 0 && !x.bounded && stats->disagreed == 0;
	if (r == 0 && in->on_progress)
		in->on_progress(in->progress_ctx, stats, 0);
	yp_explorer_deinit(&x);
	return r;
}
