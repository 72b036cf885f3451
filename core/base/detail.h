/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_REFUSE_H
#define CORE_BASE_REFUSE_H

#include <stddef.h>
#include <stdint.h>

/* Writes one clause into detail (NULL: nowhere) and returns `reason`, so that a refusal is one statement. */
int ota_refuse(char *detail, size_t detail_bytes, int reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Bytes that belong to somebody else. */
struct ota_span {
	const uint8_t *data;
	size_t size_bytes;
};

#endif
