/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants: what is made opens, and gives back the same images; a head with any bit changed never opens, and says
 * why; a chunk with any bit changed is never content.
 */
#include "ota/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/sha.h>
#include <zstd.h>

#include "ota/reason.h"
#include "test/bundle-make.h"

struct fixture {
	struct test_pki root;
	struct test_pki signer;
	struct ota_keyring *keyring;
	uint8_t *bundle;
	size_t bundle_bytes;
	size_t head_bytes;
};

static void set_up(struct fixture *f, enum test_pki_key key)
{
	cr_assert_eq(test_pki_make_pair(key, &f->root, &f->signer), 0);
	cr_assert_eq(ota_keyring_new(f->root.certificate_pem, NULL, &f->keyring), 0);
	cr_assert_eq(make_bundle(f->signer.certificate_pem, f->signer.key_pem, &f->bundle, &f->bundle_bytes), 0);
	f->head_bytes = make_head_bytes(f->bundle, f->bundle_bytes);
	cr_assert_gt(f->head_bytes, 0);
}

static void tear_down(struct fixture *f)
{
	free(f->bundle);
	ota_keyring_free(f->keyring);
	test_pki_free(&f->root);
	test_pki_free(&f->signer);
}

static struct ota_head *open_good(const struct fixture *f)
{
	struct ota_head *head = NULL;
	char detail[160] = "";
	int result = ota_head_open(f->bundle, f->head_bytes, f->keyring, TEST_PKI_NOW_S, &head, detail, sizeof detail);
	cr_assert_eq(result, 0, "%s: %s", ota_reason_name(result), detail);
	return head;
}

/* The answer for these bytes; never a head unless 0. */
static int try_open(const struct fixture *f, const uint8_t *raw, size_t size_bytes, char *detail, size_t detail_bytes)
{
	struct ota_head *head = NULL;
	int result = ota_head_open(raw, size_bytes, f->keyring, TEST_PKI_NOW_S, &head, detail, detail_bytes);
	cr_assert((result == 0) == (head != NULL));
	ota_head_free(head);
	return result;
}

Test(bundle, gives_back_what_was_put_in)
{
	struct fixture f;
	struct make_images images;
	struct ota_manifest wanted;
	set_up(&f, TEST_PKI_P256);
	make_images(&images);
	make_manifest(&wanted);
	struct ota_head *head = open_good(&f);
	const struct ota_manifest *m = ota_head_manifest(head);
	cr_assert_str_eq(m->compatible, wanted.compatible);
	cr_assert_str_eq(m->version, wanted.version);
	cr_assert_str_eq(m->hardware, wanted.hardware);
	cr_assert_str_eq(m->channel, wanted.channel);
	cr_assert_str_eq(m->devices, wanted.devices);
	cr_assert_eq(m->sequence, wanted.sequence);
	cr_assert_eq(m->created_s, wanted.created_s);
	cr_assert_eq(m->expires_s, wanted.expires_s);
	cr_assert_eq(m->image_count, 2);
	cr_assert_str_eq(m->images[0].name, "rootfs");
	cr_assert_str_eq(m->images[1].name, "kernel");
	cr_assert_eq(m->images[1].first_chunk, m->images[0].chunks);
	cr_assert_eq(ota_head_chunks(head), 4 + 2);
	cr_assert_eq(ota_head_bytes(head), f.head_bytes);
	cr_assert_eq(ota_head_bytes(head) + m->payload_bytes, f.bundle_bytes);
	cr_assert_arr_eq(ota_head_raw(head), f.bundle, f.head_bytes);

	struct ota_decoder *decoder;
	cr_assert_eq(ota_decoder_new(&decoder), 0);
	const uint8_t *sources[] = {images.rootfs, images.kernel};
	unsigned compressed = 0;
	for (unsigned i = 0; i < m->image_count; i++) {
		uint8_t digest[OTA_DIGEST_BYTES];
		SHA256(sources[i], m->images[i].size_bytes, digest);
		cr_assert_arr_eq(digest, m->images[i].sha256, sizeof digest);
		uint64_t offset = 0;
		for (uint32_t c = 0; c < m->images[i].chunks; c++) {
			struct ota_chunk chunk;
			uint8_t content[4096];
			ota_head_chunk(head, m->images[i].first_chunk + c, &chunk);
			cr_assert_eq(
			    ota_decoder_chunk(decoder, &chunk, f.bundle + f.head_bytes + chunk.payload_offset, content),
			    0);
			cr_assert_arr_eq(content, sources[i] + offset, chunk.content_bytes);
			offset += chunk.content_bytes;
			compressed += chunk.zstd;
		}
		cr_assert_eq(offset, m->images[i].size_bytes);
	}
	cr_assert_eq(compressed, 4, "the root filesystem compresses, the noise of the kernel is stored raw");
	ota_decoder_free(decoder);
	ota_head_free(head);
	tear_down(&f);
}

Test(bundle, the_digest_is_that_of_the_signed_bytes)
{
	struct fixture f;
	set_up(&f, TEST_PKI_P256);
	struct ota_head *head = open_good(&f);
	struct ota_bundle_header header;
	uint8_t wanted[OTA_DIGEST_BYTES];
	cr_assert_eq(ota_bundle_header_parse(f.bundle, &header), 0);
	uint8_t *data = malloc(f.head_bytes);
	memcpy(data, f.bundle, 20);
	const size_t body_bytes = (size_t)header.manifest_bytes + header.index_bytes;
	memcpy(data + 20, f.bundle + OTA_BUNDLE_HEADER_BYTES, body_bytes);
	SHA256(data, 20 + body_bytes, wanted);
	cr_assert_arr_eq(ota_head_digest(head), wanted, sizeof wanted);
	free(data);
	ota_head_free(head);
	tear_down(&f);
}

Test(bundle, chunks_are_found_by_digest_and_size)
{
	struct fixture f;
	set_up(&f, TEST_PKI_P256);
	struct ota_head *head = open_good(&f);
	for (uint32_t i = 0; i < ota_head_chunks(head); i++) {
		struct ota_chunk chunk;
		ota_head_chunk(head, i, &chunk);
		int64_t found = ota_head_find(head, chunk.sha256, chunk.content_bytes);
		cr_assert_eq(found, i == 1 ? 0 : i, "the second chunk of zeros is the first one");
		cr_assert_eq(ota_head_find(head, chunk.sha256, chunk.content_bytes - 512), -1);
		uint8_t other[OTA_DIGEST_BYTES];
		for (unsigned bit = 0; bit < 8 * sizeof other; bit++) {
			memcpy(other, chunk.sha256, sizeof other);
			other[bit / 8] ^= (uint8_t)(1u << bit % 8);
			cr_assert_eq(ota_head_find(head, other, chunk.content_bytes), -1);
		}
	}
	ota_head_free(head);
	tear_down(&f);
}

/* The reason that a flipped bit of the header must give: the bounds decide, then the size of what is there. */
static int header_reason(size_t bit, const uint8_t *raw, size_t size_bytes)
{
	struct ota_bundle_header header;
	if (bit < 64)
		return OTA_BAD_MAGIC;
	if (bit < 96 || bit >= 192)
		return OTA_BAD_FORMAT;
	int result = ota_bundle_header_parse(raw, &header);
	if (result)
		return result;
	return ota_bundle_head_bytes(&header) > size_bytes ? OTA_TRUNCATED : OTA_TRAILING;
}

static bool is_signature_reason(int reason)
{
	return reason >= OTA_NO_SIGNATURE && reason <= OTA_WEAK_ALGORITHM;
}

/* Every bit of the head from `from` on, one at a time. Returns how many were tried. */
static size_t flip_all(const struct fixture *f, size_t from_bytes)
{
	struct ota_bundle_header header;
	cr_assert_eq(ota_bundle_header_parse(f->bundle, &header), 0);
	const size_t signed_bytes = OTA_BUNDLE_HEADER_BYTES + header.manifest_bytes + header.index_bytes;
	uint8_t *raw = malloc(f->head_bytes);
	size_t count[OTA_REASON_COUNT] = {0};
	size_t tried = 0;
	memcpy(raw, f->bundle, f->head_bytes);
	for (size_t bit = from_bytes * 8; bit < f->head_bytes * 8; bit++) {
		char detail[160] = "";
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		int result = try_open(f, raw, f->head_bytes, detail, sizeof detail);
		cr_assert_gt(result, 0, "bit %zu (byte %zu of %zu, signature from %zu) gave %d", bit, bit / 8,
			     f->head_bytes, signed_bytes, result);
		cr_assert_neq(detail[0], '\0', "bit %zu: refused without a word", bit);
		if (bit / 8 < OTA_BUNDLE_HEADER_BYTES)
			cr_assert_eq(result, header_reason(bit, raw, f->head_bytes), "bit %zu: %s", bit, detail);
		else if (bit / 8 < signed_bytes)
			cr_assert_eq(result, OTA_BAD_SIGNATURE, "bit %zu: %s", bit, detail);
		else
			cr_assert(is_signature_reason(result), "bit %zu: %s: %s", bit, ota_reason_name(result), detail);
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		count[result]++;
		tried++;
	}
	for (int i = 0; i < OTA_REASON_COUNT; i++) {
		if (count[i])
			(void)fprintf(stderr, "  %s %zu", ota_reason_name(i), count[i]);
	}
	(void)fprintf(stderr, "\n");
	free(raw);
	return tried;
}

Test(bundle, no_bit_of_a_head_can_change, .timeout = 300)
{
	static const enum test_pki_key keys[] = {TEST_PKI_P256, TEST_PKI_RSA_2048};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct fixture f;
		struct ota_bundle_header header;
		set_up(&f, keys[i]);
		cr_assert_eq(ota_bundle_header_parse(f.bundle, &header), 0);
		size_t tried = flip_all(&f, i == 0 ? 0 : f.head_bytes - header.signature_bytes);
		(void)fprintf(stderr, "%zu bits of a head of %zu bytes flipped, none opened\n", tried, f.head_bytes);
		tear_down(&f);
	}
}

/* A reader of a file takes as many bytes as the (changed) header says: then the signature must notice. */
Test(bundle, no_bit_of_a_header_can_change_in_a_file)
{
	struct fixture f;
	set_up(&f, TEST_PKI_P256);
	uint8_t *file = calloc(1, 1 << 20);
	const size_t file_bytes = 1 << 20;
	memcpy(file, f.bundle, f.bundle_bytes);
	unsigned read_in_full = 0;
	for (size_t bit = 0; bit < OTA_BUNDLE_HEADER_BYTES * 8; bit++) {
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		size_t head_bytes = make_head_bytes(file, file_bytes);
		if (head_bytes > 0 && head_bytes <= file_bytes) {
			int result = try_open(&f, file, head_bytes, NULL, 0);
			cr_assert(is_signature_reason(result), "bit %zu gave %s", bit, ota_reason_name(result));
			read_in_full++;
		}
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	cr_assert_gt(read_in_full, 20);
	free(file);
	tear_down(&f);
}

Test(bundle, no_length_but_the_right_one_opens)
{
	struct fixture f;
	set_up(&f, TEST_PKI_P256);
	for (size_t size = 0; size < f.head_bytes; size++)
		cr_assert_eq(try_open(&f, f.bundle, size, NULL, 0), OTA_TRUNCATED, "%zu bytes", size);
	cr_assert_eq(try_open(&f, f.bundle, f.head_bytes + 1, NULL, 0), OTA_TRAILING);
	cr_assert_eq(try_open(&f, f.bundle, f.bundle_bytes, NULL, 0), OTA_TRAILING);
	tear_down(&f);
}

Test(bundle, header_bounds_hold)
{
	static const struct {
		uint32_t manifest_bytes, index_bytes, signature_bytes;
		int reason;
	} rows[] = {
	    {100, 40, 70, 0},
	    {OTA_MANIFEST_MAX_BYTES, 40, 70, 0},
	    {OTA_MANIFEST_MAX_BYTES + 1, 40, 70, OTA_TOO_LARGE},
	    {0, 40, 70, OTA_BAD_FORMAT},
	    {0x80000000u, 40, 70, OTA_TOO_LARGE},
	    {0xffffffffu, 40, 70, OTA_TOO_LARGE},
	    {100, 0, 70, OTA_BAD_FORMAT},
	    {100, 39, 70, OTA_BAD_FORMAT},
	    {100, 41, 70, OTA_BAD_FORMAT},
	    {100, OTA_INDEX_MAX_BYTES / 40 * 40, 70, 0},
	    {100, OTA_INDEX_MAX_BYTES / 40 * 40 + 40, 70, OTA_TOO_LARGE},
	    {100, 0xfffffff8u, 70, OTA_TOO_LARGE},
	    {100, 40, 0, OTA_NO_SIGNATURE},
	    {100, 40, OTA_SIGNATURE_MAX_BYTES, 0},
	    {100, 40, OTA_SIGNATURE_MAX_BYTES + 1, OTA_TOO_LARGE},
	    {100, 40, 0xffffffffu, OTA_TOO_LARGE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t raw[OTA_BUNDLE_HEADER_BYTES] = "OTABNDL\n\1";
		const uint32_t sizes[] = {rows[i].manifest_bytes, rows[i].index_bytes, rows[i].signature_bytes};
		struct ota_bundle_header header = {0};
		for (unsigned j = 0; j < 12; j++)
			raw[12 + j] = (uint8_t)(sizes[j / 4] >> 8 * (j % 4));
		int result = ota_bundle_header_parse(raw, &header);
		cr_assert_eq(result, rows[i].reason, "row %zu: %s", i, ota_reason_name(result));
		if (!result) {
			cr_assert_eq(header.manifest_bytes, rows[i].manifest_bytes);
			cr_assert_eq(header.index_bytes, rows[i].index_bytes);
			cr_assert_eq(header.signature_bytes, rows[i].signature_bytes);
		}
	}
}

/* created= becomes a lower bound of the device's time: one beyond the signer's certificate would end all updates. */
Test(bundle, a_date_beyond_the_signers_certificate_is_refused)
{
	static const struct {
		int64_t created_s;
		int reason;
	} rows[] = {{TEST_PKI_NOW_S - 1, 0},
		    {TEST_PKI_NOW_S + 1, 0},
		    {TEST_PKI_TO_S - 1, 0},
		    {TEST_PKI_TO_S + 1, OTA_CERT_EXPIRED},
		    {INT64_MAX, OTA_CERT_EXPIRED}};
	struct fixture f;
	struct make_images images;
	char detail[160] = "";
	set_up(&f, TEST_PKI_P256);
	make_images(&images);
	const struct ota_bundle_blob blob = {"rootfs", images.rootfs, sizeof images.rootfs};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ota_manifest manifest;
		uint8_t *raw;
		size_t size;
		make_manifest(&manifest);
		manifest.created_s = rows[i].created_s;
		manifest.expires_s = 0;
		cr_assert_eq(ota_bundle_build(&manifest, &blob, 1, f.signer.certificate_pem, f.signer.key_pem, 3, &raw,
					      &size, detail, sizeof detail),
			     0, "%s", detail);
		int result = try_open(&f, raw, make_head_bytes(raw, size), detail, sizeof detail);
		cr_assert_eq(result, rows[i].reason, "created %lld: %s: %s", (long long)rows[i].created_s,
			     ota_reason_name(result), detail);
		free(raw);
	}
	tear_down(&f);
}

Test(decoder, no_bit_of_a_stored_chunk_can_change)
{
	struct fixture f;
	struct ota_decoder *decoder;
	set_up(&f, TEST_PKI_P256);
	struct ota_head *head = open_good(&f);
	cr_assert_eq(ota_decoder_new(&decoder), 0);
	unsigned decode = 0;
	unsigned digest = 0;
	/* Flips that decode to the same bytes are harmless: what is signed is the content. */
	for (uint32_t i = 0; i < ota_head_chunks(head); i++) {
		struct ota_chunk chunk;
		uint8_t content[4096];
		uint8_t wanted[OTA_DIGEST_BYTES];
		ota_head_chunk(head, i, &chunk);
		uint8_t *stored = f.bundle + f.head_bytes + chunk.payload_offset;
		for (size_t bit = 0; bit < 8 * (size_t)chunk.stored_bytes; bit++) {
			stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
			int result = ota_decoder_chunk(decoder, &chunk, stored, content);
			stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (result == 0) {
				SHA256(content, chunk.content_bytes, wanted);
				cr_assert_arr_eq(wanted, chunk.sha256, sizeof wanted);
				cr_assert(chunk.zstd);
				continue;
			}
			cr_assert(result == OTA_CHUNK_DECODE || result == OTA_CHUNK_DIGEST);
			decode += result == OTA_CHUNK_DECODE;
			digest += result == OTA_CHUNK_DIGEST;
		}
	}
	cr_assert(decode > 0 && digest > 0);
	ota_decoder_free(decoder);
	ota_head_free(head);
	tear_down(&f);
}

/* A chunk stored as these bytes, said to hold 4096 bytes of 'a'. */
static int decode_chunk(struct ota_decoder *decoder, const uint8_t *stored, size_t stored_bytes)
{
	uint8_t wanted[4096];
	uint8_t digest[OTA_DIGEST_BYTES];
	uint8_t content[4096];
	memset(wanted, 'a', sizeof wanted);
	SHA256(wanted, sizeof wanted, digest);
	/* Exactly as large as they say, so that a sanitizer sees one byte too many. */
	uint8_t *copy = malloc(stored_bytes);
	memcpy(copy, stored, stored_bytes);
	const struct ota_chunk chunk = {
	    .stored_bytes = (uint32_t)stored_bytes, .content_bytes = sizeof content, .zstd = true, .sha256 = digest};
	int result = ota_decoder_chunk(decoder, &chunk, copy, content);
	free(copy);
	return result;
}

static size_t compress_chunk(uint8_t *out, size_t room, size_t content_bytes, int window_log, bool sized)
{
	uint8_t content[8192];
	memset(content, 'a', sizeof content);
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, sized);
	if (window_log)
		(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window_log);
	size_t size = ZSTD_compress2(zstd, out, room, content, content_bytes);
	cr_assert_not(ZSTD_isError(size));
	(void)ZSTD_freeCCtx(zstd);
	return size;
}

Test(decoder, one_frame_of_exactly_that_size)
{
	struct ota_decoder *decoder;
	uint8_t stored[1024];
	static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
	cr_assert_eq(ota_decoder_new(&decoder), 0);
	size_t size = compress_chunk(stored, sizeof stored, 4096, 0, true);
	cr_assert_eq(decode_chunk(decoder, stored, size), 0);
	for (size_t cut = 1; cut < size; cut++)
		cr_assert_eq(decode_chunk(decoder, stored, size - cut), OTA_CHUNK_DECODE);
	stored[size] = 0;
	cr_assert_eq(decode_chunk(decoder, stored, size + 1), OTA_CHUNK_DECODE, "a byte behind the frame");
	memcpy(stored + size, skippable, sizeof skippable);
	cr_assert_eq(decode_chunk(decoder, stored, size + sizeof skippable), OTA_CHUNK_DECODE, "a second frame");
	cr_assert_eq(decode_chunk(decoder, skippable, sizeof skippable), OTA_CHUNK_DECODE, "no content at all");
	size = compress_chunk(stored, sizeof stored, 2048, 0, true);
	size += compress_chunk(stored + size, sizeof stored - size, 2048, 0, true);
	cr_assert_eq(decode_chunk(decoder, stored, size), OTA_CHUNK_DECODE, "two halves");
	size = compress_chunk(stored, sizeof stored, 4096, 0, false);
	cr_assert_eq(decode_chunk(decoder, stored, size), OTA_CHUNK_DECODE, "size not said");
	size = compress_chunk(stored, sizeof stored, 4095, 0, true);
	cr_assert_eq(decode_chunk(decoder, stored, size), OTA_CHUNK_DECODE, "too short");
	size = compress_chunk(stored, sizeof stored, 8192, 0, true);
	cr_assert_eq(decode_chunk(decoder, stored, size), OTA_CHUNK_DECODE, "too long");
	memset(stored, 'b', sizeof stored);
	cr_assert_eq(decode_chunk(decoder, stored, sizeof stored), OTA_CHUNK_DECODE, "no frame");
	size = compress_chunk(stored, sizeof stored, 4096, 0, true);
	cr_assert_eq(decode_chunk(decoder, stored, size), 0, "a decoder works on after refusals");
	ota_decoder_free(decoder);
}
