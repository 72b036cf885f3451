/* SPDX-License-Identifier: Apache-2.0 */
/* The lab of the kill test: a device of plain files, an update for it, and their directory. */
#define _GNU_SOURCE /* O_CLOEXEC with the others */
#include "test/kill/kill-lab.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/kill/kill-process.h"

#define MIB              (1024u * 1024u)
#define SLOT_EXTRA_BYTES (2u * MIB) /* for the slot descriptor */
#define CHUNK_BYTES      65536u
#define RANDOM_BYTES     40000u /* of each 64 KiB; the rest compresses */
#define FILE_MAX_BYTES   (64u * MIB)
#define RECORD_BYTES     40u
#define HEADER_BYTES     32u
#define TOOL_TIMEOUT_MS  60000

int lab_fail(struct lab *lab, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(lab->why, sizeof(lab->why), format, arguments);
	va_end(arguments);
	return -1;
}

void lab_path(const struct lab *lab, char out[LAB_PATH_MAX], const char *name)
{
	int length = snprintf(out, LAB_PATH_MAX, "%s/%s", lab->dir, name);

	if (length >= LAB_PATH_MAX)
		abort(); /* the directory's name was bounded for all of them */
}

/* splitmix64. */
uint64_t lab_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void lab_old_header(uint8_t out[LAB_OLD_BYTES])
{
	for (unsigned i = 0; i < LAB_OLD_BYTES; i++)
		out[i] = (uint8_t)(0x40 + i % 23);
}

static int write_file(struct lab *lab, const char *path, const void *data, size_t size_bytes)
{
	FILE *file = fopen(path, "we");
	bool good = file != NULL && fwrite(data, 1, size_bytes, file) == size_bytes;

	if (file != NULL && fclose(file) != 0)
		good = false;
	return good ? 0 : lab_fail(lab, "%s: %s", path, strerror(errno));
}

int lab_read(struct lab *lab, const char *path, uint8_t **out, size_t *out_bytes)
{
	struct stat status;
	FILE *file = fopen(path, "re");
	bool good = file != NULL && fstat(fileno(file), &status) == 0 && status.st_size <= FILE_MAX_BYTES;

	*out = NULL;
	if (good) {
		*out_bytes = (size_t)status.st_size;
		*out = malloc(*out_bytes + 1);
		good = *out != NULL && fread(*out, 1, *out_bytes, file) == *out_bytes;
	}
	if (file != NULL)
		(void)fclose(file);
	if (good) {
		(*out)[*out_bytes] = '\0';
		return 0;
	}
	free(*out);
	*out = NULL;
	return lab_fail(lab, "%s cannot be read: %s", path, strerror(errno));
}

static int make_image(struct lab *lab, unsigned index, const char *name, uint64_t size_bytes, uint64_t seed)
{
	struct lab_image *image = &lab->images[index];
	uint64_t state = seed * LAB_IMAGES + index;
	char path[LAB_PATH_MAX];
	char slot[32];

	image->name = name;
	image->size_bytes = size_bytes;
	image->content = malloc(size_bytes);
	if (image->content == NULL)
		return lab_fail(lab, "out of memory");
	for (uint64_t i = 0; i < size_bytes; i += 8) {
		uint64_t word = i % CHUNK_BYTES < RANDOM_BYTES ? lab_random(&state) : i / CHUNK_BYTES;

		memcpy(image->content + i, &word, sizeof(word));
	}
	for (unsigned s = 0; s < 2; s++) {
		(void)snprintf(slot, sizeof(slot), "device/%s-%c", name, 'a' + (char)s);
		lab_path(lab, image->slot[s], slot);
	}
	lab_path(lab, path, name);
	return write_file(lab, path, image->content, size_bytes);
}

static int run_tool(struct lab *lab, const char *const argv[])
{
	int status = process_run(argv, lab->dir, lab->log, TOOL_TIMEOUT_MS);

	return status == 0 ? 0 : lab_fail(lab, "%s failed (%d); see %s", argv[0], status, lab->log);
}

static uint32_t number_at(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Read here from the format's description (bundle.h), not by the library under test. */
static int read_layout(struct lab *lab, const char *path)
{
	uint8_t *bundle = NULL;
	size_t size_bytes = 0;
	uint64_t offset, index;

	if (lab_read(lab, path, &bundle, &size_bytes) != 0)
		return -1;
	index = HEADER_BYTES + (uint64_t)number_at(bundle + 12);
	lab->chunks = number_at(bundle + 16) / RECORD_BYTES;
	offset = index + number_at(bundle + 16) + number_at(bundle + 20);
	lab->head_bytes = offset;
	lab->chunk_offset = calloc((size_t)lab->chunks + 1, sizeof(*lab->chunk_offset));
	if (lab->chunk_offset == NULL || offset > size_bytes) {
		free(bundle);
		return lab_fail(lab, "%s: not a bundle", path);
	}
	for (uint32_t i = 0; i < lab->chunks; i++) {
		lab->chunk_offset[i] = offset;
		offset += number_at(bundle + index + (uint64_t)i * RECORD_BYTES);
	}
	lab->chunk_offset[lab->chunks] = offset;
	free(bundle);
	return offset == size_bytes ? 0 : lab_fail(lab, "%s: its chunks do not fill it", path);
}

static int make_bundle(struct lab *lab)
{
	char script[LAB_PATH_MAX], pki[LAB_PATH_MAX], path[LAB_PATH_MAX];
	char certificate[LAB_PATH_MAX + 32], key[LAB_PATH_MAX + 32];
	char image[LAB_IMAGES][LAB_PATH_MAX + 64];
	const char *make_pki[] = {script, pki, NULL};
	const char *bundle[] = {lab->ota,
				"bundle",
				"--compatible=lab",
				"--version=2.0",
				"--sequence=20",
				image[0],
				image[1],
				certificate,
				key,
				path,
				NULL};

	if (snprintf(script, sizeof(script), "%s/images/pki.sh", lab->root) >= (int)sizeof(script))
		return lab_fail(lab, "%s: the path is too long", lab->root);
	lab_path(lab, pki, "pki");
	if (run_tool(lab, make_pki) != 0)
		return -1;
	(void)snprintf(certificate, sizeof(certificate), "--certificate=%s/pki/sign.pem", lab->dir);
	(void)snprintf(key, sizeof(key), "--key=%s/pki/sign.key", lab->dir);
	for (unsigned i = 0; i < LAB_IMAGES; i++)
		(void)snprintf(image[i], sizeof(image[i]), "--image=%s=%s/%s", lab->images[i].name, lab->dir,
			       lab->images[i].name);
	lab_path(lab, path, "files/update.ota");
	return run_tool(lab, bundle) != 0 ? -1 : read_layout(lab, path);
}

/* Two copies as mkenvimage makes them, not by the codec under test. */
static int make_environment(struct lab *lab)
{
	char source[LAB_PATH_MAX], path[LAB_PATH_MAX];
	char text[2 * LAB_PATH_MAX + 64];
	const char *argv[] = {"mkenvimage", "-r", "-s", "16384", "-o", path, source, NULL};
	uint8_t *copy = NULL;
	size_t copy_bytes = 0;

	if (snprintf(source, sizeof(source), "%s/images/uboot/ota.env", lab->root) >= (int)sizeof(source))
		return lab_fail(lab, "%s: the path is too long", lab->root);
	lab_path(lab, path, "environment");
	if (run_tool(lab, argv) != 0 || lab_read(lab, path, &copy, &copy_bytes) != 0)
		return -1;
	lab->environment_bytes = 2 * copy_bytes;
	lab->environment = malloc(lab->environment_bytes);
	if (lab->environment != NULL) {
		memcpy(lab->environment, copy, copy_bytes);
		memcpy(lab->environment + copy_bytes, copy, copy_bytes);
	}
	free(copy);
	lab_path(lab, path, "device/env.img");
	(void)snprintf(text, sizeof(text), "%s 0x0 0x4000\n%s 0x4000 0x4000\n", path, path);
	lab_path(lab, path, "device/fw_env.config");
	return lab->environment != NULL ? write_file(lab, path, text, strlen(text)) : lab_fail(lab, "out of memory");
}

static int make_config(struct lab *lab)
{
	const char *d = lab->dir;
	char text[8 * LAB_PATH_MAX];
	int length =
	    snprintf(text, sizeof(text),
		     "[system]\ncompatible=lab\nbootloader=uboot\nbooted=A\nstate=%s/device/state\n"
		     "lockfile=%s/device/lock\n[keyring]\npath=%s/pki/root.pem\n[tls]\nca=%s/pki/tls-root.pem\n"
		     "[uboot]\nconfig=%s/device/fw_env.config\n[update]\ncheckpoint-bytes=1048576\n"
		     "[handlers]\nreboot=/bin/true\n"
		     "[slot.rootfs.0]\ndevice=%s\nbootname=A\n[slot.rootfs.1]\ndevice=%s\nbootname=B\n"
		     "[slot.kernel.0]\ndevice=%s\nparent=rootfs.0\n[slot.kernel.1]\ndevice=%s\nparent=rootfs.1\n",
		     d, d, d, d, d, lab->images[0].slot[0], lab->images[0].slot[1], lab->images[1].slot[0],
		     lab->images[1].slot[1]);

	if (length >= (int)sizeof(text))
		return lab_fail(lab, "%s: the path is too long", d);
	lab_path(lab, lab->config, "device/system.conf");
	return write_file(lab, lab->config, text, (size_t)length);
}

/* Empty but for a header block per image, which a bootloader would take for something to start. */
static int make_slot(struct lab *lab, const struct lab_image *image, unsigned slot)
{
	uint8_t header[LAB_OLD_BYTES];
	int fd = open(image->slot[slot], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0;

	lab_old_header(header);
	good = good && ftruncate(fd, (off_t)(image->size_bytes + SLOT_EXTRA_BYTES)) == 0;
	good = good && pwrite(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header);
	if (fd >= 0 && close(fd) != 0)
		good = false;
	return good ? 0 : lab_fail(lab, "%s: %s", image->slot[slot], strerror(errno));
}

int lab_reset(struct lab *lab)
{
	static const char *const made[] = {"device/state", "device/state.new", "device/lock"};
	char path[LAB_PATH_MAX];

	for (unsigned i = 0; i < LAB_IMAGES; i++)
		if (make_slot(lab, &lab->images[i], 1) != 0)
			return -1;
	for (unsigned i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		lab_path(lab, path, made[i]);
		if (unlink(path) != 0 && errno != ENOENT)
			return lab_fail(lab, "%s: %s", path, strerror(errno));
	}
	if (unlink(lab->log) != 0 && errno != ENOENT)
		return lab_fail(lab, "%s: %s", lab->log, strerror(errno));
	lab_path(lab, path, "device/env.img");
	return write_file(lab, path, lab->environment, lab->environment_bytes);
}

/* build/VARIANT/test/kill: the command lies beside it, the sources three levels above. */
static int find_sources(struct lab *lab)
{
	char self[LAB_PATH_MAX] = "";
	char *variant;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		return lab_fail(lab, "/proc/self/exe: %s", strerror(errno));
	variant = dirname(dirname(self));
	if (snprintf(lab->ota, LAB_PATH_MAX, "%s/ota", variant) >= LAB_PATH_MAX)
		return lab_fail(lab, "%s: the path is too long", variant);
	(void)snprintf(lab->root, LAB_PATH_MAX, "%s", dirname(dirname(variant)));
	return access(lab->ota, X_OK) == 0 ? 0 : lab_fail(lab, "%s: %s", lab->ota, strerror(errno));
}

static int make_directories(struct lab *lab)
{
	static const char *const names[] = {"device", "files", "tmp"};
	const char *base = getenv("TMPDIR");
	char path[LAB_PATH_MAX];

	/* Bounded, so that every name below it fits a line of the configuration. */
	if (snprintf(lab->dir, 100, "%s/ota-kill-XXXXXX", base != NULL ? base : "/tmp") >= 100)
		return lab_fail(lab, "TMPDIR=%s: the path is too long", base);
	if (mkdtemp(lab->dir) == NULL) {
		int error = errno;

		lab_fail(lab, "%s: %s", lab->dir, strerror(error));
		lab->dir[0] = '\0';
		return -1;
	}
	lab_path(lab, lab->log, "log");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		lab_path(lab, path, names[i]);
		if (mkdir(path, 0755) != 0)
			return lab_fail(lab, "%s: %s", path, strerror(errno));
	}
	return 0;
}

int lab_init(struct lab *lab, uint64_t seed)
{
	memset(lab, 0, sizeof(*lab));
	lab->server_fd = -1;
	if (find_sources(lab) != 0 || make_directories(lab) != 0 ||
	    make_image(lab, 0, "rootfs", 24u * MIB, seed) != 0 || make_image(lab, 1, "kernel", 2u * MIB, seed) != 0 ||
	    make_bundle(lab) != 0 || make_environment(lab) != 0 || make_config(lab) != 0)
		return -1;
	for (unsigned i = 0; i < LAB_IMAGES; i++)
		if (make_slot(lab, &lab->images[i], 0) != 0)
			return -1;
	return 0;
}

void lab_deinit(struct lab *lab, bool keep)
{
	const char *argv[] = {"rm", "-rf", lab->dir, NULL};

	if (lab->dir[0] != '\0' && !keep && process_run(argv, "/", "/dev/null", TOOL_TIMEOUT_MS) != 0)
		(void)fprintf(stderr, "kill: %s could not be removed\n", lab->dir);
	for (unsigned i = 0; i < LAB_IMAGES; i++)
		free(lab->images[i].content);
	free(lab->environment);
	free(lab->chunk_offset);
}
