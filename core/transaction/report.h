/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_REPORT_H
#define CORE_TRANSACTION_REPORT_H

#include "transaction/context.h"

#define OTA_REPORT_MAX_BYTES 4096u

/*
 * S17 and R3: reports of one call. Without policy.report_url both functions do nothing.
 *
 * ota_report_queue: adds an event to the outbox of txn->state. The caller stores the state, together with what the
 * event reports. `reason` may be -errno; texts are cut to fit.
 */
void ota_report_queue(struct ota_txn *txn, enum ota_event_kind kind, int reason, uint64_t id, const char *version,
		      const char *from_version, const char *detail);
/*
 * Sends what waits in the outbox, oldest first, until one post fails. Then stores the shorter outbox, once. A failure
 * to send or to store is a message, never a failure of the update. The outbox must be durable: txn->unsaved is false.
 */
void ota_report_deliver(struct ota_txn *txn);

/* The JSON body of a report; returns its length, below OTA_REPORT_MAX_BYTES. device may be NULL. */
size_t ota_report_format(const struct ota_event *event, const char *device, char out[OTA_REPORT_MAX_BYTES]);

#endif
