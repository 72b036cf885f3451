/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_CORRUPT_DEVICE_H
#define IMAGES_CORRUPT_CORRUPT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"
#include "ota/uboot.h"

/*
 * A device in memory that runs the unmodified core: two slots (rootfs, kernel), a redundant U-Boot environment behind
 * the real back-end, a state medium, and a server that offers one bundle. Media lie in one arena, so that a device is
 * put back to a saved state by one copy. Nothing is cut here: writes are durable at once.
 */
#define DEVICE_KERNEL_BYTES (16u * 1024u)
#define DEVICE_TAIL_BYTES   (16u * 1024u)
#define DEVICE_ENV_BYTES    4096u
#define DEVICE_POSTS_MAX    8u
#define DEVICE_POST_BYTES   1024u
#define DEVICE_SOURCE       "https://updates.example/corrupt.ota"

enum device_medium_id {
	DEVICE_A_ROOTFS,
	DEVICE_A_KERNEL,
	DEVICE_B_ROOTFS,
	DEVICE_B_KERNEL,
	DEVICE_STATE,
	DEVICE_ENV,
	DEVICE_MEDIA
};

struct device_medium {
	uint8_t *data; /* in the arena */
	uint32_t size_bytes;
	unsigned writes;
};

/* What the server does. */
struct device_server {
	const uint8_t *bundle; /* borrowed */
	size_t size_bytes;
	const uint8_t *later; /* offered from request number later_from on; NULL: always `bundle` */
	size_t later_bytes;
	unsigned later_from;
	bool later_etag;       /* it comes with another validator */
	bool unsized;          /* the size is not said */
	int64_t later_clock_s; /* what the device's clock says from that request on; 0: as before */
	bool down;
};

struct device {
	struct ota ota;
	struct ota_env_place place;
	struct ota_uboot *uboot;
	struct device_medium media[DEVICE_MEDIA];
	uint8_t *arena;
	size_t arena_bytes;
	char booted[OTA_BOOTNAME_MAX];
	int64_t clock_s;
	int64_t monotonic_ms;
	struct device_server server;
	unsigned gets;
	uint64_t served_bytes;
	char posts[DEVICE_POSTS_MAX][DEVICE_POST_BYTES];
	unsigned post_count; /* also counts what no longer fits */
};

/* Blank media. rootfs_bytes: of each slot, tail included. 0 or -ENOMEM. */
int device_new(uint32_t rootfs_bytes, const struct ota_keyring *keyring, struct device **out)
    __attribute__((warn_unused_result));
void device_free(struct device *device);
/* Back to the arena's saved content; counters, posts, server and policy as at first. */
void device_reset(struct device *device, const uint8_t *saved, const struct ota_policy *policy,
		  const struct ota_keyring *keyring, int64_t now_s);
/* The bootloader starts the selected slot; then the core recovers. Returns the result of ota_resume(). */
int device_boot(struct device *device, struct ota_result *result) __attribute__((warn_unused_result));
unsigned device_target_writes(const struct device *device); /* to slot B */

#endif
