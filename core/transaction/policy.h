/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_POLICY_H
#define CORE_TRANSACTION_POLICY_H

#include "transaction/context.h"

/*
 * S03: whether a verified update is for this device, now. Writes nothing. `resuming`: the journal already holds this
 * head, so what was decided then is not asked again. 0, -errno, or the reason of the refusal.
 */
int ota_policy_check(struct ota_txn *txn, const struct ota_head *head, bool resuming)
    __attribute__((warn_unused_result));
/* The version floor: the stored one, or the running slot's sequence if that is higher. */
uint64_t ota_policy_floor(struct ota_txn *txn);

#endif
