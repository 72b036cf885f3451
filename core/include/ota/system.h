/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_SYSTEM_H
#define OTA_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/boot.h"
#include "ota/step.h"

/* The system seam: slots, hooks, health checks, power, reboot, messages and the watchdog. */

enum ota_level { OTA_LEVEL_DEBUG, OTA_LEVEL_INFO, OTA_LEVEL_WARNING, OTA_LEVEL_ERROR };

enum ota_hook { OTA_HOOK_PRE_INSTALL, OTA_HOOK_POST_INSTALL, OTA_HOOK_PRE_REBOOT, OTA_HOOK_POST_COMMIT };

/*
 * What the device around the updater can do.
 *
 * booted     writes the bootname of the slot that runs now; 0, or -ENODEV if unknown
 * hook       runs an integrator's hook; 0 = go on (also when none is configured),
 *            OTA_HOOK_REFUSED, or -errno. bundle_version may be NULL.
 * health     runs the health checks under deadline_ms in all; 0 = healthy (also when
 *            none is configured), OTA_HEALTH_FAILED, OTA_HEALTH_TIMEOUT, or -errno. `detail` gets the
 *            name of the first check that failed.
 * power      0 = enough, OTA_LOW_POWER
 * reboot     asks for a reboot and returns 0; the process then ends by itself
 * step       a mark: this step begins. For progress, journals of a bench, simulated devices; its
 *            result is not needed and it cannot fail.
 * message    one line for a person, without a line feed
 * watchdog   feeds the watchdog that is held until commit; release = true hands it back
 */
struct ota_system_ops {
	int (*booted)(void *system, char out[OTA_BOOTNAME_MAX]);
	int (*hook)(void *system, enum ota_hook hook, const char *bundle_version);
	int (*health)(void *system, uint32_t deadline_ms, char *detail, size_t detail_bytes);
	int (*power)(void *system);
	int (*reboot)(void *system);
	void (*step)(void *system, enum ota_step step);
	void (*message)(void *system, enum ota_level level, const char *text);
	void (*watchdog)(void *system, bool release);
};

struct ota_system {
	const struct ota_system_ops *ops;
	void *system;
};

#endif
