/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LINUX_BOOT_BACKEND_H
#define CORE_LINUX_BOOT_BACKEND_H

#include "linux/open-media.h"
#include "ota/uboot.h"

/* The boot back-end that the configuration names, over its media. */
struct ota_bootloader_linux {
	struct ota_env_place place;
	char path[2][OTA_PATH_MAX];
	const char *names[OTA_SLOTS];
	struct ota_uboot *uboot;
	struct ota_custom *custom;
};

int ota_bootloader_open(struct ota_bootloader_linux *bootloader, const struct ota_config *config,
			struct ota_media *media, enum ota_access access, struct ota_boot *out, char *detail,
			size_t detail_bytes) __attribute__((warn_unused_result));
void ota_bootloader_close(struct ota_bootloader_linux *bootloader);

#endif
