/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4, pipe2, POLLRDHUP, nftw */
/* A connection of the origin: bytes in and out, and the request in them. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "network/server/origin-conn.h"

#define REQUEST_MAX_BYTES 8192u

static ssize_t receive_bytes(struct yp_network_conn *conn, void *out, size_t size_bytes)
{
	ssize_t got = conn->ssl ? SSL_read(conn->ssl, out, (int)size_bytes) : recv(conn->fd, out, size_bytes, 0);

	conn->closed = conn->closed || got <= 0;
	return got;
}

bool yp_network_conn_send(struct yp_network_conn *conn, const void *data, size_t size_bytes)
{
	const char *at = data;

	while (size_bytes > 0 && !conn->closed) {
		ssize_t sent = conn->ssl ? SSL_write(conn->ssl, at, (int)size_bytes)
					 : send(conn->fd, at, size_bytes, MSG_NOSIGNAL);

		if (sent <= 0) {
			conn->closed = true;
			break;
		}
		at += sent;
		conn->sent_bytes += (uint64_t)sent;
		size_bytes -= (size_t)sent;
	}
	return !conn->closed;
}

bool yp_network_conn_say(struct yp_network_conn *conn, const char *format, ...)
{
	char text[2048];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return length >= 0 && (size_t)length < sizeof(text) && yp_network_conn_send(conn, text, (size_t)length);
}

void yp_network_conn_pause(struct yp_network_conn *conn, int ms)
{
	struct pollfd gone = {.fd = conn->fd, .events = POLLRDHUP};

	if (!conn->closed && poll(&gone, 1, ms) > 0)
		conn->closed = true;
}

uint64_t yp_network_conn_wire_bytes(const struct yp_network_conn *conn)
{
	return conn->ssl ? BIO_number_written(SSL_get_wbio(conn->ssl)) : conn->sent_bytes;
}

static bool take_value(const char *line, const char *name, char *out, size_t out_bytes)
{
	size_t length = strlen(name);

	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return false;
	line += length + 1;
	line += strspn(line, " \t");
	(void)snprintf(out, out_bytes, "%.*s", (int)strcspn(line, "\r\n"), line);
	return true;
}

/* "bytes=first-last", "bytes=first-"; others are ignored, as RFC 9110 allows. */
static void read_range(const char *value, struct yp_network_request *request)
{
	unsigned long long first, last = UINT64_MAX;
	const char *at = value + 6;

	if (strncmp(value, "bytes=", 6) != 0 || strchr(value, ',') || !yp_network_wire_number(&at, &first) ||
	    *at++ != '-')
		return;
	if (*at >= '0' && *at <= '9' && (!yp_network_wire_number(&at, &last) || last < first))
		return;
	request->ranged = true;
	request->first = first;
	request->last = last;
}

static void parse_query(char *text, struct yp_network_query *query)
{
	struct yp_network_request *request = &query->request;
	char value[128] = "";

	(void)sscanf(text, "%7s %63s", request->method, request->path);
	for (char *line = strchr(text, '\n'); line; line = strchr(line, '\n')) {
		line++;
		if (take_value(line, "Range", value, sizeof(value)))
			read_range(value, request);
		else if (take_value(line, "Content-Length", value, sizeof(value)))
			query->length_bytes = strtoul(value, NULL, 10);
		else if (take_value(line, "Authorization", value, sizeof(value)) ||
			 take_value(line, "Cookie", value, sizeof(value)))
			request->credentials = true;
		(void)take_value(line, "If-Range", request->if_range, sizeof(request->if_range));
		(void)take_value(line, "If-None-Match", request->if_none_match, sizeof(request->if_none_match));
		(void)take_value(line, "Host", request->host, sizeof(request->host));
	}
}

bool yp_network_conn_read(struct yp_network_conn *conn, struct yp_network_query *query)
{
	char text[REQUEST_MAX_BYTES + 1];
	size_t got = 0;
	char *end = NULL;

	while (!end) {
		ssize_t more = got < REQUEST_MAX_BYTES ? receive_bytes(conn, text + got, REQUEST_MAX_BYTES - got) : 0;

		if (more <= 0)
			return false;
		got += (size_t)more;
		text[got] = '\0';
		end = strstr(text, "\r\n\r\n");
	}
	*end = '\0';
	parse_query(text, query);
	query->body_bytes = got - (size_t)(end + 4 - text);
	if (query->length_bytes >= sizeof(query->body) || query->body_bytes > query->length_bytes)
		return false;
	memcpy(query->body, end + 4, query->body_bytes);
	while (query->body_bytes < query->length_bytes) {
		ssize_t more =
		    receive_bytes(conn, query->body + query->body_bytes, query->length_bytes - query->body_bytes);

		if (more <= 0)
			return false;
		query->body_bytes += (size_t)more;
	}
	return true;
}
