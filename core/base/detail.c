/* SPDX-License-Identifier: Apache-2.0 */
/* Details: one clause for a person beside a reason. */
#include "base/detail.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

int ota_detail_write(char *detail, size_t detail_bytes, int reason, const char *format, ...)
{
	assert(reason != 0);
	if (detail && detail_bytes > 0) {
		va_list arguments;
		va_start(arguments, format);
		/* Cutting a message short is better than having none. */
		if (vsnprintf(detail, detail_bytes, format, arguments) < 0)
			detail[0] = '\0';
		va_end(arguments);
	}
	return reason;
}
