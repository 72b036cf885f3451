/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures: made by signers of every kind but the right one, made in another way, or damaged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "corrupt/bundle-edit.h"
#include "corrupt/signer-zoo.h"

#define CODE "critical,codeSigning"
#define SIGN "critical,digitalSignature"
#define CA   .ca = true, .key_usage = "critical,keyCertSign,cRLSign"

static int with_signature(const struct yp_forge *forge, struct bytes *signature, int r, struct offer *offer)
{
	struct yp_parts parts;
	if (r == 0)
		r = yp_parts_init(forge, &parts);
	if (r == 0) {
		r = yp_forge_assemble(&parts.manifest, &parts.index, signature, &parts.payload, &offer->raw);
		yp_parts_deinit(&parts);
	}
	bytes_free(signature);
	return r ? r : 0;
}

static int signed_content(const struct yp_forge *forge, struct bytes *out)
{
	struct yp_parts parts;
	int r = yp_parts_init(forge, &parts);
	if (r)
		return r;
	r = yp_forge_signed_bytes(&parts.manifest, &parts.index, out);
	yp_parts_deinit(&parts);
	return r;
}

/* By certificate_pem (leaf, then intermediates), the ordinary way. */
static int signed_by(const struct yp_forge *forge, const char *certificate_pem, const char *key_pem,
		     struct offer *offer)
{
	char detail[160];
	struct bytes content;
	struct bytes signature = {0};
	int r = signed_content(forge, &content);
	if (r)
		return r;
	r = ota_keyring_sign(certificate_pem, key_pem, content.data, content.size, &signature.data, &signature.size,
			     detail, sizeof detail);
	bytes_free(&content);
	return with_signature(forge, &signature, r, offer);
}

/* Leaves: one spec a row, issued by the forge's root. */
static const struct test_pki_spec leaves[] = {
    {.name = "Server", .key_usage = SIGN, .extended_key_usage = "serverAuth"},
    {.name = "Mail", .key_usage = SIGN, .extended_key_usage = "emailProtection"},
    {.name = "Any", .key_usage = SIGN, .extended_key_usage = "anyExtendedKeyUsage"},
    {.name = "None", .key_usage = SIGN},
    {.name = "No usage", .extended_key_usage = CODE},
    {.name = "Encipherment", .key_usage = "critical,keyEncipherment", .extended_key_usage = CODE},
    {.name = "Expired", .key_usage = SIGN, .extended_key_usage = CODE, .not_after_s = YP_FORGE_NOW_S - 1},
    {.name = "Future", .key_usage = SIGN, .extended_key_usage = CODE, .not_before_s = YP_FORGE_NOW_S + 1},
    {.name = "RSA 1024", .key = TEST_PKI_RSA_1024, .key_usage = SIGN, .extended_key_usage = CODE},
    {.name = "P-224", .key = TEST_PKI_P224, .key_usage = SIGN, .extended_key_usage = CODE},
    {.name = "SHA-1", .key_usage = SIGN, .extended_key_usage = CODE, .digest = "SHA1"},
    {.name = "MD5", .key_usage = SIGN, .extended_key_usage = CODE, .digest = "MD5"},
    {.name = "P-384", .key = TEST_PKI_P384, .key_usage = SIGN, .extended_key_usage = CODE},
};
enum leaf {
	LEAF_SERVER,
	LEAF_MAIL,
	LEAF_ANY,
	LEAF_NO_EKU,
	LEAF_NO_KU,
	LEAF_WRONG_KU,
	LEAF_EXPIRED,
	LEAF_FUTURE,
	LEAF_RSA_1024,
	LEAF_P224,
	LEAF_SHA1,
	LEAF_MD5,
	LEAF_P384
};

static int build_leaf(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct test_pki pki;
	if (test_pki_make(&leaves[row->n], &forge->root, &pki))
		return -EPROTO;
	int r = signed_by(forge, pki.certificate_pem, pki.key_pem, offer);
	test_pki_free(&pki);
	return r;
}

/* Chains: root, intermediate, leaf; what is wrong with one of them. */
enum chain {
	CHAIN_GOOD,
	CHAIN_MISSING,
	CHAIN_NO_CA,
	CHAIN_NO_CERT_SIGN,
	CHAIN_EXPIRED,
	CHAIN_SERVERS,
	CHAIN_WEAK,
	CHAIN_PATH_LENGTH,
	CHAIN_ROOT_EXPIRED,
	CHAIN_LEAF_AS_CA
};

static struct test_pki_spec middle_spec(enum chain chain)
{
	struct test_pki_spec spec = {.name = "Intermediate", CA, .serial = 3};
	if (chain == CHAIN_NO_CA)
		spec.ca = false;
	if (chain == CHAIN_NO_CERT_SIGN)
		spec.key_usage = "critical,digitalSignature";
	if (chain == CHAIN_EXPIRED)
		spec.not_after_s = YP_FORGE_NOW_S - 1;
	if (chain == CHAIN_SERVERS)
		spec.extended_key_usage = "serverAuth";
	if (chain == CHAIN_WEAK)
		spec.key = TEST_PKI_RSA_1024;
	return spec;
}

static int chain_make(const struct yp_forge *forge, enum chain chain, struct test_pki pki[3], struct offer *offer)
{
	const struct test_pki_spec root = {
	    .name = "Chain Root", CA, .not_after_s = chain == CHAIN_ROOT_EXPIRED ? YP_FORGE_NOW_S - 1 : 0};
	const struct test_pki_spec middle = middle_spec(chain);
	const struct test_pki_spec last = {
	    .name = "Chain Signer", .key_usage = SIGN, .extended_key_usage = CODE, .serial = 4};
	if (test_pki_make(&root, NULL, &pki[0]))
		return -EPROTO;
	if (chain == CHAIN_PATH_LENGTH &&
	    yp_signer_extend(&pki[0], &pki[0], NID_basic_constraints, "critical,CA:TRUE,pathlen:0"))
		return -EPROTO;
	if (test_pki_make(&middle, &pki[0], &pki[1]) || test_pki_make(&last, &pki[1], &pki[2]))
		return -EPROTO;
	if (chain == CHAIN_LEAF_AS_CA) { /* the forge's signer, trusted for code, issues for another */
		test_pki_free(&pki[2]);
		return test_pki_make(&last, &forge->signer, &pki[2]) ? -EPROTO : 0;
	}
	return ota_keyring_new(pki[0].certificate_pem, NULL, &offer->keyring);
}

static int build_chained(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	struct test_pki pki[3] = {{0}};
	enum chain chain = (enum chain)row->n;
	int r = chain_make(forge, chain, pki, offer);
	const char *issuer = chain == CHAIN_LEAF_AS_CA ? forge->signer.certificate_pem : pki[1].certificate_pem;
	char *both = r == 0 ? test_pki_join(pki[2].certificate_pem, chain == CHAIN_MISSING ? "" : issuer) : NULL;
	if (r == 0)
		r = both ? signed_by(forge, both, pki[2].key_pem, offer) : -ENOMEM;
	free(both);
	for (unsigned i = 0; i < 3; i++)
		test_pki_free(&pki[i]);
	return r;
}

/* Roots: whom the device trusts, and who signed. */
enum trust {
	TRUST_SELF_SIGNED,
	TRUST_LOOK_ALIKE,
	TRUST_LOOK_ALIKE_ROOT,
	TRUST_DEVELOPMENT,
	TRUST_OLD_KEY,
	TRUST_NEW_KEY,
	TRUST_ROTATION_BOTH,
	TRUST_REVOKED,
	TRUST_CRL_MISSING,
	TRUST_CRL_EXPIRED,
	TRUST_CRL_FORGED,
	TRUST_CRL_GOOD
};

/* The device trusts the forge's root with this list of revoked certificates. */
static int with_crl(const struct yp_forge *forge, enum trust trust, const struct test_pki *other, struct offer *offer)
{
	const struct test_pki *issuer = trust == TRUST_CRL_FORGED || trust == TRUST_CRL_MISSING ? other : &forge->root;
	uint32_t serial = trust == TRUST_REVOKED ? forge->signer.serial : 0;
	char *crl = yp_signer_crl(issuer, serial, trust == TRUST_CRL_EXPIRED ? YP_FORGE_NOW_S - 1 : TEST_PKI_TO_S);
	int r = crl ? ota_keyring_new(forge->root.certificate_pem, crl, &offer->keyring) : -EPROTO;
	free(crl);
	offer->changed = true;
	return r ? r : signed_by(forge, forge->signer.certificate_pem, forge->signer.key_pem, offer);
}

static int with_roots(const struct yp_forge *forge, enum trust trust, const struct test_pki *root,
		      const struct test_pki *signer, struct offer *offer)
{
	char *both =
	    test_pki_join(trust == TRUST_LOOK_ALIKE_ROOT ? signer->certificate_pem : forge->root.certificate_pem,
			  root->certificate_pem);
	int r = both ? 0 : -ENOMEM;
	if (r == 0 && trust == TRUST_LOOK_ALIKE_ROOT)
		r = signed_by(forge, both, signer->key_pem, offer);
	else if (r == 0 && trust == TRUST_OLD_KEY) { /* signed by the forge's signer, the device trusts the new root */
		r = ota_keyring_new(root->certificate_pem, NULL, &offer->keyring);
		if (r == 0)
			r = signed_by(forge, forge->signer.certificate_pem, forge->signer.key_pem, offer);
		offer->changed = true;
	} else if (r == 0) {
		if (trust == TRUST_ROTATION_BOTH)
			r = ota_keyring_new(both, NULL, &offer->keyring);
		if (r == 0)
			r = signed_by(forge, signer->certificate_pem, signer->key_pem, offer);
	}
	free(both);
	return r;
}

static int build_trusted(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	enum trust trust = (enum trust)row->n;
	const struct test_pki_spec alone = {.name = "Alone", .key_usage = SIGN, .extended_key_usage = CODE};
	struct test_pki root = {0};
	struct test_pki signer = {0};
	int r;
	/* The same names, serials and dates as the forge's: a look-alike in all but the key. */
	if (test_pki_make_pair(TEST_PKI_RSA_2048, &root, &signer))
		return -EPROTO;
	if (trust == TRUST_SELF_SIGNED) {
		test_pki_free(&signer);
		r = test_pki_make(&alone, NULL, &signer) ? -EPROTO : 0;
		if (r == 0)
			r = signed_by(forge, signer.certificate_pem, signer.key_pem, offer);
	} else if (trust >= TRUST_REVOKED) {
		r = with_crl(forge, trust, &root, offer);
	} else {
		r = with_roots(forge, trust, &root, &signer, offer);
	}
	test_pki_free(&root);
	test_pki_free(&signer);
	return r;
}

static int add_stranger(CMS_ContentInfo *cms, const void *ctx)
{
	const struct test_pki *pki = ctx;
	X509 *certificate = yp_signer_certificate(pki->certificate_pem);
	EVP_PKEY *key = yp_signer_key(pki->key_pem);
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_DETACHED | CMS_NOSMIMECAP | CMS_REUSE_DIGEST;
	CMS_SignerInfo *signer = CMS_add1_signer(cms, certificate, key, EVP_sha256(), flags);
	int ok = signer && CMS_SignerInfo_sign(signer);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return ok;
}

static int add_again(CMS_ContentInfo *cms, const void *ctx)
{
	const struct test_pki *pki = ctx;
	X509 *certificate = yp_signer_certificate(pki->certificate_pem);
	EVP_PKEY *key = yp_signer_key(pki->key_pem);
	const unsigned flags =
	    CMS_BINARY | CMS_PARTIAL | CMS_DETACHED | CMS_NOSMIMECAP | CMS_REUSE_DIGEST | CMS_NOCERTS;
	CMS_SignerInfo *signer = CMS_add1_signer(cms, certificate, key, EVP_sha256(), flags);
	int ok = signer && CMS_SignerInfo_sign(signer);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return ok;
}

static int add_certificate(CMS_ContentInfo *cms, const void *ctx)
{
	const struct test_pki *pki = ctx;
	X509 *certificate = yp_signer_certificate(pki->certificate_pem);
	int ok = CMS_add1_cert(cms, certificate);
	X509_free(certificate);
	return ok;
}

static CMS_SignerInfo *first_signer(CMS_ContentInfo *cms)
{
	return sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
}

static int add_unsigned(CMS_ContentInfo *cms, const void *ctx)
{
	(void)ctx;
	return CMS_unsigned_add1_attr_by_NID(first_signer(cms), NID_pkcs9_unstructuredName, V_ASN1_UTF8STRING,
					     "version=9", 9);
}

static int no_signature_bytes(CMS_ContentInfo *cms, const void *ctx)
{
	(void)ctx;
	ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(first_signer(cms));
	return ASN1_STRING_set(signature, "", 0);
}

/* Ways to make one. a: NULL or the change. */
enum manner {
	MANNER_NO_ATTRIBUTES,
	MANNER_EMBEDDED,
	MANNER_EMBEDDED_OTHER,
	MANNER_NO_CERTIFICATES,
	MANNER_KEY_ID,
	MANNER_SHA1,
	MANNER_SHA224,
	MANNER_SHA512,
	MANNER_UNSIGNED,
	MANNER_FOREIGN_CERTIFICATE,
	MANNER_STRANGER,
	MANNER_TWICE,
	MANNER_EMPTY,
	MANNER_OTHER_CONTENT
};

static const struct yp_signer_signature manners[] = {
    [MANNER_NO_ATTRIBUTES] = {.flags = CMS_NOATTR},
    [MANNER_EMBEDDED] = {.without_flags = CMS_DETACHED},
    [MANNER_EMBEDDED_OTHER] = {.without_flags = CMS_DETACHED, .content = "[update]\nversion=666\n"},
    [MANNER_NO_CERTIFICATES] = {.flags = CMS_NOCERTS},
    [MANNER_KEY_ID] = {.flags = CMS_USE_KEYID},
    [MANNER_SHA1] = {.digest = "SHA1"},
    [MANNER_SHA224] = {.digest = "SHA224"},
    [MANNER_SHA512] = {.digest = "SHA512"},
    [MANNER_UNSIGNED] = {.change = add_unsigned},
    [MANNER_FOREIGN_CERTIFICATE] = {.change = add_certificate},
    [MANNER_STRANGER] = {.change = add_stranger},
    [MANNER_TWICE] = {.change = add_again},
    [MANNER_EMPTY] = {.change = no_signature_bytes},
    [MANNER_OTHER_CONTENT] = {.content = "something else"},
};

static int build_made(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct test_pki_spec stranger_root = {.name = "Strange Root", CA};
	const struct test_pki_spec stranger_leaf = {
	    .name = "Stranger", .key_usage = SIGN, .extended_key_usage = CODE, .serial = 77};
	struct yp_signer_signature how = manners[row->n];
	struct test_pki root = {0};
	struct test_pki stranger = {0};
	struct bytes content = {0};
	struct bytes signature = {0};
	int r = signed_content(forge, &content);
	if (r == 0 && (test_pki_make(&stranger_root, NULL, &root) || test_pki_make(&stranger_leaf, &root, &stranger)))
		r = -EPROTO;
	how.ctx = row->n == MANNER_TWICE ? &forge->signer : &stranger;
	if (r == 0 && yp_signer_sign(&forge->signer, &how, &content, &signature))
		r = -EPROTO;
	bytes_free(&content);
	test_pki_free(&root);
	test_pki_free(&stranger);
	return with_signature(forge, &signature, r, offer);
}

/* ECDSA: the device trusts a root with a P-256 signer. */
enum ecdsa { ECDSA_GOOD, ECDSA_ZERO, ECDSA_R_IS_N, ECDSA_MALLEATED, ECDSA_NEGATIVE, ECDSA_EXPLICIT };

/* Order of P-256: SEC 2, 2.4.2. */
static const char p256_order[] = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

static int change_ecdsa(CMS_ContentInfo *cms, const void *ctx)
{
	static const unsigned char negative[] = {0x30, 0x06, 0x02, 0x01, 0xff, 0x02, 0x01, 0x01}; /* r = -1, s = 1 */
	enum ecdsa ecdsa = *(const enum ecdsa *)ctx;
	ASN1_OCTET_STRING *octets = CMS_SignerInfo_get0_signature(first_signer(cms));
	const unsigned char *at = ASN1_STRING_get0_data(octets);
	if (ecdsa == ECDSA_NEGATIVE)
		return ASN1_STRING_set(octets, negative, sizeof negative);
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, ASN1_STRING_length(octets));
	BIGNUM *order = NULL;
	BIGNUM *r = sig ? BN_dup(ECDSA_SIG_get0_r(sig)) : NULL;
	BIGNUM *s = sig ? BN_dup(ECDSA_SIG_get0_s(sig)) : NULL;
	unsigned char *der = NULL;
	int ok = r && s && BN_hex2bn(&order, p256_order) > 0;
	if (ok && ecdsa == ECDSA_ZERO) {
		BN_zero(r);
		BN_zero(s);
	} else if (ok && ecdsa == ECDSA_R_IS_N) {
		ok = BN_add(r, r, order);
	} else if (ok && ecdsa == ECDSA_MALLEATED) {
		ok = BN_sub(s, order, s);
	}
	BN_free(order);
	if (ok && ECDSA_SIG_set0(sig, r, s) == 1) {
		int size = i2d_ECDSA_SIG(sig, &der);
		ok = size > 0 && ASN1_STRING_set(octets, der, size);
	} else {
		BN_free(r);
		BN_free(s);
		ok = 0;
	}
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return ok;
}

static int build_ecdsa(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const enum ecdsa kind = (enum ecdsa)row->n;
	const struct yp_signer_signature how = {.change = kind == ECDSA_EXPLICIT ? NULL : change_ecdsa, .ctx = &kind};
	struct test_pki root = {0};
	struct test_pki signer = {0};
	struct bytes content = {0};
	struct bytes signature = {0};
	int r = test_pki_make_pair(TEST_PKI_P256, &root, &signer) ? -EPROTO : signed_content(forge, &content);
	if (r == 0 && kind == ECDSA_EXPLICIT && yp_signer_explicit_curve(&signer, &root))
		r = -EPROTO;
	if (r == 0)
		r = ota_keyring_new(root.certificate_pem, NULL, &offer->keyring);
	if (r == 0 && yp_signer_sign(&signer, &how, &content, &signature))
		r = -EPROTO;
	bytes_free(&content);
	test_pki_free(&root);
	test_pki_free(&signer);
	return with_signature(forge, &signature, r, offer);
}

/* Bytes that are no signature, or no longer. */
enum damage {
	DAMAGE_SHORTER,
	DAMAGE_LONGER,
	DAMAGE_ZEROS,
	DAMAGE_NOISE,
	DAMAGE_INDEFINITE,
	DAMAGE_TAG,
	DAMAGE_DEEP,
	DAMAGE_64_MIB,
	DAMAGE_LONG_LENGTH,
	DAMAGE_NOT_CMS
};

static void damage_der(enum damage damage, struct bytes *der, uint64_t random)
{
	switch (damage) {
	case DAMAGE_ZEROS:
		memset(der->data, 0, der->size);
		break;
	case DAMAGE_NOISE:
		for (size_t i = 0; i < der->size; i++)
			der->data[i] = (uint8_t)yp_forge_random(&random);
		break;
	case DAMAGE_INDEFINITE: /* 30 80 ... 00 00 */
		der->data[1] = 0x80;
		memset(der->data + der->size - 2, 0, 2);
		break;
	case DAMAGE_TAG:
		der->data[0] = 0x31;
		break;
	case DAMAGE_64_MIB: /* 30 84 04 00 00 00 */
		memcpy(der->data + 1, "\x84\x04\0\0\0", 5);
		break;
	case DAMAGE_LONG_LENGTH: /* as many bytes of length as can be said */
		der->data[1] = 0xfe;
		break;
	case DAMAGE_NOT_CMS: /* the last byte of the content type: data instead of signed data */
		der->data[14] = 0x01;
		break;
	default:
		break;
	}
}

static int build_damaged(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct layout *layout = &forge->site.layout;
	const enum damage damage = (enum damage)row->n;
	size_t size = layout->signature_bytes;
	struct bytes der = {0};
	if (damage == DAMAGE_SHORTER || damage == DAMAGE_LONGER)
		size = damage == DAMAGE_SHORTER ? size - 1 : size + 1;
	if (damage == DAMAGE_DEEP)
		size = 60u * 1024u;
	int r = bytes_copy(&der, "", 0);
	uint8_t *data = r == 0 ? realloc(der.data, size) : NULL;
	if (!data) {
		bytes_free(&der);
		return -ENOMEM;
	}
	der = (struct bytes){data, size};
	memset(data, 0, size);
	memcpy(data, forge->site.bundles[2].data + layout->signature,
	       size < layout->signature_bytes ? size : layout->signature_bytes);
	for (size_t i = 0; damage == DAMAGE_DEEP && i + 4 <= size; i += 4) { /* each SEQUENCE holds all that follows */
		size_t rest = size - i - 4;
		const uint8_t tag[] = {0x30, 0x82, (uint8_t)(rest >> 8), (uint8_t)rest};
		memcpy(data + i, tag, sizeof tag);
	}
	damage_der(damage, &der, forge->seed);
	offer->memory_bytes = 8u * 1024u * 1024u;
	return with_signature(forge, &der, 0, offer);
}

/* A genuine signature, of another genuine bundle. */
static int build_transplanted(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct yp_forge_site *site = &forge->site;
	struct layout other;
	struct bytes signature = {0};
	(void)row;
	if (!layout_read(site->bundles[3].data, site->bundles[3].size, &other))
		return -EPROTO;
	int r = bytes_copy(&signature, site->bundles[3].data + other.signature, other.signature_bytes);
	return with_signature(forge, &signature, r, offer);
}

#define E       YP_CORRUPT_REJ_E
#define ROW(r)  E, REASON(r)
#define FINE    YP_CORRUPT_IGNORED, REASON(OK)
#define KIND(k) .n = k

const struct yp_corrupt_row rows_signature[] = {
    {"sig:wrong-eku", "SIG-10", ROW(CERT_PURPOSE), build_leaf, KIND(LEAF_SERVER)},
    {"sig:wrong-eku.mail", "SIG-10", ROW(CERT_PURPOSE), build_leaf, KIND(LEAF_MAIL)},
    {"sig:wrong-eku.any", "SIG-10", ROW(CERT_PURPOSE), build_leaf, KIND(LEAF_ANY)},
    {"sig:no-eku", "SIG-10", ROW(CERT_PURPOSE), build_leaf, KIND(LEAF_NO_EKU)},
    {"sig:no-ku", "SIG-11", ROW(CERT_PURPOSE), build_leaf, KIND(LEAF_NO_KU)},
    {"sig:wrong-ku", "SIG-11", ROW(CERT_PURPOSE), build_leaf, KIND(LEAF_WRONG_KU)},
    {"sig:expired", "SIG-06 CLK-03", ROW(CERT_EXPIRED), build_leaf, KIND(LEAF_EXPIRED)},
    {"sig:future", "SIG-07 CLK-02", ROW(CERT_NOT_YET_VALID), build_leaf, KIND(LEAF_FUTURE)},
    {"sig:rsa-1024", "SIG-17", ROW(WEAK_ALGORITHM), build_leaf, KIND(LEAF_RSA_1024)},
    {"sig:p-224", "SIG-17", ROW(WEAK_ALGORITHM), build_leaf, KIND(LEAF_P224)},
    {"sig:certificate-sha1", "SIG-17", ROW(WEAK_ALGORITHM), build_leaf, KIND(LEAF_SHA1)},
    {"sig:certificate-md5", "SIG-17", ROW(WEAK_ALGORITHM), build_leaf, KIND(LEAF_MD5)},
    {"sig:p-384", "SIG-17", FINE, build_leaf, KIND(LEAF_P384),
     .note = "as strong as any: the control of its neighbours"},
    {"sig:chain", "SIG-14", FINE, build_chained, KIND(CHAIN_GOOD),
     .note = "an intermediate is allowed: the control of its neighbours"},
    {"sig:intermediate-missing", "SIG-14", ROW(UNTRUSTED), build_chained, KIND(CHAIN_MISSING)},
    {"sig:intermediate-no-ca", "SIG-13", ROW(UNTRUSTED), build_chained, KIND(CHAIN_NO_CA)},
    {"sig:intermediate-no-cert-sign", "SIG-11 SIG-13", ROW(UNTRUSTED), build_chained, KIND(CHAIN_NO_CERT_SIGN)},
    {"sig:intermediate-expired", "SIG-08", ROW(CERT_EXPIRED), build_chained, KIND(CHAIN_EXPIRED)},
    {"sig:intermediate-for-servers", "SIG-10", ROW(CERT_PURPOSE), build_chained, KIND(CHAIN_SERVERS)},
    {"sig:intermediate-weak", "SIG-17", ROW(WEAK_ALGORITHM), build_chained, KIND(CHAIN_WEAK)},
    {"sig:path-length", "SIG-13", ROW(UNTRUSTED), build_chained, KIND(CHAIN_PATH_LENGTH)},
    {"sig:root-expired", "SIG-08", ROW(CERT_EXPIRED), build_chained, KIND(CHAIN_ROOT_EXPIRED)},
    {"sig:leaf-as-ca", "SIG-13", ROW(UNTRUSTED), build_chained, KIND(CHAIN_LEAF_AS_CA)},
    {"sig:self-signed", "SIG-04", ROW(UNTRUSTED), build_trusted, KIND(TRUST_SELF_SIGNED)},
    {"sig:look-alike", "SIG-05", ROW(UNTRUSTED), build_trusted, KIND(TRUST_LOOK_ALIKE)},
    {"sig:look-alike.root", "SIG-05", ROW(UNTRUSTED), build_trusted, KIND(TRUST_LOOK_ALIKE_ROOT)},
    {"sig:development", "SIG-21", ROW(UNTRUSTED), build_trusted, KIND(TRUST_DEVELOPMENT)},
    {"sig:old-key", "SIG-22", ROW(UNTRUSTED), build_trusted, KIND(TRUST_OLD_KEY)},
    {"sig:new-key", "SIG-22", ROW(UNTRUSTED), build_trusted, KIND(TRUST_NEW_KEY)},
    {"sig:rotation", "SIG-22", FINE, build_trusted, KIND(TRUST_ROTATION_BOTH),
     .note = "both roots are trusted while keys rotate"},
    {"sig:revoked", "SIG-09", ROW(CERT_REVOKED), build_trusted, KIND(TRUST_REVOKED)},
    {"sig:crl-missing", "SIG-09", ROW(UNTRUSTED), build_trusted, KIND(TRUST_CRL_MISSING)},
    {"sig:crl-expired", "SIG-09", ROW(CERT_EXPIRED), build_trusted, KIND(TRUST_CRL_EXPIRED)},
    {"sig:crl-forged", "SIG-09", ROW(UNTRUSTED), build_trusted, KIND(TRUST_CRL_FORGED)},
    {"sig:crl-good", "SIG-09", FINE, build_trusted, KIND(TRUST_CRL_GOOD),
     .note = "nothing is revoked: the control of its neighbours"},
    {"sig:no-attributes", "SIG-25", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_NO_ATTRIBUTES)},
    {"sig:embedded", "SIG-19", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_EMBEDDED)},
    {"sig:embedded-other", "SIG-19", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_EMBEDDED_OTHER)},
    {"sig:no-certificates", "SIG-14", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_NO_CERTIFICATES)},
    {"sig:key-identifier", "SIG-24", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_KEY_ID)},
    {"sig:digest-sha1", "SIG-17 MAN-15", ROW(WEAK_ALGORITHM), build_made, KIND(MANNER_SHA1)},
    {"sig:digest-sha224", "SIG-17 MAN-15", ROW(WEAK_ALGORITHM), build_made, KIND(MANNER_SHA224)},
    {"sig:digest-sha512", "SIG-17", FINE, build_made, KIND(MANNER_SHA512),
     .note = "as strong as any: the control of its neighbours"},
    {"sig:unsigned-attribute", "SIG-25", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_UNSIGNED)},
    {"sig:foreign-certificate", "SIG-25", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_FOREIGN_CERTIFICATE)},
    {"sig:second-stranger", "SIG-15", ROW(UNTRUSTED), build_made, KIND(MANNER_STRANGER)},
    {"sig:signed-twice", "SIG-16", FINE, build_made, KIND(MANNER_TWICE),
     .note = "no thresholds: every signer must verify, and does"},
    {"sig:empty-value", "SIG-02", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_EMPTY)},
    {"sig:other-content", "SIG-19", ROW(BAD_SIGNATURE), build_made, KIND(MANNER_OTHER_CONTENT)},
    {"sig:transplanted", "SIG-19 MAN-08", ROW(BAD_SIGNATURE), build_transplanted, KIND(0)},
    {"sig:ecdsa", "SIG-18", FINE, build_ecdsa, KIND(ECDSA_GOOD), .note = "the control of its neighbours"},
    {"sig:ecdsa-zero", "SIG-18", ROW(BAD_SIGNATURE), build_ecdsa, KIND(ECDSA_ZERO)},
    {"sig:ecdsa-r-plus-n", "SIG-18", ROW(BAD_SIGNATURE), build_ecdsa, KIND(ECDSA_R_IS_N)},
    {"sig:ecdsa-negative", "SIG-18", ROW(BAD_SIGNATURE), build_ecdsa, KIND(ECDSA_NEGATIVE)},
    {"sig:ecdsa-malleated", "SIG-18", FINE, build_ecdsa, KIND(ECDSA_MALLEATED),
     .note = "n - s verifies as s does; the identity of an update does not cover its signature"},
    {"sig:explicit-curve", "SIG-17", ROW(WEAK_ALGORITHM), build_ecdsa, KIND(ECDSA_EXPLICIT)},
    {"sig:length-1", "SIG-28", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_SHORTER)},
    {"sig:length+1", "SIG-28", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_LONGER)},
    {"sig:zeros", "SIG-24", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_ZEROS)},
    {"sig:noise", "SIG-24", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_NOISE)},
    {"sig:indefinite-length", "SIG-24", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_INDEFINITE)},
    {"sig:wrong-tag", "SIG-24", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_TAG)},
    {"sig:deep", "SIG-24 RES-07", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_DEEP)},
    {"sig:64-mib", "SIG-24", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_64_MIB)},
    {"sig:long-length", "SIG-24", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_LONG_LENGTH)},
    {"sig:not-cms", "SIG-24", ROW(BAD_SIGNATURE), build_damaged, KIND(DAMAGE_NOT_CMS)},
    {"sig:2-gib", "SIG-26",
     .note = "a bundle of 2 GiB needs slots of 2 GiB: not in memory; flips are sampled in flp:wide"},
    {.id = NULL},
};
