/* SPDX-License-Identifier: Apache-2.0 */
/* The fetch seam over libcurl: requests, their bounds, and what each error means. */
#include "ota/fetch-curl.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/monotonic-time.h"
#include "fetch/http-answer.h"
#include "ota/reason.h"

#define BUFFER_BYTES (128L * 1024L)
#define DROPPED_MAX_BYTES                                                                                              \
	(UINT64_C(16) * 1024) /* of an error's body: read it to keep the connection, but not for ever */
#define HEADER_LINE_MAX      256u
#define TRANSFER_DESCRIPTORS 4u /* the resolver's pair, a socket, a file of certificates */
#define CONNECT_TIMEOUT_MS   30000u
#define LOW_SPEED_BYTES_S    256u
#define LOW_SPEED_S          30u
#define DEADLINE_S           14400u

/*
 * A TLS record counts only when it has come whole, and servers fill them with 16 KiB: on a link that breaks every 64 KiB
 * a quarter of all bytes would be for nothing. Once a transfer has been lost, servers are asked for records of 4 KiB
 * (RFC 6066, 4: OpenSSL, GnuTLS and Mbed TLS heed it; who does not, ignores it). On a good link nothing is asked: large
 * records cost less.
 */
enum records { RECORDS_ANY, RECORDS_SMALL, RECORDS_REFUSED };

struct ota_fetch_curl {
	struct ota_fetch_curl_config config;
	CURL *easy;
	enum records records;
	bool knows_records; /* libcurl's TLS is the library that we know */
	char error[CURL_ERROR_SIZE];
};

/* One request on its way. */
struct transfer {
	struct ota_fetch_curl *curl;
	const struct ota_fetch_request *request; /* NULL: a post */
	struct ota_http_answer answer;
	bool judged;         /* the final head is complete */
	bool complete;       /* all that was asked for has come; the rest of the body is not wanted */
	int verdict;         /* why we ended it, or what the head means; 0 */
	uint64_t body_bytes; /* expected */
	uint64_t received_bytes;
	uint64_t dropped_bytes;
	int64_t start_ms, end_ms;
	int64_t sink_ms; /* spent in head() and body(): a slow device is no slow server */
	bool connected;
	int64_t window_ms; /* low-speed window: active time and bytes at its start */
	uint64_t window_bytes;
};

static uint64_t traffic_bytes(const struct transfer *t)
{
	return t->received_bytes + t->dropped_bytes + t->answer.header_bytes;
}

static void open_window(struct transfer *t)
{
	t->window_ms = ota_monotonic_ms() - t->sink_ms;
	t->window_bytes = traffic_bytes(t);
}

/* The head is complete: judge it, tell the caller. Non-zero ends the transfer. */
static int head_complete(struct transfer *t)
{
	struct ota_fetch_answer answer = {.status = t->answer.status};
	int64_t before;
	int result;

	t->judged = true;
	if (!t->request) {
		t->verdict = t->answer.status >= 200 && t->answer.status < 300 ? 0 : OTA_HTTP_STATUS;
		return 0;
	}
	t->verdict = ota_http_answer_judge(&t->answer, t->request, &t->body_bytes, &answer.total_bytes);
	memcpy(answer.etag, t->answer.etag, sizeof(answer.etag));
	answer.retry_after_s = t->answer.retry_after_s;
	before = ota_monotonic_ms();
	result = t->request->head ? t->request->head(t->request->ctx, &answer) : 0;
	t->sink_ms += ota_monotonic_ms() - before;
	if (result != 0)
		t->verdict = result;
	return result;
}

static bool is_interim(const struct transfer *t)
{
	const struct ota_http_answer *answer = &t->answer;

	return answer->status < 200 || (answer->status >= 300 && answer->status < 400 && answer->status != 304 &&
					answer->location && !t->judged);
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	size_t bytes = size * count;

	if (t->judged)
		return bytes; /* trailers change nothing */
	ota_http_answer_line(&t->answer, data, bytes, (int64_t)time(NULL));
	if (t->answer.header_bytes > OTA_CURL_HEADER_MAX_BYTES) {
		t->verdict = OTA_HTTP_STATUS;
		return 0;
	}
	if ((data[0] == '\r' || data[0] == '\n') && !is_interim(t) && head_complete(t) != 0)
		return 0;
	return bytes;
}

/* The body of an error or a redirect is of no use. */
static size_t drop_body(struct transfer *t, size_t bytes)
{
	t->dropped_bytes += bytes;
	return t->dropped_bytes <= DROPPED_MAX_BYTES ? bytes : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	size_t bytes = size * count;
	size_t take = bytes;
	uint64_t limit;
	int64_t before;
	int result = 0;

	if (!t->judged || t->verdict != 0 || !t->request)
		return drop_body(t, bytes);
	limit = t->body_bytes;
	if (t->answer.status == 200 && t->request->length_bytes > 0 && t->request->length_bytes < limit)
		limit = t->request->length_bytes;
	if (take > limit - t->received_bytes)
		take = (size_t)(limit - t->received_bytes);
	if (take > 0) {
		before = ota_monotonic_ms();
		result = t->request->body(t->request->ctx, data, take);
		t->sink_ms += ota_monotonic_ms() - before;
		t->received_bytes += take;
	}
	if (result != 0)
		t->verdict = result;
	else if (t->answer.status == 200 && take > 0 && t->received_bytes == t->request->length_bytes)
		t->complete = true;
	else if (take < bytes)
		t->verdict = OTA_LONG_BODY;
	return t->verdict != 0 || t->complete ? 0 : bytes;
}

/* Called for every piece of traffic, and once a second without any. */
static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct transfer *t = ctx;
	const struct ota_fetch_curl_config *config = &t->curl->config;
	int64_t now = ota_monotonic_ms();

	(void)down_total;
	(void)down;
	(void)up_total;
	if (t->verdict == 0 && config->stop && config->stop(config->stop_ctx))
		t->verdict = -EINTR;
	else if (t->verdict == 0 && now >= t->end_ms)
		t->verdict = OTA_DEADLINE;
	if (t->verdict < 0 || t->verdict == OTA_DEADLINE)
		return 1;
	if (!t->connected)
		return 0; /* the connect timeout bounds it */
	if (traffic_bytes(t) + (uint64_t)up - t->window_bytes >=
	    (uint64_t)config->low_speed_bytes_s * config->low_speed_s) {
		open_window(t);
		t->window_bytes += (uint64_t)up;
	} else if (now - t->sink_ms - t->window_ms >= (int64_t)config->low_speed_s * 1000) {
		if (t->verdict == 0)
			t->verdict = OTA_STALLED;
		return 1;
	}
	return 0;
}

static int on_connected(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct transfer *t = ctx;

	(void)remote_ip;
	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	t->connected = true;
	open_window(t);
	return CURL_PREREQFUNC_OK;
}

/* Nothing answered in time: no name server, no server at the address, or no TLS. A refusal counts as an answer. */
static int map_silence(const struct transfer *t)
{
	curl_off_t named_us = 0;

	if (t->connected)
		return OTA_DEADLINE;
	if (curl_easy_getinfo(t->curl->easy, CURLINFO_NAMELOOKUP_TIME_T, &named_us) == CURLE_OK && named_us == 0)
		return OTA_NAME;
	return OTA_STALLED;
}

/*
 * libcurl does not say that descriptors ran out: it says that the name does not resolve, that the server cannot be
 * reached, that a file cannot be read. So ask for as many as a transfer takes. 0, -EMFILE or -ENFILE.
 */
static int check_descriptors(void)
{
	int fds[TRANSFER_DESCRIPTORS];
	int result = 0;
	unsigned count = 0;

	while (count < TRANSFER_DESCRIPTORS && (fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0)
		count++;
	if (count < TRANSFER_DESCRIPTORS && ota_reason_exhausted(-errno))
		result = -errno;
	while (count > 0)
		(void)close(fds[--count]);
	return result;
}

/* What an error of libcurl means for the caller, when we did not end the transfer ourselves. */
static int map_error(const struct transfer *t, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return OTA_NAME;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_USE_SSL_FAILED:
		return OTA_TLS;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_URL_MALFORMAT:
		return OTA_BAD_CONFIG;
	case CURLE_OPERATION_TIMEDOUT:
		return map_silence(t);
	case CURLE_RECV_ERROR:
		/* TLS 1.3 refuses a client's certificate after the handshake, where the answer should be. libcurl has
		 * no code for it; OpenSSL names it so. */
		return t->answer.header_bytes == 0 && strstr(t->curl->error, " alert ") ? OTA_TLS : OTA_UNREACHABLE;
	case CURLE_PARTIAL_FILE:
		return OTA_SHORT_BODY;
	case CURLE_UNSUPPORTED_PROTOCOL: /* a redirect out of the allowed protocols, or HTTP/0.9 */
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return OTA_HTTP_STATUS;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return OTA_UNREACHABLE;
	}
}

static int judge_end(const struct transfer *t, CURLcode code)
{
	if (t->verdict != 0)
		return t->verdict;
	if (t->complete)
		return 0;
	if (code != CURLE_OK) {
		int result = map_error(t, code);
		bool blamed = result == OTA_NAME || result == OTA_UNREACHABLE || result == OTA_BAD_CONFIG;
		int short_of = blamed && !t->connected ? check_descriptors() : 0;

		return short_of != 0 ? short_of : result;
	}
	if (!t->judged)
		return OTA_HTTP_STATUS;
	if (t->request && t->body_bytes != OTA_HTTP_UNKNOWN && t->received_bytes < t->body_bytes)
		return OTA_SHORT_BODY; /* closed without a length, or without a TLS close: libcurl says OK */
	return 0;
}

static int add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

/* A validator comes from durable storage: never let it end the header line. */
static int add_validator(struct curl_slist **list, const char *name, const char *etag)
{
	char line[HEADER_LINE_MAX];

	for (const char *c = etag; *c != '\0'; c++)
		if (*c < ' ' || *c == 0x7f)
			return -EINVAL;
	if (snprintf(line, sizeof(line), "%s: %s", name, etag) >= (int)sizeof(line))
		return -EINVAL;
	return add_header(list, line);
}

static int request_headers(const struct ota_fetch_request *request, struct curl_slist **list)
{
	char line[HEADER_LINE_MAX];
	int result = add_header(list, "Accept-Encoding: identity");

	if (result == 0 && (request->offset_bytes > 0 || request->length_bytes > 0)) {
		if (request->length_bytes > 0)
			(void)snprintf(line, sizeof(line), "Range: bytes=%llu-%llu",
				       (unsigned long long)request->offset_bytes,
				       (unsigned long long)(request->offset_bytes + request->length_bytes - 1));
		else
			(void)snprintf(line, sizeof(line), "Range: bytes=%llu-",
				       (unsigned long long)request->offset_bytes);
		result = add_header(list, line);
	}
	if (result == 0 && request->offset_bytes > 0 && request->if_range && request->if_range[0] != '\0')
		result = add_validator(list, "If-Range", request->if_range);
	if (result == 0 && request->if_none_match && request->if_none_match[0] != '\0')
		result = add_validator(list, "If-None-Match", request->if_none_match);
	return result;
}

static CURLcode on_tls(CURL *easy, void *tls, void *ctx)
{
	(void)easy;
	(void)ctx;
	(void)SSL_CTX_set_tlsext_max_fragment_length(tls, TLSEXT_max_fragment_length_4096);
	return CURLE_OK; /* without it the transfer costs more, and works */
}

/* A session was agreed upon with records of one size: with another none is resumed, so all are left behind. */
static void set_records(struct ota_fetch_curl *curl, enum records records)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return;
	curl_easy_cleanup(curl->easy);
	curl->easy = easy;
	curl->records = records;
}

/* After each transfer: what it tells about the link. */
static void learn_records(struct ota_fetch_curl *curl, const struct transfer *t, int result)
{
	bool lost = result == OTA_UNREACHABLE || result == OTA_SHORT_BODY || result == OTA_STALLED;

	if (curl->records == RECORDS_ANY && lost && t->connected && curl->knows_records)
		set_records(curl, RECORDS_SMALL);
	else if (curl->records == RECORDS_SMALL && result == OTA_TLS && strstr(curl->error, " alert "))
		set_records(curl, RECORDS_REFUSED); /* a link that breaks in a handshake says nothing; the server did */
}

static void set_common(struct ota_fetch_curl *curl, struct transfer *t, const char *url)
{
	const struct ota_fetch_curl_config *config = &curl->config;
	const char *protocols = config->allow_http ? "https,http" : "https";
	CURL *easy = curl->easy;

	curl_easy_reset(easy); /* keeps connections and TLS sessions */
	curl->error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl->error);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)OTA_CURL_REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, 2L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, config->user_agent ? config->user_agent : "ota");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
	if (config->ca_path) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_path);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (config->certificate_path)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, config->certificate_path);
	if (config->key_path)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key_path);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	if (curl->records == RECORDS_SMALL)
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
}

static bool url_allowed(const struct ota_fetch_curl *curl, const char *url)
{
	return strncasecmp(url, "https://", 8) == 0 || (curl->config.allow_http && strncasecmp(url, "http://", 7) == 0);
}

static int perform_transfer(struct ota_fetch_curl *curl, struct transfer *t, struct curl_slist *headers)
{
	CURLcode code;
	int result;

	curl_easy_setopt(curl->easy, CURLOPT_HTTPHEADER, headers);
	t->curl = curl;
	t->start_ms = ota_monotonic_ms();
	t->end_ms = t->start_ms + (int64_t)curl->config.deadline_s * 1000;
	t->body_bytes = OTA_HTTP_UNKNOWN;
	code = curl_easy_perform(curl->easy);
	curl_easy_setopt(curl->easy, CURLOPT_HTTPHEADER, NULL);
	if (t->verdict != 0 || t->complete)
		curl->error[0] = '\0'; /* libcurl would name the callback that ended it */
	result = judge_end(t, code);
	learn_records(curl, t, result);
	return result;
}

static int curl_get(void *ctx, const struct ota_fetch_request *request)
{
	struct ota_fetch_curl *curl = ctx;
	struct transfer t = {.request = request};
	struct curl_slist *headers = NULL;
	int result;

	if (!url_allowed(curl, request->url))
		return OTA_BAD_CONFIG;
	result = request_headers(request, &headers);
	if (result == 0) {
		set_common(curl, &t, request->url);
		result = perform_transfer(curl, &t, headers);
	}
	curl_slist_free_all(headers);
	return result;
}

static int curl_post(void *ctx, const char *url, const char *json, size_t size_bytes)
{
	struct ota_fetch_curl *curl = ctx;
	struct transfer t = {.request = NULL};
	struct curl_slist *headers = NULL;
	int result;

	if (!url_allowed(curl, url))
		return OTA_BAD_CONFIG;
	result = add_header(&headers, "Content-Type: application/json");
	if (result == 0)
		result = add_header(&headers, "Expect:"); /* no wait of a second for servers that do not know it */
	if (result == 0) {
		set_common(curl, &t, url);
		curl_easy_setopt(curl->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size_bytes);
		curl_easy_setopt(curl->easy, CURLOPT_POSTFIELDS, json);
		result = perform_transfer(curl, &t, headers);
	}
	/* The answer's body is not wanted: once the status is known, only that counts. */
	if (t.judged && t.answer.status >= 200 && t.answer.status < 300)
		result = 0;
	curl_slist_free_all(headers);
	return result;
}

static const struct ota_fetch_ops curl_ops = {.get = curl_get, .post = curl_post};

int ota_fetch_curl_new(const struct ota_fetch_curl_config *config, struct ota_fetch_curl **out, struct ota_fetch *fetch)
{
	struct ota_fetch_curl *curl;
	const curl_version_info_data *info;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	info = curl_version_info(CURLVERSION_NOW);
	if (!(info->features & CURL_VERSION_SSL)) {
		curl_global_cleanup();
		return OTA_BAD_CONFIG;
	}
	curl = calloc(1, sizeof(*curl));
	if (curl)
		curl->easy = curl_easy_init();
	if (!curl || !curl->easy) {
		free(curl);
		curl_global_cleanup();
		return -ENOMEM;
	}
	curl->config = *config;
	curl->knows_records = info->ssl_version && strncmp(info->ssl_version, "OpenSSL/", 8) == 0;
	if (curl->config.connect_timeout_ms == 0)
		curl->config.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	if (curl->config.low_speed_bytes_s == 0)
		curl->config.low_speed_bytes_s = LOW_SPEED_BYTES_S;
	if (curl->config.low_speed_s == 0)
		curl->config.low_speed_s = LOW_SPEED_S;
	if (curl->config.deadline_s == 0)
		curl->config.deadline_s = DEADLINE_S;
	fetch->ops = &curl_ops;
	fetch->fetch = curl;
	*out = curl;
	return 0;
}

void ota_fetch_curl_free(struct ota_fetch_curl *curl)
{
	if (!curl)
		return;
	curl_easy_cleanup(curl->easy);
	free(curl);
	curl_global_cleanup();
}

const char *ota_fetch_curl_detail(const struct ota_fetch_curl *curl)
{
	return curl->error;
}
