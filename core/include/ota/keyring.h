/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_KEYRING_H
#define OTA_KEYRING_H

#include <stddef.h>
#include <stdint.h>

/*
 * Who may sign updates: trusted roots (PEM), optional CRLs (PEM).
 * Chains are built by OpenSSL; on top of it, explicitly: the signer must carry extended key usage codeSigning
 * and key usage digitalSignature; RSA below 2048 bits, SHA-1 and MD5 are refused; every signer must verify.
 */
struct ota_keyring;

/* From PEM text in memory. crl_pem may be NULL. 0, -ENOMEM, OTA_BAD_CONFIG. */
int ota_keyring_new(const char *roots_pem, const char *crl_pem, struct ota_keyring **out)
    __attribute__((warn_unused_result));
/* From files; crl_path may be NULL. 0, -errno, OTA_BAD_CONFIG. */
int ota_keyring_load(const char *roots_path, const char *crl_path, struct ota_keyring **out)
    __attribute__((warn_unused_result));
void ota_keyring_free(struct ota_keyring *keyring);

/*
 * Verifies a detached CMS signature (DER, consumed to its last byte) over `data`, certificates judged at now_s.
 * 0, -ENOMEM, or a reason of the signature group. detail (may be NULL) as in ota_head_open().
 */
int ota_keyring_verify(const struct ota_keyring *keyring, const uint8_t *data, size_t size_bytes,
		       const uint8_t *signature, size_t signature_bytes, int64_t now_s, char *detail,
		       size_t detail_bytes) __attribute__((warn_unused_result));
/* Makes one (host side). *out: free(). 0, -ENOMEM, OTA_BAD_CONFIG. */
int ota_keyring_sign(const char *certificate_pem, const char *key_pem, const uint8_t *data, size_t size_bytes,
		     uint8_t **out, size_t *out_bytes, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
