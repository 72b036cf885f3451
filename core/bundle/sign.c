/* SPDX-License-Identifier: Apache-2.0 */
/* Signs a manifest and an index: a detached CMS signature from a certificate and a key. */
#include "ota/keyring.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "bundle/signature.h"
#include "ota/reason.h"

#define SIGN_FLAGS (CMS_BINARY | CMS_DETACHED | CMS_NOSMIMECAP | CMS_PARTIAL)

static int refuse_signing(const char *what, char *detail, size_t detail_bytes)
{
	unsigned long error = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(error);
	int reason = ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE ? -ENOMEM : OTA_BAD_CONFIG;
	return ota_detail_write(detail, detail_bytes, reason, "%s: %s", what, why ? why : "cannot be used");
}

/* No passphrase is ever asked for: a locked key is an error, not a prompt in a build job. */
static int no_passphrase(char *out, int out_bytes, int writing, void *ctx)
{
	(void)out;
	(void)out_bytes;
	(void)writing;
	(void)ctx;
	return -1;
}

static int add_intermediates(CMS_ContentInfo *cms, BIO *bio)
{
	X509 *certificate;
	unsigned count = 0;
	int ok = 1;
	while (ok && count < OTA_CERTIFICATES_MAX &&
	       (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		ok = CMS_add1_cert(cms, certificate) == 1;
		X509_free(certificate);
		count++;
	}
	if (!ok || count == OTA_CERTIFICATES_MAX)
		return -1;
	unsigned long error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return -1;
	ERR_clear_error();
	return 0;
}

static int encode_der(CMS_ContentInfo *cms, uint8_t **out, size_t *out_bytes)
{
	int size = i2d_CMS_ContentInfo(cms, NULL);
	uint8_t *der = size > 0 ? malloc((size_t)size) : NULL;
	unsigned char *at = der;
	if (!der || i2d_CMS_ContentInfo(cms, &at) != size) {
		free(der);
		return -ENOMEM;
	}
	*out = der;
	*out_bytes = (size_t)size;
	return 0;
}

int ota_keyring_sign(const char *certificate_pem, const char *key_pem, const uint8_t *data, size_t size_bytes,
		     uint8_t **out, size_t *out_bytes, char *detail, size_t detail_bytes)
{
	int result = -ENOMEM;
	X509 *leaf = NULL;
	EVP_PKEY *key = NULL;
	CMS_ContentInfo *cms = NULL;
	BIO *content = NULL;
	*out = NULL;
	ERR_clear_error();
	BIO *certificates = BIO_new_mem_buf(certificate_pem, -1);
	BIO *keys = BIO_new_mem_buf(key_pem, -1);
	if (!certificates || !keys || size_bytes > INT_MAX)
		goto out;
	leaf = PEM_read_bio_X509(certificates, NULL, no_passphrase, NULL);
	if (!leaf) {
		result = refuse_signing("signer's certificate", detail, detail_bytes);
		goto out;
	}
	key = PEM_read_bio_PrivateKey(keys, NULL, no_passphrase, NULL);
	if (!key) {
		result = refuse_signing("signer's key", detail, detail_bytes);
		goto out;
	}
	content = BIO_new_mem_buf(data, (int)size_bytes);
	cms = CMS_sign(NULL, NULL, NULL, NULL, SIGN_FLAGS);
	if (!content || !cms)
		goto out;
	if (!CMS_add1_signer(cms, leaf, key, EVP_sha256(), SIGN_FLAGS)) {
		result = refuse_signing("signer's certificate and key", detail, detail_bytes);
		goto out;
	}
	if (add_intermediates(cms, certificates)) {
		result = refuse_signing("intermediate certificates", detail, detail_bytes);
		goto out;
	}
	if (CMS_final(cms, content, NULL, SIGN_FLAGS) != 1) {
		result = refuse_signing("signing", detail, detail_bytes);
		goto out;
	}
	result = encode_der(cms, out, out_bytes);
out:
	BIO_free(content);
	CMS_ContentInfo_free(cms);
	EVP_PKEY_free(key);
	X509_free(leaf);
	BIO_free(keys);
	BIO_free(certificates);
	ERR_clear_error();
	return result;
}
