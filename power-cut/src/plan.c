/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define TEXTS_MAX  ((size_t)1 << 24)
#define WORLDS_MAX ((size_t)1 << 28)
#define VIEW_MAX   ((size_t)1 << 24)

int bp_worlds_init(struct bp_worlds *worlds)
{
	*worlds = (struct bp_worlds){0};
	void *items = NULL;
	int r = bp_array_grow(&items, &worlds->nodes_room, 0, sizeof *worlds->nodes, WORLDS_MAX);
	worlds->nodes = items;
	if (r < 0)
		return r;
	worlds->nodes[0] = (struct bp_world_node){0};
	worlds->nodes_count = 1;
	return 0;
}

void bp_worlds_deinit(struct bp_worlds *worlds)
{
	for (size_t i = 0; i < worlds->texts_count; i++)
		free(worlds->texts[i]);
	free(worlds->texts);
	free(worlds->nodes);
	free(worlds->view);
	bp_map_deinit(&worlds->text_ids);
	bp_map_deinit(&worlds->node_ids);
	*worlds = (struct bp_worlds){0};
}

int bp_worlds_text(struct bp_worlds *worlds, const char *text, uint32_t *id)
{
	struct bp_hash key = bp_hash_add_bytes((struct bp_hash){0}, text, strlen(text));
	*id = bp_map_get(&worlds->text_ids, key);
	if (*id != BP_MAP_FREE)
		return 0;
	void *items = worlds->texts;
	int r = bp_array_grow(&items, &worlds->texts_room, worlds->texts_count, sizeof *worlds->texts, TEXTS_MAX);
	worlds->texts = items;
	if (r < 0)
		return r;
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	*id = (uint32_t)worlds->texts_count;
	worlds->texts[worlds->texts_count++] = copy;
	return bp_map_put(&worlds->text_ids, key, *id);
}

const char *bp_worlds_word(const struct bp_worlds *worlds, uint32_t id)
{
	return worlds->texts[id];
}

int bp_worlds_extend(struct bp_worlds *worlds, uint32_t world, uint32_t text, uint32_t *out)
{
	const char *s = worlds->texts[text];
	struct bp_hash key = bp_hash_add_bytes(worlds->nodes[world].hash, s, strlen(s));
	*out = bp_map_get(&worlds->node_ids, key);
	if (*out != BP_MAP_FREE)
		return 0;
	void *items = worlds->nodes;
	int r = bp_array_grow(&items, &worlds->nodes_room, worlds->nodes_count, sizeof *worlds->nodes, WORLDS_MAX);
	worlds->nodes = items;
	if (r < 0)
		return r;
	*out = (uint32_t)worlds->nodes_count;
	worlds->nodes[worlds->nodes_count++] = (struct bp_world_node){
	    .hash = key, .parent = world, .text = text, .length = worlds->nodes[world].length + 1};
	return bp_map_put(&worlds->node_ids, key, *out);
}

int bp_worlds_view(struct bp_worlds *worlds, uint32_t world, struct bp_world *out)
{
	size_t length = worlds->nodes[world].length;
	while (worlds->view_room < length) {
		void *items = worlds->view;
		int r = bp_array_grow(&items, &worlds->view_room, worlds->view_room, sizeof *worlds->view, VIEW_MAX);
		worlds->view = items;
		if (r < 0)
			return r;
	}
	for (size_t i = length; i-- > 0; world = worlds->nodes[world].parent)
		worlds->view[i] = worlds->texts[worlds->nodes[world].text];
	*out = (struct bp_world){worlds->view, length};
	return 0;
}

struct bp_hash bp_worlds_hash(const struct bp_worlds *worlds, uint32_t world)
{
	return worlds->nodes[world].hash;
}

static bool matters(const struct bp_entry *e)
{
	return e->op == BP_WRITE || e->op == BP_FLUSH || e->op == BP_DISCARD ||
	       (e->op == BP_MARK && e->kind == BP_MARK_WORLD);
}

static bool same_media(const struct bp_layout *x, const struct bp_layout *y)
{
	if (x->count != y->count)
		return false;
	for (unsigned m = 0; m < x->count; m++) {
		if (x->media[m].sectors != y->media[m].sectors)
			return false;
	}
	return true;
}

static int plan_fill(struct bp_plan *plan, const struct bp_log *log, struct bp_worlds *worlds)
{
	uint32_t contents = 0;
	struct bp_hash h = {0};
	for (size_t i = 0; i < bp_log_count(log); i++) {
		const struct bp_entry *e = bp_log_entry(log, i);
		if (!matters(e))
			continue;
		struct bp_plan_op op = {.sector = e->sector,
					.submit = e->submit_ns,
					.complete = e->complete_ns,
					.sectors = e->sectors,
					.entry = (uint32_t)i,
					.medium = e->medium,
					.op = (uint8_t)e->op,
					.fua = e->fua};
		if (e->op == BP_WRITE) {
			op.data = contents;
			for (uint32_t k = 0; k < e->sectors; k++) {
				plan->contents[contents] = bp_log_content(log, e, k);
				h = bp_hash_add(h, plan->contents[contents++]);
			}
		} else if (e->op == BP_MARK) {
			int r = bp_worlds_text(worlds, bp_log_text(log, e), &op.data);
			if (r == 0)
				r = bp_worlds_extend(worlds, plan->during, op.data, &plan->during);
			if (r < 0)
				return r;
			h = bp_hash_add(h, op.data);
		}
		h = bp_hash_add(h, (uint64_t)op.op << 32 | (uint64_t)op.medium << 8 | op.fua);
		h = bp_hash_add(bp_hash_add(h, op.sector), (uint64_t)op.entry << 32 | op.sectors);
		plan->ops[plan->count++] = op;
	}
	plan->end_entry = (uint32_t)bp_log_count(log);
	plan->hash = bp_hash_add(h, plan->end_entry);
	return 0;
}

int bp_plan_new(const struct bp_log *log, const struct bp_layout *layout, struct bp_worlds *worlds,
		struct bp_plan **out)
{
	if (!same_media(bp_log_layout(log), layout))
		return -EINVAL;
	size_t ops = 0;
	size_t contents = 0;
	for (size_t i = 0; i < bp_log_count(log); i++) {
		const struct bp_entry *e = bp_log_entry(log, i);
		ops += matters(e);
		contents += e->op == BP_WRITE ? e->sectors : 0;
	}
	if (bp_log_count(log) >= UINT32_MAX || contents >= UINT32_MAX)
		return -E2BIG;
	struct bp_plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return -ENOMEM;
	plan->ops = malloc((ops + 1) * sizeof *plan->ops);
	plan->contents = malloc((contents + 1) * sizeof *plan->contents);
	int r = plan->ops && plan->contents ? plan_fill(plan, log, worlds) : -ENOMEM;
	if (r < 0) {
		bp_plan_free(plan);
		return r;
	}
	*out = plan;
	return 0;
}

void bp_plan_free(struct bp_plan *plan)
{
	if (!plan)
		return;
	free(plan->ops);
	free(plan->contents);
	free(plan);
}
