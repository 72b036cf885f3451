/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SRC_PLAN_H
#define POWER_CUT_SRC_PLAN_H

#include "hash.h"

/*
 * What the outside has seen: lists of texts, each list interned as one id; 0 is the empty list. A list is its
 * predecessor plus one text, so that a million states share them.
 */
struct bp_worlds {
	char **texts;
	size_t texts_count, texts_room;
	struct bp_map text_ids;
	struct bp_world_node *nodes;
	size_t nodes_count, nodes_room;
	struct bp_map node_ids;
	const char **view; /* bp_worlds_view() */
	size_t view_room;
};
struct bp_world_node {
	struct bp_hash hash;
	uint32_t parent, text, length;
};
int bp_worlds_init(struct bp_worlds *worlds) __attribute__((warn_unused_result));
void bp_worlds_deinit(struct bp_worlds *worlds);
int bp_worlds_text(struct bp_worlds *worlds, const char *text, uint32_t *id) __attribute__((warn_unused_result));
/* The text behind an id: borrowed. */
const char *bp_worlds_word(const struct bp_worlds *worlds, uint32_t id);
int bp_worlds_extend(struct bp_worlds *worlds, uint32_t world, uint32_t text, uint32_t *out)
    __attribute__((warn_unused_result));
/* The events of a list, in order: valid until the next call. */
int bp_worlds_view(struct bp_worlds *worlds, uint32_t world, struct bp_world *out) __attribute__((warn_unused_result));
struct bp_hash bp_worlds_hash(const struct bp_worlds *worlds, uint32_t world);

/* A log without what crash states do not depend on: reads, steps and notes. Equal recoveries share one. */
struct bp_plan_op {
	uint64_t sector;
	uint64_t submit, complete;
	uint32_t sectors;
	uint32_t entry; /* index in the log it was made from */
	uint32_t data;  /* WRITE: index of its first content; MARK: id of the text */
	uint16_t medium;
	uint8_t op; /* enum bp_op */
	bool fua;
};
struct bp_plan {
	struct bp_plan_op *ops;
	uint32_t count;
	uint32_t *contents;
	uint32_t end_entry;  /* entries of the log */
	uint32_t during;     /* all its world events, as a list of their own */
	struct bp_hash hash; /* of everything above but the times */
};
/* -EINVAL if the log's media are not those of `layout`. */
int bp_plan_new(const struct bp_log *log, const struct bp_layout *layout, struct bp_worlds *worlds,
		struct bp_plan **out) __attribute__((warn_unused_result));
void bp_plan_free(struct bp_plan *plan);

#endif
