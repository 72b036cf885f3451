/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_BOOT_DECISION_H
#define SIM_SUBJECT_BOOT_DECISION_H

#include "sim/subject.h"
#include "subject/uboot-env.h"

/* The decision of images/uboot/README.md, pure, and its variables: yp_boot_protocol.decide and read of `ota`. */
struct yp_sim_decision yp_sim_boot_decide(const struct yp_sim_boot_variables *v, bool selected_loads, bool other_loads);
void yp_sim_env_boot_variables(const struct yp_sim_env *env, struct yp_sim_boot_variables *out);

#endif
