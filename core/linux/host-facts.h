/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LINUX_HOST_FACTS_H
#define CORE_LINUX_HOST_FACTS_H

#include "ota/linux.h"

/* Where the kernel says what runs and what is in use. */
struct ota_host {
	const char *mountinfo; /* "/proc/self/mountinfo" */
	const char *swaps;     /* "/proc/swaps" */
	const char *cmdline;   /* "/proc/cmdline" */
	const char *sys_block; /* "/sys/dev/block" */
};
const struct ota_host *ota_host_linux(void);

/*
 * Is the device or file in use: mounted, swapped to, or below something that is (loop device, device mapper, RAID)?
 * 0 = free, OTA_SLOT_IN_USE with `why` such as "mounted on /srv", or -errno: of the device itself with an empty `why`, or
 * because it cannot be told, and why.
 */
int ota_host_in_use(const struct ota_host *host, const char *device, char *why, size_t why_bytes)
    __attribute__((warn_unused_result));

/*
 * The slot that runs: ota.slot= or rauc.slot= on the kernel's command line (a bootname or "rootfs.N"); without
 * it the slot whose device the root filesystem is on. Both, at odds: refused. [system] booted= replaces
 * them, but only where the root filesystem is on no slot's device. 0, OTA_BAD_CONFIG or -errno; `detail` says what to
 * do.
 */
int ota_host_booted(const struct ota_host *host, const struct ota_config *config, char out[OTA_BOOTNAME_MAX],
		    char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

#endif
