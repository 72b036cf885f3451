/* SPDX-License-Identifier: Apache-2.0 */
/* The bootloader of the simulated device: reads, counts, decides and stores on its media, by the subject's protocol. */
#include <assert.h>

#include "device/device-private.h"

static char other_slot(char slot)
{
	return slot == 'A' ? 'B' : 'A';
}

/* The environment while the bootloader has it: the holding copy in memory, saved to the other one. */
struct loaded {
	const struct yp_subject *subject;
	struct yp_sim_device *device;
	struct yp_memo *memo;
	size_t env_bytes;
	int holding; /* -1: the defaults */
	struct yp_sim_env_copy copy[2];
	struct yp_sim_env env;
	uint8_t raw[2][YP_SIM_ENV_MAX_BYTES];
	uint8_t out[YP_SIM_ENV_MAX_BYTES];
	struct yp_boot_texts texts;
};

static int load_copies(struct loaded *l)
{
	uint32_t sectors = (uint32_t)(l->env_bytes / YP_SECTOR_BYTES);

	for (unsigned i = 0; i < 2; i++) {
		int error = yp_sim_device_boot_read(l->device, YP_SIM_ENV, i * sectors, sectors, l->raw[i]);

		if (error == 0)
			error = yp_sim_env_copy_of(l->subject->boot, l->memo, l->device->pool,
						   l->device->contents[YP_SIM_ENV] + i * sectors, &l->copy[i]);
		if (error != 0)
			return error;
	}
	l->holding = yp_sim_env_arbitrate(l->copy[0].good, l->copy[0].flags, l->copy[1].good, l->copy[1].flags);
	return 0;
}

/* saveenv: the other copy, whole, counter + 1. Stores happen only in a trial, so a good copy was loaded. */
static int save_env(struct loaded *l)
{
	uint32_t sectors = (uint32_t)(l->env_bytes / YP_SECTOR_BYTES);
	int to = l->holding == 0 ? 1 : 0;
	int error = yp_sim_env_encode(&l->env, (uint8_t)(l->copy[l->holding].flags + 1), l->out, l->env_bytes);

	if (error != 0)
		return error;
	l->copy[to].flags = (uint8_t)(l->copy[l->holding].flags + 1);
	error = yp_sim_device_boot_write(l->device, YP_SIM_ENV, (uint64_t)to * sectors, sectors, l->out);
	l->holding = to;
	return error;
}

static int store_end(struct loaded *l, const struct yp_sim_boot_variables *v, enum yp_sim_stores what)
{
	int error;

	if (what == YP_SIM_STORES_NOTHING)
		return 0;
	yp_sim_dev_mark(l->device, YP_MARK_STEP, l->subject->steps->fall_back);
	error = l->subject->boot->apply(&l->env, v, what, &l->texts);
	return error != 0 ? error : save_env(l);
}

int yp_sim_bootloader_run(const struct yp_subject *subject, struct yp_sim_device *device, struct yp_memo *memo,
			  size_t env_bytes, int (*loads)(void *ctx, char slot, bool *out), void *ctx, char *slot)
{
	const struct yp_boot_protocol *boot = subject->boot;
	struct loaded l;
	struct yp_sim_boot_variables v;
	struct yp_sim_decision d;
	bool selected_loads = true, other_loads = true;
	int error;

	l.subject = subject;
	l.texts.count = 0;
	l.device = device;
	l.env_bytes = env_bytes;
	l.memo = memo;
	error = load_copies(&l);
	if (error != 0)
		return error;
	if (l.holding >= 0)
		v = l.copy[l.holding].boot;
	else
		boot->read(NULL, &v);
	if (boot->decide(&v, true, true).counts) {
		assert(l.holding >= 0); /* nothing is on trial by the defaults */
		yp_sim_env_parse(l.raw[l.holding], env_bytes, &l.env);
		yp_sim_dev_mark(device, YP_MARK_STEP, subject->steps->select);
		error = boot->apply(&l.env, &v, YP_SIM_STORES_COUNT, &l.texts);
		if (error == 0)
			error = save_env(&l);
		if (error != 0)
			return error;
	}
	/* A slot is read only before it is started: first the selected one, then the other, if the decision depends on
	 * it. */
	if (boot->decide(&v, true, true).boots == YP_SIM_BOOTS_SELECTED)
		error = loads(ctx, v.slot, &selected_loads);
	d = boot->decide(&v, selected_loads, true);
	if (error == 0)
		error = store_end(&l, &v, d.stores);
	if (error == 0 && d.boots == YP_SIM_BOOTS_OTHER) {
		error = loads(ctx, other_slot(v.slot), &other_loads);
		d = boot->decide(&v, selected_loads, other_loads);
	}
	*slot = d.boots == YP_SIM_BOOTS_HALT ? 0 : d.boots == YP_SIM_BOOTS_OTHER ? other_slot(v.slot) : v.slot;
	return error;
}
