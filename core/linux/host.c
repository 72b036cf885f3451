// SPDX-License-Identifier: Apache-2.0
/* What runs and what is in use, as /proc and /sys tell it. */
#define _GNU_SOURCE /* getline() with the others */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "host.h"

#define HOST_LINES_MAX  65536u
#define HOST_DEPTH_MAX  4u /* loop on device mapper on RAID on a partition ... */
#define HOST_FIELDS_MAX 32u

const struct ota_host *ota_host_linux(void)
{
	static const struct ota_host host = {
	    .mountinfo = "/proc/self/mountinfo",
	    .swaps = "/proc/swaps",
	    .cmdline = "/proc/cmdline",
	    .sys_block = "/sys/dev/block",
	};

	return &host;
}

/* "MAJOR:MINOR", as proc and sysfs write it; a line feed may follow. */
static bool device_number(const char *text, dev_t *out)
{
	char *end;
	unsigned long major_number = strtoul(text, &end, 10);
	if (end == text || *end != ':')
		return false;
	text = end + 1;
	unsigned long minor_number = strtoul(text, &end, 10);
	*out = makedev((unsigned)major_number, (unsigned)minor_number);
	return end != text && (*end == '\0' || *end == '\n');
}

/* A line of mountinfo: see proc(5). */
struct mount {
	dev_t device;
	const char *point;
	const char *source;
};

static bool parse_mount(char *line, struct mount *out)
{
	char *fields[HOST_FIELDS_MAX];
	char *save = NULL;
	unsigned count = 0;
	unsigned dash = 0;

	for (char *field = strtok_r(line, " \n", &save); field != NULL && count < HOST_FIELDS_MAX;
	     field = strtok_r(NULL, " \n", &save))
		fields[count++] = field;
	for (unsigned i = 5; i < count && dash == 0; i++) {
		if (strcmp(fields[i], "-") == 0)
			dash = i;
	}
	if (dash == 0 || dash + 2 >= count)
		return false;
	if (!device_number(fields[2], &out->device))
		return false;
	out->point = fields[4];
	out->source = fields[dash + 2];
	return true;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) || S_ISBLK(b->st_mode))
		return S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* First line of a small file; false if there is none. */
static bool read_line(const char *path, char *out, size_t out_bytes)
{
	FILE *file = fopen(path, "re");
	bool good;

	if (file == NULL)
		return false;
	good = fgets(out, (int)out_bytes, file) != NULL;
	(void)fclose(file);
	if (good)
		out[strcspn(out, "\n")] = '\0';
	return good;
}

static bool rests_on(const struct ota_host *host, dev_t device, const struct stat *target, unsigned depth);

static bool slave_rests_on(const struct ota_host *host, const char *slaves, const char *name, const struct stat *target,
			   unsigned depth)
{
	char path[2 * OTA_PATH_MAX];
	char text[32];
	dev_t device;

	if (name[0] == '.' || snprintf(path, sizeof(path), "%s/%s/dev", slaves, name) >= (int)sizeof(path))
		return false;
	if (!read_line(path, text, sizeof(text)) || !device_number(text, &device))
		return false;
	return rests_on(host, device, target, depth);
}

/* Is `device` the target, or a loop device, mapping or array that has it below? */
static bool rests_on(const struct ota_host *host, dev_t device, const struct stat *target, unsigned depth)
{
	char base[OTA_PATH_MAX];
	char path[OTA_PATH_MAX + 32];
	char backing[OTA_PATH_MAX * 2];
	struct stat status;
	struct dirent *entry;
	bool found = false;
	DIR *slaves;

	if (S_ISBLK(target->st_mode) && target->st_rdev == device)
		return true;
	if (depth == 0)
		return false;
	(void)snprintf(base, sizeof(base), "%s/%u:%u", host->sys_block, major(device), minor(device));
	(void)snprintf(path, sizeof(path), "%s/loop/backing_file", base);
	if (read_line(path, backing, sizeof(backing)) && stat(backing, &status) == 0 && same_file(&status, target))
		return true;
	(void)snprintf(path, sizeof(path), "%s/slaves", base);
	slaves = opendir(path);
	if (slaves == NULL)
		return false;
	while (!found && (entry = readdir(slaves)) != NULL)
		found = slave_rests_on(host, path, entry->d_name, target, depth - 1);
	(void)closedir(slaves);
	return found;
}

static bool mount_rests_on(const struct ota_host *host, const struct mount *mount, const struct stat *target)
{
	struct stat status;

	if (rests_on(host, mount->device, target, HOST_DEPTH_MAX))
		return true;
	/* btrfs and others show a device number of their own: ask for the source's. */
	return mount->source[0] == '/' && stat(mount->source, &status) == 0 && S_ISBLK(status.st_mode) &&
	       rests_on(host, status.st_rdev, target, HOST_DEPTH_MAX);
}

static int find_mount(const struct ota_host *host, const struct stat *target, char *why, size_t why_bytes)
{
	FILE *file = fopen(host->mountinfo, "re");
	char *line = NULL;
	size_t room = 0;
	struct mount mount;
	int result = 0;

	if (file == NULL)
		return -errno;
	for (unsigned i = 0; i < HOST_LINES_MAX && result == 0 && getline(&line, &room, file) > 0; i++) {
		if (parse_mount(line, &mount) && mount_rests_on(host, &mount, target)) {
			(void)snprintf(why, why_bytes, "mounted on %s", mount.point);
			result = OTA_SLOT_IN_USE;
		}
	}
	if (ferror(file))
		result = -EIO;
	free(line);
	(void)fclose(file);
	return result;
}

static int find_swap(const struct ota_host *host, const struct stat *target, char *why, size_t why_bytes)
{
	FILE *file = fopen(host->swaps, "re");
	char line[OTA_PATH_MAX * 2];
	struct stat status;
	int result = 0;

	if (file == NULL)
		return errno == ENOENT ? 0 : -errno; /* a kernel without swap */
	for (unsigned i = 0; i < HOST_LINES_MAX && result == 0 && fgets(line, sizeof(line), file) != NULL; i++) {
		line[strcspn(line, " \t\n")] = '\0';
		if (line[0] != '/' || stat(line, &status) != 0)
			continue;
		if (same_file(&status, target) ||
		    (S_ISBLK(status.st_mode) && rests_on(host, status.st_rdev, target, HOST_DEPTH_MAX))) {
			(void)snprintf(why, why_bytes, "swap space");
			result = OTA_SLOT_IN_USE;
		}
	}
	(void)fclose(file);
	return result;
}

int ota_host_in_use(const struct ota_host *host, const char *device, char *why, size_t why_bytes)
{
	struct stat target;
	int result;

	if (stat(device, &target) != 0)
		return -errno;
	result = find_mount(host, &target, why, why_bytes);
	return result != 0 ? result : find_swap(host, &target, why, why_bytes);
}

/* The index of the slot that the root filesystem is on, or -1. */
static int root_slot(const struct ota_host *host, const struct ota_config *config)
{
	FILE *file = fopen(host->mountinfo, "re");
	char *line = NULL;
	size_t room = 0;
	struct mount mount;
	struct stat target;
	int slot = -1;

	if (file == NULL)
		return -1;
	for (unsigned i = 0; i < HOST_LINES_MAX && getline(&line, &room, file) > 0; i++) {
		if (!parse_mount(line, &mount) || strcmp(mount.point, "/") != 0)
			continue;
		slot = -1; /* what is mounted last on / is seen there */
		for (int s = 0; s < OTA_SLOTS; s++) {
			if (stat(config->slots[s].images[0].device, &target) == 0 &&
			    mount_rests_on(host, &mount, &target))
				slot = s;
		}
	}
	free(line);
	(void)fclose(file);
	return slot;
}

/* 0 with *slot = -1 if the command line says nothing. */
static int cmdline_slot(const struct ota_host *host, const struct ota_config *config, int *slot, char *detail,
			size_t detail_bytes)
{
	static const char *const keys[] = {"ota.slot=", "rauc.slot="};
	char line[4096];
	char name[OTA_NAME_MAX];
	char *save = NULL;

	*slot = -1;
	if (!read_line(host->cmdline, line, sizeof(line)))
		return 0;
	for (char *word = strtok_r(line, " \t", &save); word != NULL; word = strtok_r(NULL, " \t", &save)) {
		for (unsigned k = 0; k < 2; k++) {
			if (strncmp(word, keys[k], strlen(keys[k])) != 0)
				continue;
			for (int s = 0; s < OTA_SLOTS; s++) {
				(void)snprintf(name, sizeof(name), "rootfs.%u", config->slots[s].index);
				if (strcmp(word + strlen(keys[k]), config->slots[s].bootname) == 0 ||
				    strcmp(word + strlen(keys[k]), name) == 0)
					*slot = s;
			}
			if (*slot >= 0)
				return 0;
			(void)snprintf(detail, detail_bytes,
				       "the kernel was started with %s, which %s does not name; add the slot there",
				       word, config->path);
			return OTA_BAD_CONFIG;
		}
	}
	return 0;
}

int ota_host_booted(const struct ota_host *host, const struct ota_config *config, char out[OTA_BOOTNAME_MAX],
		    char *detail, size_t detail_bytes)
{
	int root = root_slot(host, config);
	int said = -1;
	int result;

	if (config->booted[0] != '\0' && root < 0) {
		memcpy(out, config->booted, OTA_BOOTNAME_MAX);
		return 0;
	}
	if (config->booted[0] != '\0') {
		(void)snprintf(detail, detail_bytes,
			       "%s: booted=%s, but the root filesystem is on slot %s; remove booted=", config->path,
			       config->booted, config->slots[root].bootname);
		return OTA_BAD_CONFIG;
	}
	result = cmdline_slot(host, config, &said, detail, detail_bytes);
	if (result != 0)
		return result;
	if (said >= 0 && root >= 0 && said != root) {
		(void)snprintf(detail, detail_bytes,
			       "the kernel's command line says slot %s, but the root filesystem is on slot %s; correct "
			       "the boot script",
			       config->slots[said].bootname, config->slots[root].bootname);
		return OTA_BAD_CONFIG;
	}
	if (said < 0 && root < 0) {
		(void)snprintf(
		    detail, detail_bytes,
		    "which slot is booted is not known: the root filesystem is on no slot of %s; start the kernel with "
		    "ota.slot=NAME or, away from a device, set [system] booted=",
		    config->path);
		return OTA_BAD_CONFIG;
	}
	memcpy(out, config->slots[said >= 0 ? said : root].bootname, OTA_BOOTNAME_MAX);
	return 0;
}
