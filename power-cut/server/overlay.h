/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_OVERLAY_H
#define POWER_CUT_SERVER_OVERLAY_H

#include "power-cut/log.h"

/*
 * Which sectors differ from the base, and what is in them: content ids in leaves that exist only where something was
 * written. 4 bytes a sector, rounded up to 2 MiB of medium.
 */
#define BP_OVERLAY_NONE         UINT32_MAX
#define BP_OVERLAY_LEAF_SECTORS 4096u

struct bp_overlay {
	unsigned count;
	struct {
		uint32_t **leaves;
		size_t leaves_count;
	} media[BP_MEDIA_MAX];
};

int bp_overlay_init(struct bp_overlay *overlay, const struct bp_layout *layout) __attribute__((warn_unused_result));
void bp_overlay_deinit(struct bp_overlay *overlay);
int bp_overlay_copy(const struct bp_overlay *from, struct bp_overlay *out) __attribute__((warn_unused_result));
/* Makes room, so that bp_overlay_set() there cannot fail. */
int bp_overlay_reserve(struct bp_overlay *overlay, unsigned medium, uint64_t sector, uint64_t sectors)
    __attribute__((warn_unused_result));
void bp_overlay_set(struct bp_overlay *overlay, unsigned medium, uint64_t sector, uint32_t content);
/* BP_OVERLAY_NONE: as in the base. */
static inline uint32_t bp_overlay_get(const struct bp_overlay *overlay, unsigned medium, uint64_t sector)
{
	const uint32_t *leaf = overlay->media[medium].leaves[sector / BP_OVERLAY_LEAF_SECTORS];
	return leaf ? leaf[sector % BP_OVERLAY_LEAF_SECTORS] : BP_OVERLAY_NONE;
}

#endif
