/* SPDX-License-Identifier: Apache-2.0 */
/* Opens slots and state: never what runs, never what is in use, never one device for two purposes. */
#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "linux/open-media.h"

#define SMALL_SLOT_BYTES (8u * 1024u * 1024u)

void ota_media_init(struct ota_media *media, const struct ota_host *host, struct ota_stop *stop,
		    const struct ota_events *events)
{
	memset(media, 0, sizeof(*media));
	media->host = host;
	media->stop = stop;
	media->events = events;
}

void ota_media_deinit(struct ota_media *media)
{
	for (unsigned i = 0; i < media->count; i++)
		ota_file_close(media->files[i]);
	media->count = 0;
}

static const char *error_advice(int error)
{
	switch (error) {
	case -ENOENT:
		return "check the path in the configuration";
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return "run as root, on a writable device";
	case -EBUSY:
		return "unmount it or give another device";
	case -ENOTSUP:
		return "give a block device or a regular file";
	case -ENOSPC:
		return "make it larger";
	case -EMFILE:
	case -ENFILE:
		return "raise the limit of open files";
	default:
		return "check the device";
	}
}

int ota_media_open(struct ota_media *media, const char *what, const char *path, unsigned flags, bool slot,
		   struct ota_block *block, char *detail, size_t detail_bytes)
{
	struct ota_file_options options = {.flags = flags};
	unsigned place = media->count;
	struct stat status;
	int result;

	assert(what && path && block);
	if (slot) {
		options.stop = media->stop;
		options.wrote = media->events != NULL ? media->events->wrote : NULL;
		options.wrote_ctx = media->events != NULL ? media->events->ctx : NULL;
	}
	if (place == OTA_MEDIA_MAX)
		return -ENOBUFS;
	result = stat(path, &status) == 0 ? 0 : -errno;
	if (result == 0) {
		media->known[place].device = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
		media->known[place].inode = S_ISBLK(status.st_mode) ? 0 : status.st_ino;
		(void)snprintf(media->known[place].what, sizeof(media->known[place].what), "%s", what);
	}
	for (unsigned i = 0; i < place && result == 0; i++) {
		if (media->known[i].device == media->known[place].device &&
		    media->known[i].inode == media->known[place].inode) {
			(void)snprintf(detail, detail_bytes, "%s: %s is the device of %s as well; give each its own",
				       path, what, media->known[i].what);
			return OTA_BAD_CONFIG;
		}
	}
	if (result == 0)
		result = ota_file_open(path, &options, &media->files[place], block);
	if (result == 0)
		media->count++;
	else
		(void)snprintf(detail, detail_bytes, "%s (%s): %s; %s", path, what, strerror(-result),
			       error_advice(result));
	return result;
}

/* Small media (tests, NOR) cannot spare the whole tail: a sixteenth, in whole blocks. */
static uint32_t tail_bytes(uint64_t size_bytes)
{
	uint32_t part;

	if (size_bytes >= SMALL_SLOT_BYTES)
		return OTA_SLOT_TAIL_BYTES;
	part = (uint32_t)(size_bytes / 16) / OTA_SLOT_DESCRIPTOR_BYTES * OTA_SLOT_DESCRIPTOR_BYTES;
	return part < 2 * OTA_SLOT_DESCRIPTOR_BYTES ? 2 * OTA_SLOT_DESCRIPTOR_BYTES : part;
}

static int refuse_use(struct ota_media *media, const char *what, const char *path, const char *why, bool tolerant,
		      char *detail, size_t detail_bytes)
{
	(void)snprintf(detail, detail_bytes, "%s (%s) is in use: %s; unmount it and try again", path, what, why);
	if (!tolerant)
		return OTA_SLOT_IN_USE;
	if (media->events != NULL && media->events->message != NULL)
		media->events->message(media->events->ctx, OTA_LEVEL_WARNING, detail);
	return 0;
}

int ota_media_open_slot(struct ota_media *media, const struct ota_config_slot *config, bool writable, bool tolerant,
			struct ota_slot *slot, char *detail, size_t detail_bytes)
{
	char what[OTA_NAME_MAX * 2];
	char why[OTA_PATH_MAX];
	int result = 0;

	memset(slot, 0, sizeof(*slot));
	memcpy(slot->bootname, config->bootname, sizeof(slot->bootname));
	for (unsigned i = 0; i < config->image_count && writable; i++) {
		(void)snprintf(what, sizeof(what), "slot %s %s", config->bootname, config->images[i].name);
		result = ota_host_in_use(media->host, config->images[i].device, why, sizeof(why));
		if (result == OTA_SLOT_IN_USE) {
			/* One image in use bars the whole slot: its images are one set. */
			result = refuse_use(media, what, config->images[i].device, why, tolerant, detail, detail_bytes);
			writable = false;
		} else if (result < 0 && why[0] != '\0') {
			(void)snprintf(detail, detail_bytes, "%s (%s): cannot tell whether it is in use: %s",
				       config->images[i].device, what, why);
			return result;
		}
		if (result > 0)
			return result;
	}
	for (unsigned i = 0; i < config->image_count; i++) {
		const char *path = config->images[i].device;
		struct ota_slot_image *image = &slot->images[i];
		unsigned flags = writable ? OTA_FILE_WRITE | OTA_FILE_EXCLUSIVE : 0u;

		(void)snprintf(what, sizeof(what), "slot %s %s", config->bootname, config->images[i].name);
		result = ota_media_open(media, what, path, flags, true, &image->block, detail, detail_bytes);
		if (result == -EBUSY && writable) {
			result =
			    refuse_use(media, what, path, "claimed by the kernel (mounted elsewhere, swap or mapped)",
				       tolerant, detail, detail_bytes);
			if (result == 0)
				result =
				    ota_media_open(media, what, path, 0, true, &image->block, detail, detail_bytes);
		}
		if (result != 0)
			return result;
		memcpy(image->name, config->images[i].name, sizeof(image->name));
		slot->image_count++;
	}
	slot->tail_bytes = tail_bytes(slot->images[0].block.size_bytes);
	if (slot->images[0].block.size_bytes <= slot->tail_bytes) {
		(void)snprintf(detail, detail_bytes, "%s: too small for a slot; make it larger",
			       config->images[0].device);
		return OTA_BAD_CONFIG;
	}
	return 0;
}

static int empty_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	(void)dev;
	(void)offset_bytes;
	memset(out, 0, size_bytes);
	return 0;
}

static int empty_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	(void)dev;
	(void)offset_bytes;
	(void)data;
	(void)size_bytes;
	return -EROFS;
}

static int empty_flush(void *dev)
{
	(void)dev;
	return 0;
}

/* The state must not lie in a slot: the first update would overwrite it. */
static int refuse_state_in_slot(const struct ota_config *config, char *detail, size_t detail_bytes)
{
	char directory[OTA_PATH_MAX];
	struct stat state, slot;

	(void)snprintf(directory, sizeof(directory), "%s", config->state);
	if (stat(config->state, &state) != 0 && stat(dirname(directory), &state) != 0)
		return 0; /* opening it says what is wrong */
	if (S_ISBLK(state.st_mode))
		return 0;
	for (unsigned s = 0; s < OTA_SLOTS; s++) {
		for (unsigned i = 0; i < config->slots[s].image_count; i++) {
			if (stat(config->slots[s].images[i].device, &slot) != 0 || !S_ISBLK(slot.st_mode) ||
			    slot.st_rdev != state.st_dev)
				continue;
			(void)snprintf(
			    detail, detail_bytes,
			    "%s: state=%s lies inside slot %s; put it on a partition that updates do not replace",
			    config->path, config->state, config->slots[s].bootname);
			return OTA_BAD_CONFIG;
		}
	}
	return 0;
}

int ota_media_open_state(struct ota_media *media, const struct ota_config *config, enum ota_access access,
			 struct ota_block *block, char *detail, size_t detail_bytes)
{
	static const struct ota_block_ops empty_ops = {empty_read, empty_read, empty_write, empty_flush};
	static const struct ota_block empty = {
	    .ops = &empty_ops, .size_bytes = OTA_STATE_BYTES, .block_bytes = 512, .name = "no state yet"};
	struct stat status;
	unsigned flags = access == OTA_ACCESS_READ ? 0u : OTA_FILE_WRITE | OTA_FILE_EXCLUSIVE;
	int result = refuse_state_in_slot(config, detail, detail_bytes);

	if (result != 0)
		return result;
	if (access == OTA_ACCESS_READ && stat(config->state, &status) != 0 && errno == ENOENT) {
		*block = empty;
		return 0;
	}
	if (access != OTA_ACCESS_READ) {
		result = ota_file_create(config->state, OTA_STATE_BYTES);
		if (result != 0) {
			(void)snprintf(detail, detail_bytes, "%s (state): cannot be made: %s; %s", config->state,
				       strerror(-result), error_advice(result));
			return result;
		}
	}
	return ota_media_open(media, "state", config->state, flags, false, block, detail, detail_bytes);
}
