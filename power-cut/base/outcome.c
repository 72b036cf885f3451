/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants, and the one function that records a broken one. */
#include "power-cut/outcome.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct yp_invariant_row rows[YP_INVARIANTS] = {
    [YP_I_NONE] = {"", "none", ""},
    [YP_I1] = {"I1", "bootable", "a slot runs within a bounded number of boots, with no operator"},
    [YP_I2] = {"I2", "atomic",
	       "kernel, device tree, root filesystem and manifest are all of the old version or all of the new one"},
    [YP_I3] = {"I3", "authentic", "nothing unverified can ever be booted"},
    [YP_I4] = {"I4", "no downgrade", "no version below the version floor runs"},
    [YP_I5] = {"I5", "truthful",
	       "what is reported, printed or returned as exit status is what happened, with the right reason, once"},
    [YP_I6] = {"I6", "retryable", "without the fault the same good update succeeds, with no operator"},
    [YP_I7] = {"I7", "bounded", "time, boots, memory, bytes fetched and bytes written are bounded"},
    [YP_I8] = {"I8", "data kept", "user data is intact"},
    [YP_I9] = {"I9", "recorded", "a record of the cause survives"},
    [YP_I10] = {"I10", "convergent", "all of this also holds when recovery is cut again, any number of times"},
    [YP_I11] = {"I11", "durable", "once committed, the old version never comes back by itself"},
};

const struct yp_invariant_row *yp_invariant_row(enum yp_invariant invariant)
{
	assert((unsigned)invariant < YP_INVARIANTS);
	return &rows[invariant];
}

const char *yp_invariant_id(enum yp_invariant invariant)
{
	return yp_invariant_row(invariant)->id;
}

enum yp_invariant yp_invariant_find(const char *id)
{
	for (unsigned i = YP_I_NONE + 1; i < YP_INVARIANTS; i++) {
		if (strcmp(rows[i].id, id) == 0)
			return (enum yp_invariant)i;
	}
	return YP_I_NONE;
}

void yp_outcome_vfail(struct yp_outcome *outcome, enum yp_invariant invariant, const char *format, va_list args)
{
	assert(invariant != YP_I_NONE);
	if (outcome->verdict == YP_FAIL)
		return;
	outcome->verdict = YP_FAIL;
	outcome->invariant = invariant;
	(void)vsnprintf(outcome->text, sizeof outcome->text, format, args);
}

void yp_outcome_fail(struct yp_outcome *outcome, enum yp_invariant invariant, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	yp_outcome_vfail(outcome, invariant, format, args);
	va_end(args);
}
