/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_PLAN_BUILDER_H
#define IMAGES_CORRUPT_PLAN_BUILDER_H

#include "corrupt/corrupt.h"

/* A plan while cases are added to it. Zero-initialised, then plan and filter are set. */
struct plan_builder {
	struct corrupt_plan *plan;
	size_t room;
	const char *filter;
};

/* Adds a case if its id begins with the filter. 0 or -ENOMEM. */
int plan_add(struct plan_builder *builder, const struct corrupt_case *c) __attribute__((warn_unused_result));
/* Whether any id of this group ("flp:") can pass the filter. */
bool plan_wants(const struct plan_builder *builder, const char *group);

#endif
