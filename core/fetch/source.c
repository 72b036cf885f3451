/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a bundle from its source: found by the form of its address, read whole, with retries. */
#include "fetch/source.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fetch/retry.h"

/* The first request: enough for the head of a small bundle, one round trip for the beginning of a large one. */
#define PROBE_BYTES 4096u

const struct ota_fetch *ota_source_fetch(const struct ota *ota, const char *source)
{
	if (strncasecmp(source, "http://", 7) == 0 || strncasecmp(source, "https://", 8) == 0)
		return &ota->fetch;
	return &ota->files;
}

/* Collects one answer into a buffer of known size. */
struct collect {
	struct ota_fetch_answer answer;
	uint8_t *out;
	size_t size_bytes; /* room */
	size_t got_bytes;
	uint64_t *bytes_fetched;
};

static int on_head(void *ctx, const struct ota_fetch_answer *answer)
{
	struct collect *collect = ctx;

	collect->answer = *answer;
	return 0;
}

static int on_body(void *ctx, const void *data, size_t size_bytes)
{
	struct collect *collect = ctx;

	*collect->bytes_fetched += size_bytes;
	if (size_bytes > collect->size_bytes - collect->got_bytes)
		return OTA_LONG_BODY;
	memcpy(collect->out + collect->got_bytes, data, size_bytes);
	collect->got_bytes += size_bytes;
	return 0;
}

/* One attempt at the whole head. *raw is set on success alone; *status follows the last answer. */
static int read_head(const struct ota_fetch *fetch, struct ota_fetch_request *request, struct collect *collect,
		     uint8_t **raw, size_t *raw_bytes)
{
	uint8_t probe[PROBE_BYTES];
	struct ota_bundle_header header;
	struct ota_fetch_answer first;
	size_t head_bytes;
	int result;

	collect->out = probe;
	collect->size_bytes = sizeof(probe);
	request->length_bytes = sizeof(probe);
	result = fetch->ops->get(fetch->fetch, request);
	if (result != 0)
		return result;
	if (collect->got_bytes < OTA_BUNDLE_HEADER_BYTES)
		return OTA_TRUNCATED;
	result = ota_bundle_header_parse(probe, &header);
	if (result != 0)
		return result;
	head_bytes = ota_bundle_head_bytes(&header);
	first = collect->answer;
	/* Fewer bytes than asked for: that was the end of it. */
	if ((first.total_bytes != UINT64_MAX && first.total_bytes < head_bytes) ||
	    (collect->got_bytes < sizeof(probe) && collect->got_bytes < head_bytes))
		return OTA_TRUNCATED;
	collect->out = malloc(head_bytes); /* bounded: the header was checked */
	if (!collect->out)
		return -ENOMEM;
	collect->size_bytes = head_bytes;
	if (collect->got_bytes > head_bytes)
		collect->got_bytes = head_bytes;
	memcpy(collect->out, probe, collect->got_bytes);
	if (collect->got_bytes < head_bytes) {
		request->offset_bytes = collect->got_bytes;
		request->length_bytes = head_bytes - collect->got_bytes;
		request->if_range = first.etag[0] != '\0' ? first.etag : NULL;
		request->if_none_match = NULL;
		result = fetch->ops->get(fetch->fetch, request);
		if (result == 0 && collect->got_bytes < head_bytes)
			result = OTA_TRUNCATED;
	}
	if (result != 0) {
		free(collect->out);
		return result;
	}
	if (collect->answer.total_bytes == UINT64_MAX)
		collect->answer.total_bytes = first.total_bytes;
	*raw = collect->out;
	*raw_bytes = head_bytes;
	return 0;
}

int ota_source_head(struct ota *ota, const char *source, const char *if_none_match, struct ota_fetch_answer *answer,
		    uint8_t **raw, size_t *raw_bytes, uint64_t *bytes_fetched, char *detail, size_t detail_bytes)
{
	assert(answer && raw && raw_bytes && bytes_fetched);
	const struct ota_fetch *fetch = ota_source_fetch(ota, source);
	struct ota_retry retry;
	int result;

	*raw = NULL;
	*raw_bytes = 0;
	ota_retry_start(&retry, ota);
	for (;;) { /* bounded by the attempts of the policy: no attempt counts as progress */
		struct collect collect = {.bytes_fetched = bytes_fetched, .answer.total_bytes = UINT64_MAX};
		struct ota_fetch_request request = {.url = source, .head = on_head, .body = on_body, .ctx = &collect};
		int last;

		if (if_none_match && if_none_match[0] != '\0')
			request.if_none_match = if_none_match;
		result = read_head(fetch, &request, &collect, raw, raw_bytes);
		*answer = collect.answer;
		if (!ota_retry_worthwhile(result, answer->status))
			break;
		last = result;
		result = ota_retry_wait(&retry, last, false, answer->retry_after_s);
		if (result != 0)
			break;
	}
	if (result != 0 && result != OTA_NOTHING_TO_DO && detail && detail_bytes > 0 && !*raw) {
		if (result == OTA_HTTP_STATUS)
			(void)snprintf(detail, detail_bytes, "HTTP status %d: %s", answer->status, source);
		else
			(void)snprintf(detail, detail_bytes, "%s: %s",
				       result > 0 ? ota_reason_text(result) : strerror(-result), source);
	}
	return result;
}
