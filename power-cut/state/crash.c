/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be on the media after a cut.
 *
 * A cut before an entry leaves, on each medium, what is durable there plus what the medium's storage model lets survive
 * of what was written since. Durable are: what was complete when the last completed flush *of that medium* was
 * submitted; a completed FUA write (on an ordered medium with everything before it); on a medium without a cache
 * everything complete. storage-model.c says which of this holds for which model. What is pending is applied in log
 * order, so that of two writes to one sector the later wins whenever it survives.
 *
 * Only some cuts need to be tried: between two entries that make something durable or that the outside sees, the
 * pending set only grows, and every model's states of a smaller pending set are among those of a larger one (the new
 * writes are dropped). So the last cut before each such entry, and the one at the end, give all states. The entries
 * are: a flush of a medium that has something pending, a FUA write and a write without a cache (both while in flight:
 * after it, it is durable), and a mark of the world. test/brute-force-test.c compares this with a plain trial of all
 * cuts.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state/crash.h"

#define PENDING_MAX ((size_t)1 << 28)
/* How far behind a cut a write that was already in flight there may be logged. */
#define LOOK_AHEAD 256u

static const struct yp_layout *walk_layout(const struct yp_walk *walk)
{
	return yp_image_layout(walk->image);
}

static const struct yp_model_row *walk_model(const struct yp_walk *walk, const struct yp_plan_op *op)
{
	return yp_model_row(walk_layout(walk)->media[op->medium].model);
}

void yp_walk_init(struct yp_walk *walk, const struct yp_plan *plan, struct yp_worlds *worlds, struct yp_image *image,
		  uint32_t world)
{
	assert(plan && worlds && image);
	*walk = (struct yp_walk){.plan = plan, .worlds = worlds, .image = image, .world = world};
}

void yp_walk_deinit(struct yp_walk *walk)
{
	free(walk->pending);
	walk->pending = NULL;
}

bool yp_walk_at_end(const struct yp_walk *walk)
{
	return walk->next == walk->plan->count;
}

static bool is_write(const struct yp_plan_op *op)
{
	return op->op == YP_WRITE || op->op == YP_DISCARD;
}

/* Does the cut before this op hit it in flight, as a case of its own? */
static bool hit_in_flight(const struct yp_walk *walk, const struct yp_plan_op *op)
{
	if (!is_write(op))
		return false;
	const struct yp_model_row *model = walk_model(walk, op);
	return model->write_through || (op->fua && model->fua_durable);
}

bool yp_walk_at_point(const struct yp_walk *walk)
{
	if (yp_walk_at_end(walk))
		return true;
	const struct yp_plan_op *op = &walk->plan->ops[walk->next];
	if (op->op == YP_MARK || hit_in_flight(walk, op))
		return true;
	if (op->op != YP_FLUSH)
		return false;
	for (size_t i = 0; i < walk->pending_count; i++) {
		if (walk->plan->ops[walk->pending[i].op].medium == op->medium)
			return true;
	}
	return false;
}

static uint32_t erased_content(const struct yp_layout *layout, unsigned medium)
{
	return yp_content_erased(layout->media[medium].model);
}

static void op_apply(const struct yp_plan *plan, const struct yp_plan_op *op, const struct yp_layout *layout,
		     struct yp_image *image)
{
	const uint32_t *data = &plan->contents[op->data];
	uint32_t erased = erased_content(layout, op->medium);
	for (uint32_t k = 0; k < op->sectors; k++)
		yp_image_set(image, op->medium, op->sector + k, op->op == YP_WRITE ? data[k] : erased);
}

/* Moves into the image what is durable and has nothing optional before it on its medium. */
static void walk_fold(struct yp_walk *walk)
{
	bool blocked[YP_MEDIA_MAX] = {false};
	size_t kept = 0;
	for (size_t i = 0; i < walk->pending_count; i++) {
		const struct yp_plan_op *op = &walk->plan->ops[walk->pending[i].op];
		if (walk->pending[i].forced && !blocked[op->medium]) {
			op_apply(walk->plan, op, walk_layout(walk), walk->image);
			continue;
		}
		blocked[op->medium] = true;
		walk->pending[kept++] = walk->pending[i];
	}
	walk->pending_count = kept;
}

/* Makes durable what was complete by `until` on a medium. */
static void walk_force(struct yp_walk *walk, unsigned medium, uint64_t until)
{
	for (size_t i = 0; i < walk->pending_count; i++) {
		const struct yp_plan_op *op = &walk->plan->ops[walk->pending[i].op];
		if (op->medium == medium && op->complete <= until)
			walk->pending[i].forced = true;
	}
	walk_fold(walk);
}

int yp_walk_next(struct yp_walk *walk)
{
	assert(!yp_walk_at_end(walk));
	const struct yp_plan_op *op = &walk->plan->ops[walk->next];
	const struct yp_model_row *model = walk_model(walk, op);
	if (op->op == YP_MARK) {
		int r = yp_worlds_extend(walk->worlds, walk->world, op->data, &walk->world);
		if (r < 0)
			return r;
	} else if (op->op == YP_FLUSH) {
		if (model->flush_durable)
			walk_force(walk, op->medium, op->submit);
	} else {
		void *items = walk->pending;
		int r =
		    yp_array_grow(&items, &walk->pending_room, walk->pending_count, sizeof *walk->pending, PENDING_MAX);
		walk->pending = items;
		if (r < 0)
			return r;
		bool durable = hit_in_flight(walk, op);
		walk->pending[walk->pending_count++] = (struct yp_pending){.op = walk->next, .forced = durable};
		if (durable && model->ordered)
			walk_force(walk, op->medium, op->complete);
		else if (durable)
			walk_fold(walk);
	}
	walk->next++;
	return 0;
}

int yp_walk_to(struct yp_walk *walk, uint32_t entry)
{
	if (entry > walk->plan->end_entry)
		return -EINVAL;
	while (!yp_walk_at_end(walk) && walk->plan->ops[walk->next].entry < entry) {
		int r = yp_walk_next(walk);
		if (r < 0)
			return r;
	}
	return 0;
}

void yp_point_deinit(struct yp_point *point)
{
	free(point->ops);
	free(point->element_of);
	free(point->elements);
	*point = (struct yp_point){0};
}

static int point_room(struct yp_point *point, size_t ops)
{
	if (ops <= point->ops_room)
		return 0;
	size_t room = ops * 2;
	uint32_t *a = realloc(point->ops, room * sizeof *a);
	if (a)
		point->ops = a;
	uint32_t *b = realloc(point->element_of, room * sizeof *b);
	if (b)
		point->element_of = b;
	struct yp_element *c = realloc(point->elements, room * sizeof *c);
	if (c)
		point->elements = c;
	if (!a || !b || !c)
		return -ENOMEM;
	point->ops_room = room;
	point->elements_room = room;
	return 0;
}

/* The element that a write goes on with: the last one on a bulk medium, if it ends where the write starts. */
static bool continues_chain(const struct yp_point *point, const struct yp_plan_op *op, const struct yp_element *last,
			    bool forced)
{
	const struct yp_medium *medium = &point->layout->media[op->medium];
	if (!medium->bulk)
		return false;
	const struct yp_model_row *model = yp_model_row(medium->model);
	if (model->ordered || model->write_through)
		return false;
	return op->op == YP_WRITE && !op->fua && !forced && !last->forced && !last->in_flight &&
	       point->plan->ops[last->first].op == YP_WRITE && !point->plan->ops[last->first].fua &&
	       last->sector + last->sectors == op->sector;
}

static void point_add(struct yp_point *point, size_t i, uint32_t op_index, bool forced, bool in_flight,
		      size_t last_on[YP_MEDIA_MAX])
{
	const struct yp_plan_op *op = &point->plan->ops[op_index];
	size_t last = last_on[op->medium];
	if (last != SIZE_MAX && !in_flight && continues_chain(point, op, &point->elements[last], forced)) {
		point->elements[last].sectors += op->sectors;
		point->elements[last].count++;
		point->element_of[i] = (uint32_t)last;
		return;
	}
	size_t n = point->elements_count++;
	/* `first` is an op until the parts are laid out. */
	point->elements[n] = (struct yp_element){.first = op_index,
						 .count = 1,
						 .sector = op->sector,
						 .sectors = op->sectors,
						 .medium = op->medium,
						 .forced = forced,
						 .in_flight = in_flight,
						 .optional = point->optional_count,
						 .optional_here = point->optional_on[op->medium]};
	if (!forced) {
		point->optional_count++;
		point->optional_on[op->medium]++;
	}
	point->element_of[i] = (uint32_t)n;
	last_on[op->medium] = n;
}

/*
 * Ops behind the cut that were in flight at it. An ordered medium persists in the order of completion: there one that
 * was not submitted holds up all that completed after it.
 */
static size_t collect_ahead(const struct yp_walk *walk, uint32_t out[LOOK_AHEAD])
{
	size_t n = 0;
	uint32_t held = 0;
	if (yp_walk_at_end(walk))
		return 0;
	const struct yp_plan_op *at = &walk->plan->ops[walk->next];
	if (hit_in_flight(walk, at))
		out[n++] = walk->next;
	for (uint32_t i = walk->next + 1; i < walk->plan->count && i < walk->next + LOOK_AHEAD; i++) {
		const struct yp_plan_op *op = &walk->plan->ops[i];
		uint32_t bit = UINT32_C(1) << op->medium;
		if (!is_write(op) || walk_model(walk, op)->write_through || (held & bit))
			continue;
		if (op->submit < at->complete)
			out[n++] = i;
		else if (walk_model(walk, op)->ordered)
			held |= bit;
	}
	return n;
}

int yp_walk_point(const struct yp_walk *walk, struct yp_point *out)
{
	uint32_t in_flight[LOOK_AHEAD];
	size_t last_on[YP_MEDIA_MAX];
	size_t behind = walk->pending_count;
	size_t total = behind + collect_ahead(walk, in_flight);
	int r = point_room(out, total + 1);
	if (r < 0)
		return r;
	out->plan = walk->plan;
	out->layout = walk_layout(walk);
	out->entry = yp_walk_at_end(walk) ? walk->plan->end_entry : walk->plan->ops[walk->next].entry;
	out->elements_count = 0;
	out->optional_count = 0;
	memset(out->optional_on, 0, sizeof out->optional_on);
	for (unsigned m = 0; m < YP_MEDIA_MAX; m++)
		last_on[m] = SIZE_MAX;
	for (size_t i = 0; i < total; i++) {
		uint32_t op = i < behind ? walk->pending[i].op : in_flight[i - behind];
		bool running = i >= behind && walk_model(walk, &walk->plan->ops[op])->write_through;
		point_add(out, i, op, i < behind && walk->pending[i].forced, running, last_on);
	}
	/* Lay out the parts of each element together. */
	uint32_t next = 0;
	for (size_t n = 0; n < out->elements_count; n++) {
		out->elements[n].first = next;
		next += out->elements[n].count;
		out->elements[n].count = 0;
	}
	for (size_t i = 0; i < total; i++) {
		struct yp_element *e = &out->elements[out->element_of[i]];
		out->ops[e->first + e->count++] = i < behind ? walk->pending[i].op : in_flight[i - behind];
	}
	return 0;
}

void yp_element_apply(const struct yp_point *point, const struct yp_element *element, struct yp_image *image)
{
	for (uint32_t i = 0; i < element->count; i++)
		op_apply(point->plan, &point->plan->ops[point->ops[element->first + i]], point->layout, image);
}

bool yp_cut_tears(const struct yp_cut *cut)
{
	return cut->torn >= 0 && cut->fill <= YP_FILL_FF;
}

/* Some of a chain's writes, each whole. */
static int chain_apply_part(const struct yp_point *point, const struct yp_element *e, const struct yp_cut *cut,
			    struct yp_image *image)
{
	if (e->count < 2 || cut->tear > e->count || (cut->fill != YP_FILL_PREFIX && cut->tear == e->count))
		return -EINVAL;
	for (uint32_t i = 0; i < e->count; i++) {
		bool in = cut->fill == YP_FILL_PREFIX ? i < cut->tear
			  : cut->fill == YP_FILL_OMIT ? i != cut->tear
						      : i == cut->tear;
		if (in)
			op_apply(point->plan, &point->plan->ops[point->ops[e->first + i]], point->layout, image);
	}
	return 0;
}

/* One write of which `kept` sectors made it, from the front or from the back; the others stay or are filled. */
static void write_tear(const struct yp_point *point, const struct yp_plan_op *op, uint32_t kept, bool back,
		       uint8_t fill, struct yp_image *image)
{
	for (uint32_t k = 0; k < op->sectors; k++) {
		bool survives = back ? k >= op->sectors - kept : k < kept;
		if (survives)
			yp_image_set(image, op->medium, op->sector + k,
				     op->op == YP_WRITE ? point->plan->contents[op->data + k]
							: erased_content(point->layout, op->medium));
		else if (fill != YP_FILL_OLD)
			yp_image_set(image, op->medium, op->sector + k,
				     fill == YP_FILL_00 ? YP_CONTENT_00 : YP_CONTENT_FF);
	}
}

int yp_element_apply_part(const struct yp_point *point, const struct yp_element *e, const struct yp_cut *cut,
			  struct yp_image *image)
{
	if (cut->fill == YP_FILL_PREFIX || cut->fill == YP_FILL_OMIT || cut->fill == YP_FILL_ONLY)
		return chain_apply_part(point, e, cut, image);
	bool back = cut->tear & YP_TEAR_BACK;
	uint64_t left = cut->tear & ~YP_TEAR_BACK;
	if (cut->fill == YP_FILL_ERASED) {
		if (back || left > e->sectors || !e->in_flight)
			return -EINVAL;
		for (uint64_t k = 0; k < left; k++)
			yp_image_set(image, e->medium, e->sector + k, erased_content(point->layout, e->medium));
		return 0;
	}
	if (cut->fill > YP_FILL_FF || left >= e->sectors || (back && e->count > 1))
		return -EINVAL;
	for (uint32_t i = 0; i < e->count; i++) {
		const struct yp_plan_op *op = &point->plan->ops[point->ops[e->first + i]];
		if (left < op->sectors) {
			write_tear(point, op, (uint32_t)left, back, cut->fill, image);
			break;
		}
		op_apply(point->plan, op, point->layout, image);
		left -= op->sectors;
	}
	return 0;
}

/* Is the form about this element, and which of those is it? */
static bool in_scope(unsigned scope, const struct yp_element *element, uint32_t *index)
{
	*index = scope == 0 ? element->optional : element->optional_here;
	return scope == 0 || element->medium == (scope - 1) / 2;
}

bool yp_element_survives(const struct yp_cut *cut, const struct yp_element *element)
{
	unsigned scope = cut->form / YP_FORM_COUNT;
	uint32_t i;
	if (!in_scope(scope, element, &i))
		return (scope - 1) % 2;
	switch ((enum yp_form)(cut->form % YP_FORM_COUNT)) {
	case YP_FORM_ALL:
		return true;
	case YP_FORM_SUBSET:
		return i < 64 && (cut->a >> i & 1);
	case YP_FORM_PREFIX:
		return i < cut->a;
	case YP_FORM_OMIT:
		return i != cut->a && i != cut->b;
	case YP_FORM_KEEP:
		return i == cut->a || i == cut->b;
	case YP_FORM_SAMPLE:
		return yp_mix64(cut->a ^ yp_mix64(i + 1)) & 1;
	case YP_FORM_NONE:
	case YP_FORM_COUNT:
		break;
	}
	return false;
}

static int cut_fits(const struct yp_point *point, const struct yp_cut *cut)
{
	unsigned scope = cut->form / YP_FORM_COUNT;
	uint32_t count = point->optional_count;
	if (scope > 0) {
		if ((scope - 1) / 2 >= point->layout->count)
			return -EINVAL;
		count = point->optional_on[(scope - 1) / 2];
	}
	bool fits = true;
	switch ((enum yp_form)(cut->form % YP_FORM_COUNT)) {
	case YP_FORM_SUBSET:
		fits = count >= 64 || cut->a >> count == 0;
		break;
	case YP_FORM_PREFIX:
		fits = cut->a <= count;
		break;
	case YP_FORM_OMIT:
	case YP_FORM_KEEP:
		fits = cut->a < count && cut->b < count;
		break;
	case YP_FORM_ALL:
	case YP_FORM_NONE:
	case YP_FORM_SAMPLE:
	case YP_FORM_COUNT:
		break;
	}
	return fits && scope < YP_SCOPES && cut->torn < (int64_t)point->optional_count ? 0 : -EINVAL;
}

/*
 * On an ordered medium whatever the form says is cut down to a prefix: nothing survives behind the first that does not,
 * save for KEEP, which means "up to that one".
 */
static bool survives_in_order(const struct yp_point *point, const struct yp_cut *cut, const struct yp_element *element,
			      bool broken)
{
	if (cut->form % YP_FORM_COUNT != YP_FORM_KEEP)
		return !broken && yp_element_survives(cut, element);
	for (const struct yp_element *e = element; e < point->elements + point->elements_count; e++) {
		if (!e->forced && e->medium == element->medium && yp_element_survives(cut, e))
			return true;
	}
	return false;
}

enum yp_fate yp_element_fate(const struct yp_point *point, const struct yp_cut *cut, const struct yp_element *e,
			     uint32_t *broken)
{
	if (e->forced)
		return YP_FATE_DURABLE;
	if (cut->torn >= 0 && e->optional == (uint32_t)cut->torn)
		return YP_FATE_PART;
	bool ordered = yp_model_row(point->layout->media[e->medium].model)->ordered;
	uint32_t bit = UINT32_C(1) << e->medium;
	bool in = ordered ? survives_in_order(point, cut, e, *broken & bit) : yp_element_survives(cut, e);
	if (!in)
		*broken |= bit;
	return in ? YP_FATE_KEPT : YP_FATE_LOST;
}

int yp_point_apply(const struct yp_point *point, const struct yp_cut *cut, struct yp_image *image)
{
	assert(point && cut && image);
	uint32_t broken = 0;
	const struct yp_element *torn = NULL;
	int r = cut_fits(point, cut);
	for (const struct yp_element *e = point->elements; r == 0 && e < point->elements + point->elements_count; e++) {
		enum yp_fate fate = yp_element_fate(point, cut, e, &broken);
		if (fate == YP_FATE_LOST)
			continue;
		if (fate == YP_FATE_PART) {
			bool ordered = yp_model_row(point->layout->media[e->medium].model)->ordered;
			r = ordered ? -EINVAL : yp_element_apply_part(point, e, cut, image);
			torn = yp_cut_tears(cut) ? e : NULL;
			continue;
		}
		if (torn && yp_elements_overlap(torn, e))
			return -EINVAL;
		yp_element_apply(point, e, image);
	}
	return r;
}
