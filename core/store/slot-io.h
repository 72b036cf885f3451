/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_STORE_SLOT_IO_H
#define CORE_STORE_SLOT_IO_H

#include "ota/slot.h"

/*
 * What the transaction does to a slot. All return 0, -errno or the reason named; all flushes are checked. Nothing here
 * asks whether the slot is booted: the caller never passes the slot that runs but to functions that only read.
 */
#define OTA_SLOT_IO_BYTES (128u * 1024u) /* largest single read or write */
/* From this tail on, its last OTA_IMAGES_MAX * 4096 bytes keep the header blocks while an install is under way. */
#define OTA_SLOT_STASH_TAIL_BYTES (64u * 1024u)

/* A descriptor with what it says of each image; ota_slot_describe() gives the first part. */
struct ota_slot_content {
	struct ota_slot_descriptor descriptor;
	unsigned image_count;
	struct {
		char name[OTA_NAME_MAX];
		uint64_t size_bytes;
		uint8_t sha256[OTA_DIGEST_BYTES];
	} images[OTA_IMAGES_MAX];
};

/* Bytes of an image's block that an image may use: all but the tail on rootfs. */
uint64_t ota_slot_capacity(const struct ota_slot *slot, const struct ota_slot_image *image);
/* As ota_slot_describe(), whole. */
int ota_slot_content_read(const struct ota_slot *slot, struct ota_slot_content *out)
    __attribute__((warn_unused_result));
/* The raw head stored beside the image; *out: free(). 0, -errno, NOTHING_TO_DO. Unverified. */
int ota_slot_head_read(const struct ota_slot *slot, uint8_t **out, size_t *out_bytes)
    __attribute__((warn_unused_result));
/* S05: descriptor and header blocks zeroed where they are not, and flushed. */
int ota_slot_clear(const struct ota_slot *slot) __attribute__((warn_unused_result));
/* Every block of the slot. */
int ota_slot_flush(const struct ota_slot *slot) __attribute__((warn_unused_result));
/* S08, first half: each image read uncached; `header` stands for the first block of each (NULL: as on the medium).
 * READ_BACK when an image is not what `content` says. */
int ota_slot_verify(const struct ota_slot *slot, const struct ota_slot_content *content,
		    const uint8_t (*header)[OTA_SLOT_HEADER_BYTES]) __attribute__((warn_unused_result));
/* S08, second half: tail, then header blocks, rootfs' last. header[i] belongs to the head's i-th image. READ_BACK. */
int ota_slot_seal(const struct ota_slot *slot, const struct ota_head *head,
		  const uint8_t (*header)[OTA_SLOT_HEADER_BYTES]) __attribute__((warn_unused_result));
/* What the descriptor of a slot will say that holds this head's images. */
void ota_slot_content_of(const struct ota_slot *slot, const struct ota_head *head, struct ota_slot_content *out);

/* The stash: header blocks of an unfinished install, at the end of the tail. put() does not flush. */
bool ota_slot_has_stash(const struct ota_slot *slot);
int ota_slot_stash_put(const struct ota_slot *slot, unsigned image, const uint8_t header[OTA_SLOT_HEADER_BYTES])
    __attribute__((warn_unused_result));
/* 0 when stash and slot together hold the first chunk of this image as signed; NOTHING_TO_DO when not; -errno. */
int ota_slot_stash_get(const struct ota_slot *slot, const struct ota_head *head, unsigned image,
		       uint8_t header[OTA_SLOT_HEADER_BYTES]) __attribute__((warn_unused_result));

#endif
