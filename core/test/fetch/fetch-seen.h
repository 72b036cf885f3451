/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_FETCH_FETCH_SEEN_H
#define CORE_TEST_FETCH_FETCH_SEEN_H

#include "ota/fetch-curl.h"
#include "test/fetch/test-origin.h"

/* What tests of fetch_curl share: a server that says the same bytes to every request, and what one get_range() let through. */
#define RESOURCE_BYTES 20u
extern const char resource[RESOURCE_BYTES + 1];

#define OK206  "HTTP/1.1 206 Partial Content\r\n"
#define OK200  "HTTP/1.1 200 OK\r\n"
#define R4_7   "Content-Range: bytes 4-7/20\r\n"
#define LEN(n) "Content-Length: " #n "\r\n"

struct seen {
	struct ota_fetch_answer answer;
	unsigned heads;
	char body[65536];
	size_t body_bytes;
	int head_says, body_says;
	int body_delay_ms;
};

enum end { END_CLOSE, END_KEEP, END_RESET, END_SILENT, END_RUDE };

struct canned {
	const char *says;
	enum end end;
	struct origin_request last;
};

/* Of a request whose ctx is a struct seen. */
int see_head(void *ctx, const struct ota_fetch_answer *answer);
int see_body(void *ctx, const void *data, size_t size_bytes);
/* config NULL: plain HTTP is allowed. */
struct ota_fetch_curl *open_fetch(const struct ota_fetch_curl_config *config, struct ota_fetch *fetch);
int get_range(const struct ota_fetch *fetch, const char *url, uint64_t offset, uint64_t length, struct seen *seen);
bool canned_script(void *ctx, const struct origin_request *request, struct origin_reply *reply);

#endif
