/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the shape of a CMS signature, byte by byte, before OpenSSL reads it. */
#include "bundle/signature.h"

#include <string.h>

#include "ota/reason.h"

/*
 * OpenSSL's CMS code reads what it needs and skips the rest: versions, parameters of algorithms, unsigned
 * attributes, foreign certificates, revocation data. A bit flipped there would still verify, and two different files
 * would be one update. So the shape is fixed here first; OpenSSL then decides over what remains.
 */

enum {
	DER_INTEGER = 0x02,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0,
};

static const uint8_t oid_signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
static const uint8_t version_1[] = {1};

enum parameters { ABSENT, NONE_OR_NULL, MUST_BE_NULL };
enum key { KEY_NONE, KEY_RSA, KEY_EC };

struct algorithm {
	uint8_t oid[10];
	uint8_t oid_bytes;
	enum parameters parameters;
	enum key key;           /* KEY_NONE: a digest */
	enum ota_digest digest; /* OTA_DIGEST_COUNT: any */
	bool weak;
};

static const struct algorithm algorithms[] = {
    /* digests: RFC 5754 says parameters absent, writers of NULL exist */
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}, 9, NONE_OR_NULL, KEY_NONE, OTA_SHA256, false},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02}, 9, NONE_OR_NULL, KEY_NONE, OTA_SHA384, false},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03}, 9, NONE_OR_NULL, KEY_NONE, OTA_SHA512, false},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04}, 9, NONE_OR_NULL, KEY_NONE, 0, true}, /* SHA-224 */
    {{0x2b, 0x0e, 0x03, 0x02, 0x1a}, 5, NONE_OR_NULL, KEY_NONE, 0, true},                         /* SHA-1 */
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05}, 8, NONE_OR_NULL, KEY_NONE, 0, true},       /* MD5 */
    /* ecdsa-with-SHA2: RFC 5758 */
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}, 8, ABSENT, KEY_EC, OTA_SHA256, false},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03}, 8, ABSENT, KEY_EC, OTA_SHA384, false},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04}, 8, ABSENT, KEY_EC, OTA_SHA512, false},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01}, 7, ABSENT, KEY_EC, 0, true},
    /* rsaEncryption, shaNWithRSAEncryption: RFC 3370, RFC 5754 */
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}, 9, MUST_BE_NULL, KEY_RSA, OTA_DIGEST_COUNT, false},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}, 9, MUST_BE_NULL, KEY_RSA, OTA_SHA256, false},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c}, 9, MUST_BE_NULL, KEY_RSA, OTA_SHA384, false},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d}, 9, MUST_BE_NULL, KEY_RSA, OTA_SHA512, false},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05}, 9, MUST_BE_NULL, KEY_RSA, 0, true},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04}, 9, MUST_BE_NULL, KEY_RSA, 0, true},
};

static bool at_end(const struct ota_span *in)
{
	return in->size_bytes == 0;
}

static bool next_is(const struct ota_span *in, uint8_t tag)
{
	return in->size_bytes > 0 && in->data[0] == tag;
}

/* Takes one element off the front of `in`; false unless it has this tag, a shortest-form length, and fits. */
static bool take_element(struct ota_span *in, uint8_t tag, struct ota_span *content)
{
	if (in->size_bytes < 2 || in->data[0] != tag)
		return false;
	size_t header_bytes = 2;
	size_t size = in->data[1];
	if (size >= 0x80) {
		size_t length_bytes = size & 0x7f;
		if (length_bytes < 1 || length_bytes > 3 || in->size_bytes < 2 + length_bytes)
			return false;
		size = 0;
		for (size_t i = 0; i < length_bytes; i++)
			size = size << 8 | in->data[2 + i];
		if (size < 0x80 || (length_bytes > 1 && size >> (8 * (length_bytes - 1)) == 0))
			return false;
		header_bytes += length_bytes;
	}
	if (size > in->size_bytes - header_bytes)
		return false;
	*content = (struct ota_span){in->data + header_bytes, size};
	in->data += header_bytes + size;
	in->size_bytes -= header_bytes + size;
	return true;
}

static bool take_exactly(struct ota_span *in, uint8_t tag, const uint8_t *bytes, size_t size_bytes)
{
	struct ota_span content;
	return take_element(in, tag, &content) && content.size_bytes == size_bytes &&
	       memcmp(content.data, bytes, size_bytes) == 0;
}

/* An AlgorithmIdentifier of the table, or NULL. */
static const struct algorithm *take_algorithm(struct ota_span *in, bool digest)
{
	struct ota_span sequence;
	struct ota_span oid;
	struct ota_span nothing;
	if (!take_element(in, DER_SEQUENCE, &sequence) || !take_element(&sequence, DER_OID, &oid))
		return NULL;
	const struct algorithm *found = NULL;
	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		const struct algorithm *a = &algorithms[i];
		if (a->oid_bytes == oid.size_bytes && memcmp(a->oid, oid.data, oid.size_bytes) == 0 &&
		    (a->key == KEY_NONE) == digest)
			found = a;
	}
	if (!found)
		return NULL;
	if (found->parameters == MUST_BE_NULL || (found->parameters == NONE_OR_NULL && !at_end(&sequence))) {
		if (!take_element(&sequence, DER_NULL, &nothing) || !at_end(&nothing))
			return NULL;
	}
	return at_end(&sequence) ? found : NULL;
}

static int refuse_shape(char *detail, size_t detail_bytes, const char *what)
{
	return ota_detail_write(detail, detail_bytes, OTA_BAD_SIGNATURE, "signature: %s", what);
}

static int refuse_algorithm(char *detail, size_t detail_bytes)
{
	return ota_detail_write(detail, detail_bytes, OTA_WEAK_ALGORITHM,
				"signature: its digest is weaker than SHA-256; sign with SHA-256 or better");
}

static int take_digests(struct ota_span *in, unsigned *digests, char *detail, size_t detail_bytes)
{
	struct ota_span set;
	if (!take_element(in, DER_SET, &set))
		return refuse_shape(detail, detail_bytes, "no list of digest algorithms");
	*digests = 0;
	for (unsigned i = 0; i < OTA_DIGEST_COUNT && !at_end(&set); i++) {
		const struct algorithm *algorithm = take_algorithm(&set, true);
		if (!algorithm)
			return refuse_shape(detail, detail_bytes, "unknown digest algorithm");
		if (algorithm->weak)
			return refuse_algorithm(detail, detail_bytes);
		if (*digests & 1u << algorithm->digest)
			return refuse_shape(detail, detail_bytes, "digest algorithm listed twice");
		*digests |= 1u << algorithm->digest;
	}
	return at_end(&set) ? 0 : refuse_shape(detail, detail_bytes, "too many digest algorithms");
}

static int take_certificates(struct ota_span *in, unsigned *count, char *detail, size_t detail_bytes)
{
	struct ota_span set;
	struct ota_span certificate;
	if (!take_element(in, DER_CONTEXT_0, &set))
		return refuse_shape(detail, detail_bytes, "it carries no certificates");
	*count = 0;
	while (!at_end(&set)) {
		if (*count >= OTA_CERTIFICATES_MAX)
			return refuse_shape(detail, detail_bytes, "too many certificates");
		if (!take_element(&set, DER_SEQUENCE, &certificate))
			return refuse_shape(detail, detail_bytes, "a certificate is malformed");
		*count += 1;
	}
	return *count ? 0 : refuse_shape(detail, detail_bytes, "it carries no certificates");
}

static int take_signer(struct ota_span *in, struct ota_signature_shape *out, char *detail, size_t detail_bytes)
{
	struct ota_span signer;
	struct ota_span id;
	struct ota_span part;
	if (!take_element(in, DER_SEQUENCE, &signer) ||
	    !take_exactly(&signer, DER_INTEGER, version_1, sizeof version_1))
		return refuse_shape(detail, detail_bytes, "a signer is malformed or of another version than 1");
	if (!take_element(&signer, DER_SEQUENCE, &id) || !take_element(&id, DER_SEQUENCE, &part) ||
	    !take_element(&id, DER_INTEGER, &part) || !at_end(&id))
		return refuse_shape(detail, detail_bytes, "a signer is not named by issuer and serial number");
	const struct algorithm *digest = take_algorithm(&signer, true);
	if (!digest)
		return refuse_shape(detail, detail_bytes, "unknown digest algorithm");
	if (digest->weak)
		return refuse_algorithm(detail, detail_bytes);
	if (!take_element(&signer, DER_CONTEXT_0, &part) || at_end(&part))
		return refuse_shape(detail, detail_bytes, "a signer has no signed attributes");
	const struct algorithm *algorithm = take_algorithm(&signer, false);
	if (!algorithm)
		return refuse_shape(detail, detail_bytes, "unknown signature algorithm");
	if (algorithm->weak)
		return refuse_algorithm(detail, detail_bytes);
	if (algorithm->digest != OTA_DIGEST_COUNT && algorithm->digest != digest->digest)
		return refuse_shape(detail, detail_bytes, "digest and signature algorithm differ");
	if (!take_element(&signer, DER_OCTETS, &part) || at_end(&part))
		return refuse_shape(detail, detail_bytes, "a signer's signature is missing");
	if (!at_end(&signer))
		return refuse_shape(detail, detail_bytes, "a signer has unsigned attributes");
	out->signer[out->signers].digest = digest->digest;
	out->signer[out->signers].rsa = algorithm->key == KEY_RSA;
	out->signers++;
	return 0;
}

static int take_signers(struct ota_span *in, unsigned digests, struct ota_signature_shape *out, char *detail,
			size_t detail_bytes)
{
	struct ota_span set;
	unsigned used = 0;
	if (next_is(in, 0xa1))
		return refuse_shape(detail, detail_bytes, "it carries revocation lists; they belong in the keyring");
	if (!take_element(in, DER_SET, &set))
		return refuse_shape(detail, detail_bytes, "no list of signers");
	if (at_end(&set))
		return ota_detail_write(detail, detail_bytes, OTA_NO_SIGNATURE, "signature: no signer");
	while (!at_end(&set)) {
		if (out->signers >= OTA_SIGNERS_MAX)
			return refuse_shape(detail, detail_bytes, "too many signers");
		int result = take_signer(&set, out, detail, detail_bytes);
		if (result)
			return result;
		used |= 1u << out->signer[out->signers - 1].digest;
	}
	return used == digests
		   ? 0
		   : refuse_shape(detail, detail_bytes, "the digest algorithms are not those of the signers");
}

int ota_signature_shape(struct ota_span der, struct ota_signature_shape *out, char *detail, size_t detail_bytes)
{
	struct ota_span info;
	struct ota_span content;
	struct ota_span data;
	struct ota_span encapsulated;
	unsigned digests = 0;
	int result;
	*out = (struct ota_signature_shape){0};
	if (der.size_bytes == 0)
		return ota_detail_write(detail, detail_bytes, OTA_NO_SIGNATURE, "signature: empty");
	if (!take_element(&der, DER_SEQUENCE, &info))
		return refuse_shape(detail, detail_bytes, "not DER, or cut short");
	if (!at_end(&der))
		return refuse_shape(detail, detail_bytes, "bytes after its end");
	if (!take_exactly(&info, DER_OID, oid_signed_data, sizeof oid_signed_data))
		return refuse_shape(detail, detail_bytes, "not CMS signed data");
	if (!take_element(&info, DER_CONTEXT_0, &content) || !at_end(&info) ||
	    !take_element(&content, DER_SEQUENCE, &data) || !at_end(&content))
		return refuse_shape(detail, detail_bytes, "malformed CMS");
	if (!take_exactly(&data, DER_INTEGER, version_1, sizeof version_1))
		return refuse_shape(detail, detail_bytes, "CMS version is not 1");
	result = take_digests(&data, &digests, detail, detail_bytes);
	if (result)
		return result;
	if (!take_element(&data, DER_SEQUENCE, &encapsulated) ||
	    !take_exactly(&encapsulated, DER_OID, oid_data, sizeof oid_data) || !at_end(&encapsulated))
		return refuse_shape(detail, detail_bytes, "not detached, or of another content type than data");
	result = take_certificates(&data, &out->certificates, detail, detail_bytes);
	if (result)
		return result;
	result = take_signers(&data, digests, out, detail, detail_bytes);
	if (result)
		return result;
	return at_end(&data) ? 0 : refuse_shape(detail, detail_bytes, "bytes after the signers");
}
