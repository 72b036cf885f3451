/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_RUN_DIFFERENCE_H
#define SIM_HOST_RUN_DIFFERENCE_H

#include "power-cut/log.h"
#include "power-cut/outcome.h"

/* A run of commands: how it ended, and its log. */
struct yp_command_run {
	struct yp_outcome outcome;
	struct yp_log *log;
};

/* The difference of two runs that share a pool, in one clause: it shows why commands are not repeatable. false: there
 * is none. */
bool yp_run_difference(const struct yp_command_run *before, const struct yp_command_run *now, char *out,
		       size_t out_bytes);

#endif
