/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SRC_EXPLORER_H
#define POWER_CUT_SRC_EXPLORER_H

#include "crash.h"
#include "settle.h"

/* How a recovery ended and what it did to the media. Equal ones share one result. */
struct bp_result {
	struct bp_outcome outcome;
	uint32_t plan;
};

/* A state of the worklist: no image, but how to get there. Node 0 is the recorded run itself. */
struct bp_node {
	struct bp_cut cut;
	uint32_t parent;
	uint32_t result;
	uint32_t world; /* before */
	uint32_t label; /* id of a text */
	uint16_t depth;
	uint8_t verdict;
};

/* A state that was dropped because its canonical form was known, kept for the audit. */
struct bp_dropped {
	uint64_t draw; /* smaller goes first */
	struct bp_cut cut;
	uint32_t parent, world, like; /* like: the node with that canonical form */
};

struct bp_explorer {
	const struct bp_explore *in;
	struct bp_stats *stats;
	struct bp_limits limits;
	struct bp_image *image;
	struct bp_log *log; /* of a recovery, reused */
	struct bp_worlds worlds;
	struct bp_settle settle;
	struct bp_plan **plans;
	size_t plans_count, plans_room;
	struct bp_map plan_ids;
	struct bp_result *results;
	size_t results_count, results_room;
	struct bp_map result_ids;
	struct bp_node *nodes;
	size_t nodes_count, nodes_room;
	struct bp_map raw;       /* images with their worlds, seen */
	struct bp_map canonical; /* canonical forms, to nodes */
	struct bp_dropped *dropped;
	size_t dropped_count, dropped_room;
	uint64_t dropped_below; /* draws below this are kept */
	uint32_t *path;         /* nodes whose cuts are applied to the image, one undo level each */
	size_t path_count;
	const char **steps;  /* of the recorded log, by entry */
	uint32_t at;         /* node being expanded */
	struct bp_walk walk; /* where in its recovery */
	bool bounded;        /* something was left out */
};

/* Ends an exploration early without an error. */
enum bp_stop { BP_STOP_BOUND = 0x40000001, BP_STOP_FAILURE };

int bp_explorer_init(struct bp_explorer *x, const struct bp_explore *in, struct bp_stats *stats)
    __attribute__((warn_unused_result));
void bp_explorer_deinit(struct bp_explorer *x);
/* Brings the image to a node's state. */
int bp_explorer_go(struct bp_explorer *x, uint32_t node) __attribute__((warn_unused_result));
/* All crash states of the run `plan` from the image as it is; x->walk says where. Undone at the end. */
int bp_explorer_expand(struct bp_explorer *x, const struct bp_plan *plan, uint32_t world, bp_crash_sink *sink,
		       void *ctx) __attribute__((warn_unused_result));
/* Runs the recovery from the image as it is. The log stays in x->log. */
int bp_explorer_recover(struct bp_explorer *x, uint32_t *result) __attribute__((warn_unused_result));
int bp_explorer_canon(struct bp_explorer *x, uint32_t world, struct bp_hash *out) __attribute__((warn_unused_result));
int bp_explorer_judge(struct bp_explorer *x, uint32_t world, uint32_t result, struct bp_outcome *out)
    __attribute__((warn_unused_result));
/* How a run ended, as an id: equal ones share one. */
int bp_explorer_result(struct bp_explorer *x, const struct bp_outcome *outcome, const struct bp_log *log, uint32_t *out)
    __attribute__((warn_unused_result));
int bp_explorer_node(struct bp_explorer *x, const struct bp_node *node) __attribute__((warn_unused_result));
/* Tells the world about a judged state: 0, BP_STOP_*, or what it answered. */
int bp_explorer_report(struct bp_explorer *x, uint32_t parent, const struct bp_cut *cut,
		       const struct bp_outcome *outcome, bool settled) __attribute__((warn_unused_result));
/* Case of the state that `cut` leads to from a node. */
int bp_explorer_case(const struct bp_explorer *x, uint32_t parent, const struct bp_cut *cut, struct bp_case *out)
    __attribute__((warn_unused_result));
/* A draw in [0, 2^64) that depends on the seed and the state only. */
uint64_t bp_explorer_draw(const struct bp_explorer *x, struct bp_hash state, uint64_t what);
void bp_explorer_disagree(struct bp_explorer *x, uint32_t parent, const struct bp_cut *cut, const char *what);
/* Keeps a dropped state for the audit, if it is drawn. */
int bp_explorer_drop(struct bp_explorer *x, const struct bp_cut *cut, struct bp_hash raw, uint32_t like)
    __attribute__((warn_unused_result));
/* Runs the dropped states that were drawn and compares each with the one it was taken for. */
int bp_explorer_audit(struct bp_explorer *x, bool closed) __attribute__((warn_unused_result));

/* The longest draw that is below a fraction. */
uint64_t bp_draw_limit(double fraction);

#endif
