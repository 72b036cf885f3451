/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"
#include "image.h"

#define SUBSET_WRITES_DEFAULT 10u
#define PLANS_MAX             ((size_t)1 << 28)
#define RESULTS_MAX           ((size_t)1 << 28)
#define NODES_MAX             ((size_t)UINT32_MAX - 1)

static int steps_init(struct bp_explorer *x)
{
	size_t count = bp_log_count(x->in->log);
	x->steps = malloc((count + 1) * sizeof *x->steps);
	if (!x->steps)
		return -ENOMEM;
	const char *step = "";
	for (size_t i = 0; i <= count; i++) {
		/* A cut before entry i hits the step that ran then. */
		x->steps[i] = step;
		const struct bp_entry *e = i < count ? bp_log_entry(x->in->log, i) : NULL;
		if (e && e->op == BP_MARK && e->kind == BP_MARK_STEP)
			step = bp_log_text(x->in->log, e);
	}
	return 0;
}

static int plan_add(struct bp_explorer *x, const struct bp_log *log, uint32_t *out)
{
	struct bp_plan *plan = NULL;
	int r = bp_plan_new(log, bp_image_layout(x->image), &x->worlds, &plan);
	if (r < 0)
		return r;
	*out = bp_map_get(&x->plan_ids, plan->hash);
	if (*out != BP_MAP_FREE) {
		bp_plan_free(plan);
		return 0;
	}
	void *items = x->plans;
	r = bp_array_grow(&items, &x->plans_room, x->plans_count, sizeof(void *), PLANS_MAX);
	x->plans = items;
	if (r < 0) {
		bp_plan_free(plan);
		return r;
	}
	*out = (uint32_t)x->plans_count;
	x->plans[x->plans_count++] = plan;
	return bp_map_put(&x->plan_ids, plan->hash, *out);
}

int bp_explorer_result(struct bp_explorer *x, const struct bp_outcome *outcome, const struct bp_log *log, uint32_t *out)
{
	uint32_t plan;
	int r = plan_add(x, log, &plan);
	if (r < 0)
		return r;
	struct bp_hash key = bp_hash_add(x->plans[plan]->hash, (uint64_t)outcome->verdict << 32 | outcome->boots);
	key = bp_hash_add_bytes(key, outcome->label, strnlen(outcome->label, sizeof outcome->label));
	key = bp_hash_add_bytes(key, outcome->invariant, strnlen(outcome->invariant, sizeof outcome->invariant));
	key = bp_hash_add_bytes(key, outcome->text, strnlen(outcome->text, sizeof outcome->text));
	*out = bp_map_get(&x->result_ids, key);
	if (*out != BP_MAP_FREE)
		return 0;
	void *items = x->results;
	r = bp_array_grow(&items, &x->results_room, x->results_count, sizeof *x->results, RESULTS_MAX);
	x->results = items;
	if (r < 0)
		return r;
	*out = (uint32_t)x->results_count;
	x->results[x->results_count++] = (struct bp_result){*outcome, plan};
	return bp_map_put(&x->result_ids, key, *out);
}

int bp_explorer_init(struct bp_explorer *x, const struct bp_explore *in, struct bp_stats *stats)
{
	*x = (struct bp_explorer){.in = in, .stats = stats, .limits = in->limits};
	*stats = (struct bp_stats){0};
	if (x->limits.subset_writes == 0)
		x->limits.subset_writes = SUBSET_WRITES_DEFAULT;
	x->dropped_below = bp_draw_limit(x->limits.audit_fraction);
	int r = bp_image_copy(in->base, &x->image);
	if (r == 0)
		r = bp_log_new(bp_image_layout(in->base), bp_image_pool(in->base), &x->log);
	if (r == 0)
		r = bp_worlds_init(&x->worlds);
	if (r == 0)
		r = bp_settle_init(&x->settle, bp_image_layout(in->base));
	if (r == 0)
		r = steps_init(x);
	x->path = malloc((BP_CUTS_MAX + 1) * sizeof *x->path);
	x->nodes_room = 1024;
	x->nodes = malloc(x->nodes_room * sizeof *x->nodes);
	if (r == 0 && (!x->path || !x->nodes))
		r = -ENOMEM;
	uint32_t recorded = 0;
	if (r == 0)
		r = bp_explorer_result(x, &(struct bp_outcome){0}, in->log, &recorded);
	if (r < 0)
		return r;
	x->nodes[0] = (struct bp_node){.cut.torn = -1, .result = recorded};
	x->nodes_count = 1;
	return 0;
}

void bp_explorer_deinit(struct bp_explorer *x)
{
	for (size_t i = 0; i < x->plans_count; i++)
		bp_plan_free(x->plans[i]);
	free(x->plans);
	free(x->results);
	free(x->nodes);
	free(x->dropped);
	free(x->path);
	free(x->steps);
	bp_map_deinit(&x->plan_ids);
	bp_map_deinit(&x->result_ids);
	bp_map_deinit(&x->raw);
	bp_map_deinit(&x->canonical);
	bp_settle_deinit(&x->settle);
	bp_worlds_deinit(&x->worlds);
	bp_log_free(x->log);
	bp_image_free(x->image);
}

static const struct bp_plan *node_plan(const struct bp_explorer *x, uint32_t node)
{
	return x->plans[x->results[x->nodes[node].result].plan];
}

/* Applies one cut on top of the state of its parent, within an undo level of its own. */
static int go_down(struct bp_explorer *x, uint32_t node)
{
	const struct bp_node *n = &x->nodes[node];
	struct bp_walk walk;
	struct bp_point point = {0};
	int r = bp_image_push(x->image);
	if (r < 0)
		return r;
	x->path[x->path_count++] = node;
	bp_walk_init(&walk, node_plan(x, n->parent), &x->worlds, x->image, x->nodes[n->parent].world);
	r = bp_walk_to(&walk, n->cut.entry);
	if (r == 0)
		r = bp_walk_point(&walk, &point);
	if (r == 0)
		r = bp_point_apply(&point, &n->cut, x->image);
	bp_point_deinit(&point);
	bp_walk_deinit(&walk);
	return r;
}

int bp_explorer_go(struct bp_explorer *x, uint32_t node)
{
	uint32_t chain[BP_CUTS_MAX + 1];
	size_t count = 0;
	for (uint32_t at = node; at != 0; at = x->nodes[at].parent)
		chain[count++] = at;
	/* Neighbours on the worklist mostly share all but the last cut. */
	size_t common = 0;
	while (common < count && common < x->path_count && x->path[common] == chain[count - 1 - common])
		common++;
	for (; x->path_count > common; x->path_count--)
		bp_image_pop(x->image);
	for (size_t i = common; i < count; i++) {
		int r = go_down(x, chain[count - 1 - i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int bp_explorer_expand(struct bp_explorer *x, const struct bp_plan *plan, uint32_t world, bp_crash_sink *sink,
		       void *ctx)
{
	struct bp_point point = {0};
	int r = bp_image_push(x->image);
	if (r < 0)
		return r;
	bp_walk_init(&x->walk, plan, &x->worlds, x->image, world);
	for (;;) {
		if (bp_walk_at_point(&x->walk)) {
			bool sampled = false;
			r = bp_walk_point(&x->walk, &point);
			if (r == 0)
				r = bp_point_enumerate(&point, &x->limits, x->image, sink, ctx, &sampled);
			x->stats->sampled += sampled;
		}
		if (r != 0 || bp_walk_at_end(&x->walk))
			break;
		r = bp_walk_next(&x->walk);
		if (r < 0)
			break;
	}
	bp_point_deinit(&point);
	bp_walk_deinit(&x->walk);
	bp_image_pop(x->image);
	return r;
}

int bp_explorer_recover(struct bp_explorer *x, uint32_t *result)
{
	struct bp_outcome outcome = {0};
	bp_log_clear(x->log);
	int r = x->in->rig->recover(x->in->rig->ctx, x->image, x->log, &outcome);
	return r < 0 ? r : bp_explorer_result(x, &outcome, x->log, result);
}

int bp_explorer_canon(struct bp_explorer *x, uint32_t world, struct bp_hash *out)
{
	const struct bp_rig *rig = x->in->rig;
	if (!rig->canon) {
		*out = bp_hash_add(bp_image_hash(x->image), bp_worlds_hash(&x->worlds, world).lo);
		return 0;
	}
	struct bp_world before;
	int r = bp_worlds_view(&x->worlds, world, &before);
	return r < 0 ? r : rig->canon(rig->ctx, x->image, &before, out);
}

int bp_explorer_judge(struct bp_explorer *x, uint32_t world, uint32_t result, struct bp_outcome *out)
{
	const struct bp_rig *rig = x->in->rig;
	const struct bp_result *res = &x->results[result];
	*out = res->outcome;
	if (!rig->judge)
		return 0;
	struct bp_world view = {0};
	struct bp_world during;
	int r = bp_worlds_view(&x->worlds, world, &view);
	if (r < 0)
		return r;
	/* The view is reused by the next one: keep the first. */
	const char **before = malloc((view.count + 1) * sizeof *before);
	if (!before)
		return -ENOMEM;
	if (view.count)
		memcpy(before, view.events, view.count * sizeof *before);
	view.events = before;
	r = bp_worlds_view(&x->worlds, x->plans[res->plan]->during, &during);
	if (r == 0)
		r = rig->judge(rig->ctx, x->image, &view, &during, &res->outcome, out);
	free(before);
	out->label[sizeof out->label - 1] = 0;
	return r;
}

int bp_explorer_case(const struct bp_explorer *x, uint32_t parent, const struct bp_cut *cut, struct bp_case *out)
{
	unsigned depth = x->nodes[parent].depth + 1u;
	if (depth > BP_CUTS_MAX)
		return -E2BIG;
	out->count = depth;
	out->cuts[--depth] = *cut;
	for (uint32_t at = parent; at != 0; at = x->nodes[at].parent)
		out->cuts[--depth] = x->nodes[at].cut;
	return 0;
}

static void digest_add(struct bp_stats *stats, const char *id, const struct bp_outcome *outcome)
{
	struct bp_hash h = {stats->digest, 0};
	h = bp_hash_add_bytes(h, id, strlen(id));
	h = bp_hash_add(h, (uint64_t)outcome->verdict);
	stats->digest = bp_hash_add_bytes(h, outcome->label, strlen(outcome->label)).lo;
}

int bp_explorer_report(struct bp_explorer *x, uint32_t parent, const struct bp_cut *cut,
		       const struct bp_outcome *outcome, bool settled)
{
	struct bp_case c;
	char id[BP_CASE_TEXT_MAX];
	int r = bp_explorer_case(x, parent, cut, &c);
	if (r == 0)
		r = bp_case_encode(&c, id, sizeof id);
	if (r == -ENOSPC)
		return BP_STOP_BOUND; /* too many cuts in a row to be named */
	if (r < 0)
		return r;
	digest_add(x->stats, id, outcome);
	x->stats->failed += outcome->verdict == BP_FAIL;
	if (x->in->on_case)
		r = x->in->on_case(x->in->case_ctx, id, &c, x->steps[c.cuts[0].entry], outcome, settled);
	if (r == 0 && outcome->verdict == BP_FAIL && x->in->stop_at_first_failure)
		r = BP_STOP_FAILURE;
	return r;
}

int bp_explorer_node(struct bp_explorer *x, const struct bp_node *node)
{
	void *items = x->nodes;
	int r = bp_array_grow(&items, &x->nodes_room, x->nodes_count, sizeof *x->nodes, NODES_MAX);
	x->nodes = items;
	if (r < 0)
		return r;
	x->nodes[x->nodes_count++] = *node;
	if (node->depth > x->stats->depth)
		x->stats->depth = node->depth;
	return 0;
}

uint64_t bp_explorer_draw(const struct bp_explorer *x, struct bp_hash state, uint64_t what)
{
	return bp_hash_add(bp_hash_add(state, x->limits.seed), what).lo;
}

uint64_t bp_draw_limit(double fraction)
{
	if (!(fraction > 0))
		return 0;
	return fraction >= 1 ? UINT64_MAX : (uint64_t)(fraction * 18446744073709551615.0);
}

void bp_explorer_disagree(struct bp_explorer *x, uint32_t parent, const struct bp_cut *cut, const char *what)
{
	if (x->stats->disagreed++ > 0)
		return;
	struct bp_case c;
	char id[BP_CASE_TEXT_MAX] = "?";
	if (bp_explorer_case(x, parent, cut, &c) < 0 || bp_case_encode(&c, id, sizeof id) < 0)
		id[0] = '?';
	(void)snprintf(x->stats->disagreement, sizeof x->stats->disagreement, "%.100s: %.90s", id, what);
}
