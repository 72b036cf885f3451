/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BUNDLE_MANIFEST_H
#define CORE_BUNDLE_MANIFEST_H

#include "base/detail.h"
#include "base/span.h"
#include "ota/bundle.h"

#define OTA_MANIFEST_LINE_MAX    512u  /* bytes, without the line feed */
#define OTA_MANIFEST_EXTRA_MAX   32u   /* x-... keys */
#define OTA_MANIFEST_WRITTEN_MAX 4096u /* what ota_manifest_encode() needs at most */

/*
 * The manifest's grammar, stricter than INI files are elsewhere, so that one text has one meaning for every reader:
 *
 *   every byte is a line feed or printable ASCII, every line ends in a line feed;
 *   a line is empty, a comment (# first), [section], or key=value; nothing is trimmed, quoted, continued or joined;
 *   keys are lower case letters, digits and '-'; no value is empty;
 *   compatible   printable, no '"', '\', ';', no space at either end
 *   version, channel and list items   letters, digits and "._+~:-"; lists have commas alone between items
 *   numbers      decimal, no sign, no leading zero
 *   image names  lower case letters, digits, '-' and '_', a letter or digit first: never a path
 *
 * It is not read with inih, which system.conf is: what inih accepts depends on how it was built (200-byte lines,
 * continuation lines, ';' comments, names cut at 49 bytes), and the meaning of a signed text must not.
 *
 * ota_manifest_parse: `text` must have been verified. Fills *out, each image's first_chunk and chunks included. Returns
 * 0 or OTA_BAD_MANIFEST, with a clause that names line, section and key.
 */
int ota_manifest_parse(struct ota_span text, struct ota_manifest *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/*
 * The text of a manifest, without a terminating zero. 0, -ENOSPC, or OTA_BAD_MANIFEST when the text would not be parsed
 * back to the same: a value that the grammar does not allow.
 */
int ota_manifest_encode(const struct ota_manifest *manifest, char *out, size_t room, size_t *size_bytes, char *detail,
			size_t detail_bytes) __attribute__((warn_unused_result));

/* Content bytes of a chunk, and the image it belongs to; chunk is below the sum of all images' chunks. */
uint32_t ota_manifest_chunk_bytes(const struct ota_manifest *manifest, uint32_t chunk);

#endif
