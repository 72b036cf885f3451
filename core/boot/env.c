/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec of U-Boot's environment and the arbiter between its two copies.
 *
 * Sources: U-Boot 2023.01 env/common.c (env_check_redund, env_import, env_export), lib/hashtable.c (himport_r). What
 * U-Boot accepts is accepted here with the same meaning, except for a list without an end: no writer makes
 * one, and U-Boot itself could not store it again.
 */
#include "boot/env.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ota/reason.h"

/* Entries as stored, each with its terminating zero; used_bytes counts them all. */
struct ota_env {
	char *data;
	size_t used_bytes;
};

/*
 * The CRC's table is linear: an entry is the XOR of those of its bits. Hence eight constants a table (all are
 * consecutive states of the polynomial's shift register), expanded by the compiler. Table k is for the byte that k
 * others follow.
 */
#define BIT(i, j, b) (((i) >> (j)) & 1u ? (b) : 0u)
#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7)                                                                       \
	(BIT(i, 0, b0) ^ BIT(i, 1, b1) ^ BIT(i, 2, b2) ^ BIT(i, 3, b3) ^ BIT(i, 4, b4) ^ BIT(i, 5, b5) ^               \
	 BIT(i, 6, b6) ^ BIT(i, 7, b7))
#define E4(i, ...)                                                                                                     \
	ENTRY((i), __VA_ARGS__), ENTRY((i) + 1u, __VA_ARGS__), ENTRY((i) + 2u, __VA_ARGS__),                           \
	    ENTRY((i) + 3u, __VA_ARGS__)
#define E16(i, ...)                                                                                                    \
	E4((i), __VA_ARGS__), E4((i) + 4u, __VA_ARGS__), E4((i) + 8u, __VA_ARGS__), E4((i) + 12u, __VA_ARGS__)
#define E64(i, ...)                                                                                                    \
	E16((i), __VA_ARGS__), E16((i) + 16u, __VA_ARGS__), E16((i) + 32u, __VA_ARGS__), E16((i) + 48u, __VA_ARGS__)
#define TABLE(...) E64(0u, __VA_ARGS__), E64(64u, __VA_ARGS__), E64(128u, __VA_ARGS__), E64(192u, __VA_ARGS__)

#define BASIS_0 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320
#define BASIS_1 0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b
#define BASIS_2 0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80
#define BASIS_3 0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b
#define BASIS_4 0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1, 0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092
#define BASIS_5 0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d, 0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8
#define BASIS_6 0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67, 0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2
#define BASIS_7 0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5, 0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da

static const uint32_t crc_table[8][256] = {
    {TABLE(BASIS_0)}, {TABLE(BASIS_1)}, {TABLE(BASIS_2)}, {TABLE(BASIS_3)},
    {TABLE(BASIS_4)}, {TABLE(BASIS_5)}, {TABLE(BASIS_6)}, {TABLE(BASIS_7)},
};

static uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store_le32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

uint32_t ota_env_crc32(const uint8_t *data, size_t size_bytes)
{
	uint32_t crc = 0xffffffffu;

	for (; size_bytes >= 8; size_bytes -= 8, data += 8) {
		uint32_t lo = crc ^ load_le32(data);
		uint32_t hi = load_le32(data + 4);
		crc = crc_table[7][lo & 255] ^ crc_table[6][lo >> 8 & 255] ^ crc_table[5][lo >> 16 & 255] ^
		      crc_table[4][lo >> 24] ^ crc_table[3][hi & 255] ^ crc_table[2][hi >> 8 & 255] ^
		      crc_table[1][hi >> 16 & 255] ^ crc_table[0][hi >> 24];
	}
	for (; size_bytes; size_bytes--, data++)
		crc = crc_table[0][(crc ^ *data) & 255] ^ crc >> 8;
	return ~crc;
}

bool ota_env_crc_good(const uint8_t *raw, size_t size_bytes, size_t header_bytes)
{
	assert(size_bytes > header_bytes && header_bytes >= OTA_ENV_HEADER_SINGLE_BYTES);
	return load_le32(raw) == ota_env_crc32(raw + header_bytes, size_bytes - header_bytes);
}

int ota_env_arbitrate(enum ota_env_copy copy0, uint8_t flags0, enum ota_env_copy copy1, uint8_t flags1)
{
	if (copy0 == OTA_ENV_BAD)
		return copy1 == OTA_ENV_BAD ? -1 : 1;
	if (copy1 == OTA_ENV_BAD)
		return 0;
	/* Only the very step 255 -> 0 is a wrap: U-Boot compares all other pairs as plain numbers. */
	if (flags0 == 255 && flags1 == 0)
		return 1;
	if (flags1 == 255 && flags0 == 0)
		return 0;
	return flags1 > flags0;
}

/* Length of the list with the zero that ends it, or 0: no end, or an entry that makes U-Boot drop the whole list. */
static size_t list_bytes(const uint8_t *data, size_t size_bytes)
{
	size_t at = 0;

	while (at < size_bytes && data[at]) {
		const uint8_t *zero = memchr(data + at, 0, size_bytes - at);
		/* A value without a name; a lone "=" is harmless: it deletes nothing. */
		if (!zero || (data[at] == '=' && data[at + 1]))
			return 0;
		at = (size_t)(zero - data) + 1;
	}
	return at < size_bytes ? at + 1 : 0;
}

int ota_env_parse_list(const uint8_t *data, size_t size_bytes, struct ota_env **out)
{
	size_t list = list_bytes(data, size_bytes);
	if (!list)
		return OTA_BOOT_STATE;
	int result = ota_env_new(out);
	if (result || list == 1)
		return result;
	(*out)->data = malloc(list - 1);
	if (!(*out)->data) {
		ota_env_free(*out);
		*out = NULL;
		return -ENOMEM;
	}
	(*out)->used_bytes = list - 1;
	memcpy((*out)->data, data, list - 1);
	return 0;
}

int ota_env_parse(const uint8_t *raw, size_t size_bytes, struct ota_env **out, uint8_t *flags)
{
	*out = NULL;
	if (size_bytes < OTA_ENV_MIN_BYTES || size_bytes > OTA_ENV_MAX_BYTES ||
	    !ota_env_crc_good(raw, size_bytes, OTA_ENV_HEADER_BYTES))
		return OTA_BOOT_STATE;
	*flags = raw[4];
	return ota_env_parse_list(raw + OTA_ENV_HEADER_BYTES, size_bytes - OTA_ENV_HEADER_BYTES, out);
}

int ota_env_new(struct ota_env **out)
{
	*out = calloc(1, sizeof **out);
	return *out ? 0 : -ENOMEM;
}

void ota_env_free(struct ota_env *env)
{
	if (!env)
		return;
	free(env->data);
	free(env);
}

static bool entry_names(const char *entry, const char *name, size_t name_bytes)
{
	return strncmp(entry, name, name_bytes) == 0 && (entry[name_bytes] == '=' || entry[name_bytes] == '\0');
}

/* Offset of the last entry of that name, or used_bytes: the last one counts, as in U-Boot. */
static size_t find_last(const struct ota_env *env, const char *name, size_t name_bytes)
{
	size_t found = env->used_bytes;

	for (size_t at = 0; at < env->used_bytes; at += strlen(env->data + at) + 1) {
		if (entry_names(env->data + at, name, name_bytes))
			found = at;
	}
	return found;
}

const char *ota_env_get(const struct ota_env *env, const char *name)
{
	size_t name_bytes = strlen(name);
	size_t at = find_last(env, name, name_bytes);

	/* A name without "=" takes back what stands before it. */
	if (!name_bytes || strchr(name, '=') || at == env->used_bytes || env->data[at + name_bytes] != '=')
		return NULL;
	return env->data + at + name_bytes + 1;
}

int ota_env_set(struct ota_env *env, const char *name, const char *value)
{
	assert(env && name);
	size_t name_bytes = strlen(name);
	size_t value_bytes = value ? strlen(value) : 0;
	size_t room = env->used_bytes + name_bytes + value_bytes + 2;

	if (!name_bytes || strchr(name, '=') || room > OTA_ENV_MAX_BYTES)
		return -EINVAL;
	/* A new list beside the old one: value may point into it, and a failure changes nothing. */
	char *data = malloc(room);
	if (!data)
		return -ENOMEM;
	size_t last = find_last(env, name, name_bytes);
	size_t used = 0;
	for (size_t at = 0; at < env->used_bytes;) {
		size_t entry_bytes = strlen(env->data + at) + 1;
		if (at != last && !entry_names(env->data + at, name, name_bytes)) {
			memcpy(data + used, env->data + at, entry_bytes);
			used += entry_bytes;
		} else if (at == last && value) {
			break;
		}
		at += entry_bytes;
	}
	if (value) {
		memcpy(data + used, name, name_bytes); /* NOLINT(bugprone-not-null-terminated-result): '=' follows */
		data[used + name_bytes] = '=';
		memcpy(data + used + name_bytes + 1, value, value_bytes + 1);
		used += name_bytes + value_bytes + 2;
	}
	if (value && last < env->used_bytes) {
		size_t rest = last + strlen(env->data + last) + 1;
		memcpy(data + used, env->data + rest, env->used_bytes - rest);
		used += env->used_bytes - rest;
	}
	free(env->data);
	env->data = data;
	env->used_bytes = used;
	return 0;
}

int ota_env_encode(const struct ota_env *env, uint8_t flags, uint8_t *out, size_t size_bytes)
{
	if (size_bytes < OTA_ENV_HEADER_BYTES + 1 || env->used_bytes > size_bytes - OTA_ENV_HEADER_BYTES - 1)
		return -ENOSPC;
	uint8_t *data = out + OTA_ENV_HEADER_BYTES;
	memset(data, 0, size_bytes - OTA_ENV_HEADER_BYTES);
	if (env->used_bytes)
		memcpy(data, env->data, env->used_bytes);
	store_le32(out, ota_env_crc32(data, size_bytes - OTA_ENV_HEADER_BYTES));
	out[4] = flags;
	return 0;
}
