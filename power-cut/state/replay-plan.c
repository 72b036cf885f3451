/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of world events, and logs without the entries that do not affect crash states. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state/replay-plan.h"

#define TEXTS_MAX  ((size_t)1 << 24)
#define WORLDS_MAX ((size_t)1 << 28)
#define VIEW_MAX   ((size_t)1 << 24)

int yp_worlds_init(struct yp_worlds *worlds)
{
	*worlds = (struct yp_worlds){0};
	void *items = NULL;
	int r = yp_array_grow(&items, &worlds->nodes_room, 0, sizeof *worlds->nodes, WORLDS_MAX);
	worlds->nodes = items;
	if (r < 0)
		return r;
	worlds->nodes[0] = (struct yp_world_node){0};
	worlds->nodes_count = 1;
	return 0;
}

void yp_worlds_deinit(struct yp_worlds *worlds)
{
	for (size_t i = 0; i < worlds->texts_count; i++)
		free(worlds->texts[i]);
	free(worlds->texts);
	free(worlds->nodes);
	free(worlds->view);
	yp_map_deinit(&worlds->text_ids);
	yp_map_deinit(&worlds->node_ids);
	*worlds = (struct yp_worlds){0};
}

int yp_worlds_text(struct yp_worlds *worlds, const char *text, uint32_t *id)
{
	struct yp_hash key = yp_hash_add_bytes((struct yp_hash){0}, text, strlen(text));
	*id = yp_map_get(&worlds->text_ids, key);
	if (*id != YP_MAP_FREE)
		return 0;
	void *items = worlds->texts;
	int r = yp_array_grow(&items, &worlds->texts_room, worlds->texts_count, sizeof *worlds->texts, TEXTS_MAX);
	worlds->texts = items;
	if (r < 0)
		return r;
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	*id = (uint32_t)worlds->texts_count;
	worlds->texts[worlds->texts_count++] = copy;
	return yp_map_put(&worlds->text_ids, key, *id);
}

const char *yp_worlds_word(const struct yp_worlds *worlds, uint32_t id)
{
	assert(id < worlds->texts_count);
	return worlds->texts[id];
}

int yp_worlds_extend(struct yp_worlds *worlds, uint32_t world, uint32_t text, uint32_t *out)
{
	assert(world < worlds->nodes_count && text < worlds->texts_count);
	const char *s = worlds->texts[text];
	struct yp_hash key = yp_hash_add_bytes(worlds->nodes[world].hash, s, strlen(s));
	*out = yp_map_get(&worlds->node_ids, key);
	if (*out != YP_MAP_FREE)
		return 0;
	void *items = worlds->nodes;
	int r = yp_array_grow(&items, &worlds->nodes_room, worlds->nodes_count, sizeof *worlds->nodes, WORLDS_MAX);
	worlds->nodes = items;
	if (r < 0)
		return r;
	*out = (uint32_t)worlds->nodes_count;
	worlds->nodes[worlds->nodes_count++] = (struct yp_world_node){
	    .hash = key, .parent = world, .text = text, .length = worlds->nodes[world].length + 1};
	return yp_map_put(&worlds->node_ids, key, *out);
}

int yp_worlds_view(struct yp_worlds *worlds, uint32_t world, struct yp_world *out)
{
	assert(world < worlds->nodes_count);
	size_t length = worlds->nodes[world].length;
	while (worlds->view_room < length) {
		void *items = worlds->view;
		int r = yp_array_grow(&items, &worlds->view_room, worlds->view_room, sizeof *worlds->view, VIEW_MAX);
		worlds->view = items;
		if (r < 0)
			return r;
	}
	for (size_t i = length; i-- > 0; world = worlds->nodes[world].parent)
		worlds->view[i] = worlds->texts[worlds->nodes[world].text];
	*out = (struct yp_world){worlds->view, length};
	return 0;
}

struct yp_hash yp_worlds_hash(const struct yp_worlds *worlds, uint32_t world)
{
	return worlds->nodes[world].hash;
}

static bool is_relevant(const struct yp_entry *e)
{
	return e->op == YP_WRITE || e->op == YP_FLUSH || e->op == YP_DISCARD ||
	       (e->op == YP_MARK && e->kind == YP_MARK_WORLD);
}

static int plan_fill(struct yp_plan *plan, const struct yp_log *log, struct yp_worlds *worlds)
{
	uint32_t contents = 0;
	struct yp_hash h = {0};
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (!is_relevant(e))
			continue;
		struct yp_plan_op op = {.sector = e->sector,
					.submit = e->submit_ns,
					.complete = e->complete_ns,
					.sectors = e->sectors,
					.entry = (uint32_t)i,
					.medium = e->medium,
					.op = (uint8_t)e->op,
					.fua = e->fua};
		if (e->op == YP_WRITE) {
			op.data = contents;
			for (uint32_t k = 0; k < e->sectors; k++) {
				plan->contents[contents] = yp_log_content(log, e, k);
				h = yp_hash_add(h, plan->contents[contents++]);
			}
		} else if (e->op == YP_MARK) {
			int r = yp_worlds_text(worlds, yp_log_text(log, e), &op.data);
			if (r == 0)
				r = yp_worlds_extend(worlds, plan->during, op.data, &plan->during);
			if (r < 0)
				return r;
			h = yp_hash_add(h, op.data);
		}
		h = yp_hash_add(h, (uint64_t)op.op << 32 | (uint64_t)op.medium << 8 | op.fua);
		h = yp_hash_add(yp_hash_add(h, op.sector), (uint64_t)op.entry << 32 | op.sectors);
		plan->ops[plan->count++] = op;
	}
	plan->end_entry = (uint32_t)yp_log_count(log);
	plan->hash = yp_hash_add(h, plan->end_entry);
	return 0;
}

int yp_plan_new(const struct yp_log *log, const struct yp_layout *layout, struct yp_worlds *worlds,
		struct yp_plan **out)
{
	assert(log && layout && worlds && out);
	if (!yp_layout_same_media(yp_log_layout(log), layout))
		return -EINVAL;
	size_t ops = 0;
	size_t contents = 0;
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		ops += is_relevant(e);
		contents += e->op == YP_WRITE ? e->sectors : 0;
	}
	if (yp_log_count(log) >= UINT32_MAX || contents >= UINT32_MAX)
		return -E2BIG;
	struct yp_plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return -ENOMEM;
	plan->ops = malloc((ops + 1) * sizeof *plan->ops);
	plan->contents = malloc((contents + 1) * sizeof *plan->contents);
	int r = plan->ops && plan->contents ? plan_fill(plan, log, worlds) : -ENOMEM;
	if (r < 0) {
		yp_plan_free(plan);
		return r;
	}
	*out = plan;
	return 0;
}

void yp_plan_free(struct yp_plan *plan)
{
	if (!plan)
		return;
	free(plan->ops);
	free(plan->contents);
	free(plan);
}
