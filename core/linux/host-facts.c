/* SPDX-License-Identifier: Apache-2.0 */
/* Reads from /proc and /sys which slot runs and which devices are in use. */
#define _GNU_SOURCE /* getline() with the others */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "linux/host-facts.h"

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

/* First line of a small file: 1, 0 if there is none, or -errno when nothing can be opened: that is no answer. */
static int read_line(const char *path, char *out, size_t out_bytes)
{
	FILE *file = fopen(path, "re");
	bool good;

	if (file == NULL)
		return ota_reason_exhausted(-errno) ? -errno : 0;
	good = fgets(out, (int)out_bytes, file) != NULL;
	(void)fclose(file);
	if (good)
		out[strcspn(out, "\n")] = '\0';
	return good;
}

static int rests_on(const struct ota_host *host, dev_t device, const struct stat *target, unsigned depth);

static int slave_rests_on(const struct ota_host *host, const char *slaves, const char *name, const struct stat *target,
			  unsigned depth)
{
	char path[2 * OTA_PATH_MAX];
	char text[32];
	dev_t device;
	int result;

	if (name[0] == '.' || snprintf(path, sizeof(path), "%s/%s/dev", slaves, name) >= (int)sizeof(path))
		return 0;
	result = read_line(path, text, sizeof(text));
	if (result <= 0 || !device_number(text, &device))
		return result < 0 ? result : 0;
	return rests_on(host, device, target, depth);
}

/* Is `device` the target, or a loop device, mapping or array that has it below? 1, 0 or -errno. */
static int rests_on(const struct ota_host *host, dev_t device, const struct stat *target, unsigned depth)
{
	char base[OTA_PATH_MAX];
	char path[OTA_PATH_MAX + 32];
	char backing[OTA_PATH_MAX * 2];
	struct stat status;
	struct dirent *entry;
	int found;
	DIR *slaves;

	if (S_ISBLK(target->st_mode) && target->st_rdev == device)
		return 1;
	if (depth == 0)
		return 0;
	(void)snprintf(base, sizeof(base), "%s/%u:%u", host->sys_block, major(device), minor(device));
	(void)snprintf(path, sizeof(path), "%s/loop/backing_file", base);
	found = read_line(path, backing, sizeof(backing));
	if (found < 0 || (found > 0 && stat(backing, &status) == 0 && same_file(&status, target)))
		return found;
	(void)snprintf(path, sizeof(path), "%s/slaves", base);
	slaves = opendir(path);
	if (slaves == NULL)
		return ota_reason_exhausted(-errno) ? -errno : 0;
	found = 0;
	while (found == 0 && (entry = readdir(slaves)) != NULL)
		found = slave_rests_on(host, path, entry->d_name, target, depth - 1);
	(void)closedir(slaves);
	return found;
}

static int mount_rests_on(const struct ota_host *host, const struct mount *mount, const struct stat *target)
{
	struct stat status;
	int found = rests_on(host, mount->device, target, HOST_DEPTH_MAX);

	if (found != 0)
		return found;
	/* btrfs and others show a device number of their own: ask for the source's. */
	if (mount->source[0] != '/' || stat(mount->source, &status) != 0 || !S_ISBLK(status.st_mode))
		return 0;
	return rests_on(host, status.st_rdev, target, HOST_DEPTH_MAX);
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
		if (!parse_mount(line, &mount))
			continue;
		result = mount_rests_on(host, &mount, target);
		if (result > 0) {
			(void)snprintf(why, why_bytes, "mounted on %s", mount.point);
			result = OTA_SLOT_IN_USE;
		}
	}
	if (result == 0 && ferror(file))
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
		result = same_file(&status, target);
		if (result == 0 && S_ISBLK(status.st_mode))
			result = rests_on(host, status.st_rdev, target, HOST_DEPTH_MAX);
		if (result > 0) {
			(void)snprintf(why, why_bytes, "swap space");
			result = OTA_SLOT_IN_USE;
		}
	}
	if (result == 0 && ferror(file))
		result = -EIO;
	(void)fclose(file);
	return result;
}

int ota_host_in_use(const struct ota_host *host, const char *device, char *why, size_t why_bytes)
{
	struct stat target;
	int result;

	why[0] = '\0';
	if (stat(device, &target) != 0)
		return -errno;
	result = find_mount(host, &target, why, why_bytes);
	if (result == 0)
		result = find_swap(host, &target, why, why_bytes);
	if (result < 0)
		(void)snprintf(why, why_bytes, "%s and %s: %s", host->mountinfo, host->swaps, strerror(-result));
	return result;
}

/* The slot that this mount is of goes into *slot, if it is one's. 0 or -errno. */
static int slot_of_mount(const struct ota_host *host, const struct ota_config *config, const struct mount *mount,
			 int *slot)
{
	struct stat target;

	*slot = -1; /* what is mounted last on / is seen there */
	for (int s = 0; s < OTA_SLOTS; s++) {
		int found = 0;

		if (stat(config->slots[s].images[0].device, &target) == 0)
			found = mount_rests_on(host, mount, &target);
		if (found < 0)
			return found;
		if (found > 0)
			*slot = s;
	}
	return 0;
}

/* The index of the slot that the root filesystem is on, or -1. 0 or -errno. */
static int root_slot(const struct ota_host *host, const struct ota_config *config, int *slot)
{
	FILE *file = fopen(host->mountinfo, "re");
	char *line = NULL;
	size_t room = 0;
	struct mount mount;
	int result = 0;

	*slot = -1;
	if (file == NULL)
		return errno == ENOENT ? 0 : -errno; /* no /proc yet: the command line may say */
	for (unsigned i = 0; i < HOST_LINES_MAX && result == 0 && getline(&line, &room, file) > 0; i++) {
		if (parse_mount(line, &mount) && strcmp(mount.point, "/") == 0)
			result = slot_of_mount(host, config, &mount, slot);
	}
	if (result == 0 && ferror(file))
		result = -EIO;
	free(line);
	(void)fclose(file);
	return result;
}

/* 0 with *slot = -1 if the command line says nothing. */
static int cmdline_slot(const struct ota_host *host, const struct ota_config *config, int *slot, char *detail,
			size_t detail_bytes)
{
	static const char *const keys[] = {"ota.slot=", "rauc.slot="};
	char line[4096];
	char name[OTA_NAME_MAX];
	char *save = NULL;
	int result;

	*slot = -1;
	result = read_line(host->cmdline, line, sizeof(line));
	if (result <= 0)
		return result;
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
	int root = -1;
	int said = -1;
	int result = root_slot(host, config, &root);

	if (result < 0) {
		(void)snprintf(detail, detail_bytes, "which slot is booted cannot be told: %s: %s", host->mountinfo,
			       strerror(-result));
		return result;
	}
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
	if (result < 0)
		(void)snprintf(detail, detail_bytes, "which slot is booted cannot be told: %s: %s", host->cmdline,
			       strerror(-result));
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
