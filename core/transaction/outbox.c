/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of failures and the outbox of reports: pure functions on the state record. */
#include "transaction/outbox.h"

#include <assert.h>
#include <string.h>

#include "base/sha256.h"
#include "ota/reason.h"

static const uint8_t zero_digest[OTA_DIGEST_BYTES];

bool ota_reason_condemns(int reason)
{
	return reason == OTA_HEALTH_FAILED || reason == OTA_HEALTH_TIMEOUT || reason == OTA_BOOT_LIMIT ||
	       reason == OTA_MARKED_BAD;
}

static bool entry_used(const struct ota_failed *entry)
{
	return memcmp(entry->digest, zero_digest, sizeof zero_digest) != 0;
}

static bool entry_is(const struct ota_failed *entry, const uint8_t digest[OTA_DIGEST_BYTES])
{
	return entry_used(entry) && memcmp(entry->digest, digest, OTA_DIGEST_BYTES) == 0;
}

const struct ota_failed *ota_failed_find(const struct ota_state *state, const uint8_t digest[OTA_DIGEST_BYTES])
{
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++)
		if (entry_is(&state->failed[i], digest) && ota_reason_condemns(state->failed[i].reason))
			return &state->failed[i];
	return NULL;
}

/* Entries lie in order of age, free ones at the end. */
static void entry_drop(struct ota_state *state, unsigned i)
{
	assert(i < OTA_FAILED_MAX);
	memmove(&state->failed[i], &state->failed[i + 1], (OTA_FAILED_MAX - 1 - i) * sizeof state->failed[0]);
	memset(&state->failed[OTA_FAILED_MAX - 1], 0, sizeof state->failed[0]);
}

static void entry_append(struct ota_state *state, const uint8_t digest[OTA_DIGEST_BYTES], int reason)
{
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		if (entry_used(&state->failed[i]))
			continue;
		memcpy(state->failed[i].digest, digest, OTA_DIGEST_BYTES);
		state->failed[i].reason = (uint16_t)reason;
		state->failed[i].count = 1;
		return;
	}
}

/* The oldest refusal, or OTA_FAILED_MAX; *count says how many there are. */
static unsigned refusal_oldest(const struct ota_state *state, unsigned *count)
{
	unsigned oldest = OTA_FAILED_MAX;
	*count = 0;
	for (unsigned i = OTA_FAILED_MAX; i-- > 0;) {
		if (!entry_used(&state->failed[i]) || ota_reason_condemns(state->failed[i].reason))
			continue;
		oldest = i;
		*count += 1;
	}
	return oldest;
}

static bool entries_full(const struct ota_state *state)
{
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++)
		if (!entry_used(&state->failed[i]))
			return false;
	return true;
}

void ota_failed_add(struct ota_state *state, const uint8_t digest[OTA_DIGEST_BYTES], int reason)
{
	unsigned refusals;
	if (memcmp(digest, zero_digest, sizeof zero_digest) == 0)
		return;
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		struct ota_failed *entry = &state->failed[i];
		if (!entry_is(entry, digest) || !ota_reason_condemns(entry->reason))
			continue;
		entry->reason = (uint16_t)reason;
		entry->count = (uint16_t)(entry->count + (entry->count < UINT16_MAX));
		return;
	}
	if (entries_full(state)) {
		unsigned oldest = refusal_oldest(state, &refusals);
		entry_drop(state, refusals ? oldest : 0);
	}
	entry_append(state, digest, reason);
}

void ota_failed_remove(struct ota_state *state, const uint8_t digest[OTA_DIGEST_BYTES])
{
	for (unsigned i = OTA_FAILED_MAX; i-- > 0;)
		if (entry_is(&state->failed[i], digest))
			entry_drop(state, i);
}

bool ota_refused_add(struct ota_state *state, const uint8_t key[OTA_DIGEST_BYTES], int reason)
{
	unsigned refusals;
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		const struct ota_failed *entry = &state->failed[i];
		if (entry_is(entry, key) && (entry->reason == reason || reason == OTA_KNOWN_BAD))
			return false;
	}
	unsigned oldest = refusal_oldest(state, &refusals);
	if (refusals >= OTA_REFUSED_MAX || (refusals > 0 && entries_full(state)))
		entry_drop(state, oldest);
	/* Eight condemned versions and no refusal: this one stays unremembered, and so unreported, rather than be
	 * stored at every poll. */
	if (entries_full(state))
		return false;
	entry_append(state, key, reason);
	return true;
}

uint64_t ota_event_id(const void *seed, size_t seed_bytes, enum ota_event_kind kind, int reason)
{
	assert(seed || seed_bytes == 0);
	const uint8_t tail[2] = {(uint8_t)kind, (uint8_t)reason};
	uint8_t sum[OTA_DIGEST_BYTES];
	uint64_t id = 0;
	struct ota_hash hash;
	ota_hash_init(&hash);
	ota_hash_update(&hash, seed, seed_bytes);
	ota_hash_update(&hash, tail, sizeof tail);
	ota_hash_final(&hash, sum);
	for (unsigned i = 0; i < 8; i++)
		id = id << 8 | sum[i];
	return id ? id : 1;
}

static void outbox_drop(struct ota_state *state, unsigned i)
{
	assert(i < OTA_OUTBOX_MAX);
	memmove(&state->outbox[i], &state->outbox[i + 1], (OTA_OUTBOX_MAX - 1 - i) * sizeof state->outbox[0]);
	memset(&state->outbox[OTA_OUTBOX_MAX - 1], 0, sizeof state->outbox[0]);
}

/* Which event makes room. How a transaction ended matters more than why an offer was refused. */
static unsigned outbox_victim(const struct ota_state *state)
{
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++)
		if (state->outbox[i].kind != OTA_EVENT_SUCCESS && state->outbox[i].kind != OTA_EVENT_ROLLBACK)
			return i;
	return 0;
}

void ota_outbox_add(struct ota_state *state, const struct ota_event *event)
{
	assert(event->id != 0);
	unsigned i;
	for (i = 0; i < OTA_OUTBOX_MAX && state->outbox[i].id != 0; i++)
		if (state->outbox[i].id == event->id)
			return;
	if (i == OTA_OUTBOX_MAX) {
		outbox_drop(state, outbox_victim(state));
		i = OTA_OUTBOX_MAX - 1;
	}
	state->outbox[i] = *event;
}

const struct ota_event *ota_outbox_first(const struct ota_state *state)
{
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++)
		if (state->outbox[i].id != 0)
			return &state->outbox[i];
	return NULL;
}

void ota_outbox_remove(struct ota_state *state, uint64_t id)
{
	for (unsigned i = OTA_OUTBOX_MAX; i-- > 0;)
		if (state->outbox[i].id == id && id != 0)
			outbox_drop(state, i);
}
