/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_SERVER_ORIGIN_CONN_H
#define SIM_NETWORK_SERVER_ORIGIN_CONN_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "network/server/lying-origin.h"
#include "network/wire.h"

#define YP_NETWORK_CONNECTIONS_MAX 64u   /* at the same time */
#define YP_NETWORK_WAIT_MS         60000 /* the longest silence */

/* One connection, served by a thread of its own. */
struct yp_network_conn {
	struct yp_network_origin *origin;
	int fd;
	SSL *ssl; /* NULL: plain */
	unsigned number;
	uint16_t peer;
	bool reset;          /* close by RST */
	bool rude;           /* close without close_notify */
	bool closed;         /* the peer is gone */
	uint64_t sent_bytes; /* before TLS */
};

struct yp_network_origin {
	struct yp_network_port port;
	int listener;
	struct yp_network_wake wake;
	pthread_t thread;
	SSL_CTX *tls, *tls_later;
	bool stall;
	int64_t start_ms;
	pthread_mutex_t mutex; /* all below */
	pthread_cond_t idle;
	bool stopping;
	int64_t down_until_ms;
	unsigned threads;
	struct yp_network_conn *open[YP_NETWORK_CONNECTIONS_MAX];
	struct yp_network_served files[YP_NETWORK_FILES_MAX];
	unsigned file_count;
	struct yp_network_rule rules[YP_NETWORK_RULES_MAX];
	unsigned rule_count;
	unsigned seen[YP_NETWORK_RULES_MAX];
	struct yp_network_mark mark;
	unsigned mark_seen;
	void (*taken)(void *ctx, const char *body); /* of a report; called without the lock */
	void *taken_ctx;
	struct yp_network_origin_record record;
};

/* A request as it came, with its body. */
struct yp_network_query {
	struct yp_network_request request;
	size_t length_bytes;
	char body[YP_NETWORK_REPORT_BYTES];
	size_t body_bytes;
};

/* False at the end of the connection or on what is no request. */
bool yp_network_conn_read(struct yp_network_conn *conn, struct yp_network_query *query);
/* False once the peer is gone. */
bool yp_network_conn_send(struct yp_network_conn *conn, const void *data, size_t size_bytes);
bool yp_network_conn_say(struct yp_network_conn *conn, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits until the peer closes, the origin stops, or the time is up. */
void yp_network_conn_pause(struct yp_network_conn *conn, int ms);
/* Bytes written to the socket, TLS included. */
uint64_t yp_network_conn_wire_bytes(const struct yp_network_conn *conn);
/* Answers; true: keep the connection. */
bool yp_network_conn_answer(struct yp_network_conn *conn, struct yp_network_query *query);

#endif
