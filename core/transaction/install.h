/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_INSTALL_H
#define CORE_TRANSACTION_INSTALL_H

#include "transaction/context.h"

/*
 * From an offer to a slot on trial. All of these return 0, -errno or a reason; all can be cut anywhere and run again.
 *
 * ota_install_run: S02 to S11; with `poll`, S01 first, with the validator of the last offer.
 */
int ota_install_run(struct ota_txn *txn, const char *source, bool poll) __attribute__((warn_unused_result));
/* Action ARM: verifies the written slot once more, then S10 and S11. Installs anew if it does not verify. */
int ota_install_arm(struct ota_txn *txn) __attribute__((warn_unused_result));
/* Action CONTINUE: from the checkpoint, from the start, or gives the install up. */
int ota_install_continue(struct ota_txn *txn) __attribute__((warn_unused_result));
/* Post-install hook, S10, S11. The journal says WRITTEN, durably. */
int ota_install_try(struct ota_txn *txn) __attribute__((warn_unused_result));
/* Id of a trial of this head: never 0, never the boot state's. */
uint64_t ota_install_trial_id(const struct ota_txn *txn, const uint8_t digest[OTA_DIGEST_BYTES]);

#endif
