/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_FETCH_H
#define OTA_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTA_ETAG_MAX 128 /* with the terminating zero; a longer one counts as absent */

/* What the server said, known before the first byte of the body. */
struct ota_fetch_answer {
	int status;              /* HTTP status; 200/206 for files */
	uint64_t total_bytes;    /* size of the whole resource; UINT64_MAX if not said */
	char etag[OTA_ETAG_MAX]; /* strong validator, "" if none or weak */
	uint32_t retry_after_s;  /* capped by the implementation; 0 if not said */
};

/*
 * One request for bytes [offset_bytes, offset_bytes + length_bytes) of url; length 0 = to the end.
 * if_range: strong validator that must still hold for offset > 0; NULL = none.
 * if_none_match: with it, an unchanged resource answers OTA_NOTHING_TO_DO without a body.
 * head() is called once before the first body() call; each may return non-zero to abort, which
 * get() forwards unchanged. body() never sees more than length_bytes and never bytes from
 * another offset: a server that ignores or shifts the range yields OTA_HTTP_RANGE instead.
 */
struct ota_fetch_request {
	const char *url;
	uint64_t offset_bytes;
	uint64_t length_bytes;
	const char *if_range;
	const char *if_none_match;
	int (*head)(void *ctx, const struct ota_fetch_answer *answer);
	int (*body)(void *ctx, const void *data, size_t size_bytes);
	void *ctx;
};

/*
 * get   one attempt, no retries (the transaction owns those); every wait is bounded
 * post  sends a JSON body; 0 once the server answered 2xx
 * Both return 0, -errno, or a network reason of reason.h.
 */
struct ota_fetch_ops {
	int (*get)(void *fetch, const struct ota_fetch_request *request);
	int (*post)(void *fetch, const char *url, const char *json, size_t size_bytes);
};

struct ota_fetch {
	const struct ota_fetch_ops *ops;
	void *fetch;
};

#endif
