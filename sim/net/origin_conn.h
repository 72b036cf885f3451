/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NET_ORIGIN_CONN_H
#define SIM_NET_ORIGIN_CONN_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "origin.h"
#include "wire.h"

#define SIM_CONNECTIONS_MAX 64u   /* at the same time */
#define SIM_WAIT_MS         60000 /* the longest silence */

/* One connection, served by a thread of its own. */
struct sim_conn {
	struct sim_origin *origin;
	int fd;
	SSL *ssl; /* NULL: plain */
	unsigned number;
	uint16_t peer;
	bool reset;          /* close by RST */
	bool rude;           /* close without close_notify */
	bool closed;         /* the peer is gone */
	uint64_t sent_bytes; /* before TLS */
};

struct sim_origin {
	struct sim_port port;
	int listener;
	struct sim_wake wake;
	pthread_t thread;
	SSL_CTX *tls, *tls_later;
	bool stall;
	int64_t start_ms;
	pthread_mutex_t mutex; /* all below */
	pthread_cond_t idle;
	bool stopping;
	int64_t down_until_ms;
	unsigned threads;
	struct sim_conn *open[SIM_CONNECTIONS_MAX];
	struct sim_file files[SIM_FILES_MAX];
	unsigned file_count;
	struct sim_rule rules[SIM_RULES_MAX];
	unsigned rule_count;
	unsigned seen[SIM_RULES_MAX];
	struct sim_mark mark;
	unsigned mark_seen;
	void (*taken)(void *ctx, const char *body); /* of a report; called without the lock */
	void *taken_ctx;
	struct sim_origin_record record;
};

/* A request as it came, with its body. */
struct sim_query {
	struct sim_request request;
	size_t length_bytes;
	char body[SIM_REPORT_BYTES];
	size_t body_bytes;
};

/* False at the end of the connection or on what is no request. */
bool sim_conn_read(struct sim_conn *conn, struct sim_query *query);
/* False once the peer is gone. */
bool sim_conn_send(struct sim_conn *conn, const void *data, size_t size_bytes);
bool sim_conn_say(struct sim_conn *conn, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits until the peer closes, the origin stops, or the time is up. */
void sim_conn_pause(struct sim_conn *conn, int ms);
/* Bytes written to the socket, TLS included. */
uint64_t sim_conn_wire_bytes(const struct sim_conn *conn);
/* Answers; true: keep the connection. */
bool sim_conn_answer(struct sim_conn *conn, struct sim_query *query);

#endif
