/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of libota: each opens a context, recovers as the table of recovery.c says, does what was asked, and
 * delivers reports. What the actions do is in install.c, trial.c and rollback.c.
 */
#include <string.h>

#include "transaction/context.h"
#include "transaction/install.h"
#include "transaction/report.h"
#include "transaction/rollback.h"
#include "transaction/trial.h"

#define RECOVERY_STEPS_MAX 8u /* actions of one ota_resume(): the table needs at most 4 */

static enum ota_action decide_action(const struct ota_txn *txn)
{
	struct ota_slot_descriptor target;
	struct ota_facts facts = {.booted = txn->booted, .boot = &txn->boot, .state = &txn->state};
	/* The one row that asks for it needs WRITTEN and no trial: an idle device reads no slot. */
	if (txn->state.phase == OTA_PHASE_WRITTEN && !txn->boot.trial && ota_slot_describe(txn->other, &target) == 0)
		facts.target = &target;
	return ota_recovery_decide(&facts);
}

static int run_action(struct ota_txn *txn, enum ota_action action)
{
	switch (action) {
	case OTA_ACTION_REPAIR:
		return ota_trial_repair(txn);
	case OTA_ACTION_CONTINUE:
		return ota_install_continue(txn);
	case OTA_ACTION_ARM:
		return ota_install_arm(txn);
	case OTA_ACTION_REBOOT:
		return ota_trial_await(txn);
	case OTA_ACTION_JUDGE:
		return ota_trial_judge(txn);
	case OTA_ACTION_GO_BACK:
		return ota_trial_go_back(txn);
	case OTA_ACTION_FINISH:
		return ota_trial_finish(txn);
	case OTA_ACTION_RECORD_FAILURE:
		return ota_trial_record(txn);
	case OTA_ACTION_NONE:
	case OTA_ACTION_COUNT:
		break;
	}
	return 0;
}

/*
 * Acts until nothing is left to do, something failed, or a reboot is due. may_continue: an interrupted install is taken
 * up again (else it waits: the caller is about to install something itself).
 */
static int recover_state(struct ota_txn *txn, bool may_continue)
{
	for (unsigned i = 0; i < RECOVERY_STEPS_MAX; i++) {
		enum ota_action action = decide_action(txn);
		if (action == OTA_ACTION_NONE || (action == OTA_ACTION_CONTINUE && !may_continue))
			return 0;
		ota_txn_message(txn, OTA_LEVEL_INFO, "recovery: %s", ota_action_name(action));
		int r = run_action(txn, action);
		if (r || txn->result->reboot)
			return r;
		r = ota_txn_query(txn);
		if (r)
			return r;
	}
	return ota_txn_fail(txn, OTA_INTERNAL, "recovery did not come to rest");
}

/* One copy of the boot state is bad: the same state, stored again, mends it (a back-end with two good copies stores nothing). */
static void mend_boot_state(struct ota_txn *txn)
{
	const struct ota_boot *boot = &txn->ota->boot;
	if (!txn->boot.degraded || txn->boot.trial || strcmp(txn->boot.selected, txn->booted) != 0)
		return;
	if (boot->ops->rollback(boot->boot, txn->booted, txn->boot.barred))
		ota_txn_message(txn, OTA_LEVEL_WARNING, "one copy of the boot state is bad and could not be mended");
}

static int resume_transaction(struct ota_txn *txn, bool may_continue)
{
	int r = recover_state(txn, may_continue);
	if (r == 0 && !txn->result->reboot)
		mend_boot_state(txn);
	return r;
}

/* What every call ends with: reports, and one result whose reason and return value agree. */
static int finish_call(struct ota_txn *txn, int r)
{
	struct ota_result *result = txn->result;
	/* A report leaves only after it is durable here, together with what it reports. */
	if (!txn->unsaved && !result->reboot)
		ota_report_deliver(txn);
	if (r == 0)
		r = (int)result->reason;
	if (r == 0 && txn->state_result && !result->reboot)
		r = ota_txn_fail(txn, txn->state_result, "the journal cannot be read on %s",
				 txn->ota->state.name ? txn->ota->state.name : "the state medium");
	result->reason = ota_reason_of(r);
	if (r && !result->detail[0])
		ota_text_copy(result->detail, sizeof result->detail, ota_reason_text((int)result->reason));
	return r;
}

/* An operator asked to go back: having done so is what was asked for, not a failure. */
static int finish_asked_call(struct ota_txn *txn, int r)
{
	if (r == 0)
		txn->result->reason = OTA_OK;
	return finish_call(txn, r);
}

static int fail_early(struct ota_result *result, int r)
{
	result->reason = ota_reason_of(r);
	return r;
}

int ota_resume(struct ota *ota, struct ota_result *result)
{
	struct ota_txn txn;
	int r = ota_txn_open(&txn, ota, 0, result);
	if (r)
		return fail_early(result, r);
	return finish_call(&txn, resume_transaction(&txn, true));
}

static int run_install(struct ota *ota, const char *source, unsigned flags, bool poll, struct ota_result *result)
{
	struct ota_txn txn;
	int r = ota_txn_open(&txn, ota, flags, result);
	if (r)
		return fail_early(result, r);
	if (!source || source[0] == '\0' || strlen(source) >= sizeof txn.state.source) {
		r = ota_txn_fail(&txn, OTA_BAD_CONFIG, "no source for the update, or one longer than %zu bytes",
				 sizeof txn.state.source - 1);
		return finish_call(&txn, r);
	}
	if (flags & OTA_DRY_RUN)
		return finish_call(&txn, txn.state_result ? txn.state_result : ota_install_run(&txn, source, poll));
	/* An interrupted install of another source is taken up before a poll; one that was asked for by name replaces
	 * it. */
	bool may_continue = poll && strcmp(txn.state.source, source) != 0;
	r = resume_transaction(&txn, may_continue);
	if (r < 0 || result->reboot)
		return finish_call(&txn, r);
	/* Without a journal an install could not be recovered: none begins. */
	if (txn.state_result)
		return finish_call(&txn, txn.state_result);
	result->reason = OTA_OK; /* what recovery recorded is in the outbox; from here on it is about this install */
	memset(result->detail, 0, sizeof result->detail);
	memset(result->version, 0, sizeof result->version);
	return finish_call(&txn, ota_install_run(&txn, source, poll));
}

int ota_check(struct ota *ota, struct ota_result *result)
{
	return run_install(ota, ota->policy.update_url, 0, true, result);
}

int ota_install(struct ota *ota, const char *source, unsigned flags, struct ota_result *result)
{
	return run_install(ota, source, flags, false, result);
}

int ota_commit(struct ota *ota, struct ota_result *result)
{
	struct ota_txn txn;
	int r = ota_txn_open(&txn, ota, 0, result);
	if (r)
		return fail_early(result, r);
	bool runs = strcmp(txn.boot.selected, txn.booted) == 0;
	if (txn.boot.trial && !runs)
		r = ota_txn_fail(&txn, OTA_TRIAL_PENDING,
				 "the version on trial is not the one that runs; reboot first");
	else if (txn.boot.trial)
		r = ota_trial_commit(&txn);
	else if (decide_action(&txn) == OTA_ACTION_FINISH)
		r = ota_trial_finish(&txn);
	else
		r = ota_txn_fail(&txn, OTA_NOTHING_TO_DO, "no version is on trial");
	return finish_call(&txn, r);
}

int ota_mark_bad(struct ota *ota, struct ota_result *result)
{
	struct ota_txn txn;
	int r = ota_txn_open(&txn, ota, 0, result);
	if (r)
		return fail_early(result, r);
	if (!txn.boot.trial)
		r = ota_txn_fail(&txn, OTA_NOTHING_TO_DO,
				 "no version is on trial; to leave a committed one use rollback");
	else
		r = ota_trial_condemn(&txn, OTA_MARKED_BAD);
	return finish_asked_call(&txn, r);
}

int ota_rollback(struct ota *ota, struct ota_result *result)
{
	struct ota_txn txn;
	int r = ota_txn_open(&txn, ota, 0, result);
	if (r)
		return fail_early(result, r);
	r = txn.boot.trial ? ota_trial_condemn(&txn, OTA_MARKED_BAD) : ota_rollback_run(&txn);
	return finish_asked_call(&txn, r);
}

int ota_status(struct ota *ota, struct ota_status *out)
{
	struct ota_store store;
	memset(out, 0, sizeof *out);
	int r = ota->system.ops->booted(ota->system.system, out->booted);
	if (r < 0)
		return r;
	r = ota->boot.ops->query(ota->boot.boot, &out->boot);
	if (r < 0)
		return r;
	/* A journal of a newer updater or none at all shows as defaults: status is asked when things are broken. */
	r = ota_store_open(&store, &ota->state, &out->state);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < OTA_SLOTS; i++)
		out->described[i] = ota_slot_describe(&ota->slots[i], &out->slots[i]) == 0;
	return 0;
}
