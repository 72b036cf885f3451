/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_CORRUPT_OFFER_H
#define IMAGES_CORRUPT_CORRUPT_OFFER_H

#include "corrupt/bundle-forge.h"

/* The offer to the device of a case. 0, -errno or a reason; yp_forge_offer_free() in any case. */
int yp_corrupt_offer_make(struct yp_forge *forge, const struct yp_corrupt_case *c, struct offer *out)
    __attribute__((warn_unused_result));

#endif
