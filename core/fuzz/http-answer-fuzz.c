/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an answer, from whoever answers. The first two bytes choose the request, the rest are its lines. What is
 * accepted as a part is the part that was asked for, and lies within the whole.
 */
#include "fetch/http-answer.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_BYTES 2u
#define NOW_S         INT64_C(1796083200)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct ota_http_answer *answer, const struct ota_fetch_request *request)
{
	uint64_t body = 0, total = 0;
	int result = ota_http_answer_judge(answer, request, &body, &total);

	if (memchr(answer->etag, '\0', sizeof(answer->etag)) == NULL)
		abort();
	if (result != 0 || answer->status == 200)
		return;
	if (answer->status != 206 || answer->first != request->offset_bytes || body == 0 || body == OTA_HTTP_UNKNOWN)
		abort();
	if (request->length_bytes > 0 && body > request->length_bytes)
		abort();
	if (total != OTA_HTTP_UNKNOWN && (body > total || request->offset_bytes > total - body))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ota_http_answer answer = {.content_bytes = OTA_HTTP_UNKNOWN, .range_total = OTA_HTTP_UNKNOWN};
	struct ota_fetch_request request = {.if_none_match = NULL};
	const uint8_t *end = data + size;

	if (size < REQUEST_BYTES)
		return 0;
	request.offset_bytes = (uint64_t)(data[0] & 15) << (data[0] >> 2);
	request.length_bytes = (uint64_t)(data[1] & 15) << (data[1] >> 2);
	for (const uint8_t *at = data + REQUEST_BYTES; at < end;) {
		const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = stop != NULL ? (size_t)(stop - at) + 1 : (size_t)(end - at);

		ota_http_answer_line(&answer, (const char *)at, length, NOW_S);
		check_answer(&answer, &request);
		at += length;
	}
	return 0;
}
