/* SPDX-License-Identifier: Apache-2.0 */
/* S01 to S04 and S09 to S11: from an offer to a slot on trial. What happens to the slot itself is in install-slot.c. */
#include "transaction/install.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/number-bytes.h"
#include "base/sha256.h"
#include "fetch/source.h"
#include "transaction/install-slot.h"
#include "transaction/outbox.h"
#include "transaction/policy.h"
#include "transaction/report.h"
#include "transaction/trial.h"

#define TRIAL_ID_TRIES_MAX 8u

/* What a failure means for the journal and for the server. */
enum aftermath {
	AFTER_NOTHING, /* transient, and nothing that an operator must know: the network is down, power is low */
	AFTER_ALARM,   /* the install is not given up, but an operator must know: reported once */
	AFTER_GIVE_UP, /* this offer cannot be installed: reported once, the journal closed, the target stays barred */
};

static enum aftermath judge_failure(int r)
{
	if (ota_reason_exhausted(r))
		return AFTER_NOTHING;
	switch (r) {
	case -EINTR:
	case OTA_UNREACHABLE:
	case OTA_NAME:
	case OTA_TLS:
	case OTA_STALLED:
	case OTA_DEADLINE:
	case OTA_LOW_POWER:
	case OTA_HOOK_REFUSED:
	case OTA_BUSY:
	case OTA_SLOT_IN_USE:
	case OTA_TRIAL_PENDING:
	case OTA_NOTHING_TO_DO:
	case OTA_BAD_CONFIG:
		return AFTER_NOTHING;
	case OTA_HTTP_STATUS:
	case OTA_HTTP_RANGE:
	case OTA_SHORT_BODY:
	case OTA_LONG_BODY:
	case OTA_BOOT_STATE:
		return AFTER_ALARM;
	default:
		return r < 0 ? AFTER_ALARM : AFTER_GIVE_UP;
	}
}

/* One install: the source, and what is known of it so far. */
struct offer {
	const char *source;
	char etag[OTA_ETAG_MAX];
	bool size_known;
	struct ota_head *head; /* NULL until it is verified */
};

/*
 * Ends an install that cannot go on. The same answer to the same offer is stored and reported once: a refusal that is
 * met at every poll writes nothing. Returns r.
 */
static int give_up(struct ota_txn *txn, const struct offer *offer, int r)
{
	struct ota_state *state = &txn->state;
	enum aftermath after = judge_failure(r);
	int reason = (int)ota_reason_of(r);
	uint8_t key[OTA_DIGEST_BYTES];
	bool changed = false;
	if (txn->flags & OTA_DRY_RUN || after == AFTER_NOTHING)
		return r;
	if (after == AFTER_GIVE_UP && state->phase != OTA_PHASE_IDLE && strcmp(state->source, offer->source) == 0) {
		ota_journal_close(state);
		changed = true;
	}
	/* Of an offer that was never verified only the place is known. */
	if (offer->head)
		memcpy(key, ota_head_digest(offer->head), sizeof key);
	else
		ota_hash_once(offer->source, strlen(offer->source), key);
	if (txn->ota->policy.report_url && r != OTA_ALREADY_INSTALLED && ota_refused_add(state, key, reason)) {
		enum ota_event_kind kind = after == AFTER_ALARM ? OTA_EVENT_ALARM : OTA_EVENT_FAILURE;
		ota_report_queue(txn, kind, r, ota_event_id(key, sizeof key, kind, reason), txn->result->version,
				 state->installed_version, txn->result->detail);
		changed = true;
	}
	if (changed && ota_txn_save(txn))
		ota_txn_message(txn, OTA_LEVEL_WARNING, "the failure could not be recorded");
	return r;
}

uint64_t ota_install_trial_id(const struct ota_txn *txn, const uint8_t digest[OTA_DIGEST_BYTES])
{
	const struct ota_failed *failed = ota_failed_find(&txn->state, digest);
	uint64_t id = 0;
	/* What it replaces and how often it failed go in: a version that is tried again later gets another id, and its
	 * reports are not taken for those of the first time. */
	uint32_t attempt = failed ? failed->count : 0;
	for (unsigned i = 0; i < TRIAL_ID_TRIES_MAX && (id == 0 || id == txn->boot.trial_id); i++, attempt++) {
		uint8_t sum[OTA_DIGEST_BYTES];
		uint8_t tail[4];
		struct ota_hash hash;
		ota_number_put(tail, attempt, sizeof tail);
		ota_hash_init(&hash);
		ota_hash_update(&hash, digest, OTA_DIGEST_BYTES);
		ota_hash_update(&hash, txn->state.installed_digest, OTA_DIGEST_BYTES);
		ota_hash_update(&hash, tail, sizeof tail);
		ota_hash_final(&hash, sum);
		id = 0;
		for (unsigned k = 0; k < 8; k++)
			id = id << 8 | sum[k];
	}
	return id;
}

/*
 * The validator of the last offer that was installed from here, if that is what runs: only then does an unchanged offer
 * mean that nothing is to do. (A device on the bootloader's defaults may run something older than it once committed.)
 */
static const char *seen_etag(struct ota_txn *txn, const char *source)
{
	const struct ota_state *state = &txn->state;
	struct ota_slot_descriptor running;
	if (state->phase != OTA_PHASE_IDLE || state->etag[0] == '\0' || strcmp(state->source, source) != 0 ||
	    txn->ota->policy.reinstall || ota_txn_running(txn, &running) != 0)
		return NULL;
	return memcmp(running.digest, state->installed_digest, OTA_DIGEST_BYTES) == 0 ? state->etag : NULL;
}

/* S01, S02: the head of the offer, verified. */
static int offer_open(struct ota_txn *txn, struct offer *offer, bool poll)
{
	struct ota_result *result = txn->result;
	struct ota_fetch_answer answer = {0};
	char detail[sizeof result->detail] = "";
	uint8_t *raw = NULL;
	size_t raw_bytes = 0;
	if (poll)
		ota_txn_step(txn, OTA_S01_POLL);
	int r = ota_source_head(txn->ota, offer->source, poll ? seen_etag(txn, offer->source) : NULL, &answer, &raw,
				&raw_bytes, &result->bytes_fetched, detail, sizeof detail);
	if (r == OTA_NOTHING_TO_DO)
		return ota_txn_fail(txn, OTA_ALREADY_INSTALLED, "the offer has not changed since it was installed");
	if (r)
		return ota_txn_fail(txn, r, "%s", detail[0] ? detail : ota_reason_text((int)ota_reason_of(r)));
	ota_text_copy(offer->etag, sizeof offer->etag, answer.etag);
	ota_txn_step(txn, OTA_S02_VERIFY_METADATA);
	r = ota_head_open(raw, raw_bytes, txn->ota->keyring, ota_txn_now(txn), &offer->head, detail, sizeof detail);
	free(raw);
	if (r)
		return ota_txn_fail(txn, r, "%s", detail[0] ? detail : ota_reason_text((int)ota_reason_of(r)));
	const struct ota_manifest *manifest = ota_head_manifest(offer->head);
	ota_text_copy(result->version, sizeof result->version, manifest->version);
	/* Cut short or grown at the server: known before anything is written. */
	uint64_t whole_bytes = ota_head_bytes(offer->head) + manifest->payload_bytes;
	if (answer.total_bytes != UINT64_MAX && answer.total_bytes != whole_bytes)
		return ota_txn_fail(txn, answer.total_bytes < whole_bytes ? OTA_TRUNCATED : OTA_TRAILING,
				    "%s is %" PRIu64 " bytes long instead of %" PRIu64, offer->source,
				    answer.total_bytes, whole_bytes);
	offer->size_known = answer.total_bytes == whole_bytes;
	return 0;
}

/* S04. From here on the journal knows what is done to the target, before it is done. */
static int journal_open(struct ota_txn *txn, const struct offer *offer, bool resuming)
{
	struct ota_state *state = &txn->state;
	const struct ota_manifest *manifest = ota_head_manifest(offer->head);
	ota_txn_step(txn, OTA_S04_OPEN_JOURNAL);
	if (!resuming) {
		ota_journal_close(state);
		state->phase = OTA_PHASE_INSTALLING;
		ota_text_copy(state->target, sizeof state->target, txn->other->bootname);
		memcpy(state->digest, ota_head_digest(offer->head), OTA_DIGEST_BYTES);
		state->trial_id = ota_install_trial_id(txn, state->digest);
		state->sequence = manifest->sequence;
		memcpy(state->version, manifest->version, sizeof state->version);
	}
	ota_text_copy(state->source, sizeof state->source, offer->source);
	ota_text_copy(state->etag, sizeof state->etag, offer->etag);
	int r = ota_txn_save(txn);
	return r ? ota_txn_fail(txn, r, "the journal cannot be stored on %s; nothing was changed",
				txn->ota->state.name ? txn->ota->state.name : "the state medium")
		 : 0;
}

static int install_offer(struct ota_txn *txn, const struct offer *offer)
{
	struct ota_state *state = &txn->state;
	bool resuming = state->phase == OTA_PHASE_INSTALLING && strcmp(state->target, txn->other->bootname) == 0 &&
			memcmp(state->digest, ota_head_digest(offer->head), OTA_DIGEST_BYTES) == 0;
	ota_txn_step(txn, OTA_S03_POLICY);
	int r = ota_policy_check(txn, offer->head, resuming);
	if (r || txn->flags & OTA_DRY_RUN)
		return r;
	/* The signed date of what is installed is a lower bound of the time; a refused offer moves no clock. It is
	 * stored when something else is. */
	const struct ota_manifest *manifest = ota_head_manifest(offer->head);
	if (txn->state.trusted_time_s < manifest->created_s)
		txn->state.trusted_time_s = manifest->created_s;
	r = journal_open(txn, offer, resuming);
	if (r)
		return r;
	r = ota_install_slot(txn, offer->head, offer->source, offer->size_known);
	if (r)
		return r;
	/* S09 after S08's last flush and read-back: "written" is a promise about the medium. */
	ota_txn_step(txn, OTA_S09_JOURNAL_WRITTEN);
	state->phase = OTA_PHASE_WRITTEN;
	state->chunks_done = 0;
	r = ota_txn_save(txn);
	if (r)
		return ota_txn_fail(txn, r, "%s is written, but the journal cannot be stored", txn->result->version);
	return ota_install_try(txn);
}

int ota_install_run(struct ota_txn *txn, const char *source, bool poll)
{
	assert(source && source[0]);
	struct offer offer = {.source = source};
	int r = offer_open(txn, &offer, poll);
	if (r == 0)
		r = install_offer(txn, &offer);
	if (r)
		r = give_up(txn, &offer, r);
	ota_head_free(offer.head);
	return r;
}

int ota_install_continue(struct ota_txn *txn)
{
	struct ota_state *state = &txn->state;
	char source[sizeof state->source];
	assert(txn->state.phase != OTA_PHASE_IDLE);
	if (state->source[0] == '\0' || strcmp(state->target, txn->other->bootname) != 0) {
		/* A rollback by hand whose slot is damaged, a slot that is booted by now, or one that is not configured
		 * any more: nothing that could go on. */
		ota_txn_message(txn, OTA_LEVEL_WARNING, "the interrupted install into slot %s is given up",
				state->target);
		ota_journal_close(state);
		return ota_txn_save(txn);
	}
	/* The journal says "written" but the slot does not: start again from the first chunk. */
	if (state->phase == OTA_PHASE_WRITTEN) {
		state->phase = OTA_PHASE_INSTALLING;
		state->chunks_done = 0;
	}
	memcpy(source, state->source, sizeof source);
	return ota_install_run(txn, source, false);
}

/*
 * A back-end that forgets trials (custom) shows a version that the bootloader went back from as one that was never
 * armed: it is armed a bounded number of times. In WRITTEN, chunks_done has no other use than to count them.
 */
static int arm_again(struct ota_txn *txn)
{
	if (!txn->boot.forgets)
		return ota_install_try(txn);
	if (txn->state.chunks_done >= ota_txn_attempts(txn))
		return ota_trial_record(txn);
	txn->state.chunks_done++;
	int r = ota_txn_save(txn);
	return r ? ota_txn_fail(txn, r, "%s stays unarmed: the journal cannot be stored", txn->state.version)
		 : ota_install_try(txn);
}

int ota_install_arm(struct ota_txn *txn)
{
	struct ota_state *state = &txn->state;
	struct ota_slot_content content;
	assert(txn->state.phase == OTA_PHASE_WRITTEN);
	ota_text_copy(txn->result->version, sizeof txn->result->version, state->version);
	int r = ota_slot_content_read(txn->other, &content);
	if (r == 0 && memcmp(content.descriptor.digest, state->digest, OTA_DIGEST_BYTES) != 0)
		r = OTA_READ_BACK;
	/* The whole slot, not only its descriptor: this may run after a cut, and nothing checks the slot after arming. */
	if (r == 0)
		r = ota_slot_verify(txn->other, &content, NULL);
	if (r < 0)
		return ota_txn_fail(txn, r, "slot %s cannot be read", txn->other->bootname);
	if (r == 0)
		return arm_again(txn);
	ota_txn_message(txn, OTA_LEVEL_WARNING, "slot %s does not hold %s any more: installing it anew",
			txn->other->bootname, state->version);
	return ota_install_continue(txn);
}

int ota_install_try(struct ota_txn *txn)
{
	assert(txn->state.phase == OTA_PHASE_WRITTEN && txn->state.trial_id != 0);
	const struct ota_boot *boot = &txn->ota->boot;
	struct ota_state *state = &txn->state;
	bool by_hand = state->source[0] == '\0';
	int r = by_hand ? 0 : ota_txn_hook(txn, OTA_HOOK_POST_INSTALL, state->version);
	if (r)
		return ota_txn_fail(txn, r, "the post-install hook did not agree to %s; it stays unarmed",
				    state->version);
	/* S10, one store: before it the old version boots, after it the new one, on trial. All that it makes bootable
	 * was flushed and read back before. */
	ota_txn_step(txn, OTA_S10_ARM);
	r = boot->ops->try(boot->boot, txn->other->bootname, state->trial_id, ota_txn_attempts(txn));
	if (r)
		return ota_txn_fail(txn, r, "slot %s could not be armed", txn->other->bootname);
	return ota_txn_reboot(txn);
}
