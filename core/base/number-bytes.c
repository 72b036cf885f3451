/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers in bytes, as all formats of core store them. */
#include "base/number-bytes.h"

#include <assert.h>

void ota_number_put(uint8_t *at, uint64_t value, unsigned bytes)
{
	assert(bytes >= 1 && bytes <= sizeof value);
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

uint64_t ota_number_get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;
	assert(bytes >= 1 && bytes <= sizeof value);
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}
