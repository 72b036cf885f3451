/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_VERSION_H
#define SCENARIOS_VERSION_H

#define BP_VERSION "0.1.0"

/* The planted defect that this build carries, "" for the clean core. */
const char *bp_mutant_name(void);

#endif
