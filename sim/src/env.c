/* SPDX-License-Identifier: Apache-2.0 */
#include "env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 3ul

/* CRC-32 (IEEE 802.3, reflected), a nibble at a time. */
static uint32_t crc32_of(const uint8_t *data, size_t size_bytes)
{
	static const uint32_t table[16] = {
	    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < size_bytes; i++) {
		crc = table[(crc ^ data[i]) & 15u] ^ (crc >> 4);
		crc = table[(crc ^ (data[i] >> 4)) & 15u] ^ (crc >> 4);
	}
	return ~crc;
}

void sim_env_parse(const uint8_t *raw, size_t size_bytes, struct sim_env *out)
{
	const uint8_t *text = raw + SIM_ENV_HEADER_BYTES;
	size_t text_bytes = size_bytes - SIM_ENV_HEADER_BYTES;
	uint32_t crc = (uint32_t)raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 | (uint32_t)raw[3] << 24;
	size_t at = 0;

	out->good = false;
	out->flags = raw[4];
	out->count = 0;
	if (crc32_of(text, text_bytes) != crc)
		return;
	while (at < text_bytes && text[at] != '\0') {
		const char *entry = (const char *)text + at;
		const uint8_t *end = memchr(text + at, '\0', text_bytes - at);
		const char *equals = strchr(entry, '=');

		if (end == NULL || out->count == SIM_ENV_VARIABLES_MAX)
			return;
		if (equals != NULL && equals != entry)
			out->variables[out->count++] = (struct sim_env_variable){entry, (size_t)(equals - entry)};
		at = (size_t)(end - text) + 1;
	}
	out->good = at < text_bytes;
}

static struct sim_env_variable *find(struct sim_env *env, const char *name, size_t name_bytes)
{
	/* hsearch keeps one entry a name: the last one set wins. */
	for (unsigned i = env->count; i > 0; i--) {
		struct sim_env_variable *v = &env->variables[i - 1];

		if (v->name_bytes == name_bytes && memcmp(v->name, name, name_bytes) == 0)
			return v;
	}
	return NULL;
}

const char *sim_env_get(const struct sim_env *env, const char *name)
{
	size_t name_bytes = strlen(name);

	for (unsigned i = env->count; i > 0; i--) {
		const struct sim_env_variable *v = &env->variables[i - 1];

		if (v->name_bytes == name_bytes && memcmp(v->name, name, name_bytes) == 0)
			return v->name + name_bytes + 1;
	}
	return NULL;
}

int sim_env_set(struct sim_env *env, const char *text)
{
	size_t name_bytes = strcspn(text, "=");
	struct sim_env_variable *v = find(env, text, name_bytes);

	if (v == NULL) {
		if (env->count == SIM_ENV_VARIABLES_MAX)
			return -ENOSPC;
		v = &env->variables[env->count++];
	}
	*v = (struct sim_env_variable){text, name_bytes};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct sim_env_variable *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int sim_env_encode(const struct sim_env *env, uint8_t flags, uint8_t *out, size_t size_bytes)
{
	struct sim_env sorted = *env;
	size_t at = SIM_ENV_HEADER_BYTES;
	uint32_t crc;

	qsort(sorted.variables, sorted.count, sizeof sorted.variables[0], by_name);
	memset(out, 0, size_bytes);
	for (unsigned i = 0; i < sorted.count; i++) {
		size_t entry_bytes = strlen(sorted.variables[i].name) + 1;

		if (entry_bytes >= size_bytes - at)
			return -ENOSPC;
		memcpy(out + at, sorted.variables[i].name, entry_bytes);
		at += entry_bytes;
	}
	crc = crc32_of(out + SIM_ENV_HEADER_BYTES, size_bytes - SIM_ENV_HEADER_BYTES);
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> (8 * i));
	out[4] = flags;
	return 0;
}

int sim_env_arbitrate(bool good0, uint8_t flags0, bool good1, uint8_t flags1)
{
	if (!good0 || !good1)
		return good0 ? 0 : good1 ? 1 : -1;
	if (flags0 == 255 && flags1 == 0)
		return 1;
	if (flags1 == 255 && flags0 == 0)
		return 0;
	return flags1 > flags0 ? 1 : 0;
}

static unsigned long number(const struct sim_env *env, const char *name)
{
	const char *text = sim_env_get(env, name);

	return text == NULL ? 0 : strtoul(text, NULL, 10);
}

void sim_env_boot_variables(const struct sim_env *env, struct sim_boot_variables *out)
{
	const char *slot, *barred;

	*out = (struct sim_boot_variables){.slot = 'A', .limit = DEFAULT_LIMIT};
	if (env == NULL)
		return;
	slot = sim_env_get(env, "ota_slot");
	barred = sim_env_get(env, "ota_barred");
	if (slot != NULL && strcmp(slot, "B") == 0)
		out->slot = 'B';
	if (barred != NULL && (strcmp(barred, "A") == 0 || strcmp(barred, "B") == 0))
		out->barred = barred[0];
	out->trial = number(env, "upgrade_available") != 0;
	out->attempts = number(env, "bootcount");
	out->limit = number(env, "bootlimit");
	if (out->limit < 1)
		out->limit = DEFAULT_LIMIT;
}

static uint64_t mix(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return (h ^ 0xffu) * 0x100000001b3u;
}

int sim_env_copy_of(struct sim_memo *memo, const struct bp_pool *pool, const uint32_t *contents,
		    struct sim_env_copy *out)
{
	uint8_t raw[SIM_ENV_MAX_BYTES] = {0};
	bool found;
	struct sim_env_copy *copy = sim_memo_at(memo, contents, &found);
	struct sim_env env;
	const char *trial;

	if (copy == NULL)
		return -ENOMEM;
	if (!found) {
		for (size_t k = 0; k < memo->key_count; k++)
			memcpy(raw + k * BP_SECTOR_BYTES, bp_pool_sector(pool, contents[k]), BP_SECTOR_BYTES);
		sim_env_parse(raw, memo->key_count * BP_SECTOR_BYTES, &env);
		copy->good = env.good;
		copy->flags = env.flags;
		sim_env_boot_variables(env.good ? &env : NULL, &copy->boot);
		trial = sim_env_get(&env, "ota_trial");
		copy->trial_id = trial == NULL ? 0 : strtoull(trial, NULL, 16);
		qsort(env.variables, env.count, sizeof env.variables[0], by_name);
		copy->hash = 0xcbf29ce484222325u;
		for (unsigned i = 0; i < env.count; i++) {
			copy->kept = copy->kept || strcmp(env.variables[i].name, SIM_ENV_KEPT) == 0;
			if (strncmp(env.variables[i].name, "ota_trial=", 10) != 0 &&
			    strncmp(env.variables[i].name, "bootcount=", 10) != 0)
				copy->hash = mix(copy->hash, env.variables[i].name);
		}
	}
	*out = *copy;
	return 0;
}
