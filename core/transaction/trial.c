/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a trial: S13 to S16, going back, R2. Every function may be cut anywhere and run again. */
#include "transaction/trial.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/number-bytes.h"
#include "transaction/outbox.h"
#include "transaction/report.h"

#define HEALTH_TIMEOUT_DEFAULT_MS 60000u

static const char *first_nonempty(const char *text, const char *otherwise)
{
	return text[0] ? text : otherwise;
}

/* Transaction events are named by the trial alone: however often a recovery queues one, the server sees one. */
static uint64_t event_id(const struct ota_txn *txn, enum ota_event_kind kind)
{
	uint64_t trial_id = txn->state.trial_id ? txn->state.trial_id : txn->boot.trial_id;
	uint8_t seed[8];
	ota_number_put(seed, trial_id, sizeof seed);
	return ota_event_id(seed, sizeof seed, kind, OTA_OK);
}

/* A lost journal of this trial, rebuilt from its slot. */
static void adopt_trial(struct ota_txn *txn, const struct ota_slot *slot)
{
	struct ota_slot_descriptor found;
	struct ota_state *state = &txn->state;
	if (ota_journal_armed(state, &txn->boot)) {
		/* Armed means written, even if the record that says so was lost; chunks_done counts reboots from then
		 * on. */
		if (state->phase != OTA_PHASE_WRITTEN)
			state->chunks_done = 0;
		state->phase = OTA_PHASE_WRITTEN;
		return;
	}
	if (txn->boot.trial_id == 0 || ota_slot_describe(slot, &found) != 0)
		return;
	ota_journal_close(state);
	state->phase = OTA_PHASE_WRITTEN;
	state->trial_id = txn->boot.trial_id;
	state->sequence = found.sequence;
	memcpy(state->target, slot->bootname, sizeof state->target);
	memcpy(state->digest, found.digest, sizeof state->digest);
	memcpy(state->version, found.version, sizeof state->version);
}

int ota_trial_repair(struct ota_txn *txn)
{
	const struct ota_boot *boot = &txn->ota->boot;
	const struct ota_state *state = &txn->state;
	bool open = state->phase != OTA_PHASE_IDLE;
	bool target_runs = open && strcmp(state->target, txn->booted) == 0;
	bool known = txn->boot.readable && txn->boot.selected[0] != '\0';
	const char *barred = "";
	int r;
	if (!known && target_runs && state->phase == OTA_PHASE_WRITTEN) {
		/* The bootloader started the new version by its defaults, before a judgement. The version goes on trial again, so that its boots are counted. */
		r = boot->ops->try(boot->boot, txn->booted, state->trial_id, ota_txn_attempts(txn));
	} else {
		if (!known && open && !target_runs)
			barred = state->target;
		else if (known && strcmp(txn->boot.barred, txn->booted) != 0)
			barred = txn->boot.barred;
		r = boot->ops->rollback(boot->boot, txn->booted, barred);
	}
	return r ? ota_txn_fail(txn, r, "the boot state is damaged and cannot be stored anew") : 0;
}

int ota_trial_await(struct ota_txn *txn)
{
	bool gone_back = strcmp(txn->boot.barred, txn->booted) == 0;
	adopt_trial(txn, gone_back ? txn->running : txn->other);
	if (!ota_journal_armed(&txn->state, &txn->boot))
		return ota_txn_fail(txn, OTA_TRIAL_PENDING, "the next boot changes over to slot %s",
				    txn->boot.selected);
	ota_text_copy(txn->result->version, sizeof txn->result->version, txn->state.version);
	/* A bootloader that ignores the boot state must not make the device reboot for ever. In WRITTEN, chunks_done
	 * has no other use: it counts the reboots that were asked for at a start. */
	if (txn->state.chunks_done >= ota_txn_attempts(txn)) {
		if (!gone_back)
			return ota_trial_go_back(txn);
		return ota_txn_fail(txn, OTA_BOOT_STATE, "the bootloader does not go to slot %s; look at its console",
				    txn->boot.selected);
	}
	txn->state.chunks_done++;
	int r = ota_txn_save(txn);
	if (r)
		return ota_txn_fail(txn, r, "the next boot changes over to slot %s; not rebooting without a journal",
				    txn->boot.selected);
	return ota_txn_reboot(txn);
}

int ota_trial_judge(struct ota_txn *txn)
{
	const struct ota_system *system = &txn->ota->system;
	struct ota_slot_descriptor found;
	char failed[64] = "";
	bool armed = ota_journal_armed(&txn->state, &txn->boot);
	uint32_t deadline = txn->ota->policy.health_timeout_ms;
	ota_txn_step(txn, OTA_S13_UP);
	if (system->ops->watchdog)
		system->ops->watchdog(system->system, false);
	bool described = ota_txn_running(txn, &found) == 0;
	if (described && armed && memcmp(found.digest, txn->state.digest, OTA_DIGEST_BYTES) != 0)
		ota_txn_message(txn, OTA_LEVEL_WARNING,
				"slot %s holds %s, the journal speaks of %s: the slot is believed", txn->booted,
				found.version, txn->state.version);
	ota_text_copy(txn->result->version, sizeof txn->result->version,
		      described ? found.version : (armed ? txn->state.version : ""));
	int reason = armed ? txn->state.verdict : OTA_OK;
	if (reason == OTA_OK) {
		ota_txn_step(txn, OTA_S14_HEALTH);
		reason = system->ops->health
			     ? system->ops->health(system->system, deadline ? deadline : HEALTH_TIMEOUT_DEFAULT_MS,
						   failed, sizeof failed)
			     : 0;
		failed[sizeof failed - 1] = '\0';
	}
	/* Asked to stop: no judgement. The trial goes on at the next start, and that boot is counted. */
	if (reason == -EINTR)
		return ota_txn_fail(txn, reason, "asked to stop during the health check");
	if (reason == OTA_OK)
		return ota_trial_commit(txn);
	/* A health check that cannot be run is no proof of health. */
	if (reason < 0)
		reason = OTA_HEALTH_FAILED;
	int r = ota_txn_fail(txn, reason, "%s%s%s", ota_reason_text(reason), failed[0] ? ": " : "", failed);
	int back = ota_trial_condemn(txn, r);
	return back ? back : r;
}

int ota_trial_condemn(struct ota_txn *txn, int reason)
{
	assert(reason != OTA_OK);
	const struct ota_boot *boot = &txn->ota->boot;
	bool runs = strcmp(txn->boot.selected, txn->booted) == 0;
	const struct ota_slot *bad = runs ? txn->running : txn->other;
	const struct ota_slot *keep = runs ? txn->other : txn->running;
	adopt_trial(txn, bad);
	ota_text_copy(txn->result->version, sizeof txn->result->version, txn->state.version);
	/* The verdict is durable before the boot state changes: afterwards only the old slot can tell why. If it cannot
	 * be stored the device goes back all the same, and the reason will be BOOT_LIMIT. */
	if (ota_journal_armed(&txn->state, &txn->boot)) {
		txn->state.verdict = (uint16_t)reason;
		if (ota_txn_save(txn))
			ota_txn_message(txn, OTA_LEVEL_WARNING, "the reason for going back could not be stored");
	}
	int r = boot->ops->rollback(boot->boot, keep->bootname, bad->bootname);
	if (r)
		return ota_txn_fail(txn, r, "going back to slot %s could not be stored; the boot limit will do it",
				    keep->bootname);
	if (runs)
		return ota_txn_reboot(txn);
	/* Not rebooted into it yet: nothing is left to wait for. */
	r = ota_txn_query(txn);
	return r || !ota_journal_armed(&txn->state, &txn->boot) ? r : ota_trial_record(txn);
}

int ota_trial_go_back(struct ota_txn *txn)
{
	const struct ota_boot *boot = &txn->ota->boot;
	adopt_trial(txn, txn->other);
	int r = boot->ops->rollback(boot->boot, txn->booted, txn->other->bootname);
	return r ? ota_txn_fail(txn, r, "going back to slot %s could not be stored", txn->booted) : 0;
}

int ota_trial_commit(struct ota_txn *txn)
{
	const struct ota_system *system = &txn->ota->system;
	const struct ota_boot *boot = &txn->ota->boot;
	ota_txn_step(txn, OTA_S15_COMMIT);
	int r = boot->ops->commit(boot->boot, txn->booted);
	if (r)
		return ota_txn_fail(txn, r, "the commit of slot %s could not be stored; the trial goes on",
				    txn->booted);
	/* Only now: until the commit is durable, a hang has to end in a reset. */
	if (system->ops->watchdog)
		system->ops->watchdog(system->system, true);
	return ota_trial_finish(txn);
}

/* The version that was left, for the record: what was committed before, or what the other slot says. */
static void version_left(const struct ota_txn *txn, struct ota_slot_descriptor *out)
{
	if (ota_slot_describe(txn->other, out) == 0)
		return;
	memset(out, 0, sizeof *out);
	memcpy(out->version, txn->state.installed_version, sizeof out->version);
	memcpy(out->digest, txn->state.installed_digest, sizeof out->digest);
}

/* S16. What the slot says counts more than the journal, which may be lost or stale. */
int ota_trial_finish(struct ota_txn *txn)
{
	static const uint8_t zero[OTA_DIGEST_BYTES];
	struct ota_state *state = &txn->state;
	struct ota_slot_descriptor now;
	struct ota_slot_descriptor left;
	bool journal = state->phase != OTA_PHASE_IDLE && strcmp(state->target, txn->booted) == 0;
	bool by_hand = journal && state->source[0] == '\0' && ota_journal_armed(state, &txn->boot);
	uint64_t success = event_id(txn, OTA_EVENT_SUCCESS);
	uint64_t rollback = event_id(txn, OTA_EVENT_ROLLBACK);
	ota_txn_step(txn, OTA_S16_FLOOR);
	if (ota_txn_running(txn, &now) != 0) {
		memset(&now, 0, sizeof now);
		if (journal) {
			now.sequence = state->sequence;
			memcpy(now.version, state->version, sizeof now.version);
			memcpy(now.digest, state->digest, sizeof now.digest);
		}
	}
	version_left(txn, &left);
	if (state->floor < now.sequence)
		state->floor = now.sequence;
	if (memcmp(now.digest, zero, sizeof zero) != 0) {
		memcpy(state->installed_digest, now.digest, sizeof state->installed_digest);
		memcpy(state->installed_version, now.version, sizeof state->installed_version);
		ota_failed_remove(state, now.digest);
	}
	if (by_hand && memcmp(left.digest, zero, sizeof zero) != 0)
		ota_failed_add(state, left.digest, OTA_MARKED_BAD);
	if (by_hand)
		ota_report_queue(txn, OTA_EVENT_ROLLBACK, OTA_MARKED_BAD, rollback, left.version, now.version,
				 "rollback");
	else
		ota_report_queue(txn, OTA_EVENT_SUCCESS, OTA_OK, success, now.version, left.version, "");
	/* Source and validator stay: the next poll then costs one request without a body, and no store. */
	char source[sizeof state->source];
	char etag[sizeof state->etag];
	memcpy(source, state->source, sizeof source);
	memcpy(etag, state->etag, sizeof etag);
	ota_journal_close(state);
	if (journal) {
		memcpy(state->source, source, sizeof source);
		memcpy(state->etag, etag, sizeof etag);
	}
	int r = ota_txn_save(txn);
	ota_text_copy(txn->result->version, sizeof txn->result->version, now.version);
	if (ota_txn_hook(txn, OTA_HOOK_POST_COMMIT, now.version))
		ota_txn_message(txn, OTA_LEVEL_WARNING, "the post-commit hook failed; %s stays committed", now.version);
	return r ? ota_txn_fail(txn, r, "%s is committed; recording it waits for the next start", now.version) : 0;
}

/* R2, on the old slot. Memory, report and the end of the journal are one store: a cut leaves all of it to do, or
 * nothing. */
int ota_trial_record(struct ota_txn *txn)
{
	const struct ota_boot *boot = &txn->ota->boot;
	struct ota_state *state = &txn->state;
	struct ota_slot_descriptor now;
	int reason = state->verdict ? state->verdict : OTA_BOOT_LIMIT;
	ota_txn_step(txn, OTA_R2_RECORD);
	if (ota_txn_running(txn, &now) != 0)
		memset(&now, 0, sizeof now);
	/* Most bootloaders bar the slot when they go back. Not being able to is no reason to forget the failure. */
	if (strcmp(txn->boot.barred, state->target) != 0 &&
	    boot->ops->rollback(boot->boot, txn->booted, state->target) != 0)
		ota_txn_message(txn, OTA_LEVEL_WARNING, "slot %s could not be barred", state->target);
	ota_failed_add(state, state->digest, reason);
	ota_report_queue(txn, OTA_EVENT_ROLLBACK, reason, event_id(txn, OTA_EVENT_ROLLBACK), state->version,
			 first_nonempty(now.version, state->installed_version), "");
	txn->result->reason = ota_reason_of(reason);
	ota_text_copy(txn->result->version, sizeof txn->result->version, state->version);
	(void)ota_txn_fail(txn, reason, "%s was rolled back: %s", first_nonempty(state->version, "the new version"),
			   ota_reason_text(reason));
	ota_journal_close(state);
	return ota_txn_save(txn);
}
