/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, revocation lists and signatures of every kind but the right one. */
#include "corrupt/signer-zoo.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define SIGN_FLAGS (CMS_BINARY | CMS_PARTIAL | CMS_DETACHED | CMS_NOSMIMECAP)

X509 *yp_signer_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return certificate;
}

EVP_PKEY *yp_signer_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return key;
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

/* Signs the certificate anew and puts it in place of the old one. */
static int reissue_certificate(struct test_pki *pki, X509 *certificate, const struct test_pki *issuer)
{
	EVP_PKEY *key = yp_signer_key(issuer->key_pem);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	if (key && bio && X509_sign(certificate, key, EVP_sha256()) > 0 && PEM_write_bio_X509(bio, certificate) == 1)
		text = bio_text(bio);
	BIO_free(bio);
	EVP_PKEY_free(key);
	if (!text)
		return -1;
	free(pki->certificate_pem);
	pki->certificate_pem = text;
	return 0;
}

int yp_signer_extend(struct test_pki *pki, const struct test_pki *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509 *certificate = yp_signer_certificate(pki->certificate_pem);
	X509_EXTENSION *extension = NULL;
	int result = -1;
	if (!certificate)
		return -1;
	int old = X509_get_ext_by_NID(certificate, nid, -1);
	if (old >= 0)
		X509_EXTENSION_free(X509_delete_ext(certificate, old));
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (extension && X509_add_ext(certificate, extension, -1) == 1)
		result = reissue_certificate(pki, certificate, issuer);
	X509_EXTENSION_free(extension);
	X509_free(certificate);
	return result;
}

int yp_signer_explicit_curve(struct test_pki *pki, const struct test_pki *issuer)
{
	X509 *certificate = yp_signer_certificate(pki->certificate_pem);
	EVP_PKEY *key = yp_signer_key(pki->key_pem);
	int result = -1;
	if (certificate && key &&
	    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT) == 1 &&
	    X509_set_pubkey(certificate, key) == 1)
		result = reissue_certificate(pki, certificate, issuer);
	EVP_PKEY_free(key);
	X509_free(certificate);
	return result;
}

static int crl_fill(X509_CRL *crl, const X509 *issuer, uint32_t serial, int64_t next_s)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)TEST_PKI_FROM_S);
	ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)next_s);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_REVOKED *revoked = serial ? X509_REVOKED_new() : NULL;
	int ok = from && to && number && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		 X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
		 X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, to) == 1;
	if (ok && serial) {
		ok = revoked && ASN1_INTEGER_set(number, (long)serial) == 1 &&
		     X509_REVOKED_set_serialNumber(revoked, number) == 1 &&
		     X509_REVOKED_set_revocationDate(revoked, from) == 1 && X509_CRL_add0_revoked(crl, revoked) == 1;
		if (!ok)
			X509_REVOKED_free(revoked);
	}
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(to);
	ASN1_TIME_free(from);
	return ok;
}

char *yp_signer_crl(const struct test_pki *issuer, uint32_t serial, int64_t next_s)
{
	char *text = NULL;
	X509_CRL *crl = X509_CRL_new();
	X509 *certificate = yp_signer_certificate(issuer->certificate_pem);
	EVP_PKEY *key = yp_signer_key(issuer->key_pem);
	BIO *bio = BIO_new(BIO_s_mem());
	if (crl && certificate && key && bio && crl_fill(crl, certificate, serial, next_s) &&
	    X509_CRL_sign(crl, key, EVP_sha256()) > 0 && PEM_write_bio_X509_CRL(bio, crl) == 1)
		text = bio_text(bio);
	BIO_free(bio);
	EVP_PKEY_free(key);
	X509_free(certificate);
	X509_CRL_free(crl);
	return text;
}

int yp_signer_sign(const struct test_pki *signer, const struct yp_signer_signature *how, const struct bytes *content,
		   struct bytes *out)
{
	const unsigned flags = (SIGN_FLAGS | how->flags) & ~how->without_flags;
	const EVP_MD *digest = EVP_get_digestbyname(how->digest ? how->digest : "SHA256");
	X509 *certificate = yp_signer_certificate(signer->certificate_pem);
	EVP_PKEY *key = yp_signer_key(signer->key_pem);
	BIO *data =
	    how->content ? BIO_new_mem_buf(how->content, -1) : BIO_new_mem_buf(content->data, (int)content->size);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	uint8_t *der = NULL;
	int size = -1;
	if (certificate && key && data && cms && CMS_add1_signer(cms, certificate, key, digest, flags) &&
	    CMS_final(cms, data, NULL, flags) == 1 && (!how->change || how->change(cms, how->ctx) == 1))
		size = i2d_CMS_ContentInfo(cms, &der);
	int result = size > 0 ? bytes_copy(out, der, (size_t)size) : -1;
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(data);
	EVP_PKEY_free(key);
	X509_free(certificate);
	return result;
}
