/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BUNDLE_HEAD_H
#define CORE_BUNDLE_HEAD_H

#include "ota/bundle.h"

/*
 * The head of a bundle that was verified when it was installed and is stored beside its image: known again by its
 * digest (of the signed bytes), which is compared before anything is parsed. No signature is checked, so it may decide
 * nothing: it only says where in the running slot a chunk may lie, and that chunk is then checked against the head of
 * the offer. Hence a signer that has expired or was revoked since does not turn a small download into a whole one.
 *
 * 0 and *out (ota_head_free()); OTA_BAD_SIGNATURE if the digest is another; -ENOMEM; else as ota_head_open().
 */
int ota_head_known(const uint8_t *raw, size_t size_bytes, const uint8_t digest[OTA_DIGEST_BYTES], struct ota_head **out)
    __attribute__((warn_unused_result));

/* The header's bytes; the first OTA_HEADER_SIGNED_BYTES of them are signed. */
void ota_bundle_header_write(const struct ota_bundle_header *header, uint8_t raw[OTA_BUNDLE_HEADER_BYTES]);
#define OTA_HEADER_SIGNED_BYTES 20u

#endif
