/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_PLAN_BUILDER_H
#define IMAGES_CORRUPT_PLAN_BUILDER_H

#include "corrupt/corrupt.h"

/* A plan while cases are added to it. Zero-initialised, then plan and filter are set. */
struct yp_corrupt_plan_builder {
	struct yp_corrupt_plan *plan;
	size_t room;
	const char *filter;
};

/* Adds a case if its id begins with the filter. 0 or -ENOMEM. */
int yp_corrupt_plan_add(struct yp_corrupt_plan_builder *builder, const struct yp_corrupt_case *c)
    __attribute__((warn_unused_result));
/* Whether any id of this group ("flp:") can pass the filter. */
bool yp_corrupt_plan_wants(const struct yp_corrupt_plan_builder *builder, const char *group);

#endif
