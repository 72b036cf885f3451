/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_FETCH_HTTP_ANSWER_H
#define CORE_FETCH_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/fetch.h"

/*
 * The head of one HTTP answer (RFC 9110), fed line by line, and the judgement whether it answers the request.
 * Pure: no libcurl state, no clock.
 */
#define OTA_HTTP_UNKNOWN UINT64_MAX

struct ota_http_answer {
	int status;
	uint64_t content_bytes; /* Content-Length; OTA_HTTP_UNKNOWN */
	bool ranged;            /* a well-formed Content-Range "bytes first-last/total" */
	uint64_t first, last;
	uint64_t range_total; /* OTA_HTTP_UNKNOWN for "*" */
	bool chunked;
	bool location;  /* has a Location: a redirect that may be followed */
	bool malformed; /* codings, lengths at odds */
	bool bad_range; /* Content-Range that is malformed or given twice, or a multipart body */
	char etag[OTA_ETAG_MAX];
	uint32_t retry_after_s;
	size_t header_bytes; /* over all answers since init, redirects included */
};

/* One header line with or without its line end. A status line starts a new answer. now_s: to judge a Retry-After date.
 */
void ota_http_answer_line(struct ota_http_answer *answer, const char *line, size_t size_bytes, int64_t now_s);

/*
 * Judges a complete head against the request. On 0, *body_bytes is the size of the body to come (OTA_HTTP_UNKNOWN if
 * not said) and *total_bytes that of the resource. 0, OTA_NOTHING_TO_DO, OTA_HTTP_STATUS, OTA_HTTP_RANGE,
 * OTA_SHORT_BODY, OTA_LONG_BODY.
 */
int ota_http_answer_judge(const struct ota_http_answer *answer, const struct ota_fetch_request *request,
			  uint64_t *body_bytes, uint64_t *total_bytes) __attribute__((warn_unused_result));

#endif
