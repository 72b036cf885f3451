/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LINUX_PLATFORM_H
#define CORE_LINUX_PLATFORM_H

#include "linux/bench-marks.h"
#include "ota/linux.h"

/* The machine around the updater, behind the system seam: hooks, health, power, reboot, marks, watchdog. */
struct ota_platform {
	const struct ota_config *config;
	const struct ota_events *events;
	struct ota_stop *stop;
	char booted[OTA_BOOTNAME_MAX];
	char target[OTA_BOOTNAME_MAX];
	bool reboot_asked; /* once is enough */
	bool reboot_held;  /* another program reboots */
	int watchdog_fd;   /* -1: not held */
	struct ota_bench bench;
};

void ota_platform_init(struct ota_platform *platform, const struct ota_config *config, const struct ota_events *events,
		       struct ota_stop *stop, struct ota_system *out);
void ota_platform_deinit(struct ota_platform *platform);
/* One line for the program that started the run. */
__attribute__((format(printf, 3, 4))) void ota_platform_message(const struct ota_platform *platform,
								enum ota_level level, const char *format, ...);

#endif
