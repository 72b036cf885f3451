/* SPDX-License-Identifier: Apache-2.0 */
/* The origin's correct answers satisfy an independent client; wrong answers come when they are due, and are counted. */
#include "network/server/lying-origin.h"

#include <criterion/criterion.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES 100000u
#define PATH       "/update.ota"

struct answer {
	long status;
	char body[FILE_BYTES + 65536];
	size_t body_bytes;
	char headers[4096];
	size_t header_bytes;
	CURLcode code;
};

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *answer = ctx;
	size_t bytes = size * count;

	if (bytes > sizeof(answer->body) - answer->body_bytes)
		return 0;
	memcpy(answer->body + answer->body_bytes, data, bytes);
	answer->body_bytes += bytes;
	return bytes;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *answer = ctx;
	size_t bytes = size * count;

	if (bytes < sizeof(answer->headers) - answer->header_bytes) {
		memcpy(answer->headers + answer->header_bytes, data, bytes);
		answer->header_bytes += bytes;
	}
	return bytes;
}

/* One request; extra: a header line or NULL; post: a body or NULL. */
static void ask(const struct yp_network_origin *origin, const char *path, const char *extra, const char *post,
		struct answer *answer)
{
	struct curl_slist *headers = extra ? curl_slist_append(NULL, extra) : NULL;
	CURL *easy = curl_easy_init();
	char url[128];

	memset(answer, 0, sizeof(*answer));
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", yp_network_origin_port(origin), path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, 10L);
	if (post)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post);
	answer->code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
}

struct bench {
	struct yp_network_origin *origin;
	uint8_t *file;
	struct answer *answer;
	struct yp_network_origin_record *record;
};

static void set_up(struct bench *bench)
{
	bench->file = malloc(FILE_BYTES);
	bench->answer = malloc(sizeof(*bench->answer));
	bench->record = malloc(sizeof(*bench->record));
	cr_assert(bench->file && bench->answer && bench->record);
	for (size_t i = 0; i < FILE_BYTES; i++)
		bench->file[i] = (uint8_t)(i * 7 + i / 251);
	cr_assert_eq(yp_network_origin_new(NULL, &bench->origin), 0);
	yp_network_origin_file(bench->origin, PATH, bench->file, FILE_BYTES, "\"one\"");
}

static void tear_down(struct bench *bench)
{
	yp_network_origin_free(bench->origin);
	free(bench->file);
	free(bench->answer);
	free(bench->record);
}

static void expect_part(const struct bench *bench, size_t first, size_t bytes)
{
	cr_expect_eq(bench->answer->code, CURLE_OK);
	cr_expect_eq(bench->answer->body_bytes, bytes);
	cr_expect(memcmp(bench->answer->body, bench->file + first, bytes) == 0);
}

Test(origin, honest)
{
	static const struct {
		const char *extra;
		long status;
		size_t first, bytes;
		const char *says;
	} cases[] = {
	    {NULL, 200, 0, FILE_BYTES, "ETag: \"one\""},
	    {"Range: bytes=0-4095", 206, 0, 4096, "Content-Range: bytes 0-4095/100000"},
	    {"Range: bytes=99999-", 206, 99999, 1, "Content-Range: bytes 99999-99999/100000"},
	    {"Range: bytes=50000-200000", 206, 50000, 50000, "Content-Range: bytes 50000-99999/100000"},
	    {"Range: bytes=100000-", 416, 0, 0, "Content-Range: bytes */100000"},
	    {"Range: bytes=5-4", 200, 0, FILE_BYTES, "Content-Length: 100000"},
	    {"Range: lines=1-2", 200, 0, FILE_BYTES, "Content-Length: 100000"},
	    {"If-None-Match: \"one\"", 304, 0, 0, "ETag: \"one\""},
	    {"If-None-Match: \"two\"", 200, 0, FILE_BYTES, "ETag: \"one\""},
	};
	struct bench bench;

	set_up(&bench);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(bench.origin, PATH, cases[i].extra, NULL, bench.answer);
		cr_expect_eq(bench.answer->status, cases[i].status, "%s: %ld", cases[i].extra, bench.answer->status);
		expect_part(&bench, cases[i].first, cases[i].bytes);
		cr_expect(strstr(bench.answer->headers, cases[i].says), "%s: no %s", cases[i].extra, cases[i].says);
	}
	ask(bench.origin, "/nothing", NULL, NULL, bench.answer);
	cr_expect_eq(bench.answer->status, 404);
	tear_down(&bench);
}

/* A range holds only while the validator does, compared strongly. */
Test(origin, if_range)
{
	static const struct yp_network_rule weak = {.lie = YP_NETWORK_HTTP_ETAG_WEAK};
	struct bench bench;

	set_up(&bench);
	ask(bench.origin, PATH, "Range: bytes=10-19\r\nIf-Range: \"one\"", NULL, bench.answer);
	cr_expect_eq(bench.answer->status, 206);
	expect_part(&bench, 10, 10);
	ask(bench.origin, PATH, "Range: bytes=10-19\r\nIf-Range: \"two\"", NULL, bench.answer);
	cr_expect_eq(bench.answer->status, 200);
	expect_part(&bench, 0, FILE_BYTES);
	yp_network_origin_script(bench.origin, &weak, 1, NULL);
	ask(bench.origin, PATH, "Range: bytes=10-19\r\nIf-Range: W/\"one\"", NULL, bench.answer);
	cr_expect_eq(bench.answer->status, 200);
	tear_down(&bench);
}

Test(origin, report)
{
	struct bench bench;

	set_up(&bench);
	ask(bench.origin, YP_NETWORK_REPORT_PATH, NULL, "{\"id\":\"1\"}", bench.answer);
	cr_expect_eq(bench.answer->status, 204);
	ask(bench.origin, "/elsewhere", NULL, "{}", bench.answer);
	cr_expect_eq(bench.answer->status, 404);
	yp_network_origin_record(bench.origin, bench.record);
	cr_expect_eq(bench.record->reports, 1);
	cr_expect_str_eq(bench.record->report[0], "{\"id\":\"1\"}");
	cr_expect_eq(bench.record->requests, 2);
	tear_down(&bench);
}

/* A rule changes the answers to its requests and to no others, and is counted. */
Test(origin, rules_are_due)
{
	static const struct yp_network_rule rules[] = {
	    {.lie = YP_NETWORK_HTTP_STATUS, .first = 2, .last = 3, .arg = 503, .text = "Retry-After: 7\r\n"},
	    {.lie = YP_NETWORK_HTTP_RANGE_IGNORED, .from = 1000, .to = 2000},
	};
	static const long statuses[] = {206, 503, 503, 206};
	struct bench bench;

	set_up(&bench);
	yp_network_origin_script(bench.origin, rules, 2, NULL);
	for (unsigned i = 0; i < 4; i++) {
		ask(bench.origin, PATH, "Range: bytes=0-9", NULL, bench.answer);
		cr_expect_eq(bench.answer->status, statuses[i], "request %u: %ld", i, bench.answer->status);
		cr_expect_eq(strstr(bench.answer->headers, "Retry-After: 7") != NULL, statuses[i] == 503);
	}
	ask(bench.origin, PATH, "Range: bytes=1500-1509", NULL, bench.answer);
	cr_expect_eq(bench.answer->status, 200);
	ask(bench.origin, PATH, "Range: bytes=2000-2009", NULL, bench.answer);
	cr_expect_eq(bench.answer->status, 206);
	yp_network_origin_record(bench.origin, bench.record);
	cr_expect_eq(bench.record->told[0], 2);
	cr_expect_eq(bench.record->told[1], 1);
	cr_expect_eq(bench.record->body_bytes, 10 + 10 + FILE_BYTES + 10);
	tear_down(&bench);
}

/* Bodies end and differ exactly where the rule says; chunked is well formed. */
Test(origin, bodies)
{
	static const struct yp_network_rule flip = {.lie = YP_NETWORK_HTTP_BODY_FLIP, .arg = 50001};
	static const struct yp_network_rule cut = {.lie = YP_NETWORK_HTTP_BODY_SHORT, .arg = 12345};
	static const struct yp_network_rule chunked = {.lie = YP_NETWORK_HTTP_CHUNKED};
	struct bench bench;

	set_up(&bench);
	yp_network_origin_script(bench.origin, &flip, 1, NULL);
	ask(bench.origin, PATH, NULL, NULL, bench.answer);
	cr_expect_eq(bench.answer->body_bytes, FILE_BYTES);
	for (size_t i = 0; i < FILE_BYTES; i++)
		cr_assert_eq((uint8_t)bench.answer->body[i] != bench.file[i], i == 50001, "byte %zu", i);
	yp_network_origin_script(bench.origin, &cut, 1, NULL);
	ask(bench.origin, PATH, NULL, NULL, bench.answer);
	cr_expect_eq(bench.answer->code, CURLE_PARTIAL_FILE);
	cr_expect_eq(bench.answer->body_bytes, 12345);
	yp_network_origin_script(bench.origin, &chunked, 1, NULL);
	ask(bench.origin, PATH, NULL, NULL, bench.answer);
	expect_part(&bench, 0, FILE_BYTES);
	cr_expect(strstr(bench.answer->headers, "chunked") && !strstr(bench.answer->headers, "Content-Length"));
	tear_down(&bench);
}
