/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exploration in rounds: explore.h says what for. Crash states are enumerated, hashed and sorted as in explore.c. Three
 * things differ. Runs are requested together, so that several machines can share them. A class counts as settled only
 * after several of its members ended alike. Every distinct state is inspected, because the contents that Linux leaves
 * behind are not assumed.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore/explorer.h"

#define CLASSES_MAX  ((size_t)1 << 20)
#define ROUNDS_MAX   YP_CUTS_MAX
#define LABEL_UNRUN  "not run"
#define RAW_PASSED   0u
#define RAW_REPORTED 1u

/* A canonical form, and those of its states that are to be run; member 0 was found first. */
struct class
{
	struct yp_hash key;
	struct yp_dropped members[YP_CLASS_RUNS_MAX];
	unsigned members_count;
	unsigned runs;
	uint64_t states; /* told */
	uint32_t label;  /* of the first run */
	uint8_t verdict;
};

struct rounds {
	struct yp_explorer x;
	const struct yp_rounds *how;
	struct class *classes;
	size_t count, room;
	size_t asked; /* classes before this one were asked for */
	struct yp_map firm_results;
	struct yp_map ran;  /* states that were run, to nodes */
	struct yp_map told; /* states whose end was told */
};

static struct yp_hash raw_of(struct yp_explorer *x, const struct yp_image *image)
{
	return yp_hash_add(yp_image_hash(image), yp_worlds_hash(&x->worlds, x->walk.world).lo);
}

/* ---- enumerate, inspect, sort ---- */

/* Judges the media alone. *reported: it is a failure, and on_case was called for it. */
static int inspect_state(struct rounds *r, const struct yp_cut *cut, bool *reported)
{
	struct yp_explorer *x = &r->x;
	const struct yp_rig *rig = x->in->rig;
	struct yp_outcome outcome = {.verdict = YP_PASS};
	struct yp_world before;
	*reported = false;
	if (!rig->inspect)
		return 0;
	(void)snprintf(outcome.label, sizeof outcome.label, "%s", LABEL_UNRUN);
	int error = yp_worlds_view(&x->worlds, x->walk.world, &before);
	if (error == 0)
		error = rig->inspect(rig->ctx, x->image, &before, &outcome);
	if (error != 0 || outcome.verdict == YP_PASS)
		return error;
	*reported = true;
	return yp_explorer_report(x, x->at, cut, &outcome, true);
}

static int by_draw(const void *a, const void *b)
{
	const struct yp_dropped *x = a;
	const struct yp_dropped *y = b;
	return x->draw < y->draw ? -1 : x->draw > y->draw;
}

/* Keeps the first of the class, and of the others those with the smallest draws. */
static void keep_member(const struct rounds *r, struct class *class, const struct yp_dropped *state)
{
	if (class->members_count < r->how->class_runs) {
		class->members[class->members_count++] = *state;
		return;
	}
	if (class->members_count < 2)
		return;
	struct yp_dropped *last = &class->members[class->members_count - 1];
	qsort(class->members + 1, class->members_count - 1, sizeof *class->members, by_draw);
	if (state->draw < last->draw)
		*last = *state;
}

static int sort_state(struct rounds *r, const struct yp_cut *cut, struct yp_hash raw)
{
	struct yp_explorer *x = &r->x;
	struct yp_hash key;
	int error = yp_explorer_canon(x, x->walk.world, &key);
	if (error < 0)
		return error;
	uint32_t at = yp_map_get(&x->canonical, key);
	if (at == YP_MAP_FREE) {
		void *items = r->classes;
		error = yp_array_grow(&items, &r->room, r->count, sizeof *r->classes, CLASSES_MAX);
		r->classes = items;
		if (error < 0)
			return error;
		at = (uint32_t)r->count;
		r->classes[r->count++] = (struct class){.key = key};
		error = yp_map_put(&x->canonical, key, at);
		if (error < 0)
			return error;
	}
	/* A class whose runs were requested already gets no more of them. */
	if (at >= r->asked)
		keep_member(r, &r->classes[at],
			    &(struct yp_dropped){.draw = yp_explorer_draw(x, raw, 'm'),
						 .cut = *cut,
						 .parent = x->at,
						 .world = x->walk.world,
						 .like = at});
	return 0;
}

static int on_crash(void *ctx, const struct yp_cut *cut, struct yp_image *image)
{
	struct rounds *r = ctx;
	struct yp_explorer *x = &r->x;
	bool reported = false;
	x->stats->enumerated++;
	struct yp_hash raw = raw_of(x, image);
	if (yp_map_get(&x->raw, raw) != YP_MAP_FREE)
		return 0;
	if (x->limits.states_max && x->stats->distinct >= x->limits.states_max) {
		x->bounded = true;
		return 0;
	}
	x->stats->distinct++;
	int error = inspect_state(r, cut, &reported);
	if (error == 0)
		error = yp_map_put(&x->raw, raw, reported ? RAW_REPORTED : RAW_PASSED);
	/* Media that are broken before any recovery need no boot. */
	return error != 0 || reported ? error : sort_state(r, cut, raw);
}

/* ---- run ---- */

static int job_make(struct rounds *r, const struct yp_dropped *state, unsigned again, struct yp_job *out)
{
	*out = (struct yp_job){.again = again};
	return yp_explorer_case(&r->x, state->parent, &state->cut, &out->c);
}

/* What the bootloader did in a run, as an id for the tree of reads. */
static int firm_result(struct rounds *r, const struct yp_job *job, uint32_t *out)
{
	struct yp_hash key = {0};
	for (size_t i = 0; i < job->firm; i++) {
		const struct yp_entry *e = yp_log_entry(job->log, i);
		if (e->op != YP_WRITE)
			continue;
		key = yp_hash_add(yp_hash_add(yp_hash_add(key, e->medium), e->sector), e->sectors);
		for (uint32_t k = 0; k < e->sectors; k++)
			key = yp_hash_add(key, yp_pool_hash(yp_image_pool(r->x.image), yp_log_content(job->log, e, k)));
	}
	*out = yp_map_get(&r->firm_results, key);
	if (*out != YP_MAP_FREE)
		return 0;
	*out = (uint32_t)r->firm_results.used;
	return yp_map_put(&r->firm_results, key, *out);
}

/* The image is the state that was run. Compares with the runs of the class so far; the state becomes a node. */
static int take_job(struct rounds *r, const struct yp_dropped *state, struct yp_job *job)
{
	struct yp_explorer *x = &r->x;
	struct class *class = &r->classes[state->like];
	struct yp_node node = {.cut = state->cut,
			       .parent = state->parent,
			       .world = state->world,
			       .depth = (uint16_t)(x->nodes[state->parent].depth + 1u)};
	struct yp_outcome outcome = {0};
	uint32_t firm = 0;
	int error = yp_explorer_result(x, &job->outcome, job->log, &node.result);
	if (error == 0)
		error = firm_result(r, job, &firm);
	if (error == 0)
		error = yp_explorer_judge(x, node.world, node.result, &outcome);
	if (error == 0)
		error = yp_worlds_text(&x->worlds, outcome.label, &node.label);
	if (error < 0)
		return error;
	node.verdict = (uint8_t)outcome.verdict;
	x->stats->run++;
	x->stats->boots += outcome.boots;
	if (class->runs++ == 0) {
		class->label = node.label;
		class->verdict = node.verdict;
	} else {
		x->stats->audited++;
		if (class->label != node.label || class->verdict != node.verdict)
			yp_explorer_disagree(x, state->parent, &state->cut,
					     "ends otherwise than another state of its class");
	}
	error = job->firm ? yp_settle_add_first(&x->settle, x->image, job->log, job->firm, firm) : 0;
	if (error > 0)
		yp_explorer_disagree(x, state->parent, &state->cut,
				     "the bootloader did otherwise than in a run that read the same");
	if (error < 0)
		return error;
	/* States after a second run of the same state would have no case of their own. */
	if (job->again == 0) {
		struct yp_hash raw = yp_hash_add(yp_image_hash(x->image), yp_worlds_hash(&x->worlds, state->world).lo);
		error = yp_map_put(&r->ran, raw, (uint32_t)x->nodes_count);
		if (error == 0)
			error = yp_explorer_node(x, &node);
		if (error != 0)
			return error;
	}
	return outcome.verdict == YP_PASS ? 0 : yp_explorer_report(x, state->parent, &state->cut, &outcome, false);
}

static int state_image(struct yp_explorer *x, const struct yp_dropped *state)
{
	struct yp_walk walk;
	struct yp_point point = {0};
	int error = yp_explorer_go(x, state->parent);
	if (error == 0)
		error = yp_image_push(x->image);
	if (error < 0)
		return error;
	yp_walk_init(&walk, x->plans[x->results[x->nodes[state->parent].result].plan], &x->worlds, x->image,
		     x->nodes[state->parent].world);
	error = yp_walk_to(&walk, state->cut.entry);
	if (error == 0)
		error = yp_walk_point(&walk, &point);
	if (error == 0)
		error = yp_point_apply(&point, &state->cut, x->image);
	yp_point_deinit(&point);
	yp_walk_deinit(&walk);
	if (error < 0)
		yp_image_pop(x->image);
	return error;
}

static int take_all(struct rounds *r, const struct yp_dropped *states, struct yp_job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].log) {
			r->x.bounded = true;
			continue;
		}
		int error = state_image(&r->x, &states[i]);
		if (error < 0)
			return error;
		error = take_job(r, &states[i], &jobs[i]);
		yp_image_pop(r->x.image);
		if (error != 0)
			return error;
	}
	return 0;
}

/*
 * The classes that this round found: first one run of each, then the other members, so that a budget covers many
 * classes. The latest classes of the story come first: other scenarios share its beginning, but not its end.
 */
static int run_new(struct rounds *r)
{
	size_t fresh = r->count - r->asked;
	size_t room = fresh * r->how->class_runs;
	size_t count = 0;
	struct yp_job *jobs = calloc(room + 1, sizeof *jobs);
	struct yp_dropped *states = calloc(room + 1, sizeof *states);
	int error = jobs && states ? 0 : -ENOMEM;
	for (unsigned k = 0; error == 0 && k < r->how->class_runs; k++) {
		for (size_t i = r->count; error == 0 && i > r->asked; i--) {
			const struct class *class = &r->classes[i - 1];
			states[count] = class->members[k % class->members_count];
			error = job_make(r, &states[count], k / class->members_count, &jobs[count]);
			count++;
		}
	}
	r->asked = r->count;
	if (error == -E2BIG)
		error = YP_STOP_BOUND;
	if (error == 0)
		error = r->how->recover(r->how->ctx, jobs, count);
	if (error == 0)
		error = take_all(r, states, jobs, count);
	for (size_t i = 0; jobs && i < count; i++)
		yp_log_free(jobs[i].log);
	free(jobs);
	free(states);
	return error;
}

/* ---- the rounds ---- */

static int expand_nodes(struct rounds *r, uint32_t first, uint32_t end, yp_crash_sink *sink)
{
	struct yp_explorer *x = &r->x;
	int error = 0;
	for (uint32_t at = first; error == 0 && at < end; at++) {
		x->at = at;
		error = yp_explorer_go(x, at);
		if (error == 0)
			error = yp_explorer_expand(x, x->plans[x->results[x->nodes[at].result].plan],
						   x->nodes[at].world, sink, r);
	}
	return error;
}

static int rounds_go(struct rounds *r)
{
	struct yp_explorer *x = &r->x;
	unsigned depth_max = x->limits.depth_max ? x->limits.depth_max : ROUNDS_MAX;
	uint32_t first = 0;
	int error = 0;
	while (error == 0 && first < x->nodes_count) {
		uint32_t end = (uint32_t)x->nodes_count;
		if (x->nodes[first].depth >= depth_max) {
			x->bounded = true;
			break;
		}
		error = expand_nodes(r, first, end, on_crash);
		if (x->in->on_progress)
			x->in->on_progress(x->in->progress_ctx, x->stats, r->count - r->asked);
		if (error == 0)
			error = run_new(r);
		first = end;
	}
	return error;
}

/* ---- the outcome of every state ---- */

static int on_told(void *ctx, const struct yp_cut *cut, struct yp_image *image)
{
	struct rounds *r = ctx;
	struct yp_explorer *x = &r->x;
	struct yp_hash key;
	uint32_t firm = 0;
	struct yp_outcome outcome = {.verdict = YP_PASS};
	struct yp_hash raw = raw_of(x, image);
	/* If a bound was hit, some states were not examined. */
	uint32_t known = yp_map_get(&x->raw, raw);
	int error = known != RAW_PASSED ? 1 : yp_map_put(&r->told, raw, 0);
	if (error == 0)
		error = yp_explorer_canon(x, x->walk.world, &key);
	if (error != 0)
		return error < 0 ? error : 0;
	struct class *class = &r->classes[yp_map_get(&x->canonical, key)];
	class->states++;
	uint32_t node = yp_map_get(&r->ran, raw);
	x->stats->settled_firm += node == YP_MAP_FREE && yp_settle_find(&x->settle, image, &firm) == 1;
	x->stats->settled += node == YP_MAP_FREE && class->runs > 0;
	if (class->runs && class->verdict != YP_PASS)
		return 0;
	(void)snprintf(outcome.label, sizeof outcome.label, "%s",
		       class->runs ? yp_worlds_word(&x->worlds, class->label) : LABEL_UNRUN);
	/* Of a class that was never run only the media were judged: its states are not settled. */
	return yp_explorer_report(x, x->at, cut, &outcome, node == YP_MAP_FREE && class->runs > 0);
}

/* Every distinct state once more, now that the classes have ended. */
static int tell_states(struct rounds *r)
{
	uint64_t sampled = r->x.stats->sampled;
	int error = expand_nodes(r, 0, (uint32_t)r->x.nodes_count, on_told);
	r->x.stats->sampled = sampled;
	return error;
}

static int tell_classes(const struct rounds *r)
{
	const struct yp_explorer *x = &r->x;
	int error = 0;
	for (size_t i = 0; error == 0 && r->how->on_class && i < r->count; i++) {
		const struct class *class = &r->classes[i];
		struct yp_class_end end = {.key = class->key,
					   .states = class->states,
					   .cuts = x->nodes[class->members[0].parent].depth + 1u,
					   .runs = class->runs,
					   .label = class->runs ? yp_worlds_word(&x->worlds, class->label) : "",
					   .verdict = (enum yp_verdict) class->verdict};
		error = r->how->on_class(r->how->class_ctx, &end);
	}
	return error;
}

int yp_explore_rounds(const struct yp_explore *in, const struct yp_rounds *how, struct yp_stats *stats)
{
	assert(in && how && how->recover && stats);
	struct rounds r = {.how = how};
	if (how->class_runs == 0 || how->class_runs > YP_CLASS_RUNS_MAX)
		return -EINVAL;
	int error = yp_explorer_init(&r.x, in, stats);
	if (error == 0)
		error = rounds_go(&r);
	if (error == YP_STOP_BOUND) {
		r.x.bounded = true;
		error = 0;
	}
	if (error == 0)
		error = tell_states(&r);
	if (error == YP_STOP_FAILURE) {
		r.x.bounded = true;
		error = 0;
	}
	if (error == 0)
		error = tell_classes(&r);
	stats->canonical = r.count;
	for (size_t i = 0; i < r.count; i++) {
		stats->unrun += r.classes[i].runs == 0;
		r.x.bounded = r.x.bounded || r.classes[i].runs < how->class_runs;
	}
	stats->closed = error == 0 && !r.x.bounded && stats->disagreed == 0;
	if (error == 0 && in->on_progress)
		in->on_progress(in->progress_ctx, stats, 0);
	free(r.classes);
	yp_map_deinit(&r.firm_results);
	yp_map_deinit(&r.ran);
	yp_map_deinit(&r.told);
	yp_explorer_deinit(&r.x);
	return error;
}
