/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_BASE_FORMAT_DETAIL_H
#define POWER_CUT_BASE_FORMAT_DETAIL_H

#include <stddef.h>

/*
 * Writes the clause of an error message about an input. It is cut short if it does not fit. `detail` may be NULL: then
 * nothing is written.
 */
void yp_detail(char *detail, size_t detail_bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
