/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_UBOOT_H
#define OTA_UBOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/block.h"
#include "ota/boot.h"

/*
 * U-Boot's environment, redundant: two copies of env_bytes each:
 *   u32 CRC-32 (IEEE, little-endian host order) over the data, u8 flags (a counter, outside the CRC), then
 *   "name=value\0" ... "\0", the rest zero.
 * Which copy holds (U-Boot, env/common.c, env_check_redund): the one with a good CRC; of two, the one with the
 * higher counter, where 0 follows 255; equal counters: the first.
 * A store writes the *other* copy whole with counter + 1 and flushes; the holding copy is never touched.
 *
 * Variables of the boot protocol (the boot script in images/uboot/ reads the same):
 *   ota_slot           bootname of the selected slot
 *   upgrade_available  1 while on trial (U-Boot then counts boots: CONFIG_BOOTCOUNT_ENV), else 0
 *   bootcount          counted boots; bootlimit: attempts of a trial
 *   ota_trial          id of the last trial, 16 hex digits
 *   ota_barred         bootname of the slot that must not be booted; empty or missing = none
 */
#define OTA_ENV_MIN_BYTES    512u
#define OTA_ENV_MAX_BYTES    (256u * 1024u)
#define OTA_ENV_HEADER_BYTES 5u

/* One environment in memory: NUL-separated "name=value" entries, in stored order. */
struct ota_env;

/* Where the copies lie (fw_env.config): block may be the same for both. redundant = false: one copy
 * (fw_env.config with one line) is accepted for reading only: a single copy cannot be stored atomically. */
struct ota_env_place {
	struct ota_block block[2];
	uint64_t offset_bytes[2];
	uint32_t env_bytes; /* of each copy, header included */
};

enum ota_env_copy { OTA_ENV_BAD = 0, OTA_ENV_GOOD = 1 };
/* Pure arbiter: which copy holds: 0 or 1, or -1 when both are bad. */
int ota_env_arbitrate(enum ota_env_copy copy0, uint8_t flags0, enum ota_env_copy copy1, uint8_t flags1);

int ota_env_parse(const uint8_t *raw, size_t size_bytes, struct ota_env **out,
		  uint8_t *flags) /* 0, -ENOMEM, OTA_BOOT_STATE (bad CRC or malformed) */
    __attribute__((warn_unused_result));
int ota_env_new(struct ota_env **out) __attribute__((warn_unused_result));
void ota_env_free(struct ota_env *env);
const char *ota_env_get(const struct ota_env *env, const char *name); /* NULL if missing; valid until the next set */
int ota_env_set(struct ota_env *env, const char *name, const char *value) /* NULL deletes; 0, -ENOMEM, -EINVAL */
    __attribute__((warn_unused_result));
int ota_env_encode(const struct ota_env *env, uint8_t flags, uint8_t *out, size_t size_bytes) /* 0 or -ENOSPC */
    __attribute__((warn_unused_result));

/*
 * The boot back-end over it. `defaults`: what the bootloader's compiled-in environment says when both copies are bad:
 * the first slot of slot_names. Makes no copy of *place: it must outlive the back-end.
 */
struct ota_uboot;
int ota_uboot_new(const struct ota_env_place *place, const char *const slot_names[2], struct ota_uboot **out,
		  struct ota_boot *boot) __attribute__((warn_unused_result));
void ota_uboot_free(struct ota_uboot *uboot);

#endif
