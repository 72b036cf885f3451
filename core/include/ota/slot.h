/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_SLOT_H
#define OTA_SLOT_H

#include "ota/block.h"
#include "ota/boot.h"
#include "ota/bundle.h"

/*
 * A slot: one root filesystem and, optionally, kernel, device tree or others of the same
 * version, which are installed, selected and rolled back as one.
 *
 * On the medium of the `rootfs` image, the last OTA_SLOT_TAIL_BYTES hold the slot descriptor, so that a slot tells
 * what it holds even when the journal is lost:
 *   tail + 0      4096-byte block: magic, schema, u64 sequence, version, head digest, head_bytes, each
 *                 image's size, SHA-256 over the block
 *   tail + 4096   the head of the bundle that the slot was installed from (if it fits; else head_bytes = 0)
 * Only the first 4096 bytes of each image are "header block"s: zeroed when the slot is barred (S05),
 * written last (S08), rootfs' the very last. The descriptor is written and verified before any header block.
 */
#define OTA_SLOT_TAIL_BYTES       (512u * 1024u)
#define OTA_SLOT_DESCRIPTOR_BYTES 4096u
#define OTA_SLOT_HEADER_BYTES     4096u

struct ota_slot_image {
	char name[OTA_NAME_MAX]; /* slot class: rootfs, kernel, dtb ... */
	struct ota_block block;
};

struct ota_slot {
	char bootname[OTA_BOOTNAME_MAX];
	unsigned image_count;
	struct ota_slot_image images[OTA_IMAGES_MAX];
	uint32_t tail_bytes; /* OTA_SLOT_TAIL_BYTES, or less on small media (a multiple of 4096, at least 4096) */
};

struct ota_slot_descriptor {
	uint64_t sequence;
	char version[OTA_VERSION_MAX];
	uint8_t digest[OTA_DIGEST_BYTES];
	uint32_t head_bytes;
};

/* The image of that class, or NULL. */
const struct ota_slot_image *ota_slot_image(const struct ota_slot *slot, const char *name);
/* 0, -errno, or OTA_NOTHING_TO_DO when there is none or it is damaged (never an error: a factory image has none). */
int ota_slot_describe(const struct ota_slot *slot, struct ota_slot_descriptor *out) __attribute__((warn_unused_result));

#endif
