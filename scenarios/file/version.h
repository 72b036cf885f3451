/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_FILE_VERSION_H
#define SCENARIOS_FILE_VERSION_H

#define YP_VERSION "0.1.0"

/* The planted defect that this build carries, "" for the clean core. */
const char *yp_mutant_name(void);

#endif
