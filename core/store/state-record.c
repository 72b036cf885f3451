/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state record, the journal among its fields: its codec and its store, a ring of records on the state medium.
 *
 * All integers little-endian, strings at fixed length and zero-filled, so that equal states have equal
 * bytes.
 *
 *   0      magic "OTASTAT\n", u32 schema, u64 counter, then the fields of struct ota_state in order
 *   4064   SHA-256 over bytes 0..4063
 */
#include "ota/state.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/number-bytes.h"
#include "base/sha256.h"
#include "ota/reason.h"

#define STATE_SCHEMA    1u
#define STATE_SUM_AT    (OTA_STATE_RECORD_BYTES - 32u)
#define STATE_FIELDS_AT 20u

static const uint8_t state_magic[8] = {'O', 'T', 'A', 'S', 'T', 'A', 'T', '\n'};

/* One description of the layout serves both directions: a field cannot be encoded and decoded differently. */
struct cursor {
	uint8_t *at;
	bool decode;
	bool bad; /* a decoded value that no encoder writes */
};

static void code_bytes(struct cursor *c, void *field, size_t bytes)
{
	if (c->decode)
		memcpy(field, c->at, bytes);
	else
		memcpy(c->at, field, bytes);
	c->at += bytes;
}

static uint64_t code_number(struct cursor *c, uint64_t value, unsigned bytes)
{
	if (!c->decode)
		ota_number_put(c->at, value, bytes);
	uint64_t got = ota_number_get(c->at, bytes);
	c->at += bytes;
	return got;
}

static void code_string(struct cursor *c, char *field, size_t bytes)
{
	size_t used;
	if (!c->decode) {
		used = strnlen(field, bytes - 1);
		memcpy(c->at, field, used);
		memset(c->at + used, 0, bytes - used);
	} else {
		used = strnlen((const char *)c->at, bytes);
		if (used == bytes) {
			c->bad = true;
			used = 0;
		}
		memset(field, 0, bytes);
		memcpy(field, c->at, used);
	}
	c->at += bytes;
}

static void code_journal(struct cursor *c, struct ota_state *s)
{
	s->phase = (enum ota_phase)code_number(c, (uint64_t)s->phase, 4);
	code_string(c, s->target, sizeof s->target);
	s->trial_id = code_number(c, s->trial_id, 8);
	code_bytes(c, s->digest, sizeof s->digest);
	code_string(c, s->version, sizeof s->version);
	s->sequence = code_number(c, s->sequence, 8);
	code_string(c, s->source, sizeof s->source);
	code_string(c, s->etag, sizeof s->etag);
	s->chunks_done = (uint32_t)code_number(c, s->chunks_done, 4);
	s->verdict = (uint16_t)code_number(c, s->verdict, 2);
	if (s->phase > OTA_PHASE_WRITTEN || s->verdict >= OTA_REASON_COUNT)
		c->bad = true;
	if (s->phase != OTA_PHASE_IDLE && (s->trial_id == 0 || s->target[0] == '\0'))
		c->bad = true;
}

static void code_memory(struct cursor *c, struct ota_state *s)
{
	s->floor = code_number(c, s->floor, 8);
	s->trusted_time_s = (int64_t)code_number(c, (uint64_t)s->trusted_time_s, 8);
	code_bytes(c, s->installed_digest, sizeof s->installed_digest);
	code_string(c, s->installed_version, sizeof s->installed_version);
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		code_bytes(c, s->failed[i].digest, sizeof s->failed[i].digest);
		s->failed[i].reason = (uint16_t)code_number(c, s->failed[i].reason, 2);
		s->failed[i].count = (uint16_t)code_number(c, s->failed[i].count, 2);
		c->bad |= s->failed[i].reason >= OTA_REASON_COUNT;
	}
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++) {
		struct ota_event *event = &s->outbox[i];
		event->id = code_number(c, event->id, 8);
		event->kind = (uint16_t)code_number(c, event->kind, 2);
		event->reason = (uint16_t)code_number(c, event->reason, 2);
		code_string(c, event->version, sizeof event->version);
		code_string(c, event->from_version, sizeof event->from_version);
		code_string(c, event->detail, sizeof event->detail);
		c->bad |= event->kind > OTA_EVENT_ALARM || event->reason >= OTA_REASON_COUNT;
	}
}

/* All but the sum. */
static void encode_fields(const struct ota_state *state, uint64_t counter, uint8_t out[OTA_STATE_RECORD_BYTES])
{
	struct ota_state copy = *state;
	struct cursor c = {.at = out + sizeof state_magic};
	memset(out, 0, OTA_STATE_RECORD_BYTES);
	memcpy(out, state_magic, sizeof state_magic);
	(void)code_number(&c, STATE_SCHEMA, 4);
	(void)code_number(&c, counter, 8);
	code_journal(&c, &copy);
	code_memory(&c, &copy);
}

void ota_state_encode(const struct ota_state *state, uint64_t counter, uint8_t out[OTA_STATE_RECORD_BYTES])
{
	encode_fields(state, counter, out);
	ota_hash_once(out, STATE_SUM_AT, out + STATE_SUM_AT);
}

int ota_state_decode(const uint8_t raw[OTA_STATE_RECORD_BYTES], struct ota_state *out, uint64_t *counter)
{
	uint8_t sum[OTA_DIGEST_BYTES];
	uint8_t copy[OTA_STATE_RECORD_BYTES];
	memset(out, 0, sizeof *out);
	*counter = 0;
	if (memcmp(raw, state_magic, sizeof state_magic) != 0)
		return OTA_BAD_MAGIC;
	/* The sum first: no field of a torn record is used, nor its schema. */
	ota_hash_once(raw, STATE_SUM_AT, sum);
	if (memcmp(sum, raw + STATE_SUM_AT, sizeof sum) != 0)
		return OTA_CHUNK_DIGEST;
	if (ota_number_get(raw + 8, 4) > STATE_SCHEMA)
		return OTA_BAD_FORMAT;
	memcpy(copy, raw, sizeof copy);
	struct cursor c = {.at = copy + STATE_FIELDS_AT, .decode = true};
	code_journal(&c, out);
	code_memory(&c, out);
	if (c.bad || ota_number_get(raw + 8, 4) != STATE_SCHEMA || ota_number_get(raw + 12, 8) == 0) {
		memset(out, 0, sizeof *out);
		return OTA_CHUNK_DIGEST;
	}
	*counter = ota_number_get(raw + 12, 8);
	return 0;
}

/* The counter that each place claims, 0 for none. A first sector is enough for that: most records need not be read
 * whole. */
static int store_survey(const struct ota_store *store, uint64_t claims[OTA_STATE_RING])
{
	uint8_t sector[OTA_STATE_RECORD_BYTES];
	for (unsigned i = 0; i < OTA_STATE_RING; i++) {
		int r = store->block.ops->read(store->block.dev, (uint64_t)i * OTA_STATE_RECORD_BYTES, sector,
					       store->block.block_bytes);
		if (r < 0)
			return r;
		claims[i] = memcmp(sector, state_magic, sizeof state_magic) == 0 ? ota_number_get(sector + 12, 8) : 0;
	}
	return 0;
}

int ota_store_open(struct ota_store *store, const struct ota_block *block, struct ota_state *out)
{
	uint64_t claims[OTA_STATE_RING];
	uint8_t raw[OTA_STATE_RECORD_BYTES];
	assert(block && block->ops && out);
	memset(out, 0, sizeof *out);
	*store = (struct ota_store){.block = *block, .read_only = true};
	if (block->size_bytes < OTA_STATE_BYTES || block->block_bytes > OTA_STATE_RECORD_BYTES)
		return OTA_BAD_CONFIG;
	int r = store_survey(store, claims);
	if (r < 0)
		return r;
	/* Highest claim first; a claim that does not hold (torn) makes way for the next. */
	for (unsigned tries = 0; tries < OTA_STATE_RING; tries++) {
		unsigned best = 0;
		for (unsigned i = 1; i < OTA_STATE_RING; i++)
			best = claims[i] > claims[best] ? i : best;
		if (claims[best] == 0)
			break;
		claims[best] = 0;
		r = block->ops->read(block->dev, (uint64_t)best * OTA_STATE_RECORD_BYTES, raw, sizeof raw);
		if (r < 0)
			return r;
		r = ota_state_decode(raw, out, &store->counter);
		if (r == OTA_BAD_FORMAT)
			return r;
		if (r == 0) {
			store->place = best;
			break;
		}
	}
	store->read_only = false;
	return 0;
}

static bool store_holds(const struct ota_store *store, const struct ota_state *state)
{
	uint8_t want[OTA_STATE_RECORD_BYTES];
	uint8_t have[OTA_STATE_RECORD_BYTES];
	encode_fields(state, store->counter, want);
	if (store->counter == 0) {
		static const struct ota_state defaults;
		encode_fields(&defaults, 0, have);
		return memcmp(want, have, STATE_SUM_AT) == 0;
	}
	uint64_t at = (uint64_t)store->place * OTA_STATE_RECORD_BYTES;
	/* A record that cannot be read back is stored anew, elsewhere. The sum is not worth its time while the fields
	 * differ. */
	if (store->block.ops->read(store->block.dev, at, have, sizeof have) != 0 ||
	    memcmp(want, have, STATE_SUM_AT) != 0)
		return false;
	ota_hash_once(want, STATE_SUM_AT, want + STATE_SUM_AT);
	return memcmp(want + STATE_SUM_AT, have + STATE_SUM_AT, OTA_DIGEST_BYTES) == 0;
}

int ota_store_save(struct ota_store *store, const struct ota_state *state)
{
	uint8_t raw[OTA_STATE_RECORD_BYTES];
	uint8_t back[OTA_STATE_RECORD_BYTES];
	const struct ota_block *block = &store->block;
	assert(store->block.ops && state);
	if (store->read_only)
		return -EROFS;
	if (store_holds(store, state))
		return 0;
	/* The next place of the ring: the record that holds stays untouched until the new one is durable, and after
	 * that for a whole round. A failed store leaves counter and place as they were: the next one tries again. */
	unsigned place = store->counter == 0 ? 0 : (store->place + 1) % OTA_STATE_RING;
	uint64_t at = (uint64_t)place * OTA_STATE_RECORD_BYTES;
	ota_state_encode(state, store->counter + 1, raw);
	int r = block->ops->write(block->dev, at, raw, sizeof raw);
	if (r < 0)
		return r;
	r = block->ops->flush(block->dev);
	if (r < 0)
		return r;
	/* Read back past the caches: a record damaged on its way would silently be the one before it at the next start.
	 */
	r = block->ops->read_uncached(block->dev, at, back, sizeof back);
	if (r < 0)
		return r;
	if (memcmp(raw, back, sizeof raw) != 0)
		return -EIO;
	store->counter++;
	store->place = place;
	return 0;
}
