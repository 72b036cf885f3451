/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_STATE_REPLAY_PLAN_H
#define POWER_CUT_STATE_REPLAY_PLAN_H

#include "base/content-hash.h"
#include "power-cut/image.h"

/*
 * Events that were visible outside the device: lists of texts, each list interned as one id; 0 is the empty list. A
 * list is its predecessor plus one text, so that a million states share them.
 */
struct yp_worlds {
	char **texts;
	size_t texts_count, texts_room;
	struct yp_map text_ids;
	struct yp_world_node *nodes;
	size_t nodes_count, nodes_room;
	struct yp_map node_ids;
	const char **view; /* yp_worlds_view() */
	size_t view_room;
};
struct yp_world_node {
	struct yp_hash hash;
	uint32_t parent, text, length;
};
int yp_worlds_init(struct yp_worlds *worlds) __attribute__((warn_unused_result));
void yp_worlds_deinit(struct yp_worlds *worlds);
int yp_worlds_text(struct yp_worlds *worlds, const char *text, uint32_t *id) __attribute__((warn_unused_result));
/* The text behind an id: borrowed. */
const char *yp_worlds_word(const struct yp_worlds *worlds, uint32_t id);
int yp_worlds_extend(struct yp_worlds *worlds, uint32_t world, uint32_t text, uint32_t *out)
    __attribute__((warn_unused_result));
/* The events of a list, in order: valid until the next call. */
int yp_worlds_view(struct yp_worlds *worlds, uint32_t world, struct yp_world *out) __attribute__((warn_unused_result));
struct yp_hash yp_worlds_hash(const struct yp_worlds *worlds, uint32_t world);

/* A log without the entries that do not affect crash states: reads, steps and notes. Equal recoveries share one. */
struct yp_plan_op {
	uint64_t sector;
	uint64_t submit, complete;
	uint32_t sectors;
	uint32_t entry; /* index in the log it was made from */
	uint32_t data;  /* WRITE: index of its first content; MARK: id of the text */
	uint16_t medium;
	uint8_t op; /* enum yp_op */
	bool fua;
};
struct yp_plan {
	struct yp_plan_op *ops;
	uint32_t count;
	uint32_t *contents;
	uint32_t end_entry;  /* entries of the log */
	uint32_t during;     /* all its world events, as a list of their own */
	struct yp_hash hash; /* of everything above but the times */
};
/* -EINVAL if the log's media are not those of `layout`. */
int yp_plan_new(const struct yp_log *log, const struct yp_layout *layout, struct yp_worlds *worlds,
		struct yp_plan **out) __attribute__((warn_unused_result));
void yp_plan_free(struct yp_plan *plan);

#endif
