/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_BOOT_H
#define OTA_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#define OTA_BOOTNAME_MAX 16 /* with the terminating zero */

/*
 * What the bootloader will do next, by the present contents of durable storage.
 *
 * selected  the slot that the next boot tries first
 * trial     true while `selected` is on trial: each boot is counted, and after `limit`
 *           counted boots the bootloader goes back to the other slot by itself
 * attempts  boots counted in this trial (0 outside one)
 * trial_id  the id given to the last try(), kept after commit and rollback: tells "never armed"
 *           from "armed and gone back"; 0 = none
 * barred    a slot that must not be booted even as a fallback; "" = none
 * readable  false if no valid state was found (both copies bad): the other fields then are
 *           what the bootloader falls back to, and the state should be stored anew
 * degraded  true if one of two redundant copies is bad; the next store mends it
 * forgets   true if this back-end cannot tell after a reboot that a trial was begun (trial and trial_id are then
 * unknown)
 */
struct ota_boot_state {
	char selected[OTA_BOOTNAME_MAX];
	char barred[OTA_BOOTNAME_MAX];
	uint64_t trial_id;
	unsigned attempts;
	unsigned limit;
	bool trial;
	bool readable;
	bool degraded;
	bool forgets;
};

/*
 * The boot protocol. Each verb but query is exactly one atomic, durable store: after a cut
 * the old state or the new state holds, never a mixture; on return of 0 the new one is durable.
 * A verb that would store what already holds stores nothing. A verb keeps unrelated variables.
 *
 *   try       select `slot` under trial, `limit` attempts, id `trial_id`; nothing barred
 *   commit    select `slot`, no trial, nothing barred
 *   rollback  select `keep`, no trial, `bad` barred ("" = none). Also step S05's "bar": the state
 *             "boot what runs, never the target" is the same one.
 *
 * All return 0, -errno, or OTA_BOOT_STATE when the stored state cannot be understood or written.
 */
struct ota_boot_ops {
	int (*query)(void *boot, struct ota_boot_state *out);
	int (*try)(void *boot, const char *slot, uint64_t trial_id, unsigned limit);
	int (*commit)(void *boot, const char *slot);
	int (*rollback)(void *boot, const char *keep, const char *bad);
};

struct ota_boot {
	const struct ota_boot_ops *ops;
	void *boot;
};

#endif
