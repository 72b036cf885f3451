/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_FETCH_TEST_ORIGIN_H
#define CORE_TEST_FETCH_TEST_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/test-pki.h"

/*
 * A scripted HTTP server for tests, on a free port of the loopback, in a thread of the test. It parses the request and
 * lets the script say any bytes at all. One connection at a time: a new one takes the place of the old one.
 */
#define ORIGIN_TEXT_MAX 256

struct origin_request {
	unsigned number;     /* counts requests from 1 */
	unsigned connection; /* counts connections from 1 */
	char method[8];
	char path[ORIGIN_TEXT_MAX];
	bool ranged;
	uint64_t first;
	uint64_t last;                  /* UINT64_MAX: to the end */
	char if_range[ORIGIN_TEXT_MAX]; /* "" = none */
	char if_none_match[ORIGIN_TEXT_MAX];
	char content_type[ORIGIN_TEXT_MAX];
	char body[4096];
	size_t body_bytes;
};

struct origin_reply;
/* Says whatever it likes; true: keep the connection, false: close it. */
typedef bool origin_script(void *ctx, const struct origin_request *request, struct origin_reply *reply);

/* False once the client is gone. */
bool origin_send(struct origin_reply *reply, const void *data, size_t size_bytes);
bool origin_say(struct origin_reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits, but not beyond the end of the test. */
void origin_pause(struct origin_reply *reply, int ms);
/* The close that follows resets the connection (RST) instead of ending it (FIN, and close_notify with TLS). */
void origin_reset(struct origin_reply *reply);
/* The close that follows is a TCP close without TLS's close_notify. */
void origin_rude(struct origin_reply *reply);

struct origin;
/* pki: certificate and key of a TLS server; NULL: plain. 0 or -errno. */
int origin_start(origin_script *script, void *ctx, const struct test_pki *pki, struct origin **out)
    __attribute__((warn_unused_result));
void origin_stop(struct origin *origin);
/* "http://127.0.0.1:PORT" or "https://localhost:PORT". */
const char *origin_url(const struct origin *origin);
unsigned origin_requests(struct origin *origin);
unsigned origin_connections(struct origin *origin);

/* A script of a well-behaved server of one file, which can be told to misbehave; ctx: struct origin_file. */
struct origin_file {
	const uint8_t *data;
	size_t size_bytes;
	const char *etag;    /* NULL: none */
	size_t cut_bytes;    /* close each connection after so many bytes of body; 0: never */
	bool reset;          /* by RST */
	unsigned fail_first; /* so many requests get status 503 before the first is answered */
	bool ignore_range;
	uint64_t body_bytes_sent; /* out */
};
origin_script origin_file_script;

#endif
