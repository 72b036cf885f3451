/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_DETAIL_H
#define CORE_BASE_DETAIL_H

#include <stddef.h>

/*
 * Writes one clause for a person into detail (NULL: nowhere), cut to fit. Returns `reason`, so that a refusal is one
 * statement.
 */
int ota_detail_write(char *detail, size_t detail_bytes, int reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
