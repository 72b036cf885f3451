/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit of canonical forms. A state whose form was known is dropped: the claim is that it behaves like the first
 * state with that form. The claim is checked for a seeded sample of the dropped states. The recovery of each is run and
 * must be judged alike. If the exploration closed, each crash state of that recovery must have a known form too.
 * Closure needs this: all states of a class must lead to known classes only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explore/explorer.h"

#define DROPPED_MAX ((size_t)512)

static int by_draw(const void *a, const void *b)
{
	const struct yp_dropped *x = a;
	const struct yp_dropped *y = b;
	return x->draw < y->draw ? -1 : x->draw > y->draw;
}

int yp_explorer_drop(struct yp_explorer *x, const struct yp_cut *cut, struct yp_hash raw, uint32_t like)
{
	uint64_t draw = yp_explorer_draw(x, raw, 'd');
	if (draw >= x->dropped_below)
		return 0;
	void *items = x->dropped;
	int r = yp_array_grow(&items, &x->dropped_room, x->dropped_count, sizeof *x->dropped, 2 * DROPPED_MAX);
	x->dropped = items;
	if (r < 0)
		return r;
	x->dropped[x->dropped_count++] =
	    (struct yp_dropped){.draw = draw, .cut = *cut, .parent = x->at, .world = x->walk.world, .like = like};
	if (x->dropped_count == 2 * DROPPED_MAX) {
		/* Too many to run: the lowest draws stay, so that the sample is even over the whole exploration. */
		qsort(x->dropped, x->dropped_count, sizeof *x->dropped, by_draw);
		x->dropped_count = DROPPED_MAX;
		x->dropped_below = x->dropped[DROPPED_MAX - 1].draw;
	}
	return 0;
}

struct successor {
	struct yp_explorer *x;
	struct yp_map seen;
	bool unknown;
};

static int on_successor(void *ctx, const struct yp_cut *cut, struct yp_image *image)
{
	struct successor *s = ctx;
	struct yp_hash key;
	(void)cut;
	int r = yp_map_put(&s->seen,
			   yp_hash_add(yp_image_hash(image), yp_worlds_hash(&s->x->worlds, s->x->walk.world).lo), 0);
	if (r != 0)
		return r < 0 ? r : 0;
	r = yp_explorer_canon(s->x, s->x->walk.world, &key);
	if (r < 0)
		return r;
	s->unknown = yp_map_get(&s->x->canonical, key) == YP_MAP_FREE;
	return s->unknown;
}

/* The image is the dropped state. */
static int audit_state(struct yp_explorer *x, const struct yp_dropped *d, bool closed)
{
	uint32_t result;
	uint32_t label = 0;
	struct yp_outcome outcome = {0};
	int r = yp_explorer_recover(x, &result);
	if (r == 0)
		r = yp_explorer_judge(x, d->world, result, &outcome);
	if (r == 0)
		r = yp_worlds_text(&x->worlds, outcome.label, &label);
	if (r < 0)
		return r;
	const struct yp_node *like = &x->nodes[d->like];
	x->stats->audited++;
	if ((uint8_t)outcome.verdict != like->verdict || label != like->label) {
		yp_explorer_disagree(x, d->parent, &d->cut,
				     "ends otherwise than the state with the same canonical form");
		return 0;
	}
	if (!closed)
		return 0;
	struct successor successor = {.x = x};
	r = yp_explorer_expand(x, x->plans[x->results[result].plan], d->world, on_successor, &successor);
	yp_map_deinit(&successor.seen);
	if (successor.unknown)
		yp_explorer_disagree(x, d->parent, &d->cut,
				     "leads to a canonical form that its class was not seen to lead to");
	return r < 0 ? r : 0;
}

int yp_explorer_audit(struct yp_explorer *x, bool closed)
{
	size_t count = x->dropped_count;
	int r = 0;
	if (count == 0)
		return 0;
	qsort(x->dropped, count, sizeof *x->dropped, by_draw);
	uint64_t sampled = x->stats->sampled;
	for (size_t i = 0; r == 0 && i < count && i < DROPPED_MAX; i++) {
		const struct yp_dropped *d = &x->dropped[i];
		struct yp_walk walk;
		struct yp_point point = {0};
		r = yp_explorer_go(x, d->parent);
		if (r == 0)
			r = yp_image_push(x->image);
		if (r < 0)
			break;
		yp_walk_init(&walk, x->plans[x->results[x->nodes[d->parent].result].plan], &x->worlds, x->image,
			     x->nodes[d->parent].world);
		r = yp_walk_to(&walk, d->cut.entry);
		if (r == 0)
			r = yp_walk_point(&walk, &point);
		if (r == 0)
			r = yp_point_apply(&point, &d->cut, x->image);
		yp_point_deinit(&point);
		yp_walk_deinit(&walk);
		if (r == 0)
			r = audit_state(x, d, closed);
		yp_image_pop(x->image);
	}
	x->stats->sampled = sampled;
	return r;
}
