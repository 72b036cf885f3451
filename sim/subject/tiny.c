/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tiny`, the smallest subject, to copy from: a boot protocol that counts tries, and the names of its media. The
 * updater is a few lines of shell (sim/test/tiny-updater.sh); it keeps no records, has no slot descriptor and sends no
 * reports.
 */

#include <stdlib.h>
#include <string.h>

#include "subject/boot-run.h"
#include "subject/subjects.h"

#define MAX_DEFAULT 3ul

static unsigned long read_number(const struct yp_sim_env *env, const char *name)
{
	const char *text = yp_sim_env_get(env, name);

	return text == NULL ? 0 : strtoul(text, NULL, 10);
}

static void read_variables(const struct yp_sim_env *env, struct yp_sim_boot_variables *out)
{
	const char *active;

	*out = (struct yp_sim_boot_variables){.slot = 'A', .limit = MAX_DEFAULT};
	if (env == NULL)
		return;
	active = yp_sim_env_get(env, "active");
	out->slot = active != NULL && strcmp(active, "B") == 0 ? 'B' : 'A';
	out->trial = read_number(env, "pending") != 0;
	out->attempts = read_number(env, "tries");
	out->limit = read_number(env, "max_tries");
	if (out->limit == 0)
		out->limit = MAX_DEFAULT;
}

/* A slot on trial gets max_tries boots; then, and when it does not load, the other one is active for good. */
static struct yp_sim_decision decide_boot(const struct yp_sim_boot_variables *v, bool selected_loads, bool other_loads)
{
	struct yp_sim_decision d = {.counts = v->trial};

	if (selected_loads && (!v->trial || v->attempts < v->limit)) {
		d.boots = YP_SIM_BOOTS_SELECTED;
		return d;
	}
	d.stores = v->trial ? YP_SIM_STORES_BACK : YP_SIM_STORES_NOTHING;
	d.boots = other_loads ? YP_SIM_BOOTS_OTHER : YP_SIM_BOOTS_HALT;
	return d;
}

static int apply_store(struct yp_sim_env *env, const struct yp_sim_boot_variables *before, enum yp_sim_stores what,
		       struct yp_boot_texts *texts)
{
	int error = 0;

	if (what == YP_SIM_STORES_NOTHING)
		return 0;
	if (what == YP_SIM_STORES_COUNT)
		return yp_boot_set(env, texts, "tries=%lu", before->attempts + 1);
	if (what == YP_SIM_STORES_BACK)
		error = yp_boot_set(env, texts, "active=%c", before->slot == 'A' ? 'B' : 'A');
	if (error == 0)
		error = yp_boot_set(env, texts, "pending=0");
	return error != 0 ? error : yp_boot_set(env, texts, "tries=0");
}

static const char *const variables[] = {"active", "pending", "tries", "max_tries", NULL};
static const char *const decisive[] = {"active", "pending", "max_tries", NULL};
static const char *const passing[] = {NULL};

static const struct yp_boot_protocol boot = {.name = "tries",
					     .variables = variables,
					     .decisive = decisive,
					     .passing = passing,
					     .read = read_variables,
					     .decide = decide_boot,
					     .apply = apply_store};

static const struct yp_subject_medium media[] = {
    {"env", YP_ROLE_ENV, 0}, {"image-a", YP_ROLE_SLOT, 'A'}, {"image-b", YP_ROLE_SLOT, 'B'}, {NULL, YP_ROLE_OTHER, 0}};

static const struct yp_subject_commands commands = {.install = "install {url}", .resume = "start"};

const struct yp_subject yp_subject_tiny = {
    .name = "tiny", .media = media, .header_sectors = 1, .boot = &boot, .commands = &commands};
