/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the clause of an error message about an input. */
#include "base/format-detail.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void yp_detail(char *detail, size_t detail_bytes, const char *format, ...)
{
	va_list args;
	assert(format);
	if (!detail || detail_bytes == 0)
		return;
	va_start(args, format);
	if (vsnprintf(detail, detail_bytes, format, args) < 0)
		detail[0] = 0;
	va_end(args);
}
