/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LINUX_OPEN_MEDIA_H
#define CORE_LINUX_OPEN_MEDIA_H

#include <sys/types.h>

#include "linux/host-facts.h"

#define OTA_MEDIA_MAX (OTA_SLOTS * OTA_IMAGES_MAX + 3u) /* slots, state, two environment copies */

/* The files of one run: opened through here, so that none is opened for two purposes and all are closed. */
struct ota_media {
	const struct ota_host *host;
	struct ota_stop *stop;
	const struct ota_events *events;
	unsigned count;
	struct ota_file *files[OTA_MEDIA_MAX];
	struct {
		char what[OTA_NAME_MAX * 2]; /* such as "slot A rootfs" */
		dev_t device;                /* of a block device, else of the file system ... */
		ino_t inode;                 /* ... with the file's number */
	} known[OTA_MEDIA_MAX];
};

void ota_media_init(struct ota_media *media, const struct ota_host *host, struct ota_stop *stop,
		    const struct ota_events *events);
void ota_media_deinit(struct ota_media *media);

/*
 * `slot`: a slot's image, where a request to stop ends a write and progress is counted. *block borrows `path`. 0,
 * -errno, OTA_BAD_CONFIG (one device for two purposes) with `detail` filled.
 */
int ota_media_open(struct ota_media *media, const char *what, const char *path, unsigned flags, bool slot,
		   struct ota_block *block, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

/*
 * Opens all images of a slot. writable: claims them, after a look whether they are in use: then OTA_SLOT_IN_USE, or
 * read-only with a warning if `tolerant`.
 */
int ota_media_open_slot(struct ota_media *media, const struct ota_config_slot *config, bool writable, bool tolerant,
			struct ota_slot *slot, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

/* The state medium; READ access without one: an empty stand-in. */
int ota_media_open_state(struct ota_media *media, const struct ota_config *config, enum ota_access access,
			 struct ota_block *block, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
