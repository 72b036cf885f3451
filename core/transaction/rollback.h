/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_ROLLBACK_H
#define CORE_TRANSACTION_ROLLBACK_H

#include "transaction/context.h"

/*
 * Goes to the other slot, as an operator asked, on trial: verifies that slot, opens a journal without a source, S10,
 * S11. No trial is pending. 0, -errno or the reason of the refusal.
 */
int ota_rollback_run(struct ota_txn *txn) __attribute__((warn_unused_result));

#endif
