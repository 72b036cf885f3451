/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_CORRUPT_NUMBER_H
#define IMAGES_CORRUPT_CORRUPT_NUMBER_H

#include "corrupt/bundle-forge.h"
#include "corrupt/plan-builder.h"

/* Every numeric field at every edge: adds the cases, and makes the offer of one. 0, -errno or a reason. */
int yp_corrupt_plan_numbers(struct yp_forge *forge, struct yp_corrupt_plan_builder *builder)
    __attribute__((warn_unused_result));
int yp_corrupt_number_offer(struct yp_forge *forge, const struct yp_corrupt_case *c, struct offer *offer)
    __attribute__((warn_unused_result));

#endif
