/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_SIGNER_ZOO_H
#define IMAGES_CORRUPT_SIGNER_ZOO_H

#include <openssl/cms.h>

#include "corrupt/bundle-forge.h"

/* Certificates and signatures that test_pki_make() does not make. All return 0 or -1 unless said otherwise. */

/* Replaces a basic constraint or name constraint (nid), and signs again as the issuer. */
int yp_signer_extend(struct test_pki *pki, const struct test_pki *issuer, int nid, const char *value)
    __attribute__((warn_unused_result));
/* Its curve written out as parameters instead of named. */
int yp_signer_explicit_curve(struct test_pki *pki, const struct test_pki *issuer) __attribute__((warn_unused_result));
/* A CRL of issuer that revokes `serial` (0: nothing), valid until next_s. PEM, free(); NULL on failure. */
char *yp_signer_crl(const struct test_pki *issuer, uint32_t serial, int64_t next_s);

/* How a signature is made. Zero-initialised, then set. */
struct yp_signer_signature {
	unsigned flags, without_flags; /* CMS_..., added to and taken from a plain detached one */
	const char *digest;            /* NULL: SHA256 */
	int (*change)(CMS_ContentInfo *cms, const void *ctx); /* 1: done */
	const void *ctx;
	const char *content; /* NULL: what is to be signed */
};
int yp_signer_sign(const struct test_pki *signer, const struct yp_signer_signature *how, const struct bytes *content,
		   struct bytes *out) __attribute__((warn_unused_result));
X509 *yp_signer_certificate(const char *pem);
EVP_PKEY *yp_signer_key(const char *pem);

#endif
