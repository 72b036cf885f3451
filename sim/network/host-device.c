/* SPDX-License-Identifier: Apache-2.0 */
#include "network/host-device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "network/zoo-home.h"
#include "ota/uboot.h"

#define CONFIG_BYTES    4096u
#define INIT_TIMEOUT_MS 30000
#define LIMIT_DEFAULT   3u
#define ZOO_FILES_MAX   4096u

static const char *const media[] = {"a", "b", "env", "state"};
#define MEDIA_COUNT (sizeof(media) / sizeof(media[0]))

static int path_of(const struct yp_network_device *device, const char *name, char out[YP_NETWORK_DEVICE_PATH * 2])
{
	return snprintf(out, YP_NETWORK_DEVICE_PATH * 2, "%s/%s", device->dir, name) < (int)YP_NETWORK_DEVICE_PATH * 2
		   ? 0
		   : -ENAMETOOLONG;
}

uint8_t *yp_network_device_load(const struct yp_network_device *device, const char *name, size_t *size_bytes)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];
	struct stat status;
	uint8_t *data = NULL;
	int fd;

	if (path_of(device, name, path) != 0)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0)
		data = malloc((size_t)status.st_size + 1);
	if (data && read(fd, data, (size_t)status.st_size) != status.st_size) {
		free(data);
		data = NULL;
	}
	if (data)
		*size_bytes = (size_t)status.st_size;
	close(fd);
	return data;
}

int yp_network_device_store(const struct yp_network_device *device, const char *name, const void *data,
			    size_t size_bytes)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];
	int result = path_of(device, name, path);
	int fd;

	if (result != 0)
		return result;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, data, size_bytes) != (ssize_t)size_bytes)
		result = -EIO;
	if (close(fd) != 0 && result == 0)
		result = -errno;
	return result;
}

int yp_network_device_configure(const struct yp_network_device *device, const char *server, const char *extra)
{
	char text[CONFIG_BYTES], report[YP_NETWORK_DEVICE_PATH] = "";
	char health[YP_NETWORK_DEVICE_PATH * 2] = "";
	const char *d = device->dir;
	int length;

	if (device->health)
		(void)snprintf(health, sizeof(health), "[health]\ndir=%s/health\ntimeout-ms=400\n", d);

	if (server)
		(void)snprintf(report, sizeof(report), "url=%s/update.ota\nreport-url=%s/report\n", server, server);
	length =
	    snprintf(text, sizeof(text),
		     "[system]\ncompatible=yankproof-net\nbootloader=%s\ndevice-id=%s\nstate=%s/"
		     "state\nlockfile=%s/lock\nbooted=%s\n"
		     "[keyring]\npath=%s/root.pem\n[uboot]\nconfig=%s/fw_env.config\n[handlers]\nreboot=/bin/true\n%s"
		     "%s[slot.rootfs.0]\ndevice=%s/a\nbootname=A\n[slot.rootfs.1]\ndevice=%s/b\nbootname=B\n"
		     "[update]\n%scheckpoint-bytes=65536\n%s",
		     device->custom ? "custom" : "uboot", device->id[0] != '\0' ? device->id : "net-1", d, d,
		     device->booted, device->zoo, d, device->handlers, health, d, d, report, extra);

	if (length < 0 || (size_t)length >= sizeof(text))
		return -ENAMETOOLONG;
	return yp_network_device_store(device, "system.conf", text, (size_t)length);
}

static int renew(const struct yp_network_device *template, const struct yp_network_device *device)
{
	char name[32];

	for (unsigned i = 0; i < MEDIA_COUNT; i++) {
		size_t size_bytes;
		uint8_t *data;
		int result;

		(void)snprintf(name, sizeof(name), "%s.template", media[i]);
		data = yp_network_device_load(template, name, &size_bytes);
		if (!data)
			return -EIO;
		result = yp_network_device_store(device, media[i], data, size_bytes);
		free(data);
		if (result != 0)
			return result;
	}
	return 0;
}

int yp_network_device_fresh(struct yp_network_device *device, const char *server, const char *extra)
{
	int result = renew(device, device);

	if (result != 0)
		return result;
	device->handlers[0] = '\0';
	device->wrapper[0] = '\0';
	device->health = false;
	device->custom = false;
	(void)snprintf(device->booted, sizeof(device->booted), "B");
	return yp_network_device_configure(device, server, extra);
}

/* The copy that holds: parsed, its index and counter. NULL: both are bad. */
static struct ota_env *read_env(const struct yp_network_device *device, unsigned *copy, uint8_t *flags)
{
	struct ota_env *envs[2] = {NULL, NULL};
	enum ota_env_copy good[2] = {OTA_ENV_BAD, OTA_ENV_BAD};
	uint8_t counters[2] = {0, 0};
	size_t size_bytes = 0;
	uint8_t *raw = yp_network_device_load(device, "env", &size_bytes);
	int holds;

	for (unsigned i = 0; raw && size_bytes >= 2 * YP_NETWORK_DEVICE_ENV_BYTES && i < 2; i++)
		if (ota_env_parse(raw + i * YP_NETWORK_DEVICE_ENV_BYTES, YP_NETWORK_DEVICE_ENV_BYTES, &envs[i],
				  &counters[i]) == 0)
			good[i] = OTA_ENV_GOOD;
	free(raw);
	holds = ota_env_arbitrate(good[0], counters[0], good[1], counters[1]);
	for (int i = 0; i < 2; i++)
		if (i != holds)
			ota_env_free(envs[i]);
	if (holds < 0)
		return NULL;
	*copy = (unsigned)holds;
	*flags = counters[holds];
	return envs[holds];
}

static const char *text_of(const struct ota_env *env, const char *name)
{
	const char *value = ota_env_get(env, name);

	return value ? value : "";
}

int yp_network_device_env_read(const struct yp_network_device *device, struct yp_network_device_env *out)
{
	unsigned copy = 0;
	uint8_t flags = 0;
	struct ota_env *env = read_env(device, &copy, &flags);

	memset(out, 0, sizeof(*out));
	if (!env)
		return 0;
	out->readable = true;
	(void)snprintf(out->slot, sizeof(out->slot), "%s", text_of(env, "ota_slot"));
	(void)snprintf(out->barred, sizeof(out->barred), "%s", text_of(env, "ota_barred"));
	(void)snprintf(out->trial, sizeof(out->trial), "%s", text_of(env, "ota_trial"));
	out->upgrade = strtoul(text_of(env, "upgrade_available"), NULL, 10) != 0;
	out->boots = (unsigned)strtoul(text_of(env, "bootcount"), NULL, 10);
	ota_env_free(env);
	return 0;
}

static int save_env(const struct yp_network_device *device, const struct ota_env *env, unsigned copy, uint8_t flags)
{
	size_t size_bytes = 0;
	uint8_t *raw = yp_network_device_load(device, "env", &size_bytes);
	int result = raw ? 0 : -EIO;

	if (result == 0)
		result = ota_env_encode(env, (uint8_t)(flags + 1), raw + (1 - copy) * YP_NETWORK_DEVICE_ENV_BYTES,
					YP_NETWORK_DEVICE_ENV_BYTES);
	if (result == 0)
		result = yp_network_device_store(device, "env", raw, size_bytes);
	free(raw);
	return result;
}

/* The boot script's table (images/uboot/README.md), as far as it decides about slots that all start. */
static int boot_by(struct yp_network_device *device, struct ota_env *env, unsigned copy, uint8_t flags)
{
	unsigned long boots = strtoul(text_of(env, "bootcount"), NULL, 10);
	unsigned long limit = strtoul(text_of(env, "bootlimit"), NULL, 10);
	char slot[16], count[16];
	int result;

	(void)snprintf(slot, sizeof(slot), "%s", strcmp(text_of(env, "ota_slot"), "B") == 0 ? "B" : "A");
	if (strtoul(text_of(env, "upgrade_available"), NULL, 10) != 0) {
		boots++;
		(void)snprintf(count, sizeof(count), "%lu", boots);
		result = ota_env_set(env, "bootcount", count);
		if (result == 0 && boots > (limit ? limit : LIMIT_DEFAULT)) {
			const char *other = slot[0] == 'A' ? "B" : "A";

			result = ota_env_set(env, "ota_barred", slot);
			if (result == 0)
				result = ota_env_set(env, "ota_slot", other);
			if (result == 0)
				result = ota_env_set(env, "upgrade_available", "0");
			(void)snprintf(slot, sizeof(slot), "%s", other);
		}
		if (result == 0)
			result = save_env(device, env, copy, flags);
		if (result != 0)
			return result;
	}
	device->booted[0] = slot[0];
	return 0;
}

int yp_network_device_boot(struct yp_network_device *device)
{
	unsigned copy = 0;
	uint8_t flags = 0;
	struct ota_env *env = read_env(device, &copy, &flags);
	int result;

	device->booted[0] = 'A';
	device->booted[1] = '\0';
	if (!env)
		return 0; /* the bootloader's defaults */
	result = boot_by(device, env, copy, flags);
	ota_env_free(env);
	return result;
}

/* The command under test stays the same through a campaign, whatever is built meanwhile. */
static int keep_command(struct yp_network_device *device, const char *ota)
{
	const struct yp_network_device root = {.dir = ""};
	char path[YP_NETWORK_DEVICE_PATH * 2] = "";
	size_t size_bytes = 0;
	uint8_t *data = yp_network_device_load(&root, ota[0] == '/' ? ota + 1 : ota, &size_bytes);
	int result = data ? yp_network_device_store(device, "ota", data, size_bytes) : -ENOENT;

	free(data);
	if (result == 0)
		result = path_of(device, "ota", path);
	if (result == 0 && chmod(path, 0700) != 0)
		result = -errno;
	if (result == 0 && snprintf(device->ota, sizeof(device->ota), "%s", path) >= (int)sizeof(device->ota))
		result = -ENAMETOOLONG;
	return result;
}

/* Neither do the certificates change, whoever makes new ones. */
static int keep_zoo(struct yp_network_device *device, const char *zoo)
{
	const struct yp_network_device from = {.dir = ""};
	char path[YP_NETWORK_DEVICE_PATH * 2] = "";
	struct dirent *entry;
	DIR *dir = opendir(zoo);
	int result = dir ? path_of(device, "zoo", path) : -errno;

	if (result == 0 && mkdir(path, 0700) != 0)
		result = -errno;
	for (unsigned i = 0; dir && result == 0 && i < ZOO_FILES_MAX && (entry = readdir(dir)) != NULL; i++) {
		char source[YP_NETWORK_DEVICE_PATH * 2], target[YP_NETWORK_DEVICE_PATH * 2];
		size_t size_bytes = 0;
		uint8_t *data;

		if (!strstr(entry->d_name, ".pem") && !strstr(entry->d_name, ".key"))
			continue;
		if (snprintf(source, sizeof(source), "%s/%s", zoo + 1, entry->d_name) >= (int)sizeof(source) ||
		    snprintf(target, sizeof(target), "zoo/%s", entry->d_name) >= (int)sizeof(target))
			result = -ENAMETOOLONG;
		data = result == 0 ? yp_network_device_load(&from, source, &size_bytes) : NULL;
		if (result == 0)
			result = data ? yp_network_device_store(device, target, data, size_bytes) : -EIO;
		free(data);
	}
	if (dir)
		(void)closedir(dir);
	if (result == 0 && snprintf(device->zoo, sizeof(device->zoo), "%s", path) >= (int)sizeof(device->zoo))
		result = -ENAMETOOLONG;
	return result;
}

static int run_or_say(struct yp_network_device *device, const char *words, char *detail, size_t detail_bytes)
{
	struct yp_network_device_watch watch = {.deadline_ms = INIT_TIMEOUT_MS};
	struct yp_network_device_run *run = malloc(sizeof(*run));
	int result = run ? yp_network_device_run(device, words, &watch, run) : -ENOMEM;

	if (result == 0 && run->status != 0) {
		(void)snprintf(detail, detail_bytes, "%s %.60s: status %d: %.150s", device->ota, words, run->status,
			       run->line[0] ? run->line : run->output);
		result = -EPROTO;
	} else if (result != 0) {
		(void)snprintf(detail, detail_bytes, "%s: %s", device->ota, strerror(-result));
	}
	free(run);
	return result;
}

int yp_network_device_env_config(const struct yp_network_device *device, int only)
{
	char text[YP_NETWORK_DEVICE_PATH * 2 + 64];
	size_t used = 0;

	for (int i = 0; i < 2; i++)
		if (only < 0 || only == i)
			used +=
			    (size_t)snprintf(text + used, sizeof(text) - used, "%s/env 0x%x 0x%x\n", device->dir,
					     (unsigned)i * YP_NETWORK_DEVICE_ENV_BYTES, YP_NETWORK_DEVICE_ENV_BYTES);
	return yp_network_device_store(device, "fw_env.config", text, used);
}

int yp_network_device_twin(const struct yp_network_device *device, const char *name, struct yp_network_device *out)
{
	int result;

	*out = *device;
	out->lock = -1; /* the first one's stands for both */
	if (snprintf(out->dir, sizeof(out->dir), "%s/%s", device->dir, name) >= (int)sizeof(out->dir))
		return -ENAMETOOLONG;
	(void)snprintf(out->id, sizeof(out->id), "%s", name);
	(void)snprintf(out->booted, sizeof(out->booted), "B");
	if (mkdir(out->dir, 0700) != 0 && errno != EEXIST)
		return -errno;
	result = renew(device, out);
	return result != 0 ? result : yp_network_device_env_config(out, -1);
}

static int make_media(struct yp_network_device *device)
{
	uint8_t *zeros = calloc(1, YP_NETWORK_DEVICE_SLOT_BYTES);
	int result = zeros ? 0 : -ENOMEM;

	if (result == 0)
		result = yp_network_device_store(device, "a", zeros, YP_NETWORK_DEVICE_SLOT_BYTES);
	if (result == 0)
		result = yp_network_device_store(device, "b", zeros, YP_NETWORK_DEVICE_SLOT_BYTES);
	if (result == 0)
		result = yp_network_device_store(device, "env", zeros, (size_t)2 * YP_NETWORK_DEVICE_ENV_BYTES);
	free(zeros);
	return result != 0 ? result : yp_network_device_env_config(device, -1);
}

/* Version 1.0 goes in as any update does. */
static int install_first(struct yp_network_device *device, const void *bundle, size_t bundle_bytes, char *detail,
			 size_t detail_bytes)
{
	char path[YP_NETWORK_DEVICE_PATH * 2] = "", words[YP_NETWORK_DEVICE_PATH * 2 + 16];
	int result = yp_network_device_configure(device, NULL, "");

	if (result == 0)
		result = yp_network_device_store(device, "first.ota", bundle, bundle_bytes);
	if (result == 0)
		result = path_of(device, "first.ota", path);
	(void)snprintf(words, sizeof(words), "install %s", path);
	if (result == 0)
		result = run_or_say(device, words, detail, detail_bytes);
	if (path[0] != '\0')
		(void)unlink(path);
	if (result == 0)
		result = yp_network_device_boot(device);
	if (result == 0)
		result = yp_network_device_configure(device, NULL, "");
	return result != 0 ? result : run_or_say(device, "resume", detail, detail_bytes);
}

int yp_network_device_init(struct yp_network_device *device, const char *base, const char *ota, const char *zoo,
			   const void *bundle, size_t bundle_bytes, char *detail, size_t detail_bytes)
{
	char name[32];
	int result;

	memset(device, 0, sizeof(*device));
	device->lock = -1;
	if (snprintf(device->zoo, sizeof(device->zoo), "%s", zoo) >= (int)sizeof(device->zoo))
		return -ENAMETOOLONG;
	result = yp_network_home_make(base, device->dir, sizeof(device->dir), &device->lock);
	if (result != 0)
		return result;
	device->booted[0] = 'A';
	result = keep_command(device, ota);
	if (result != 0)
		(void)snprintf(detail, detail_bytes, "%s: %s; give the absolute path of the command", ota,
			       strerror(-result));
	if (result == 0)
		result = keep_zoo(device, zoo);
	if (result == 0)
		result = make_media(device);
	if (result == 0)
		result = install_first(device, bundle, bundle_bytes, detail, detail_bytes);
	for (unsigned i = 0; i < MEDIA_COUNT && result == 0; i++) {
		size_t size_bytes = 0;
		uint8_t *data = yp_network_device_load(device, media[i], &size_bytes);

		(void)snprintf(name, sizeof(name), "%s.template", media[i]);
		result = data ? yp_network_device_store(device, name, data, size_bytes) : -EIO;
		free(data);
	}
	return result;
}

void yp_network_device_deinit(struct yp_network_device *device)
{
	yp_network_home_remove(device->dir, device->lock);
	device->dir[0] = '\0';
	device->lock = -1;
}
