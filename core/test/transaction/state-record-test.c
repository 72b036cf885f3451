/* SPDX-License-Identifier: Apache-2.0 */
/* The state record and its ring. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "ota/reason.h"
#include "ota/state.h"

#define SUM_AT (OTA_STATE_RECORD_BYTES - 32u)

struct medium {
	uint8_t data[OTA_STATE_BYTES];
	unsigned writes, flushes, reads;
	bool fail_write, fail_flush, fail_read, flip;
	uint64_t last_write;
};

static int medium_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct medium *m = dev;
	m->reads++;
	memcpy(out, m->data + offset_bytes, size_bytes);
	return m->fail_read ? -EIO : 0;
}

static int medium_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	struct medium *m = dev;
	if (m->fail_write)
		return -EIO;
	m->writes++;
	m->last_write = offset_bytes;
	memcpy(m->data + offset_bytes, data, size_bytes);
	if (m->flip)
		m->data[offset_bytes + 700] ^= 1;
	return 0;
}

static int medium_flush(void *dev)
{
	struct medium *m = dev;
	m->flushes++;
	return m->fail_flush ? -EIO : 0;
}

static const struct ota_block_ops medium_ops = {medium_read, medium_read, medium_write, medium_flush};

static struct ota_block block_of(struct medium *m)
{
	return (struct ota_block){&medium_ops, m, OTA_STATE_BYTES, 512, "state"};
}

static void fill_state(struct ota_state *s, unsigned seed)
{
	memset(s, 0, sizeof *s);
	s->phase = seed % 2 ? OTA_PHASE_WRITTEN : OTA_PHASE_INSTALLING;
	strcpy(s->target, "B");
	s->trial_id = 0x8000000000000001u + seed;
	memset(s->digest, (int)seed, sizeof s->digest);
	strcpy(s->version, "2026.11-rc1");
	s->sequence = UINT64_MAX - seed;
	memset(s->source, 'u', sizeof s->source - 1);
	strcpy(s->etag, "\"abc\"");
	s->chunks_done = 0xfffffff0u + seed;
	s->verdict = OTA_HEALTH_TIMEOUT;
	s->floor = seed;
	s->trusted_time_s = INT64_C(1) << 40;
	memset(s->installed_digest, 3, sizeof s->installed_digest);
	strcpy(s->installed_version, "1");
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		memset(s->failed[i].digest, (int)(i + 1), OTA_DIGEST_BYTES);
		s->failed[i].reason = OTA_BOOT_LIMIT;
		s->failed[i].count = (uint16_t)(0xfff0 + i);
	}
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++) {
		s->outbox[i].id = i + 1;
		s->outbox[i].kind = OTA_EVENT_ROLLBACK;
		s->outbox[i].reason = OTA_HEALTH_FAILED;
		strcpy(s->outbox[i].version, "2");
		strcpy(s->outbox[i].from_version, "1");
		memset(s->outbox[i].detail, 'd', sizeof s->outbox[i].detail - 1);
	}
}

/* What is stored is what is read, in every field, and equal states have equal bytes. */
Test(state, round_trip)
{
	struct ota_state in;
	struct ota_state out;
	uint8_t raw[OTA_STATE_RECORD_BYTES];
	uint8_t again[OTA_STATE_RECORD_BYTES];
	uint64_t counter;
	fill_state(&in, 5);
	ota_state_encode(&in, 7, raw);
	cr_assert_eq(ota_state_decode(raw, &out, &counter), 0);
	cr_assert_eq(counter, 7);
	/* Every single byte but the sum's is under the encoder's control: the same state encodes to the same. */
	ota_state_encode(&out, 7, again);
	cr_assert_arr_eq(raw, again, sizeof raw);
	cr_assert_eq(out.phase, in.phase);
	cr_assert_eq(out.trial_id, in.trial_id);
	cr_assert_eq(out.sequence, in.sequence);
	cr_assert_eq(out.chunks_done, in.chunks_done);
	cr_assert_eq(out.trusted_time_s, in.trusted_time_s);
	cr_assert_str_eq(out.source, in.source);
	cr_assert_str_eq(out.outbox[7].detail, in.outbox[7].detail);
	cr_assert_eq(out.failed[7].count, in.failed[7].count);
	strcpy(in.version + 20, "rubbish after the end");
	ota_state_encode(&in, 7, again);
	cr_assert_arr_eq(raw, again, sizeof raw);
}

/* Kills journal-no-checksum: no single changed bit is believed. A newer schema is told apart, and only if its sum
 * holds. */
Test(state, damage_is_seen)
{
	struct ota_state state;
	uint8_t raw[OTA_STATE_RECORD_BYTES];
	uint64_t counter;
	fill_state(&state, 1);
	ota_state_encode(&state, 1, raw);
	for (unsigned at = 0; at < sizeof raw; at++) {
		raw[at] ^= (uint8_t)(1u << at % 8);
		cr_assert_neq(ota_state_decode(raw, &state, &counter), 0, "byte %u", at);
		cr_assert_eq(state.phase, OTA_PHASE_IDLE);
		raw[at] ^= (uint8_t)(1u << at % 8);
	}
	raw[8] = 2;
	cr_assert_eq(ota_state_decode(raw, &state, &counter), OTA_CHUNK_DIGEST);
	ota_hash_once(raw, SUM_AT, raw + SUM_AT);
	cr_assert_eq(ota_state_decode(raw, &state, &counter), OTA_BAD_FORMAT);
	memset(raw, 0xff, sizeof raw);
	cr_assert_eq(ota_state_decode(raw, &state, &counter), OTA_BAD_MAGIC);
}

/* A good sum does not make nonsense sensible: values that no encoder writes are refused. */
Test(state, nonsense_with_a_good_sum)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} bad[] = {{20, 3}, {8, 0}, {12, 0}};
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct ota_state state;
		uint8_t raw[OTA_STATE_RECORD_BYTES];
		uint64_t counter;
		fill_state(&state, 1);
		ota_state_encode(&state, 1, raw);
		raw[bad[i].at] = bad[i].value;
		ota_hash_once(raw, SUM_AT, raw + SUM_AT);
		cr_assert_eq(ota_state_decode(raw, &state, &counter), OTA_CHUNK_DIGEST, "%u", i);
	}
}

/* A store is atomic: whatever half of it reaches the medium, the old record or the new one holds. Three rounds of the
 * ring. */
Test(state, torn_store)
{
	struct medium *m = calloc(1, sizeof *m);
	struct medium *torn = calloc(1, sizeof *torn);
	struct ota_store store;
	struct ota_state state;
	struct ota_block block = block_of(m);
	cr_assert_eq(ota_store_open(&store, &block, &state), 0);
	for (unsigned round = 1; round <= 3 * OTA_STATE_RING; round++) {
		uint8_t before[OTA_STATE_BYTES];
		memcpy(before, m->data, sizeof before);
		fill_state(&state, round);
		unsigned flushes = m->flushes;
		cr_assert_eq(ota_store_save(&store, &state), 0);
		cr_assert_eq(m->flushes, flushes + 1);
		static const int fills[] = {-1, 0, 0xff};
		for (unsigned sectors = 0; sectors <= OTA_STATE_RECORD_BYTES / 512; sectors++) {
			for (unsigned f = 0; f < 3; f++) {
				struct ota_state found;
				struct ota_store reopened;
				struct ota_block torn_block = block_of(torn);
				memcpy(torn->data, before, sizeof before);
				if (fills[f] >= 0)
					memset(torn->data + m->last_write, fills[f], OTA_STATE_RECORD_BYTES);
				memcpy(torn->data + m->last_write, m->data + m->last_write, sectors * 512);
				cr_assert_eq(ota_store_open(&reopened, &torn_block, &found), 0);
				bool whole = sectors * 512 == OTA_STATE_RECORD_BYTES;
				cr_assert_eq(found.floor, whole ? round : round - 1, "round %u, %u sectors", round,
					     sectors);
			}
		}
	}
	free(m);
	free(torn);
}

/* No writes in steady state: the same bytes are not stored again, defaults not at all. */
Test(state, same_is_not_stored)
{
	struct medium *m = calloc(1, sizeof *m);
	struct ota_store store;
	struct ota_state state;
	struct ota_block block = block_of(m);
	cr_assert_eq(ota_store_open(&store, &block, &state), 0);
	cr_assert_eq(ota_store_save(&store, &state), 0);
	cr_assert_eq(m->writes, 0);
	fill_state(&state, 1);
	cr_assert_eq(ota_store_save(&store, &state), 0);
	cr_assert_eq(ota_store_save(&store, &state), 0);
	cr_assert_eq(m->writes, 1);
	cr_assert_eq(ota_store_open(&store, &block, &state), 0);
	cr_assert_eq(ota_store_save(&store, &state), 0);
	cr_assert_eq(m->writes, 1);
	free(m);
}

/* Failures are forwarded, and what held still holds; a record that was damaged on its way is noticed. Kills
 * flush-error-ignored. */
Test(state, failures)
{
	struct medium *m = calloc(1, sizeof *m);
	struct ota_store store;
	struct ota_state state;
	struct ota_state found;
	struct ota_block block = block_of(m);
	cr_assert_eq(ota_store_open(&store, &block, &state), 0);
	fill_state(&state, 1);
	cr_assert_eq(ota_store_save(&store, &state), 0);
	fill_state(&state, 2);
	m->fail_write = true;
	cr_assert_eq(ota_store_save(&store, &state), -EIO);
	m->fail_write = false;
	m->fail_flush = true;
	cr_assert_eq(ota_store_save(&store, &state), -EIO);
	m->fail_flush = false;
	m->flip = true;
	cr_assert_eq(ota_store_save(&store, &state), -EIO);
	m->flip = false;
	cr_assert_eq(ota_store_open(&store, &block, &found), 0);
	cr_assert_eq(found.floor, 1);
	cr_assert_eq(ota_store_save(&store, &state), 0);
	cr_assert_eq(ota_store_open(&store, &block, &found), 0);
	cr_assert_eq(found.floor, 2);
	m->fail_read = true;
	cr_assert_eq(ota_store_open(&store, &block, &found), -EIO);
	cr_assert_eq(found.floor, 0);
	cr_assert_eq(ota_store_save(&store, &state), -EROFS);
	free(m);
}

/* A newer updater's record is left alone: defaults, nothing written over it. A medium too small is refused. */
Test(state, newer_schema_and_small_medium)
{
	struct medium *m = calloc(1, sizeof *m);
	struct ota_store store;
	struct ota_state state;
	struct ota_block block = block_of(m);
	cr_assert_eq(ota_store_open(&store, &block, &state), 0);
	fill_state(&state, 1);
	cr_assert_eq(ota_store_save(&store, &state), 0);
	uint8_t *newer = m->data + OTA_STATE_RECORD_BYTES;
	memcpy(newer, m->data, OTA_STATE_RECORD_BYTES);
	newer[8] = 2;
	newer[12] = 9;
	ota_hash_once(newer, SUM_AT, newer + SUM_AT);
	cr_assert_eq(ota_store_open(&store, &block, &state), OTA_BAD_FORMAT);
	cr_assert_eq(state.phase, OTA_PHASE_IDLE);
	cr_assert_eq(ota_store_save(&store, &state), -EROFS);
	cr_assert_eq(m->writes, 1);
	block.size_bytes = OTA_STATE_BYTES - 512;
	cr_assert_eq(ota_store_open(&store, &block, &state), OTA_BAD_CONFIG);
	free(m);
}
