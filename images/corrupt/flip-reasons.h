/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_FLIP_REASONS_H
#define IMAGES_CORRUPT_FLIP_REASONS_H

#include "corrupt/bundle-forge.h"

/* The reason for which a file with the header `raw` must be refused. */
uint64_t yp_corrupt_plan_header_reasons(const uint8_t *raw, size_t file_bytes);
/* The reasons for which this flipped bit of the signature may be refused. */
uint64_t yp_corrupt_plan_signature_reasons(const struct yp_forge_site *site, size_t offset, unsigned bit);

#endif
