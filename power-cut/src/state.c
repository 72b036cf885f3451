/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

int bp_case_state(const struct bp_log *log, const struct bp_cut *cut, struct bp_image *image)
{
	struct bp_worlds worlds;
	struct bp_plan *plan = NULL;
	struct bp_walk walk = {0};
	struct bp_point point = {0};
	int r = bp_worlds_init(&worlds);
	if (r == 0)
		r = bp_plan_new(log, bp_image_layout(image), &worlds, &plan);
	if (r == 0) {
		bp_walk_init(&walk, plan, &worlds, image, 0);
		r = bp_walk_to(&walk, cut->entry);
	}
	if (r == 0)
		r = bp_walk_point(&walk, &point);
	if (r == 0)
		r = bp_point_apply(&point, cut, image);
	bp_point_deinit(&point);
	bp_walk_deinit(&walk);
	bp_plan_free(plan);
	bp_worlds_deinit(&worlds);
	return r;
}
