/* SPDX-License-Identifier: Apache-2.0 */
/* The system seam on Linux: executables of the integrator, marks for a bench, the watchdog, the reboot. */
#define _GNU_SOURCE /* scandir() and friends beside the POSIX ones */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/child.h"
#include "linux/platform.h"

#define HEALTH_CHECKS_MAX 64
#define REBOOT_TIMEOUT_MS 30000

void ota_platform_message(const struct ota_platform *platform, enum ota_level level, const char *format, ...)
{
	char text[OTA_DETAIL_MAX];
	va_list args;

	if (platform->events == NULL || platform->events->message == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	platform->events->message(platform->events->ctx, level, text);
}

static void platform_watchdog(void *system, bool release)
{
	struct ota_platform *platform = system;
	const char *device = platform->config->watchdog;

	if (device[0] == '\0')
		return;
	if (platform->watchdog_fd < 0) {
		if (release)
			return;
		platform->watchdog_fd = open(device, O_WRONLY | O_CLOEXEC);
		if (platform->watchdog_fd < 0) {
			ota_platform_message(platform, OTA_LEVEL_WARNING, "%s: %s; a trial runs without the watchdog",
					     device, strerror(errno));
			return;
		}
	}
	/* 'V' is the magic close: without it the watchdog goes on when the process ends, whatever ended it. */
	if (write(platform->watchdog_fd, release ? "V" : "f", 1) != 1)
		ota_platform_message(platform, OTA_LEVEL_WARNING, "%s: %s", device, strerror(errno));
	if (release) {
		(void)close(platform->watchdog_fd);
		platform->watchdog_fd = -1;
	}
}

/* While a child runs its own deadline watches over it, so the watchdog is fed. */
static void feed_if_held(void *ctx)
{
	struct ota_platform *platform = ctx;

	if (platform->watchdog_fd >= 0)
		platform_watchdog(platform, false);
}

static void on_line(void *ctx, const char *text)
{
	ota_platform_message(ctx, OTA_LEVEL_INFO, "| %s", text);
}

/* What an executable is told. Nothing of our own environment reaches it. */
struct environment {
	char text[6][OTA_PATH_MAX];
	char *list[7];
};

static void fill_environment(const struct ota_platform *platform, const char *purpose, const char *version,
			     struct environment *out)
{
	(void)snprintf(out->text[0], OTA_PATH_MAX, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	(void)snprintf(out->text[1], OTA_PATH_MAX, "OTA_PURPOSE=%s", purpose);
	(void)snprintf(out->text[2], OTA_PATH_MAX, "OTA_VERSION=%s", version != NULL ? version : "");
	(void)snprintf(out->text[3], OTA_PATH_MAX, "OTA_SLOT=%s", platform->booted);
	(void)snprintf(out->text[4], OTA_PATH_MAX, "OTA_TARGET=%s", platform->target);
	(void)snprintf(out->text[5], OTA_PATH_MAX, "OTA_COMPATIBLE=%s", platform->config->compatible);
	for (unsigned i = 0; i < 6; i++)
		out->list[i] = out->text[i];
	out->list[6] = NULL;
}

static int run_program(struct ota_platform *platform, const char *path, const char *argument, const char *purpose,
		       const char *version, int64_t timeout_ms, int *status)
{
	char program[OTA_PATH_MAX * 2];
	char word[OTA_NAME_MAX];
	char *argv[] = {program, argument != NULL ? word : NULL, NULL};
	struct environment environment;
	struct ota_process process = {
	    .argv = argv,
	    .env = environment.list,
	    .timeout_ms = timeout_ms,
	    .stop = platform->stop,
	    .idle = feed_if_held,
	    .line = on_line,
	    .ctx = platform,
	};

	if (snprintf(program, sizeof(program), "%s", path) >= (int)sizeof(program))
		return -ENAMETOOLONG;
	(void)snprintf(word, sizeof(word), "%s", argument != NULL ? argument : "");
	fill_environment(platform, purpose, version, &environment);
	return ota_process_run(&process, status);
}

static int platform_booted(void *system, char out[OTA_BOOTNAME_MAX])
{
	struct ota_platform *platform = system;

	memcpy(out, platform->booted, OTA_BOOTNAME_MAX);
	return platform->booted[0] != '\0' ? 0 : -ENODEV;
}

static int platform_hook(void *system, enum ota_hook hook, const char *bundle_version)
{
	struct ota_platform *platform = system;
	const struct ota_config *config = platform->config;
	const char *path = NULL, *purpose = NULL;
	int status = 0;
	int result;

	switch (hook) {
	case OTA_HOOK_PRE_INSTALL:
		path = config->pre_install;
		purpose = "pre-install";
		break;
	case OTA_HOOK_POST_INSTALL:
		path = config->post_install;
		purpose = "post-install";
		break;
	case OTA_HOOK_PRE_REBOOT:
		path = config->pre_reboot;
		purpose = "pre-reboot";
		break;
	case OTA_HOOK_POST_COMMIT:
		path = config->post_commit;
		purpose = "post-commit";
		break;
	}
	if (path == NULL || path[0] == '\0')
		return 0;
	result =
	    run_program(platform, path, NULL, purpose, bundle_version, (int64_t)config->handler_timeout_ms, &status);
	if (result != 0)
		ota_platform_message(platform, OTA_LEVEL_ERROR, "%s hook %s: %s", purpose, path, strerror(-result));
	else if (status != 0)
		ota_platform_message(platform, OTA_LEVEL_ERROR, "%s hook %s: exit status %d", purpose, path, status);
	if (result != 0)
		return result;
	return status != 0 ? OTA_HOOK_REFUSED : 0;
}

static int is_check(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not the locale's order */
}

static int run_check(struct ota_platform *platform, const char *name, int64_t left_ms)
{
	char path[OTA_PATH_MAX * 2];
	struct stat info;
	int status = 0;
	int result;

	if (snprintf(path, sizeof(path), "%s/%s", platform->config->health_dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (stat(path, &info) != 0)
		return OTA_HEALTH_FAILED; /* a dangling link counts as a failed check */
	if (!S_ISREG(info.st_mode) || (info.st_mode & 0111) == 0)
		return 0;
	if (left_ms <= 0)
		return OTA_HEALTH_TIMEOUT;
	result = run_program(platform, path, NULL, "health", NULL, left_ms, &status);
	if (result == -ETIMEDOUT)
		return OTA_HEALTH_TIMEOUT;
	if (result == -EINTR)
		return result;
	if (result != 0 || status != 0) {
		ota_platform_message(platform, OTA_LEVEL_ERROR, "health check %s: %s %d", name,
				     result != 0 ? "cannot be run, errno" : "exit status",
				     result != 0 ? -result : status);
		return OTA_HEALTH_FAILED;
	}
	return 0;
}

static int platform_health(void *system, uint32_t deadline_ms, char *detail, size_t detail_bytes)
{
	struct ota_platform *platform = system;
	const char *dir = platform->config->health_dir;
	struct dirent **checks = NULL;
	struct ota_clock clock;
	int64_t end_ms;
	int result = 0;
	int count;

	if (dir[0] == '\0')
		return 0;
	ota_clock_linux(platform->stop, &clock);
	end_ms = clock.ops->monotonic_ms(clock.clock) + deadline_ms;
	count = scandir(dir, &checks, is_check, by_name);
	if (count < 0 || count > HEALTH_CHECKS_MAX) {
		(void)snprintf(detail, detail_bytes, "%s: %s", dir,
			       count < 0 ? strerror(errno) : "more than 64 entries");
		result = OTA_HEALTH_FAILED;
	}
	for (int i = 0; i < count && result == 0; i++) {
		result = run_check(platform, checks[i]->d_name, end_ms - clock.ops->monotonic_ms(clock.clock));
		if (result != 0)
			(void)snprintf(detail, detail_bytes, "%s", checks[i]->d_name);
	}
	for (int i = 0; i < count; i++)
		free(checks[i]);
	free(checks);
	return result;
}

static int platform_power(void *system)
{
	struct ota_platform *platform = system;
	const char *path = platform->config->power;
	int status = 0;
	int result;

	if (path[0] == '\0')
		return 0;
	result =
	    run_program(platform, path, NULL, "power", NULL, (int64_t)platform->config->handler_timeout_ms, &status);
	if (result == 0 && status == 0)
		return 0;
	/* A handler that gives no answer counts as low power. */
	ota_platform_message(platform, OTA_LEVEL_WARNING, "power handler %s: %s", path,
			     result != 0 ? strerror(-result) : "says there is not enough");
	return ota_reason_exhausted(result) ? result : OTA_LOW_POWER;
}

static int platform_reboot(void *system)
{
	static const char *const ways[][2] = {
	    {"/usr/bin/systemctl", "reboot"}, {"/bin/systemctl", "reboot"}, {"/sbin/reboot", NULL}};
	struct ota_platform *platform = system;
	const char *path = platform->config->reboot;
	int status = 0;
	int result = -ENOENT;

	if (platform->reboot_held || platform->reboot_asked)
		return 0;
	platform->reboot_asked = true;
	if (path[0] != '\0') {
		result = run_program(platform, path, NULL, "reboot", NULL, REBOOT_TIMEOUT_MS, &status);
	} else if (platform->config->booted[0] != '\0') {
		ota_platform_message(platform, OTA_LEVEL_INFO,
				     "not rebooting: [system] booted= says that this is no device");
		return 0;
	} else {
		for (unsigned i = 0; i < 3 && result == -ENOENT; i++)
			result =
			    run_program(platform, ways[i][0], ways[i][1], "reboot", NULL, REBOOT_TIMEOUT_MS, &status);
	}
	if (result == 0 && status != 0)
		result = -EIO;
	if (result != 0) {
		platform->reboot_asked = false;
		ota_platform_message(platform, OTA_LEVEL_ERROR, "cannot reboot: %s; reboot the device by hand",
				     strerror(-result));
	}
	return result;
}

static void platform_step(void *system, enum ota_step step)
{
	struct ota_platform *platform = system;
	char detail[OTA_DETAIL_MAX] = "";

	if (!platform->bench.asked && ota_bench_open(&platform->bench, platform->config, detail, sizeof(detail)) != 0)
		ota_platform_message(platform, OTA_LEVEL_INFO, "%s", detail);
	if (platform->events != NULL && platform->events->step != NULL)
		platform->events->step(platform->events->ctx, step);
	ota_bench_step(&platform->bench, step, platform->stop, feed_if_held, platform);
}

static void platform_message(void *system, enum ota_level level, const char *text)
{
	ota_platform_message(system, level, "%s", text);
}

void ota_platform_init(struct ota_platform *platform, const struct ota_config *config, const struct ota_events *events,
		       struct ota_stop *stop, struct ota_system *out)
{
	static const struct ota_system_ops ops = {
	    .booted = platform_booted,
	    .hook = platform_hook,
	    .health = platform_health,
	    .power = platform_power,
	    .reboot = platform_reboot,
	    .step = platform_step,
	    .message = platform_message,
	    .watchdog = platform_watchdog,
	};

	memset(platform, 0, sizeof(*platform));
	platform->config = config;
	platform->events = events;
	platform->stop = stop;
	platform->watchdog_fd = -1;
	ota_bench_init(&platform->bench);
	out->ops = &ops;
	out->system = platform;
}

void ota_platform_deinit(struct ota_platform *platform)
{
	/* A watchdog that is still held stays armed: no commit was made. */
	if (platform->watchdog_fd >= 0)
		(void)close(platform->watchdog_fd);
	ota_bench_deinit(&platform->bench);
}
