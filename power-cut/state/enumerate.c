/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crash states of one cut.
 *
 * Up to 2^limits.subset_writes subsets are tried all, depth first, so that neighbours share the work: each element is
 * in or out, or, one at a time, there in part (a tear, some of a chain's writes, a program cut short). Beyond that the
 * forms of enum yp_form, over all elements and over each medium's own with the others all there or all gone, and parts
 * only beside "all before it", "all else" and "nothing else". The plain state comes first and the one where everything
 * unflushed is lost second, so that the first case of a class is a simple one.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "state/crash.h"

/* Most sector boundaries at which one write is torn, and most writes at which one chain is cut: more are spread evenly.
 */
#define TEARS_MAX       64u
#define CHAIN_PARTS_MAX 128u
/* Most states of one cut with an element in part; beyond it parts go with few subsets only. */
#define PARTIAL_STATES_MAX (1u << 18)
/* Pairs to omit or keep: all of them up to so many elements, beyond that neighbours. */
#define PAIR_ELEMENTS_MAX 48u
#define PAIR_DISTANCE     4u
#define PREFIXES_MAX      4096u
#define SUBSET_WRITES_MAX 20u

struct enumerator {
	const struct yp_point *point;
	const struct yp_limits *limits;
	struct yp_image *image;
	yp_crash_sink *sink;
	void *ctx;
	struct yp_cut cut;
	uint32_t broken; /* mask of ordered media on which something was dropped */
	bool parts;
	const struct yp_element *torn;
	bool sampled;
};

/* The i-th of min(n, max) positions out of n: all, or both ends and an even spread. */
static uint64_t spread_index(uint64_t i, uint64_t n, uint64_t max)
{
	if (n <= max || i < max / 4)
		return i;
	if (i >= max - max / 4)
		return n - (max - i);
	uint64_t middle = max - max / 4 * 2;
	return max / 4 + (i - max / 4) * (n - max / 4 * 2) / middle;
}

static uint64_t spread_count(uint64_t n, uint64_t max)
{
	return n < max ? n : max;
}

/* One way for an element to be there in part. */
struct part {
	uint32_t tear;
	uint8_t fill;
};
#define PARTS_MAX (CHAIN_PARTS_MAX * 3u + TEARS_MAX * 6u)
struct parts {
	size_t count;
	bool thinned;
	struct part list[PARTS_MAX];
};

static void part_add(struct parts *parts, uint64_t tear, uint32_t back, enum yp_fill fill)
{
	if (parts->count < PARTS_MAX)
		parts->list[parts->count++] = (struct part){(uint32_t)tear | back, (uint8_t)fill};
	else
		parts->thinned = true;
}

/* Does programming over what is there need no erase: does it only clear bits? */
static bool programs_only(const struct yp_point *point, const struct yp_plan_op *op, const struct yp_image *image)
{
	const struct yp_pool *pool = yp_image_pool(image);
	for (uint32_t k = 0; k < op->sectors; k++) {
		const uint8_t *old = yp_pool_sector(pool, yp_image_get(image, op->medium, op->sector + k));
		const uint8_t *new = yp_pool_sector(pool, point->plan->contents[op->data + k]);
		for (unsigned i = 0; i < YP_SECTOR_BYTES; i++) {
			if ((old[i] & new[i]) != new[i])
				return false;
		}
	}
	return true;
}

static void parts_in_flight(const struct enumerator *en, const struct yp_element *e, struct parts *parts)
{
	const struct yp_plan_op *op = &en->point->plan->ops[en->point->ops[e->first]];
	uint64_t n = e->sectors;
	uint64_t count = spread_count(n, TEARS_MAX);
	parts->thinned = count < n;
	for (uint64_t i = 0; i < count; i++)
		part_add(parts, spread_index(i, n, TEARS_MAX) + 1, 0, YP_FILL_ERASED);
	if (op->op != YP_WRITE)
		return;
	bool program = programs_only(en->point, op, en->image);
	for (uint64_t i = 1; i < count; i++) {
		part_add(parts, spread_index(i, n, TEARS_MAX), 0, YP_FILL_FF);
		if (program)
			part_add(parts, spread_index(i, n, TEARS_MAX), 0, YP_FILL_OLD);
	}
}

static void parts_torn(uint8_t tears, uint64_t before, uint64_t n, bool back, struct parts *parts)
{
	/* One sector is atomic. */
	if (n < 2)
		return;
	uint64_t count = spread_count(n, TEARS_MAX);
	parts->thinned |= count < n;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t k = spread_index(i, n, TEARS_MAX);
		for (unsigned way = 0; way < (back ? 2u : 1u); way++) {
			uint32_t flag = way ? YP_TEAR_BACK : 0;
			if (k > 0 && tears & YP_TEAR_OLD)
				part_add(parts, before + k, flag, YP_FILL_OLD);
			if (k == 0 && way > 0)
				continue;
			if (tears & YP_TEAR_00)
				part_add(parts, before + k, flag, YP_FILL_00);
			if (tears & YP_TEAR_FF)
				part_add(parts, before + k, flag, YP_FILL_FF);
		}
	}
}

static void parts_chain(const struct yp_element *e, struct parts *parts)
{
	uint64_t count = spread_count(e->count, CHAIN_PARTS_MAX);
	parts->thinned |= count < e->count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t k = spread_index(i, e->count, CHAIN_PARTS_MAX);
		if (k > 0)
			part_add(parts, k, 0, YP_FILL_PREFIX);
		part_add(parts, k, 0, YP_FILL_OMIT);
		part_add(parts, k, 0, YP_FILL_ONLY);
	}
}

/* All ways for an element to be there in part; none for a write that is atomic under its medium's model. */
static void parts_of(const struct enumerator *en, const struct yp_element *e, struct parts *parts)
{
	const struct yp_point *point = en->point;
	const struct yp_plan_op *first = &point->plan->ops[point->ops[e->first]];
	const struct yp_model_row *model = yp_model_row(point->layout->media[e->medium].model);
	parts->count = 0;
	parts->thinned = false;
	if (e->forced || model->ordered)
		return;
	if (e->in_flight) {
		parts_in_flight(en, e, parts);
		return;
	}
	if (e->count > 1)
		parts_chain(e, parts);
	if (!model->tears || first->op != YP_WRITE || e->sectors >= YP_TEAR_BACK)
		return;
	if (e->count == 1) {
		parts_torn(model->tears, 0, e->sectors, true, parts);
		return;
	}
	/* Of a chain its first and its last write. */
	const struct yp_plan_op *last = &point->plan->ops[point->ops[e->first + e->count - 1]];
	parts_torn(model->tears, 0, first->sectors, false, parts);
	parts_torn(model->tears, e->sectors - last->sectors, last->sectors, false, parts);
}

static int emit_state(struct enumerator *en)
{
	struct yp_cut cut = en->cut;
	uint64_t all = en->point->optional_count ? UINT64_MAX >> (64 - en->point->optional_count) : 0;
	if (cut.torn < 0) {
		/* Already first and second. */
		if (cut.a == all || cut.a == 0)
			return 0;
	}
	return en->sink(en->ctx, &cut, en->image);
}

static int descend_choices(struct enumerator *en, const struct yp_element *e);

static int descend_whole(struct enumerator *en, const struct yp_element *e)
{
	if (en->torn && yp_elements_overlap(en->torn, e))
		return 0;
	int r = yp_image_push(en->image);
	if (r < 0)
		return r;
	uint64_t bit = e->forced ? 0 : UINT64_C(1) << e->optional;
	yp_element_apply(en->point, e, en->image);
	en->cut.a |= bit;
	r = descend_choices(en, e + 1);
	en->cut.a &= ~bit;
	yp_image_pop(en->image);
	return r;
}

static int descend_parts(struct enumerator *en, const struct yp_element *e)
{
	struct parts parts;
	int r = 0;
	parts_of(en, e, &parts);
	en->sampled |= parts.thinned;
	for (size_t i = 0; r == 0 && i < parts.count; i++) {
		r = yp_image_push(en->image);
		if (r < 0)
			return r;
		en->cut.torn = (int32_t)e->optional;
		en->cut.tear = parts.list[i].tear;
		en->cut.fill = parts.list[i].fill;
		en->torn = yp_cut_tears(&en->cut) ? e : NULL;
		r = yp_element_apply_part(en->point, e, &en->cut, en->image);
		if (r == 0)
			r = descend_choices(en, e + 1);
		en->cut.torn = -1;
		en->cut.tear = 0;
		en->cut.fill = 0;
		en->torn = NULL;
		yp_image_pop(en->image);
	}
	return r;
}

/* Tries every choice for the elements from e on. */
static int descend_choices(struct enumerator *en, const struct yp_element *e)
{
	if (e == en->point->elements + en->point->elements_count)
		return emit_state(en);
	if (e->forced)
		return descend_whole(en, e);
	uint32_t bit = yp_model_row(en->point->layout->media[e->medium].model)->ordered ? UINT32_C(1) << e->medium : 0;
	int r = 0;
	if (!(en->broken & bit))
		r = descend_whole(en, e);
	if (r == 0 && en->parts && en->cut.torn < 0)
		r = descend_parts(en, e);
	uint32_t broken = en->broken;
	en->broken |= bit;
	if (r == 0)
		r = descend_choices(en, e + 1);
	en->broken = broken;
	return r;
}

/* One state, given by its cut. Cuts that do not fit (a tear under a later write, a tear on an ordered medium) are no
 * states. */
static int try_cut(struct enumerator *en, unsigned scope, enum yp_form form, uint64_t a, uint64_t b)
{
	int r = yp_image_push(en->image);
	if (r < 0)
		return r;
	en->cut.form = (uint8_t)((unsigned)form + YP_FORM_COUNT * scope);
	en->cut.a = a;
	en->cut.b = b;
	r = yp_point_apply(en->point, &en->cut, en->image);
	r = r == -EINVAL ? 0 : r < 0 ? r : en->sink(en->ctx, &en->cut, en->image);
	yp_image_pop(en->image);
	return r;
}

static int try_pairs(struct enumerator *en, unsigned scope, enum yp_form form, uint32_t count)
{
	int r = 0;
	for (uint32_t a = 0; r == 0 && a < count; a++) {
		uint32_t to = count <= PAIR_ELEMENTS_MAX || count - a <= PAIR_DISTANCE ? count : a + PAIR_DISTANCE + 1;
		for (uint32_t b = a; r == 0 && b < to; b++)
			r = try_cut(en, scope, form, a, b);
	}
	return r;
}

static int try_forms(struct enumerator *en, unsigned scope, uint32_t count)
{
	int r = try_cut(en, scope, YP_FORM_ALL, 0, 0);
	if (r == 0)
		r = try_cut(en, scope, YP_FORM_NONE, 0, 0);
	uint64_t prefixes = spread_count(count, PREFIXES_MAX);
	for (uint64_t i = 1; r == 0 && i < prefixes; i++)
		r = try_cut(en, scope, YP_FORM_PREFIX, spread_index(i, count, PREFIXES_MAX), 0);
	if (scope > 0 && yp_model_row(en->point->layout->media[(scope - 1) / 2].model)->ordered)
		return r;
	if (count <= en->limits->subset_writes && count <= SUBSET_WRITES_MAX) {
		for (uint64_t mask = 1; r == 0 && mask + 1 < UINT64_C(1) << count; mask++)
			r = try_cut(en, scope, YP_FORM_SUBSET, mask, 0);
		return r;
	}
	if (r == 0)
		r = try_pairs(en, scope, YP_FORM_OMIT, count);
	if (r == 0)
		r = try_pairs(en, scope, YP_FORM_KEEP, count);
	for (unsigned i = 0; r == 0 && i < en->limits->samples; i++) {
		/* 32 bits keep the case's text short. */
		uint64_t seed =
		    yp_mix64(en->limits->seed ^ yp_mix64(((uint64_t)en->point->entry << 32) + i)) & UINT32_MAX;
		r = try_cut(en, scope, YP_FORM_SAMPLE, seed, 0);
	}
	return r;
}

/* Each element in part, beside few subsets of the others. */
static int try_parts(struct enumerator *en)
{
	const struct yp_point *point = en->point;
	int r = 0;
	for (const struct yp_element *e = point->elements; r == 0 && e < point->elements + point->elements_count; e++) {
		struct parts parts;
		parts_of(en, e, &parts);
		for (size_t i = 0; r == 0 && i < parts.count; i++) {
			en->cut.torn = (int32_t)e->optional;
			en->cut.tear = parts.list[i].tear;
			en->cut.fill = parts.list[i].fill;
			r = try_cut(en, 0, YP_FORM_PREFIX, e->optional, 0);
			if (r == 0)
				r = try_cut(en, 0, YP_FORM_ALL, 0, 0);
			if (r == 0)
				r = try_cut(en, 0, YP_FORM_NONE, 0, 0);
		}
		en->cut.torn = -1;
		en->cut.tear = 0;
		en->cut.fill = 0;
	}
	return r;
}

/* How many subsets there are, at most limit + 1: an ordered medium with n writes has n + 1, any other 2^n. */
static uint64_t subsets_count(const struct yp_point *point, uint64_t limit)
{
	uint64_t count = 1;
	for (unsigned m = 0; m < point->layout->count; m++) {
		uint32_t n = point->optional_on[m];
		uint64_t factor = n == 0 ? 1
				  : yp_model_row(point->layout->media[m].model)->ordered
				      ? (uint64_t)n + 1
				      : UINT64_C(1) << (n < 32 ? n : 32);
		count *= factor;
		if (count > limit)
			return limit + 1;
	}
	return count;
}

static int enumerate_few(struct enumerator *en, uint64_t subsets)
{
	uint64_t parts_total = 0;
	for (size_t i = 0; i < en->point->elements_count; i++) {
		struct parts parts;
		parts_of(en, &en->point->elements[i], &parts);
		parts_total += parts.count;
	}
	en->parts = parts_total * (subsets / 2 + 1) <= PARTIAL_STATES_MAX;
	int r = try_cut(en, 0, YP_FORM_ALL, 0, 0);
	if (r == 0 && en->point->optional_count > 0)
		r = try_cut(en, 0, YP_FORM_NONE, 0, 0);
	if (r != 0 || en->point->optional_count == 0)
		return r;
	en->cut.form = YP_FORM_SUBSET;
	en->cut.a = 0;
	en->cut.b = 0;
	r = descend_choices(en, en->point->elements);
	if (r == 0 && !en->parts) {
		en->sampled = true;
		r = try_parts(en);
	}
	return r;
}

static int enumerate_many(struct enumerator *en)
{
	const struct yp_point *point = en->point;
	unsigned media = 0;
	for (unsigned m = 0; m < point->layout->count; m++)
		media += point->optional_on[m] > 0;
	/* Prefixes of one ordered medium are all there is. */
	bool complete = false;
	int r = try_forms(en, 0, point->optional_count);
	for (unsigned m = 0; r == 0 && m < point->layout->count; m++) {
		if (point->optional_on[m] == 0)
			continue;
		complete = media == 1 && yp_model_row(point->layout->media[m].model)->ordered &&
			   point->optional_on[m] <= PREFIXES_MAX;
		if (media > 1)
			r = try_forms(en, 1 + 2 * m, point->optional_on[m]);
		if (r == 0 && media > 1)
			r = try_forms(en, 2 + 2 * m, point->optional_on[m]);
	}
	en->sampled |= !complete;
	return r == 0 ? try_parts(en) : r;
}

int yp_point_enumerate(const struct yp_point *point, const struct yp_limits *limits, struct yp_image *image,
		       yp_crash_sink *sink, void *ctx, bool *sampled)
{
	assert(point && limits && image && sink && sampled);
	struct enumerator en = {.point = point, .limits = limits, .image = image, .sink = sink, .ctx = ctx};
	en.cut = (struct yp_cut){.entry = point->entry, .torn = -1};
	unsigned writes = limits->subset_writes < SUBSET_WRITES_MAX ? limits->subset_writes : SUBSET_WRITES_MAX;
	uint64_t limit = UINT64_C(1) << writes;
	uint64_t subsets = subsets_count(point, limit);
	int r = subsets <= limit && point->optional_count < 64 ? enumerate_few(&en, subsets) : enumerate_many(&en);
	*sampled = en.sampled;
	return r;
}
