/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that all explorations share: plans, results, states of the worklist, and how to rebuild a state. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore/explorer.h"

#define SUBSET_WRITES_DEFAULT 10u
#define PLANS_MAX             ((size_t)1 << 28)
#define RESULTS_MAX           ((size_t)1 << 28)
#define NODES_MAX             ((size_t)UINT32_MAX - 1)

static int steps_init(struct yp_explorer *x)
{
	size_t count = yp_log_count(x->in->log);
	x->steps = malloc((count + 1) * sizeof *x->steps);
	if (!x->steps)
		return -ENOMEM;
	const char *step = "";
	for (size_t i = 0; i <= count; i++) {
		/* A cut before entry i hits the step that ran then. */
		x->steps[i] = step;
		const struct yp_entry *e = i < count ? yp_log_entry(x->in->log, i) : NULL;
		if (e && e->op == YP_MARK && e->kind == YP_MARK_STEP)
			step = yp_log_text(x->in->log, e);
	}
	return 0;
}

static int plan_add(struct yp_explorer *x, const struct yp_log *log, uint32_t *out)
{
	struct yp_plan *plan = NULL;
	int r = yp_plan_new(log, yp_image_layout(x->image), &x->worlds, &plan);
	if (r < 0)
		return r;
	*out = yp_map_get(&x->plan_ids, plan->hash);
	if (*out != YP_MAP_FREE) {
		yp_plan_free(plan);
		return 0;
	}
	void *items = x->plans;
	r = yp_array_grow(&items, &x->plans_room, x->plans_count, sizeof(void *), PLANS_MAX);
	x->plans = items;
	if (r < 0) {
		yp_plan_free(plan);
		return r;
	}
	*out = (uint32_t)x->plans_count;
	x->plans[x->plans_count++] = plan;
	return yp_map_put(&x->plan_ids, plan->hash, *out);
}

int yp_explorer_result(struct yp_explorer *x, const struct yp_outcome *outcome, const struct yp_log *log, uint32_t *out)
{
	uint32_t plan;
	int r = plan_add(x, log, &plan);
	if (r < 0)
		return r;
	struct yp_hash key = yp_hash_add(x->plans[plan]->hash, (uint64_t)outcome->verdict << 32 | outcome->boots);
	key = yp_hash_add_bytes(key, outcome->label, strnlen(outcome->label, sizeof outcome->label));
	key = yp_hash_add_bytes(key, yp_invariant_id(outcome->invariant), strlen(yp_invariant_id(outcome->invariant)));
	key = yp_hash_add_bytes(key, outcome->text, strnlen(outcome->text, sizeof outcome->text));
	*out = yp_map_get(&x->result_ids, key);
	if (*out != YP_MAP_FREE)
		return 0;
	void *items = x->results;
	r = yp_array_grow(&items, &x->results_room, x->results_count, sizeof *x->results, RESULTS_MAX);
	x->results = items;
	if (r < 0)
		return r;
	*out = (uint32_t)x->results_count;
	x->results[x->results_count++] = (struct yp_result){*outcome, plan};
	return yp_map_put(&x->result_ids, key, *out);
}

int yp_explorer_init(struct yp_explorer *x, const struct yp_explore *in, struct yp_stats *stats)
{
	assert(x && in && stats);
	assert(in->rig && in->base && in->log);
	*x = (struct yp_explorer){.in = in, .stats = stats, .limits = in->limits};
	*stats = (struct yp_stats){0};
	if (x->limits.subset_writes == 0)
		x->limits.subset_writes = SUBSET_WRITES_DEFAULT;
	x->dropped_below = yp_draw_limit(x->limits.audit_fraction);
	int r = yp_image_copy(in->base, &x->image);
	if (r == 0)
		r = yp_log_new(yp_image_layout(in->base), yp_image_pool(in->base), &x->log);
	if (r == 0)
		r = yp_worlds_init(&x->worlds);
	if (r == 0)
		r = yp_settle_init(&x->settle, yp_image_layout(in->base));
	if (r == 0)
		r = steps_init(x);
	x->path = malloc((YP_CUTS_MAX + 1) * sizeof *x->path);
	x->nodes_room = 1024;
	x->nodes = malloc(x->nodes_room * sizeof *x->nodes);
	if (r == 0 && (!x->path || !x->nodes))
		r = -ENOMEM;
	uint32_t recorded = 0;
	if (r == 0)
		r = yp_explorer_result(x, &(struct yp_outcome){0}, in->log, &recorded);
	if (r < 0)
		return r;
	x->nodes[0] = (struct yp_node){.cut.torn = -1, .result = recorded};
	x->nodes_count = 1;
	return 0;
}

void yp_explorer_deinit(struct yp_explorer *x)
{
	for (size_t i = 0; i < x->plans_count; i++)
		yp_plan_free(x->plans[i]);
	free(x->plans);
	free(x->results);
	free(x->nodes);
	free(x->dropped);
	free(x->path);
	free(x->steps);
	yp_map_deinit(&x->plan_ids);
	yp_map_deinit(&x->result_ids);
	yp_map_deinit(&x->raw);
	yp_map_deinit(&x->canonical);
	yp_settle_deinit(&x->settle);
	yp_worlds_deinit(&x->worlds);
	yp_log_free(x->log);
	yp_image_free(x->image);
}

static const struct yp_plan *node_plan(const struct yp_explorer *x, uint32_t node)
{
	return x->plans[x->results[x->nodes[node].result].plan];
}

/* Applies one cut on top of the state of its parent, within an undo level of its own. */
static int go_down(struct yp_explorer *x, uint32_t node)
{
	const struct yp_node *n = &x->nodes[node];
	struct yp_walk walk;
	struct yp_point point = {0};
	int r = yp_image_push(x->image);
	if (r < 0)
		return r;
	x->path[x->path_count++] = node;
	yp_walk_init(&walk, node_plan(x, n->parent), &x->worlds, x->image, x->nodes[n->parent].world);
	r = yp_walk_to(&walk, n->cut.entry);
	if (r == 0)
		r = yp_walk_point(&walk, &point);
	if (r == 0)
		r = yp_point_apply(&point, &n->cut, x->image);
	yp_point_deinit(&point);
	yp_walk_deinit(&walk);
	return r;
}

int yp_explorer_go(struct yp_explorer *x, uint32_t node)
{
	assert(node < x->nodes_count);
	uint32_t chain[YP_CUTS_MAX + 1];
	size_t count = 0;
	for (uint32_t at = node; at != 0; at = x->nodes[at].parent)
		chain[count++] = at;
	/* Neighbours on the worklist mostly share all but the last cut. */
	size_t common = 0;
	while (common < count && common < x->path_count && x->path[common] == chain[count - 1 - common])
		common++;
	for (; x->path_count > common; x->path_count--)
		yp_image_pop(x->image);
	for (size_t i = common; i < count; i++) {
		int r = go_down(x, chain[count - 1 - i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int yp_explorer_expand(struct yp_explorer *x, const struct yp_plan *plan, uint32_t world, yp_crash_sink *sink,
		       void *ctx)
{
	struct yp_point point = {0};
	int r = yp_image_push(x->image);
	if (r < 0)
		return r;
	yp_walk_init(&x->walk, plan, &x->worlds, x->image, world);
	for (;;) {
		if (yp_walk_at_point(&x->walk)) {
			bool sampled = false;
			r = yp_walk_point(&x->walk, &point);
			if (r == 0)
				r = yp_point_enumerate(&point, &x->limits, x->image, sink, ctx, &sampled);
			x->stats->sampled += sampled;
		}
		if (r != 0 || yp_walk_at_end(&x->walk))
			break;
		r = yp_walk_next(&x->walk);
		if (r < 0)
			break;
	}
	yp_point_deinit(&point);
	yp_walk_deinit(&x->walk);
	yp_image_pop(x->image);
	return r;
}

int yp_explorer_recover(struct yp_explorer *x, uint32_t *result)
{
	struct yp_outcome outcome = {0};
	yp_log_clear(x->log);
	int r = x->in->rig->recover(x->in->rig->ctx, x->image, x->log, &outcome);
	return r < 0 ? r : yp_explorer_result(x, &outcome, x->log, result);
}

int yp_explorer_canon(struct yp_explorer *x, uint32_t world, struct yp_hash *out)
{
	const struct yp_rig *rig = x->in->rig;
	if (!rig->canon) {
		*out = yp_hash_add(yp_image_hash(x->image), yp_worlds_hash(&x->worlds, world).lo);
		return 0;
	}
	struct yp_world before;
	int r = yp_worlds_view(&x->worlds, world, &before);
	return r < 0 ? r : rig->canon(rig->ctx, x->image, &before, out);
}

int yp_explorer_judge(struct yp_explorer *x, uint32_t world, uint32_t result, struct yp_outcome *out)
{
	assert(result < x->results_count);
	const struct yp_rig *rig = x->in->rig;
	const struct yp_result *res = &x->results[result];
	*out = res->outcome;
	if (!rig->judge)
		return 0;
	struct yp_world view = {0};
	struct yp_world during;
	int r = yp_worlds_view(&x->worlds, world, &view);
	if (r < 0)
		return r;
	/* The view is reused by the next one: keep the first. */
	const char **before = malloc((view.count + 1) * sizeof *before);
	if (!before)
		return -ENOMEM;
	if (view.count)
		memcpy(before, view.events, view.count * sizeof *before);
	view.events = before;
	r = yp_worlds_view(&x->worlds, x->plans[res->plan]->during, &during);
	if (r == 0)
		r = rig->judge(rig->ctx, x->image, &view, &during, &res->outcome, out);
	free(before);
	out->label[sizeof out->label - 1] = 0;
	return r;
}

int yp_explorer_case(const struct yp_explorer *x, uint32_t parent, const struct yp_cut *cut, struct yp_case *out)
{
	assert(parent < x->nodes_count);
	unsigned depth = x->nodes[parent].depth + 1u;
	if (depth > YP_CUTS_MAX)
		return -E2BIG;
	out->count = depth;
	out->cuts[--depth] = *cut;
	for (uint32_t at = parent; at != 0; at = x->nodes[at].parent)
		out->cuts[--depth] = x->nodes[at].cut;
	return 0;
}

static void digest_add(struct yp_stats *stats, const char *id, const struct yp_outcome *outcome)
{
	struct yp_hash h = {stats->digest, 0};
	h = yp_hash_add_bytes(h, id, strlen(id));
	h = yp_hash_add(h, (uint64_t)outcome->verdict);
	stats->digest = yp_hash_add_bytes(h, outcome->label, strlen(outcome->label)).lo;
}

int yp_explorer_report(struct yp_explorer *x, uint32_t parent, const struct yp_cut *cut,
		       const struct yp_outcome *outcome, bool settled)
{
	struct yp_case c;
	char id[YP_CASE_TEXT_MAX];
	int r = yp_explorer_case(x, parent, cut, &c);
	if (r == 0)
		r = yp_case_encode(&c, id, sizeof id);
	if (r == -ENOSPC)
		return YP_STOP_BOUND; /* too many cuts in a row to be named */
	if (r < 0)
		return r;
	digest_add(x->stats, id, outcome);
	x->stats->failed += outcome->verdict == YP_FAIL;
	if (x->in->on_case)
		r = x->in->on_case(x->in->case_ctx, id, &c, x->steps[c.cuts[0].entry], outcome, settled);
	if (r == 0 && outcome->verdict == YP_FAIL && x->in->stop_at_first_failure)
		r = YP_STOP_FAILURE;
	return r;
}

int yp_explorer_node(struct yp_explorer *x, const struct yp_node *node)
{
	void *items = x->nodes;
	int r = yp_array_grow(&items, &x->nodes_room, x->nodes_count, sizeof *x->nodes, NODES_MAX);
	x->nodes = items;
	if (r < 0)
		return r;
	x->nodes[x->nodes_count++] = *node;
	if (node->depth > x->stats->depth)
		x->stats->depth = node->depth;
	return 0;
}

uint64_t yp_explorer_draw(const struct yp_explorer *x, struct yp_hash state, uint64_t what)
{
	return yp_hash_add(yp_hash_add(state, x->limits.seed), what).lo;
}

uint64_t yp_draw_limit(double fraction)
{
	if (!(fraction > 0))
		return 0;
	return fraction >= 1 ? UINT64_MAX : (uint64_t)(fraction * 18446744073709551615.0);
}

void yp_explorer_disagree(struct yp_explorer *x, uint32_t parent, const struct yp_cut *cut, const char *what)
{
	if (x->stats->disagreed++ > 0)
		return;
	struct yp_case c;
	char id[YP_CASE_TEXT_MAX] = "?";
	if (yp_explorer_case(x, parent, cut, &c) < 0 || yp_case_encode(&c, id, sizeof id) < 0)
		id[0] = '?';
	(void)snprintf(x->stats->disagreement, sizeof x->stats->disagreement, "%.100s: %.90s", id, what);
}
