/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration to a struct ota: opens, checks and joins everything, and takes it apart again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux/boot-backend.h"
#include "linux/fetch-options.h"
#include "linux/open-media.h"
#include "linux/platform.h"
#include "ota/fetch-file.h"

struct ota_device {
	const struct ota_config *config;
	struct ota_lock *lock;
	struct ota_media media;
	struct ota_platform platform;
	struct ota_bootloader_linux bootloader;
	struct ota_network network;
	struct ota_fetch_file *files;
	struct ota_keyring *keyring;
	char device_id[OTA_NAME_MAX * 2];
	struct ota ota;
};

static const char *text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static bool stop_wanted(void *ctx)
{
	return ota_stop_requested(ctx);
}

static int read_device_id(struct ota_device *device, char *detail, size_t detail_bytes)
{
	const struct ota_config *config = device->config;
	int error = 0;
	FILE *file;
	bool good;

	memcpy(device->device_id, config->device_id, sizeof(device->device_id));
	if (config->device_id_file[0] == '\0')
		return 0;
	file = fopen(config->device_id_file, "re");
	if (file == NULL)
		error = -errno;
	good = file != NULL && fgets(device->device_id, sizeof(device->device_id), file) != NULL;
	if (file != NULL)
		(void)fclose(file);
	if (good)
		device->device_id[strcspn(device->device_id, "\n")] = '\0';
	if (good && device->device_id[0] != '\0')
		return 0;
	if (ota_reason_exhausted(error)) {
		(void)snprintf(detail, detail_bytes, "device-id-file=%s: %s", config->device_id_file, strerror(-error));
		return error;
	}
	(void)snprintf(detail, detail_bytes, "device-id-file=%s: no id in its first line; write one there",
		       config->device_id_file);
	return OTA_BAD_CONFIG;
}

static void fill_policy(struct ota_device *device)
{
	const struct ota_config *config = device->config;
	struct ota_policy *policy = &device->ota.policy;

	policy->compatible = config->compatible;
	policy->hardware = text_or_null(config->hardware);
	policy->channel = text_or_null(config->channel);
	policy->device_id = text_or_null(device->device_id);
	policy->update_url = text_or_null(config->url);
	policy->report_url = text_or_null(config->report_url);
	/* The ranges of the configuration fit these types. */
	policy->boot_attempts = (unsigned)config->boot_attempts;
	policy->health_timeout_ms = (uint32_t)config->health_timeout_ms;
	policy->checkpoint_bytes = (uint32_t)config->checkpoint_bytes;
	policy->fetch_attempts = (unsigned)config->fetch_attempts;
	policy->retry_delay_ms = (uint32_t)config->retry_delay_ms;
	policy->fetch_deadline_s = (uint32_t)config->deadline_s;
	policy->build_time_s = (int64_t)config->build_time_s;
	policy->reuse = config->reuse;
	policy->pipeline = config->pipeline;
}

static int take_lock(struct ota_device *device, char *detail, size_t detail_bytes)
{
	const char *path = device->config->lockfile;
	long holder;
	int result = ota_lock_take(path, &device->lock, &holder);

	if (result == OTA_BUSY && holder > 0)
		(void)snprintf(detail, detail_bytes, "process %ld holds %s; wait until it has ended", holder, path);
	else if (result == OTA_BUSY)
		(void)snprintf(detail, detail_bytes, "another process holds %s; wait until it has ended", path);
	else if (result != 0)
		(void)snprintf(detail, detail_bytes, "lockfile=%s: %s%s", path, strerror(-result),
			       ota_reason_exhausted(result) ? "" : "; run as root or give another path");
	return result;
}

static int open_slots(struct ota_device *device, enum ota_access access, char *detail, size_t detail_bytes)
{
	const struct ota_config *config = device->config;
	int result;

	result = ota_host_booted(device->media.host, config, device->platform.booted, detail, detail_bytes);
	for (unsigned s = 0; s < OTA_SLOTS && result == 0; s++) {
		bool target = strcmp(config->slots[s].bootname, device->platform.booted) != 0;

		if (target)
			memcpy(device->platform.target, config->slots[s].bootname, OTA_BOOTNAME_MAX);
		result = ota_media_open_slot(&device->media, &config->slots[s], target && access != OTA_ACCESS_READ,
					     access == OTA_ACCESS_RUN, &device->ota.slots[s], detail, detail_bytes);
	}
	return result;
}

/* Reading needs none. Else a version without a good keyring could never be updated again: better that its trial ends.
 */
static int open_keyring(struct ota_device *device, enum ota_access access, char *detail, size_t detail_bytes)
{
	const struct ota_config *config = device->config;
	int result;

	if (access == OTA_ACCESS_READ)
		return 0;
	result = ota_keyring_load(config->keyring_path, text_or_null(config->keyring_crl), &device->keyring);
	if (result == 0)
		return 0;
	(void)snprintf(detail, detail_bytes, "[keyring] path=%s%s%s: %s%s", config->keyring_path,
		       config->keyring_crl[0] != '\0' ? " crl=" : "", config->keyring_crl,
		       result < 0 ? strerror(-result) : "no certificates that can be read",
		       ota_reason_exhausted(result) ? "" : "; give PEM files");
	return ota_reason_exhausted(result) ? result : OTA_BAD_CONFIG;
}

static int open_all(struct ota_device *device, enum ota_access access, struct ota_stop *stop,
		    const struct ota_events *events, char *detail, size_t detail_bytes)
{
	const struct ota_config *config = device->config;
	struct ota *ota = &device->ota;
	int result = 0;

	if (access != OTA_ACCESS_READ)
		result = take_lock(device, detail, detail_bytes);
	if (result == 0)
		result = read_device_id(device, detail, detail_bytes);
	if (result == 0)
		result = open_keyring(device, access, detail, detail_bytes);
	if (result == 0)
		result = open_slots(device, access, detail, detail_bytes);
	if (result == 0)
		result = ota_media_open_state(&device->media, config, access, &ota->state, detail, detail_bytes);
	if (result == 0)
		result = ota_bootloader_open(&device->bootloader, config, &device->media, access, &ota->boot, detail,
					     detail_bytes);
	if (result == 0)
		result = ota_fetch_file_new(stop_wanted, stop, &device->files, &ota->files);
	if (result == 0)
		ota_network_init(&device->network, config, stop, events, &ota->fetch);
	ota_clock_linux(stop, &ota->clock);
	ota->keyring = device->keyring;
	fill_policy(device);
	return result;
}

int ota_device_open(const struct ota_config *config, enum ota_access access, struct ota_stop *stop,
		    const struct ota_events *events, struct ota_device **out, char *detail, size_t detail_bytes)
{
	struct ota_device *device = calloc(1, sizeof(*device));
	int result;

	if (detail_bytes > 0)
		detail[0] = '\0';
	if (device == NULL)
		return -ENOMEM;
	device->config = config;
	ota_media_init(&device->media, ota_host_linux(), stop, events);
	ota_platform_init(&device->platform, config, events, stop, &device->ota.system);
	result = open_all(device, access, stop, events, detail, detail_bytes);
	if (result != 0) {
		ota_device_close(device);
		return result;
	}
	if (detail_bytes > 0)
		detail[0] = '\0'; /* of something that was tried and then not needed */
	*out = device;
	return 0;
}

void ota_device_close(struct ota_device *device)
{
	if (device == NULL)
		return;
	ota_network_deinit(&device->network);
	ota_fetch_file_free(device->files);
	ota_bootloader_close(&device->bootloader);
	ota_media_deinit(&device->media);
	ota_platform_deinit(&device->platform);
	ota_keyring_free(device->keyring);
	ota_lock_release(device->lock);
	free(device);
}

struct ota *ota_device_ota(struct ota_device *device)
{
	return &device->ota;
}

void ota_device_hold_reboot(struct ota_device *device)
{
	device->platform.reboot_held = true;
}

int ota_device_reboot(struct ota_device *device)
{
	if (device->platform.reboot_asked)
		return 0;
	return device->ota.system.ops->reboot(device->ota.system.system);
}
