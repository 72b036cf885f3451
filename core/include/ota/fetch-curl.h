/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_FETCH_CURL_H
#define OTA_FETCH_CURL_H

#include <stdbool.h>
#include <stdint.h>

#include "ota/fetch.h"

/*
 * The fetch seam over libcurl: HTTP/1.1 over TLS, one connection kept across requests.
 *
 * libcurl alone takes a 200 for a range, a shifted range, a body that ends early without a length, and a redirect to
 * another protocol; here each is refused with its reason. What a server says about lengths and ranges is compared with
 * what was asked for and with the bytes that came. Bodies are never decompressed. Proxies come from libcurl's own
 * environment variables. After a transfer that was lost, servers are asked for TLS records of 4 KiB, so that the next
 * loss costs less.
 */
#define OTA_CURL_REDIRECTS_MAX     5
#define OTA_CURL_HEADER_MAX_BYTES  ((size_t)64 * 1024)
#define OTA_CURL_RETRY_AFTER_MAX_S 3600u

/* Zero-initialised and then set; strings are borrowed for the lifetime of the fetcher. */
struct ota_fetch_curl_config {
	const char *ca_path;          /* PEM file of trusted roots; NULL: the system's */
	const char *certificate_path; /* PEM client certificate; NULL: none */
	const char *key_path;         /* PEM key of it */
	const char *user_agent;       /* NULL: "ota" */
	bool allow_http;              /* also plain http; false: https alone, redirects too */
	uint32_t connect_timeout_ms;  /* 30000: name, TCP and TLS; then OTA_NAME or OTA_STALLED */
	uint32_t low_speed_bytes_s;   /* 256: slower than this ... */
	uint32_t low_speed_s;         /* 30: ... for so long is a stall. Time that the sink takes does not count. */
	uint32_t deadline_s;          /* 14400: one request in all */
	bool (*stop)(void *ctx);      /* polled about once a second; true ends the request with -EINTR. May be NULL. */
	void *stop_ctx;
};

struct ota_fetch_curl;

/*
 * Fills *fetch; one request at a time. 0, -ENOMEM, or OTA_BAD_CONFIG when libcurl lacks TLS.
 *
 * get() calls head() for each final answer, also for 304 and for errors (so that Retry-After is known), then returns:
 * OTA_NOTHING_TO_DO (304), OTA_HTTP_RANGE (a range ignored, shifted, malformed, or 416), OTA_HTTP_STATUS (any other
 * status, a redirect that is not followed, a content or transfer coding, headers beyond bounds or at odds with each
 * other), OTA_SHORT_BODY, OTA_LONG_BODY, OTA_UNREACHABLE, OTA_NAME, OTA_TLS, OTA_STALLED, OTA_DEADLINE, OTA_BAD_CONFIG
 * (URL or certificate files that cannot work), -ENOMEM, -EINTR, or what head() or body() said. A 200 to a range that
 * starts at 0 is accepted: its first bytes are the right ones.
 */
int ota_fetch_curl_new(const struct ota_fetch_curl_config *config, struct ota_fetch_curl **out, struct ota_fetch *fetch)
    __attribute__((warn_unused_result));
void ota_fetch_curl_free(struct ota_fetch_curl *curl);

/* libcurl's own words about the last failure, "" if none; valid until the next request. */
const char *ota_fetch_curl_detail(const struct ota_fetch_curl *curl);

#endif
