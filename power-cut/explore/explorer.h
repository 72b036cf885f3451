/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_EXPLORE_EXPLORER_H
#define POWER_CUT_EXPLORE_EXPLORER_H

#include "explore/settle.h"
#include "power-cut/explore.h"
#include "state/crash.h"

/* How a recovery ended and what it did to the media. Equal ones share one result. */
struct yp_result {
	struct yp_outcome outcome;
	uint32_t plan;
};

/* A state of the worklist: the cut that leads to it, without an image. Node 0 is the recorded run itself. */
struct yp_node {
	struct yp_cut cut;
	uint32_t parent;
	uint32_t result;
	uint32_t world; /* before */
	uint32_t label; /* id of a text */
	uint16_t depth;
	uint8_t verdict;
};

/* A state that was dropped because its canonical form was known, kept for the audit. */
struct yp_dropped {
	uint64_t draw; /* smaller goes first */
	struct yp_cut cut;
	uint32_t parent, world, like; /* like: the node with that canonical form */
};

struct yp_explorer {
	const struct yp_explore *in;
	struct yp_stats *stats;
	struct yp_limits limits;
	struct yp_image *image;
	struct yp_log *log; /* of a recovery, reused */
	struct yp_worlds worlds;
	struct yp_settle settle;
	struct yp_plan **plans;
	size_t plans_count, plans_room;
	struct yp_map plan_ids;
	struct yp_result *results;
	size_t results_count, results_room;
	struct yp_map result_ids;
	struct yp_node *nodes;
	size_t nodes_count, nodes_room;
	struct yp_map raw;       /* images with their worlds, seen */
	struct yp_map canonical; /* canonical forms, to nodes */
	struct yp_dropped *dropped;
	size_t dropped_count, dropped_room;
	uint64_t dropped_below; /* draws below this are kept */
	uint32_t *path;         /* nodes whose cuts are applied to the image, one undo level each */
	size_t path_count;
	const char **steps;  /* of the recorded log, by entry */
	uint32_t at;         /* node being expanded */
	struct yp_walk walk; /* where in its recovery */
	bool bounded;        /* something was left out */
};

/* Ends an exploration early without an error. */
enum yp_stop { YP_STOP_BOUND = 0x40000001, YP_STOP_FAILURE };

int yp_explorer_init(struct yp_explorer *x, const struct yp_explore *in, struct yp_stats *stats)
    __attribute__((warn_unused_result));
void yp_explorer_deinit(struct yp_explorer *x);
/* Brings the image to a node's state. */
int yp_explorer_go(struct yp_explorer *x, uint32_t node) __attribute__((warn_unused_result));
/* All crash states of the run `plan` from the image as it is; x->walk says where. Undone at the end. */
int yp_explorer_expand(struct yp_explorer *x, const struct yp_plan *plan, uint32_t world, yp_crash_sink *sink,
		       void *ctx) __attribute__((warn_unused_result));
/* Runs the recovery from the image as it is. The log stays in x->log. */
int yp_explorer_recover(struct yp_explorer *x, uint32_t *result) __attribute__((warn_unused_result));
int yp_explorer_canon(struct yp_explorer *x, uint32_t world, struct yp_hash *out) __attribute__((warn_unused_result));
int yp_explorer_judge(struct yp_explorer *x, uint32_t world, uint32_t result, struct yp_outcome *out)
    __attribute__((warn_unused_result));
/* How a run ended, as an id: equal ones share one. */
int yp_explorer_result(struct yp_explorer *x, const struct yp_outcome *outcome, const struct yp_log *log, uint32_t *out)
    __attribute__((warn_unused_result));
int yp_explorer_node(struct yp_explorer *x, const struct yp_node *node) __attribute__((warn_unused_result));
/* Calls on_case for a judged state. 0, YP_STOP_*, or what on_case returned. */
int yp_explorer_report(struct yp_explorer *x, uint32_t parent, const struct yp_cut *cut,
		       const struct yp_outcome *outcome, bool settled) __attribute__((warn_unused_result));
/* Case of the state that `cut` leads to from a node. */
int yp_explorer_case(const struct yp_explorer *x, uint32_t parent, const struct yp_cut *cut, struct yp_case *out)
    __attribute__((warn_unused_result));
/* A draw in [0, 2^64) that depends on the seed and the state only. */
uint64_t yp_explorer_draw(const struct yp_explorer *x, struct yp_hash state, uint64_t what);
void yp_explorer_disagree(struct yp_explorer *x, uint32_t parent, const struct yp_cut *cut, const char *what);
/* Keeps a dropped state for the audit, if it is drawn. */
int yp_explorer_drop(struct yp_explorer *x, const struct yp_cut *cut, struct yp_hash raw, uint32_t like)
    __attribute__((warn_unused_result));
/* Runs the drawn states, and compares each with the first state of its canonical form. */
int yp_explorer_audit(struct yp_explorer *x, bool closed) __attribute__((warn_unused_result));

/* The longest draw that is below a fraction. */
uint64_t yp_draw_limit(double fraction);

#endif
