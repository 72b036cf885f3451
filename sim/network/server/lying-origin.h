/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_SERVER_LYING_ORIGIN_H
#define SIM_NETWORK_SERVER_LYING_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A scripted HTTPS origin (HTTP/1.1, RFC 9110 and 9112) on the loopback, in threads of its own, a connection each.
 *
 * By default it answers correctly: files with a strong validator, Range, If-Range, If-None-Match, HEAD, 404, 405, 416;
 * POST to YP_NETWORK_REPORT_PATH is answered with 204 and kept. Wrong answers are rules: the first rule that matches a
 * request and is due changes its answer. Every request is recorded, and how often each rule was applied.
 */
#define YP_NETWORK_FILES_MAX    8u
#define YP_NETWORK_RULES_MAX    4u
#define YP_NETWORK_REQUESTS_MAX 512u
#define YP_NETWORK_REPORTS_MAX  32u
#define YP_NETWORK_REPORT_BYTES 2048u
#define YP_NETWORK_HTTP_PATH    64u
#define YP_NETWORK_REPORT_PATH  "/report"

enum yp_network_http_lie {
	YP_NETWORK_HTTP_TRUTH,
	YP_NETWORK_HTTP_RANGE_IGNORED, /* 200 and the whole file */
	YP_NETWORK_HTTP_RANGE_SHIFTED, /* 206 that says and sends a range that begins arg later */
	YP_NETWORK_HTTP_RANGE_SPLICED, /* 206 that names the requested range and sends bytes from arg later */
	YP_NETWORK_HTTP_RANGE_UNSAID,  /* 206 without Content-Range */
	YP_NETWORK_HTTP_RANGE_SHORT,   /* 206 of a range arg bytes shorter */
	YP_NETWORK_HTTP_RANGE_LONG,    /* 206 of a range arg bytes longer */
	YP_NETWORK_HTTP_RANGE_TOTAL,   /* 206 with a total arg bytes larger */
	YP_NETWORK_HTTP_RANGE_TWICE,   /* two Content-Range that differ */
	YP_NETWORK_HTTP_MULTIPART,     /* multipart/byteranges */
	YP_NETWORK_HTTP_BODY_SHORT,    /* the right head, arg bytes of the body, close */
	YP_NETWORK_HTTP_BODY_LONG,     /* the right head but for arg bytes more of body, in length and in fact */
	YP_NETWORK_HTTP_BODY_STALL,    /* arg bytes of the body, then silence */
	YP_NETWORK_HTTP_BODY_FLIP,     /* one bit at arg of the file is another */
	YP_NETWORK_HTTP_BODY_ENDLESS,  /* 200, no length, zeros for ever */
	YP_NETWORK_HTTP_ETAG_OTHER,    /* another validator than the file's, which If-Range is compared with */
	YP_NETWORK_HTTP_ETAG_WEAK,
	YP_NETWORK_HTTP_ETAG_NONE,
	YP_NETWORK_HTTP_LENGTH_NONE,       /* no Content-Length; the close ends the body */
	YP_NETWORK_HTTP_LENGTH_NONE_SHORT, /* the same, closed after arg bytes, without close_notify */
	YP_NETWORK_HTTP_LENGTH_TWO,        /* two Content-Length that differ */
	YP_NETWORK_HTTP_CHUNKED,           /* chunked, rightly */
	YP_NETWORK_HTTP_CHUNKED_OPEN,      /* chunked, closed before the last chunk */
	YP_NETWORK_HTTP_CHUNKED_BAD,       /* a chunk size that is no number, after arg bytes */
	YP_NETWORK_HTTP_CHUNKED_LENGTH,    /* chunked and a Content-Length that is wrong */
	YP_NETWORK_HTTP_ENCODING,          /* Content-Encoding: text */
	YP_NETWORK_HTTP_TYPE,              /* Content-Type: text, else honest */
	YP_NETWORK_HTTP_STATUS,            /* status arg with text, if any, as further header lines, and a short body */
	YP_NETWORK_HTTP_INTERIM,           /* arg times "102 Processing", then the truth */
	YP_NETWORK_HTTP_PORTAL,            /* 200 and a page that asks for a login */
	YP_NETWORK_HTTP_REDIRECT,          /* status arg (0: 302) to text; "%s" in it is the requested path */
	YP_NETWORK_HTTP_HEADERS_HUGE,      /* arg bytes of header lines before the rest */
	YP_NETWORK_HTTP_HEADERS_SLOW,      /* a byte of the head every arg milliseconds */
	YP_NETWORK_HTTP_OTHER_FILE,        /* the file number arg, as if it were this one, with this one's validator */
	YP_NETWORK_HTTP_SWAP_FILE, /* from now on the file number arg lies at this path, with its own validator */
	YP_NETWORK_HTTP_GARBAGE,   /* no HTTP at all */
	YP_NETWORK_HTTP_RESTART, /* arg bytes of the body, then all connections end and the port refuses for some time */
	YP_NETWORK_HTTP_LOST_ANSWER, /* the request is taken in full, and the connection closed without an answer */
	YP_NETWORK_HTTP_COUNT
};
const char *yp_network_http_lie_name(enum yp_network_http_lie lie);

struct yp_network_rule {
	enum yp_network_http_lie lie;
	const char *path;     /* NULL: the update's path or any */
	const char *method;   /* NULL: GET */
	uint64_t from, to;    /* requests whose range starts in [from, to); 0, 0: any */
	unsigned first, last; /* of the requests that match, counted from 1; 0, 0: all */
	uint64_t arg;
	const char *text;
};

struct yp_network_served {
	char path[YP_NETWORK_HTTP_PATH];
	const uint8_t *data; /* borrowed */
	size_t size_bytes;
	char etag[48];
};

/* NULL strings: the default. Paths are PEM files. */
struct yp_network_origin_tls {
	const char *certificate, *key;
	const char *certificate_later, *key_later; /* from the second connection on */
	const char *ciphers;                       /* up to TLS 1.2 */
	int version_min, version_max;              /* TLS1_2_VERSION ...; 0: any */
	const char *client_ca;                     /* a client certificate under it is required */
	bool stall;                                /* the handshake is never answered */
};

struct yp_network_request {
	unsigned connection; /* from 1 */
	char method[8];
	char path[YP_NETWORK_HTTP_PATH];
	bool ranged;
	uint64_t first, last; /* UINT64_MAX: to the end */
	char if_range[64], if_none_match[64];
	int status;          /* answered */
	uint64_t body_bytes; /* sent */
	int64_t at_ms;       /* since the origin started */
	bool lied;
	bool credentials; /* an Authorization or Cookie came along */
	char host[64];
};

struct yp_network_origin_record {
	int64_t start_ms; /* CLOCK_MONOTONIC: what at_ms counts from */
	unsigned connections, handshakes, handshakes_failed;
	unsigned requests;   /* all; the first YP_NETWORK_REQUESTS_MAX are in request[] */
	uint64_t body_bytes; /* of GETs, sent */
	unsigned told[YP_NETWORK_RULES_MAX];
	unsigned reports;
	unsigned mark_hits;
	struct yp_network_request request[YP_NETWORK_REQUESTS_MAX];
	char report[YP_NETWORK_REPORTS_MAX][YP_NETWORK_REPORT_BYTES];
};

/*
 * A place in the origin's answers, for a callback at exactly that byte: before the nth answer at path
 * (HEAD), in its status line (HEAD_MID), or before byte offset_bytes of the file (BODY). reached() is called, once or
 * each time, when all before it has been written to the socket and nothing behind it: wire_bytes counts what was
 * written on this connection, TLS included; peer is the other side's port.
 */
enum yp_network_mark_kind {
	YP_NETWORK_MARK_NONE,
	YP_NETWORK_MARK_HEAD,
	YP_NETWORK_MARK_HEAD_MID,
	YP_NETWORK_MARK_BODY
};
struct yp_network_mark {
	enum yp_network_mark_kind kind;
	const char *path;
	unsigned nth; /* HEAD: of the requests to path; BODY: ignored */
	uint64_t offset_bytes;
	bool every;
	void (*reached)(void *ctx, uint16_t peer, uint64_t wire_bytes);
	void *ctx;
};

struct yp_network_origin;
/* tls: NULL for plain HTTP; copied, its strings borrowed. 0 or -errno. */
int yp_network_origin_new(const struct yp_network_origin_tls *tls, struct yp_network_origin **out)
    __attribute__((warn_unused_result));
void yp_network_origin_free(struct yp_network_origin *origin);
uint16_t yp_network_origin_port(const struct yp_network_origin *origin);
/* Adds a file; its number counts from 0. data is borrowed. */
void yp_network_origin_file(struct yp_network_origin *origin, const char *path, const void *data, size_t size_bytes,
			    const char *etag);
/* Replaces all rules and starts their counts anew; strings are borrowed. The mark is NULL for none. */
void yp_network_origin_script(struct yp_network_origin *origin, const struct yp_network_rule *rules, unsigned count,
			      const struct yp_network_mark *mark);
/* Called in a thread of the origin for each report that is taken, before it is answered. Set it before clients come. */
void yp_network_origin_on_report(struct yp_network_origin *origin, void (*taken)(void *ctx, const char *body),
				 void *ctx);
/* Waits until all connections have ended: their clients are gone, and the record is complete. At most so long. */
void yp_network_origin_settle(struct yp_network_origin *origin, int wait_ms);
/* A copy; *out is large: not on a stack. */
void yp_network_origin_record(struct yp_network_origin *origin, struct yp_network_origin_record *out);
/* All connections end; with down_ms the port then refuses for so long. */
void yp_network_origin_restart(struct yp_network_origin *origin, int down_ms);

#endif
