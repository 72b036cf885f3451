/* SPDX-License-Identifier: Apache-2.0 */
/* The reason for which a flipped bit is refused: in the header by the text of ota/bundle.h, in the signature by its
 * place in the DER (RFC 5652, 5.1). */
#include "corrupt/flip-reasons.h"

#include <string.h>

/* Bounds of the format, as ota/bundle.h states them. */
#define MANIFEST_MAX  65536u
#define INDEX_MAX     8388608u
#define SIGNATURE_MAX 65536u

/* The reason for which a header with this bit changed must be refused, in the order of ota/bundle.h. */
uint64_t yp_corrupt_plan_header_reasons(const uint8_t *raw, size_t file_bytes)
{
	static const uint8_t zeros[8];
	uint32_t manifest = layout_get(raw + LAYOUT_MANIFEST_BYTES);
	uint32_t index = layout_get(raw + LAYOUT_INDEX_BYTES);
	uint32_t signature = layout_get(raw + LAYOUT_SIGNATURE_BYTES);
	if (memcmp(raw, "OTABNDL\n", 8) != 0)
		return REASON(BAD_MAGIC);
	if (layout_get(raw + LAYOUT_FORMAT) != 1 || memcmp(raw + LAYOUT_RESERVED, zeros, 8) != 0)
		return REASON(BAD_FORMAT);
	if (manifest > MANIFEST_MAX || index > INDEX_MAX || signature > SIGNATURE_MAX)
		return REASON(TOO_LARGE);
	if (manifest == 0 || index == 0 || index % LAYOUT_RECORD_BYTES != 0)
		return REASON(BAD_FORMAT);
	if (signature == 0)
		return REASON(NO_SIGNATURE);
	if ((uint64_t)LAYOUT_HEADER_BYTES + manifest + index + signature > file_bytes)
		return REASON(TRUNCATED);
	return REASON(BAD_SIGNATURE);
}

struct element {
	size_t at, content, end; /* offsets in the signature */
};

/* The element at an offset; false if it does not fit. */
static bool element_at(const uint8_t *der, size_t size, size_t at, struct element *out)
{
	if (at + 2 > size)
		return false;
	size_t length = der[at + 1];
	size_t extra = length & 0x80 ? length & 0x7f : 0;
	if (extra > 3 || at + 2 + extra > size)
		return false;
	if (extra) {
		length = 0;
		for (size_t i = 0; i < extra; i++)
			length = length << 8 | der[at + 2 + i];
	}
	*out = (struct element){at, at + 2 + extra, at + 2 + extra + length};
	return out->end <= size;
}

/* ContentInfo { type, [0] { SignedData { version, digests, content, [0] certificates, signers } } } */
static bool certificates_find(const uint8_t *der, size_t size, struct element *out)
{
	struct element e;
	if (!element_at(der, size, 0, &e) || !element_at(der, size, e.content, &e) ||
	    !element_at(der, size, e.end, &e) || !element_at(der, size, e.content, &e) ||
	    !element_at(der, size, e.content, &e))
		return false;
	for (unsigned i = 0; i < 3; i++) /* version, digests, content */
		if (!element_at(der, size, e.end, &e))
			return false;
	*out = e;
	return der[e.at] == 0xa0;
}

uint64_t yp_corrupt_plan_signature_reasons(const struct yp_forge_site *site, size_t offset, unsigned bit)
{
	static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
	const uint8_t *der = site->bundles[2].data + site->layout.signature;
	struct element certificates;
	if (!certificates_find(der, site->layout.signature_bytes, &certificates))
		return 0; /* no reason is right: every case fails and shows that this file is wrong */
	/* A changed certificate is no longer the signer's, or has no issuer. */
	if (offset >= certificates.content && offset < certificates.end)
		return REASON(BAD_SIGNATURE) | REASON(UNTRUSTED);
	/* One bit makes rsaEncryption sha1WithRSAEncryption. */
	if (offset >= certificates.end + sizeof rsa && bit == 2 &&
	    memcmp(der + offset + 1 - sizeof rsa, rsa, sizeof rsa) == 0)
		return REASON(WEAK_ALGORITHM);
	return REASON(BAD_SIGNATURE);
}
