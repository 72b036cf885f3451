/* SPDX-License-Identifier: Apache-2.0 */
/* Reports on their way to the server, and the parts of an answer that need a clock. */
#include <criterion/criterion.h>
#include <string.h>

#include "fetch/http-answer.h"
#include "ota/fetch-curl.h"
#include "ota/reason.h"
#include "test/fetch/test-origin.h"

/* A Retry-After date is relative to the clock, within its cap. */
Test(fetch, retry_after_date)
{
	static const char line[] = "Retry-After: Fri, 01 Jan 2027 00:00:10 GMT\r\n";
	struct ota_http_answer answer = {0};

	ota_http_answer_line(&answer, "HTTP/1.1 503 Busy\r\n", 19, 0);
	ota_http_answer_line(&answer, line, strlen(line), 1798761600);
	cr_assert_eq(answer.retry_after_s, 10);
	ota_http_answer_line(&answer, line, strlen(line), 1798761611);
	cr_assert_eq(answer.retry_after_s, 0);
}

struct post_log {
	const char *says;
	struct origin_request last;
};

static bool post_script(void *ctx, const struct origin_request *request, struct origin_reply *reply)
{
	struct post_log *log = ctx;

	log->last = *request;
	return origin_say(reply, "%s", log->says);
}

/* post() delivers the body as it is, and only a 2xx counts. */
Test(fetch, post)
{
	static const char json[] = "{\"id\":1}";
	struct post_log log = {.says = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
	struct ota_fetch_curl_config config = {.allow_http = true};
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl;

	cr_assert_eq(ota_fetch_curl_new(&config, &curl, &fetch), 0);
	cr_assert_eq(origin_start(post_script, &log, NULL, &origin), 0);
	cr_assert_eq(fetch.ops->post(fetch.fetch, origin_url(origin), json, strlen(json)), 0);
	cr_assert_str_eq(log.last.method, "POST");
	cr_assert_str_eq(log.last.body, json);
	cr_assert_str_eq(log.last.content_type, "application/json");
	log.says = "HTTP/1.1 204 No Content\r\n\r\n";
	cr_assert_eq(fetch.ops->post(fetch.fetch, origin_url(origin), json, strlen(json)), 0);
	log.says = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
	cr_assert_eq(fetch.ops->post(fetch.fetch, origin_url(origin), json, strlen(json)), OTA_HTTP_STATUS);
	log.says = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n";
	cr_assert_eq(fetch.ops->post(fetch.fetch, origin_url(origin), json, strlen(json)), OTA_HTTP_STATUS);
	cr_expect_eq(origin_connections(origin), 1);
	ota_fetch_curl_free(curl);
	origin_stop(origin);
}
