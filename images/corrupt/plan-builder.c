/* SPDX-License-Identifier: Apache-2.0 */
/* Adding cases to a plan, as far as they pass its filter. */
#include "corrupt/plan-builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MAX 1000000u

int yp_corrupt_plan_add(struct yp_corrupt_plan_builder *builder, const struct yp_corrupt_case *c)
{
	struct yp_corrupt_plan *plan = builder->plan;
	if (builder->filter && strncmp(c->id, builder->filter, strlen(builder->filter)) != 0)
		return 0;
	if (plan->count == builder->room) {
		size_t room = builder->room ? 2 * builder->room : 1024;
		struct yp_corrupt_case *cases = room > CASES_MAX ? NULL : realloc(plan->cases, room * sizeof *cases);
		if (!cases)
			return -ENOMEM;
		plan->cases = cases;
		builder->room = room;
	}
	plan->cases[plan->count++] = *c;
	return 0;
}

bool yp_corrupt_plan_wants(const struct yp_corrupt_plan_builder *builder, const char *group)
{
	const char *filter = builder->filter;
	size_t n = filter ? strlen(filter) : 0;
	return n == 0 || strncmp(filter, group, n < strlen(group) ? n : strlen(group)) == 0;
}
