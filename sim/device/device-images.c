/* SPDX-License-Identifier: Apache-2.0 */
/* Images and bundles of the simulated device, good ones and forged ones. */
#include "device/device-images.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ota/slot.h"
#include "pki/test-keys.h"

#define SIGNATURE_FLAGS (CMS_BINARY | CMS_DETACHED | CMS_NOSMIMECAP | CMS_PARTIAL)

static uint64_t next_random(uint64_t *state)
{
	/* splitmix64, Sebastiano Vigna, public domain */
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Three kinds of chunk: common to all versions (reuse finds it), plain noise, and text that compresses. */
static void fill_chunk(uint8_t *to, size_t size_bytes, size_t chunk, uint64_t seed, uint64_t version_seed)
{
	bool common = chunk % 4 == 3, text = chunk % 4 == 2;
	uint64_t state = seed ^ (common ? 0 : version_seed) ^ (chunk << 20);

	for (size_t i = 0; i < size_bytes; i += 8) {
		uint64_t word = next_random(&state);

		if (text && i % 64 >= 16)
			word = 0x2020202020202020u;
		memcpy(to + i, &word, 8);
	}
}

static int make_blob(struct yp_sim_blob *blob, const struct yp_sim_version *v, const char *what, size_t size_bytes,
		     const struct yp_sim_spec *spec, struct yp_pool *pool)
{
	static const char *const kinds[] = {"good",         "panics",       "hangs",      "no root",
					    "health fails", "health hangs", "crash loops"};
	uint64_t version_seed = v->sequence * 0x2545f4914f6cdd1du + (uint64_t)what[0];
	int error = 0;

	blob->size_bytes = size_bytes;
	blob->data = calloc(1, size_bytes);
	blob->contents = calloc(size_bytes / YP_SECTOR_BYTES, sizeof *blob->contents);
	if (blob->data == NULL || blob->contents == NULL)
		return -ENOMEM;
	for (size_t at = 0; at < size_bytes; at += spec->chunk_bytes) {
		size_t bytes = size_bytes - at < spec->chunk_bytes ? size_bytes - at : spec->chunk_bytes;

		fill_chunk(blob->data + at, bytes, at / spec->chunk_bytes, spec->seed, version_seed);
	}
	(void)snprintf((char *)blob->data, 128, YP_SIM_IMAGE_MAGIC " %s %s: %s", what, v->version, kinds[v->kind]);
	for (size_t s = 0; s < size_bytes / YP_SECTOR_BYTES && error == 0; s++)
		error = yp_pool_intern(pool, blob->data + s * YP_SECTOR_BYTES, &blob->contents[s]);
	return error;
}

int yp_sim_version_make(struct yp_sim_version *v, const struct yp_sim_spec *spec, struct yp_pool *pool)
{
	int error = make_blob(&v->rootfs, v, "rootfs", (size_t)spec->slot_kib * 1024, spec, pool);

	if (error == 0 && spec->kernel_kib != 0)
		error = make_blob(&v->kernel, v, "kernel", (size_t)spec->kernel_kib * 1024, spec, pool);
	return error;
}

void yp_sim_version_deinit(struct yp_sim_version *v)
{
	free(v->rootfs.data);
	free(v->rootfs.contents);
	free(v->kernel.data);
	free(v->kernel.contents);
	*v = (struct yp_sim_version){.label = NULL};
}

static void *from_pem(const char *pem, bool key)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	void *out = NULL;

	if (bio != NULL)
		out = key ? (void *)PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
			  : (void *)PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return out;
}

/* A fixed time of signing: OpenSSL takes the wall clock unless there is one already. */
static bool set_signing_time(CMS_SignerInfo *signer)
{
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)YP_SIM_BUILD_S);
	bool done =
	    when != NULL && CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, when->type, when, -1) == 1;

	ASN1_TIME_free(when);
	return done;
}

/* certificate NULL: a structure without a signer. */
static int sign_data(const uint8_t *data, size_t size_bytes, const char *certificate_pem, uint8_t **out,
		     size_t *out_bytes)
{
	BIO *bio = BIO_new_mem_buf(data, (int)size_bytes);
	X509 *certificate = certificate_pem == NULL ? NULL : from_pem(certificate_pem, false);
	EVP_PKEY *key = from_pem(yp_sim_test_key, true);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, bio, SIGNATURE_FLAGS);
	int error = -ENOMEM, length;

	*out = NULL;
	if (bio == NULL || cms == NULL || key == NULL || (certificate_pem != NULL && certificate == NULL))
		goto done;
	if (certificate != NULL) {
		CMS_SignerInfo *signer = CMS_add1_signer(cms, certificate, key, EVP_sha256(), SIGNATURE_FLAGS);

		if (signer == NULL || !set_signing_time(signer))
			goto done;
	}
	/* OpenSSL refuses to finish a structure without a signer, but encodes it as it is. */
	if (certificate != NULL && CMS_final(cms, bio, NULL, SIGNATURE_FLAGS) != 1)
		goto done;
	length = i2d_CMS_ContentInfo(cms, out);
	if (length > 0) {
		*out_bytes = (size_t)length;
		error = 0;
	}
done:
	CMS_ContentInfo_free(cms);
	EVP_PKEY_free(key);
	X509_free(certificate);
	BIO_free(bio);
	return error;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

/* Replaces the signature, whose certificate and time vary, by a fixed one; spec->lie selects the signer. */
static int sign_again(uint8_t **bundle, size_t *bundle_bytes, enum yp_sim_lie lie)
{
	const char *certificate = lie == YP_SIM_LIE_WRONG_PURPOSE     ? yp_sim_test_certificate_tls
				  : lie == YP_SIM_LIE_UNTRUSTED       ? yp_sim_test_certificate_rogue
				  : lie == YP_SIM_LIE_EMPTY_SIGNATURE ? NULL
								      : yp_sim_test_certificate_signer;
	struct ota_bundle_header header;
	uint8_t *data = NULL, *signature = NULL, *out = NULL;
	size_t signed_bytes, signature_bytes = 0, rest;
	int error = ota_bundle_header_parse(*bundle, &header);

	if (error != 0)
		return -EPROTO;
	signed_bytes = 20 + (size_t)header.manifest_bytes + header.index_bytes;
	data = malloc(signed_bytes);
	if (data == NULL)
		return -ENOMEM;
	memcpy(data, *bundle, 20);
	memcpy(data + 20, *bundle + OTA_BUNDLE_HEADER_BYTES, signed_bytes - 20);
	error = sign_data(data, signed_bytes, certificate, &signature, &signature_bytes);
	if (error != 0)
		goto done;
	if (lie == YP_SIM_LIE_NO_SIGNATURE)
		signature_bytes = 0;
	if (lie == YP_SIM_LIE_BAD_SIGNATURE)
		signature[signature_bytes - 9] ^= 4u;
	rest = *bundle_bytes - ota_bundle_head_bytes(&header);
	error = -ENOMEM;
	out = malloc(OTA_BUNDLE_HEADER_BYTES + signed_bytes - 20 + signature_bytes + rest);
	if (out == NULL)
		goto done;
	memcpy(out, *bundle, OTA_BUNDLE_HEADER_BYTES + signed_bytes - 20);
	put_u32(out + 20, (uint32_t)signature_bytes);
	memcpy(out + OTA_BUNDLE_HEADER_BYTES + signed_bytes - 20, signature, signature_bytes);
	memcpy(out + OTA_BUNDLE_HEADER_BYTES + signed_bytes - 20 + signature_bytes,
	       *bundle + ota_bundle_head_bytes(&header), rest);
	free(*bundle);
	*bundle = out;
	*bundle_bytes = OTA_BUNDLE_HEADER_BYTES + signed_bytes - 20 + signature_bytes + rest;
	error = 0;
done:
	OPENSSL_free(signature);
	free(data);
	return error;
}

static void fill_manifest(struct ota_manifest *m, const struct yp_sim_version *v, const struct yp_sim_spec *spec,
			  enum yp_sim_lie lie)
{
	*m = (struct ota_manifest){.sequence = v->sequence,
				   .chunk_bytes = spec->chunk_bytes,
				   .created_s = YP_SIM_BUILD_S,
				   .expires_s = lie == YP_SIM_LIE_EXPIRED ? YP_SIM_BUILD_S + 60 : 0};
	(void)snprintf(m->compatible, sizeof m->compatible, "%s",
		       lie == YP_SIM_LIE_INCOMPATIBLE ? "toaster" : YP_SIM_COMPATIBLE);
	(void)snprintf(m->version, sizeof m->version, "%s", v->version);
}

int yp_sim_bundle_make(const struct yp_sim_version *v, const struct yp_sim_spec *spec, enum yp_sim_lie lie,
		       uint8_t **out, size_t *out_bytes)
{
	struct ota_manifest manifest;
	struct ota_bundle_blob blobs[2] = {{"rootfs", v->rootfs.data, v->rootfs.size_bytes},
					   {"kernel", v->kernel.data, v->kernel.size_bytes}};
	uint8_t *big = NULL;
	int error;

	fill_manifest(&manifest, v, spec, lie);
	if (lie == YP_SIM_LIE_TOO_BIG) {
		blobs[0].size_bytes += OTA_SLOT_TAIL_BYTES;
		big = calloc(1, blobs[0].size_bytes);
		if (big == NULL)
			return -ENOMEM;
		memcpy(big, v->rootfs.data, v->rootfs.size_bytes);
		blobs[0].data = big;
	}
	error = ota_bundle_build(&manifest, blobs, v->kernel.data == NULL ? 1 : 2, yp_sim_test_certificate_signer,
				 yp_sim_test_key, 3, out, out_bytes, NULL, 0);
	if (error == 0)
		error = sign_again(out, out_bytes, lie);
	if (error == 0 && lie == YP_SIM_LIE_CORRUPT_MANIFEST)
		(*out)[OTA_BUNDLE_HEADER_BYTES + 20] ^= 1u;
	if (error == 0 && lie == YP_SIM_LIE_TRUNCATED)
		*out_bytes -= *out_bytes / 4;
	free(big);
	return error > 0 ? -EPROTO : error;
}

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

size_t yp_sim_bundle_corrupt_at(const uint8_t *bundle)
{
	struct ota_bundle_header header;
	const uint8_t *record;
	uint32_t chunks, chunk;
	size_t at;

	if (ota_bundle_header_parse(bundle, &header) != 0)
		return 0;
	chunks = header.index_bytes / OTA_INDEX_RECORD_BYTES;
	chunk = chunks / 2 / 4 * 4;
	at = ota_bundle_head_bytes(&header) + 100;
	record = bundle + OTA_BUNDLE_HEADER_BYTES + header.manifest_bytes;
	for (uint32_t i = 0; i < chunk; i++)
		at += get_u32(record + (size_t)i * OTA_INDEX_RECORD_BYTES);
	return at;
}
