/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"
#include <errno.h>
int plan_numbers(struct corrupt_lab *lab, struct plan_builder *builder)
{
	(void)lab;
	(void)builder;
	return 0;
}
int number_offer(struct corrupt_lab *lab, const struct corrupt_case *c, struct offer *offer)
{
	(void)lab;
	(void)c;
	(void)offer;
	return -EINVAL;
}
