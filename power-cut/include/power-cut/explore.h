/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_EXPLORE_H
#define POWER_CUT_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/cut.h"
#include "power-cut/image.h"
#include "power-cut/log.h"
#include "power-cut/outcome.h"

/*
 * The explorer: from the log of one run, every crash state (cut.h); from every crash state, the
 * recovery; from every recovery's log, every crash state again; until nothing new appears.
 */

/*
 * What the explorer needs of a rig and its oracles. All are deterministic. 0 or -errno.
 *
 * recover  runs the device from `start` until it is idle (cuts have stopped), recording everything,
 *          reads included, into log (empty on entry); *out says how it ended by this run alone. Does not change start.
 * canon    hash of the state's canonical form: equal for states that behave alike. May be NULL: the image's own hash.
 * judge    the oracle for one state: called for every state with a canonical form of its own, settled or run, with the
 *          state's own media (before recovery), the world's events before the cut, the outcome of the recovery and the
 *          world's events during it.
 * inspect  the part of judge that needs media and past alone, for the *other* distinct states, whose canonical form is
 *          known: so the bytes that the form leaves out are judged too. *out holds that form's outcome; a worse verdict
 *          makes a case of its own. May be NULL: then only canonical forms are judged.
 */
struct yp_rig {
	void *ctx;
	int (*recover)(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out);
	int (*canon)(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out);
	int (*judge)(void *ctx, const struct yp_image *state, const struct yp_world *before,
		     const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out);
	int (*inspect)(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_outcome *out);
};

struct yp_stats {
	uint64_t enumerated; /* crash states generated */
	uint64_t distinct;   /* different images (with their world) */
	uint64_t canonical;  /* different canonical forms: judged; the other distinct states are inspected */
	uint64_t run;        /* recoveries executed */
	uint64_t settled;    /* by read set, without running */
	uint64_t audited;    /* settled and run all the same */
	uint64_t disagreed;  /* of those: any is a FAIL of the campaign */
	uint64_t failed;
	uint64_t sampled; /* cuts whose pending writes were too many for all subsets */
	/* of rounds */
	uint64_t settled_firm; /* distinct states whose bootloader's part is settled by what it read */
	uint64_t unrun;        /* classes that the budget did not reach */
	uint64_t boots;        /* of all runs */
	unsigned depth;        /* most cuts in a row on a shortest path */
	bool closed;
	uint64_t digest;        /* over all ids and verdicts: same seed, same digest */
	char disagreement[200]; /* the first one, as a clause; "" without */
};

/* Called once for each judged state, in a fixed order; id is the case's text. Non-zero stops the exploration, which
 * forwards it. */
typedef int yp_case_sink(void *ctx, const char *id, const struct yp_case *c, const char *step,
			 const struct yp_outcome *outcome, bool settled);
typedef void yp_progress_sink(void *ctx, const struct yp_stats *stats, uint64_t frontier);

struct yp_explore {
	const struct yp_rig *rig;
	const struct yp_image *base; /* media before the recorded run */
	const struct yp_log *log;    /* the recorded run */
	struct yp_limits limits;
	yp_case_sink *on_case;
	void *case_ctx;
	yp_progress_sink *on_progress;
	void *progress_ctx;
	bool stop_at_first_failure;
};
int yp_explore_run(const struct yp_explore *explore, struct yp_stats *stats) __attribute__((warn_unused_result));

/*
 * The same for a recovery that is slow and not quite repeatable, such as a real machine's: in rounds. Each round
 * enumerates the crash states of all runs of the round before (at first: of the recorded one), inspects every distinct
 * one, and sorts them into classes by canonical form. Then each new class is run `class_runs` times, from different
 * members drawn by the seed, or from the same again where there are fewer. All runs of a class must end alike. A round
 * without a new class is closure.
 *
 * There are two kinds of settling. By class: a state that was not run, of a class that was. By read set: only the
 * bootloader's part of a run, up to the kernel, is a function of what it read; stats.settled_firm counts distinct
 * states that agree with a run on every sector that this part read.
 *
 * recover  runs the jobs, in any order, several at a time if it can. A job that it has no budget for keeps its log
 *          NULL: the exploration is bounded then. 0 or -errno.
 * on_case  (of struct yp_explore) is called for failures as they are found, and in the end for every distinct state:
 *          settled says "by class", the label is its class's; "not run" where the budget did not reach its class.
 * on_class is called after that, once for each class in the order in which they were met. Non-zero is forwarded. May be
 * NULL.
 */
struct yp_job {
	struct yp_case c;          /* the crash state; its last cut is against the log of the run before it */
	unsigned again;            /* 0; 1, 2 ...: the same state once more */
	struct yp_log *log;        /* out: yp_log_free() is the explorer's */
	size_t firm;               /* out: its first entries that are the bootloader's */
	struct yp_outcome outcome; /* out */
};
/* The outcome of a class. */
struct yp_class_end {
	struct yp_hash key; /* its canonical form */
	uint64_t states;    /* distinct, without those that were broken as they lay there */
	unsigned cuts;      /* in a row, before the first of them */
	unsigned runs;      /* of its members, the same again included */
	const char *label;  /* how the first ended; "" of none */
	enum yp_verdict verdict;
};
#define YP_CLASS_RUNS_MAX 8u
struct yp_rounds {
	unsigned class_runs; /* 1 to YP_CLASS_RUNS_MAX */
	void *ctx;
	int (*recover)(void *ctx, struct yp_job *jobs, size_t count);
	int (*on_class)(void *class_ctx, const struct yp_class_end *end);
	void *class_ctx;
};
int yp_explore_rounds(const struct yp_explore *explore, const struct yp_rounds *rounds, struct yp_stats *stats)
    __attribute__((warn_unused_result));

/* Rebuilds the crash state of a case, cut by cut (running recoveries in between). *state: yp_image_free(). world events
 * are borrowed from *log_out's. */
int yp_explore_replay(const struct yp_explore *explore, const struct yp_case *c, struct yp_image **state,
		      struct yp_outcome *outcome, char *story, size_t story_bytes) __attribute__((warn_unused_result));
/* Shrinks a failing case to the fewest cuts and omitted writes that still fail with the same invariant; -EINVAL if it
 * does not fail. `sentence` describes it, with step ids, offsets and sizes. */
int yp_explore_shrink(const struct yp_explore *explore, const struct yp_case *failing, struct yp_case *out,
		      char *sentence, size_t sentence_bytes) __attribute__((warn_unused_result));

#endif
