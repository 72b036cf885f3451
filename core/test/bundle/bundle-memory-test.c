/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: when memory runs out, at whichever allocation, a good head is either opened or refused with -ENOMEM: never
 * blamed on the bundle, never half open, nothing leaked or touched twice (under the sanitizers).
 */
#include "ota/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <openssl/crypto.h>

#include "ota/reason.h"
#include "test/bundle-make.h"

/* OpenSSL's allocations, counted; the one at `fail_at` fails, and those after it if it is for ever. */
static struct {
	unsigned count;
	unsigned fail_at; /* 0: none */
	bool for_ever;
} heap;

static bool refuse_allocation(void)
{
	heap.count++;
	return heap.fail_at && (heap.for_ever ? heap.count >= heap.fail_at : heap.count == heap.fail_at);
}

static void *test_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return refuse_allocation() ? NULL : malloc(size);
}

static void *test_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return refuse_allocation() ? NULL : realloc(old, size);
}

static void test_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

static void install_allocator(void)
{
	(void)CRYPTO_set_mem_functions(test_malloc, test_realloc, test_free);
}

/* Before any library's constructor: OpenSSL takes other functions only before its first allocation. */
__attribute__((section(".preinit_array"), used)) static void (*const before_all)(void) = install_allocator;

/* Opens with each allocation failing in turn; returns how many ended in -ENOMEM. */
static unsigned run_out(const uint8_t *bundle, size_t head_bytes, const struct ota_keyring *keyring, bool for_ever)
{
	unsigned refused = 0;
	unsigned survived = 0;
	for (unsigned at = 1; at < 100000; at++) {
		char detail[160] = "";
		struct ota_head *head;
		heap.count = 0;
		heap.for_ever = for_ever;
		heap.fail_at = at;
		int result = ota_head_open(bundle, head_bytes, keyring, TEST_PKI_NOW_S, &head, detail, sizeof detail);
		heap.fail_at = 0;
		cr_assert((result == 0) == (head != NULL));
		ota_head_free(head);
		if (result == 0 && heap.count < at)
			break;
		cr_assert_leq(result, 0, "allocation %u: %s: %s", at, ota_reason_name(result), detail);
		refused += result == -ENOMEM;
		survived += result == 0;
	}
	(void)fprintf(stderr, "allocations failing %s: %u refused, %u survived\n", for_ever ? "for ever" : "once",
		      refused, survived);
	return refused;
}

Test(bundle_memory, running_out_is_said_so, .timeout = 120)
{
	struct test_pki root;
	struct test_pki signer;
	struct ota_keyring *keyring;
	struct ota_head *head;
	uint8_t *bundle;
	size_t bundle_bytes;
	char detail[160];
	CRYPTO_malloc_fn used;
	CRYPTO_get_mem_functions(&used, NULL, NULL);
	cr_assert_eq(used, test_malloc);
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &root, &signer), 0);
	cr_assert_eq(ota_keyring_new(root.certificate_pem, NULL, &keyring), 0);
	cr_assert_eq(make_bundle(signer.certificate_pem, signer.key_pem, &bundle, &bundle_bytes), 0);
	const size_t head_bytes = make_head_bytes(bundle, bundle_bytes);
	cr_assert_eq(ota_head_open(bundle, head_bytes, keyring, TEST_PKI_NOW_S, &head, detail, sizeof detail), 0);
	ota_head_free(head);
	cr_assert_gt(run_out(bundle, head_bytes, keyring, false), 100);
	cr_assert_gt(run_out(bundle, head_bytes, keyring, true), 100);
	free(bundle);
	ota_keyring_free(keyring);
	test_pki_free(&root);
	test_pki_free(&signer);
}
