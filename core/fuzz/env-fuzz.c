/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes as two copies of an environment, through codec, arbiter and every verb of the back-end.
 *
 * Input: one byte of choices (bit 0, 1: make the CRC of copy 0, 1 good, or hardly any input gets past it; bit 2: larger
 * copies; bits 3 to 5: the verb), then the copies' bytes, the rest zero. Invariants: what was parsed can be encoded and
 * parsed again, to the same bytes; the arbiter names a good copy, or none if none is good; a verb that returns 0 leaves
 * a readable state with what it set, and never touched the copy that held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "boot/env.h"
#include "ota/reason.h"

#define SMALL OTA_ENV_MIN_BYTES
#define LARGE 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct medium {
	uint8_t bytes[2 * LARGE];
};

static int medium_read(void *dev, uint64_t offset, void *out, size_t size)
{
	memcpy(out, ((struct medium *)dev)->bytes + offset, size);
	return 0;
}

static int medium_write(void *dev, uint64_t offset, const void *data, size_t size)
{
	memcpy(((struct medium *)dev)->bytes + offset, data, size);
	return 0;
}

static int medium_flush(void *dev)
{
	(void)dev;
	return 0;
}

static const struct ota_block_ops medium_ops = {medium_read, medium_read, medium_write, medium_flush};

static void require_true(bool holds)
{
	if (!holds)
		abort();
}

static void seal_copy(uint8_t *raw, size_t size)
{
	uint32_t crc = ota_env_crc32(raw + OTA_ENV_HEADER_BYTES, size - OTA_ENV_HEADER_BYTES);
	for (int i = 0; i < 4; i++)
		raw[i] = (uint8_t)(crc >> (8 * i));
}

/* Returns whether the copy parses. */
static bool check_codec(const uint8_t *raw, size_t size)
{
	uint8_t first[LARGE];
	uint8_t second[LARGE];
	struct ota_env *env;
	uint8_t flags;

	if (ota_env_parse(raw, size, &env, &flags))
		return false;
	require_true(flags == raw[4]);
	require_true(ota_env_encode(env, flags, first, size) == 0);
	(void)ota_env_get(env, "ota_slot");
	require_true(ota_env_set(env, "x", "") == 0 && ota_env_get(env, "x"));
	require_true(ota_env_set(env, "x", NULL) == 0 && !ota_env_get(env, "x"));
	ota_env_free(env);
	require_true(ota_env_parse(first, size, &env, &flags) == 0);
	require_true(ota_env_encode(env, flags, second, size) == 0);
	ota_env_free(env);
	require_true(memcmp(first, second, size) == 0);
	return true;
}

static void run_verbs(struct medium *medium, uint32_t size, unsigned verb, int holds)
{
	static const char *const names[2] = {"A", "B"};
	struct ota_env_place place = {.env_bytes = size, .offset_bytes = {0, size}};
	struct ota_uboot *uboot;
	struct ota_boot boot;
	struct ota_boot_state state;
	struct medium before = *medium;
	int result;

	for (unsigned i = 0; i < 2; i++)
		place.block[i] = (struct ota_block){&medium_ops, medium, 2 * (uint64_t)size, 512, "fuzz"};
	require_true(ota_uboot_new(&place, names, &uboot, &boot) == 0);
	require_true(boot.ops->query(boot.boot, &state) == 0);
	require_true(memcmp(&before, medium, sizeof before) == 0);
	bool bar = verb & 2;
	if (verb & 1)
		result = boot.ops->try(boot.boot, names[verb >> 2 & 1], 5, 4);
	else
		result = boot.ops->rollback(boot.boot, names[verb >> 2 & 1], bar ? names[!(verb >> 2 & 1)] : "");
	require_true(result == 0 || result == -ENOSPC);
	if (holds >= 0)
		require_true(memcmp(before.bytes + (size_t)holds * size, medium->bytes + (size_t)holds * size, size) ==
			     0);
	if (result)
		require_true(memcmp(&before, medium, sizeof before) == 0);
	require_true(boot.ops->query(boot.boot, &state) == 0);
	if (!result) {
		require_true(state.readable && !state.degraded == (holds >= 0));
		require_true(strcmp(state.selected, names[verb >> 2 & 1]) == 0);
		require_true(state.trial == (verb & 1));
		require_true(!state.trial || (state.limit == 4 && state.trial_id == 5 && state.attempts == 0));
		require_true(!!*state.barred == (bar && !(verb & 1)));
	}
	ota_uboot_free(uboot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct medium zero;
	struct medium medium = zero;

	if (!size)
		return 0;
	uint32_t env_bytes = data[0] & 4 ? LARGE : SMALL;
	size_t bytes = size - 1 < 2 * (size_t)env_bytes ? size - 1 : 2 * (size_t)env_bytes;
	memcpy(medium.bytes, data + 1, bytes);
	enum ota_env_copy good[2];
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *raw = medium.bytes + (size_t)i * env_bytes;
		if (data[0] >> i & 1)
			seal_copy(raw, env_bytes);
		good[i] = ota_env_crc_good(raw, env_bytes, OTA_ENV_HEADER_BYTES) ? OTA_ENV_GOOD : OTA_ENV_BAD;
		if (check_codec(raw, env_bytes))
			require_true(good[i] == OTA_ENV_GOOD);
	}
	int holds = ota_env_arbitrate(good[0], medium.bytes[4], good[1], medium.bytes[env_bytes + 4]);
	require_true(holds < 0 ? good[0] == OTA_ENV_BAD && good[1] == OTA_ENV_BAD : good[holds] == OTA_ENV_GOOD);
	run_verbs(&medium, env_bytes, data[0] >> 3 & 7, holds);
	return 0;
}
