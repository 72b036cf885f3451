/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_RIG_H
#define SCENARIOS_RIGS_RIG_H

#include "results/case-lines.h"
#include "results/results.h"

/*
 * A rig: the thing that a scenario runs on. It is one struct of functions and data, in rigs/rig-NAME.c, and one line of
 * the table in rigs/rigs.c. Every difference between rigs is a member here: no other code tests which rig it is.
 *
 * A rig is of one of two kinds:
 *   it explores        it records the scenario's story once, without a fault, and explores and injects faults from
 *                      there; it has explore() and replay()
 *   it lists cases     each case is known beforehand and brings its own expectation; it has plan(), find() and run(),
 *                      and rigs/listed-cases.c does the rest
 *
 * (struct yp_rig of power-cut is another thing: what the explorer must know of a device to recover and judge one
 * state.)
 */
#define YP_FINDINGS_MAX 64u
#define YP_STORY_BYTES  16384u
#define YP_FAULT_TEXT   32u /* name of a fault in results */
#define YP_STEP_TEXT    4u

/* The purpose for which a rig is opened. */
enum yp_rig_use {
	YP_RIG_FRESH,  /* a run; what was kept of an earlier one is put aside */
	YP_RIG_RESUME, /* a run that goes on with what is kept */
	YP_RIG_REPLAY  /* cases of a run that was */
};

struct yp_rig_setup {
	const struct yp_scenario *scenario;
	uint64_t seed;
	enum yp_rig_use use;
	const char *dir;    /* the results' folder: what a rig keeps is there. NULL: none is named */
	const char *images; /* folder of the machine's images (--board); NULL: none is named */
};

struct yp_execute_options {
	uint64_t seed;
	uint64_t states_max;  /* 0: as the scenario says */
	uint64_t seconds_max; /* of machines running, where the rig has any; 0: as the scenario says */
	bool stop_at_first_failure;
	uint64_t cases_after_failure; /* an exploration ends after so many more cases; 0: it goes on to its end */
	bool no_lint;                 /* findings are in the log line only */
	const char *board;            /* as struct yp_rig_setup: images */
	int fd;                       /* results.jsonl, or -1 */
	const char *dir;              /* as struct yp_rig_setup */
	bool resume;                  /* go on from what is kept there */
	void (*on_progress)(void *ctx, const struct yp_stats *stats, uint64_t frontier);
	/* The first case of the scenario that fails, as it is found; not for one that is expected to fail. May be NULL. */
	void (*on_failure)(void *ctx, const struct yp_case_line *line);
	void *progress_ctx; /* of both */
};

/* One scenario that runs: where its cases go. */
struct yp_rig_run {
	const struct yp_execute_options *options;
	struct yp_cases *cases;
	struct yp_result *out;
	bool failed;    /* a case did */
	bool broken;    /* one that is no finding did */
	uint64_t after; /* cases since then */
};
/* add-case.c. Adds a case; failed says so. 0 or -errno. */
int yp_rig_run_add(struct yp_rig_run *run, const struct yp_case_line *line) __attribute__((warn_unused_result));
/* A case failed, and the run is to end at the first that does. */
bool yp_rig_run_ends(const struct yp_rig_run *run);
/* An exploration has had its cases after the first failure: a defect can make the states too many to end. Never for a
 * scenario that is expected to fail. */
bool yp_rig_run_spent(const struct yp_rig_run *run);

/* How a case is replayed. Only a rig that shows its machine takes more than the default. */
struct yp_replay_options {
	bool console;         /* boot it with the console on stdout */
	bool gdb;             /* the machine waits for gdb */
	bool before;          /* the media just before the cut: all that was written is there */
	const char *disk_out; /* write the media there, and do not boot */
};

/* The recorded story, borrowed from the session. */
struct yp_rig_story {
	const struct yp_log *log;
	const struct yp_finding *findings; /* of the lint */
	size_t finding_count;
};

/* A case of a rig that lists its cases. */
struct yp_listed_case {
	char id[YP_ID_LISTED_MAX]; /* as the rig calls it */
	char catalogue[64];        /* ids of the catalogue, blanks between */
	const void *ref;           /* the rig's own */
};

struct yp_listed_result {
	struct yp_outcome outcome;
	bool landed;
	char reason[32];    /* that the subject gave, "" for none */
	char expected[80];  /* "" where the rig does not say */
	char landing[96];   /* where the fault happened */
	char catalogue[64]; /* of the case */
	uint64_t bytes;     /* fetched with the fault */
	uint64_t bytes_honest;
	bool head_flip;  /* a single bit of header, manifest, index or signature ... */
	bool unwritten;  /* ... and not one byte was written to the target slot */
	char cuts[4096]; /* of a board: a JSON list of the power cuts, as RESULTS.md says; "" for none */
	unsigned cut_count;
};

struct yp_listing;
struct yp_scenario_rig {
	struct yp_rig_terms terms; /* name, and what a scenario file may say of it. First: yp_rig_of() counts on it */
	const char *sentence;      /* what runs on what, for --help and reports */

	/*
	 * Why this scenario cannot run here, now: it is skipped then, with *why. false: it can. NULL: it always can.
	 * images: as struct yp_rig_setup.
	 */
	bool (*absent)(const struct yp_scenario *scenario, const char *images, char *why, size_t why_bytes);
	/*
	 * Makes what cases run on; close() is called only after 0. 0; -errno; 1 = to replay: what was kept of the run
	 * is not there. *detail says what failed unless it is empty.
	 */
	int (*open)(const struct yp_rig_setup *setup, void **session, char *detail, size_t detail_bytes);
	void (*close)(void *session);

	/* ---- a rig that explores; NULL: it lists its cases ---- */
	/*
	 * Records the story, runs all faults of the scenario into run->cases, and ends those (yp_cases_end()). 0 or
	 * -errno, with *detail if there is more to say than that.
	 */
	int (*explore)(void *session, struct yp_rig_run *run, char *detail, size_t detail_bytes);
	/* One case again; story: what happened, in lines. 0, -errno, or 1 = the id does not fit this scenario. */
	int (*replay)(void *session, const struct yp_id *id, const struct yp_replay_options *how,
		      struct yp_outcome *out, char *story, size_t story_bytes);
	/*
	 * A failing case in one sentence; *smaller: the id of the shrunk case (YP_ID_MAX bytes). Returns as replay().
	 * NULL: a case is as small as it gets, and its story is the sentence.
	 */
	int (*explain)(void *session, const struct yp_id *id, char *smaller, char *sentence, size_t sentence_bytes);
	/* The story as it was recorded when the session was opened. NULL: it is not recorded then. */
	void (*story)(void *session, struct yp_rig_story *out);
	/* One fault of the story, and how many places there are for it. NULL, both: no fault can be chosen at random.
	 */
	int (*run_fault)(void *session, const struct yp_sim_fault *fault, bool *landed, struct yp_outcome *out);
	uint64_t (*fault_points)(void *session, enum yp_sim_fault_kind kind);
	/* Is there more to run after this result, from what is kept? NULL: never, nothing is kept. */
	bool (*unfinished)(const struct yp_result *result);
	/*
	 * Judges and sorts the crash states of a write log from elsewhere, without a run; `like` (or NULL): it must
	 * have the same classes. Exit status, with what is wrong on stderr. NULL: this rig cannot.
	 */
	int (*judge_log)(const struct yp_scenario *scenario, const char *images, const char *path, const char *like);
	bool shows_machine; /* replay() takes all of struct yp_replay_options */
	/*
	 * Files of the images' folder that a planted defect is built into, before its scenario can run; ends with NULL.
	 * NULL: the program alone has the defect.
	 */
	const char *const *mutant_images;
	/* Names and arguments, by turns, of what makes states equal here; ends with NULL. NULL: nothing does. */
	const char *const *(*equivalences)(void);

	/* ---- a rig that lists its cases; NULL: it explores ---- */
	/* Calls yp_listing_add() for each case of a fault. 0 or -errno. */
	int (*plan)(void *session, const struct yp_fault *fault, uint64_t seed, struct yp_listing *listing);
	/* Fills *out for an id. 0, -errno, 1 = there is none. */
	int (*find)(void *session, const char *id, struct yp_listed_case *out);
	/*
	 * Called when all listed cases have run. Lists more with yp_listing_add(), depending on their results, or
	 * nothing: then the run is complete. 0 or -errno. NULL: there are never more.
	 */
	int (*more)(void *session, struct yp_listing *listing);
	/* 0 or -errno, when the rig itself failed. */
	int (*run)(void *session, const struct yp_listed_case *c, struct yp_listed_result *out);
	/* The name of a case's fault in results, and the step that its id names ("" if none). */
	void (*name_fault)(const char *id, char out[YP_FAULT_TEXT]);
	void (*find_step)(const char *id, char out[YP_STEP_TEXT]);
	bool image_ids; /* ids begin with "image:" (case-text.h) */

	/* Removes what killed processes left outside their own memory. NULL: they leave nothing. */
	void (*sweep)(void);
};

/* One for each file rig-NAME.c, and listed in rigs.c. */
extern const struct yp_scenario_rig yp_rig_sim;
extern const struct yp_scenario_rig yp_rig_images;
extern const struct yp_scenario_rig yp_rig_network;
extern const struct yp_scenario_rig yp_rig_qemu;
extern const struct yp_scenario_rig yp_rig_board;

/* Of faults `network`: names of struct yp_fault's network, by index; ends with NULL. */
extern const char *const yp_network_names[];

/* ---- rigs.c: the table ---- */

/* By index from 0; NULL behind the last. */
const struct yp_scenario_rig *yp_rig_at(size_t index);
const struct yp_rig_terms *yp_rig_terms_at(size_t index);
/* By name; NULL: there is none. */
const struct yp_scenario_rig *yp_rig_find(const char *name);
/* The rig of a scenario that was read with yp_rig_terms_at(). Never NULL. */
const struct yp_scenario_rig *yp_rig_of(const struct yp_scenario *scenario);
/* All rigs' sweep(). */
void yp_rigs_sweep(void);

/* ---- execute.c ---- */

/* Runs the scenario; its `scenario` line is written too. 0, or -errno if the results could not be written. */
int yp_execute(const struct yp_scenario *scenario, const struct yp_execute_options *options, struct yp_result *out)
    __attribute__((warn_unused_result));

/* A scenario on its rig, to replay cases. */
struct yp_rig_session {
	const struct yp_scenario_rig *rig;
	struct yp_rig_setup setup;
	void *session; /* the rig's own */
};
/* Returns as open(); yp_rig_session_deinit() in any case. */
int yp_rig_session_init(struct yp_rig_session *session, const struct yp_rig_setup *setup, char *detail,
			size_t detail_bytes) __attribute__((warn_unused_result));
void yp_rig_session_deinit(struct yp_rig_session *session);
/* Replays one case, on either kind of rig. Returns as replay(). */
int yp_rig_session_replay(struct yp_rig_session *session, const struct yp_id *id, const struct yp_replay_options *how,
			  struct yp_outcome *out, char *story, size_t story_bytes) __attribute__((warn_unused_result));

/* ---- findings.c: findings of the lint, on any rig that records ---- */

/* Drops findings of no-read-back that concern only an updater's own data behind the images of its slots. 0 or -ENOMEM.
 */
int yp_findings_drop_notes(const struct yp_log *log, const struct yp_lint_roles *roles, uint64_t image_sectors,
			   struct yp_finding *findings, size_t *count) __attribute__((warn_unused_result));
/* Replays a finding; PASS if there is none there. 0, or 1 = no such rule or entry. */
int yp_findings_replay(const struct yp_log *log, const struct yp_finding *findings, size_t count,
		       const struct yp_id *id, struct yp_outcome *out, char *story, size_t story_bytes)
    __attribute__((warn_unused_result));

#endif
