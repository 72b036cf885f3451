/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: a manifest or index that is signed by a trusted key but malformed, ambiguous or inconsistent is refused,
 * with a clause that names the place; what is accepted means exactly what it says.
 */
#include "bundle/index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bundle/bundle-packer.h"
#include "ota/reason.h"
#include "test/test-pki.h"

#define UPDATE "[update]\ncompatible=Board\nversion=1.0\nsequence=1\ncreated=1\nchunk-bytes=4096\npayload-bytes=512\n"
#define ZEROS  "0000000000000000000000000000000000000000000000000000000000000000"
#define ROOTFS "[image.rootfs]\nsize=512\nsha256=" ZEROS "\n"

struct fixture {
	struct test_pki root;
	struct test_pki signer;
	struct ota_keyring *keyring;
};

static void set_up(struct fixture *f)
{
	cr_assert_eq(test_pki_make_pair(TEST_PKI_P256, &f->root, &f->signer), 0);
	cr_assert_eq(ota_keyring_new(f->root.certificate_pem, NULL, &f->keyring), 0);
}

static void tear_down(struct fixture *f)
{
	ota_keyring_free(f->keyring);
	test_pki_free(&f->root);
	test_pki_free(&f->signer);
}

/* Signs this text and index with the good key, and opens the head. */
static int open_signed(const struct fixture *f, const void *text, size_t text_bytes, const uint8_t *index,
		       size_t index_bytes, struct ota_head **out, char *detail, size_t detail_bytes)
{
	uint8_t *raw;
	size_t raw_bytes;
	const struct ota_span manifest = {text, text_bytes};
	const struct ota_span records = {index, index_bytes};
	cr_assert_eq(ota_head_seal(manifest, records, f->signer.certificate_pem, f->signer.key_pem, &raw, &raw_bytes,
				   detail, detail_bytes),
		     0);
	detail[0] = '\0';
	int result = ota_head_open(raw, raw_bytes, f->keyring, TEST_PKI_NOW_S, out, detail, detail_bytes);
	cr_assert((result == 0) == (*out != NULL));
	free(raw);
	return result;
}

/* The same with the index that fits one chunk of 512 bytes. */
static int open_text(const struct fixture *f, const char *text, char *detail, size_t detail_bytes)
{
	uint8_t index[OTA_INDEX_RECORD_BYTES];
	uint8_t sha256[OTA_DIGEST_BYTES] = {0};
	struct ota_head *head;
	ota_record_write(index, 512, 0, sha256);
	int result = open_signed(f, text, strlen(text), index, sizeof index, &head, detail, detail_bytes);
	ota_head_free(head);
	return result;
}

struct row {
	const char *text;
	const char *says; /* NULL: accepted */
};

static void check_rows(const struct row *rows, size_t count)
{
	struct fixture f;
	set_up(&f);
	for (size_t i = 0; i < count; i++) {
		char detail[200];
		int result = open_text(&f, rows[i].text, detail, sizeof detail);
		if (!rows[i].says) {
			cr_assert_eq(result, 0, "row %zu: %s", i, detail);
			continue;
		}
		cr_assert_eq(result, OTA_BAD_MANIFEST, "row %zu: %s: %s", i, ota_reason_name(result), detail);
		cr_assert_not_null(strstr(detail, rows[i].says), "row %zu says \"%s\", not \"%s\"", i, detail,
				   rows[i].says);
	}
	tear_down(&f);
}

Test(manifest, grammar)
{
	static const struct row rows[] = {
	    {UPDATE ROOTFS, NULL},
	    {ROOTFS UPDATE, NULL},
	    {"# a comment [x] = ; \n\n" UPDATE "\n" ROOTFS "\n# end\n", NULL},
	    {UPDATE "x-note=anything; goes # here \\\" =\n" ROOTFS "x-note=also in images\n", NULL},
	    {UPDATE ROOTFS "x-empty=\n", NULL},
	    {UPDATE ROOTFS "x-a", "line 11"},
	    {UPDATE ROOTFS "x-a=1\nx-a=1\n", "[image.rootfs] x-a: given twice"},
	    {UPDATE ROOTFS "junk\n", "neither"},
	    {UPDATE ROOTFS "=1\n", "key is empty"},
	    {UPDATE ROOTFS "Size=1\n", "not allowed"},
	    {UPDATE ROOTFS "si ze=1\n", "not allowed"},
	    {UPDATE ROOTFS "x-abcdefghijabcdefghijabcdefghij1=1\n", "longer than 32"},
	    {UPDATE ROOTFS "unknown=1\n", "[image.rootfs] unknown: unknown key"},
	    {UPDATE "url=http://x/\n" ROOTFS, "[update] url: unknown key"},
	    {"x-early=1\n" UPDATE ROOTFS, "x-early: outside any section"},
	    {UPDATE ROOTFS "[other]\n", "unknown section"},
	    {UPDATE ROOTFS "[Update]\n", "unknown section"},
	    {UPDATE ROOTFS "[]\n", "malformed section"},
	    {UPDATE ROOTFS "[update\n", "malformed section"},
	    {UPDATE ROOTFS "[x-other]\n", "unknown section"},
	    {UPDATE ROOTFS " sequence=1\n", "not allowed"},
	    {UPDATE ROOTFS "\tx-a=1\n", "byte 0x09"},
	    {UPDATE ROOTFS "x-a=1\r\n", "byte 0x0d"},
	    {UPDATE ROOTFS "x-a=\x7f\n", "byte 0x7f"},
	    {UPDATE ROOTFS "x-a=\xc3\xa4\n", "byte 0xc3"},
	    {"\xef\xbb\xbf" UPDATE ROOTFS, "line 1: byte 0xef"},
	    {UPDATE ROOTFS "x-a=1", "line feed"},
	    {UPDATE ROOTFS "sha256:1\n", "neither"},
	    {UPDATE UPDATE ROOTFS, "[update]: section given twice"},
	    {UPDATE ROOTFS ROOTFS, "[image.rootfs]: section given twice"},
	    {UPDATE ROOTFS "size=512\n", "[image.rootfs] size: given twice"},
	    {UPDATE "sequence=1\n" ROOTFS, "[update] sequence: given twice"},
	    {UPDATE "hardware=a\nhardware=b\n" ROOTFS, "[update] hardware: given twice"},
	    {UPDATE, "[image.rootfs]: section missing"},
	    {ROOTFS, "[update] compatible: missing"},
	    {"[update]\n" ROOTFS, "[update] compatible: missing"},
	    {"\n", "[update] compatible: missing"},
	    {UPDATE ROOTFS "[image.kernel]\n", "[image.kernel] size: missing"},
	    {UPDATE ROOTFS "[image.kernel]\nsize=512\n", "[image.kernel] sha256: missing"},
	    {UPDATE "[image.kernel]\nsize=512\nsha256=" ZEROS "\n", "[image.rootfs]: section missing"},
	};
	check_rows(rows, sizeof rows / sizeof rows[0]);
}

Test(manifest, names_are_never_paths)
{
	static const char *const bad[] = {
	    "..", "../rootfs", "a/b", "/etc/passwd", ".",     "-a",
	    "_a", "a.b",       "A",   "a b",         "a\\b",  "a\tb",
	    "",   "a;b",       "a]b", "a[b",         "a%2fb", "abcdefghijabcdefghijabcdefghij12"};
	static const char *const good[] = {"kernel", "dtb", "0", "a-b_c", "abcdefghijabcdefghijabcdefghij1"};
	struct fixture f;
	char text[1024];
	char detail[200];
	set_up(&f);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(text, sizeof text, "%s%s[image.%s]\nsize=512\nsha256=%s\n", UPDATE, ROOTFS, bad[i],
			       ZEROS);
		cr_assert_eq(open_text(&f, text, detail, sizeof detail), OTA_BAD_MANIFEST, "\"%s\"", bad[i]);
		cr_assert(strstr(detail, "name") || strstr(detail, "section") || strstr(detail, "byte"), "%s", detail);
	}
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		(void)snprintf(text, sizeof text, "%s%s[image.%s]\nsize=512\nsha256=%s\n", UPDATE, ROOTFS, good[i],
			       ZEROS);
		/* Past the name, to the index: it has one chunk, two are needed. */
		cr_assert_eq(open_text(&f, text, detail, sizeof detail), OTA_BAD_MANIFEST);
		cr_assert_not_null(strstr(detail, "index: "), "\"%s\": %s", good[i], detail);
	}
	(void)snprintf(text, sizeof text, "%s", UPDATE ROOTFS);
	for (char c = 'a'; c < 'e'; c++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof text - at, "[image.%c]\nsize=512\nsha256=%s\n", c, ZEROS);
	}
	cr_assert_eq(open_text(&f, text, detail, sizeof detail), OTA_BAD_MANIFEST);
	cr_assert_not_null(strstr(detail, "more than 4 images"), "%s", detail);
	tear_down(&f);
}

/* A zero byte anywhere, in a text that is otherwise good. */
Test(manifest, no_byte_can_be_zero_or_above_ascii)
{
	static const char text[] = UPDATE ROOTFS;
	uint8_t index[OTA_INDEX_RECORD_BYTES];
	uint8_t sha256[OTA_DIGEST_BYTES] = {0};
	char copy[sizeof text];
	struct ota_manifest manifest;
	ota_record_write(index, 512, 0, sha256);
	memcpy(copy, text, sizeof text);
	for (size_t i = 0; i < sizeof text - 1; i++) {
		static const uint8_t bytes[] = {0x00, 0x01, 0x0d, 0x1f, 0x7f, 0x80, 0xff};
		for (size_t j = 0; j < sizeof bytes; j++) {
			copy[i] = (char)bytes[j];
			const struct ota_span span = {(const uint8_t *)copy, sizeof text - 1};
			cr_assert_eq(ota_manifest_parse(span, &manifest, NULL, 0), OTA_BAD_MANIFEST, "byte %zu", i);
		}
		copy[i] = text[i];
	}
}

/* `key` replaced by `key=value` in a good manifest. */
static void replace_key(char *out, size_t room, const char *key, const char *value)
{
	static const char good[] = UPDATE ROOTFS;
	char find[40];
	(void)snprintf(find, sizeof find, "\n%s=", key);
	const char *at = strstr(good, find);
	if (!at) { /* an optional key: goes to the end of [update] */
		const char *image = strstr(good, "[image");
		(void)snprintf(out, room, "%.*s%s=%s\n%s", (int)(image - good), good, key, value, image);
		return;
	}
	const char *end = strchr(at + 1, '\n');
	(void)snprintf(out, room, "%.*s\n%s=%s%s", (int)(at - good), good, key, value, end);
}

Test(manifest, numbers_at_every_edge)
{
	static const char *const keys[] = {"sequence", "created", "expires", "chunk-bytes", "payload-bytes", "size"};
	static const char *const never[] = {"",
					    "-1",
					    "+1",
					    " 1",
					    "1 ",
					    "01",
					    "00",
					    "0x10",
					    "1e3",
					    "1.0",
					    "1,0",
					    "abc",
					    "--1",
					    "1-",
					    "18446744073709551616",
					    "99999999999999999999",
					    "100000000000000000000000000000000000000"};
	static const char *const edges[] = {"0",
					    "1",
					    "2147483647",
					    "2147483648",
					    "4294967295",
					    "4294967296",
					    "9223372036854775807",
					    "9223372036854775808",
					    "18446744073709551615"};
	struct fixture f;
	char text[1024];
	char detail[200];
	set_up(&f);
	for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
		for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
			replace_key(text, sizeof text, keys[k], never[i]);
			cr_assert_eq(open_text(&f, text, detail, sizeof detail), OTA_BAD_MANIFEST, "%s=%s", keys[k],
				     never[i]);
			cr_assert_not_null(strstr(detail, keys[k]), "%s=%s: %s", keys[k], never[i], detail);
		}
		for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
			bool time = strcmp(keys[k], "created") == 0 || strcmp(keys[k], "expires") == 0;
			/* A sequence may be any number; a time any that fits; a size none of these: one chunk is there.
			 */
			bool fits = strcmp(keys[k], "sequence") == 0 || (time && i <= 6);
			if (strcmp(keys[k], "expires") == 0 && i == 0)
				fits = false; /* 0 is "never", which is said by leaving it out */
			replace_key(text, sizeof text, keys[k], edges[i]);
			int result = open_text(&f, text, detail, sizeof detail);
			int want = fits ? 0 : OTA_BAD_MANIFEST;
			/* Nobody signs after the end of the certificate: such a date is a lie. */
			if (fits && strcmp(keys[k], "created") == 0 && strtoll(edges[i], NULL, 10) > TEST_PKI_TO_S)
				want = OTA_CERT_EXPIRED;
			cr_assert_eq(result, want, "%s=%s: %s: %s", keys[k], edges[i], ota_reason_name(result), detail);
		}
	}
	tear_down(&f);
}

Test(manifest, values)
{
	static const struct {
		const char *key, *value;
		bool good;
	} rows[] = {
	    {"compatible", "Board 2 (rev. B), by /Example/", true},
	    {"compatible", " Board", false},
	    {"compatible", "Board ", false},
	    {"compatible", "a;b", false},
	    {"compatible", "a\"b", false},
	    {"compatible", "a\\b", false},
	    {"compatible", "", false},
	    {"version", "2026.11-rc1+git~7:1_a", true},
	    {"version", "1 0", false},
	    {"version", "../1", false},
	    {"version", "1/0", false},
	    {"version", "1,0", false},
	    {"version", "$(reboot)", false},
	    {"channel", "stable", true},
	    {"channel", "a,b", false},
	    {"hardware", "a", true},
	    {"hardware", "a,b,c", true},
	    {"hardware", ",a", false},
	    {"hardware", "a,", false},
	    {"hardware", "a,,b", false},
	    {"hardware", "a, b", false},
	    {"hardware", ",", false},
	    {"devices", "00:11:22:33:44:55,unit-7", true},
	    {"devices", "", false},
	    {"chunk-bytes", "4096", true},
	    {"chunk-bytes", "1048576", true},
	    {"chunk-bytes", "2048", false},
	    {"chunk-bytes", "2097152", false},
	    {"chunk-bytes", "4097", false},
	    {"chunk-bytes", "12288", false},
	    {"expires", "1", true},
	    {"created", "0", true},
	    {"size", "511", false},
	    {"size", "513", false},
	    {"size", "1024", false},
	    {"payload-bytes", "511", false},
	    {"payload-bytes", "513", false},
	    {"sha256", ZEROS "0", false},
	    {"sha256", "0", false},
	    {"sha256", "A000000000000000000000000000000000000000000000000000000000000000", false},
	    {"sha256", "g000000000000000000000000000000000000000000000000000000000000000", false},
	    {"sha256", "af00000000000000000000000000000000000000000000000000000000000009", true},
	};
	struct fixture f;
	char text[1024];
	char detail[200];
	set_up(&f);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		replace_key(text, sizeof text, rows[i].key, rows[i].value);
		int result = open_text(&f, text, detail, sizeof detail);
		cr_assert_eq(result, rows[i].good ? 0 : OTA_BAD_MANIFEST, "%s=%s: %s", rows[i].key, rows[i].value,
			     detail);
	}
	/* Strings up to their bound and one above. */
	static const struct {
		const char *key;
		size_t max;
	} bounds[] = {{"compatible", OTA_NAME_MAX * 2 - 1},
		      {"version", OTA_VERSION_MAX - 1},
		      {"channel", OTA_NAME_MAX - 1},
		      {"hardware", OTA_LIST_MAX - 1},
		      {"devices", OTA_LIST_MAX - 1}};
	for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
		char value[512] = "";
		memset(value, 'a', bounds[i].max);
		replace_key(text, sizeof text, bounds[i].key, value);
		cr_assert_eq(open_text(&f, text, detail, sizeof detail), 0, "%s: %s", bounds[i].key, detail);
		value[bounds[i].max] = 'a';
		replace_key(text, sizeof text, bounds[i].key, value);
		cr_assert_eq(open_text(&f, text, detail, sizeof detail), OTA_BAD_MANIFEST);
		cr_assert_not_null(strstr(detail, "too long"), "%s: %s", bounds[i].key, detail);
	}
	tear_down(&f);
}

Test(manifest, lines_and_extra_keys_are_bounded)
{
	struct ota_manifest manifest;
	char text[4096];
	char detail[200];
	for (size_t size = OTA_MANIFEST_LINE_MAX; size <= OTA_MANIFEST_LINE_MAX + 1; size++) {
		int n = snprintf(text, sizeof text, "%s#", UPDATE ROOTFS);
		memset(text + n, 'x', size - 1);
		text[(size_t)n + size - 1] = '\n';
		const struct ota_span span = {(const uint8_t *)text, (size_t)n + size};
		cr_assert_eq(ota_manifest_parse(span, &manifest, detail, sizeof detail),
			     size > OTA_MANIFEST_LINE_MAX ? OTA_BAD_MANIFEST : 0);
	}
	for (unsigned count = OTA_MANIFEST_EXTRA_MAX; count <= OTA_MANIFEST_EXTRA_MAX + 1; count++) {
		int n = snprintf(text, sizeof text, "%s", UPDATE ROOTFS);
		for (unsigned i = 0; i < count; i++)
			n += snprintf(text + n, sizeof text - (size_t)n, "x-%u=%u\n", i, i);
		const struct ota_span span = {(const uint8_t *)text, (size_t)n};
		cr_assert_eq(ota_manifest_parse(span, &manifest, detail, sizeof detail),
			     count > OTA_MANIFEST_EXTRA_MAX ? OTA_BAD_MANIFEST : 0);
	}
}

/* Two images of 4096 + 512 and 1024 bytes; each row's index is one way of being wrong. */
Test(manifest, index_must_fit)
{
	static const struct {
		struct {
			uint32_t stored_bytes, flags;
		} record[4];
		unsigned count;
		const char *payload;
		const char *says; /* NULL: accepted */
	} rows[] = {
	    {{{4096, 0}, {512, 0}, {1024, 0}}, 3, "5632", NULL},
	    {{{4095, 1}, {1, 1}, {1023, 1}}, 3, "5119", NULL},
	    {{{4096, 0}, {512, 0}}, 2, "4608", "index: 80 bytes"},
	    {{{4096, 0}, {512, 0}, {1024, 0}, {1, 1}}, 4, "5633", "index: 160 bytes"},
	    {{{4096, 1}, {512, 0}, {1024, 0}}, 3, "5632", "chunk 0: compressed, but not smaller"},
	    {{{4096, 0}, {513, 1}, {1024, 0}}, 3, "5633", "chunk 1: compressed"},
	    {{{4096, 0}, {512, 0}, {1025, 0}}, 3, "5633", "chunk 2: stored size"},
	    {{{4095, 0}, {512, 0}, {1024, 0}}, 3, "5631", "chunk 0: stored size"},
	    {{{0, 0}, {512, 0}, {1024, 0}}, 3, "1536", "chunk 0: nothing"},
	    {{{0, 1}, {512, 0}, {1024, 0}}, 3, "1536", "chunk 0: nothing"},
	    {{{4096, 0}, {512, 2}, {1024, 0}}, 3, "5632", "chunk 1: unknown flags"},
	    {{{4096, 0}, {512, 0}, {1024, 0x80000000u}}, 3, "5632", "chunk 2: unknown flags"},
	    {{{0xffffffffu, 0}, {512, 0}, {1024, 0}}, 3, "1535", "chunk 0: stored size"},
	    {{{0xffffffffu, 1}, {512, 0}, {1024, 0}}, 3, "1535", "chunk 0: compressed"},
	    {{{0x80000000u, 1}, {512, 0}, {1024, 0}}, 3, "5632", "chunk 0: compressed"},
	    {{{4096, 0}, {512, 0}, {1024, 0}}, 3, "5631", "[update] payload-bytes: says 5631, the index 5632"},
	    {{{4096, 0}, {512, 0}, {1024, 0}}, 3, "5633", "payload-bytes"},
	    {{{4096, 0}, {512, 0}, {1024, 0}}, 3, "4294972928", "payload-bytes"},
	    {{{4096, 0}, {512, 0}, {1024, 0}}, 3, "0", "payload-bytes"},
	};
	struct fixture f;
	set_up(&f);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[1024];
		char detail[200];
		uint8_t index[4 * OTA_INDEX_RECORD_BYTES];
		uint8_t sha256[OTA_DIGEST_BYTES] = {0};
		struct ota_head *head;
		for (unsigned j = 0; j < rows[i].count; j++)
			ota_record_write(index + (size_t)j * OTA_INDEX_RECORD_BYTES, rows[i].record[j].stored_bytes,
					 rows[i].record[j].flags, sha256);
		int n = snprintf(
		    text, sizeof text,
		    "[update]\ncompatible=B\nversion=1\nsequence=1\ncreated=1\nchunk-bytes=4096\npayload-bytes=%s\n"
		    "[image.rootfs]\nsize=4608\nsha256=%s\n[image.dtb]\nsize=1024\nsha256=%s\n",
		    rows[i].payload, ZEROS, ZEROS);
		int result = open_signed(&f, text, (size_t)n, index, (size_t)rows[i].count * OTA_INDEX_RECORD_BYTES,
					 &head, detail, sizeof detail);
		if (rows[i].says) {
			cr_assert_eq(result, OTA_BAD_MANIFEST, "row %zu", i);
			cr_assert_not_null(strstr(detail, rows[i].says), "row %zu: %s", i, detail);
			continue;
		}
		cr_assert_eq(result, 0, "row %zu: %s", i, detail);
		static const uint32_t contents[] = {4096, 512, 1024};
		uint64_t offset = 0;
		for (uint32_t c = 0; c < 3; c++) {
			struct ota_chunk chunk;
			ota_head_chunk(head, c, &chunk);
			cr_assert_eq(chunk.content_bytes, contents[c]);
			cr_assert_eq(chunk.payload_offset, offset);
			cr_assert_eq(chunk.zstd, rows[i].record[c].flags == 1);
			offset += chunk.stored_bytes;
		}
		ota_head_free(head);
	}
	tear_down(&f);
}

Test(manifest, chunk_counts_do_not_wrap)
{
	static const char *const sizes[] = {
	    "858993152", /* one chunk more than an index holds: a chunk of 512 bytes after 8 MiB / 40 full ones */
	    "17592186044416", "18446744073709551104"};
	struct ota_manifest manifest;
	char text[1024];
	char detail[200];
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		replace_key(text, sizeof text, "size", sizes[i]);
		const struct ota_span span = {(const uint8_t *)text, strlen(text)};
		cr_assert_eq(ota_manifest_parse(span, &manifest, detail, sizeof detail), OTA_BAD_MANIFEST);
		cr_assert_not_null(strstr(detail, "more chunks"), "%s", detail);
	}
	replace_key(text, sizeof text, "size", "858992640");
	const struct ota_span span = {(const uint8_t *)text, strlen(text)};
	cr_assert_eq(ota_manifest_parse(span, &manifest, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(manifest.images[0].chunks, OTA_INDEX_MAX_BYTES / OTA_INDEX_RECORD_BYTES);
}

Test(manifest, what_is_written_is_what_is_read)
{
	struct ota_manifest manifest = {.compatible = "B", .version = "1", .chunk_bytes = 4096, .image_count = 1};
	struct ota_manifest again;
	char text[OTA_MANIFEST_WRITTEN_MAX];
	char detail[200];
	size_t size;
	(void)snprintf(manifest.images[0].name, sizeof manifest.images[0].name, "rootfs");
	manifest.images[0].size_bytes = 512;
	manifest.images[0].chunks = 1;
	cr_assert_eq(ota_manifest_encode(&manifest, text, sizeof text, &size, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(ota_manifest_parse((struct ota_span){(const uint8_t *)text, size}, &again, detail, sizeof detail),
		     0);
	cr_assert_arr_eq(&again, &manifest, sizeof again);
	for (size_t room = 1; room <= size; room++)
		cr_assert_eq(ota_manifest_encode(&manifest, text, room, &size, NULL, 0), -ENOSPC);
	/* Nothing can be smuggled in through a value. */
	(void)snprintf(manifest.compatible, sizeof manifest.compatible, "B\nx-a=1");
	cr_assert_eq(ota_manifest_encode(&manifest, text, sizeof text, &size, detail, sizeof detail), OTA_BAD_MANIFEST);
	(void)snprintf(manifest.compatible, sizeof manifest.compatible, "B\nhardware=x");
	cr_assert_eq(ota_manifest_encode(&manifest, text, sizeof text, &size, detail, sizeof detail), OTA_BAD_MANIFEST);
	(void)snprintf(manifest.compatible, sizeof manifest.compatible, "B\n#");
	cr_assert_eq(ota_manifest_encode(&manifest, text, sizeof text, &size, detail, sizeof detail), OTA_BAD_MANIFEST);
	(void)snprintf(manifest.compatible, sizeof manifest.compatible, "B\nversion=1");
	manifest.version[0] = '\0';
	cr_assert_eq(ota_manifest_encode(&manifest, text, sizeof text, &size, detail, sizeof detail), OTA_BAD_MANIFEST);
}
