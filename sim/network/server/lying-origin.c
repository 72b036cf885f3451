/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4, pipe2, POLLRDHUP, nftw */
/* The origin as a server: its port, its connections, TLS, the record. Its answers are in origin-reply.c. */
#include "network/server/lying-origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "network/server/origin-conn.h"

#define BACKLOG    32
#define PATIENCE_S 30
#define GOODBYE_MS 200

/* Closing with unread bytes resets the connection, and may discard the last bytes sent, such as a TLS alert. */
static void say_goodbye(struct yp_network_conn *conn)
{
	int64_t end_ms = yp_network_wire_now_ms() + GOODBYE_MS;
	struct pollfd ready = {.fd = conn->fd, .events = POLLIN};
	char bytes[1024];

	(void)shutdown(conn->fd, SHUT_WR);
	while (!conn->closed && yp_network_wire_now_ms() < end_ms && poll(&ready, 1, GOODBYE_MS) > 0 &&
	       recv(conn->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void hang_up(struct yp_network_conn *conn)
{
	struct yp_network_origin *origin = conn->origin;

	if (conn->ssl && !conn->reset && !conn->rude && SSL_is_init_finished(conn->ssl))
		(void)SSL_shutdown(conn->ssl);
	SSL_free(conn->ssl);
	if (conn->reset)
		yp_network_wire_reset(conn->fd);
	else
		say_goodbye(conn);
	pthread_mutex_lock(&origin->mutex);
	for (unsigned i = 0; i < YP_NETWORK_CONNECTIONS_MAX; i++)
		if (origin->open[i] == conn)
			origin->open[i] = NULL;
	close(conn->fd); /* under the lock, so that no thread shuts down a reused descriptor */
	origin->threads--;
	pthread_cond_broadcast(&origin->idle);
	pthread_mutex_unlock(&origin->mutex);
	free(conn);
}

static bool greet_client(struct yp_network_conn *conn)
{
	struct yp_network_origin *origin = conn->origin;
	SSL_CTX *tls = conn->number > 1 && origin->tls_later ? origin->tls_later : origin->tls;
	bool good;

	if (origin->stall)
		yp_network_conn_pause(conn, YP_NETWORK_WAIT_MS);
	if (!tls)
		return true;
	conn->ssl = SSL_new(tls);
	good = conn->ssl && SSL_set_fd(conn->ssl, conn->fd) == 1 && SSL_accept(conn->ssl) == 1;
	pthread_mutex_lock(&origin->mutex);
	origin->record.handshakes += good;
	origin->record.handshakes_failed += !good;
	pthread_mutex_unlock(&origin->mutex);
	return good;
}

static void *serve_connection(void *ctx)
{
	struct yp_network_conn *conn = ctx;
	struct yp_network_query *query = malloc(sizeof(*query));
	bool keep = query && greet_client(conn);

	while (keep) { /* bounded by the client, and by the end of the origin */
		memset(query, 0, sizeof(*query));
		query->request.connection = conn->number;
		keep = yp_network_conn_read(conn, query) && yp_network_conn_answer(conn, query);
	}
	free(query);
	ERR_clear_error();
	hang_up(conn);
	return NULL;
}

/* Under the lock. */
static bool start_thread(struct yp_network_origin *origin, struct yp_network_conn *conn)
{
	pthread_attr_t attributes;
	pthread_t thread;
	unsigned place = 0;
	int result;

	while (place < YP_NETWORK_CONNECTIONS_MAX && origin->open[place])
		place++;
	if (place == YP_NETWORK_CONNECTIONS_MAX || pthread_attr_init(&attributes) != 0)
		return false;
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	origin->open[place] = conn;
	origin->threads++;
	conn->number = ++origin->record.connections;
	result = pthread_create(&thread, &attributes, serve_connection, conn);
	pthread_attr_destroy(&attributes);
	if (result == 0)
		return true;
	origin->open[place] = NULL;
	origin->threads--;
	return false;
}

static void accept_one(struct yp_network_origin *origin)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct yp_network_conn *conn = calloc(1, sizeof(*conn));
	int yes = 1;
	bool started = false;

	if (!conn)
		return;
	conn->origin = origin;
	conn->fd = accept4(origin->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
	if (conn->fd >= 0) {
		conn->peer = ntohs(address.sin_port);
		(void)setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		(void)setsockopt(conn->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		pthread_mutex_lock(&origin->mutex);
		started = !origin->stopping && start_thread(origin, conn);
		pthread_mutex_unlock(&origin->mutex);
		if (!started)
			close(conn->fd);
	}
	if (!started)
		free(conn);
}

/* Opens or closes the door. Returns how long to wait for the next change, -1: for ever. */
static int mind_the_door(struct yp_network_origin *origin)
{
	int64_t left_ms;

	pthread_mutex_lock(&origin->mutex);
	left_ms = origin->down_until_ms - yp_network_wire_now_ms();
	pthread_mutex_unlock(&origin->mutex);
	if (left_ms > 0 && origin->listener >= 0) {
		close(origin->listener);
		origin->listener = -1;
	}
	if (left_ms <= 0 && origin->listener < 0)
		origin->listener = yp_network_port_listen(&origin->port, BACKLOG);
	return left_ms > 0 ? (int)left_ms : -1;
}

static void *origin_main(void *ctx)
{
	struct yp_network_origin *origin = ctx;
	bool stopping = false;

	while (!stopping) {
		int wait_ms = mind_the_door(origin);
		struct pollfd fds[2] = {{.fd = origin->wake.fds[0], .events = POLLIN},
					{.fd = origin->listener, .events = POLLIN}};

		if (poll(fds, 2, wait_ms) < 0 && errno != EINTR)
			break;
		yp_network_wake_drain(&origin->wake);
		if (fds[1].revents)
			accept_one(origin);
		pthread_mutex_lock(&origin->mutex);
		stopping = origin->stopping;
		pthread_mutex_unlock(&origin->mutex);
	}
	return NULL;
}

static SSL_CTX *make_tls(const struct yp_network_origin_tls *options, const char *certificate, const char *key)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	bool good = tls != NULL;

	if (good && options->ciphers)
		good = SSL_CTX_set_cipher_list(tls, options->ciphers) == 1;
	if (good)
		good = SSL_CTX_set_min_proto_version(tls, options->version_min) == 1 &&
		       SSL_CTX_set_max_proto_version(tls, options->version_max) == 1;
	if (good && certificate)
		good = SSL_CTX_use_certificate_chain_file(tls, certificate) == 1 &&
		       SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1;
	if (good && options->client_ca) {
		good = SSL_CTX_load_verify_locations(tls, options->client_ca, NULL) == 1;
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	ERR_clear_error();
	if (good)
		return tls;
	SSL_CTX_free(tls);
	return NULL;
}

static int set_up_tls(struct yp_network_origin *origin, const struct yp_network_origin_tls *options)
{
	origin->tls = make_tls(options, options->certificate, options->key);
	if (options->certificate_later)
		origin->tls_later = make_tls(options, options->certificate_later, options->key_later);
	origin->stall = options->stall;
	return origin->tls && (origin->tls_later || !options->certificate_later) ? 0 : -EINVAL;
}

static void free_origin(struct yp_network_origin *origin)
{
	if (origin->listener >= 0)
		close(origin->listener);
	yp_network_port_close(&origin->port);
	yp_network_wake_close(&origin->wake);
	SSL_CTX_free(origin->tls);
	SSL_CTX_free(origin->tls_later);
	pthread_cond_destroy(&origin->idle);
	pthread_mutex_destroy(&origin->mutex);
	free(origin);
}

int yp_network_origin_new(const struct yp_network_origin_tls *tls, struct yp_network_origin **out)
{
	struct yp_network_origin *origin = calloc(1, sizeof(*origin));
	int result;

	if (!origin)
		return -ENOMEM;
	(void)signal(SIGPIPE, SIG_IGN); /* SSL_write to a peer that is gone */
	origin->listener = -1;
	origin->port.reserved = -1;
	origin->wake.fds[0] = origin->wake.fds[1] = -1;
	origin->start_ms = yp_network_wire_now_ms();
	pthread_mutex_init(&origin->mutex, NULL);
	pthread_cond_init(&origin->idle, NULL);
	result = yp_network_wake_open(&origin->wake);
	if (result == 0 && tls)
		result = set_up_tls(origin, tls);
	if (result == 0)
		result = yp_network_port_open(&origin->port);
	if (result == 0) {
		origin->listener = yp_network_port_listen(&origin->port, BACKLOG);
		result = origin->listener < 0 ? origin->listener : 0;
	}
	if (result == 0)
		result = -pthread_create(&origin->thread, NULL, origin_main, origin);
	if (result == 0)
		*out = origin;
	else
		free_origin(origin);
	return result;
}

/* Under the lock. */
static void end_connections(struct yp_network_origin *origin)
{
	for (unsigned i = 0; i < YP_NETWORK_CONNECTIONS_MAX; i++)
		if (origin->open[i])
			(void)shutdown(origin->open[i]->fd, SHUT_RDWR);
}

void yp_network_origin_free(struct yp_network_origin *origin)
{
	if (!origin)
		return;
	pthread_mutex_lock(&origin->mutex);
	origin->stopping = true;
	pthread_mutex_unlock(&origin->mutex);
	yp_network_wake_up(&origin->wake);
	pthread_join(origin->thread, NULL);
	pthread_mutex_lock(&origin->mutex);
	while (origin->threads > 0) {
		end_connections(origin);
		pthread_cond_wait(&origin->idle, &origin->mutex);
	}
	pthread_mutex_unlock(&origin->mutex);
	free_origin(origin);
}

uint16_t yp_network_origin_port(const struct yp_network_origin *origin)
{
	return origin->port.number;
}

void yp_network_origin_file(struct yp_network_origin *origin, const char *path, const void *data, size_t size_bytes,
			    const char *etag)
{
	struct yp_network_served *file;

	pthread_mutex_lock(&origin->mutex);
	if (origin->file_count < YP_NETWORK_FILES_MAX) {
		file = &origin->files[origin->file_count++];
		(void)snprintf(file->path, sizeof(file->path), "%s", path);
		(void)snprintf(file->etag, sizeof(file->etag), "%s", etag ? etag : "");
		file->data = data;
		file->size_bytes = size_bytes;
	}
	pthread_mutex_unlock(&origin->mutex);
}

void yp_network_origin_script(struct yp_network_origin *origin, const struct yp_network_rule *rules, unsigned count,
			      const struct yp_network_mark *mark)
{
	pthread_mutex_lock(&origin->mutex);
	memset(origin->rules, 0, sizeof(origin->rules));
	memset(origin->seen, 0, sizeof(origin->seen));
	memset(&origin->mark, 0, sizeof(origin->mark));
	origin->mark_seen = 0;
	origin->rule_count = count < YP_NETWORK_RULES_MAX ? count : YP_NETWORK_RULES_MAX;
	for (unsigned i = 0; i < origin->rule_count; i++)
		origin->rules[i] = rules[i];
	if (mark)
		origin->mark = *mark;
	pthread_mutex_unlock(&origin->mutex);
}

void yp_network_origin_on_report(struct yp_network_origin *origin, void (*taken)(void *ctx, const char *body),
				 void *ctx)
{
	pthread_mutex_lock(&origin->mutex);
	origin->taken = taken;
	origin->taken_ctx = ctx;
	pthread_mutex_unlock(&origin->mutex);
}

void yp_network_origin_settle(struct yp_network_origin *origin, int wait_ms)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += wait_ms / 1000;
	end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&origin->mutex);
	while (origin->threads > 0 && pthread_cond_timedwait(&origin->idle, &origin->mutex, &end) == 0)
		;
	pthread_mutex_unlock(&origin->mutex);
}

void yp_network_origin_record(struct yp_network_origin *origin, struct yp_network_origin_record *out)
{
	pthread_mutex_lock(&origin->mutex);
	memcpy(out, &origin->record, sizeof(*out));
	out->start_ms = origin->start_ms;
	pthread_mutex_unlock(&origin->mutex);
}

void yp_network_origin_restart(struct yp_network_origin *origin, int down_ms)
{
	pthread_mutex_lock(&origin->mutex);
	origin->down_until_ms = yp_network_wire_now_ms() + down_ms;
	end_connections(origin);
	pthread_mutex_unlock(&origin->mutex);
	yp_network_wake_up(&origin->wake);
}
