/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of U-Boot's environment and the arbiter. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number-bytes.h"
#include "boot/env.h"
#include "ota/reason.h"

#define SIZE 1024u

static void seal_copy(uint8_t *raw, size_t size, uint8_t flags)
{
	ota_number_put(raw, ota_env_crc32(raw + OTA_ENV_HEADER_BYTES, size - OTA_ENV_HEADER_BYTES), 4);
	raw[4] = flags;
}

/* A copy whose list is the given bytes, padded with `pad`. */
static void make_copy(uint8_t raw[SIZE], const char *list, size_t list_bytes, uint8_t pad)
{
	memset(raw, pad, SIZE);
	memcpy(raw + OTA_ENV_HEADER_BYTES, list, list_bytes);
	seal_copy(raw, SIZE, 7);
}

/* The CRC is CRC-32 of IEEE 802.3, at every length and alignment: bit by bit and by the table agree. */
Test(env, crc)
{
	uint8_t data[80];
	uint8_t check[] = "123456789";

	cr_assert_eq(ota_env_crc32(check, 9), 0xcbf43926u);
	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 167 + 13);
	for (unsigned from = 0; from < 9; from++) {
		for (unsigned size = 0; size + from <= sizeof data; size++) {
			uint32_t crc = 0xffffffffu;
			for (unsigned i = 0; i < size; i++) {
				crc ^= data[from + i];
				for (int bit = 0; bit < 8; bit++)
					crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
			}
			cr_assert_eq(ota_env_crc32(data + from, size), ~crc, "from %u size %u", from, size);
		}
	}
}

/*
 * The arbiter is U-Boot's rule for every pair of counters, here in other words: the higher one holds, the first of
 * equals, and the one exception is the pair 255 and 0, where 0 is the later.
 */
Test(env, arbiter)
{
	unsigned second = 0;

	for (unsigned f0 = 0; f0 < 256; f0++) {
		for (unsigned f1 = 0; f1 < 256; f1++) {
			/* As ranks: 0 stands for 256 if the other one is 255. */
			unsigned r0 = f0 == 0 && f1 == 255 ? 256 : f0;
			unsigned r1 = f1 == 0 && f0 == 255 ? 256 : f1;
			int want = r0 >= r1 ? 0 : 1;
			uint8_t a = (uint8_t)f0;
			uint8_t b = (uint8_t)f1;
			cr_assert_eq(ota_env_arbitrate(OTA_ENV_GOOD, a, OTA_ENV_GOOD, b), want, "%u %u", f0, f1);
			cr_assert_eq(ota_env_arbitrate(OTA_ENV_GOOD, a, OTA_ENV_BAD, b), 0);
			cr_assert_eq(ota_env_arbitrate(OTA_ENV_BAD, a, OTA_ENV_GOOD, b), 1);
			cr_assert_eq(ota_env_arbitrate(OTA_ENV_BAD, a, OTA_ENV_BAD, b), -1);
			second += (unsigned)want;
		}
	}
	/* 255 * 256 / 2 pairs with a higher second counter; of the pair {0, 255} each order flips: one gained, one
	 * lost. */
	cr_assert_eq(second, 255u * 256u / 2u);
}

/* A store's successor always beats its predecessor, round the whole circle of counters. */
Test(env, successor_wins)
{
	for (unsigned f = 0; f < 256; f++) {
		uint8_t old = (uint8_t)f;
		uint8_t new = (uint8_t)(f + 1);
		cr_assert_eq(ota_env_arbitrate(OTA_ENV_GOOD, old, OTA_ENV_GOOD, new), 1, "%u", f);
		cr_assert_eq(ota_env_arbitrate(OTA_ENV_GOOD, new, OTA_ENV_GOOD, old), 0, "%u", f);
	}
}

/* Order and unknown variables survive any set; the bytes are those a person would expect. */
Test(env, set_keeps_order)
{
	static const char list[] = "z=1\0bootcmd=run x; y=2\0a=\0m=3\0";
	static const char want[] = "z=1\0bootcmd=run x; y=2\0a=longer than before\0new=\0";
	uint8_t raw[SIZE];
	uint8_t out[SIZE];
	uint8_t flags;
	struct ota_env *env;

	make_copy(raw, list, sizeof list, 0xff);
	cr_assert_eq(ota_env_parse(raw, SIZE, &env, &flags), 0);
	cr_assert_eq(flags, 7);
	cr_assert_str_eq(ota_env_get(env, "bootcmd"), "run x; y=2");
	cr_assert_str_eq(ota_env_get(env, "a"), "");
	cr_assert_null(ota_env_get(env, "boot"));
	cr_assert_null(ota_env_get(env, "bootcmd=run x; y"));
	cr_assert_null(ota_env_get(env, ""));
	cr_assert_eq(ota_env_set(env, "a", "longer than before"), 0);
	cr_assert_eq(ota_env_set(env, "m", NULL), 0);
	cr_assert_eq(ota_env_set(env, "m", NULL), 0);
	cr_assert_eq(ota_env_set(env, "new", ""), 0);
	cr_assert_eq(ota_env_set(env, "z", ota_env_get(env, "z")), 0);
	cr_assert_eq(ota_env_encode(env, 8, out, SIZE), 0);
	cr_assert_arr_eq(out + OTA_ENV_HEADER_BYTES, want, sizeof want);
	for (size_t i = OTA_ENV_HEADER_BYTES + sizeof want; i < SIZE; i++)
		cr_assert_eq(out[i], 0);
	cr_assert_eq(out[4], 8);
	cr_assert(ota_env_crc_good(out, SIZE, OTA_ENV_HEADER_BYTES));
	ota_env_free(env);
}

/* Of two entries with one name the last counts, and a name without "=" takes it back: U-Boot imports in order. */
Test(env, last_entry_counts)
{
	static const char list[] = "a=1\0b=x\0a=2\0b\0a=3\0c=9\0";
	uint8_t raw[SIZE];
	uint8_t flags;
	struct ota_env *env;

	make_copy(raw, list, sizeof list, 0);
	cr_assert_eq(ota_env_parse(raw, SIZE, &env, &flags), 0);
	cr_assert_str_eq(ota_env_get(env, "a"), "3");
	cr_assert_null(ota_env_get(env, "b"));
	cr_assert_eq(ota_env_set(env, "a", "4"), 0);
	cr_assert_eq(ota_env_set(env, "b", "y"), 0);
	cr_assert_eq(ota_env_encode(env, 0, raw, SIZE), 0);
	cr_assert_arr_eq(raw + OTA_ENV_HEADER_BYTES, "b=y\0a=4\0c=9\0", 13);
	ota_env_free(env);
}

/* What U-Boot drops is refused, and so is a list without an end; an empty list and what lies behind the end are fine.
 */
Test(env, malformed)
{
	static const struct {
		const char *list;
		size_t bytes;
		uint8_t pad;
		int want;
	} rows[] = {
	    {"", 1, 0xff, 0},
	    {"=\0a=1\0", 7, 0xff, 0},
	    {"a=1\0\0=x", 8, 0, 0},
	    {"=x\0", 4, 0, OTA_BOOT_STATE},
	    {"a=1\0=x\0", 8, 0, OTA_BOOT_STATE},
	    {"a=1", 3, 0xff, OTA_BOOT_STATE},
	    {"a=1\0", 4, 0xff, OTA_BOOT_STATE},
	};
	uint8_t raw[SIZE];
	uint8_t flags;
	struct ota_env *env;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		make_copy(raw, rows[i].list, rows[i].bytes, rows[i].pad);
		cr_assert_eq(ota_env_parse(raw, SIZE, &env, &flags), rows[i].want, "row %zu", i);
		cr_assert_eq(env == NULL, rows[i].want != 0);
		ota_env_free(env);
	}
	/* The end exactly on the last byte is an end; one byte short, or one byte more, is none. */
	static const struct {
		uint8_t last[2];
		int want;
	} ends[] = {{{0, 0}, 0}, {{0, 'v'}, OTA_BOOT_STATE}, {{'v', 0}, OTA_BOOT_STATE}};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		memset(raw, 'v', SIZE);
		raw[OTA_ENV_HEADER_BYTES + 1] = '=';
		memcpy(raw + SIZE - 2, ends[i].last, 2);
		seal_copy(raw, SIZE, 0);
		cr_assert_eq(ota_env_parse(raw, SIZE, &env, &flags), ends[i].want, "end %zu", i);
		if (env)
			cr_assert_eq(ota_env_encode(env, 0, raw, SIZE), 0);
		ota_env_free(env);
	}
}

/* Every single flipped bit behind the flags byte, or in the CRC, is seen; the flags byte is outside the CRC. */
Test(env, bit_flips)
{
	uint8_t raw[OTA_ENV_MIN_BYTES];
	uint8_t flags;
	struct ota_env *env;

	memset(raw, 0, sizeof raw);
	memcpy(raw + OTA_ENV_HEADER_BYTES, "ota_slot=A", 11);
	seal_copy(raw, sizeof raw, 3);
	for (size_t bit = 0; bit < sizeof raw * 8; bit++) {
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_eq(ota_env_parse(raw, sizeof raw, &env, &flags), bit / 8 == 4 ? 0 : OTA_BOOT_STATE, "bit %zu",
			     bit);
		ota_env_free(env);
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Sizes and names out of bounds are refused, and an environment that grew past its copy is not cut short. */
Test(env, bounds)
{
	static uint8_t raw[OTA_ENV_MAX_BYTES + 1];
	char value[600];
	uint8_t flags;
	struct ota_env *env;

	seal_copy(raw, OTA_ENV_MIN_BYTES - 1, 0);
	cr_assert_eq(ota_env_parse(raw, OTA_ENV_MIN_BYTES - 1, &env, &flags), OTA_BOOT_STATE);
	seal_copy(raw, OTA_ENV_MAX_BYTES + 1, 0);
	cr_assert_eq(ota_env_parse(raw, OTA_ENV_MAX_BYTES + 1, &env, &flags), OTA_BOOT_STATE);
	seal_copy(raw, OTA_ENV_MAX_BYTES, 0);
	cr_assert_eq(ota_env_parse(raw, OTA_ENV_MAX_BYTES, &env, &flags), 0);
	cr_assert_eq(ota_env_set(env, "", "x"), -EINVAL);
	cr_assert_eq(ota_env_set(env, "a=b", "x"), -EINVAL);
	memset(value, 'v', sizeof value);
	for (size_t fits = 500; fits < 510; fits++) {
		/* "v=" + fits + zero + end + header */
		value[fits] = '\0';
		cr_assert_eq(ota_env_set(env, "v", value), 0);
		cr_assert_eq(ota_env_encode(env, 0, raw, OTA_ENV_MIN_BYTES),
			     fits + 4 + OTA_ENV_HEADER_BYTES <= OTA_ENV_MIN_BYTES ? 0 : -ENOSPC, "%zu", fits);
		value[fits] = 'v';
	}
	ota_env_free(env);
}
