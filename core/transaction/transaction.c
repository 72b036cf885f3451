/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call into libota: reads what durable storage says, recovers, does what was asked, delivers reports. Recovery is
 * decided by the table of recovery.c; what its actions do is in trial.c and install.c.
 */
#include "transaction/context.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ota_text_copy(char *out, size_t out_bytes, const char *text)
{
	size_t n = text ? strnlen(text, out_bytes - 1) : 0;
	memset(out, 0, out_bytes);
	if (n > 0)
		memcpy(out, text, n);
}

void ota_txn_step(const struct ota_txn *txn, enum ota_step step)
{
	const struct ota_system *system = &txn->ota->system;
	if (system->ops->step)
		system->ops->step(system->system, step);
}

void ota_txn_say(const struct ota_txn *txn, enum ota_level level, const char *format, ...)
{
	const struct ota_system *system = &txn->ota->system;
	char text[OTA_TEXT_MAX];
	va_list arguments;
	if (!system->ops->message)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	system->ops->message(system->system, level, text);
}

int ota_txn_fail(struct ota_txn *txn, int reason, const char *format, ...)
{
	va_list arguments;
	if (txn->result->detail[0])
		return reason;
	va_start(arguments, format);
	(void)vsnprintf(txn->result->detail, sizeof txn->result->detail, format, arguments);
	va_end(arguments);
	return reason;
}

unsigned ota_txn_attempts(const struct ota_txn *txn)
{
	unsigned attempts = txn->ota->policy.boot_attempts;
	return attempts ? attempts : OTA_BOOT_ATTEMPTS_DEFAULT;
}

int ota_txn_hook(const struct ota_txn *txn, enum ota_hook hook, const char *version)
{
	const struct ota_system *system = &txn->ota->system;
	return system->ops->hook ? system->ops->hook(system->system, hook, version) : 0;
}

int64_t ota_txn_now(const struct ota_txn *txn)
{
	const struct ota_clock *clock = &txn->ota->clock;
	int64_t now = clock->ops->realtime_s(clock->clock);
	if (now < txn->ota->policy.build_time_s)
		now = txn->ota->policy.build_time_s;
	return now < txn->state.trusted_time_s ? txn->state.trusted_time_s : now;
}

int ota_txn_query(struct ota_txn *txn)
{
	const struct ota_boot *boot = &txn->ota->boot;
	memset(&txn->boot, 0, sizeof txn->boot);
	int r = boot->ops->query(boot->boot, &txn->boot);
	return r ? ota_txn_fail(txn, r, "the boot state cannot be read; check the boot environment's medium") : 0;
}

int ota_txn_running(struct ota_txn *txn, struct ota_slot_descriptor *out)
{
	int r = txn->described ? 0 : ota_slot_describe(txn->running, &txn->descriptor);
	txn->described = r == 0;
	*out = txn->descriptor;
	return r;
}

int ota_txn_open(struct ota_txn *txn, struct ota *ota, unsigned flags, struct ota_result *result)
{
	memset(result, 0, sizeof *result);
	memset(txn, 0, sizeof *txn);
	txn->ota = ota;
	txn->result = result;
	txn->flags = flags;
	int r = ota->system.ops->booted(ota->system.system, txn->booted);
	if (r)
		return ota_txn_fail(txn, r, "it is not known which slot is booted");
	for (unsigned i = 0; i < OTA_SLOTS; i++) {
		if (strcmp(ota->slots[i].bootname, txn->booted) == 0) {
			txn->running = &ota->slots[i];
			txn->other = &ota->slots[(i + 1) % OTA_SLOTS];
		}
	}
	if (!txn->running || txn->booted[0] == '\0' || strcmp(txn->other->bootname, txn->booted) == 0)
		return ota_txn_fail(txn, OTA_BAD_CONFIG,
				    "the booted slot \"%s\" is not exactly one of the configured slots", txn->booted);
	r = ota_txn_query(txn);
	if (r)
		return r;
	txn->state_result = ota_store_open(&txn->store, &ota->state, &txn->state);
	txn->unsaved = txn->state_result != 0;
	if (txn->state_result)
		ota_txn_say(txn, OTA_LEVEL_WARNING, "the journal cannot be read (%s): going on without it",
			    ota_reason_name((int)ota_reason_of(txn->state_result)));
	return 0;
}

int ota_txn_save(struct ota_txn *txn)
{
	int r = ota_store_save(&txn->store, &txn->state);
	txn->unsaved = r < 0;
	if (r < 0)
		ota_txn_say(txn, OTA_LEVEL_ERROR, "the journal cannot be stored on %s: error %d",
			    txn->ota->state.name ? txn->ota->state.name : "the state medium", -r);
	return r;
}

int ota_txn_reboot(struct ota_txn *txn)
{
	const struct ota_system *system = &txn->ota->system;
	int r = ota_txn_hook(txn, OTA_HOOK_PRE_REBOOT, txn->result->version);
	if (r)
		return ota_txn_fail(txn, r,
				    "the pre-reboot hook did not agree; the device changes over at its next boot");
	ota_txn_step(txn, OTA_S11_REBOOT);
	txn->result->reboot = true;
	if (txn->flags & OTA_NO_REBOOT)
		return 0;
	r = system->ops->reboot(system->system);
	return r ? ota_txn_fail(txn, r, "the reboot could not be asked for; reboot the device") : 0;
}

void ota_journal_close(struct ota_state *state)
{
	state->phase = OTA_PHASE_IDLE;
	memset(state->target, 0, sizeof state->target);
	memset(state->digest, 0, sizeof state->digest);
	memset(state->version, 0, sizeof state->version);
	memset(state->source, 0, sizeof state->source);
	memset(state->etag, 0, sizeof state->etag);
	state->trial_id = 0;
	state->sequence = 0;
	state->chunks_done = 0;
	state->verdict = OTA_OK;
}

bool ota_journal_armed(const struct ota_state *state, const struct ota_boot_state *boot)
{
	return state->phase != OTA_PHASE_IDLE && state->trial_id != 0 && state->trial_id == boot->trial_id;
}

static enum ota_action decide(const struct ota_txn *txn)
{
	struct ota_slot_descriptor target;
	struct ota_facts facts = {.booted = txn->booted, .boot = &txn->boot, .state = &txn->state};
	/* The one row that asks for it needs WRITTEN and no trial: an idle device reads no slot. */
	if (txn->state.phase == OTA_PHASE_WRITTEN && !txn->boot.trial && ota_slot_describe(txn->other, &target) == 0)
		facts.target = &target;
	return ota_recovery_decide(&facts);
}

static int act(struct ota_txn *txn, enum ota_action action)
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
static int recover(struct ota_txn *txn, bool may_continue)
{
	for (unsigned i = 0; i < OTA_RECOVERY_STEPS_MAX; i++) {
		enum ota_action action = decide(txn);
		if (action == OTA_ACTION_NONE || (action == OTA_ACTION_CONTINUE && !may_continue))
			return 0;
		ota_txn_say(txn, OTA_LEVEL_INFO, "recovery: %s", ota_action_name(action));
		int r = act(txn, action);
		if (r || txn->result->reboot)
			return r;
		r = ota_txn_query(txn);
		if (r)
			return r;
	}
	return ota_txn_fail(txn, OTA_INTERNAL, "recovery did not come to rest");
}

/* One copy of the boot state is bad: the same state, stored again, mends it (a back-end with nothing to mend stores
 * nothing). */
static void mend(struct ota_txn *txn)
{
	const struct ota_boot *boot = &txn->ota->boot;
	if (!txn->boot.degraded || txn->boot.trial || strcmp(txn->boot.selected, txn->booted) != 0)
		return;
	if (boot->ops->rollback(boot->boot, txn->booted, txn->boot.barred))
		ota_txn_say(txn, OTA_LEVEL_WARNING, "one copy of the boot state is bad and could not be mended");
}

static int resume(struct ota_txn *txn, bool may_continue)
{
	int r = recover(txn, may_continue);
	if (r == 0 && !txn->result->reboot)
		mend(txn);
	return r;
}

/* What every call ends with: reports, and one result whose reason and return value agree. */
static int finish(struct ota_txn *txn, int r)
{
	struct ota_result *result = txn->result;
	/* A report leaves only after it is durable here, together with what it reports. */
	if (!txn->unsaved && !result->reboot)
		ota_txn_deliver(txn);
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
static int finish_asked(struct ota_txn *txn, int r)
{
	if (r == 0)
		txn->result->reason = OTA_OK;
	return finish(txn, r);
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
	return finish(&txn, resume(&txn, true));
}

static int install(struct ota *ota, const char *source, unsigned flags, bool poll, struct ota_result *result)
{
	struct ota_txn txn;
	int r = ota_txn_open(&txn, ota, flags, result);
	if (r)
		return fail_early(result, r);
	if (!source || source[0] == '\0' || strlen(source) >= sizeof txn.state.source) {
		r = ota_txn_fail(&txn, OTA_BAD_CONFIG, "no source for the update, or one longer than %zu bytes",
				 sizeof txn.state.source - 1);
		return finish(&txn, r);
	}
	if (flags & OTA_DRY_RUN)
		return finish(&txn, txn.state_result ? txn.state_result : ota_install_run(&txn, source, poll));
	/* An interrupted install of another source is taken up before a poll; one that was asked for by name replaces
	 * it. */
	bool may_continue = poll && strcmp(txn.state.source, source) != 0;
	r = resume(&txn, may_continue);
	if (r < 0 || result->reboot)
		return finish(&txn, r);
	/* Without a journal an install could not be recovered: none begins. */
	if (txn.state_result)
		return finish(&txn, txn.state_result);
	result->reason = OTA_OK; /* what recovery recorded is in the outbox; from here on it is about this install */
	memset(result->detail, 0, sizeof result->detail);
	memset(result->version, 0, sizeof result->version);
	return finish(&txn, ota_install_run(&txn, source, poll));
}

int ota_check(struct ota *ota, struct ota_result *result)
{
	return install(ota, ota->policy.update_url, 0, true, result);
}

int ota_install(struct ota *ota, const char *source, unsigned flags, struct ota_result *result)
{
	return install(ota, source, flags, false, result);
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
	else if (decide(&txn) == OTA_ACTION_FINISH)
		r = ota_trial_finish(&txn);
	else
		r = ota_txn_fail(&txn, OTA_NOTHING_TO_DO, "no version is on trial");
	return finish(&txn, r);
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
	return finish_asked(&txn, r);
}

int ota_rollback(struct ota *ota, struct ota_result *result)
{
	struct ota_txn txn;
	int r = ota_txn_open(&txn, ota, 0, result);
	if (r)
		return fail_early(result, r);
	r = txn.boot.trial ? ota_trial_condemn(&txn, OTA_MARKED_BAD) : ota_rollback_run(&txn);
	return finish_asked(&txn, r);
}
