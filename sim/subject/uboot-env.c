/* SPDX-License-Identifier: Apache-2.0 */
/* U-Boot's redundant environment: its codec, its arbiter, and its meaning for a boot protocol. */
#include "subject/uboot-env.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* CRC-32 (IEEE 802.3, reflected), eight nibbles at a time: table k is for the nibble that k others follow. */
static uint32_t crc32_of(const uint8_t *data, size_t size_bytes)
{
	static const uint32_t table[8][16] = {
	    {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
	     0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c},
	    {0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f, 0xe963a535, 0x9e6495a3, 0x0edb8832,
	     0x79dcb8a4, 0xe0d5e91e, 0x97d2d988, 0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91},
	    {0x00000000, 0x4ac21251, 0x958424a2, 0xdf4636f3, 0xf0794f05, 0xbabb5d54, 0x65fd6ba7, 0x2f3f79f6, 0x3b83984b,
	     0x71418a1a, 0xae07bce9, 0xe4c5aeb8, 0xcbfad74e, 0x8138c51f, 0x5e7ef3ec, 0x14bce1bd},
	    {0x00000000, 0x191b3141, 0x32366282, 0x2b2d53c3, 0x646cc504, 0x7d77f445, 0x565aa786, 0x4f4196c7, 0xc8d98a08,
	     0xd1c2bb49, 0xfaefe88a, 0xe3f4d9cb, 0xacb54f0c, 0xb5ae7e4d, 0x9e832d8e, 0x87981ccf},
	    {0x00000000, 0x1c26a370, 0x384d46e0, 0x246be590, 0x709a8dc0, 0x6cbc2eb0, 0x48d7cb20, 0x54f16850, 0xe1351b80,
	     0xfd13b8f0, 0xd9785d60, 0xc55efe10, 0x91af9640, 0x8d893530, 0xa9e2d0a0, 0xb5c473d0},
	    {0x00000000, 0x01c26a37, 0x0384d46e, 0x0246be59, 0x0709a8dc, 0x06cbc2eb, 0x048d7cb2, 0x054f1685, 0x0e1351b8,
	     0x0fd13b8f, 0x0d9785d6, 0x0c55efe1, 0x091af964, 0x08d89353, 0x0a9e2d0a, 0x0b5c473d},
	    {0x00000000, 0x5019579f, 0xa032af3e, 0xf02bf8a1, 0x9b14583d, 0xcb0d0fa2, 0x3b26f703, 0x6b3fa09c, 0xed59b63b,
	     0xbd40e1a4, 0x4d6b1905, 0x1d724e9a, 0x764dee06, 0x2654b999, 0xd67f4138, 0x866616a7},
	    {0x00000000, 0xb8bc6765, 0xaa09c88b, 0x12b5afee, 0x8f629757, 0x37def032, 0x256b5fdc, 0x9dd738b9, 0xc5b428ef,
	     0x7d084f8a, 0x6fbde064, 0xd7018701, 0x4ad6bfb8, 0xf26ad8dd, 0xe0df7733, 0x58631056},
	};
	uint32_t crc = 0xffffffffu;
	size_t i = 0;

	for (; size_bytes - i >= 4; i += 4) {
		uint32_t x = crc ^ ((uint32_t)data[i] | (uint32_t)data[i + 1] << 8 | (uint32_t)data[i + 2] << 16 |
				    (uint32_t)data[i + 3] << 24);

		crc = table[7][x & 15u] ^ table[6][x >> 4 & 15u] ^ table[5][x >> 8 & 15u] ^ table[4][x >> 12 & 15u] ^
		      table[3][x >> 16 & 15u] ^ table[2][x >> 20 & 15u] ^ table[1][x >> 24 & 15u] ^ table[0][x >> 28];
	}
	for (; i < size_bytes; i++) {
		crc = table[0][(crc ^ data[i]) & 15u] ^ (crc >> 4);
		crc = table[0][(crc ^ (data[i] >> 4)) & 15u] ^ (crc >> 4);
	}
	return ~crc;
}

void yp_sim_env_parse(const uint8_t *raw, size_t size_bytes, struct yp_sim_env *out)
{
	const uint8_t *text = raw + YP_SIM_ENV_HEADER_BYTES;
	size_t text_bytes = size_bytes - YP_SIM_ENV_HEADER_BYTES;
	uint32_t crc = (uint32_t)raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 | (uint32_t)raw[3] << 24;
	size_t at = 0;

	assert(size_bytes > YP_SIM_ENV_HEADER_BYTES);
	out->good = false;
	out->flags = raw[4];
	out->count = 0;
	if (crc32_of(text, text_bytes) != crc)
		return;
	while (at < text_bytes && text[at] != '\0') {
		const char *entry = (const char *)text + at;
		const uint8_t *end = memchr(text + at, '\0', text_bytes - at);
		const char *equals = strchr(entry, '=');

		if (end == NULL || out->count == YP_SIM_ENV_VARIABLES_MAX)
			return;
		if (equals != NULL && equals != entry)
			out->variables[out->count++] = (struct yp_sim_env_variable){entry, (size_t)(equals - entry)};
		at = (size_t)(end - text) + 1;
	}
	out->good = at < text_bytes;
}

static struct yp_sim_env_variable *find_variable(struct yp_sim_env *env, const char *name, size_t name_bytes)
{
	/* hsearch keeps one entry a name: the last one set wins. */
	for (unsigned i = env->count; i > 0; i--) {
		struct yp_sim_env_variable *v = &env->variables[i - 1];

		if (v->name_bytes == name_bytes && memcmp(v->name, name, name_bytes) == 0)
			return v;
	}
	return NULL;
}

const char *yp_sim_env_get(const struct yp_sim_env *env, const char *name)
{
	size_t name_bytes = strlen(name);

	for (unsigned i = env->count; i > 0; i--) {
		const struct yp_sim_env_variable *v = &env->variables[i - 1];

		if (v->name_bytes == name_bytes && memcmp(v->name, name, name_bytes) == 0)
			return v->name + name_bytes + 1;
	}
	return NULL;
}

int yp_sim_env_set(struct yp_sim_env *env, const char *text)
{
	size_t name_bytes = strcspn(text, "=");
	struct yp_sim_env_variable *v = find_variable(env, text, name_bytes);

	assert(text[0] != '=' && strchr(text, '=') != NULL);
	if (v == NULL) {
		if (env->count == YP_SIM_ENV_VARIABLES_MAX)
			return -ENOSPC;
		v = &env->variables[env->count++];
	}
	*v = (struct yp_sim_env_variable){text, name_bytes};
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct yp_sim_env_variable *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int yp_sim_env_encode(const struct yp_sim_env *env, uint8_t flags, uint8_t *out, size_t size_bytes)
{
	struct yp_sim_env sorted = *env;
	size_t at = YP_SIM_ENV_HEADER_BYTES;
	uint32_t crc;

	assert(size_bytes > YP_SIM_ENV_HEADER_BYTES);
	qsort(sorted.variables, sorted.count, sizeof sorted.variables[0], compare_names);
	memset(out, 0, size_bytes);
	for (unsigned i = 0; i < sorted.count; i++) {
		size_t entry_bytes = strlen(sorted.variables[i].name) + 1;

		if (entry_bytes >= size_bytes - at)
			return -ENOSPC;
		memcpy(out + at, sorted.variables[i].name, entry_bytes);
		at += entry_bytes;
	}
	crc = crc32_of(out + YP_SIM_ENV_HEADER_BYTES, size_bytes - YP_SIM_ENV_HEADER_BYTES);
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> (8 * i));
	out[4] = flags;
	return 0;
}

int yp_sim_env_arbitrate(bool good0, uint8_t flags0, bool good1, uint8_t flags1)
{
	if (!good0 || !good1)
		return good0 ? 0 : good1 ? 1 : -1;
	if (flags0 == 255 && flags1 == 0)
		return 1;
	if (flags1 == 255 && flags0 == 0)
		return 0;
	return flags1 > flags0 ? 1 : 0;
}

bool yp_sim_env_is_named(const char *const *names, const char *entry)
{
	size_t name_bytes = strcspn(entry, "=");

	for (; *names != NULL; names++) {
		if (strlen(*names) == name_bytes && memcmp(*names, entry, name_bytes) == 0)
			return true;
	}
	return false;
}

static uint64_t mix_entry(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return (h ^ 0xffu) * 0x100000001b3u;
}

static void read_copy(const struct yp_boot_protocol *protocol, const struct yp_pool *pool, const uint32_t *contents,
		      size_t sectors, struct yp_sim_env_copy *copy)
{
	uint8_t raw[YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env env;

	memset(raw, 0, YP_SECTOR_BYTES); /* there is at least one: said for the analyzer */
	for (size_t k = 0; k < sectors; k++)
		memcpy(raw + k * YP_SECTOR_BYTES, yp_pool_sector(pool, contents[k]), YP_SECTOR_BYTES);
	raw[sectors * YP_SECTOR_BYTES] = 0; /* ends a search in a text that does not end */
	yp_sim_env_parse(raw, sectors * YP_SECTOR_BYTES, &env);
	copy->good = env.good;
	copy->flags = env.flags;
	protocol->read(env.good ? &env : NULL, &copy->boot);
	qsort(env.variables, env.count, sizeof env.variables[0], compare_names);
	copy->hash = 0xcbf29ce484222325u;
	for (unsigned i = 0; i < env.count; i++) {
		const char *entry = env.variables[i].name;

		copy->kept = copy->kept || strcmp(entry, YP_SIM_ENV_KEPT) == 0;
		if (!yp_sim_env_is_named(protocol->variables, entry) || yp_sim_env_is_named(protocol->decisive, entry))
			copy->hash = mix_entry(copy->hash, entry);
	}
}

int yp_sim_env_copy_of(const struct yp_boot_protocol *protocol, struct yp_memo *memo, const struct yp_pool *pool,
		       const uint32_t *contents, struct yp_sim_env_copy *out)
{
	bool found;
	struct yp_sim_env_copy *copy = yp_memo_at(memo, contents, &found);

	assert(protocol != NULL && memo->key_count * YP_SECTOR_BYTES <= YP_SIM_ENV_MAX_BYTES);
	if (copy == NULL)
		return -ENOMEM;
	if (!found)
		read_copy(protocol, pool, contents, memo->key_count, copy);
	*out = *copy;
	return 0;
}
