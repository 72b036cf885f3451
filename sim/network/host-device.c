/* SPDX-License-Identifier: Apache-2.0 */
/* The device of the real command: its files, its configuration, and the bootloader between two runs. */
#include "network/host-device.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "network/zoo-home.h"
#include "subject/boot-run.h"

#define CONFIG_BYTES     4096u
#define HEALTH_MS        400
#define CHECKPOINT_BYTES 65536u
#define INIT_TIMEOUT_MS  30000
#define ZOO_FILES_MAX    4096u

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

int yp_network_device_configure(const struct yp_network_device *device, const char *server,
				const struct yp_network_limits *limits)
{
	const struct yp_subject_config *config = device->subject->config;
	char text[CONFIG_BYTES], handler[YP_NETWORK_DEVICE_PATH * 2], backend[YP_NETWORK_DEVICE_PATH * 2],
	    health[YP_NETWORK_DEVICE_PATH * 2];
	struct yp_subject_settings settings = {.dir = device->dir,
					       .keys = device->zoo,
					       .device_id = device->id[0] != '\0' ? device->id : "net-1",
					       .booted = device->booted,
					       .server = server,
					       .power_handler = device->power_handler ? handler : NULL,
					       .install_hook = device->install_hook ? handler : NULL,
					       .boot_backend = device->custom ? backend : NULL,
					       .health_dir = device->health ? health : NULL,
					       .health_timeout_ms = HEALTH_MS,
					       .checkpoint_bytes = CHECKPOINT_BYTES};
	int result = path_of(device, "handler", handler);

	if (result == 0)
		result = path_of(device, "backend", backend);
	if (result == 0)
		result = path_of(device, "health", health);
	if (server != NULL) {
		assert(limits != NULL);
		settings.connect_timeout_s = limits->connect_timeout_s;
		settings.low_speed_time_s = limits->low_speed_time_s;
		settings.low_speed_bytes = limits->low_speed_bytes;
		settings.deadline_s = limits->deadline_s;
		settings.retry_delay_ms = limits->retry_delay_ms;
		settings.fetch_attempts = limits->fetch_attempts;
		settings.authority = "tls-root";
		settings.client = limits->client;
	}
	if (result == 0)
		result = config->write(&settings, text, sizeof(text));
	return result != 0 ? result : yp_network_device_store(device, config->file, text, strlen(text));
}

static int renew_media(const struct yp_network_device *template, const struct yp_network_device *device)
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

int yp_network_device_fresh(struct yp_network_device *device, const char *server,
			    const struct yp_network_limits *limits)
{
	int result = renew_media(device, device);

	if (result != 0)
		return result;
	device->power_handler = device->install_hook = false;
	device->wrapper[0] = '\0';
	device->health = false;
	device->custom = false;
	(void)snprintf(device->booted, sizeof(device->booted), "B");
	return yp_network_device_configure(device, server, limits);
}

/* Both copies in memory, to be freed. NULL: the file is not there, or too small. */
static uint8_t *load_env(const struct yp_network_device *device, size_t *size_bytes)
{
	uint8_t *raw = yp_network_device_load(device, "env", size_bytes);

	if (raw && *size_bytes < (size_t)2 * YP_NETWORK_DEVICE_ENV_BYTES) {
		free(raw);
		return NULL;
	}
	return raw;
}

int yp_network_device_env_read(const struct yp_network_device *device, struct yp_network_device_env *out)
{
	const struct yp_boot_protocol *boot = device->subject->boot;
	size_t size_bytes;
	uint8_t *raw = load_env(device, &size_bytes);
	const uint8_t *const copies[2] = {raw, raw ? raw + YP_NETWORK_DEVICE_ENV_BYTES : NULL};

	out->readable = false;
	if (raw)
		out->readable = yp_boot_read(boot, copies, YP_NETWORK_DEVICE_ENV_BYTES, &out->boot) >= 0;
	else
		boot->read(NULL, &out->boot);
	free(raw);
	return 0;
}

/* The protocol's decision about slots that all start. */
int yp_network_device_boot(struct yp_network_device *device)
{
	static const bool loads[2] = {true, true};
	size_t size_bytes;
	uint8_t *raw = load_env(device, &size_bytes);
	uint8_t *const copies[2] = {raw, raw ? raw + YP_NETWORK_DEVICE_ENV_BYTES : NULL};
	char slot = 0;
	int result =
	    raw ? yp_boot_run(device->subject->boot, copies, YP_NETWORK_DEVICE_ENV_BYTES, loads, NULL, NULL, &slot)
		: -EIO;

	if (result == 0 && slot == 0)
		result = -EIO; /* no protocol halts while slots start */
	if (result == 0)
		result = yp_network_device_store(device, "env", raw, size_bytes);
	device->booted[0] = slot != 0 ? slot : 'A';
	device->booted[1] = '\0';
	free(raw);
	return result;
}

/* The command under test is copied, so that a build during a campaign does not change it. */
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

/* The certificates are copied for the same reason. */
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

static int run_or_explain(struct yp_network_device *device, const char *words, char *detail, size_t detail_bytes)
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
	result = renew_media(device, out);
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
	int result = yp_network_device_configure(device, NULL, NULL);

	if (result == 0)
		result = yp_network_device_store(device, "first.ota", bundle, bundle_bytes);
	if (result == 0)
		result = path_of(device, "first.ota", path);
	if (result == 0)
		result = yp_network_device_install_words(device, path, words, sizeof(words));
	if (result == 0)
		result = run_or_explain(device, words, detail, detail_bytes);
	if (path[0] != '\0')
		(void)unlink(path);
	if (result == 0)
		result = yp_network_device_boot(device);
	if (result == 0)
		result = yp_network_device_configure(device, NULL, NULL);
	return result != 0 ? result : run_or_explain(device, device->subject->commands->resume, detail, detail_bytes);
}

int yp_network_device_init(struct yp_network_device *device, const struct yp_subject *subject, const char *base,
			   const char *ota, const char *zoo, const void *bundle, size_t bundle_bytes, char *detail,
			   size_t detail_bytes)
{
	char name[32];
	int result;

	assert(subject != NULL && subject->boot != NULL && subject->commands != NULL && subject->config != NULL &&
	       subject->messages != NULL && subject->reports != NULL);
	memset(device, 0, sizeof(*device));
	device->subject = subject;
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
