/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the boot back-end that the configuration names, over its media. */
#include <stdio.h>
#include <string.h>

#include "linux/boot-backend.h"
#include "ota/custom.h"
#include "ota/fw-env-config.h"

static int open_uboot(struct ota_bootloader_linux *bootloader, const struct ota_config *config, struct ota_media *media,
		      enum ota_access access, struct ota_boot *out, char *detail, size_t detail_bytes)
{
	struct ota_env_place *place = &bootloader->place;
	unsigned flags = access == OTA_ACCESS_READ ? 0u : OTA_FILE_WRITE;
	struct ota_fw_env layout;
	int result;

	result = ota_fw_env_load(config->fw_env_config, &layout, detail, detail_bytes);
	if (result < 0)
		(void)snprintf(detail, detail_bytes, "[uboot] config=%s: %s%s", config->fw_env_config,
			       strerror(-result), ota_reason_exhausted(result) ? "" : "; correct the path");
	if (result != 0)
		return ota_reason_exhausted(result) ? result : OTA_BAD_CONFIG;
	if (!layout.redundant) {
		(void)snprintf(detail, detail_bytes,
			       "%s: one copy of the environment cannot be stored atomically; give U-Boot a second "
			       "(CONFIG_SYS_REDUNDAND_ENVIRONMENT) and add its line",
			       config->fw_env_config);
		return OTA_BAD_CONFIG;
	}
	place->env_bytes = layout.env_bytes;
	for (unsigned i = 0; i < 2 && result == 0; i++) {
		(void)snprintf(bootloader->path[i], OTA_PATH_MAX, "%s", layout.copies[i].device);
		if (i == 1 && strcmp(bootloader->path[0], bootloader->path[1]) == 0)
			place->block[1] = place->block[0];
		else
			result =
			    ota_media_open(media, i == 0 ? "environment copy 0" : "environment copy 1",
					   bootloader->path[i], flags, false, &place->block[i], detail, detail_bytes);
		if (result == 0 &&
		    ota_fw_env_offset(&layout, i, place->block[i].size_bytes, &place->offset_bytes[i]) != 0) {
			(void)snprintf(detail, detail_bytes,
				       "%s: copy %u does not lie inside %s; correct offset or size",
				       config->fw_env_config, i, bootloader->path[i]);
			result = OTA_BAD_CONFIG;
		}
	}
	return result != 0 ? result : ota_uboot_new(place, bootloader->names, &bootloader->uboot, out);
}

int ota_bootloader_open(struct ota_bootloader_linux *bootloader, const struct ota_config *config,
			struct ota_media *media, enum ota_access access, struct ota_boot *out, char *detail,
			size_t detail_bytes)
{
	int result;

	for (unsigned s = 0; s < OTA_SLOTS; s++)
		bootloader->names[s] = config->slots[s].bootname;
	if (config->bootloader == OTA_BOOTLOADER_UBOOT)
		result = open_uboot(bootloader, config, media, access, out, detail, detail_bytes);
	else
		result = ota_custom_new(config->custom_backend, bootloader->names, (uint32_t)config->handler_timeout_ms,
					&bootloader->custom, out);
	if (result == OTA_BAD_CONFIG && detail[0] == '\0')
		(void)snprintf(detail, detail_bytes,
			       "%s: the bootloader's settings cannot work together; see "
			       "system.conf.example",
			       config->path);
	return result;
}

void ota_bootloader_close(struct ota_bootloader_linux *bootloader)
{
	ota_uboot_free(bootloader->uboot);
	ota_custom_free(bootloader->custom);
}
