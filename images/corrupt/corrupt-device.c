/* SPDX-License-Identifier: Apache-2.0 */
/* The device in memory that runs the unmodified core, and its server. */
#include "corrupt/corrupt-device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES 16384u /* of a body, as a network library hands it over */

static const char *const medium_names[DEVICE_MEDIA] = {"A.rootfs", "A.kernel", "B.rootfs", "B.kernel", "state", "env"};

static int block_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	const struct device_medium *medium = dev;
	if (offset_bytes > medium->size_bytes || size_bytes > medium->size_bytes - offset_bytes)
		return -EFAULT; /* the contract excludes it; the judge then sees a wrong reason */
	memcpy(out, medium->data + offset_bytes, size_bytes);
	return 0;
}

static int block_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	struct device_medium *medium = dev;
	if (offset_bytes > medium->size_bytes || size_bytes > medium->size_bytes - offset_bytes)
		return -EFAULT;
	memcpy(medium->data + offset_bytes, data, size_bytes);
	medium->writes++;
	return 0;
}

static int block_flush(void *dev)
{
	(void)dev;
	return 0;
}

static const struct ota_block_ops block_ops = {block_read, block_read, block_write, block_flush};

static void answer_fill(const struct device *device, bool later, struct ota_fetch_answer *answer)
{
	const struct device_server *server = &device->server;
	size_t size = later ? server->later_bytes : server->size_bytes;
	*answer = (struct ota_fetch_answer){.status = 206, .total_bytes = server->unsized ? UINT64_MAX : size};
	(void)snprintf(answer->etag, sizeof answer->etag, "%s", later && server->later_etag ? "\"later\"" : "\"one\"");
}

static int fetch_get(void *ctx, const struct ota_fetch_request *request)
{
	struct device *device = ctx;
	const struct device_server *server = &device->server;
	struct ota_fetch_answer answer;
	device->gets++;
	if (server->down)
		return OTA_UNREACHABLE;
	bool later = server->later && device->gets >= server->later_from;
	const uint8_t *bundle = later ? server->later : server->bundle;
	size_t size = later ? server->later_bytes : server->size_bytes;
	answer_fill(device, later, &answer);
	if (request->if_none_match && strcmp(request->if_none_match, answer.etag) == 0)
		return OTA_NOTHING_TO_DO;
	if (request->offset_bytes > 0 &&
	    (request->offset_bytes >= size ||
	     (request->if_range && request->if_range[0] && strcmp(request->if_range, answer.etag) != 0)))
		return OTA_HTTP_RANGE;
	size_t left = size - (size_t)request->offset_bytes;
	if (request->length_bytes && request->length_bytes < left)
		left = (size_t)request->length_bytes;
	int result = request->head ? request->head(request->ctx, &answer) : 0;
	for (size_t at = 0; result == 0 && at < left; at += PIECE_BYTES) {
		size_t piece = left - at < PIECE_BYTES ? left - at : PIECE_BYTES;
		device->served_bytes += piece;
		result = request->body(request->ctx, bundle + request->offset_bytes + at, piece);
	}
	return result;
}

static int fetch_post(void *ctx, const char *url, const char *json, size_t size_bytes)
{
	struct device *device = ctx;
	(void)url;
	(void)size_bytes;
	if (device->server.down)
		return OTA_UNREACHABLE;
	if (device->post_count < DEVICE_POSTS_MAX)
		(void)snprintf(device->posts[device->post_count], DEVICE_POST_BYTES, "%s", json);
	device->post_count++;
	return 0;
}

static const struct ota_fetch_ops fetch_ops = {fetch_get, fetch_post};

static int64_t clock_realtime(void *ctx)
{
	const struct device *device = ctx;
	const struct device_server *server = &device->server;
	return server->later_clock_s && device->gets >= server->later_from ? server->later_clock_s : device->clock_s;
}

static int64_t clock_monotonic(void *ctx)
{
	struct device *device = ctx;
	return device->monotonic_ms++;
}

static int clock_sleep(void *ctx, uint32_t ms)
{
	struct device *device = ctx;
	device->monotonic_ms += ms;
	return 0;
}

static const struct ota_clock_ops clock_ops = {clock_realtime, clock_monotonic, clock_sleep};

static int system_booted(void *ctx, char out[OTA_BOOTNAME_MAX])
{
	const struct device *device = ctx;
	memcpy(out, device->booted, OTA_BOOTNAME_MAX);
	return 0;
}

static int system_reboot(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct ota_system_ops system_ops = {.booted = system_booted, .reboot = system_reboot};

static void wire_slots(struct device *device)
{
	static const char *const bootnames[OTA_SLOTS] = {"A", "B"};
	for (unsigned i = 0; i < OTA_SLOTS; i++) {
		struct ota_slot *slot = &device->ota.slots[i];
		(void)snprintf(slot->bootname, sizeof slot->bootname, "%s", bootnames[i]);
		(void)snprintf(slot->images[0].name, sizeof slot->images[0].name, "rootfs");
		(void)snprintf(slot->images[1].name, sizeof slot->images[1].name, "kernel");
		slot->image_count = 2;
		slot->tail_bytes = DEVICE_TAIL_BYTES;
	}
}

static void wire_media(struct device *device, uint32_t rootfs_bytes)
{
	const uint32_t sizes[DEVICE_MEDIA] = {rootfs_bytes,        DEVICE_KERNEL_BYTES, rootfs_bytes,
					      DEVICE_KERNEL_BYTES, OTA_STATE_BYTES,     2 * DEVICE_ENV_BYTES};
	uint8_t *at = device->arena;
	for (unsigned i = 0; i < DEVICE_MEDIA; i++) {
		struct device_medium *medium = &device->media[i];
		medium->data = at;
		medium->size_bytes = sizes[i];
		at += sizes[i];
		struct ota_block block = {&block_ops, medium, medium->size_bytes, 512, medium_names[i]};
		if (i == DEVICE_STATE)
			device->ota.state = block;
		else if (i == DEVICE_ENV)
			device->place.block[0] = device->place.block[1] = block;
		else
			device->ota.slots[i / 2].images[i % 2].block = block;
	}
	device->place.env_bytes = DEVICE_ENV_BYTES;
	device->place.offset_bytes[1] = DEVICE_ENV_BYTES;
}

int device_new(uint32_t rootfs_bytes, const struct ota_keyring *keyring, struct device **out)
{
	static const char *const names[2] = {"A", "B"};
	struct device *device = calloc(1, sizeof *device);
	*out = NULL;
	if (!device)
		return -ENOMEM;
	device->arena_bytes =
	    (size_t)2 * (rootfs_bytes + DEVICE_KERNEL_BYTES) + OTA_STATE_BYTES + (size_t)2 * DEVICE_ENV_BYTES;
	device->arena = calloc(1, device->arena_bytes);
	if (!device->arena) {
		device_free(device);
		return -ENOMEM;
	}
	wire_slots(device);
	wire_media(device, rootfs_bytes);
	int result = ota_uboot_new(&device->place, names, &device->uboot, &device->ota.boot);
	if (result) {
		device_free(device);
		return result;
	}
	device->ota.fetch = (struct ota_fetch){&fetch_ops, device};
	device->ota.files = device->ota.fetch;
	device->ota.clock = (struct ota_clock){&clock_ops, device};
	device->ota.system = (struct ota_system){&system_ops, device};
	device->ota.keyring = keyring;
	device->booted[0] = 'A';
	*out = device;
	return 0;
}

void device_free(struct device *device)
{
	if (!device)
		return;
	ota_uboot_free(device->uboot);
	free(device->arena);
	free(device);
}

void device_reset(struct device *device, const uint8_t *saved, const struct ota_policy *policy,
		  const struct ota_keyring *keyring, int64_t now_s)
{
	if (saved)
		memcpy(device->arena, saved, device->arena_bytes);
	for (unsigned i = 0; i < DEVICE_MEDIA; i++)
		device->media[i].writes = 0;
	wire_slots(device);
	memset(device->booted, 0, sizeof device->booted);
	device->booted[0] = 'A';
	device->ota.policy = *policy;
	device->ota.keyring = keyring;
	device->clock_s = now_s;
	device->monotonic_ms = 0;
	device->server = (struct device_server){0};
	device->gets = 0;
	device->served_bytes = 0;
	device->post_count = 0;
}

int device_boot(struct device *device, struct ota_result *result)
{
	struct ota_boot_state state;
	int r = device->ota.boot.ops->query(device->ota.boot.boot, &state);
	if (r)
		return r;
	memcpy(device->booted, state.selected, sizeof device->booted);
	return ota_resume(&device->ota, result);
}

unsigned device_target_writes(const struct device *device)
{
	return device->media[DEVICE_B_ROOTFS].writes + device->media[DEVICE_B_KERNEL].writes;
}
