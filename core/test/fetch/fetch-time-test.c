/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_curl against time: silence, drips, a slow sink, a request to stop, nobody there. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ota/reason.h"
#include "test/fetch/fetch-seen.h"
#include "test/test-helpers.h"

static bool drip_script(void *ctx, const struct origin_request *request, struct origin_reply *reply)
{
	int each_ms = *(int *)ctx;

	(void)request;
	origin_say(reply, OK206 "Content-Range: bytes 4-1003/2000\r\n" LEN(1000) "\r\n");
	for (int i = 0; i < 1000; i++) {
		if (!origin_say(reply, "x"))
			break;
		origin_pause(reply, each_ms);
	}
	return false;
}

/* A silent server is a stall within seconds; a drip above the limit ends at the deadline; a server that is only silent
 * because we are slow is neither. */
Test(fetch, stall_and_deadline, .timeout = 60)
{
	struct ota_fetch_curl_config config = {.allow_http = true, .low_speed_bytes_s = 5, .low_speed_s = 1};
	struct canned canned = {.says = OK206 R4_7 LEN(4) "\r\n45", .end = END_SILENT};
	struct seen *seen = calloc(1, sizeof(*seen));
	struct ota_fetch_curl *curl;
	struct ota_fetch fetch;
	struct origin *origin;
	int64_t start;
	int each_ms = 50;

	curl = open_fetch(&config, &fetch);
	cr_assert_eq(origin_start(canned_script, &canned, NULL, &origin), 0);
	start = test_now_ms();
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_STALLED);
	cr_expect_lt(test_now_ms() - start, 4000, "%d ms", (int)(test_now_ms() - start));
	origin_stop(origin);
	/* Not even a head. */
	canned.says = "";
	cr_assert_eq(origin_start(canned_script, &canned, NULL, &origin), 0);
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), OTA_STALLED);
	origin_stop(origin);
	ota_fetch_curl_free(curl);
	/* 20 bytes a second are fast enough for ever, but not beyond the deadline. */
	config.deadline_s = 3;
	curl = open_fetch(&config, &fetch);
	cr_assert_eq(origin_start(drip_script, &each_ms, NULL, &origin), 0);
	start = test_now_ms();
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 1000, seen), OTA_DEADLINE);
	cr_expect_lt(test_now_ms() - start, 6000);
	origin_stop(origin);
	ota_fetch_curl_free(curl);
	free(seen);
}

/* Time that the sink takes is no stall: a device may write more slowly than the limit. */
Test(fetch, slow_sink, .timeout = 60)
{
	struct ota_fetch_curl_config config = {.allow_http = true, .low_speed_bytes_s = 1000000, .low_speed_s = 1};
	size_t size_bytes = 48u * 1024u;
	uint8_t *data = calloc(1, size_bytes);
	struct origin_file file = {.data = data, .size_bytes = size_bytes};
	struct seen *seen = calloc(1, sizeof(*seen));
	struct ota_fetch_curl *curl;
	struct ota_fetch fetch;
	struct origin *origin;

	curl = open_fetch(&config, &fetch);
	cr_assert_eq(origin_start(origin_file_script, &file, NULL, &origin), 0);
	seen->body_delay_ms = 1200;
	cr_assert_eq(get_range(&fetch, origin_url(origin), 0, 0, seen), 0);
	cr_assert_eq(seen->body_bytes, size_bytes);
	ota_fetch_curl_free(curl);
	origin_stop(origin);
	free(seen);
	free(data);
}

static bool stop_now(void *ctx)
{
	return test_now_ms() >= *(int64_t *)ctx;
}

/* A stop request ends a request that waits, within about a second. */
Test(fetch, stop, .timeout = 60)
{
	int64_t stop_ms = test_now_ms() + 500;
	struct ota_fetch_curl_config config = {.allow_http = true, .stop = stop_now, .stop_ctx = &stop_ms};
	struct canned canned = {.says = OK206 R4_7 LEN(4) "\r\n45", .end = END_SILENT};
	struct seen *seen = calloc(1, sizeof(*seen));
	struct ota_fetch_curl *curl;
	struct ota_fetch fetch;
	struct origin *origin;

	curl = open_fetch(&config, &fetch);
	cr_assert_eq(origin_start(canned_script, &canned, NULL, &origin), 0);
	cr_assert_eq(get_range(&fetch, origin_url(origin), 4, 4, seen), -EINTR);
	cr_expect_lt(test_now_ms() - stop_ms, 2500);
	ota_fetch_curl_free(curl);
	origin_stop(origin);
	free(seen);
}

/* No server, no name, no allowed protocol: each its own reason, before any byte. */
Test(fetch, unreachable)
{
	struct ota_fetch_curl_config https_only = {.connect_timeout_ms = 5000};
	struct seen *seen = calloc(1, sizeof(*seen));
	struct origin *origin;
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(NULL, &fetch);
	struct canned canned = {.says = ""};
	char url[128];

	cr_assert_eq(origin_start(canned_script, &canned, NULL, &origin), 0);
	snprintf(url, sizeof(url), "%s", origin_url(origin));
	origin_stop(origin);
	cr_expect_eq(get_range(&fetch, url, 0, 0, seen), OTA_UNREACHABLE);
	cr_expect_eq(get_range(&fetch, "http://no-such-host.invalid/", 0, 0, seen), OTA_NAME);
	cr_expect_eq(get_range(&fetch, "ftp://127.0.0.1/x", 0, 0, seen), OTA_BAD_CONFIG);
	cr_expect_eq(get_range(&fetch, "file:///etc/passwd", 0, 0, seen), OTA_BAD_CONFIG);
	cr_expect_eq(get_range(&fetch, "http://[", 0, 0, seen), OTA_BAD_CONFIG);
	ota_fetch_curl_free(curl);
	curl = open_fetch(&https_only, &fetch);
	cr_expect_eq(get_range(&fetch, url, 0, 0, seen), OTA_BAD_CONFIG);
	ota_fetch_curl_free(curl);
	free(seen);
}

/* Silence is no refusal: nobody answers the connection (its queue is full), or nobody answers the TLS hello. */
Test(fetch, silence, .timeout = 30)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct ota_fetch_curl_config hasty = {.connect_timeout_ms = 500};
	socklen_t size = sizeof(address);
	struct seen *seen = calloc(1, sizeof(*seen));
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int waiting[4];
	struct ota_fetch fetch;
	struct ota_fetch_curl *curl = open_fetch(&hasty, &fetch);
	char url[64];

	cr_assert(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 0) == 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/x", (unsigned)ntohs(address.sin_port));
	cr_expect_eq(get_range(&fetch, url, 0, 0, seen), OTA_STALLED);
	for (unsigned i = 0; i < 4; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(waiting[i], (struct sockaddr *)&address, size);
	}
	cr_expect_eq(get_range(&fetch, url, 0, 0, seen), OTA_STALLED);
	for (unsigned i = 0; i < 4; i++)
		close(waiting[i]);
	close(listener);
	ota_fetch_curl_free(curl);
	free(seen);
}
