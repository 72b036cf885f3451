/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: a bundle file is there whole or not at all, and holds what the images held, in bounded memory. */
#include "ota/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "ota/reason.h"
#include "test/bundle-make.h"
#include "test/test-helpers.h"

struct folder {
	char path[64];
	struct test_pki root;
	struct test_pki signer;
};

static void put_file(const struct folder *f, const char *name, const void *data, size_t size_bytes)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", f->path, name);
	test_file_write(path, data, size_bytes);
}

static void set_up(struct folder *f)
{
	struct make_images images;
	(void)snprintf(f->path, sizeof f->path, "%s/bundle-test.XXXXXX", P_tmpdir);
	cr_assert_not_null(mkdtemp(f->path));
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &f->root, &f->signer), 0);
	make_images(&images);
	put_file(f, "rootfs", images.rootfs, sizeof images.rootfs);
	put_file(f, "kernel", images.kernel, sizeof images.kernel);
	put_file(f, "cert", f->signer.certificate_pem, strlen(f->signer.certificate_pem));
	put_file(f, "key", f->signer.key_pem, strlen(f->signer.key_pem));
}

/* Removes every file; returns how many there were. */
static unsigned tear_down(struct folder *f)
{
	unsigned files = 0;
	DIR *dir = opendir(f->path);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		char path[512];
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", f->path, entry->d_name);
		(void)unlink(path);
		files++;
	}
	(void)closedir(dir);
	(void)rmdir(f->path);
	test_pki_free(&f->root);
	test_pki_free(&f->signer);
	return files;
}

/* Makes "out" from the named files, of which each may be missing or wrong. */
static int write_bundle(const struct folder *f, const char *rootfs, const char *cert, const char *key, int level,
			char *detail, size_t detail_bytes)
{
	char paths[5][128];
	const char *names[] = {rootfs, "kernel", cert, key, "out"};
	struct ota_manifest manifest;
	make_manifest(&manifest);
	for (unsigned i = 0; i < 5; i++)
		(void)snprintf(paths[i], sizeof paths[i], "%s/%s", f->path, names[i]);
	const struct ota_bundle_image images[] = {{"rootfs", paths[0]}, {"kernel", paths[1]}};
	const struct ota_bundle_spec spec = {&manifest, images, 2, paths[2], paths[3], level};
	return ota_bundle_write(&spec, paths[4], detail, detail_bytes);
}

static uint8_t *read_out(const struct folder *f, size_t *size_bytes)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/out", f->path);
	uint8_t *data = malloc(1 << 20);
	*size_bytes = test_file_read(path, data, 1 << 20);
	return data;
}

Test(bundle_write, a_file_is_the_same_as_memory)
{
	struct folder f;
	char detail[160] = "";
	uint8_t *memory;
	size_t memory_bytes;
	size_t file_bytes;
	set_up(&f);
	cr_assert_eq(write_bundle(&f, "rootfs", "cert", "key", 3, detail, sizeof detail), 0, "%s", detail);
	uint8_t *file = read_out(&f, &file_bytes);
	cr_assert_eq(make_bundle(f.signer.certificate_pem, f.signer.key_pem, &memory, &memory_bytes), 0);
	struct ota_bundle_header header;
	cr_assert_eq(ota_bundle_header_parse(file, &header), 0);
	/* All but the signature, which is of another moment. */
	const size_t head_bytes = make_head_bytes(file, file_bytes);
	const size_t other_bytes = make_head_bytes(memory, memory_bytes);
	cr_assert_arr_eq(file + OTA_BUNDLE_HEADER_BYTES, memory + OTA_BUNDLE_HEADER_BYTES,
			 header.manifest_bytes + header.index_bytes);
	cr_assert_eq(file_bytes - head_bytes, memory_bytes - other_bytes);
	cr_assert_arr_eq(file + head_bytes, memory + other_bytes, file_bytes - head_bytes);
	struct ota_keyring *keyring;
	struct ota_head *head;
	cr_assert_eq(ota_keyring_new(f.root.certificate_pem, NULL, &keyring), 0);
	cr_assert_eq(ota_head_open(file, head_bytes, keyring, TEST_PKI_NOW_S, &head, NULL, 0), 0);
	ota_head_free(head);
	ota_keyring_free(keyring);
	free(file);
	free(memory);
	cr_assert_eq(tear_down(&f), 5, "the inputs and the bundle, no temporary file");
}

Test(bundle_write, a_refusal_leaves_nothing_and_says_why)
{
	struct folder f;
	struct test_pki other_root;
	struct test_pki other;
	set_up(&f);
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &other_root, &other), 0);
	put_file(&f, "other-key", other.key_pem, strlen(other.key_pem));
	put_file(&f, "odd", "odd", 3);
	put_file(&f, "empty", "", 0);
	static const struct {
		const char *rootfs, *cert, *key;
		int level, result;
		const char *says;
	} rows[] = {
	    {"missing", "cert", "key", 3, -ENOENT, "missing"},
	    {"odd", "cert", "key", 3, OTA_BAD_CONFIG, "multiple of 512"},
	    {"empty", "cert", "key", 3, OTA_BAD_CONFIG, "multiple of 512"},
	    {"rootfs", "missing", "key", 3, -ENOENT, "missing"},
	    {"rootfs", "cert", "missing", 3, -ENOENT, "missing"},
	    {"rootfs", "odd", "key", 3, OTA_BAD_CONFIG, "certificate"},
	    {"rootfs", "cert", "odd", 3, OTA_BAD_CONFIG, "key"},
	    {"rootfs", "cert", "other-key", 3, OTA_BAD_CONFIG, "key"},
	    {"rootfs", "cert", "key", -1, OTA_BAD_CONFIG, "level"},
	    {"rootfs", "cert", "key", 99, OTA_BAD_CONFIG, "level"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char detail[160] = "";
		int result =
		    write_bundle(&f, rows[i].rootfs, rows[i].cert, rows[i].key, rows[i].level, detail, sizeof detail);
		cr_assert_eq(result, rows[i].result, "row %zu: %d %s", i, result, detail);
		cr_assert_not_null(strstr(detail, rows[i].says), "row %zu: \"%s\"", i, detail);
	}
	test_pki_free(&other_root);
	test_pki_free(&other);
	cr_assert_eq(tear_down(&f), 7, "only the inputs");
}

Test(bundle_write, a_failure_keeps_the_bundle_that_was_there)
{
	struct folder f;
	size_t before_bytes;
	size_t after_bytes;
	set_up(&f);
	cr_assert_eq(write_bundle(&f, "rootfs", "cert", "key", 3, NULL, 0), 0);
	uint8_t *before = read_out(&f, &before_bytes);
	cr_assert_eq(write_bundle(&f, "rootfs", "cert", "missing", 3, NULL, 0), -ENOENT);
	uint8_t *after = read_out(&f, &after_bytes);
	cr_assert_eq(before_bytes, after_bytes);
	cr_assert_arr_eq(before, after, before_bytes);
	free(before);
	free(after);
	(void)tear_down(&f);
}

/* 64 MiB with chunks of 1 MiB: threads at work, and far less memory than the image. */
Test(bundle_write, large_images_take_bounded_memory, .timeout = 120)
{
	struct folder f;
	char paths[4][128];
	const char *names[] = {"large", "cert", "key", "out"};
	char detail[160] = "";
	struct ota_manifest manifest;
	set_up(&f);
	make_manifest(&manifest);
	manifest.chunk_bytes = OTA_CHUNK_MAX_BYTES;
	for (unsigned i = 0; i < 4; i++)
		(void)snprintf(paths[i], sizeof paths[i], "%s/%s", f.path, names[i]);
	put_file(&f, "large", "begin", 5);
	cr_assert_eq(truncate(paths[0], 64 << 20), 0);
	const struct ota_bundle_image images[] = {{"rootfs", paths[0]}};
	const struct ota_bundle_spec spec = {&manifest, images, 1, paths[1], paths[2], 1};
	struct rusage before;
	struct rusage after;
	cr_assert_eq(getrusage(RUSAGE_SELF, &before), 0);
	cr_assert_eq(ota_bundle_write(&spec, paths[3], detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(getrusage(RUSAGE_SELF, &after), 0);
	cr_assert_lt(after.ru_maxrss - before.ru_maxrss, 40 * 1024, "%ld KiB more", after.ru_maxrss - before.ru_maxrss);
	size_t size;
	uint8_t *raw = read_out(&f, &size);
	struct ota_keyring *keyring;
	struct ota_head *head;
	cr_assert_eq(ota_keyring_new(f.root.certificate_pem, NULL, &keyring), 0);
	cr_assert_eq(ota_head_open(raw, make_head_bytes(raw, size), keyring, TEST_PKI_NOW_S, &head, NULL, 0), 0);
	cr_assert_eq(ota_head_chunks(head), 64);
	ota_head_free(head);
	ota_keyring_free(keyring);
	free(raw);
	(void)tear_down(&f);
}
