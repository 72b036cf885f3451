/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants: a signature counts only if a certificate for code signing made it, valid now, not revoked, strong
 * enough, and leading to the keyring; anything else is refused with its own reason. One signature has one spelling.
 */
#include "ota/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/cms.h>
#include <openssl/pem.h>

#include "ota/reason.h"
#include "test/test-pki.h"

static const uint8_t content[] = "what is signed";

static struct test_pki make_certificate(const struct test_pki_spec *spec, const struct test_pki *issuer)
{
	struct test_pki pki;
	cr_assert_eq(test_pki_make(spec, issuer, &pki), 0);
	return pki;
}

static struct ota_keyring *keyring_of(const char *roots_pem, const char *crl_pem)
{
	struct ota_keyring *keyring = NULL;
	cr_assert_eq(ota_keyring_new(roots_pem, crl_pem, &keyring), 0);
	return keyring;
}

/* Signs with the library and verifies at now_s. */
static int sign_and_verify(const struct ota_keyring *keyring, const char *certificate_pem, const char *key_pem,
			   int64_t now_s, char *detail, size_t detail_bytes)
{
	uint8_t *signature;
	size_t signature_bytes;
	cr_assert_eq(ota_keyring_sign(certificate_pem, key_pem, content, sizeof content, &signature, &signature_bytes,
				      detail, detail_bytes),
		     0, "%s", detail);
	int result = ota_keyring_verify(keyring, content, sizeof content, signature, signature_bytes, now_s, detail,
					detail_bytes);
	free(signature);
	return result;
}

#define CODE_SIGNING .key_usage = "critical,digitalSignature", .extended_key_usage = "critical,codeSigning", .serial = 9

Test(keyring, each_flaw_of_a_signer_has_its_reason, .timeout = 60)
{
	static const struct {
		struct test_pki_spec spec;
		int reason;
		const char *says;
	} rows[] = {
	    {{.name = "good", CODE_SIGNING}, 0, ""},
	    {{.name = "good P-384", .key = TEST_PKI_P384, CODE_SIGNING}, 0, ""},
	    {{.name = "good RSA", .key = TEST_PKI_RSA_2048, CODE_SIGNING}, 0, ""},
	    {{.name = "more usages",
	      .key_usage = "digitalSignature,nonRepudiation",
	      .extended_key_usage = "serverAuth,codeSigning"},
	     0,
	     ""},
	    {{.name = "wrong EKU", .key_usage = "digitalSignature", .extended_key_usage = "serverAuth"},
	     OTA_CERT_PURPOSE,
	     "codeSigning"},
	    {{.name = "e-mail EKU", .key_usage = "digitalSignature", .extended_key_usage = "emailProtection"},
	     OTA_CERT_PURPOSE,
	     "codeSigning"},
	    {{.name = "any EKU", .key_usage = "digitalSignature", .extended_key_usage = "anyExtendedKeyUsage"},
	     OTA_CERT_PURPOSE,
	     "codeSigning"},
	    {{.name = "no EKU", .key_usage = "digitalSignature"}, OTA_CERT_PURPOSE, "codeSigning"},
	    {{.name = "no KU", .extended_key_usage = "codeSigning"}, OTA_CERT_PURPOSE, "digitalSignature"},
	    {{.name = "wrong KU", .key_usage = "keyEncipherment", .extended_key_usage = "codeSigning"},
	     OTA_CERT_PURPOSE,
	     "digitalSignature"},
	    {{.name = "issuer's KU",
	      .key_usage = "keyCertSign,cRLSign",
	      .extended_key_usage = "codeSigning",
	      .ca = true},
	     OTA_CERT_PURPOSE,
	     "digitalSignature"},
	    {{.name = "neither", .ca = false}, OTA_CERT_PURPOSE, "codeSigning"},
	    {{.name = "RSA 1024", .key = TEST_PKI_RSA_1024, CODE_SIGNING}, OTA_WEAK_ALGORITHM, "2048"},
	    {{.name = "P-224", .key = TEST_PKI_P224, CODE_SIGNING}, OTA_WEAK_ALGORITHM, "256"},
	    {{.name = "SHA-1", .digest = "SHA1", CODE_SIGNING}, OTA_WEAK_ALGORITHM, "SHA-256"},
	    {{.name = "MD5", .digest = "MD5", CODE_SIGNING}, OTA_WEAK_ALGORITHM, "SHA-256"},
	    {{.name = "SHA-224", .digest = "SHA224", CODE_SIGNING}, OTA_WEAK_ALGORITHM, "SHA-256"},
	    {{.name = "SHA-512", .digest = "SHA512", CODE_SIGNING}, 0, ""},
	    {{.name = "expired", .not_after_s = TEST_PKI_NOW_S - 1, CODE_SIGNING}, OTA_CERT_EXPIRED, "expired"},
	    {{.name = "future", .not_before_s = TEST_PKI_NOW_S + 1, CODE_SIGNING}, OTA_CERT_NOT_YET_VALID, "future"},
	    {{.name = "just valid", .not_before_s = TEST_PKI_NOW_S, CODE_SIGNING}, 0, ""},
	    {{.name = "just still valid", .not_after_s = TEST_PKI_NOW_S + 1, CODE_SIGNING}, 0, ""},
	};
	/* Roots of both kinds: a self-signed root is trusted for its key, whatever it signed itself with. */
	static const struct test_pki_spec roots[] = {
	    {.name = "Root", .ca = true, .key_usage = "critical,keyCertSign,cRLSign"},
	    {.name = "Root",
	     .ca = true,
	     .key_usage = "critical,keyCertSign,cRLSign",
	     .key = TEST_PKI_RSA_2048,
	     .digest = "SHA1"}};
	for (size_t r = 0; r < sizeof roots / sizeof roots[0]; r++) {
		struct test_pki root = make_certificate(&roots[r], NULL);
		struct ota_keyring *keyring = keyring_of(root.certificate_pem, NULL);
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			char detail[200] = "";
			if (r == 0 && rows[i].spec.digest && strcmp(rows[i].spec.digest, "MD5") == 0)
				continue; /* ECDSA knows no MD5 */
			struct test_pki signer = make_certificate(&rows[i].spec, &root);
			int result = sign_and_verify(keyring, signer.certificate_pem, signer.key_pem, TEST_PKI_NOW_S,
						     detail, sizeof detail);
			cr_assert_eq(result, rows[i].reason, "%s: %s: %s", rows[i].spec.name, ota_reason_name(result),
				     detail);
			cr_assert_not_null(strstr(detail, rows[i].says), "%s: \"%s\"", rows[i].spec.name, detail);
			test_pki_free(&signer);
		}
		ota_keyring_free(keyring);
		test_pki_free(&root);
	}
}

Test(keyring, time_is_the_callers)
{
	struct test_pki root;
	struct test_pki signer;
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &root, &signer), 0);
	struct ota_keyring *keyring = keyring_of(root.certificate_pem, NULL);
	static const struct {
		int64_t now_s;
		int reason;
	} rows[] = {
	    {INT64_MIN, OTA_CERT_NOT_YET_VALID},
	    {-1, OTA_CERT_NOT_YET_VALID},
	    {0, OTA_CERT_NOT_YET_VALID},
	    {TEST_PKI_FROM_S - 1, OTA_CERT_NOT_YET_VALID},
	    {TEST_PKI_FROM_S, 0},
	    {INT64_C(2147483648), 0},
	    {TEST_PKI_TO_S - 1, 0},
	    {TEST_PKI_TO_S + 1, OTA_CERT_EXPIRED},
	    {INT64_C(4294967296), OTA_CERT_EXPIRED},
	    {INT64_MAX, OTA_CERT_EXPIRED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char detail[200] = "";
		int result = sign_and_verify(keyring, signer.certificate_pem, signer.key_pem, rows[i].now_s, detail,
					     sizeof detail);
		cr_assert_eq(result, rows[i].reason, "at %lld: %s", (long long)rows[i].now_s, detail);
	}
	ota_keyring_free(keyring);
	test_pki_free(&root);
	test_pki_free(&signer);
}

Test(keyring, nobody_else_is_trusted)
{
	struct test_pki root;
	struct test_pki signer;
	struct test_pki twin_root;
	struct test_pki twin_signer;
	char detail[200] = "";
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &root, &signer), 0);
	/* The same names, serial numbers and dates, another key. */
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &twin_root, &twin_signer), 0);
	const struct test_pki_spec alone_spec = {.name = "alone", CODE_SIGNING};
	const struct test_pki_spec leaf_spec = {.name = "below a signer", CODE_SIGNING};
	struct test_pki alone = make_certificate(&alone_spec, NULL);
	struct test_pki below = make_certificate(&leaf_spec, &signer);
	struct ota_keyring *keyring = keyring_of(root.certificate_pem, NULL);
	char *with_twin_root = test_pki_join(twin_signer.certificate_pem, twin_root.certificate_pem);
	char *below_chain = test_pki_join(below.certificate_pem, signer.certificate_pem);
	const struct {
		const char *what, *certificate_pem, *key_pem;
	} rows[] = {
	    {"look-alike authority", twin_signer.certificate_pem, twin_signer.key_pem},
	    {"look-alike that brings its root", with_twin_root, twin_signer.key_pem},
	    {"self-signed", alone.certificate_pem, alone.key_pem},
	    {"issued by one that may not issue", below_chain, below.key_pem},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int result = sign_and_verify(keyring, rows[i].certificate_pem, rows[i].key_pem, TEST_PKI_NOW_S, detail,
					     sizeof detail);
		cr_assert_eq(result, OTA_UNTRUSTED, "%s: %s: %s", rows[i].what, ota_reason_name(result), detail);
	}
	/* The look-alike's key under the real signer's certificate is not even made. */
	uint8_t *signature;
	size_t size;
	cr_assert_eq(ota_keyring_sign(signer.certificate_pem, twin_signer.key_pem, content, sizeof content, &signature,
				      &size, detail, sizeof detail),
		     OTA_BAD_CONFIG);
	/* A self-signed certificate that is itself in the keyring is its own root. */
	struct ota_keyring *pinned = keyring_of(alone.certificate_pem, NULL);
	cr_assert_eq(
	    sign_and_verify(pinned, alone.certificate_pem, alone.key_pem, TEST_PKI_NOW_S, detail, sizeof detail), 0,
	    "%s", detail);
	ota_keyring_free(pinned);
	ota_keyring_free(keyring);
	free(with_twin_root);
	free(below_chain);
	test_pki_free(&alone);
	test_pki_free(&below);
	test_pki_free(&root);
	test_pki_free(&signer);
	test_pki_free(&twin_root);
	test_pki_free(&twin_signer);
}

Test(keyring, intermediates_come_with_the_signature, .timeout = 60)
{
	const struct test_pki_spec root_spec = {.name = "Root", .ca = true, .key_usage = "keyCertSign,cRLSign"};
	const struct test_pki_spec leaf_spec = {.name = "Leaf", CODE_SIGNING};
	static const struct {
		struct test_pki_spec spec;
		int reason;
	} rows[] = {
	    {{.name = "plain", .ca = true, .key_usage = "keyCertSign,cRLSign", .serial = 3}, 0},
	    {{.name = "for code", .ca = true, .key_usage = "keyCertSign", .extended_key_usage = "codeSigning"}, 0},
	    {{.name = "for any", .ca = true, .key_usage = "keyCertSign", .extended_key_usage = "anyExtendedKeyUsage"},
	     0},
	    {{.name = "for servers", .ca = true, .key_usage = "keyCertSign", .extended_key_usage = "serverAuth"},
	     OTA_CERT_PURPOSE},
	    {{.name = "no CA", .key_usage = "keyCertSign"}, OTA_UNTRUSTED},
	    {{.name = "may not sign", .ca = true, .key_usage = "digitalSignature"}, OTA_UNTRUSTED},
	    {{.name = "expired", .ca = true, .key_usage = "keyCertSign", .not_after_s = TEST_PKI_NOW_S - 1},
	     OTA_CERT_EXPIRED},
	    {{.name = "weak", .ca = true, .key_usage = "keyCertSign", .key = TEST_PKI_RSA_1024}, OTA_WEAK_ALGORITHM},
	    {{.name = "weakly signed", .ca = true, .key_usage = "keyCertSign", .digest = "SHA1"}, OTA_WEAK_ALGORITHM},
	};
	struct test_pki root = make_certificate(&root_spec, NULL);
	struct ota_keyring *keyring = keyring_of(root.certificate_pem, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char detail[200] = "";
		struct test_pki middle = make_certificate(&rows[i].spec, &root);
		struct test_pki leaf = make_certificate(&leaf_spec, &middle);
		char *chain = test_pki_join(leaf.certificate_pem, middle.certificate_pem);
		char *full = test_pki_join(chain, root.certificate_pem);
		int result = sign_and_verify(keyring, chain, leaf.key_pem, TEST_PKI_NOW_S, detail, sizeof detail);
		cr_assert_eq(result, rows[i].reason, "%s: %s: %s", rows[i].spec.name, ota_reason_name(result), detail);
		result = sign_and_verify(keyring, full, leaf.key_pem, TEST_PKI_NOW_S, detail, sizeof detail);
		cr_assert_eq(result, rows[i].reason, "%s with root: %s", rows[i].spec.name, detail);
		result =
		    sign_and_verify(keyring, leaf.certificate_pem, leaf.key_pem, TEST_PKI_NOW_S, detail, sizeof detail);
		cr_assert_eq(result, OTA_UNTRUSTED, "%s left out: %s", rows[i].spec.name, detail);
		free(full);
		free(chain);
		test_pki_free(&leaf);
		test_pki_free(&middle);
	}
	ota_keyring_free(keyring);
	test_pki_free(&root);
}

Test(keyring, revoked_is_revoked_and_a_missing_list_is_no_pass)
{
	const struct test_pki_spec root_spec = {.name = "Root", .ca = true, .key_usage = "keyCertSign,cRLSign"};
	const struct test_pki_spec middle_spec = {
	    .name = "Middle", .ca = true, .key_usage = "keyCertSign,cRLSign", .serial = 3};
	const struct test_pki_spec leaf_spec = {.name = "Leaf", CODE_SIGNING};
	struct test_pki root = make_certificate(&root_spec, NULL);
	struct test_pki middle = make_certificate(&middle_spec, &root);
	struct test_pki leaf = make_certificate(&leaf_spec, &middle);
	struct test_pki direct = make_certificate(&leaf_spec, &root);
	struct test_pki twin = make_certificate(&root_spec, NULL);
	char *chain = test_pki_join(leaf.certificate_pem, middle.certificate_pem);
	const uint32_t leaf_serial[] = {4, 9};
	const uint32_t middle_serial[] = {3};
	char *root_none = test_pki_crl(&root, NULL, 0);
	char *root_leaf = test_pki_crl(&root, leaf_serial, 2);
	char *root_middle = test_pki_crl(&root, middle_serial, 1);
	char *middle_none = test_pki_crl(&middle, NULL, 0);
	char *middle_leaf = test_pki_crl(&middle, leaf_serial, 2);
	char *twin_none = test_pki_crl(&twin, NULL, 0);
	char *all_none = test_pki_join(root_none, middle_none);
	char *all_leaf = test_pki_join(root_none, middle_leaf);
	char *all_middle = test_pki_join(root_middle, middle_none);
	const struct {
		const char *what, *crl, *certificate_pem, *key_pem;
		int64_t now_s;
		int reason;
	} rows[] = {
	    {"nothing revoked", root_none, direct.certificate_pem, direct.key_pem, TEST_PKI_NOW_S, 0},
	    {"signer revoked", root_leaf, direct.certificate_pem, direct.key_pem, TEST_PKI_NOW_S, OTA_CERT_REVOKED},
	    {"another revoked", root_middle, direct.certificate_pem, direct.key_pem, TEST_PKI_NOW_S, 0},
	    {"nothing revoked below", all_none, chain, leaf.key_pem, TEST_PKI_NOW_S, 0},
	    {"signer below revoked", all_leaf, chain, leaf.key_pem, TEST_PKI_NOW_S, OTA_CERT_REVOKED},
	    {"issuer revoked", all_middle, chain, leaf.key_pem, TEST_PKI_NOW_S, OTA_CERT_REVOKED},
	    {"issuer's list missing", root_none, chain, leaf.key_pem, TEST_PKI_NOW_S, OTA_UNTRUSTED},
	    {"root's list missing", middle_none, chain, leaf.key_pem, TEST_PKI_NOW_S, OTA_UNTRUSTED},
	    {"forged list", twin_none, direct.certificate_pem, direct.key_pem, TEST_PKI_NOW_S, OTA_UNTRUSTED},
	    {"list too old", root_none, direct.certificate_pem, direct.key_pem, TEST_PKI_TO_S + 1, OTA_CERT_EXPIRED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char detail[200] = "";
		struct ota_keyring *keyring = keyring_of(root.certificate_pem, rows[i].crl);
		int result = sign_and_verify(keyring, rows[i].certificate_pem, rows[i].key_pem, rows[i].now_s, detail,
					     sizeof detail);
		cr_assert_eq(result, rows[i].reason, "%s: %s: %s", rows[i].what, ota_reason_name(result), detail);
		ota_keyring_free(keyring);
	}
	char *texts[] = {chain,       root_none, root_leaf, root_middle, middle_none,
			 middle_leaf, twin_none, all_none,  all_leaf,    all_middle};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		free(texts[i]);
	struct test_pki *all[] = {&root, &middle, &leaf, &direct, &twin};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		test_pki_free(all[i]);
}

Test(keyring, what_cannot_be_a_keyring_is_bad_config)
{
	struct test_pki root;
	struct test_pki signer;
	struct ota_keyring *keyring;
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &root, &signer), 0);
	char *broken = test_pki_join(root.certificate_pem, root.certificate_pem);
	char *two = test_pki_join(root.certificate_pem, signer.certificate_pem);
	broken[strlen(broken) / 2 + 100] = '!';
	cr_assert_eq(ota_keyring_new("", NULL, &keyring), OTA_BAD_CONFIG);
	cr_assert_null(keyring);
	cr_assert_eq(ota_keyring_new("nothing", NULL, &keyring), OTA_BAD_CONFIG);
	cr_assert_eq(ota_keyring_new(root.key_pem, NULL, &keyring), OTA_BAD_CONFIG);
	cr_assert_eq(ota_keyring_new(broken, NULL, &keyring), OTA_BAD_CONFIG, "the second certificate is damaged");
	cr_assert_eq(ota_keyring_new(root.certificate_pem, "", &keyring), OTA_BAD_CONFIG);
	cr_assert_eq(ota_keyring_new(root.certificate_pem, root.certificate_pem, &keyring), OTA_BAD_CONFIG);
	cr_assert_eq(ota_keyring_load("/nonexistent/roots.pem", NULL, &keyring), -ENOENT);
	cr_assert_null(keyring);
	cr_assert_eq(ota_keyring_load("/dev/zero", NULL, &keyring), OTA_BAD_CONFIG, "without end");
	cr_assert_eq(ota_keyring_new(two, NULL, &keyring), 0);
	ota_keyring_free(keyring);
	ota_keyring_free(NULL);
	free(broken);
	free(two);
	test_pki_free(&root);
	test_pki_free(&signer);
}
