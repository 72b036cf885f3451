/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BUNDLE_SIGNATURE_H
#define CORE_BUNDLE_SIGNATURE_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/detail.h"
#include "base/span.h"
#include "ota/keyring.h"

/*
 * The signature of a bundle inside the room: its shape, the rules for its certificates, and verification over spans
 * of bytes. keyring.h has what other rooms use.
 */
#define OTA_SIGNERS_MAX      4u
#define OTA_CERTIFICATES_MAX 16u

enum ota_digest { OTA_SHA256, OTA_SHA384, OTA_SHA512, OTA_DIGEST_COUNT };

/* What the shape of a signature says, before it is verified. */
struct ota_signature_shape {
	unsigned certificates;
	unsigned signers;
	struct {
		enum ota_digest digest;
		bool rsa; /* else ECDSA */
	} signer[OTA_SIGNERS_MAX];
};

/*
 * Accepts one encoding of a CMS SignedData (RFC 5652) and no other, so that a verifier has nothing to ignore:
 * DER with shortest lengths to the last byte; version 1; every digest algorithm listed is used and the
 * other way round; no content; certificates; no CRLs; signers by issuer and serial number, version 1, with signed and
 * without unsigned attributes; algorithms of a short list with the parameters their standards say.
 * Returns 0, OTA_NO_SIGNATURE (no signers), OTA_WEAK_ALGORITHM, OTA_BAD_SIGNATURE.
 */
int ota_signature_shape(struct ota_span der, struct ota_signature_shape *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/*
 * Rules that OpenSSL leaves to its caller, for a chain that it has verified (leaf first, the keyring's root
 * last): purpose of the leaf and of what issued it, strength of every key and digest.
 * Returns 0, OTA_CERT_PURPOSE, OTA_WEAK_ALGORITHM, OTA_BAD_SIGNATURE.
 */
int ota_chain_check(const STACK_OF(X509) * chain, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/* The reason for one of OpenSSL's X509_V_ERR_*; -ENOMEM when it ran out of memory. */
int ota_chain_reason(int x509_error);

/* A certificate's subject for a message, shortened to fit. */
void ota_certificate_name(const X509 *certificate, char *out, size_t out_bytes);

/*
 * ota_keyring_verify() over the concatenation of spans. digest (may be NULL) gets the SHA-256 of it, also when the
 * signature is refused for not matching.
 */
int ota_keyring_verify_spans(const struct ota_keyring *keyring, const struct ota_span *spans, size_t count,
			     struct ota_span signature, int64_t now_s, uint8_t *digest, char *detail,
			     size_t detail_bytes) __attribute__((warn_unused_result));

#endif
