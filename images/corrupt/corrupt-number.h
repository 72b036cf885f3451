/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_CORRUPT_NUMBER_H
#define IMAGES_CORRUPT_CORRUPT_NUMBER_H

#include "corrupt/corrupt-lab.h"
#include "corrupt/plan-builder.h"

/* Every numeric field at every edge: adds the cases, and makes the offer of one. 0, -errno or a reason. */
int plan_numbers(struct corrupt_lab *lab, struct plan_builder *builder) __attribute__((warn_unused_result));
int number_offer(struct corrupt_lab *lab, const struct corrupt_case *c, struct offer *offer)
    __attribute__((warn_unused_result));

#endif
