/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context of one call into libota: opens it from durable storage and gives the verbs what they share. That is the
 * journal, the boot state, steps, messages, hooks, the time and the reboot.
 */
#include "transaction/context.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ota_text_copy(char *out, size_t out_bytes, const char *text)
{
	assert(out_bytes > 0);
	size_t n = text ? strnlen(text, out_bytes - 1) : 0;
	memset(out, 0, out_bytes);
	if (n > 0)
		memcpy(out, text, n);
}

void ota_txn_step(const struct ota_txn *txn, enum ota_step step)
{
	const struct ota_system *system = &txn->ota->system;
	assert(step >= OTA_S01_POLL && step < OTA_STEP_COUNT);
	if (system->ops->step)
		system->ops->step(system->system, step);
}

void ota_txn_message(const struct ota_txn *txn, enum ota_level level, const char *format, ...)
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
	assert(reason != 0);
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
	assert(ota && result);
	assert(ota->boot.ops && ota->system.ops && ota->clock.ops);
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
		ota_txn_message(txn, OTA_LEVEL_WARNING, "the journal cannot be read (%s): going on without it",
				ota_reason_name((int)ota_reason_of(txn->state_result)));
	return 0;
}

int ota_txn_save(struct ota_txn *txn)
{
	int r = ota_store_save(&txn->store, &txn->state);
	txn->unsaved = r < 0;
	if (r < 0)
		ota_txn_message(txn, OTA_LEVEL_ERROR, "the journal cannot be stored on %s: error %d",
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
