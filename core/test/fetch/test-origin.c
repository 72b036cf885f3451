/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted HTTP server for tests, in a thread of the test. */
#include "test/fetch/test-origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX_BYTES 8192u
#define WAIT_MS           10000

struct origin_reply {
	struct origin *origin;
	int fd;
	SSL *ssl;
	bool reset;
	bool rude;
};

struct origin {
	origin_script *script;
	void *ctx;
	SSL_CTX *tls;
	int listener;
	int stop[2];
	char url[64];
	pthread_t thread;
	atomic_uint requests;
	atomic_uint connections;
	struct origin_reply current; /* fd -1: none */
};

bool origin_send(struct origin_reply *reply, const void *data, size_t size_bytes)
{
	const char *at = data;

	while (size_bytes > 0) {
		ssize_t sent = reply->ssl ? SSL_write(reply->ssl, at, (int)size_bytes)
					  : send(reply->fd, at, size_bytes, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
		size_bytes -= (size_t)sent;
	}
	return true;
}

bool origin_say(struct origin_reply *reply, const char *format, ...)
{
	char text[4096];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return length >= 0 && (size_t)length < sizeof(text) && origin_send(reply, text, (size_t)length);
}

void origin_pause(struct origin_reply *reply, int ms)
{
	struct pollfd stop = {.fd = reply->origin->stop[0], .events = POLLIN};

	(void)poll(&stop, 1, ms);
}

void origin_reset(struct origin_reply *reply)
{
	reply->reset = true;
}

void origin_rude(struct origin_reply *reply)
{
	reply->rude = true;
}

static void hang_up(struct origin_reply *reply)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (reply->fd < 0)
		return;
	if (reply->ssl && !reply->reset && !reply->rude)
		SSL_shutdown(reply->ssl);
	SSL_free(reply->ssl);
	if (reply->reset)
		setsockopt(reply->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	else
		shutdown(reply->fd, SHUT_WR);
	close(reply->fd);
	reply->fd = -1;
	reply->ssl = NULL;
}

static ssize_t receive_bytes(struct origin_reply *reply, char *out, size_t size_bytes)
{
	return reply->ssl ? SSL_read(reply->ssl, out, (int)size_bytes) : recv(reply->fd, out, size_bytes, 0);
}

static void copy_value(const char *line, const char *name, char *out, size_t out_bytes)
{
	size_t length = strlen(name);

	if (strncasecmp(line, name, length) == 0)
		snprintf(out, out_bytes, "%.*s", (int)strcspn(line + length, "\r\n"), line + length);
}

/* Fills the request from its header lines; returns its Content-Length. */
static size_t parse_request(char *text, struct origin_request *request)
{
	char range[ORIGIN_TEXT_MAX] = "", length[ORIGIN_TEXT_MAX] = "0";
	unsigned long long first = 0, last = UINT64_MAX;

	(void)sscanf(text, "%7s %255s", request->method, request->path);
	for (char *line = strchr(text, '\n'); line; line = strchr(line, '\n')) {
		line++;
		copy_value(line, "Range: ", range, sizeof(range));
		copy_value(line, "If-Range: ", request->if_range, sizeof(request->if_range));
		copy_value(line, "If-None-Match: ", request->if_none_match, sizeof(request->if_none_match));
		copy_value(line, "Content-Type: ", request->content_type, sizeof(request->content_type));
		copy_value(line, "Content-Length: ", length, sizeof(length));
	}
	request->ranged = sscanf(range, "bytes=%llu-%llu", &first, &last) >= 1;
	request->first = first;
	request->last = last;
	return strtoul(length, NULL, 10);
}

/* Reads one request; false at the end of the connection. */
static bool read_request(struct origin_reply *reply, struct origin_request *request)
{
	char text[REQUEST_MAX_BYTES + 1];
	size_t got = 0, length;
	char *end = NULL;

	while (!end) {
		ssize_t more = got < REQUEST_MAX_BYTES ? receive_bytes(reply, text + got, REQUEST_MAX_BYTES - got) : 0;

		if (more <= 0)
			return false;
		got += (size_t)more;
		text[got] = '\0';
		end = strstr(text, "\r\n\r\n");
	}
	*end = '\0';
	length = parse_request(text, request);
	request->body_bytes = got - (size_t)(end + 4 - text);
	if (length >= sizeof(request->body) || request->body_bytes > length)
		return false;
	memcpy(request->body, end + 4, request->body_bytes);
	while (request->body_bytes < length) {
		ssize_t more = receive_bytes(reply, request->body + request->body_bytes, length - request->body_bytes);

		if (more <= 0)
			return false;
		request->body_bytes += (size_t)more;
	}
	return true;
}

static void start_tls(struct origin *origin)
{
	struct origin_reply *reply = &origin->current;
	struct timeval patience = {.tv_sec = WAIT_MS / 1000};

	hang_up(reply);
	*reply = (struct origin_reply){.origin = origin, .fd = accept(origin->listener, NULL, NULL)};
	if (reply->fd < 0)
		return;
	setsockopt(reply->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(reply->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	origin->connections++;
	if (!origin->tls)
		return;
	reply->ssl = SSL_new(origin->tls);
	if (!reply->ssl || SSL_set_fd(reply->ssl, reply->fd) != 1 || SSL_accept(reply->ssl) != 1) {
		reply->reset = true;
		hang_up(reply);
	}
	ERR_clear_error();
}

static void serve_connection(struct origin *origin)
{
	struct origin_request *request = calloc(1, sizeof(*request));
	bool keep = false;

	if (request && read_request(&origin->current, request)) {
		request->number = ++origin->requests;
		request->connection = origin->connections;
		keep = origin->script(origin->ctx, request, &origin->current);
	}
	free(request);
	if (!keep)
		hang_up(&origin->current);
}

static void *origin_main(void *ctx)
{
	struct origin *origin = ctx;

	for (;;) {
		struct pollfd fds[3] = {{.fd = origin->stop[0], .events = POLLIN},
					{.fd = origin->listener, .events = POLLIN},
					{.fd = origin->current.fd, .events = POLLIN}};

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		if (fds[1].revents)
			start_tls(origin);
		else if (fds[2].revents)
			serve_connection(origin);
	}
	hang_up(&origin->current);
	return NULL;
}

static int use_certificate(SSL_CTX *tls, const struct test_pki *pki)
{
	BIO *cert_bio = BIO_new_mem_buf(pki->certificate_pem, -1);
	BIO *key_bio = BIO_new_mem_buf(pki->key_pem, -1);
	X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	int ok = cert && key && SSL_CTX_use_certificate(tls, cert) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1;

	EVP_PKEY_free(key);
	X509_free(cert);
	BIO_free(key_bio);
	BIO_free(cert_bio);
	return ok ? 0 : -EINVAL;
}

static int listen_on_loopback(struct origin *origin)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	origin->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (origin->listener < 0 || bind(origin->listener, (struct sockaddr *)&address, size) != 0 ||
	    listen(origin->listener, 8) != 0 || getsockname(origin->listener, (struct sockaddr *)&address, &size) != 0)
		return -errno;
	snprintf(origin->url, sizeof(origin->url), origin->tls ? "https://localhost:%u" : "http://127.0.0.1:%u",
		 (unsigned)ntohs(address.sin_port));
	return 0;
}

int origin_start(origin_script *script, void *ctx, const struct test_pki *pki, struct origin **out)
{
	struct origin *origin = calloc(1, sizeof(*origin));
	int result;

	if (!origin)
		return -ENOMEM;
	origin->script = script;
	origin->ctx = ctx;
	origin->current.fd = -1;
	signal(SIGPIPE, SIG_IGN); /* SSL_write to a client that is gone */
	if (pki) {
		origin->tls = SSL_CTX_new(TLS_server_method());
		if (!origin->tls || use_certificate(origin->tls, pki) != 0)
			return -EINVAL;
	}
	result = listen_on_loopback(origin);
	if (result == 0 && pipe(origin->stop) != 0)
		result = -errno;
	if (result == 0)
		result = -pthread_create(&origin->thread, NULL, origin_main, origin);
	if (result == 0)
		*out = origin;
	return result; /* a test that cannot start ends: nothing to clean up */
}

void origin_stop(struct origin *origin)
{
	(void)!write(origin->stop[1], "x", 1);
	pthread_join(origin->thread, NULL);
	close(origin->stop[0]);
	close(origin->stop[1]);
	close(origin->listener);
	SSL_CTX_free(origin->tls);
	free(origin);
}

const char *origin_url(const struct origin *origin)
{
	return origin->url;
}

unsigned origin_requests(struct origin *origin)
{
	return origin->requests;
}

unsigned origin_connections(struct origin *origin)
{
	return origin->connections;
}

bool origin_file_script(void *ctx, const struct origin_request *request, struct origin_reply *reply)
{
	struct origin_file *file = ctx;
	size_t first = 0, last = file->size_bytes - 1, body;
	char etag[ORIGIN_TEXT_MAX] = "";
	bool whole = !request->ranged || file->ignore_range;

	if (file->fail_first > 0) {
		file->fail_first--;
		return origin_say(reply, "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nbusy\n");
	}
	if (file->etag)
		snprintf(etag, sizeof(etag), "ETag: %s\r\n", file->etag);
	if (file->etag && strcmp(request->if_none_match, file->etag) == 0)
		return origin_say(reply, "HTTP/1.1 304 Not Modified\r\n%s\r\n", etag);
	if (request->if_range[0] != '\0' && (!file->etag || strcmp(request->if_range, file->etag) != 0))
		whole = true;
	if (!whole && request->first >= file->size_bytes)
		return origin_say(reply, "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n");
	if (!whole) {
		first = (size_t)request->first;
		last = request->last < last ? (size_t)request->last : last;
	}
	body = last - first + 1;
	if (whole)
		origin_say(reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n", body, etag);
	else
		origin_say(reply,
			   "HTTP/1.1 206 Part\r\nContent-Length: %zu\r\nContent-Range: bytes %zu-%zu/%zu\r\n%s\r\n",
			   body, first, last, file->size_bytes, etag);
	if (file->cut_bytes > 0 && body > file->cut_bytes) {
		origin_send(reply, file->data + first, file->cut_bytes);
		file->body_bytes_sent += file->cut_bytes;
		if (file->reset)
			origin_reset(reply);
		return false;
	}
	file->body_bytes_sent += body;
	return origin_send(reply, file->data + first, body);
}
