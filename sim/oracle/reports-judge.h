/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ORACLE_REPORTS_JUDGE_H
#define SIM_ORACLE_REPORTS_JUDGE_H

#include "power-cut/explore.h"
#include "sim/story.h"

/* Judges the reports of a run, for any rig whose reports are texts of "report:<id>:<event>:<version>:<reason>". */

/* The reason of the last report but success, "" for none. out: 32 bytes. */
void yp_oracle_judge_told(const struct yp_world *world, char *out);
bool yp_oracle_saw_success(const struct yp_world *world, const char *version);
/* What happened to a run besides the story itself. */
enum yp_oracle_disturbance { YP_ORACLE_UNDISTURBED, YP_ORACLE_BY_FAULT, YP_ORACLE_BY_CUTS };
/* Checks what must hold at the end of a run, given its reports; out->label is the running version. Undisturbed: the
 * expectation is exact. Of the spec only the story counts: reports, lies, limit. */
void yp_oracle_judge_end(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect,
			 const struct yp_world *before, const struct yp_world *during, enum yp_oracle_disturbance by,
			 struct yp_outcome *out);

#endif
