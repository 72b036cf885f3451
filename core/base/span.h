/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_SPAN_H
#define CORE_BASE_SPAN_H

#include <stddef.h>
#include <stdint.h>

/* A borrowed range of bytes. */
struct ota_span {
	const uint8_t *data;
	size_t size_bytes;
};

#endif
