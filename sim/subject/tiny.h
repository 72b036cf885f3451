/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_TINY_H
#define SIM_SUBJECT_TINY_H

#include "sim/subject.h"

/*
 * The smallest subject, to copy from: an updater of a few lines of shell (sim/test/tiny-updater.sh), two slots and an
 * environment. It keeps no records, describes no slot and reports to nobody.
 */
extern const struct yp_subject yp_subject_tiny;

#endif
