/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the head of an HTTP answer and judges whether it answers the request. */
#include "fetch/http-answer.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "ota/fetch-curl.h"
#include "ota/reason.h"

struct text {
	const char *at;
	size_t size;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct text trim_spaces(struct text t)
{
	while (t.size > 0 && is_space(t.at[0])) {
		t.at++;
		t.size--;
	}
	while (t.size > 0 && (is_space(t.at[t.size - 1]) || t.at[t.size - 1] == '\r' || t.at[t.size - 1] == '\n'))
		t.size--;
	return t;
}

static bool text_is(struct text t, const char *word)
{
	return t.size == strlen(word) && strncasecmp(t.at, word, t.size) == 0;
}

/* Takes decimal digits off the front; false when there are none or they overflow. */
static bool take_number(struct text *t, uint64_t *out)
{
	uint64_t value = 0;
	size_t n = 0;

	while (n < t->size && t->at[n] >= '0' && t->at[n] <= '9') {
		uint64_t digit = (uint64_t)(t->at[n] - '0');
		if (value > (UINT64_MAX - 1 - digit) / 10) /* UINT64_MAX itself means "unknown" */
			return false;
		value = value * 10 + digit;
		n++;
	}
	t->at += n;
	t->size -= n;
	*out = value;
	return n > 0;
}

static bool take_char(struct text *t, char c)
{
	if (t->size == 0 || t->at[0] != c)
		return false;
	t->at++;
	t->size--;
	return true;
}

static void read_length(struct ota_http_answer *answer, struct text value)
{
	uint64_t bytes;

	if (!take_number(&value, &bytes) || value.size > 0 ||
	    (answer->content_bytes != OTA_HTTP_UNKNOWN && answer->content_bytes != bytes))
		answer->malformed = true; /* libcurl would let the last one win */
	else
		answer->content_bytes = bytes;
}

static void read_range(struct ota_http_answer *answer, struct text value)
{
	uint64_t first, last, total = OTA_HTTP_UNKNOWN;

	if (answer->ranged || value.size < 6 || strncasecmp(value.at, "bytes", 5) != 0 || !is_space(value.at[5])) {
		answer->bad_range = true;
		return;
	}
	value.at += 6;
	value.size -= 6;
	if (!take_number(&value, &first) || !take_char(&value, '-') || !take_number(&value, &last) ||
	    !take_char(&value, '/') || !(take_char(&value, '*') || take_number(&value, &total)) || value.size > 0 ||
	    last < first || last >= total) {
		answer->bad_range = true;
		return;
	}
	answer->ranged = true;
	answer->first = first;
	answer->last = last;
	answer->range_total = total;
}

/* A weak validator says nothing about bytes, so it counts as none; so does one that is no plain quoted string. */
static void read_etag(struct ota_http_answer *answer, struct text value)
{
	answer->etag[0] = '\0';
	if (value.size < 2 || value.size >= OTA_ETAG_MAX || value.at[0] != '"' || value.at[value.size - 1] != '"')
		return;
	for (size_t i = 1; i < value.size - 1; i++)
		if (value.at[i] <= ' ' || value.at[i] == '"' || (unsigned char)value.at[i] >= 0x7f)
			return;
	memcpy(answer->etag, value.at, value.size);
	answer->etag[value.size] = '\0';
}

static void read_retry_after(struct ota_http_answer *answer, struct text value, int64_t now_s)
{
	char date[64];
	struct text rest = value;
	uint64_t seconds;
	time_t when;

	answer->retry_after_s = 0;
	if (take_number(&rest, &seconds) && rest.size == 0) {
		answer->retry_after_s =
		    seconds < OTA_CURL_RETRY_AFTER_MAX_S ? (uint32_t)seconds : OTA_CURL_RETRY_AFTER_MAX_S;
		return;
	}
	if (value.size >= sizeof(date))
		return;
	memcpy(date, value.at, value.size);
	date[value.size] = '\0';
	when = curl_getdate(date, NULL);
	if (when <= 0 || when <= now_s)
		return;
	answer->retry_after_s =
	    when - now_s < (int64_t)OTA_CURL_RETRY_AFTER_MAX_S ? (uint32_t)(when - now_s) : OTA_CURL_RETRY_AFTER_MAX_S;
}

static void read_transfer_coding(struct ota_http_answer *answer, struct text value)
{
	if (text_is(value, "chunked"))
		answer->chunked = true;
	else if (!text_is(value, "identity"))
		answer->malformed = true;
}

static void start_answer(struct ota_http_answer *answer, struct text line)
{
	size_t header_bytes = answer->header_bytes;
	uint64_t status = 0;

	memset(answer, 0, sizeof(*answer));
	answer->header_bytes = header_bytes;
	answer->content_bytes = OTA_HTTP_UNKNOWN;
	answer->range_total = OTA_HTTP_UNKNOWN;
	while (line.size > 0 && !is_space(line.at[0])) {
		line.at++;
		line.size--;
	}
	line = trim_spaces(line);
	if (take_number(&line, &status) && status >= 100 && status <= 599)
		answer->status = (int)status;
}

void ota_http_answer_line(struct ota_http_answer *answer, const char *line, size_t size_bytes, int64_t now_s)
{
	struct text name = {line, size_bytes};
	struct text value;
	const char *colon;

	answer->header_bytes += size_bytes;
	if (size_bytes >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		start_answer(answer, name);
		return;
	}
	colon = memchr(line, ':', size_bytes);
	if (!colon)
		return;
	name.size = (size_t)(colon - line);
	value.at = colon + 1;
	value.size = size_bytes - name.size - 1;
	value = trim_spaces(value);
	if (text_is(name, "Content-Length"))
		read_length(answer, value);
	else if (text_is(name, "Content-Range"))
		read_range(answer, value);
	else if (text_is(name, "ETag"))
		read_etag(answer, value);
	else if (text_is(name, "Retry-After"))
		read_retry_after(answer, value, now_s);
	else if (text_is(name, "Location"))
		answer->location = true;
	else if (text_is(name, "Content-Encoding") && !text_is(value, "identity"))
		answer->malformed = true; /* would be other bytes than the resource's */
	else if (text_is(name, "Transfer-Encoding"))
		read_transfer_coding(answer, value);
	else if (text_is(name, "Content-Type") && value.size >= 10 && strncasecmp(value.at, "multipart/", 10) == 0)
		answer->bad_range = true;
}

static int judge_partial(const struct ota_http_answer *answer, const struct ota_fetch_request *request,
			 uint64_t *body_bytes, uint64_t *total_bytes)
{
	uint64_t end = answer->range_total; /* just past the last byte that should come */

	if ((request->offset_bytes == 0 && request->length_bytes == 0) || answer->bad_range || !answer->ranged)
		return OTA_HTTP_RANGE;
	if (request->length_bytes > 0 && end - request->offset_bytes > request->length_bytes)
		end = request->offset_bytes + request->length_bytes;
	if (answer->first != request->offset_bytes || end == OTA_HTTP_UNKNOWN || answer->last != end - 1)
		return OTA_HTTP_RANGE;
	*body_bytes = end - answer->first;
	*total_bytes = answer->range_total;
	if (!answer->chunked && answer->content_bytes != OTA_HTTP_UNKNOWN && answer->content_bytes != *body_bytes)
		return answer->content_bytes < *body_bytes ? OTA_SHORT_BODY : OTA_LONG_BODY;
	return 0;
}

int ota_http_answer_judge(const struct ota_http_answer *answer, const struct ota_fetch_request *request,
			  uint64_t *body_bytes, uint64_t *total_bytes)
{
	*body_bytes = OTA_HTTP_UNKNOWN;
	*total_bytes = OTA_HTTP_UNKNOWN;
	if (answer->status == 304)
		return request->if_none_match ? OTA_NOTHING_TO_DO : OTA_HTTP_STATUS;
	if (answer->status == 416)
		return OTA_HTTP_RANGE;
	if (answer->malformed)
		return OTA_HTTP_STATUS;
	if (answer->status == 206)
		return judge_partial(answer, request, body_bytes, total_bytes);
	if (answer->status != 200)
		return OTA_HTTP_STATUS;
	if (request->offset_bytes > 0 || answer->bad_range)
		return OTA_HTTP_RANGE; /* Range ignored, or the validator of If-Range no longer holds */
	if (!answer->chunked)
		*body_bytes = *total_bytes = answer->content_bytes;
	return 0;
}
