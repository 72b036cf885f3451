/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_INSTALL_SLOT_H
#define CORE_TRANSACTION_INSTALL_SLOT_H

#include "transaction/context.h"

/*
 * S05 to S08: brings the slot that is not booted to the version of `head`, from whatever it held. The journal is open,
 * durably. size_known: the source said the right size when the head was read. On 0 the slot is sealed: flushed, read
 * back, header blocks and descriptor written. Else -errno or a reason; the slot stays barred, the last checkpoint
 * holds.
 */
int ota_install_slot(struct ota_txn *txn, const struct ota_head *head, const char *source, bool size_known)
    __attribute__((warn_unused_result));

#endif
