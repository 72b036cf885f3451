/* SPDX-License-Identifier: Apache-2.0 */
/* The boot protocol of `ota`: the variables of images/uboot/README.md, and the boot script's decision as a function. */
#include <stdlib.h>
#include <string.h>

#include "subject/boot-decision.h"
#include "subject/boot-run.h"
#include "subject/ota-parts.h"

#define LIMIT_DEFAULT 3ul

static char other_slot(char slot)
{
	return slot == 'A' ? 'B' : 'A';
}

static unsigned long read_number(const struct yp_sim_env *env, const char *name)
{
	const char *text = yp_sim_env_get(env, name);

	return text == NULL ? 0 : strtoul(text, NULL, 10);
}

void yp_sim_env_boot_variables(const struct yp_sim_env *env, struct yp_sim_boot_variables *out)
{
	const char *slot, *barred, *trial;

	*out = (struct yp_sim_boot_variables){.slot = 'A', .limit = LIMIT_DEFAULT};
	if (env == NULL)
		return;
	slot = yp_sim_env_get(env, "ota_slot");
	barred = yp_sim_env_get(env, "ota_barred");
	trial = yp_sim_env_get(env, "ota_trial");
	if (slot != NULL && strcmp(slot, "B") == 0)
		out->slot = 'B';
	if (barred != NULL && (strcmp(barred, "A") == 0 || strcmp(barred, "B") == 0))
		out->barred = barred[0];
	out->trial = read_number(env, "upgrade_available") != 0;
	out->attempts = read_number(env, "bootcount");
	out->limit = read_number(env, "bootlimit");
	if (out->limit < 1)
		out->limit = LIMIT_DEFAULT;
	out->trial_id = trial == NULL ? 0 : strtoull(trial, NULL, 16);
}

/* The script's way through the table: prose in images/uboot/README.md, enumerated in test/boot-decision-test.c. */
struct yp_sim_decision yp_sim_boot_decide(const struct yp_sim_boot_variables *v, bool selected_loads, bool other_loads)
{
	struct yp_sim_decision d = {.counts = v->trial, .stores = YP_SIM_STORES_NOTHING};
	bool over = v->trial && v->attempts + 1 > v->limit;
	bool selected_barred = v->barred == v->slot;
	bool other_barred = v->barred == other_slot(v->slot);

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

static int apply_store(struct yp_sim_env *env, const struct yp_sim_boot_variables *before, enum yp_sim_stores what,
		       struct yp_boot_texts *texts)
{
	int error = 0;

	if (what == YP_SIM_STORES_NOTHING)
		return 0;
	if (what == YP_SIM_STORES_COUNT)
		return yp_boot_set(env, texts, "bootcount=%lu", before->attempts + 1);
	if (what == YP_SIM_STORES_BACK) {
		error = yp_boot_set(env, texts, "ota_slot=%c", other_slot(before->slot));
		if (error == 0)
			error = yp_boot_set(env, texts, "ota_barred=%c", before->slot);
	}
	if (error == 0)
		error = yp_boot_set(env, texts, "upgrade_available=0");
	return error != 0 ? error : yp_boot_set(env, texts, "bootcount=0");
}

static const char *const variables[] = {"ota_slot",  "ota_barred", "upgrade_available", "bootcount", "bootlimit",
					"ota_trial", NULL};
static const char *const decisive[] = {"ota_slot", "ota_barred", "upgrade_available", "bootlimit", NULL};
/* What U-Boot sets by itself at each boot, or for a moment. */
static const char *const passing[] = {"fdtcontroladdr", "fileaddr", "filesize", "stdin",
				      "stdout",         "stderr",   "bootargs", NULL};

const struct yp_boot_protocol yp_ota_boot = {.name = "ota on U-Boot",
					     .variables = variables,
					     .decisive = decisive,
					     .passing = passing,
					     .read = yp_sim_env_boot_variables,
					     .decide = yp_sim_boot_decide,
					     .apply = apply_store};
