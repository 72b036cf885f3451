/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_FW_ENV_CONFIG_H
#define OTA_FW_ENV_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * fw_env.config, as libubootenv and U-Boot's own tools read it: where the environment's copies lie.
 *
 *   # comment
 *   DEVICE OFFSET SIZE [SECTOR-SIZE [SECTORS]]
 *
 * One line a copy, fields separated by blanks. OFFSET: decimal, 0x hexadecimal or 0 octal; below zero counts from the
 * device's end. SIZE and what follows: hexadecimal, with or without 0x. Sector size and count are checked and ignored:
 * they are for raw flash, which is refused (/dev/mtdN, /dev/ubiN), because flags there are two booleans, not a counter;
 * see images/uboot/README.md.
 */
#define OTA_FW_ENV_BYTES_MAX (64u * 1024u)
#define OTA_FW_ENV_PATH_MAX  256u

struct ota_fw_env_copy {
	char device[OTA_FW_ENV_PATH_MAX];
	int64_t offset_bytes;
};

struct ota_fw_env {
	struct ota_fw_env_copy copies[2];
	uint32_t env_bytes; /* of each copy, header included */
	bool redundant;     /* false: one line, one copy; fit for reading only */
};

/*
 * From text in memory; `file` is for messages. 0 or OTA_BAD_CONFIG with "FILE:LINE: what" in detail (may be NULL).
 */
int ota_fw_env_parse(const char *text, size_t size_bytes, const char *file, struct ota_fw_env *out, char *detail,
		     size_t detail_bytes) __attribute__((warn_unused_result));
/* From a file. 0, -errno, OTA_BAD_CONFIG. */
int ota_fw_env_load(const char *path, struct ota_fw_env *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Where copy i begins on a device of that size. 0, or OTA_BAD_CONFIG if it does not lie inside. */
int ota_fw_env_offset(const struct ota_fw_env *config, unsigned i, uint64_t device_bytes, uint64_t *out)
    __attribute__((warn_unused_result));

#endif
