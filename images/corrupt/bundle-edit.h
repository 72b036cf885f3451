/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_BUNDLE_EDIT_H
#define IMAGES_CORRUPT_BUNDLE_EDIT_H

#include "corrupt/bundle-forge.h"

/* The parts of a bundle, apart, to be changed and sealed again by the good signer. */
struct yp_parts {
	struct bytes manifest, index, payload;
};
int yp_parts_init(const struct yp_forge *forge, struct yp_parts *out) __attribute__((warn_unused_result));
void yp_parts_deinit(struct yp_parts *parts);
int yp_parts_seal(const struct yp_forge *forge, const struct yp_parts *parts, struct bytes *out)
    __attribute__((warn_unused_result));
/* Puts `to` in place of the first `from`. 0, -ENOMEM, -ENOENT. */
int yp_parts_replace(struct bytes *text, const char *from, const void *to, size_t to_bytes)
    __attribute__((warn_unused_result));
/* A number in [update] or an image's section. */
int yp_parts_number(struct yp_parts *parts, const char *section, const char *key, uint64_t value)
    __attribute__((warn_unused_result));
/* Other stored bytes for a chunk: payload, its record and payload-bytes follow; its digest stays. */
int yp_parts_chunk(struct yp_parts *parts, uint32_t chunk, const struct bytes *stored)
    __attribute__((warn_unused_result));
size_t yp_parts_chunk_offset(const struct yp_parts *parts, uint32_t chunk);

#endif
