/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_OVERLAY_H
#define POWER_CUT_SERVER_OVERLAY_H

#include "power-cut/log.h"

/*
 * Which sectors differ from the base, and what is in them: content ids in leaves that exist only where something was
 * written. 4 bytes a sector, rounded up to 2 MiB of medium.
 */
#define YP_OVERLAY_NONE         UINT32_MAX
#define YP_OVERLAY_LEAF_SECTORS 4096u

struct yp_overlay {
	unsigned count;
	struct {
		uint32_t **leaves;
		size_t leaves_count;
	} media[YP_MEDIA_MAX];
};

int yp_overlay_init(struct yp_overlay *overlay, const struct yp_layout *layout) __attribute__((warn_unused_result));
void yp_overlay_deinit(struct yp_overlay *overlay);
int yp_overlay_copy(const struct yp_overlay *from, struct yp_overlay *out) __attribute__((warn_unused_result));
/* Makes room, so that yp_overlay_set() there cannot fail. */
int yp_overlay_reserve(struct yp_overlay *overlay, unsigned medium, uint64_t sector, uint64_t sectors)
    __attribute__((warn_unused_result));
void yp_overlay_set(struct yp_overlay *overlay, unsigned medium, uint64_t sector, uint32_t content);
/* YP_OVERLAY_NONE: as in the base. */
static inline uint32_t yp_overlay_get(const struct yp_overlay *overlay, unsigned medium, uint64_t sector)
{
	const uint32_t *leaf = overlay->media[medium].leaves[sector / YP_OVERLAY_LEAF_SECTORS];
	return leaf ? leaf[sector % YP_OVERLAY_LEAF_SECTORS] : YP_OVERLAY_NONE;
}

#endif
