/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_CUSTOM_H
#define OTA_CUSTOM_H

#include <stdint.h>

#include "ota/boot.h"

/*
 * The boot back-end `custom`: an executable that speaks RAUC's custom bootloader backend interface. It is started
 * directly, without a shell, with one of these as its arguments, and must exit 0:
 *
 *   get-primary                      prints the bootname that is booted next
 *   set-primary BOOTNAME             makes it the one that is booted next
 *   get-state BOOTNAME               prints "good" or "bad"
 *   set-state BOOTNAME good|bad
 *   get-current                      prints the bootname that runs (optional; ota_custom_current())
 *
 * How the four verbs of boot.h map, and what is lost on the way:
 *
 *   query     get-primary, get-state of both. `selected` is the primary slot, or the other one if only the primary is
 *             bad; `barred` is the slot that is bad. The interface knows no trial: after try(), and until commit() or
 *             rollback(), on this handle `trial`, `limit` and `trial_id` are what try() was given; on a new handle (so,
 *             after every reboot) `trial` is false and `trial_id` is 0. `forgets` says so: the transaction then judges
 *             what runs before it commits, and arms a bounded number of times. `attempts` is always 0.
 *   try       set-state good for a slot that was bad, then set-primary. Whether boots are counted, and how many, is the
 *             executable's: `limit` is not handed on. A slot that was barred stays so.
 *   commit    set-primary unless it is already, then set-state good, always: "good" may also mean that counters are
 *             full again, which get-state does not show.
 *   rollback  set-primary keep, then set-state bad for the other; neither if it holds already.
 *
 * Atomicity and durability are the executable's. Where a verb needs two calls, a cut between them leaves the first
 * done: the order is chosen so that what is selected then is the slot asked for (try: the slot it was before). So of
 * the promises of boot.h this back-end keeps the meaning of the verbs, not "exactly one atomic store": prefer `uboot`
 * where it fits.
 *
 * Results: 0; -errno (it cannot be started; -ETIMEDOUT: killed, with its process group, at the deadline);
 * OTA_BOOT_STATE (exit status not 0, more output than OTA_CUSTOM_OUTPUT_MAX, or not one of the answers above).
 */
#define OTA_CUSTOM_OUTPUT_MAX 256u

struct ota_custom;

/* path: absolute. slot_names: bootnames. deadline_ms: of each call. 0, -ENOMEM, OTA_BAD_CONFIG. */
int ota_custom_new(const char *path, const char *const slot_names[2], uint32_t deadline_ms, struct ota_custom **out,
		   struct ota_boot *boot) __attribute__((warn_unused_result));
void ota_custom_free(struct ota_custom *custom);
/* get-current: the slot that runs. OTA_BOOT_STATE if the executable does not know. */
int ota_custom_current(struct ota_custom *custom, char out[OTA_BOOTNAME_MAX]) __attribute__((warn_unused_result));

#endif
