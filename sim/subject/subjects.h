/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SUBJECT_SUBJECTS_H
#define SIM_SUBJECT_SUBJECTS_H

#include "sim/subject.h"

/* Every subject, the default one first: X(NAME) is struct yp_subject yp_subject_NAME, of NAME.c. A new one is one line. */
#define YP_SUBJECTS(X)                                                                                                 \
	X(ota)                                                                                                         \
	X(tiny)

#define YP_SUBJECT_DECLARE(name) extern const struct yp_subject yp_subject_##name;
YP_SUBJECTS(YP_SUBJECT_DECLARE)
#undef YP_SUBJECT_DECLARE

#endif
