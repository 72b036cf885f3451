/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_BUNDLE_EDIT_H
#define IMAGES_CORRUPT_BUNDLE_EDIT_H

#include "corrupt/corrupt-lab.h"

/* The parts of a bundle, apart, to be changed and sealed again by the good signer. */
struct parts {
	struct bytes manifest, index, payload;
};
int parts_init(const struct corrupt_lab *lab, struct parts *out) __attribute__((warn_unused_result));
void parts_deinit(struct parts *parts);
int parts_seal(const struct corrupt_lab *lab, const struct parts *parts, struct bytes *out)
    __attribute__((warn_unused_result));
/* Puts `to` in place of the first `from`. 0, -ENOMEM, -ENOENT. */
int parts_replace(struct bytes *text, const char *from, const void *to, size_t to_bytes)
    __attribute__((warn_unused_result));
/* A number in [update] or an image's section. */
int parts_number(struct parts *parts, const char *section, const char *key, uint64_t value)
    __attribute__((warn_unused_result));
/* Other stored bytes for a chunk: payload, its record and payload-bytes follow; its digest stays. */
int parts_chunk(struct parts *parts, uint32_t chunk, const struct bytes *stored) __attribute__((warn_unused_result));
size_t parts_chunk_offset(const struct parts *parts, uint32_t chunk);

#endif
