/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BOOT_ENV_H
#define CORE_BOOT_ENV_H

#include <stdbool.h>

#include "ota/uboot.h"

/* Header of a copy that has no twin: the CRC alone. */
#define OTA_ENV_HEADER_SINGLE_BYTES 4u

/* CRC-32 (IEEE 802.3), as zlib's crc32(0, ...). */
uint32_t ota_env_crc32(const uint8_t *data, size_t size_bytes);

/* The arbiter's question about one copy: is the CRC over all behind the header good? */
bool ota_env_crc_good(const uint8_t *raw, size_t size_bytes, size_t header_bytes);

/* The list behind the header of a copy whose CRC is known to be good. 0, -ENOMEM, OTA_BOOT_STATE (malformed). */
int ota_env_parse_list(const uint8_t *data, size_t size_bytes, struct ota_env **out)
    __attribute__((warn_unused_result));

#endif
