/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_LISTED_CASES_H
#define SCENARIOS_RIGS_LISTED_CASES_H

#include "rigs/rig.h"

/* Cases that a rig lists beforehand, each with an expectation of its own, run one at a time. */
#define YP_LISTED_CASES_MAX 200000u

struct yp_listing {
	const struct yp_scenario *scenario;
	const struct yp_scenario_rig *rig;
	uint64_t seed;
	void *session; /* the rig's own, borrowed */
	struct yp_listed_case *cases;
	size_t count, room;
	/* of the fault that is being planned */
	unsigned sample;
	uint64_t seen;
};

/* From plan() and more(): one more case; of a sampled fault every Nth is kept, from the seed's on. */
int yp_listing_add(struct yp_listing *listing, const char *id, const char *catalogue, const void *ref)
    __attribute__((warn_unused_result));
/* Finds the step in an id of the form ...".S06"...; "" if there is none: for find_step(). */
void yp_listed_step(const char *id, char out[YP_STEP_TEXT]);
/* Lists the scenario's cases and runs them into run->cases, as explore() does. Same returns. */
int yp_listing_run(const struct yp_scenario *scenario, const struct yp_scenario_rig *rig, void *session,
		   struct yp_rig_run *run, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* One case again, from its id. Returns as replay(). */
int yp_listing_replay(const struct yp_scenario_rig *rig, void *session, const struct yp_id *id, struct yp_outcome *out,
		      char *story, size_t story_bytes) __attribute__((warn_unused_result));

#endif
