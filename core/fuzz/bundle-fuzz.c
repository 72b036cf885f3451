/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole file as the device sees it. First as it is: header, shape of the signature, CMS, chain. Then, if manifest and
 * index would be accepted, signed anew with a trusted key, so that all that follows a good signature is reached as
 * well: tables, look-up, chunks. What is accepted must be consistent; nothing may touch memory that is not ours.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/bundle-packer.h"
#include "bundle/index.h"
#include "ota/bundle.h"
#include "ota/reason.h"
#include "test/test-pki.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The root that the seeds were signed under; its key is gone. */
static const char root_pem[] = "-----BEGIN CERTIFICATE-----\n"
			       "MIIBWTCB/6ADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCUZ1enogUm9v\n"
			       "dDAeFw0yMDAxMDEwMDAwMDBaFw00MDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMMCUZ1\n"
			       "enogUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHt1CVo8woIvfiSMaZNR\n"
			       "LHb5Z9ph6m/6B8qjxom1pOei5GHDEQ8sCe3G/Yp5ypqoBwoPk6kq/35O8LUCM35I\n"
			       "Jz2jQjBAMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFCRh8I6h9VE8vgMHpqe8\n"
			       "4kINQ5yIMA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNJADBGAiEAjF3oJZL9\n"
			       "msGR77RmbBi73BCimhSbi2VXblyZX7/FEmICIQCy7CsoLZZYkOtH2/eEAsQR5018\n"
			       "Ozrevy0SwFKhtH/Kvg==\n"
			       "-----END CERTIFICATE-----\n";

static struct ota_keyring *seeds;
static struct ota_keyring *own;
static struct test_pki root;
static struct test_pki signer;
static struct ota_decoder *decoder;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (ota_keyring_new(root_pem, NULL, &seeds) || test_pki_make_pair(TEST_PKI_P256, &root, &signer) ||
	    ota_keyring_new(root.certificate_pem, NULL, &own) || ota_decoder_new(&decoder))
		abort();
	return 0;
}

static void use_head(const struct ota_head *head, const uint8_t *payload, size_t payload_bytes)
{
	const struct ota_manifest *m = ota_head_manifest(head);
	uint64_t offset = 0;
	uint8_t *content = malloc(m->chunk_bytes);
	for (uint32_t i = 0; content && i < ota_head_chunks(head); i++) {
		struct ota_chunk chunk;
		ota_head_chunk(head, i, &chunk);
		int64_t found = ota_head_find(head, chunk.sha256, chunk.content_bytes);
		if (chunk.payload_offset != offset || chunk.stored_bytes == 0 || chunk.content_bytes == 0 ||
		    chunk.content_bytes > m->chunk_bytes || chunk.stored_bytes > chunk.content_bytes || found < 0 ||
		    found > i)
			abort();
		offset += chunk.stored_bytes;
		if (offset <= payload_bytes)
			(void)!ota_decoder_chunk(decoder, &chunk, payload + chunk.payload_offset, content);
	}
	if (offset != m->payload_bytes)
		abort();
	free(content);
}

/* A head with this manifest and index, signed: it must open, for it was accepted before. */
static void sign_and_use(struct ota_span manifest, struct ota_span index, const uint8_t *payload, size_t payload_bytes)
{
	uint8_t *raw;
	size_t raw_bytes;
	struct ota_head *head;
	if (ota_head_seal(manifest, index, signer.certificate_pem, signer.key_pem, &raw, &raw_bytes, NULL, 0))
		abort();
	if (ota_head_open(raw, raw_bytes, own, TEST_PKI_NOW_S, &head, NULL, 0))
		abort();
	use_head(head, payload, payload_bytes);
	ota_head_free(head);
	free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ota_bundle_header header;
	struct ota_manifest manifest;
	struct ota_head *head;
	char detail[64];
	if (!seeds) /* replayed without libFuzzer */
		(void)LLVMFuzzerInitialize(NULL, NULL);
	if (size < OTA_BUNDLE_HEADER_BYTES || ota_bundle_header_parse(data, &header))
		return 0;
	size_t head_bytes = ota_bundle_head_bytes(&header);
	int result = ota_head_open(data, head_bytes < size ? head_bytes : size, seeds, TEST_PKI_NOW_S, &head, detail,
				   sizeof detail);
	if ((result == 0) != (head != NULL) || result < 0)
		abort();
	ota_head_free(head);
	if (head_bytes > size) {
		/* The rest of the file is the signature, whatever the header says: for the parsers behind the sizes. */
		(void)!ota_keyring_verify(seeds, data, 20, data + OTA_BUNDLE_HEADER_BYTES,
					  size - OTA_BUNDLE_HEADER_BYTES, TEST_PKI_NOW_S, detail, sizeof detail);
		return 0;
	}
	const struct ota_span text = {data + OTA_BUNDLE_HEADER_BYTES, header.manifest_bytes};
	const struct ota_span index = {text.data + text.size_bytes, header.index_bytes};
	if (!ota_manifest_parse(text, &manifest, detail, sizeof detail) &&
	    !ota_index_check(&manifest, index, detail, sizeof detail))
		sign_and_use(text, index, data + head_bytes, size - head_bytes);
	return 0;
}
