/* SPDX-License-Identifier: Apache-2.0 */
/* Makes keys, certificates and revocation lists for tests. */
#include "test/test-pki.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static EVP_PKEY *make_key(enum test_pki_key key)
{
	switch (key) {
	case TEST_PKI_P256:
		return EVP_EC_gen("P-256");
	case TEST_PKI_P384:
		return EVP_EC_gen("P-384");
	case TEST_PKI_P224:
		return EVP_EC_gen("P-224");
	case TEST_PKI_RSA_2048:
		return EVP_RSA_gen(2048);
	case TEST_PKI_RSA_1024:
		return EVP_RSA_gen(1024);
	}
	return NULL;
}

static char *bio_text(BIO *bio)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);
	char *text = size > 0 ? malloc((size_t)size + 1) : NULL;
	if (text) {
		memcpy(text, data, (size_t)size);
		text[size] = '\0';
	}
	return text;
}

static char *certificate_text(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = bio && PEM_write_bio_X509(bio, certificate) == 1 ? bio_text(bio) : NULL;
	BIO_free(bio);
	return text;
}

static char *key_text(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 ? bio_text(bio) : NULL;
	BIO_free(bio);
	return text;
}

static X509 *read_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return certificate;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return key;
}

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	int ok = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok ? 0 : -1;
}

static int add_extensions(X509 *certificate, X509 *issuer, const struct test_pki_spec *spec)
{
	if (add_extension(certificate, issuer, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE") ||
	    add_extension(certificate, issuer, NID_subject_key_identifier, "hash"))
		return -1;
	if (issuer != certificate && add_extension(certificate, issuer, NID_authority_key_identifier, "keyid"))
		return -1;
	if (spec->key_usage && add_extension(certificate, issuer, NID_key_usage, spec->key_usage))
		return -1;
	if (spec->extended_key_usage && add_extension(certificate, issuer, NID_ext_key_usage, spec->extended_key_usage))
		return -1;
	return 0;
}

static int fill_certificate(X509 *certificate, X509 *issuer, EVP_PKEY *key, const struct test_pki_spec *spec)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	int64_t from_s = spec->not_before_s ? spec->not_before_s : TEST_PKI_FROM_S;
	int64_t to_s = spec->not_after_s ? spec->not_after_s : TEST_PKI_TO_S;
	if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(certificate), spec->serial ? (long)spec->serial : 1) != 1 ||
	    !ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from_s) ||
	    !ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)to_s) || X509_set_pubkey(certificate, key) != 1 ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)spec->name, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1)
		return -1;
	return add_extensions(certificate, issuer, spec);
}

int test_pki_make(const struct test_pki_spec *spec, const struct test_pki *issuer, struct test_pki *out)
{
	int result = -1;
	EVP_PKEY *key = make_key(spec->key);
	X509 *certificate = X509_new();
	X509 *issuer_certificate = issuer ? read_certificate(issuer->certificate_pem) : certificate;
	EVP_PKEY *issuer_key = issuer ? read_key(issuer->key_pem) : key;
	*out = (struct test_pki){.serial = spec->serial ? spec->serial : 1};
	if (!key || !certificate || !issuer_certificate || !issuer_key)
		goto out;
	if (fill_certificate(certificate, issuer_certificate, key, spec))
		goto out;
	if (X509_sign(certificate, issuer_key, EVP_get_digestbyname(spec->digest ? spec->digest : "SHA256")) <= 0)
		goto out;
	out->certificate_pem = certificate_text(certificate);
	out->key_pem = key_text(key);
	if (out->certificate_pem && out->key_pem)
		result = 0;
	else
		test_pki_free(out);
out:
	if (issuer) {
		X509_free(issuer_certificate);
		EVP_PKEY_free(issuer_key);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return result;
}

int test_pki_make_pair(enum test_pki_key key, struct test_pki *root, struct test_pki *signer)
{
	const struct test_pki_spec root_spec = {
	    .name = "Test Root", .key = key, .ca = true, .key_usage = "critical,keyCertSign,cRLSign"};
	const struct test_pki_spec signer_spec = {.name = "Test Signer",
						  .key = key,
						  .key_usage = "critical,digitalSignature",
						  .extended_key_usage = "critical,codeSigning",
						  .serial = 2};
	if (test_pki_make(&root_spec, NULL, root))
		return -1;
	if (test_pki_make(&signer_spec, root, signer)) {
		test_pki_free(root);
		return -1;
	}
	return 0;
}

static int add_revoked(X509_CRL *crl, uint32_t serial)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)TEST_PKI_FROM_S);
	int ok = revoked && number && when && ASN1_INTEGER_set(number, (long)serial) == 1 &&
		 X509_REVOKED_set_serialNumber(revoked, number) == 1 &&
		 X509_REVOKED_set_revocationDate(revoked, when) == 1 && X509_CRL_add0_revoked(crl, revoked) == 1;
	if (!ok)
		X509_REVOKED_free(revoked);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(when);
	return ok ? 0 : -1;
}

char *test_pki_crl(const struct test_pki *issuer, const uint32_t *serials, size_t count)
{
	char *text = NULL;
	X509_CRL *crl = X509_CRL_new();
	X509 *certificate = read_certificate(issuer->certificate_pem);
	EVP_PKEY *key = read_key(issuer->key_pem);
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)TEST_PKI_FROM_S);
	ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)TEST_PKI_TO_S);
	BIO *bio = BIO_new(BIO_s_mem());
	if (!crl || !certificate || !key || !from || !to || !bio)
		goto out;
	if (X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(certificate)) != 1 ||
	    X509_CRL_set1_lastUpdate(crl, from) != 1 || X509_CRL_set1_nextUpdate(crl, to) != 1)
		goto out;
	for (size_t i = 0; i < count; i++) {
		if (add_revoked(crl, serials[i]))
			goto out;
	}
	if (X509_CRL_sort(crl) != 1 || X509_CRL_sign(crl, key, EVP_sha256()) <= 0)
		goto out;
	if (PEM_write_bio_X509_CRL(bio, crl) == 1)
		text = bio_text(bio);
out:
	BIO_free(bio);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	EVP_PKEY_free(key);
	X509_free(certificate);
	X509_CRL_free(crl);
	return text;
}

char *test_pki_join(const char *a, const char *b)
{
	size_t a_bytes = strlen(a);
	size_t b_bytes = strlen(b);
	char *text = malloc(a_bytes + b_bytes + 1);
	if (text) {
		memcpy(text, a, a_bytes);
		memcpy(text + a_bytes, b, b_bytes + 1);
	}
	return text;
}

void test_pki_free(struct test_pki *pki)
{
	free(pki->certificate_pem);
	free(pki->key_pem);
	*pki = (struct test_pki){0};
}
