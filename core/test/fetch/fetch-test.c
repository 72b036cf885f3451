/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_curl against servers that lie: whatever a server does, body() sees bytes of the asked range alone, in order,
 * and get_range() says 0 only when all of them came.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ota/reason.h"
#include "test/fetch/fetch-seen.h"
#include "test/test-helpers.h"

struct trap {
	const char *name;
	const char *says;
	enum end end;
	uint64_t offset, length;
	int result;
	const char *body; /* what body() may have seen: exactly on result 0, else a prefix of it */
};

/* Requests are for bytes 4-7 if not said otherwise. */
static const struct trap traps[] = {
    {"honest", OK206 R4_7 LEN(4) "\r\n4567", END_KEEP, 4, 4, 0, "4567"},
    {"honest, no length, close", OK206 R4_7 "\r\n4567", END_CLOSE, 4, 4, 0, "4567"},
    {"honest, chunked", OK206 R4_7 "Transfer-Encoding: chunked\r\n\r\n4\r\n4567\r\n0\r\n\r\n", END_KEEP, 4, 4, 0,
     "4567"},
    {"honest, after 103", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK206 R4_7 LEN(4) "\r\n4567", END_KEEP, 4, 4, 0,
     "4567"},
    {"honest, lower case, no space", OK206 "content-range:bytes 4-7/20\r\ncontent-length:4\r\n\r\n4567", END_KEEP, 4, 4,
     0, "4567"},
    {"honest, to the end", OK206 "Content-Range: bytes 16-19/20\r\n" LEN(4) "\r\nghij", END_KEEP, 16, 0, 0, "ghij"},
    {"honest, shorter resource", OK206 "Content-Range: bytes 4-5/6\r\n" LEN(2) "\r\n45", END_KEEP, 4, 4, 0, "45"},
    {"honest, total not said", OK206 "Content-Range: bytes 4-7/*\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4, 0, "4567"},
    {"whole", OK200 LEN(20) "\r\n0123456789abcdefghij", END_KEEP, 0, 0, 0, "0123456789abcdefghij"},
    {"200 to a range from 0: its first bytes", OK200 LEN(20) "\r\n0123456789abcdefghij", END_KEEP, 0, 4, 0, "0123"},
    {"Range ignored", OK200 LEN(20) "\r\n0123456789abcdefghij", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"Range ignored, same size", OK200 LEN(4) "\r\n0123", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"captive portal", OK200 "Content-Type: text/html\r\n" LEN(6) "\r\n<html>", END_KEEP, 4, 0, OTA_HTTP_RANGE, ""},
    {"Content-Range missing", OK206 LEN(4) "\r\n4567", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"shifted start", OK206 "Content-Range: bytes 3-6/20\r\n" LEN(4) "\r\n3456", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"earlier start, same end", OK206 "Content-Range: bytes 3-7/20\r\n" LEN(5) "\r\n34567", END_KEEP, 4, 4,
     OTA_HTTP_RANGE, ""},
    {"later start, same end", OK206 "Content-Range: bytes 5-7/20\r\n" LEN(3) "\r\n567", END_KEEP, 4, 4, OTA_HTTP_RANGE,
     ""},
    {"wrong end", OK206 "Content-Range: bytes 4-6/20\r\n" LEN(3) "\r\n456", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"end beyond the request", OK206 "Content-Range: bytes 4-8/20\r\n" LEN(5) "\r\n45678", END_KEEP, 4, 4,
     OTA_HTTP_RANGE, ""},
    {"not to the end", OK206 "Content-Range: bytes 4-7/20\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 0, OTA_HTTP_RANGE, ""},
    {"to the end, total not said", OK206 "Content-Range: bytes 4-7/*\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 0,
     OTA_HTTP_RANGE, ""},
    {"end before start", OK206 "Content-Range: bytes 4-3/20\r\n" LEN(0) "\r\n", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"end beyond total", OK206 "Content-Range: bytes 4-7/7\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"total overflows", OK206 "Content-Range: bytes 4-7/99999999999999999999\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4,
     OTA_HTTP_RANGE, ""},
    {"two ranges", OK206 R4_7 "Content-Range: bytes 0-3/20\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"other unit", OK206 "Content-Range: items 4-7/20\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"multipart", OK206 R4_7 "Content-Type: multipart/byteranges; boundary=x\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4,
     OTA_HTTP_RANGE, ""},
    {"206 unasked", OK206 "Content-Range: bytes 0-19/20\r\n" LEN(20) "\r\n0123456789abcdefghij", END_KEEP, 0, 0,
     OTA_HTTP_RANGE, ""},
    {"416", "HTTP/1.1 416 No\r\nContent-Range: bytes */20\r\n" LEN(0) "\r\n", END_KEEP, 4, 4, OTA_HTTP_RANGE, ""},
    {"length shorter than range", OK206 R4_7 LEN(3) "\r\n456", END_KEEP, 4, 4, OTA_SHORT_BODY, ""},
    {"length longer than range", OK206 R4_7 LEN(5) "\r\n45678", END_KEEP, 4, 4, OTA_LONG_BODY, ""},
    {"ends early, length said", OK206 R4_7 LEN(4) "\r\n456", END_CLOSE, 4, 4, OTA_SHORT_BODY, "4567"},
    {"ends early, no length", OK206 R4_7 "\r\n456", END_CLOSE, 4, 4, OTA_SHORT_BODY, "4567"},
    {"ends early, chunked", OK206 R4_7 "Transfer-Encoding: chunked\r\n\r\n3\r\n456\r\n0\r\n\r\n", END_KEEP, 4, 4,
     OTA_SHORT_BODY, "4567"},
    {"ends early inside a chunk", OK206 R4_7 "Transfer-Encoding: chunked\r\n\r\n4\r\n456", END_CLOSE, 4, 4,
     OTA_SHORT_BODY, "4567"},
    {"no body at all", OK206 R4_7 "\r\n", END_CLOSE, 4, 4, OTA_SHORT_BODY, ""},
    {"goes on, no length", OK206 R4_7 "\r\n456789", END_CLOSE, 4, 4, OTA_LONG_BODY, "4567"},
    {"goes on, chunked", OK206 R4_7 "Transfer-Encoding: chunked\r\n\r\n6\r\n456789\r\n0\r\n\r\n", END_KEEP, 4, 4,
     OTA_LONG_BODY, "4567"},
    {"goes on beyond its length: cut", OK206 R4_7 LEN(4) "\r\n456789", END_CLOSE, 4, 4, 0, "4567"},
    {"two lengths", OK206 R4_7 LEN(4) LEN(5) "\r\n45678", END_CLOSE, 4, 4, OTA_HTTP_STATUS, ""},
    {"length is no number", OK206 R4_7 "Content-Length: four\r\n\r\n4567", END_CLOSE, 4, 4, OTA_HTTP_STATUS, ""},
    {"gzip", OK206 R4_7 "Content-Encoding: gzip\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4, OTA_HTTP_STATUS, ""},
    {"transfer gzip", OK206 R4_7 "Transfer-Encoding: gzip\r\n\r\n4567", END_CLOSE, 4, 4, OTA_HTTP_STATUS, ""},
    {"404", "HTTP/1.1 404 Not Found\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4, OTA_HTTP_STATUS, ""},
    {"503", "HTTP/1.1 503 Busy\r\n" LEN(4) "\r\n4567", END_KEEP, 4, 4, OTA_HTTP_STATUS, ""},
    {"503 closed", "HTTP/1.1 503 Busy\r\n\r\n4567", END_CLOSE, 0, 0, OTA_HTTP_STATUS, ""},
    {"304 unasked", "HTTP/1.1 304 Not Modified\r\n\r\n", END_KEEP, 0, 0, OTA_HTTP_STATUS, ""},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", END_KEEP, 4, 4, OTA_HTTP_STATUS, ""},
    {"redirect without a place", "HTTP/1.1 302 Found\r\n" LEN(0) "\r\n", END_KEEP, 4, 4, OTA_HTTP_STATUS, ""},
    {"redirect to ftp", "HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/x\r\n" LEN(0) "\r\n", END_KEEP, 4, 4,
     OTA_HTTP_STATUS, ""},
    {"redirect to a file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n" LEN(0) "\r\n", END_KEEP, 4, 4,
     OTA_HTTP_STATUS, ""},
    {"redirect to itself for ever", "HTTP/1.1 302 Found\r\nLocation: /\r\n" LEN(0) "\r\n", END_KEEP, 4, 4,
     OTA_HTTP_STATUS, ""},
    {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", END_CLOSE, 4, 4, OTA_HTTP_STATUS, ""},
    {"nothing", "", END_CLOSE, 4, 4, OTA_UNREACHABLE, ""},
    {"reset at once", "", END_RESET, 4, 4, OTA_UNREACHABLE, ""},
    {"reset in the head", "HTTP/1.1 20", END_RESET, 4, 4, OTA_UNREACHABLE, ""},
    {"reset in the body", OK206 R4_7 LEN(4) "\r\n45", END_RESET, 4, 4, OTA_UNREACHABLE, "4567"},
};

/* Each trap of the field ends in its own reason, and body() never sees a byte that is not the resource's at that place.
 */
Test(fetch, traps)
{
	struct canned canned;
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(NULL, &fetch);

	cr_assert_eq(origin_start(canned_script, &canned, NULL, &origin), 0);
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		const struct trap *trap = &traps[i];
		struct seen *seen = calloc(1, sizeof(*seen));
		int result;

		canned = (struct canned){.says = trap->says, .end = trap->end};
		result = get_range(&fetch, origin_url(origin), trap->offset, trap->length, seen);
		cr_expect_eq(result, trap->result, "%s: %s instead of %s", trap->name, ota_reason_name(result),
			     ota_reason_name(trap->result));
		cr_expect_leq(seen->body_bytes, strlen(trap->body), "%s: %zu bytes", trap->name, seen->body_bytes);
		cr_expect(strncmp(seen->body, trap->body, seen->body_bytes) == 0, "%s: other bytes", trap->name);
		if (trap->result == 0)
			cr_expect_eq(seen->body_bytes, strlen(trap->body), "%s: %zu bytes", trap->name,
				     seen->body_bytes);
		cr_expect_leq(seen->heads, 1, "%s: %u heads", trap->name, seen->heads);
		free(seen);
	}
	ota_fetch_curl_free(curl);
	origin_stop(origin);
}

/* head() learns size, strong validator and Retry-After; weak and broken validators count as none. */
Test(fetch, heads)
{
	static const struct {
		const char *says;
		const char *etag;
		uint64_t total;
		uint32_t retry_after_s;
	} heads[] = {
	    {OK206 R4_7 LEN(4) "ETag: \"a-1\"\r\n\r\n4567", "\"a-1\"", 20, 0},
	    {OK206 R4_7 LEN(4) "ETag: W/\"a-1\"\r\n\r\n4567", "", 20, 0},
	    {OK206 R4_7 LEN(4) "ETag: a-1\r\n\r\n4567", "", 20, 0},
	    {OK206 R4_7 LEN(4) "ETag: \"a\tb\"\r\n\r\n4567", "", 20, 0},
	    {OK206 "Content-Range: bytes 4-7/*\r\n" LEN(4) "\r\n4567", "", UINT64_MAX, 0},
	    {"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\n" LEN(0) "\r\n", "", UINT64_MAX, 120},
	    {"HTTP/1.1 503 Busy\r\nRetry-After: 999999999999\r\n" LEN(0) "\r\n", "", UINT64_MAX, 3600},
	    {"HTTP/1.1 503 Busy\r\nRetry-After: soon\r\n" LEN(0) "\r\n", "", UINT64_MAX, 0},
	    {"HTTP/1.1 503 Busy\r\nRetry-After: -5\r\n" LEN(0) "\r\n", "", UINT64_MAX, 0},
	    {"HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n" LEN(0) "\r\n", "", UINT64_MAX, 0},
	    {"HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n" LEN(0) "\r\n", "", UINT64_MAX, 3600},
	};
	struct canned canned;
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(NULL, &fetch);

	cr_assert_eq(origin_start(canned_script, &canned, NULL, &origin), 0);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct seen *seen = calloc(1, sizeof(*seen));

		canned = (struct canned){.says = heads[i].says, .end = END_KEEP};
		(void)!get_range(&fetch, origin_url(origin), 4, 4, seen);
		cr_expect_eq(seen->heads, 1, "%zu", i);
		cr_expect_str_eq(seen->answer.etag, heads[i].etag, "%zu", i);
		cr_expect_eq(seen->answer.total_bytes, heads[i].total, "%zu", i);
		cr_expect_eq(seen->answer.retry_after_s, heads[i].retry_after_s, "%zu: %u", i,
			     seen->answer.retry_after_s);
		free(seen);
	}
	ota_fetch_curl_free(curl);
	origin_stop(origin);
}

/* The request says what the caller meant, and the same connection serves all of them. */
Test(fetch, requests_and_one_connection)
{
	struct origin_file file = {.data = (const uint8_t *)resource, .size_bytes = RESOURCE_BYTES, .etag = "\"v1\""};
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(NULL, &fetch);
	struct seen *seen = calloc(1, sizeof(*seen));
	struct ota_fetch_request request = {.head = see_head, .body = see_body, .ctx = seen};

	cr_assert_eq(origin_start(origin_file_script, &file, NULL, &origin), 0);
	request.url = origin_url(origin);
	request.offset_bytes = 4;
	request.length_bytes = 4;
	request.if_range = "\"v1\"";
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), 0);
	cr_assert_str_eq(seen->body, "4567");
	/* The resource changed: the server sends it whole, which is refused. */
	request.if_range = "\"v0\"";
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), OTA_HTTP_RANGE);
	request.offset_bytes = request.length_bytes = 0;
	request.if_range = NULL;
	request.if_none_match = "\"v1\"";
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), OTA_NOTHING_TO_DO);
	request.if_none_match = "\"v0\"";
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), 0);
	/* A validator that would end the header line is never sent. */
	request.if_none_match = "\"v0\"\r\nX-Evil: 1";
	cr_assert_eq(fetch.ops->get(fetch.fetch, &request), -EINVAL);
	cr_assert_eq(seen->body_bytes, 24);
	cr_expect_eq(origin_requests(origin), 4);
	cr_expect_eq(origin_connections(origin), 1, "%u connections", origin_connections(origin));
	free(seen);
	ota_fetch_curl_free(curl);
	origin_stop(origin);
}

/* What head() or body() says is what get_range() says. */
Test(fetch, abort_is_forwarded)
{
	struct origin_file file = {.data = (const uint8_t *)resource, .size_bytes = RESOURCE_BYTES};
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(NULL, &fetch);
	struct seen *seen = calloc(1, sizeof(*seen));

	cr_assert_eq(origin_start(origin_file_script, &file, NULL, &origin), 0);
	seen->body_says = -ENOSPC;
	cr_assert_eq(get_range(&fetch, origin_url(origin), 0, 4, seen), -ENOSPC);
	seen->body_says = 4242;
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 0, seen), 4242);
	seen->head_says = 77;
	seen->body_bytes = 0;
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), 77);
	cr_assert_eq(seen->body_bytes, 0);
	free(seen);
	ota_fetch_curl_free(curl);
	origin_stop(origin);
}

static bool redirect_script(void *ctx, const struct origin_request *request, struct origin_reply *reply)
{
	int left = atoi(request->path + 1);

	if (left > 0)
		return origin_say(reply,
				  "HTTP/1.1 302 Found\r\nContent-Range: bytes 0-0/1\r\nContent-Length: 4\r\n"
				  "Location: /%d\r\n\r\nbody",
				  left - 1);
	return origin_file_script(ctx, request, reply);
}

/* Redirects are followed five deep; what their own heads say about ranges is not believed. */
Test(fetch, redirects)
{
	struct origin_file file = {.data = (const uint8_t *)resource, .size_bytes = RESOURCE_BYTES};
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(NULL, &fetch);
	char url[128];

	cr_assert_eq(origin_start(redirect_script, &file, NULL, &origin), 0);
	for (int depth = 0; depth <= 6; depth++) {
		struct seen *seen = calloc(1, sizeof(*seen));
		int result;

		snprintf(url, sizeof(url), "%s/%d", origin_url(origin), depth);
		result = get_range(&fetch, url, 4, 4, seen);
		cr_expect_eq(result, depth <= OTA_CURL_REDIRECTS_MAX ? 0 : OTA_HTTP_STATUS, "%d deep: %s", depth,
			     ota_reason_name(result));
		cr_expect_eq(seen->body_bytes, result == 0 ? 4 : 0, "%d deep", depth);
		free(seen);
	}
	ota_fetch_curl_free(curl);
	origin_stop(origin);
}

static bool long_header_script(void *ctx, const struct origin_request *request, struct origin_reply *reply)
{
	(void)ctx;
	(void)request;
	origin_say(reply, "HTTP/1.1 206 Part\r\n");
	for (int i = 0; i < 100000; i++)
		if (!origin_say(reply, "X-Padding-%d: %01000d\r\n", i, i))
			break;
	return false;
}

static bool long_body_script(void *ctx, const struct origin_request *request, struct origin_reply *reply)
{
	static const char zeros[4096];
	uint64_t *sent = ctx;

	(void)request;
	origin_say(reply, "HTTP/1.1 404 No\r\n\r\n");
	while (*sent < (1u << 30) && origin_send(reply, zeros, sizeof(zeros)))
		*sent += sizeof(zeros);
	return false;
}

/* Neither endless headers nor the endless body of an error are read to their end. */
Test(fetch, endless)
{
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(NULL, &fetch);
	struct seen *seen = calloc(1, sizeof(*seen));
	uint64_t sent = 0;

	cr_assert_eq(origin_start(long_header_script, NULL, NULL, &origin), 0);
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_HTTP_STATUS);
	cr_assert_eq(seen->heads, 0);
	origin_stop(origin);
	cr_assert_eq(origin_start(long_body_script, &sent, NULL, &origin), 0);
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_HTTP_STATUS);
	cr_assert_eq(seen->body_bytes, 0);
	ota_fetch_curl_free(curl);
	origin_stop(origin);
	cr_assert_lt(sent, 32u << 20);
	free(seen);
}

/* TLS: the right root is needed, and an end of the connection without a length is a short body, whatever TLS says. */
Test(fetch, tls)
{
	char dir[] = "/tmp/ota-fetch-XXXXXX", good[64], other[64];
	struct test_pki_spec root_spec = {.name = "Root", .ca = true, .key_usage = "critical,keyCertSign,cRLSign"};
	struct test_pki_spec host_spec = {
	    .name = "localhost", .key_usage = "critical,digitalSignature", .extended_key_usage = "serverAuth"};
	struct test_pki root, stranger, host;
	struct canned canned = {.says = OK206 R4_7 "\r\n4567", .end = END_CLOSE};
	struct ota_fetch_curl_config config = {.ca_path = good};
	struct seen *seen = calloc(1, sizeof(*seen));
	struct ota_fetch_curl *curl;
	struct ota_fetch fetch;
	struct origin *origin;

	cr_assert(test_pki_make(&root_spec, NULL, &root) == 0 && test_pki_make(&root_spec, NULL, &stranger) == 0 &&
		  test_pki_make(&host_spec, &root, &host) == 0);
	cr_assert(mkdtemp(dir));
	snprintf(good, sizeof(good), "%s/good.pem", dir);
	snprintf(other, sizeof(other), "%s/other.pem", dir);
	test_file_write(good, root.certificate_pem, strlen(root.certificate_pem));
	test_file_write(other, stranger.certificate_pem, strlen(stranger.certificate_pem));
	cr_assert_eq(origin_start(canned_script, &canned, &host, &origin), 0);
	curl = open_fetch(&config, &fetch);
	cr_expect_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), 0, "%s", ota_fetch_curl_detail(curl));
	canned = (struct canned){.says = OK206 R4_7 "\r\n456", .end = END_CLOSE};
	cr_expect_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_SHORT_BODY);
	canned = (struct canned){.says = OK206 R4_7 "\r\n456", .end = END_RUDE};
	cr_expect_neq(get_range(&fetch, origin_url(origin), 4, 4, seen), 0);
	canned = (struct canned){.says = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n" LEN(0) "\r\n",
				 .end = END_CLOSE};
	cr_expect_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_HTTP_STATUS, "redirect to plain http");
	ota_fetch_curl_free(curl);
	config.ca_path = other;
	curl = open_fetch(&config, &fetch);
	cr_expect_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_TLS);
	ota_fetch_curl_free(curl);
	config.ca_path = "/nonexistent.pem";
	curl = open_fetch(&config, &fetch);
	cr_expect_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_BAD_CONFIG);
	ota_fetch_curl_free(curl);
	origin_stop(origin);
	unlink(good);
	unlink(other);
	rmdir(dir);
	test_pki_free(&root);
	test_pki_free(&stranger);
	test_pki_free(&host);
	free(seen);
}
