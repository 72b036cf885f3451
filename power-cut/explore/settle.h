/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_EXPLORE_SETTLE_H
#define POWER_CUT_EXPLORE_SETTLE_H

#include "base/content-hash.h"
#include "power-cut/image.h"

/*
 * Settling states without running them.
 *
 * A deterministic recovery is a function of what it reads: which place it reads next depends only on what it has read
 * so far. So all recoveries form one decision tree: each inner node is "the next read", its children are the contents
 * seen there, each leaf is a result. A state that reaches a leaf agrees with the run behind that leaf on everything
 * that run read: it would write the same and end the same.
 *
 * Reads of what the run itself wrote before are no dependency, nor are reads of what it has read already. This is
 * computed here, sector by sector; the recorder's flags are not used.
 */
enum yp_settle_kind { YP_SETTLE_OPEN, YP_SETTLE_READ, YP_SETTLE_RESULT };

struct yp_settle_node {
	uint64_t first, sectors;
	uint32_t result;
	uint16_t medium;
	uint8_t kind;  /* enum yp_settle_kind */
	int8_t region; /* that the range is, or -1 */
};

struct yp_settle {
	struct yp_settle_node *nodes;
	size_t count, room;
	struct yp_map children; /* (node, contents) to node */
	uint32_t *covered[YP_MEDIA_MAX];
	uint32_t generation;
	unsigned media;
};

int yp_settle_init(struct yp_settle *settle, const struct yp_layout *layout) __attribute__((warn_unused_result));
void yp_settle_deinit(struct yp_settle *settle);
/* 1 and the result if a run is known that read exactly this, 0 if none is. */
int yp_settle_find(const struct yp_settle *settle, const struct yp_image *state, uint32_t *result);
/*
 * Adds a run from `state`. 0, or -errno. 1: it contradicts an earlier run. After the same reads it read elsewhere or
 * had another result, so the recovery is not deterministic.
 */
int yp_settle_add(struct yp_settle *settle, const struct yp_image *state, const struct yp_log *log, uint32_t result)
    __attribute__((warn_unused_result));
/* The same for the first entries of a log: of a run that is deterministic only so far. */
int yp_settle_add_first(struct yp_settle *settle, const struct yp_image *state, const struct yp_log *log,
			size_t entries, uint32_t result) __attribute__((warn_unused_result));

#endif
