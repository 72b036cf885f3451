/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal, from arbitrary bytes: decoding never goes wrong, what decodes encodes to the same, and recovery decides
 * something safe about it.
 *
 * Input: 1 byte (bit 0: mend the sum, so that what lies behind it is reached; bit 1: open a ring of such records), 64
 * bytes of boot state, then the record.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "ota/ota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BOOT_BYTES 64u

struct ring {
	uint8_t data[OTA_STATE_BYTES];
};

static int ring_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct ring *ring = dev;
	if (offset_bytes + size_bytes > sizeof ring->data)
		abort();
	memcpy(out, ring->data + offset_bytes, size_bytes);
	return 0;
}

static int ring_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	struct ring *ring = dev;
	if (offset_bytes + size_bytes > sizeof ring->data)
		abort();
	memcpy(ring->data + offset_bytes, data, size_bytes);
	return 0;
}

static int ring_flush(void *dev)
{
	(void)dev;
	return 0;
}

static const struct ota_block_ops ring_ops = {ring_read, ring_read, ring_write, ring_flush};

static void boot_from(const uint8_t *bytes, const struct ota_state *state, struct ota_boot_state *boot)
{
	static const char *const names[] = {"A", "B", "", "recovery"};
	memset(boot, 0, sizeof *boot);
	memcpy(boot->selected, names[bytes[0] % 4], strlen(names[bytes[0] % 4]));
	memcpy(boot->barred, names[bytes[1] % 4], strlen(names[bytes[1] % 4]));
	boot->trial_id = bytes[2] % 2 ? state->trial_id : bytes[3];
	boot->attempts = bytes[4];
	boot->limit = bytes[5];
	boot->trial = bytes[6] % 2;
	boot->readable = bytes[7] % 4 != 0;
}

static void decide_action(const uint8_t *bytes, const struct ota_state *state)
{
	struct ota_boot_state boot;
	struct ota_slot_descriptor target = {.sequence = 1};
	boot_from(bytes, state, &boot);
	if (bytes[8] % 2)
		memcpy(target.digest, state->digest, sizeof target.digest);
	const char *booted = bytes[9] % 2 ? "A" : "B";
	const struct ota_facts facts = {booted, &boot, state, bytes[8] % 4 ? &target : NULL};
	enum ota_action action = ota_recovery_decide(&facts);
	if ((unsigned)action >= OTA_ACTION_COUNT)
		abort();
	if (action == OTA_ACTION_ARM &&
	    (!facts.target || memcmp(target.digest, state->digest, sizeof target.digest) != 0 || boot.trial))
		abort();
	if (action == OTA_ACTION_FINISH && strcmp(booted, state->target) != 0)
		abort();
	if (action == OTA_ACTION_RECORD_FAILURE && strcmp(booted, state->target) == 0)
		abort();
}

/* A ring of damaged copies, each with another counter: opening finds the same twice, and a store is found again. */
static void open_ring(const uint8_t raw[OTA_STATE_RECORD_BYTES], const uint8_t *bytes)
{
	static struct ring ring;
	struct ota_block block = {&ring_ops, &ring, sizeof ring.data, 512, "fuzz"};
	struct ota_store store;
	struct ota_state first;
	struct ota_state second;
	for (unsigned i = 0; i < OTA_STATE_RING; i++) {
		uint8_t *record = ring.data + i * OTA_STATE_RECORD_BYTES;
		memcpy(record, raw, OTA_STATE_RECORD_BYTES);
		record[12] = (uint8_t)(bytes[10 + i] % 16);
		ota_hash_once(record, OTA_STATE_RECORD_BYTES - 32, record + OTA_STATE_RECORD_BYTES - 32);
		record[bytes[20 + i] * 16u] ^= (uint8_t)(bytes[30 + i] % 2);
	}
	if (ota_store_open(&store, &block, &first) != 0)
		return;
	first.chunks_done++;
	if (ota_store_save(&store, &first) != 0)
		abort();
	if (ota_store_open(&store, &block, &second) != 0 || second.chunks_done != first.chunks_done)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t raw[OTA_STATE_RECORD_BYTES] = {0};
	uint8_t again[OTA_STATE_RECORD_BYTES];
	uint8_t boot[BOOT_BYTES] = {0};
	struct ota_state state;
	uint64_t counter;
	if (size == 0)
		return 0;
	uint8_t mode = data[0];
	size_t left = size - 1;
	memcpy(boot, data + 1, left < sizeof boot ? left : sizeof boot);
	left = left < sizeof boot ? 0 : left - sizeof boot;
	if (left > 0)
		memcpy(raw, data + 1 + sizeof boot, left < sizeof raw ? left : sizeof raw);
	if (mode & 1)
		ota_hash_once(raw, sizeof raw - 32, raw + sizeof raw - 32);
	int r = ota_state_decode(raw, &state, &counter);
	if (r == 0) {
		struct ota_state twice;
		ota_state_encode(&state, counter, again);
		if (ota_state_decode(again, &twice, &counter) != 0)
			abort();
	}
	decide_action(boot, &state);
	if (mode & 2)
		open_ring(raw, boot);
	return 0;
}
