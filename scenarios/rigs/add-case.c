/* SPDX-License-Identifier: Apache-2.0 */
/* Adds a finished case, for every rig. */
#include "rigs/rig.h"

int yp_rig_run_add(struct yp_rig_run *run, const struct yp_case_line *line)
{
	run->failed = run->failed || line->verdict == YP_FAIL;
	return yp_cases_add(run->cases, line);
}

bool yp_rig_run_ends(const struct yp_rig_run *run)
{
	return run->failed && run->options->stop_at_first_failure;
}
