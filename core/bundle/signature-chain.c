/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for the certificates of a chain that OpenSSL has verified: purpose, key strength, digest. */
#include "bundle/signature.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/x509v3.h>

#include "ota/reason.h"

#define RSA_MIN_BITS   2048
#define EC_MIN_BITS    256
#define NAME_MAX_BYTES 96

void ota_certificate_name(const X509 *certificate, char *out, size_t out_bytes)
{
	/* oneline escapes what is not printable, so a name cannot forge a line of a log. */
	if (!X509_NAME_oneline(X509_get_subject_name(certificate), out, (int)out_bytes))
		(void)snprintf(out, out_bytes, "?");
}

static int refuse_certificate(const X509 *certificate, int reason, const char *what, char *detail, size_t detail_bytes)
{
	char name[NAME_MAX_BYTES];
	ota_certificate_name(certificate, name, sizeof name);
	return ota_detail_write(detail, detail_bytes, reason, "certificate \"%s\": %s", name, what);
}

/* The key alone, whatever signed it. A curve given by its parameters may be a forged twin of a named one. */
static int check_key(const X509 *certificate, char *detail, size_t detail_bytes)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	if (!key)
		return refuse_certificate(certificate, OTA_BAD_SIGNATURE, "its key cannot be read", detail,
					  detail_bytes);
	int id = EVP_PKEY_get_base_id(key);
	if (id == EVP_PKEY_RSA) {
		if (EVP_PKEY_get_bits(key) < RSA_MIN_BITS)
			return refuse_certificate(certificate, OTA_WEAK_ALGORITHM, "RSA key below 2048 bits", detail,
						  detail_bytes);
		return 0;
	}
	if (id == EVP_PKEY_EC) {
		int explicit_parameters = 0;
		if (EVP_PKEY_get_bits(key) < EC_MIN_BITS)
			return refuse_certificate(certificate, OTA_WEAK_ALGORITHM, "EC key below 256 bits", detail,
						  detail_bytes);
		if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
					   &explicit_parameters) != 1 ||
		    explicit_parameters)
			return refuse_certificate(certificate, OTA_WEAK_ALGORITHM, "its curve is not a named one",
						  detail, detail_bytes);
		return 0;
	}
	return refuse_certificate(certificate, OTA_WEAK_ALGORITHM, "its key is neither RSA nor EC", detail,
				  detail_bytes);
}

/* The digest that its issuer signed it with; says nothing for the root, which is trusted for its key. */
static int check_digest(X509 *certificate, char *detail, size_t detail_bytes)
{
	int digest = NID_undef;
	if (X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) == 1) {
		switch (digest) {
		case NID_sha256:
		case NID_sha384:
		case NID_sha512:
		case NID_sha3_256:
		case NID_sha3_384:
		case NID_sha3_512:
			return 0;
		default:
			break;
		}
	}
	return refuse_certificate(certificate, OTA_WEAK_ALGORITHM, "signed with a digest weaker than SHA-256", detail,
				  detail_bytes);
}

static int check_leaf_purpose(X509 *certificate, char *detail, size_t detail_bytes)
{
	uint32_t flags = X509_get_extension_flags(certificate);
	if (flags & EXFLAG_INVALID)
		return refuse_certificate(certificate, OTA_BAD_SIGNATURE, "its extensions are malformed", detail,
					  detail_bytes);
	if (!(flags & EXFLAG_XKUSAGE) || !(X509_get_extended_key_usage(certificate) & XKU_CODE_SIGN))
		return refuse_certificate(certificate, OTA_CERT_PURPOSE, "extended key usage lacks codeSigning", detail,
					  detail_bytes);
	if (!(flags & EXFLAG_KUSAGE) || !(X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE))
		return refuse_certificate(certificate, OTA_CERT_PURPOSE, "key usage lacks digitalSignature", detail,
					  detail_bytes);
	return 0;
}

/* An issuer that names purposes at all restricts what is below it to them. */
static int check_issuer_purpose(X509 *certificate, char *detail, size_t detail_bytes)
{
	uint32_t flags = X509_get_extension_flags(certificate);
	if (!(flags & EXFLAG_XKUSAGE) || X509_get_extended_key_usage(certificate) & (XKU_CODE_SIGN | XKU_ANYEKU))
		return 0;
	return refuse_certificate(certificate, OTA_CERT_PURPOSE,
				  "its extended key usage does not allow issuing for code signing", detail,
				  detail_bytes);
}

int ota_chain_check(const STACK_OF(X509) * chain, char *detail, size_t detail_bytes)
{
	int count = sk_X509_num(chain);
	if (count < 1)
		return ota_detail_write(detail, detail_bytes, OTA_BAD_SIGNATURE, "signature: empty chain");
	int result = check_leaf_purpose(sk_X509_value(chain, 0), detail, detail_bytes);
	for (int i = 0; !result && i < count; i++) {
		X509 *certificate = sk_X509_value(chain, i);
		result = check_key(certificate, detail, detail_bytes);
		if (!result && i > 0)
			result = check_issuer_purpose(certificate, detail, detail_bytes);
		if (!result && !(X509_get_extension_flags(certificate) & EXFLAG_SS && i == count - 1))
			result = check_digest(certificate, detail, detail_bytes);
	}
	return result;
}

int ota_chain_reason(int x509_error)
{
	switch (x509_error) {
	case X509_V_OK:
		return 0;
	case X509_V_ERR_OUT_OF_MEM:
		return -ENOMEM;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return OTA_CERT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return OTA_CERT_NOT_YET_VALID;
	case X509_V_ERR_CERT_REVOKED:
		return OTA_CERT_REVOKED;
	case X509_V_ERR_INVALID_PURPOSE:
		return OTA_CERT_PURPOSE;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
	case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
		return OTA_WEAK_ALGORITHM;
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
	case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
		return OTA_BAD_SIGNATURE;
	default:
		/* No path to the keyring, a signature in the chain that does not match, an issuer that may not issue,
		 * constraints, revocation lists missing or forged: each means that the keyring does not trust this signer. */
		return OTA_UNTRUSTED;
	}
}
