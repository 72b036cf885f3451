/* SPDX-License-Identifier: Apache-2.0 */
/* The crash state of one cut, without a rig. */
#include "state/crash.h"

int yp_case_state(const struct yp_log *log, const struct yp_cut *cut, struct yp_image *image)
{
	struct yp_worlds worlds;
	struct yp_plan *plan = NULL;
	struct yp_walk walk = {0};
	struct yp_point point = {0};
	int r = yp_worlds_init(&worlds);
	if (r == 0)
		r = yp_plan_new(log, yp_image_layout(image), &worlds, &plan);
	if (r == 0) {
		yp_walk_init(&walk, plan, &worlds, image, 0);
		r = yp_walk_to(&walk, cut->entry);
	}
	if (r == 0)
		r = yp_walk_point(&walk, &point);
	if (r == 0)
		r = yp_point_apply(&point, cut, image);
	yp_point_deinit(&point);
	yp_walk_deinit(&walk);
	yp_plan_free(plan);
	yp_worlds_deinit(&worlds);
	return r;
}
