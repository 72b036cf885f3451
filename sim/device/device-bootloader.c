/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/boot-decision.h"

#include <errno.h>
#include <stdio.h>

#include "device/device-seams.h"

static char other_of(char slot)
{
	return slot == 'A' ? 'B' : 'A';
}

/* The script's way through the table: prose in images/uboot/README.md, enumerated in test/bootloader.c. */
struct yp_sim_decision yp_sim_boot_decide(const struct yp_sim_boot_variables *v, bool selected_loads, bool other_loads)
{
	struct yp_sim_decision d = {.counts = v->trial, .stores = YP_SIM_STORES_NOTHING};
	bool over = v->trial && v->attempts + 1 > v->limit;
	bool selected_barred = v->barred == v->slot;
	bool other_barred = v->barred == other_of(v->slot);

	if (!selected_barred && selected_loads && (!over || other_barred)) {
		d.boots = YP_SIM_BOOTS_SELECTED;
		if (over)
			d.stores = YP_SIM_STORES_END;
		return d;
	}
	if (v->trial)
		d.stores = other_barred ? YP_SIM_STORES_END : YP_SIM_STORES_BACK;
	d.boots = !other_barred && other_loads ? YP_SIM_BOOTS_OTHER : YP_SIM_BOOTS_HALT;
	return d;
}

/* The environment while the bootloader has it: the holding copy in memory, saved to the other one. */
struct loaded {
	struct yp_sim_device *device;
	struct yp_sim_memo *memo;
	size_t env_bytes;
	int holding; /* -1: the defaults */
	struct yp_sim_env_copy copy[2];
	struct yp_sim_env env;
	uint8_t raw[2][YP_SIM_ENV_MAX_BYTES];
	uint8_t out[YP_SIM_ENV_MAX_BYTES];
};

static int load(struct loaded *l)
{
	uint32_t sectors = (uint32_t)(l->env_bytes / YP_SECTOR_BYTES);

	for (unsigned i = 0; i < 2; i++) {
		int error = yp_sim_device_boot_read(l->device, YP_SIM_ENV, i * sectors, sectors, l->raw[i]);

		if (error == 0)
			error = yp_sim_env_copy_of(l->memo, l->device->pool,
						   l->device->contents[YP_SIM_ENV] + i * sectors, &l->copy[i]);
		if (error != 0)
			return error;
	}
	l->holding = yp_sim_env_arbitrate(l->copy[0].good, l->copy[0].flags, l->copy[1].good, l->copy[1].flags);
	return 0;
}

/* saveenv: the other copy, whole, counter + 1. Only a trial is ever stored about, so a good copy was loaded. */
static int save(struct loaded *l)
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

static int set(struct loaded *l, const char *text)
{
	return yp_sim_env_set(&l->env, text);
}

static int store(struct loaded *l, enum yp_sim_stores what, char selected)
{
	char slot[16], barred[16];
	int error = 0;

	if (what == YP_SIM_STORES_NOTHING)
		return 0;
	yp_sim_dev_mark(l->device, YP_MARK_STEP, "R1");
	(void)snprintf(slot, sizeof slot, "ota_slot=%c", other_of(selected));
	(void)snprintf(barred, sizeof barred, "ota_barred=%c", selected);
	if (what == YP_SIM_STORES_BACK) {
		error = set(l, slot);
		if (error == 0)
			error = set(l, barred);
	}
	if (error == 0)
		error = set(l, "upgrade_available=0");
	if (error == 0)
		error = set(l, "bootcount=0");
	return error != 0 ? error : save(l);
}

int yp_sim_bootloader_run(struct yp_sim_device *device, struct yp_sim_memo *memo, size_t env_bytes,
			  int (*loads)(void *ctx, char slot, bool *out), void *ctx, char *slot)
{
	struct loaded l;
	struct yp_sim_boot_variables v = {.slot = 'A'};
	struct yp_sim_decision d;
	bool selected_loads = true, other_loads = true;
	char count[32];
	int error;

	l.device = device;
	l.env_bytes = env_bytes;
	l.memo = memo;
	error = load(&l);
	if (error != 0)
		return error;
	if (l.holding >= 0)
		v = l.copy[l.holding].boot;
	if (v.trial) {
		yp_sim_env_parse(l.raw[l.holding], env_bytes, &l.env);
		yp_sim_dev_mark(device, YP_MARK_STEP, "S12");
		(void)snprintf(count, sizeof count, "bootcount=%lu", v.attempts + 1);
		error = set(&l, count);
		if (error == 0)
			error = save(&l);
		if (error != 0)
			return error;
	}
	/* A slot is looked at only when it is to be started: first the selected one, then, if the decision hangs on it,
	 * the other. */
	if (yp_sim_boot_decide(&v, true, true).boots == YP_SIM_BOOTS_SELECTED)
		error = loads(ctx, v.slot, &selected_loads);
	d = yp_sim_boot_decide(&v, selected_loads, true);
	if (error == 0)
		error = store(&l, d.stores, v.slot);
	if (error == 0 && d.boots == YP_SIM_BOOTS_OTHER) {
		error = loads(ctx, other_of(v.slot), &other_loads);
		d = yp_sim_boot_decide(&v, selected_loads, other_loads);
	}
	*slot = d.boots == YP_SIM_BOOTS_HALT ? 0 : d.boots == YP_SIM_BOOTS_OTHER ? other_of(v.slot) : v.slot;
	return error;
}
