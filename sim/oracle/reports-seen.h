/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ORACLE_REPORTS_SEEN_H
#define SIM_ORACLE_REPORTS_SEEN_H

#include <stdbool.h>

#include "power-cut/explore.h"

/*
 * The reports of a device, without irrelevant differences: E4 of yp_sim_equivalences(). For any rig whose
 * reports are world events "report:<id>:<event>:<version>:<reason>".
 */

/* Of the reports: ids renamed in order of appearance, repetitions left out. h: what it is mixed into. */
uint64_t yp_oracle_past_hash(const struct yp_world *world, uint64_t h);
/* Was a report with this id delivered? */
bool yp_oracle_past_delivered(const struct yp_world *world, uint64_t id);

#endif
