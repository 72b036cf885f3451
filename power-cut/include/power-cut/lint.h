/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LINT_H
#define POWER_CUT_LINT_H

#include "power-cut/roles.h"

/*
 * The state-free check of a write log: milliseconds, no states.
 *   running-slot      a write to the slot that runs
 *   flip-unflushed    a write to the boot environment while a slot has unflushed writes
 *   both-copies       both environment copies written in one epoch
 *   no-read-back      a slot was written and armed without being read back in between; reported at
 *                     the mark for "arm", if there is one
 *   wrong-flush       a flush of a medium without unflushed writes while another has some and is flushed too late
 *   write-in-idle     writes although there was no update: the marks mean "fetch", and no other phase
 * roles->marks gives the meaning of marks. A rule that needs marks reports nothing without them.
 */
struct yp_finding {
	char rule[24];
	size_t entry;
	char text[160];
};
/* Writes up to max findings, in the order of the log; *count says how many there are in all. 0 or -errno. */
int yp_lint(const struct yp_log *log, const struct yp_lint_roles *roles, struct yp_finding *out, size_t max,
	    size_t *count) __attribute__((warn_unused_result));

/* Is that the name of a rule above? */
bool yp_lint_rule(const char *name);

#endif
