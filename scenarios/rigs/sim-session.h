/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_SIM_SESSION_H
#define SCENARIOS_RIGS_SIM_SESSION_H

#include "rigs/rig.h"

/* A scenario on the simulated device, its story recorded: what running, replaying and explaining share. */
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

/* The entry of the recorded run that a fault hits, -1 if that cannot be said; its step in *step. */
long yp_session_fault_entry(const struct yp_session *session, const struct yp_sim_fault *fault, const char **step);

/* One case again. story: what happened, in lines. 0, -errno, or 1 = the id does not fit this scenario. */
int yp_session_replay(struct yp_session *session, const struct yp_id *id, struct yp_outcome *out, char *story,
		      size_t story_bytes) __attribute__((warn_unused_result));
/* A failing case in one sentence; *smaller: the id of the shrunk case (YP_ID_MAX bytes). Same returns. */
int yp_session_explain(struct yp_session *session, const struct yp_id *id, char *smaller, char *sentence,
		       size_t sentence_bytes) __attribute__((warn_unused_result));

#endif
