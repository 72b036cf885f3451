/* SPDX-License-Identifier: Apache-2.0 */
#include "version.h"

/* The Makefile defines it for MUTANT=name builds, and only for this file. */
#ifndef BP_MUTANT_NAME
#define BP_MUTANT_NAME ""
#endif

const char *bp_mutant_name(void)
{
	return BP_MUTANT_NAME;
}
