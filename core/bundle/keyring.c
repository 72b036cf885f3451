/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies a detached CMS signature against the keyring: trusted roots, revocations and the rules of signature.h. */
#include "ota/keyring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "bundle/signature.h"
#include "ota/reason.h"

#define KEYRING_MAX_BYTES   ((size_t)1024 * 1024)
#define KEYRING_MAX_ENTRIES 256
#define CHAIN_MAX_DEPTH     8
#define DIGEST_MAX_BYTES    64
#define PROBE_BYTES         ((size_t)64 * 1024)
#define TIME_MAX_S          INT64_C(253402300799) /* the end of 9999, the last date a certificate can name */

struct ota_keyring {
	X509_STORE *store;
	EVP_MD *digest[OTA_DIGEST_COUNT]; /* fetched once: a fetch costs more than hashing a small head */
};

/* What one verification holds on to. */
struct verification {
	const struct ota_keyring *keyring;
	const struct ota_signature_shape *shape;
	CMS_ContentInfo *cms;
	STACK_OF(X509) * certificates;
	unsigned used; /* bit i: certificate i is part of a signer's chain */
	uint8_t content[OTA_DIGEST_COUNT][DIGEST_MAX_BYTES];
	int64_t now_s;
	char *detail;
	size_t detail_bytes;
};

/* OpenSSL says "no memory" in its queue only. */
static int reason_or_no_memory(int reason)
{
	unsigned long error;
	while ((error = ERR_get_error())) {
		if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
			reason = -ENOMEM;
	}
	return reason;
}

/* The end of a PEM file is an error to OpenSSL; anything else that stopped the reading is one to us. */
static int pem_end(int entries)
{
	unsigned long error = ERR_peek_last_error();
	bool end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
	int result = reason_or_no_memory(end && entries > 0 && entries < KEYRING_MAX_ENTRIES ? 0 : OTA_BAD_CONFIG);
	return result;
}

static int add_roots(X509_STORE *store, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	if (!bio)
		return reason_or_no_memory(OTA_BAD_CONFIG);
	int entries = 0;
	bool added = true;
	X509 *certificate;
	while (added && entries < KEYRING_MAX_ENTRIES && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		added = X509_STORE_add_cert(store, certificate) == 1;
		X509_free(certificate);
		entries++;
	}
	BIO_free(bio);
	return added ? pem_end(entries) : reason_or_no_memory(OTA_BAD_CONFIG);
}

static int add_crls(X509_STORE *store, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	if (!bio)
		return reason_or_no_memory(OTA_BAD_CONFIG);
	int entries = 0;
	bool added = true;
	X509_CRL *crl;
	while (added && entries < KEYRING_MAX_ENTRIES && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		added = X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
		entries++;
	}
	BIO_free(bio);
	/* Every certificate below the root needs its issuer's list: a missing list must not mean "not revoked". */
	if (added && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
		added = false;
	return added ? pem_end(entries) : reason_or_no_memory(OTA_BAD_CONFIG);
}

int ota_keyring_new(const char *roots_pem, const char *crl_pem, struct ota_keyring **out)
{
	static const char *const names[OTA_DIGEST_COUNT] = {"SHA2-256", "SHA2-384", "SHA2-512"};
	struct ota_keyring *keyring = calloc(1, sizeof *keyring);
	int result = -ENOMEM;
	if (!keyring)
		return result;
	ERR_clear_error();
	keyring->store = X509_STORE_new();
	if (!keyring->store)
		goto out;
	X509_STORE_set_depth(keyring->store, CHAIN_MAX_DEPTH);
	for (size_t i = 0; i < OTA_DIGEST_COUNT; i++) {
		keyring->digest[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (!keyring->digest[i]) {
			result = reason_or_no_memory(OTA_BAD_CONFIG);
			goto out;
		}
	}
	result = add_roots(keyring->store, roots_pem);
	if (!result && crl_pem)
		result = add_crls(keyring->store, crl_pem);
out:
	ERR_clear_error();
	if (result) {
		ota_keyring_free(keyring);
		keyring = NULL;
	}
	*out = keyring;
	return result;
}

void ota_keyring_free(struct ota_keyring *keyring)
{
	if (!keyring)
		return;
	for (size_t i = 0; i < OTA_DIGEST_COUNT; i++)
		EVP_MD_free(keyring->digest[i]);
	X509_STORE_free(keyring->store);
	free(keyring);
}

/* A whole text file; *out: free(). 0, -errno, OTA_BAD_CONFIG (too large or with zero bytes in it). */
static int read_text(const char *path, char **out)
{
	int result = 0;
	char *text = NULL;
	size_t size = 0;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	text = malloc(KEYRING_MAX_BYTES + 1);
	if (!text) {
		result = -ENOMEM;
		goto out;
	}
	while (n > 0 && size <= KEYRING_MAX_BYTES) {
		n = read(fd, text + size, KEYRING_MAX_BYTES + 1 - size);
		if (n < 0) {
			result = -errno;
			goto out;
		}
		size += (size_t)n;
	}
	if (size > KEYRING_MAX_BYTES || memchr(text, '\0', size)) {
		result = OTA_BAD_CONFIG;
		goto out;
	}
	text[size] = '\0';
	*out = text;
	text = NULL;
out:
	free(text);
	(void)close(fd);
	return result;
}

int ota_keyring_load(const char *roots_path, const char *crl_path, struct ota_keyring **out)
{
	char *roots_pem = NULL;
	char *crl_pem = NULL;
	*out = NULL;
	int result = read_text(roots_path, &roots_pem);
	if (!result && crl_path)
		result = read_text(crl_path, &crl_pem);
	if (!result)
		result = ota_keyring_new(roots_pem, crl_pem, out);
	free(roots_pem);
	free(crl_pem);
	return result;
}

static int hash_content(struct verification *v, const struct ota_span *spans, size_t count)
{
	unsigned wanted = 1u << OTA_SHA256;
	for (unsigned i = 0; i < v->shape->signers; i++)
		wanted |= 1u << v->shape->signer[i].digest;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context != NULL;
	for (unsigned d = 0; ok && d < OTA_DIGEST_COUNT; d++) {
		if (!(wanted & 1u << d))
			continue;
		ok = EVP_DigestInit_ex2(context, v->keyring->digest[d], NULL) == 1;
		for (size_t i = 0; ok && i < count; i++)
			ok = EVP_DigestUpdate(context, spans[i].data, spans[i].size_bytes) == 1;
		ok = ok && EVP_DigestFinal_ex(context, v->content[d], NULL) == 1;
	}
	EVP_MD_CTX_free(context);
	return ok ? 0 : -ENOMEM;
}

/* OpenSSL ignores case and spaces when it compares names. The name of the signer must be the same bytes. */
static bool same_name(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *a_der;
	const unsigned char *b_der;
	size_t a_bytes;
	size_t b_bytes;
	return X509_NAME_get0_der(a, &a_der, &a_bytes) == 1 && X509_NAME_get0_der(b, &b_der, &b_bytes) == 1 &&
	       a_bytes == b_bytes && memcmp(a_der, b_der, a_bytes) == 0;
}

static X509 *find_certificate(const struct verification *v, CMS_SignerInfo *signer)
{
	X509_NAME *issuer = NULL;
	ASN1_INTEGER *serial = NULL;
	if (CMS_SignerInfo_get0_signer_id(signer, NULL, &issuer, &serial) != 1 || !issuer || !serial)
		return NULL;
	for (int i = 0; i < sk_X509_num(v->certificates); i++) {
		X509 *certificate = sk_X509_value(v->certificates, i);
		if (same_name(issuer, X509_get_issuer_name(certificate)) &&
		    ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0)
			return certificate;
	}
	return NULL;
}

static void mark_used(struct verification *v, const STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(v->certificates); i++) {
		for (int j = 0; j < sk_X509_num(chain); j++) {
			if (X509_cmp(sk_X509_value(v->certificates, i), sk_X509_value(chain, j)) == 0)
				v->used |= 1u << i;
		}
	}
}

static int verify_chain(struct verification *v, X509 *leaf)
{
	int result = -ENOMEM;
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	if (!context || X509_STORE_CTX_init(context, v->keyring->store, leaf, v->certificates) != 1)
		goto out;
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), (time_t)v->now_s);
	if (X509_verify_cert(context) != 1) {
		int error = X509_STORE_CTX_get_error(context);
		X509 *current = X509_STORE_CTX_get_current_cert(context);
		char name[96];
		result = reason_or_no_memory(ota_chain_reason(error));
		if (result == 0)
			result = OTA_UNTRUSTED;
		ota_certificate_name(current ? current : leaf, name, sizeof name);
		(void)ota_detail_write(v->detail, v->detail_bytes, result, "certificate \"%s\": %s", name,
				       X509_verify_cert_error_string(error));
		goto out;
	}
	result = ota_chain_check(X509_STORE_CTX_get0_chain(context), v->detail, v->detail_bytes);
	if (!result)
		mark_used(v, X509_STORE_CTX_get0_chain(context));
out:
	X509_STORE_CTX_free(context);
	return result;
}

static int refuse_signature(const struct verification *v, const char *what)
{
	return ota_detail_write(v->detail, v->detail_bytes, reason_or_no_memory(OTA_BAD_SIGNATURE), "signature: %s",
				what);
}

/* The signed attributes must name the content: its type and its digest, once each. */
static int verify_attributes(const struct verification *v, CMS_SignerInfo *signer, enum ota_digest digest)
{
	const ASN1_OBJECT *type =
	    CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	const ASN1_OCTET_STRING *value =
	    CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING);
	if (!type || OBJ_obj2nid(type) != NID_pkcs7_data || !value)
		return refuse_signature(v, "its signed attributes lack content type or digest");
	int size = EVP_MD_get_size(v->keyring->digest[digest]);
	if (ASN1_STRING_length(value) != size ||
	    memcmp(ASN1_STRING_get0_data(value), v->content[digest], (size_t)size) != 0)
		return refuse_signature(v, "does not match what it signs");
	return 0;
}

static int verify_signer(struct verification *v, CMS_SignerInfo *signer, unsigned index)
{
	X509 *leaf = find_certificate(v, signer);
	if (!leaf)
		return refuse_signature(v, "a signer's certificate is missing");
	int result = verify_chain(v, leaf);
	if (result)
		return result;
	bool rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(leaf)) == EVP_PKEY_RSA;
	if (rsa != v->shape->signer[index].rsa)
		return refuse_signature(v, "its algorithm is not that of the signer's key");
	result = verify_attributes(v, signer, v->shape->signer[index].digest);
	if (result)
		return result;
	CMS_SignerInfo_set1_signer_cert(signer, leaf);
	if (CMS_SignerInfo_verify(signer) != 1)
		return refuse_signature(v, "was not made by the signer's key");
	return 0;
}

/* Parsing and printing again must give the same bytes: what the parser normalised was not canonical. */
static int check_canonical(const struct verification *v, struct ota_span der)
{
	unsigned char *again = NULL;
	int size = i2d_CMS_ContentInfo(v->cms, &again);
	bool same = size > 0 && (size_t)size == der.size_bytes && memcmp(again, der.data, der.size_bytes) == 0;
	OPENSSL_free(again);
	return same ? 0 : refuse_signature(v, "not in canonical DER");
}

static int verify_cms(struct verification *v, struct ota_span der)
{
	const unsigned char *at = der.data;
	v->cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.size_bytes);
	if (!v->cms || at != der.data + der.size_bytes)
		return refuse_signature(v, "malformed CMS");
	int result = check_canonical(v, der);
	if (result)
		return result;
	v->certificates = CMS_get1_certs(v->cms);
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(v->cms);
	if (sk_X509_num(v->certificates) != (int)v->shape->certificates ||
	    sk_CMS_SignerInfo_num(signers) != (int)v->shape->signers)
		return refuse_signature(v, "malformed CMS");
	for (unsigned i = 0; !result && i < v->shape->signers; i++)
		result = verify_signer(v, sk_CMS_SignerInfo_value(signers, (int)i), i);
	if (!result && v->used != (1u << v->shape->certificates) - 1)
		result = refuse_signature(v, "it carries certificates that belong to no signer");
	return result;
}

static int verify_once(const struct ota_keyring *keyring, const struct ota_signature_shape *shape,
		       const struct ota_span *spans, size_t count, struct ota_span signature, int64_t now_s,
		       uint8_t *digest, char *detail, size_t detail_bytes)
{
	struct verification v = {
	    .keyring = keyring, .shape = shape, .now_s = now_s, .detail = detail, .detail_bytes = detail_bytes};
	ERR_clear_error();
	int result = hash_content(&v, spans, count);
	if (!result)
		result = verify_cms(&v, signature);
	if (!result && digest)
		memcpy(digest, v.content[OTA_SHA256], 32);
	sk_X509_pop_free(v.certificates, X509_free);
	CMS_ContentInfo_free(v.cms);
	ERR_clear_error();
	return result;
}

static bool memory_is_short(void)
{
	void *probe = OPENSSL_malloc(PROBE_BYTES);
	bool is_short = probe == NULL;
	OPENSSL_free(probe);
	ERR_clear_error();
	return is_short;
}

int ota_keyring_verify_spans(const struct ota_keyring *keyring, const struct ota_span *spans, size_t count,
			     struct ota_span signature, int64_t now_s, uint8_t *digest, char *detail,
			     size_t detail_bytes)
{
	assert(count > 0 && signature.data);
	struct ota_signature_shape shape;
	int result = ota_signature_shape(signature, &shape, detail, detail_bytes);
	if (result)
		return result;
	/* A clock outside the calendar is the earliest or latest date, not a malformed certificate. */
	if (now_s < 0 || now_s > TIME_MAX_S)
		now_s = now_s < 0 ? 0 : TIME_MAX_S;
	result = verify_once(keyring, &shape, spans, count, signature, now_s, digest, detail, detail_bytes);
	if (result <= 0)
		return result;
	/*
	 * OpenSSL may report a failed allocation as a signature that does not match. So a refusal counts only if it comes again while memory can be had.
	 */
	if (memory_is_short())
		return ota_detail_write(detail, detail_bytes, -ENOMEM, "signature: memory ran out");
	return verify_once(keyring, &shape, spans, count, signature, now_s, digest, detail, detail_bytes);
}

int ota_keyring_verify(const struct ota_keyring *keyring, const uint8_t *data, size_t size_bytes,
		       const uint8_t *signature, size_t signature_bytes, int64_t now_s, char *detail,
		       size_t detail_bytes)
{
	const struct ota_span span = {data, size_bytes};
	return ota_keyring_verify_spans(keyring, &span, 1, (struct ota_span){signature, signature_bytes}, now_s, NULL,
					detail, detail_bytes);
}
