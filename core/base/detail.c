/* SPDX-License-Identifier: Apache-2.0 */
#include "base/refuse.h"

#include <stdarg.h>
#include <stdio.h>

int ota_refuse(char *detail, size_t detail_bytes, int reason, const char *format, ...)
{
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
