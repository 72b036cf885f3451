/* SPDX-License-Identifier: Apache-2.0 */
/* Sectors that differ from the base, as content ids in leaves. */
#include "server/overlay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_BYTES (YP_OVERLAY_LEAF_SECTORS * sizeof(uint32_t))

int yp_overlay_init(struct yp_overlay *overlay, const struct yp_layout *layout)
{
	*overlay = (struct yp_overlay){.count = layout->count};
	for (unsigned m = 0; m < layout->count; m++) {
		size_t leaves =
		    (size_t)((layout->media[m].sectors + YP_OVERLAY_LEAF_SECTORS - 1) / YP_OVERLAY_LEAF_SECTORS);
		overlay->media[m].leaves = calloc(leaves, sizeof(void *));
		overlay->media[m].leaves_count = leaves;
		if (!overlay->media[m].leaves) {
			yp_overlay_deinit(overlay);
			return -ENOMEM;
		}
	}
	return 0;
}

void yp_overlay_deinit(struct yp_overlay *overlay)
{
	for (unsigned m = 0; m < overlay->count; m++) {
		for (size_t i = 0; overlay->media[m].leaves && i < overlay->media[m].leaves_count; i++)
			free(overlay->media[m].leaves[i]);
		free(overlay->media[m].leaves);
	}
	*overlay = (struct yp_overlay){0};
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

int yp_overlay_copy(const struct yp_overlay *from, struct yp_overlay *out)
{
	int r = 0;
	*out = (struct yp_overlay){.count = from->count};
	for (unsigned m = 0; r == 0 && m < from->count; m++) {
		size_t count = from->media[m].leaves_count;
		uint32_t **leaves = calloc(count, sizeof *leaves);
		out->media[m].leaves = leaves;
		out->media[m].leaves_count = count;
		r = leaves ? leaves_copy(leaves, from->media[m].leaves, count) : -ENOMEM;
	}
	if (r < 0)
		yp_overlay_deinit(out);
	return r;
}

int yp_overlay_reserve(struct yp_overlay *overlay, unsigned medium, uint64_t sector, uint64_t sectors)
{
	assert(medium < overlay->count && sectors > 0);
	size_t last = (size_t)((sector + sectors - 1) / YP_OVERLAY_LEAF_SECTORS);
	for (size_t i = (size_t)(sector / YP_OVERLAY_LEAF_SECTORS); i <= last; i++) {
		uint32_t **leaf = &overlay->media[medium].leaves[i];
		if (*leaf)
			continue;
		*leaf = malloc(LEAF_BYTES);
		if (!*leaf)
			return -ENOMEM;
		memset(*leaf, 0xff, LEAF_BYTES); /* YP_OVERLAY_NONE */
	}
	return 0;
}

void yp_overlay_set(struct yp_overlay *overlay, unsigned medium, uint64_t sector, uint32_t content)
{
	assert(overlay->media[medium].leaves[sector / YP_OVERLAY_LEAF_SECTORS]);
	overlay->media[medium].leaves[sector / YP_OVERLAY_LEAF_SECTORS][sector % YP_OVERLAY_LEAF_SECTORS] = content;
}
