/* SPDX-License-Identifier: Apache-2.0 */
/* A bootloader over an environment in memory: any protocol, one boot at a time. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "subject/boot-run.h"

int yp_boot_set(struct yp_sim_env *env, struct yp_boot_texts *texts, const char *format, ...)
{
	char *text;
	va_list args;
	int length;

	if (texts->count == YP_BOOT_TEXTS_MAX)
		return -ENOSPC;
	text = texts->text[texts->count++];
	va_start(args, format);
	length = vsnprintf(text, YP_BOOT_TEXT_MAX, format, args);
	va_end(args);
	return length < 0 || length >= (int)YP_BOOT_TEXT_MAX ? -ENOSPC : yp_sim_env_set(env, text);
}

/* The environment while the bootloader has it. Entries of `env` point into `text` and `texts`. */
struct boot {
	uint8_t text[2][YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env copy[2];
	int holding; /* -1: none */
	int to;      /* the copy stored last; before that the one that holds */
};

static void read_copies(const uint8_t *const raw[2], size_t env_bytes, struct boot *boot)
{
	for (unsigned i = 0; i < 2; i++) {
		memcpy(boot->text[i], raw[i], env_bytes); // cppcheck-suppress uninitvar ; this is what fills it
		boot->text[i][env_bytes] = 0;             /* ends a search in a text that does not end */
		yp_sim_env_parse(boot->text[i], env_bytes, &boot->copy[i]);
	}
	boot->holding =
	    yp_sim_env_arbitrate(boot->copy[0].good, boot->copy[0].flags, boot->copy[1].good, boot->copy[1].flags);
	boot->to = boot->holding;
}

int yp_boot_read(const struct yp_boot_protocol *protocol, const uint8_t *const raw[2], size_t env_bytes,
		 struct yp_sim_boot_variables *out)
{
	struct boot boot;

	assert(env_bytes > YP_SIM_ENV_HEADER_BYTES && env_bytes <= YP_SIM_ENV_MAX_BYTES);
	read_copies(raw, env_bytes, &boot);
	protocol->read(boot.holding < 0 ? NULL : &boot.copy[boot.holding], out);
	return boot.holding;
}

/* One store: to the copy that does not hold, with the next counter. */
static int store_once(const struct yp_boot_protocol *protocol, struct boot *boot, const struct yp_sim_boot_variables *v,
		      enum yp_sim_stores what, struct yp_boot_texts *texts, uint8_t *const raw[2], size_t env_bytes)
{
	struct yp_sim_env *env = &boot->copy[boot->holding];
	int error = protocol->apply(env, v, what, texts);

	env->flags = (uint8_t)(env->flags + 1);
	boot->to = 1 - boot->to;
	return error != 0 ? error : yp_sim_env_encode(env, env->flags, raw[boot->to], env_bytes);
}

int yp_boot_run(const struct yp_boot_protocol *protocol, uint8_t *const raw[2], size_t env_bytes, const bool loads[2],
		int (*stored)(void *ctx, unsigned copy), void *ctx, char *slot)
{
	const uint8_t *const bytes[2] = {raw[0], raw[1]};
	struct yp_boot_texts texts = {.count = 0};
	struct boot boot;
	struct yp_sim_boot_variables v;
	struct yp_sim_decision d;
	enum yp_sim_stores stores[2] = {YP_SIM_STORES_NOTHING, YP_SIM_STORES_NOTHING};

	assert(env_bytes > YP_SIM_ENV_HEADER_BYTES && env_bytes <= YP_SIM_ENV_MAX_BYTES);
	read_copies(bytes, env_bytes, &boot);
	protocol->read(boot.holding < 0 ? NULL : &boot.copy[boot.holding], &v);
	d = protocol->decide(&v, loads[v.slot == 'B'], loads[v.slot != 'B']);
	*slot = d.boots == YP_SIM_BOOTS_HALT ? 0 : (d.boots == YP_SIM_BOOTS_OTHER) == (v.slot == 'A') ? 'B' : 'A';
	if (boot.holding >= 0) { /* on its defaults a bootloader has nothing to count */
		stores[0] = d.counts ? YP_SIM_STORES_COUNT : YP_SIM_STORES_NOTHING;
		stores[1] = d.stores;
	}
	for (unsigned i = 0; i < 2; i++) {
		int error;

		if (stores[i] == YP_SIM_STORES_NOTHING)
			continue;
		error = store_once(protocol, &boot, &v, stores[i], &texts, raw, env_bytes);
		if (error == 0 && stored != NULL)
			error = stored(ctx, (unsigned)boot.to);
		if (error != 0)
			return error;
	}
	return 0;
}
