/* SPDX-License-Identifier: Apache-2.0 */
/* Which yankproof this is, and the defect that is planted in it. */
#include "file/version.h"

/* The Makefile defines it for MUTANT=name builds, and only for this file. */
#ifndef YP_MUTANT_NAME
#define YP_MUTANT_NAME ""
#endif

const char *yp_mutant_name(void)
{
	return YP_MUTANT_NAME;
}
