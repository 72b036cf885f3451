/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_NUMBER_BYTES_H
#define CORE_BASE_NUMBER_BYTES_H

#include <stdint.h>

/* Little-endian numbers of 1 to 8 bytes: every format of core has its numbers in this form. */
void ota_number_put(uint8_t *at, uint64_t value, unsigned bytes);
uint64_t ota_number_get(const uint8_t *at, unsigned bytes);

#endif
