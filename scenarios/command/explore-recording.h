/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_COMMAND_EXPLORE_RECORDING_H
#define SCENARIOS_COMMAND_EXPLORE_RECORDING_H

#include "host/command-rig.h"
#include "rigs/rig.h"

/* The verb explore: a recording, the condition for its crash states, and the limits. */
#define YP_TOLD_MAX 64u
struct yp_explore_request {
	const char *log;   /* a folder of 'yankproof record', or a write log */
	const char *media; /* of a write log; else NULL */
	const char *models, *check, *recover;
	const char *after;      /* MARK=LABEL, or NULL */
	char told[YP_TOLD_MAX]; /* its MARK ... */
	const char *told_label; /* ... and its LABEL */
	const char *like;       /* one case */
	const char *save;       /* with like: a folder for the media of that state */
	const char *out;        /* a folder for results, or NULL */
	struct yp_limits limits;
	unsigned command_seconds;
	uint64_t limit_seconds; /* 0: none */
	uint64_t failures_more; /* after the first one ... */
	uint64_t seconds_more;  /* ... and no longer than this */
};

/* All that an exploration stands on. */
struct yp_recorded {
	const struct yp_explore_request *request;
	struct yp_scenario scenario; /* for results: named after the recording */
	struct yp_host_media media;
	struct yp_host_room room;
	struct yp_command_rig rig;
	struct yp_rig face;
	struct yp_image *base;
	struct yp_log *log;
	enum yp_phase *phases; /* by entry of the log */
	struct yp_finding findings[YP_FINDINGS_MAX];
	size_t finding_count;
	struct yp_explore explore;
};

/* Reads the recording and makes the room. 0, or an exit status with the error said; close in any case. */
int yp_recorded_open(struct yp_recorded *recorded, const struct yp_explore_request *request)
    __attribute__((warn_unused_result));
void yp_recorded_close(struct yp_recorded *recorded);
/* Says why a run gave up; returns the exit status. */
int yp_recorded_error(const struct yp_recorded *recorded, int result);
/* The step of a cut before an entry: a mark's text, else the phase from roles and order. */
const char *yp_recorded_step(const struct yp_recorded *recorded, const char *marked, uint32_t entry);
/* The command that runs one case again, into a buffer; for a shell. */
void yp_recorded_replay(const struct yp_recorded *recorded, const char *id, char *out, size_t out_bytes);

/* Each returns the exit status. */
int yp_explore_all(struct yp_recorded *recorded);
int yp_explore_one(struct yp_recorded *recorded);

#endif
