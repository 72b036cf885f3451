/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_BYTES (BP_OVERLAY_LEAF_SECTORS * sizeof(uint32_t))

int bp_overlay_init(struct bp_overlay *overlay, const struct bp_layout *layout)
{
	*overlay = (struct bp_overlay){.count = layout->count};
	for (unsigned m = 0; m < layout->count; m++) {
		size_t leaves =
		    (size_t)((layout->media[m].sectors + BP_OVERLAY_LEAF_SECTORS - 1) / BP_OVERLAY_LEAF_SECTORS);
		overlay->media[m].leaves = calloc(leaves, sizeof(void *));
		overlay->media[m].leaves_count = leaves;
		if (!overlay->media[m].leaves) {
			bp_overlay_deinit(overlay);
			return -ENOMEM;
		}
	}
	return 0;
}

void bp_overlay_deinit(struct bp_overlay *overlay)
{
	for (unsigned m = 0; m < overlay->count; m++) {
		for (size_t i = 0; overlay->media[m].leaves && i < overlay->media[m].leaves_count; i++)
			free(overlay->media[m].leaves[i]);
		free(overlay->media[m].leaves);
	}
	*overlay = (struct bp_overlay){0};
}

static int leaves_copy(uint32_t **to, uint32_t *const *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!from[i])
			continue;
		to[i] = malloc(LEAF_BYTES);
		if (!to[i])
			return -ENOMEM;
		memcpy(to[i], from[i], LEAF_BYTES);
	}
	return 0;
}

int bp_overlay_copy(const struct bp_overlay *from, struct bp_overlay *out)
{
	int r = 0;
	*out = (struct bp_overlay){.count = from->count};
	for (unsigned m = 0; r == 0 && m < from->count; m++) {
		size_t count = from->media[m].leaves_count;
		uint32_t **leaves = calloc(count, sizeof *leaves);
		out->media[m].leaves = leaves;
		out->media[m].leaves_count = count;
		r = leaves ? leaves_copy(leaves, from->media[m].leaves, count) : -ENOMEM;
	}
	if (r < 0)
		bp_overlay_deinit(out);
	return r;
}

int bp_overlay_reserve(struct bp_overlay *overlay, unsigned medium, uint64_t sector, uint64_t sectors)
{
	size_t last = (size_t)((sector + sectors - 1) / BP_OVERLAY_LEAF_SECTORS);
	for (size_t i = (size_t)(sector / BP_OVERLAY_LEAF_SECTORS); i <= last; i++) {
		uint32_t **leaf = &overlay->media[medium].leaves[i];
		if (*leaf)
			continue;
		*leaf = malloc(LEAF_BYTES);
		if (!*leaf)
			return -ENOMEM;
		memset(*leaf, 0xff, LEAF_BYTES); /* BP_OVERLAY_NONE */
	}
	return 0;
}

void bp_overlay_set(struct bp_overlay *overlay, unsigned medium, uint64_t sector, uint32_t content)
{
	overlay->media[medium].leaves[sector / BP_OVERLAY_LEAF_SECTORS][sector % BP_OVERLAY_LEAF_SECTORS] = content;
}
