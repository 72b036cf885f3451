/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a bundle, read from servers and files: whole, bounded, in at most two requests. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/source.h"
#include "ota/fetch-file.h"
#include "test/stream/stream-lab.h"
#include "test/test-helpers.h"

static struct lab *lab_of(size_t image_bytes)
{
	struct lab_spec spec = {.chunk_bytes = 4096,
				.zstd_level = 3,
				.block_bytes = 512,
				.image_count = 1,
				.image_bytes = {image_bytes},
				.checkpoint_bytes = 16 * 1024};
	struct lab *lab = lab_new(&spec);

	lab_publish(lab);
	return lab;
}

static int read_head(struct lab *lab, const char *etag, struct ota_fetch_answer *answer, uint8_t **raw,
		     size_t *raw_bytes, uint64_t *fetched, char detail[160])
{
	detail[0] = '\0';
	*fetched = 0;
	return ota_source_head(&lab->ota, "https://lab/update", etag, answer, raw, raw_bytes, fetched, detail, 160);
}

/* A small head takes one request, a large one two; the bytes are the head's, and the answer says etag and size. */
Test(source, whole_head)
{
	static const size_t sizes[] = {4096, 64 * 1024, 1 << 20};

	for (size_t i = 0; i < 3 * 2; i++) {
		struct lab *lab = lab_of(sizes[i / 2]);
		struct ota_fetch_answer answer;
		uint8_t *raw;
		size_t raw_bytes;
		uint64_t fetched;
		char detail[160];

		lab->net.no_total = i % 2;
		cr_assert_eq(read_head(lab, NULL, &answer, &raw, &raw_bytes, &fetched, detail), 0, "%s", detail);
		cr_assert_eq(raw_bytes, ota_head_bytes(lab->head));
		cr_assert(memcmp(raw, lab->bundle, raw_bytes) == 0);
		cr_assert_eq(lab->net.requests, raw_bytes <= 4096 ? 1 : 2);
		cr_assert_eq(fetched, lab->net.bytes_sent);
		cr_assert_leq(fetched, raw_bytes < 4096 ? 4096 : raw_bytes);
		cr_assert_str_eq(answer.etag, "\"one\"");
		cr_assert_eq(answer.total_bytes, i % 2 ? UINT64_MAX : lab->bundle_bytes);
		free(raw);
		lab_free(lab);
	}
}

/* A resource that ends anywhere inside its head is truncated, whether or not the server says its size. */
Test(source, truncated)
{
	struct lab *lab = lab_of(256 * 1024);
	size_t head_bytes = ota_head_bytes(lab->head);

	for (size_t size = 0; size < head_bytes * 2; size += 37) {
		struct ota_fetch_answer answer;
		uint8_t *raw;
		size_t raw_bytes;
		uint64_t fetched;
		char detail[160];
		int result;

		lab_reset(lab);
		lab->net.size_bytes = size % head_bytes;
		lab->net.no_total = size >= head_bytes;
		result = read_head(lab, NULL, &answer, &raw, &raw_bytes, &fetched, detail);
		/* Without a size, the second range lies beyond the end. */
		cr_assert(result == OTA_TRUNCATED || (lab->net.size_bytes == 4096 && result == OTA_HTTP_RANGE),
			  "%zu: %s", size, ota_reason_name(result));
		cr_assert_null(raw);
		cr_assert_neq(detail[0], '\0');
	}
	lab_free(lab);
}

/* A header beyond the bounds is refused before anything is allocated for it or fetched. */
Test(source, bounded)
{
	static const struct {
		unsigned at;
		int result;
	} cases[] = {{15, OTA_TOO_LARGE}, {19, OTA_TOO_LARGE}, {23, OTA_TOO_LARGE},
		     {0, OTA_BAD_MAGIC},  {8, OTA_BAD_FORMAT}, {31, OTA_BAD_FORMAT}};
	struct lab *lab = lab_of(64 * 1024);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *other = malloc(lab->bundle_bytes), *raw;
		struct ota_fetch_answer answer;
		size_t raw_bytes;
		uint64_t fetched;
		char detail[160];
		int result;

		cr_assert(other);
		lab_reset(lab);
		memcpy(other, lab->bundle, lab->bundle_bytes);
		other[cases[i].at] ^= 0x7f;
		lab->net.data = other;
		result = read_head(lab, NULL, &answer, &raw, &raw_bytes, &fetched, detail);
		cr_assert_eq(result, cases[i].result, "byte %u: %s", cases[i].at, ota_reason_name(result));
		cr_assert_leq(fetched, 4096);
		cr_assert_eq(lab->net.requests, 1);
		free(other);
	}
	lab_free(lab);
}

/* Unchanged is an answer, not an error; a refusal is retried within the policy; a change between the two requests
 * starts anew. */
Test(source, poll_retry_change)
{
	struct lab *lab = lab_of(1 << 20);
	struct ota_fetch_answer answer;
	uint8_t *raw;
	size_t raw_bytes;
	uint64_t fetched;
	char detail[160];

	cr_assert_eq(read_head(lab, "\"one\"", &answer, &raw, &raw_bytes, &fetched, detail), OTA_NOTHING_TO_DO);
	cr_assert_eq(fetched, 0);
	cr_assert_eq(read_head(lab, "\"old\"", &answer, &raw, &raw_bytes, &fetched, detail), 0);
	free(raw);
	lab_reset(lab);
	lab->net.refuse = OTA_UNREACHABLE;
	lab->net.refusals_left = 3;
	cr_assert_eq(read_head(lab, NULL, &answer, &raw, &raw_bytes, &fetched, detail), 0);
	free(raw);
	lab_reset(lab);
	lab->net.refuse = OTA_TLS;
	cr_assert_eq(read_head(lab, NULL, &answer, &raw, &raw_bytes, &fetched, detail), OTA_TLS);
	cr_assert_eq(lab->net.requests, 5);
	lab_reset(lab);
	lab->net.change_request = 2;
	lab->net.other = lab->bundle;
	lab->net.other_bytes = lab->bundle_bytes;
	lab->net.other_etag = "\"two\"";
	cr_assert_eq(read_head(lab, NULL, &answer, &raw, &raw_bytes, &fetched, detail), 0);
	cr_assert_str_eq(answer.etag, "\"two\"");
	free(raw);
	lab_free(lab);
}

struct seen {
	uint8_t body[64];
	size_t body_bytes;
	struct ota_fetch_answer answer;
};

static int see_head(void *ctx, const struct ota_fetch_answer *answer)
{
	((struct seen *)ctx)->answer = *answer;
	return 0;
}

static int see_body(void *ctx, const void *data, size_t size_bytes)
{
	struct seen *seen = ctx;

	cr_assert_leq(seen->body_bytes + size_bytes, sizeof(seen->body));
	memcpy(seen->body + seen->body_bytes, data, size_bytes);
	seen->body_bytes += size_bytes;
	return 0;
}

static bool always_stop(void *ctx)
{
	(void)ctx;
	return true;
}

/* Files keep the contract of a server: ranges, validators, refusals. */
Test(source, files)
{
	char dir[] = "/tmp/ota-source-XXXXXX", path[64];
	struct ota_fetch_file *file;
	struct ota_fetch fetch;
	struct seen seen = {.body_bytes = 0};
	struct ota_fetch_request request = {.url = path, .head = see_head, .body = see_body, .ctx = &seen};
	char etag[OTA_ETAG_MAX];

	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	cr_assert_eq(ota_fetch_file_new(NULL, NULL, &file, &fetch), 0);
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), -ENOENT);
	test_file_write(path, "0123456789", strlen("0123456789"));
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), 0);
	cr_assert_eq(seen.body_bytes, 10);
	cr_assert_eq(seen.answer.total_bytes, 10);
	memcpy(etag, seen.answer.etag, sizeof(etag));
	request.offset_bytes = 4;
	request.length_bytes = 3;
	request.if_range = etag;
	seen.body_bytes = 0;
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), 0);
	cr_assert(seen.body_bytes == 3 && memcmp(seen.body, "456", 3) == 0);
	request.length_bytes = 300;
	seen.body_bytes = 0;
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), 0);
	cr_assert_eq(seen.body_bytes, 6);
	request.offset_bytes = 10;
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), OTA_HTTP_RANGE);
	request.if_none_match = etag;
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), OTA_NOTHING_TO_DO);
	test_file_write(path, "0123456789-", strlen("0123456789-"));
	request.offset_bytes = 4;
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), OTA_HTTP_RANGE, "rewritten");
	request.url = dir;
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), -EINVAL, "a directory");
	cr_assert_eq(fetch.ops->post(fetch.fetch, path, "{}", 2), OTA_BAD_CONFIG);
	ota_fetch_file_free(file);
	cr_assert_eq(ota_fetch_file_new(always_stop, NULL, &file, &fetch), 0);
	request = (struct ota_fetch_request){.url = path, .head = see_head, .body = see_body, .ctx = &seen};
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), -EINTR);
	ota_fetch_file_free(file);
	unlink(path);
	rmdir(dir);
}

/* The scheme alone decides which seam serves a source. */
Test(source, seams)
{
	struct ota ota = {.policy = {0}};

	cr_assert_eq(ota_source_fetch(&ota, "https://x/y"), &ota.fetch);
	cr_assert_eq(ota_source_fetch(&ota, "HTTP://x/y"), &ota.fetch);
	cr_assert_eq(ota_source_fetch(&ota, "/media/http://x"), &ota.files);
	cr_assert_eq(ota_source_fetch(&ota, "update.bundle"), &ota.files);
}
