/* SPDX-License-Identifier: Apache-2.0 */
/* What a fetch let through, recorded for tests. */
#include "test/fetch/fetch-seen.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

const char resource[RESOURCE_BYTES + 1] = "0123456789abcdefghij";

int see_head(void *ctx, const struct ota_fetch_answer *answer)
{
	struct seen *seen = ctx;

	seen->answer = *answer;
	seen->heads++;
	return seen->head_says;
}

int see_body(void *ctx, const void *data, size_t size_bytes)
{
	struct seen *seen = ctx;

	if (seen->body_bytes + size_bytes <= sizeof(seen->body))
		memcpy(seen->body + seen->body_bytes, data, size_bytes);
	seen->body_bytes += size_bytes;
	if (seen->body_delay_ms > 0)
		usleep((useconds_t)seen->body_delay_ms * 1000u);
	return seen->body_says;
}

struct ota_fetch_curl *open_fetch(const struct ota_fetch_curl_config *config, struct ota_fetch *fetch)
{
	struct ota_fetch_curl_config plain = {.allow_http = true};
	struct ota_fetch_curl *curl;

	cr_assert_eq(ota_fetch_curl_new(config ? config : &plain, &curl, fetch), 0);
	return curl;
}

int get_range(const struct ota_fetch *fetch, const char *url, uint64_t offset, uint64_t length, struct seen *seen)
{
	struct ota_fetch_request request = {.url = url,
					    .offset_bytes = offset,
					    .length_bytes = length,
					    .head = see_head,
					    .body = see_body,
					    .ctx = seen};

	return fetch->ops->get(fetch->fetch, &request);
}

bool canned_script(void *ctx, const struct origin_request *request, struct origin_reply *reply)
{
	struct canned *canned = ctx;

	canned->last = *request;
	origin_send(reply, canned->says, strlen(canned->says));
	if (canned->end == END_RESET)
		origin_reset(reply);
	if (canned->end == END_RUDE)
		origin_rude(reply);
	if (canned->end == END_SILENT)
		origin_pause(reply, 8000);
	return canned->end == END_KEEP;
}
