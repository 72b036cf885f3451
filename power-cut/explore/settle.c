/* SPDX-License-Identifier: Apache-2.0 */
/* The decision tree of reads: which earlier run a state would repeat. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explore/settle.h"

#define NODES_MAX ((size_t)UINT32_MAX)

static int node_new(struct yp_settle *settle, uint32_t *out)
{
	void *items = settle->nodes;
	int r = yp_array_grow(&items, &settle->room, settle->count, sizeof *settle->nodes, NODES_MAX);
	settle->nodes = items;
	if (r < 0)
		return r;
	*out = (uint32_t)settle->count;
	settle->nodes[settle->count++] = (struct yp_settle_node){.kind = YP_SETTLE_OPEN};
	return 0;
}

int yp_settle_init(struct yp_settle *settle, const struct yp_layout *layout)
{
	uint32_t root;
	*settle = (struct yp_settle){.media = layout->count};
	for (unsigned m = 0; m < layout->count; m++) {
		settle->covered[m] = calloc((size_t)layout->media[m].sectors, sizeof *settle->covered[m]);
		if (!settle->covered[m])
			return -ENOMEM;
	}
	return node_new(settle, &root);
}

void yp_settle_deinit(struct yp_settle *settle)
{
	for (unsigned m = 0; m < settle->media; m++)
		free(settle->covered[m]);
	free(settle->nodes);
	yp_map_deinit(&settle->children);
	*settle = (struct yp_settle){0};
}

static struct yp_hash child_key(const struct yp_settle *settle, uint32_t node, const struct yp_image *state)
{
	const struct yp_settle_node *n = &settle->nodes[node];
	struct yp_hash seen = n->region >= 0 ? yp_image_region_hash(state, (unsigned)n->region)
					     : yp_image_range_hash(state, n->medium, n->first, n->sectors);
	return yp_hash_add(seen, node);
}

int yp_settle_find(const struct yp_settle *settle, const struct yp_image *state, uint32_t *result)
{
	uint32_t at = 0;
	while (settle->nodes[at].kind == YP_SETTLE_READ) {
		at = yp_map_get(&settle->children, child_key(settle, at, state));
		if (at == YP_MAP_FREE)
			return 0;
	}
	if (settle->nodes[at].kind != YP_SETTLE_RESULT)
		return 0;
	*result = settle->nodes[at].result;
	return 1;
}

static int8_t region_of(const struct yp_image *state, unsigned medium, uint64_t first, uint64_t sectors)
{
	for (unsigned i = 0; i < yp_image_regions_count(state); i++) {
		const struct yp_region *r = yp_image_region(state, i);
		if (r->medium == medium && r->first == first && r->sectors == sectors)
			return (int8_t)i;
	}
	return -1;
}

/* One dependency of a run: goes from node *at to the child that this state's contents lead to, making what is missing.
 */
static int follow(struct yp_settle *settle, const struct yp_image *state, uint32_t *at, unsigned medium, uint64_t first,
		  uint64_t sectors)
{
	struct yp_settle_node *n = &settle->nodes[*at];
	if (n->kind == YP_SETTLE_OPEN) {
		*n = (struct yp_settle_node){.first = first,
					     .sectors = sectors,
					     .medium = (uint16_t)medium,
					     .kind = YP_SETTLE_READ,
					     .region = region_of(state, medium, first, sectors)};
	} else if (n->kind == YP_SETTLE_RESULT || n->medium != medium || n->first != first || n->sectors != sectors) {
		return 1;
	}
	struct yp_hash key = child_key(settle, *at, state);
	uint32_t child = yp_map_get(&settle->children, key);
	if (child == YP_MAP_FREE) {
		int r = node_new(settle, &child);
		if (r == 0)
			r = yp_map_put(&settle->children, key, child);
		if (r < 0)
			return r;
	}
	*at = child;
	return 0;
}

/* The sectors of a read that the run neither wrote nor read before, run by run. */
static int follow_read(struct yp_settle *settle, const struct yp_image *state, const struct yp_entry *e, uint32_t *at)
{
	uint32_t *covered = settle->covered[e->medium];
	uint64_t end = e->sector + e->sectors;
	for (uint64_t s = e->sector; s < end;) {
		if (covered[s] == settle->generation) {
			s++;
			continue;
		}
		uint64_t first = s;
		for (; s < end && covered[s] != settle->generation; s++)
			covered[s] = settle->generation;
		int r = follow(settle, state, at, e->medium, first, s - first);
		if (r != 0)
			return r;
	}
	return 0;
}

static void next_generation(struct yp_settle *settle, const struct yp_layout *layout)
{
	if (++settle->generation != 0)
		return;
	for (unsigned m = 0; m < layout->count; m++)
		memset(settle->covered[m], 0, (size_t)layout->media[m].sectors * sizeof *settle->covered[m]);
	settle->generation = 1;
}

int yp_settle_add(struct yp_settle *settle, const struct yp_image *state, const struct yp_log *log, uint32_t result)
{
	return yp_settle_add_first(settle, state, log, yp_log_count(log), result);
}

int yp_settle_add_first(struct yp_settle *settle, const struct yp_image *state, const struct yp_log *log,
			size_t entries, uint32_t result)
{
	uint32_t at = 0;
	next_generation(settle, yp_image_layout(state));
	for (size_t i = 0; i < entries; i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op == YP_READ) {
			int r = follow_read(settle, state, e, &at);
			if (r != 0)
				return r;
		} else if (e->op == YP_WRITE) {
			/* A discard covers nothing: what it leaves is the medium's choice. */
			for (uint64_t s = e->sector; s < e->sector + e->sectors; s++)
				settle->covered[e->medium][s] = settle->generation;
		}
	}
	struct yp_settle_node *n = &settle->nodes[at];
	if (n->kind == YP_SETTLE_READ || (n->kind == YP_SETTLE_RESULT && n->result != result))
		return 1;
	n->kind = YP_SETTLE_RESULT;
	n->result = result;
	return 0;
}
