/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LINT_H
#define POWER_CUT_LINT_H

#include "power-cut/log.h"

/*
 * The state-free check of a write log: milliseconds, no states.
 *   running-slot      a write to the slot that runs
 *   flip-unflushed    a write to the boot environment while a slot has unflushed writes
 *   both-copies       both environment copies written in one epoch
 *   no-read-back      a slot was written and armed without being read back in between
 *   wrong-flush       a flush of a medium without unflushed writes while another has some and is flushed too late
 *   write-in-idle     writes although nothing was to do
 */
enum yp_role { YP_ROLE_OTHER, YP_ROLE_SLOT, YP_ROLE_ENV, YP_ROLE_STATE, YP_ROLE_DATA };
struct yp_lint_roles {
	enum yp_role role[YP_MEDIA_MAX];
	char slot[YP_MEDIA_MAX][16];        /* bootname for YP_ROLE_SLOT */
	char running[16];                   /* bootname of the slot that runs during the log */
	uint64_t env_first[2], env_sectors; /* of the two copies on the YP_ROLE_ENV medium */
};
struct yp_finding {
	char rule[24];
	size_t entry;
	char text[160];
};
/* Writes up to max findings; *count says how many there are in all. 0 or -errno. */
int yp_lint(const struct yp_log *log, const struct yp_lint_roles *roles, struct yp_finding *out, size_t max,
	    size_t *count) __attribute__((warn_unused_result));

/* Is that the name of a rule above? */
bool yp_lint_rule(const char *name);

#endif
