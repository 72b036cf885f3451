/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_TEST_PKI_H
#define CORE_TEST_TEST_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Certificates for tests, made at run time and kept in memory as PEM: nothing secret lies in the repository.
 *
 * A P-256 pair takes under a millisecond, an RSA-2048 pair tens of them. A signature made with
 * RSA always has the same length, one made with EC varies by a few bytes: use RSA where sizes must not
 * differ from run to run.
 */
enum test_pki_key {
	TEST_PKI_P256, /* the default */
	TEST_PKI_P384,
	TEST_PKI_P224, /* too weak */
	TEST_PKI_RSA_2048,
	TEST_PKI_RSA_1024, /* too weak */
};

/* Valid from 2020 to 2040 if not said; any "now" between those will do. */
#define TEST_PKI_FROM_S INT64_C(1577836800)
#define TEST_PKI_NOW_S  INT64_C(1790000000)
#define TEST_PKI_TO_S   INT64_C(2208988800)

/* What a certificate says. Zero-initialised, then set. */
struct test_pki_spec {
	const char *name; /* common name */
	enum test_pki_key key;
	bool ca;
	const char *key_usage; /* as in openssl's x509v3_config, such as "critical,digitalSignature"; NULL: none */
	const char *extended_key_usage; /* such as "codeSigning"; NULL: none */
	int64_t not_before_s;           /* 0: TEST_PKI_FROM_S */
	int64_t not_after_s;            /* 0: TEST_PKI_TO_S */
	const char *digest;             /* of the issuer's signature; NULL: "SHA256" */
	uint32_t serial;                /* 0: 1 */
};

/* A certificate and its key: free() both, or test_pki_free(). */
struct test_pki {
	char *certificate_pem;
	char *key_pem;
	uint32_t serial;
};

/* Makes one, signed by `issuer`, or by itself when issuer is NULL. 0 or -1. */
int test_pki_make(const struct test_pki_spec *spec, const struct test_pki *issuer, struct test_pki *out)
    __attribute__((warn_unused_result));
/* A root "Test Root" and a good signer "Test Signer" under it, for whoever only needs a bundle that verifies. 0 or -1.
 */
int test_pki_make_pair(enum test_pki_key key, struct test_pki *root, struct test_pki *signer)
    __attribute__((warn_unused_result));
/* A CRL of `issuer`, valid as the default certificate, that revokes `serials`. PEM, free(); NULL on failure. */
char *test_pki_crl(const struct test_pki *issuer, const uint32_t *serials, size_t count);
/* a + b in one string, free(): to put intermediates behind a leaf. NULL on failure. */
char *test_pki_join(const char *a, const char *b);
void test_pki_free(struct test_pki *pki);

#endif
