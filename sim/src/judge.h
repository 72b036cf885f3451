/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "sim/sim.h"

/* What the server's view says, for any rig whose reports are texts of "report:<id>:<event>:<version>:<reason>". */

/* The first failure stays. */
void sim_outcome_fail(struct bp_outcome *out, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The reason of the last report but success, "" for none. out: 32 bytes. */
void sim_judge_told(const struct bp_world *world, char *out);
bool sim_judge_saw_success(const struct bp_world *world, const char *version);
/* What happened to a run besides the story itself. */
enum sim_disturbance { SIM_UNDISTURBED, SIM_BY_FAULT, SIM_BY_CUTS };
/* What must hold at the end of a run, given what the outside saw; out->label says what runs. Undisturbed: the
 * expectation is exact. Of the spec only the story counts: reports, lies, limit. */
void sim_judge_end(const struct sim_spec *spec, const struct sim_expect *expect, const struct bp_world *before,
		   const struct bp_world *during, enum sim_disturbance by, struct bp_outcome *out);

#endif
