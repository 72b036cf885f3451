/* SPDX-License-Identifier: Apache-2.0 */
/* Adds a finished case, for every rig; reports the first failure at once, and says when a run has failed enough. */
#include "rigs/rig.h"

int yp_rig_run_add(struct yp_rig_run *run, const struct yp_case_line *line)
{
	bool fails = line->verdict == YP_FAIL;
	bool first = fails && !line->finding && !run->broken;
	run->after += run->broken;
	run->failed = run->failed || fails;
	run->broken = run->broken || first;
	if (first && !run->out->beyond && run->options->on_failure)
		run->options->on_failure(run->options->progress_ctx, line);
	return yp_cases_add(run->cases, line);
}

bool yp_rig_run_ends(const struct yp_rig_run *run)
{
	return run->failed && run->options->stop_at_first_failure;
}

bool yp_rig_run_spent(const struct yp_rig_run *run)
{
	uint64_t limit = run->options->cases_after_failure;
	return limit != 0 && run->after >= limit && !run->out->beyond;
}
