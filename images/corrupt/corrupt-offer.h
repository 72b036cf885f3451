/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_CORRUPT_OFFER_H
#define IMAGES_CORRUPT_CORRUPT_OFFER_H

#include "corrupt/corrupt-lab.h"

/* What the device of a case is offered. 0, -errno or a reason; lab_offer_free() in any case. */
int corrupt_offer_make(struct corrupt_lab *lab, const struct corrupt_case *c, struct offer *out)
    __attribute__((warn_unused_result));

#endif
