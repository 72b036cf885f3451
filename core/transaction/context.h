/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_CONTEXT_H
#define CORE_TRANSACTION_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"
#include "store/slot-io.h"

#define OTA_BOOT_ATTEMPTS_DEFAULT 3u
#define OTA_TEXT_MAX              256u

/*
 * One call into libota: what durable storage said at its start, and what the call changed since. `state` is what the
 * next ota_txn_save() stores; nothing else is stored.
 */
struct ota_txn {
	struct ota *ota;
	struct ota_result *result;
	struct ota_store store;
	struct ota_state state;
	int state_result; /* of ota_store_open(): not 0 = the journal is unknown and cannot be stored */
	bool unsaved;     /* state holds what could not be stored */
	struct ota_boot_state boot;
	char booted[OTA_BOOTNAME_MAX];
	const struct ota_slot *running; /* the slot that is booted */
	const struct ota_slot *other;
	unsigned flags; /* enum ota_flag */
	bool described; /* ota_txn_running() has read it */
	struct ota_slot_descriptor descriptor;
};

/* Fills txn from the device; also clears *result. Reads only. 0, -errno, BAD_CONFIG, BOOT_STATE. A lost journal is no
 * error. */
int ota_txn_open(struct ota_txn *txn, struct ota *ota, unsigned flags, struct ota_result *result)
    __attribute__((warn_unused_result));
int ota_txn_query(struct ota_txn *txn) __attribute__((warn_unused_result)); /* the boot state anew */
/* Descriptor of the slot that runs: read once a call, because that slot is never written. As ota_slot_describe(). */
int ota_txn_running(struct ota_txn *txn, struct ota_slot_descriptor *out) __attribute__((warn_unused_result));
int ota_txn_save(struct ota_txn *txn) __attribute__((warn_unused_result)); /* -EROFS if the journal is unknown */
void ota_txn_step(const struct ota_txn *txn, enum ota_step step);
void ota_txn_message(const struct ota_txn *txn, enum ota_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Notes why in the result (first detail wins) and returns `reason` for the caller to return. */
int ota_txn_fail(struct ota_txn *txn, int reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
unsigned ota_txn_attempts(const struct ota_txn *txn);
int ota_txn_hook(const struct ota_txn *txn, enum ota_hook hook, const char *version)
    __attribute__((warn_unused_result));
int64_t ota_txn_now(const struct ota_txn *txn); /* the latest of clock, build time and trusted time */
/* S11: pre-reboot hook, result->reboot, and the reboot itself unless OTA_NO_REBOOT. */
int ota_txn_reboot(struct ota_txn *txn) __attribute__((warn_unused_result));
/* Ends the journal: phase idle and nothing of this transaction left. Memory and outbox stay. Not yet stored. */
void ota_journal_close(struct ota_state *state);
/* True if the journal speaks of the trial that the boot state knows. */
bool ota_journal_armed(const struct ota_state *state, const struct ota_boot_state *boot);
void ota_text_copy(char *out, size_t out_bytes, const char *text); /* cut to fit, zero-filled */

#endif
