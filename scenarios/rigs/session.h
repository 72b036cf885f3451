/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_SESSION_H
#define SCENARIOS_RIGS_SESSION_H

#include "results/results.h"

/* A scenario on its rig, its story recorded: what running, replaying and explaining share. */
#define YP_FINDINGS_MAX 64u
#define YP_STORY_BYTES  16384u

struct yp_session {
	const struct yp_scenario *scenario;
	uint64_t seed;
	struct yp_sim *sim;
	struct yp_log *log;
	struct yp_outcome story; /* of the recorded run, without a fault */
	struct yp_finding findings[YP_FINDINGS_MAX];
	size_t finding_count;
	struct yp_explore explore; /* rig, base, log and limits are set */
};

/* 0 or -errno; *detail says what failed. yp_session_deinit() in any case. */
int yp_session_init(struct yp_session *session, const struct yp_scenario *scenario, uint64_t seed, char *detail,
		    size_t detail_bytes) __attribute__((warn_unused_result));
void yp_session_deinit(struct yp_session *session);

/* Drops findings of no-read-back that are only about what an updater keeps behind the images of its slots. 0 or -ENOMEM. */
int yp_findings_drop_notes(const struct yp_log *log, const struct yp_lint_roles *roles, uint64_t image_sectors,
			   struct yp_finding *findings, size_t *count) __attribute__((warn_unused_result));

/* A finding told again; PASS if there is none there. 0, or 1 = no such rule or entry. */
int yp_findings_replay(const struct yp_log *log, const struct yp_finding *findings, size_t count,
		       const struct yp_id *id, struct yp_outcome *out, char *story, size_t story_bytes)
    __attribute__((warn_unused_result));

/* The entry of the recorded run that a fault hits, -1 if that cannot be said; its step in *step. */
long yp_session_fault_entry(const struct yp_session *session, const struct yp_sim_fault *fault, const char **step);

/* One case again. story: what happened, in lines. 0, -errno, or 1 = the id does not fit this scenario. */
int yp_session_replay(struct yp_session *session, const struct yp_id *id, struct yp_outcome *out, char *story,
		      size_t story_bytes) __attribute__((warn_unused_result));
/* A failing case in one sentence; *smaller: the id of the shrunk case (YP_ID_MAX bytes). Same returns. */
int yp_session_explain(struct yp_session *session, const struct yp_id *id, char *smaller, char *sentence,
		       size_t sentence_bytes) __attribute__((warn_unused_result));

struct yp_execute_options {
	uint64_t seed;
	uint64_t states_max;  /* 0: as the scenario says */
	uint64_t seconds_max; /* rig qemu, with machines running; 0: as the scenario says */
	bool stop_at_first_failure;
	bool no_lint;      /* findings are in the log line only */
	const char *board; /* rig qemu: folder of its images; NULL: build/qemu, or the mutant's */
	int fd;            /* results.jsonl, or -1 */
	const char *dir;   /* the results' folder: what a rig keeps goes there as well; NULL: nowhere */
	bool resume;       /* go on from what is kept there */
	void (*on_progress)(void *ctx, const struct yp_stats *stats, uint64_t frontier);
	void *progress_ctx;
};
/* Runs the scenario; its `scenario` line is written too. 0, or -errno if the results could not be written. */
int yp_execute(const struct yp_scenario *scenario, const struct yp_execute_options *options, struct yp_result *out)
    __attribute__((warn_unused_result));

#endif
