/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_OUTBOX_H
#define CORE_TRANSACTION_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "ota/ota.h"

/*
 * Memory of failures and of reports to come: pure functions on the state record; the caller stores it, once, together
 * with what else changed.
 *
 * One table, failed[], remembers two kinds of entry by their reason: versions that were rolled back (the trial group of
 * reason.h: refused as KNOWN_BAD from then on) and refusals that were reported already (any other reason: not
 * reported, and so not stored, again). Refusals take at most OTA_REFUSED_MAX entries and never the place of a
 * rolled-back version: a server cannot make a device forget one by invalid offers.
 */
#define OTA_REFUSED_MAX 2u

/* True for the reasons that condemn a version: HEALTH_FAILED ... MARKED_BAD. */
bool ota_reason_condemns(int reason);
/* The entry that condemns this head, or NULL. */
const struct ota_failed *ota_failed_find(const struct ota_state *state, const uint8_t digest[OTA_DIGEST_BYTES]);
/* Condemns a head, or counts once more. */
void ota_failed_add(struct ota_state *state, const uint8_t digest[OTA_DIGEST_BYTES], int reason);
/* Committed after all: the version counts as good again. */
void ota_failed_remove(struct ota_state *state, const uint8_t digest[OTA_DIGEST_BYTES]);
/* Notes a refusal; false if it (or a condemnation) is known already. */
bool ota_refused_add(struct ota_state *state, const uint8_t key[OTA_DIGEST_BYTES], int reason);

/* First 8 bytes of SHA-256(seed, kind, reason), never 0: the same event always has the same id. */
uint64_t ota_event_id(const void *seed, size_t seed_bytes, enum ota_event_kind kind, int reason);
/* Queues an event unless its id waits already. Full: the oldest FAILURE or ALARM goes, or else the oldest. */
void ota_outbox_add(struct ota_state *state, const struct ota_event *event);
/* The oldest event, or NULL. Events keep their order. */
const struct ota_event *ota_outbox_first(const struct ota_state *state);
void ota_outbox_remove(struct ota_state *state, uint64_t id);

#endif
