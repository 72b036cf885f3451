/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: a signature has one spelling: nothing can be added to it, left out or written differently. */
#include "ota/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/cms.h>
#include <openssl/pem.h>

#include "ota/reason.h"
#include "test/test-pki.h"

static const uint8_t content[] = "what is signed";

struct fixture {
	struct test_pki root;
	struct test_pki signer;
	struct test_pki stranger_root;
	struct test_pki stranger;
	struct ota_keyring *keyring;
	X509 *certificate;
	EVP_PKEY *key;
	X509 *stranger_certificate;
	EVP_PKEY *stranger_key;
};

static X509 *certificate_of(const struct test_pki *pki)
{
	BIO *bio = BIO_new_mem_buf(pki->certificate_pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	cr_assert_not_null(certificate);
	return certificate;
}

static EVP_PKEY *key_of(const struct test_pki *pki)
{
	BIO *bio = BIO_new_mem_buf(pki->key_pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	cr_assert_not_null(key);
	return key;
}

static void set_up(struct fixture *f, enum test_pki_key key)
{
	cr_assert_eq(test_pki_make_pair(key, &f->root, &f->signer), 0);
	const struct test_pki_spec root = {.name = "Another Root", .ca = true, .key_usage = "keyCertSign"};
	const struct test_pki_spec signer = {
	    .name = "Stranger", .key_usage = "digitalSignature", .extended_key_usage = "codeSigning", .serial = 77};
	cr_assert_eq(test_pki_make(&root, NULL, &f->stranger_root), 0);
	cr_assert_eq(test_pki_make(&signer, &f->stranger_root, &f->stranger), 0);
	cr_assert_eq(ota_keyring_new(f->root.certificate_pem, NULL, &f->keyring), 0);
	f->certificate = certificate_of(&f->signer);
	f->key = key_of(&f->signer);
	f->stranger_certificate = certificate_of(&f->stranger);
	f->stranger_key = key_of(&f->stranger);
}

static void tear_down(struct fixture *f)
{
	X509_free(f->certificate);
	X509_free(f->stranger_certificate);
	EVP_PKEY_free(f->key);
	EVP_PKEY_free(f->stranger_key);
	ota_keyring_free(f->keyring);
	test_pki_free(&f->root);
	test_pki_free(&f->signer);
	test_pki_free(&f->stranger_root);
	test_pki_free(&f->stranger);
}

/* How a signature is made, and what is done to it before it is printed. */
struct variant {
	const char *what;
	unsigned flags;         /* added to CMS_BINARY */
	const char *digest;     /* NULL: SHA256 */
	unsigned without_flags; /* removed */
	int (*change)(const struct fixture *f, CMS_ContentInfo *cms);
	int reason;
};

static uint8_t *make_signature(const struct fixture *f, const struct variant *v, size_t *size_bytes)
{
	const unsigned flags =
	    (CMS_BINARY | CMS_PARTIAL | CMS_DETACHED | CMS_NOSMIMECAP | v->flags) & ~v->without_flags;
	const EVP_MD *digest = EVP_get_digestbyname(v->digest ? v->digest : "SHA256");
	BIO *data = BIO_new_mem_buf(content, sizeof content);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	cr_assert(cms && CMS_add1_signer(cms, f->certificate, f->key, digest, flags));
	cr_assert_eq(CMS_final(cms, data, NULL, flags), 1);
	if (v->change)
		cr_assert_eq(v->change(f, cms), 1, "%s", v->what);
	uint8_t *der = NULL;
	int size = i2d_CMS_ContentInfo(cms, &der);
	cr_assert_gt(size, 0);
	*size_bytes = (size_t)size;
	CMS_ContentInfo_free(cms);
	BIO_free(data);
	return der;
}

static int verify_signature(const struct fixture *f, const uint8_t *der, size_t size_bytes, char *detail,
			    size_t detail_bytes)
{
	return ota_keyring_verify(f->keyring, content, sizeof content, der, size_bytes, TEST_PKI_NOW_S, detail,
				  detail_bytes);
}

static CMS_SignerInfo *first_signer(CMS_ContentInfo *cms)
{
	return sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
}

static int add_unsigned(const struct fixture *f, CMS_ContentInfo *cms)
{
	(void)f;
	return CMS_unsigned_add1_attr_by_NID(first_signer(cms), NID_pkcs9_unstructuredName, V_ASN1_UTF8STRING, "hello",
					     5);
}

static int add_certificate(const struct fixture *f, CMS_ContentInfo *cms)
{
	return CMS_add1_cert(cms, f->stranger_certificate);
}

static int add_crl(const struct fixture *f, CMS_ContentInfo *cms)
{
	char *pem = test_pki_crl(&f->root, NULL, 0);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	int ok = CMS_add1_crl(cms, crl);
	X509_CRL_free(crl);
	BIO_free(bio);
	free(pem);
	return ok;
}

/* A second signer over the same content, with a full set of signed attributes. */
static int add_signer(CMS_ContentInfo *cms, X509 *certificate, EVP_PKEY *key, unsigned extra)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_DETACHED | CMS_NOSMIMECAP | CMS_REUSE_DIGEST | extra;
	CMS_SignerInfo *signer = CMS_add1_signer(cms, certificate, key, EVP_sha256(), flags);
	return signer && CMS_SignerInfo_sign(signer);
}

static int add_stranger(const struct fixture *f, CMS_ContentInfo *cms)
{
	return add_signer(cms, f->stranger_certificate, f->stranger_key, 0);
}

/* The same signer again; its certificate is there already. */
static int add_again(const struct fixture *f, CMS_ContentInfo *cms)
{
	return add_signer(cms, f->certificate, f->key, CMS_NOCERTS);
}

Test(signature, only_the_plain_variant_verifies)
{
	static const struct variant variants[] = {
	    {.what = "plain"},
	    {.what = "capabilities", .without_flags = CMS_NOSMIMECAP},
	    {.what = "SHA-384", .digest = "SHA384"},
	    {.what = "SHA-512", .digest = "SHA512"},
	    {.what = "one signer twice", .change = add_again},
	    {.what = "SHA-1", .digest = "SHA1", .reason = OTA_WEAK_ALGORITHM},
	    {.what = "SHA-224", .digest = "SHA224", .reason = OTA_WEAK_ALGORITHM},
	    {.what = "no signed attributes", .flags = CMS_NOATTR, .reason = OTA_BAD_SIGNATURE},
	    {.what = "content inside", .without_flags = CMS_DETACHED, .reason = OTA_BAD_SIGNATURE},
	    {.what = "key identifier", .flags = CMS_USE_KEYID, .reason = OTA_BAD_SIGNATURE},
	    {.what = "no certificates", .flags = CMS_NOCERTS, .reason = OTA_BAD_SIGNATURE},
	    {.what = "unsigned attribute", .change = add_unsigned, .reason = OTA_BAD_SIGNATURE},
	    {.what = "foreign certificate", .change = add_certificate, .reason = OTA_BAD_SIGNATURE},
	    {.what = "revocation list", .change = add_crl, .reason = OTA_BAD_SIGNATURE},
	    {.what = "two signers, one a stranger", .change = add_stranger, .reason = OTA_UNTRUSTED},
	};
	for (int key = TEST_PKI_P256; key <= TEST_PKI_RSA_2048; key += TEST_PKI_RSA_2048 - TEST_PKI_P256) {
		struct fixture f;
		set_up(&f, (enum test_pki_key)key);
		for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
			char detail[200] = "";
			size_t size;
			uint8_t *der = make_signature(&f, &variants[i], &size);
			int result = verify_signature(&f, der, size, detail, sizeof detail);
			cr_assert_eq(result, variants[i].reason, "%s: %s: %s", variants[i].what,
				     ota_reason_name(result), detail);
			OPENSSL_free(der);
		}
		tear_down(&f);
	}
}

Test(signature, lengths_and_emptiness)
{
	struct fixture f;
	size_t size;
	const struct variant plain = {.what = "plain"};
	char detail[200];
	set_up(&f, TEST_PKI_P256);
	uint8_t *der = make_signature(&f, &plain, &size);
	uint8_t *longer = calloc(1, size + 1);
	memcpy(longer, der, size);
	cr_assert_eq(verify_signature(&f, longer, size, detail, sizeof detail), 0);
	cr_assert_eq(verify_signature(&f, longer, size + 1, detail, sizeof detail), OTA_BAD_SIGNATURE,
		     "a byte behind it");
	cr_assert_eq(verify_signature(&f, longer, 0, detail, sizeof detail), OTA_NO_SIGNATURE);
	for (size_t cut = 1; cut < size; cut++)
		cr_assert_eq(verify_signature(&f, longer, size - cut, detail, sizeof detail), OTA_BAD_SIGNATURE,
			     "%zu bytes", cut);
	memset(longer, 0, size);
	cr_assert_eq(verify_signature(&f, longer, size, detail, sizeof detail), OTA_BAD_SIGNATURE, "only zeros");
	/* Signed data without a signer: the shortest thing that looks like a signature. */
	static const uint8_t nobody[] = {0x30, 0x1d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
					 0x07, 0x02, 0xa0, 0x10, 0x30, 0x0e, 0x02, 0x01, 0x01, 0x31, 0x00,
					 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7};
	cr_assert_neq(verify_signature(&f, nobody, sizeof nobody, detail, sizeof detail), 0);
	/* A signature of something else. */
	cr_assert_eq(ota_keyring_verify(f.keyring, content, sizeof content - 1, der, size, TEST_PKI_NOW_S, NULL, 0),
		     OTA_BAD_SIGNATURE);
	free(longer);
	OPENSSL_free(der);
	tear_down(&f);
}

/* Every bit of a signature with an intermediate, its root, and two signers: the parts that the plain one lacks. */
Test(signature, no_bit_of_a_long_one_can_change, .timeout = 300)
{
	struct fixture f;
	size_t size;
	size_t tried = 0;
	char detail[200];
	const struct variant twice = {.what = "twice", .change = add_again};
	set_up(&f, TEST_PKI_P256);
	char *full = test_pki_join(f.signer.certificate_pem, f.root.certificate_pem);
	uint8_t *with_root;
	size_t with_root_bytes;
	cr_assert_eq(ota_keyring_sign(full, f.signer.key_pem, content, sizeof content, &with_root, &with_root_bytes,
				      detail, sizeof detail),
		     0);
	uint8_t *der = make_signature(&f, &twice, &size);
	for (int i = 0; i < 2; i++) {
		uint8_t *raw = i ? with_root : der;
		size_t raw_bytes = i ? with_root_bytes : size;
		cr_assert_eq(verify_signature(&f, raw, raw_bytes, detail, sizeof detail), 0, "%s", detail);
		for (size_t bit = 0; bit < raw_bytes * 8; bit++) {
			raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
			int result = verify_signature(&f, raw, raw_bytes, detail, sizeof detail);
			raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
			cr_assert(result >= OTA_NO_SIGNATURE && result <= OTA_WEAK_ALGORITHM,
				  "bit %zu of signature %d gave %s: %s", bit, i, ota_reason_name(result), detail);
			tried++;
		}
	}
	(void)fprintf(stderr, "%zu bits of two long signatures flipped, none verified\n", tried);
	OPENSSL_free(der);
	free(with_root);
	free(full);
	tear_down(&f);
}
