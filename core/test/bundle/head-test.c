/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: a stored head is known again by its digest alone, gives the same chunks as when it was verified, and with
 * any bit of what is signed changed, or any length, it is not known and nothing of it is used.
 */
#include "bundle/head.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "test/bundle-make.h"

struct fixture {
	uint8_t *raw;
	size_t size_bytes, signed_bytes; /* of the head; header, manifest and index of it */
	struct ota_head *verified;
};

static void set_up(struct fixture *f)
{
	struct test_pki root, signer;
	struct ota_keyring *keyring;
	struct ota_bundle_header header;
	size_t bundle_bytes;

	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &root, &signer), 0);
	cr_assert_eq(ota_keyring_new(root.certificate_pem, NULL, &keyring), 0);
	cr_assert_eq(make_bundle(signer.certificate_pem, signer.key_pem, &f->raw, &bundle_bytes), 0);
	f->size_bytes = make_head_bytes(f->raw, bundle_bytes);
	cr_assert_eq(ota_bundle_header_parse(f->raw, &header), 0);
	f->signed_bytes = f->size_bytes - header.signature_bytes;
	cr_assert_eq(ota_head_open(f->raw, f->size_bytes, keyring, TEST_PKI_NOW_S, &f->verified, NULL, 0), 0);
	ota_keyring_free(keyring);
	test_pki_free(&root);
	test_pki_free(&signer);
}

static void tear_down(struct fixture *f)
{
	ota_head_free(f->verified);
	free(f->raw);
}

static int open_known(const struct fixture *f, size_t size_bytes, struct ota_head **out)
{
	return ota_head_known(f->raw, size_bytes, ota_head_digest(f->verified), out);
}

Test(head, known_by_digest)
{
	struct fixture f;
	struct ota_head *head;
	struct ota_chunk a, b;

	set_up(&f);
	cr_assert_eq(open_known(&f, f.size_bytes, &head), 0);
	cr_assert_arr_eq(ota_head_digest(head), ota_head_digest(f.verified), OTA_DIGEST_BYTES);
	cr_assert_eq(ota_head_chunks(head), ota_head_chunks(f.verified));
	for (uint32_t i = 0; i < ota_head_chunks(head); i++) {
		ota_head_chunk(f.verified, i, &a);
		ota_head_chunk(head, i, &b);
		cr_assert_arr_eq(a.sha256, b.sha256, OTA_DIGEST_BYTES);
		cr_assert_eq(a.payload_offset, b.payload_offset);
		cr_assert_eq(ota_head_find(head, a.sha256, a.content_bytes),
			     ota_head_find(f.verified, a.sha256, a.content_bytes));
	}
	ota_head_free(head);
	tear_down(&f);
}

Test(head, changed_is_not_known)
{
	struct fixture f;
	struct ota_head *head;

	set_up(&f);
	for (size_t bit = 0; bit < f.signed_bytes * 8; bit++) {
		/* The signature's size is not signed: it is what its DER says. */
		if (bit / 8 >= OTA_HEADER_SIGNED_BYTES && bit / 8 < OTA_BUNDLE_HEADER_BYTES)
			continue;
		f.raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_neq(open_known(&f, f.size_bytes, &head), 0, "bit %zu", bit);
		cr_assert_null(head);
		f.raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bytes = 0; bytes < f.size_bytes; bytes++)
		cr_assert_neq(open_known(&f, bytes, &head), 0, "%zu bytes", bytes);
	cr_assert_eq(open_known(&f, f.size_bytes, &head), 0);
	ota_head_free(head);
	tear_down(&f);
}
