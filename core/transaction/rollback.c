/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going to the other slot by hand. It goes there on trial, like an update: a slot that does not start any more is left
 * again by the bootloader. A journal without a source tells such a trial from an install.
 */
#include "transaction/rollback.h"

#include <assert.h>
#include <string.h>

#include "transaction/install.h"
#include "transaction/outbox.h"
#include "transaction/policy.h"

static int rollback_allowed(struct ota_txn *txn, struct ota_slot_content *content)
{
	const char *slot = txn->other->bootname;
	int r = ota_slot_content_read(txn->other, content);
	if (r)
		return ota_txn_fail(txn, r, "slot %s holds no complete version", slot);
	if (strcmp(txn->boot.barred, slot) == 0 || ota_failed_find(&txn->state, content->descriptor.digest))
		return ota_txn_fail(txn, OTA_KNOWN_BAD, "%s in slot %s was rolled back before",
				    content->descriptor.version, slot);
	if (content->descriptor.sequence < ota_policy_floor(txn))
		return ota_txn_fail(txn, OTA_DOWNGRADE, "%s in slot %s is below the version floor",
				    content->descriptor.version, slot);
	r = ota_slot_verify(txn->other, content, NULL);
	return r ? ota_txn_fail(txn, r, "slot %s does not hold what its descriptor says", slot) : 0;
}

int ota_rollback_run(struct ota_txn *txn)
{
	assert(!txn->boot.trial);
	struct ota_slot_content content;
	struct ota_state *state = &txn->state;
	if (txn->state_result)
		return txn->state_result;
	int r = rollback_allowed(txn, &content);
	if (r)
		return r;
	ota_txn_step(txn, OTA_S04_OPEN_JOURNAL);
	ota_journal_close(state);
	state->phase = OTA_PHASE_WRITTEN;
	state->trial_id = ota_install_trial_id(txn, content.descriptor.digest);
	state->sequence = content.descriptor.sequence;
	memcpy(state->target, txn->other->bootname, sizeof state->target);
	memcpy(state->digest, content.descriptor.digest, sizeof state->digest);
	memcpy(state->version, content.descriptor.version, sizeof state->version);
	ota_text_copy(txn->result->version, sizeof txn->result->version, state->version);
	r = ota_txn_save(txn);
	return r ? r : ota_install_try(txn);
}
