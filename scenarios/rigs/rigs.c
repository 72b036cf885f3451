/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rigs that scenarios can run on. */
#include <assert.h>
#include <string.h>

#include "rigs/rig.h"

static const struct yp_scenario_rig *const rigs[] = {&yp_rig_sim,  &yp_rig_images, &yp_rig_network,
						     &yp_rig_qemu, &yp_rig_board,  NULL};

const struct yp_scenario_rig *yp_rig_at(size_t index)
{
	for (size_t i = 0; rigs[i]; i++) {
		if (i == index)
			return rigs[i];
	}
	return NULL;
}

const struct yp_rig_terms *yp_rig_terms_at(size_t index)
{
	const struct yp_scenario_rig *rig = yp_rig_at(index);
	return rig ? &rig->terms : NULL;
}

const struct yp_scenario_rig *yp_rig_find(const char *name)
{
	for (size_t i = 0; rigs[i]; i++) {
		if (strcmp(rigs[i]->terms.name, name) == 0)
			return rigs[i];
	}
	return NULL;
}

const struct yp_scenario_rig *yp_rig_of(const struct yp_scenario *scenario)
{
	const struct yp_scenario_rig *rig = NULL;
	for (size_t i = 0; rigs[i] && !rig; i++)
		rig = &rigs[i]->terms == scenario->rig ? rigs[i] : NULL;
	assert(rig);
	return rig;
}

void yp_rigs_sweep(void)
{
	for (size_t i = 0; rigs[i]; i++) {
		if (rigs[i]->sweep)
			rigs[i]->sweep();
	}
}
