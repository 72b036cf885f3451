/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSACTION_TRIAL_H
#define CORE_TRANSACTION_TRIAL_H

#include "transaction/context.h"

/*
 * What follows a trial: one function for each action of the recovery table, and the two verdicts. All return 0, -errno
 * or a reason; all can be cut anywhere and run again.
 *
 * ota_trial_judge: S13 and S14, then ota_trial_commit() or ota_trial_condemn().
 */
int ota_trial_judge(struct ota_txn *txn) __attribute__((warn_unused_result));
/* S15, then ota_trial_finish(). The version on trial is the one that runs. */
int ota_trial_commit(struct ota_txn *txn) __attribute__((warn_unused_result));
/* S16: floor, memory, report and the end of the journal, in one store. */
int ota_trial_finish(struct ota_txn *txn) __attribute__((warn_unused_result));
/* Stores the verdict (`reason`), goes back in the boot state, reboots if the bad version runs. */
int ota_trial_condemn(struct ota_txn *txn, int reason) __attribute__((warn_unused_result));
/* Action GO_BACK: the old slot runs already; the boot state follows. */
int ota_trial_go_back(struct ota_txn *txn) __attribute__((warn_unused_result));
/* R2, action RECORD_FAILURE: memory, report and the end of the journal, in one store. */
int ota_trial_record(struct ota_txn *txn) __attribute__((warn_unused_result));
/* Action REBOOT, a bounded number of times. */
int ota_trial_await(struct ota_txn *txn) __attribute__((warn_unused_result));
/* Action REPAIR: stores a boot state that was lost or contradicts itself. */
int ota_trial_repair(struct ota_txn *txn) __attribute__((warn_unused_result));

#endif
