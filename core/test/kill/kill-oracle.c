/* SPDX-License-Identifier: Apache-2.0 */
/* The oracles of the kill test: what must hold after a kill, and after recovery. */
#define _GNU_SOURCE /* flock() with the others */
#include "test/kill/kill-oracle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/kill/kill-process.h"

#define TOOL_TIMEOUT_MS 30000

#define SECTOR_BYTES 512

/* SEALED: all new but for the first sector, without which nothing starts and which is written last. */
enum content { CONTENT_NEW, CONTENT_OLD, CONTENT_BARRED, CONTENT_SEALED, CONTENT_MIXED };

/* What the boot environment says, as others read it. */
struct environment {
	char slot[16];
	bool trial;
	char bootcount[16];
};

static int read_environment(struct lab *lab, struct environment *out)
{
	char config[LAB_PATH_MAX], log[LAB_PATH_MAX];
	const char *argv[] = {"fw_printenv", "-c", config, NULL};
	uint8_t *text = NULL;
	size_t size_bytes = 0;
	char *save = NULL;
	int status;

	memset(out, 0, sizeof(*out));
	out->slot[0] = 'A'; /* what the boot script takes when nothing was stored */
	lab_path(lab, config, "device/fw_env.config");
	lab_path(lab, log, "printenv");
	(void)unlink(log);
	status = process_run(argv, lab->dir, log, TOOL_TIMEOUT_MS);
	if (lab_read(lab, log, &text, &size_bytes) != 0)
		return -1;
	if (status != 0 || strstr((char *)text, "bootcmd=") == NULL) {
		free(text);
		return lab_fail(lab, "fw_printenv cannot read the environment (status %d); see %s", status, log);
	}
	for (char *line = strtok_r((char *)text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		(void)sscanf(line, "ota_slot=%15s", out->slot);
		(void)sscanf(line, "bootcount=%15s", out->bootcount);
		if (strcmp(line, "upgrade_available=1") == 0)
			out->trial = true;
	}
	free(text);
	return 0;
}

static int parse_status(struct lab *lab, const json_t *root, struct standing *out, struct environment *boot)
{
	static const char *const phases[] = {"idle", "installing", "written"};
	const json_t *slot = json_array_get(json_object_get(root, "slots"), 1);
	const char *phase = "", *selected = "", *version = "";
	int readable = 0, trial = 0, chunks = 0;

	if (json_unpack((json_t *)(uintptr_t)root, "{s:{s:s,s:i},s:{s:s,s:b,s:b}}", "journal", "phase", &phase,
			"chunks_done", &chunks, "boot", "selected", &selected, "trial", &trial, "readable",
			&readable) != 0)
		return lab_fail(lab, "ota status: something is missing");
	version = json_string_value(json_object_get(slot, "version"));
	out->described = version != NULL && strcmp(version, "2.0") == 0;
	out->chunks_done = (uint32_t)chunks;
	out->phase = PHASE_COUNT;
	for (unsigned i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (strcmp(phase, phases[i]) == 0)
			out->phase = (enum phase)i;
	if (out->phase == PHASE_COUNT || !readable)
		return lab_fail(lab, "ota status: phase %s, boot state %s", phase, readable ? "good" : "unreadable");
	if (trial)
		out->phase = PHASE_ARMED;
	(void)snprintf(boot->slot, sizeof(boot->slot), "%s", selected);
	boot->trial = trial != 0;
	return 0;
}

static int read_status(struct lab *lab, struct standing *out, struct environment *boot)
{
	char option[LAB_PATH_MAX + 16], log[LAB_PATH_MAX];
	const char *argv[] = {lab->ota, option, "status", "--output-format=json", NULL};
	json_error_t error;
	json_t *root;
	int result;

	(void)snprintf(option, sizeof(option), "--config=%s", lab->config);
	lab_path(lab, log, "status");
	(void)unlink(log);
	result = process_run(argv, lab->dir, log, TOOL_TIMEOUT_MS);
	if (result != 0)
		return lab_fail(lab, "ota status: exit status %d; see %s", result, log);
	root = json_load_file(log, 0, &error);
	if (root == NULL)
		return lab_fail(lab, "ota status: %s; see %s", error.text, log);
	result = parse_status(lab, root, out, boot);
	json_decref(root);
	return result;
}

/* Both tell the same. */
static int read_standing(struct lab *lab, struct standing *out, struct environment *environment)
{
	struct environment boot = {0};

	if (read_environment(lab, environment) != 0 || read_status(lab, out, &boot) != 0)
		return -1;
	if (strcmp(environment->slot, boot.slot) == 0 && environment->trial == boot.trial)
		return 0;
	return lab_fail(lab, "fw_printenv says slot %s%s, ota status says %s%s", environment->slot,
			environment->trial ? " on trial" : "", boot.slot, boot.trial ? " on trial" : "");
}

static bool is_zero(const uint8_t *data, size_t size_bytes)
{
	return data[0] == 0 && memcmp(data, data + 1, size_bytes - 1) == 0;
}

static enum content content_of(const struct lab_image *image, const uint8_t *data)
{
	uint8_t old[LAB_OLD_BYTES];

	lab_old_header(old);
	if (is_zero(data, LAB_OLD_BYTES))
		return CONTENT_BARRED;
	if (memcmp(data, image->content, image->size_bytes) == 0)
		return CONTENT_NEW;
	if (memcmp(data, old, LAB_OLD_BYTES) == 0 && is_zero(data + LAB_OLD_BYTES, image->size_bytes - LAB_OLD_BYTES))
		return CONTENT_OLD;
	if (is_zero(data, SECTOR_BYTES) &&
	    memcmp(data + SECTOR_BYTES, image->content + SECTOR_BYTES, image->size_bytes - SECTOR_BYTES) == 0)
		return CONTENT_SEALED;
	return CONTENT_MIXED;
}

static int read_content(struct lab *lab, unsigned index, unsigned slot, enum content *out)
{
	const struct lab_image *image = &lab->images[index];
	int fd = open(image->slot[slot], O_RDONLY | O_CLOEXEC);
	void *data = fd < 0 ? MAP_FAILED : mmap(NULL, image->size_bytes, PROT_READ, MAP_SHARED, fd, 0);
	int error = errno;

	if (fd >= 0)
		(void)close(fd);
	if (data == MAP_FAILED)
		return lab_fail(lab, "%s: %s", image->slot[slot], strerror(error));
	*out = content_of(image, data);
	(void)munmap(data, image->size_bytes);
	return 0;
}

static int check_lock(struct lab *lab)
{
	char path[LAB_PATH_MAX];
	int result = 0;
	int fd;

	lab_path(lab, path, "device/lock");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : lab_fail(lab, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		result = lab_fail(lab, "%s is still held: %s", path, strerror(errno));
	(void)close(fd);
	return result;
}

int oracle_killed(struct lab *lab, struct standing *out)
{
	struct environment environment;
	enum content rootfs, kernel;

	if (check_lock(lab) != 0 || read_standing(lab, out, &environment) != 0 ||
	    read_content(lab, 0, 1, &rootfs) != 0 || read_content(lab, 1, 1, &kernel) != 0)
		return -1;
	if (out->chunks_done > lab->chunks)
		return lab_fail(lab, "%u chunks done of %u", out->chunks_done, lab->chunks);
	if (strcmp(environment.slot, "A") != 0 && (rootfs != CONTENT_NEW || kernel != CONTENT_NEW))
		return lab_fail(lab, "slot %s is selected, and does not hold the new version", environment.slot);
	if (rootfs == CONTENT_BARRED || (rootfs == CONTENT_SEALED && kernel == CONTENT_NEW) ||
	    (rootfs == kernel && (rootfs == CONTENT_OLD || rootfs == CONTENT_NEW)))
		return 0;
	return lab_fail(lab, "slot B can be started, and is neither all old nor all new");
}

static int check_litter(struct lab *lab, const char *name, const char *const expected[])
{
	char path[LAB_PATH_MAX];
	int result = 0;
	struct dirent *entry;
	DIR *dir;

	lab_path(lab, path, name);
	dir = opendir(path);
	if (dir == NULL)
		return lab_fail(lab, "%s: %s", path, strerror(errno));
	while (result == 0 && (entry = readdir(dir)) != NULL) {
		unsigned i = 0;

		while (expected[i] != NULL && strcmp(expected[i], entry->d_name) != 0)
			i++;
		if (expected[i] == NULL)
			result = lab_fail(lab, "%s/%s was left behind", path, entry->d_name);
	}
	(void)closedir(dir);
	return result;
}

int oracle_recovered(struct lab *lab)
{
	static const char *const device[] = {".",           "..",       "rootfs-a", "rootfs-b",
					     "kernel-a",    "kernel-b", "env.img",  "fw_env.config",
					     "system.conf", "state",    "lock",     NULL};
	static const char *const nothing[] = {".", "..", NULL};
	struct environment environment;
	struct standing standing;

	if (check_lock(lab) != 0 || read_standing(lab, &standing, &environment) != 0)
		return -1;
	if (standing.phase != PHASE_ARMED || strcmp(environment.slot, "B") != 0 ||
	    strcmp(environment.bootcount, "0") != 0)
		return lab_fail(lab, "slot B is not armed: slot %s%s, bootcount %s", environment.slot,
				environment.trial ? " on trial" : "", environment.bootcount);
	if (!standing.described)
		return lab_fail(lab, "slot B does not say that it holds version 2.0");
	for (unsigned i = 0; i < LAB_IMAGES; i++) {
		enum content content;

		if (read_content(lab, i, 1, &content) != 0)
			return -1;
		if (content != CONTENT_NEW)
			return lab_fail(lab, "slot B is armed, and its %s is not the new one", lab->images[i].name);
	}
	return check_litter(lab, "device", device) != 0 ? -1 : check_litter(lab, "tmp", nothing);
}

int oracle_running_slot(struct lab *lab)
{
	for (unsigned i = 0; i < LAB_IMAGES; i++) {
		enum content content;

		if (read_content(lab, i, 0, &content) != 0)
			return -1;
		if (content != CONTENT_OLD)
			return lab_fail(lab, "the running slot's %s was written to", lab->images[i].name);
	}
	return 0;
}

uint64_t oracle_durable_end(const struct lab *lab, const struct standing *standing)
{
	switch (standing->phase) {
	case PHASE_INSTALLING:
		return lab->chunk_offset[standing->chunks_done];
	case PHASE_WRITTEN:
	case PHASE_ARMED:
		return lab->chunk_offset[lab->chunks];
	default:
		return lab->head_bytes;
	}
}
