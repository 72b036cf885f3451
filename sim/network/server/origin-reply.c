/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the origin: first the correct one, then the rule's change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/server/origin-reply.h"

#define RESTART_DOWN_MS 150
#define PIECE_BYTES     16384u
#define ENDLESS_BYTES   (64u * 1024u * 1024u) /* a client that takes more than this has no bound */
#define HEAD_BYTES      1024u

static bool rule_fits(const struct yp_network_rule *rule, const struct yp_network_request *request)
{
	if (strcmp(request->method, rule->method ? rule->method : "GET") != 0)
		return false;
	if (rule->path && strcmp(rule->path, request->path) != 0)
		return false;
	return rule->to == 0 || (request->ranged && request->first >= rule->from && request->first < rule->to);
}

/* Under the lock: the rule that is due, and the requested file. */
static void choose_rules(struct yp_network_origin *origin, const struct yp_network_request *request,
			 struct yp_network_reply *reply, bool *found)
{
	for (unsigned i = 0; i < origin->rule_count; i++) {
		const struct yp_network_rule *rule = &origin->rules[i];

		if (!rule_fits(rule, request))
			continue;
		origin->seen[i]++;
		if (reply->rule.lie != YP_NETWORK_HTTP_TRUTH ||
		    (rule->last != 0 && (origin->seen[i] < rule->first || origin->seen[i] > rule->last)))
			continue;
		reply->rule = *rule;
		reply->rule_index = i;
	}
	if (reply->rule.lie == YP_NETWORK_HTTP_SWAP_FILE && reply->rule.arg < origin->file_count) {
		struct yp_network_served *swapped = &origin->files[reply->rule.arg];

		for (unsigned i = 0; i < origin->file_count; i++)
			if (strcmp(origin->files[i].path, request->path) == 0) {
				memcpy(swapped->path, origin->files[i].path, sizeof(swapped->path));
				(void)snprintf(origin->files[i].path, YP_NETWORK_HTTP_PATH, "/was/%u", i);
				reply->swapped = true;
				break;
			}
	}
	for (unsigned i = 0; i < origin->file_count && !*found; i++) {
		*found = strcmp(origin->files[i].path, request->path) == 0;
		reply->file = origin->files[i];
	}
	if (reply->rule.lie == YP_NETWORK_HTTP_OTHER_FILE && reply->rule.arg < origin->file_count) {
		reply->file.data = origin->files[reply->rule.arg].data;
		reply->file.size_bytes = origin->files[reply->rule.arg].size_bytes;
		reply->swapped = true;
	}
}

/* Calls the mark at a place in the answer. */
static void reach_mark(struct yp_network_conn *conn, enum yp_network_mark_kind kind, uint64_t offset)
{
	struct yp_network_origin *origin = conn->origin;
	struct yp_network_mark due;

	pthread_mutex_lock(&origin->mutex);
	due = origin->mark;
	if (due.kind != kind || (kind == YP_NETWORK_MARK_BODY && due.offset_bytes != offset)) {
		due.kind = YP_NETWORK_MARK_NONE;
	} else {
		origin->record.mark_hits++;
		if (!due.every)
			origin->mark.kind = YP_NETWORK_MARK_NONE;
	}
	pthread_mutex_unlock(&origin->mutex);
	if (due.kind != YP_NETWORK_MARK_NONE && due.reached)
		due.reached(due.ctx, conn->peer, yp_network_conn_wire_bytes(conn));
}

/* Whether this is the answer that the mark waits for. */
static bool mark_due(struct yp_network_conn *conn, const struct yp_network_request *request)
{
	struct yp_network_origin *origin = conn->origin;
	bool due;

	pthread_mutex_lock(&origin->mutex);
	due = (origin->mark.kind == YP_NETWORK_MARK_HEAD || origin->mark.kind == YP_NETWORK_MARK_HEAD_MID) &&
	      strcmp(origin->mark.path, request->path) == 0 && ++origin->mark_seen >= origin->mark.nth;
	pthread_mutex_unlock(&origin->mutex);
	return due;
}

/* Up to the mark, if it lies in [from, from + bytes). */
static uint64_t mark_before(struct yp_network_conn *conn, const char *path, uint64_t from, uint64_t bytes)
{
	struct yp_network_origin *origin = conn->origin;
	uint64_t until = bytes;

	pthread_mutex_lock(&origin->mutex);
	if (origin->mark.kind == YP_NETWORK_MARK_BODY && strcmp(origin->mark.path, path) == 0 &&
	    origin->mark.offset_bytes >= from && origin->mark.offset_bytes < from + bytes)
		until = origin->mark.offset_bytes - from;
	pthread_mutex_unlock(&origin->mutex);
	return until;
}

static bool send_plain(struct yp_network_conn *conn, const char *path, const uint8_t *data, uint64_t from,
		       uint64_t bytes)
{
	uint64_t until = mark_before(conn, path, from, bytes);

	if (until < bytes) {
		if (until > 0 && !yp_network_conn_send(conn, data + from, (size_t)until))
			return false;
		reach_mark(conn, YP_NETWORK_MARK_BODY, from + until);
		from += until;
		bytes -= until;
	}
	return yp_network_conn_send(conn, data + from, (size_t)bytes);
}

/* Sends the body in pieces, chunked if so, up to where the rule cuts it. */
static bool send_body(struct yp_network_conn *conn, struct yp_network_reply *reply)
{
	uint64_t end = reply->from + reply->bytes;
	uint64_t at = reply->from;

	if (reply->cut_bytes < reply->bytes) {
		end = reply->from + reply->cut_bytes;
		reply->told = true;
	}
	while (at < end) {
		uint64_t piece = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
		bool flip = reply->rule.lie == YP_NETWORK_HTTP_BODY_FLIP && reply->rule.arg >= at &&
			    reply->rule.arg < at + piece;
		uint8_t bytes[PIECE_BYTES];

		if (reply->chunked && !yp_network_conn_say(conn, "%llx\r\n", (unsigned long long)piece))
			return false;
		memcpy(bytes, reply->file.data + at, (size_t)piece);
		if (flip) {
			bytes[reply->rule.arg - at] ^= 0x10;
			reply->told = true;
		}
		if (flip ? !yp_network_conn_send(conn, bytes, (size_t)piece)
			 : !send_plain(conn, reply->file.path, reply->file.data, at, piece))
			return false;
		if (reply->chunked && !yp_network_conn_say(conn, "\r\n"))
			return false;
		at += piece;
		reply->sent += piece;
	}
	return true;
}

/* RFC 9110, 13.2.2 and 14.2, for one file. */
static void tell_truth(const struct yp_network_request *request, struct yp_network_reply *reply)
{
	const struct yp_network_served *file = &reply->file;

	(void)snprintf(reply->etag, sizeof(reply->etag), "%s", file->etag);
	reply->status = 200;
	reply->bytes = reply->total = file->size_bytes;
	reply->type = "application/octet-stream";
	reply->cut_bytes = UINT64_MAX;
	if (reply->rule.lie == YP_NETWORK_HTTP_ETAG_OTHER)
		(void)snprintf(reply->etag, sizeof(reply->etag), "\"other-%llu\"", (unsigned long long)reply->rule.arg);
	if (reply->rule.lie == YP_NETWORK_HTTP_ETAG_WEAK)
		(void)snprintf(reply->etag, sizeof(reply->etag), "W/%.56s", file->etag);
	if (reply->rule.lie == YP_NETWORK_HTTP_ETAG_NONE)
		reply->etag[0] = '\0';
	if (request->if_none_match[0] != '\0' && strcmp(request->if_none_match, reply->etag) == 0) {
		reply->status = 304;
		reply->bytes = 0;
		return;
	}
	/* If-Range takes a strong comparison: a weak validator never matches. */
	if (!request->ranged ||
	    (request->if_range[0] != '\0' && (reply->etag[0] != '"' || strcmp(request->if_range, reply->etag) != 0)))
		return;
	if (request->first >= file->size_bytes) {
		reply->status = 416;
		reply->bytes = 0;
		(void)snprintf(reply->extra, sizeof(reply->extra), "Content-Range: bytes */%zu\r\n", file->size_bytes);
		return;
	}
	reply->status = 206;
	reply->ranged = true;
	reply->first = reply->from = request->first;
	reply->last = request->last < file->size_bytes ? request->last : file->size_bytes - 1;
	reply->bytes = reply->last - reply->first + 1;
}

static const char *status_phrase(int status)
{
	return status == 200 ? "OK" : status == 206 ? "Partial Content" : status == 304 ? "Not Modified" : "Answer";
}

static size_t format_head(const struct yp_network_reply *reply, char *out)
{
	size_t n = 0;
	int status = reply->status;

	n += (size_t)snprintf(out + n, HEAD_BYTES - n, "HTTP/1.1 %d %s\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n",
			      status, status_phrase(status));
	n += (size_t)snprintf(out + n, HEAD_BYTES - n, "Accept-Ranges: bytes\r\nContent-Type: %s\r\n", reply->type);
	if (reply->etag[0] != '\0')
		n += (size_t)snprintf(out + n, HEAD_BYTES - n, "ETag: %s\r\n", reply->etag);
	if (reply->ranged)
		n += (size_t)snprintf(out + n, HEAD_BYTES - n, "Content-Range: bytes %llu-%llu/%llu\r\n",
				      (unsigned long long)reply->first, (unsigned long long)reply->last,
				      (unsigned long long)reply->total);
	if (!reply->unsized && status != 304)
		n += (size_t)snprintf(out + n, HEAD_BYTES - n, "Content-Length: %llu\r\n",
				      (unsigned long long)reply->bytes +
					  (reply->rule.lie == YP_NETWORK_HTTP_BODY_LONG ? reply->rule.arg : 0));
	if (reply->chunked)
		n += (size_t)snprintf(out + n, HEAD_BYTES - n, "Transfer-Encoding: chunked\r\n");
	n += (size_t)snprintf(out + n, HEAD_BYTES - n, "%s%s\r\n", reply->close ? "Connection: close\r\n" : "",
			      reply->extra);
	return n;
}

static bool send_padding(struct yp_network_conn *conn, uint64_t bytes)
{
	char line[1026];
	int name = snprintf(line, sizeof(line), "X-Filler: ");

	memset(line + name, 'x', sizeof(line) - (size_t)name);
	line[1024] = '\r';
	line[1025] = '\n';
	for (uint64_t sent = 0; sent < bytes; sent += sizeof(line))
		if (!yp_network_conn_send(conn, line, sizeof(line)))
			return false;
	return true;
}

static bool send_head(struct yp_network_conn *conn, struct yp_network_reply *reply, bool marked)
{
	char head[HEAD_BYTES];
	size_t size = format_head(reply, head);
	size_t half = 12;

	if (reply->rule.lie == YP_NETWORK_HTTP_HEADERS_SLOW) {
		reply->told = true;
		for (size_t i = 0; i < size && yp_network_conn_send(conn, head + i, 1); i++)
			yp_network_conn_pause(conn, (int)reply->rule.arg);
		return !conn->closed;
	}
	if (reply->rule.lie == YP_NETWORK_HTTP_HEADERS_HUGE) {
		reply->told = true;
		size_t line = (size_t)(strchr(head, '\n') - head) + 1;
		return yp_network_conn_send(conn, head, line) && send_padding(conn, reply->rule.arg) &&
		       yp_network_conn_send(conn, head + line, size - line);
	}
	if (!marked)
		return yp_network_conn_send(conn, head, size);
	reach_mark(conn, YP_NETWORK_MARK_HEAD, 0);
	if (!yp_network_conn_send(conn, head, half))
		return false;
	reach_mark(conn, YP_NETWORK_MARK_HEAD_MID, 0);
	return yp_network_conn_send(conn, head + half, size - half);
}

static bool send_multipart(struct yp_network_conn *conn, struct yp_network_reply *reply)
{
	char head[160];
	size_t length = (size_t)snprintf(head, sizeof(head), "--cut\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
					 (unsigned long long)reply->first, (unsigned long long)reply->last,
					 (unsigned long long)reply->total);

	reply->told = true;
	return yp_network_conn_say(
		   conn,
		   "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=cut\r\n"
		   "Content-Length: %llu\r\nETag: %s\r\n\r\n",
		   (unsigned long long)length + (unsigned long long)reply->bytes + 11, reply->etag) &&
	       yp_network_conn_send(conn, head, length) && send_body(conn, reply) &&
	       yp_network_conn_say(conn, "\r\n--cut--\r\n");
}

static bool send_endless(struct yp_network_conn *conn, struct yp_network_reply *reply)
{
	static const uint8_t zeros[PIECE_BYTES];

	reply->told = true;
	if (!yp_network_conn_say(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"))
		return false;
	while (reply->sent < ENDLESS_BYTES && yp_network_conn_send(conn, zeros, sizeof(zeros)))
		reply->sent += sizeof(zeros);
	return false;
}

/* Wrong answers that replace the correct one. *keep: the connection. False: it is none of them. */
static bool answer_otherwise(struct yp_network_conn *conn, const struct yp_network_request *request,
			     struct yp_network_reply *reply, bool *keep)
{
	static const char page[] = "<html><body><h1>Welcome</h1><form>Please log in</form></body></html>\n";
	const struct yp_network_rule *rule = &reply->rule;
	const char *text = rule->text ? rule->text : "";
	int status = rule->arg == 0 ? 302 : (int)rule->arg;
	char target[256];

	reply->told = true;
	switch (rule->lie) {
	case YP_NETWORK_HTTP_STATUS:
		reply->status = (int)rule->arg;
		if (rule->arg == 204 || rule->arg == 304)
			*keep = yp_network_conn_say(conn, "HTTP/1.1 %d Answer\r\n%s\r\n", (int)rule->arg, text);
		else
			*keep = yp_network_conn_say(conn, "HTTP/1.1 %d Answer\r\n%sContent-Length: 6\r\n\r\nsorry\n",
						    (int)rule->arg, text);
		return true;
	case YP_NETWORK_HTTP_PORTAL:
		reply->status = 200;
		*keep = yp_network_conn_say(
		    conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n\r\n%s",
		    sizeof(page) - 1, page);
		return true;
	case YP_NETWORK_HTTP_REDIRECT:
		reply->status = status;
		(void)snprintf(target, sizeof(target), "%.*s%s%s", (int)strcspn(text, "%"), text,
			       strstr(text, "%s") ? request->path : "",
			       strstr(text, "%s") ? strstr(text, "%s") + 2 : "");
		*keep = yp_network_conn_say(conn, "HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
					    status, target);
		return true;
	case YP_NETWORK_HTTP_GARBAGE:
		*keep = yp_network_conn_say(conn, "\x16\x03SSH-2.0-not-http\r\n\r\n\r\n") && false;
		return true;
	case YP_NETWORK_HTTP_LOST_ANSWER:
		*keep = false;
		return true;
	case YP_NETWORK_HTTP_BODY_ENDLESS:
		*keep = send_endless(conn, reply);
		return true;
	case YP_NETWORK_HTTP_MULTIPART:
		*keep = reply->ranged && send_multipart(conn, reply);
		return true;
	default:
		reply->told = false;
		return false;
	}
}

/* After head and body, or what was left of it. True: keep the connection. */
static bool end_body(struct yp_network_conn *conn, struct yp_network_reply *reply)
{
	char filler[4096] = {0};
	uint64_t more = reply->rule.lie == YP_NETWORK_HTTP_BODY_LONG ? reply->rule.arg : 0;

	for (; more > 0; more -= more < sizeof(filler) ? more : sizeof(filler)) {
		reply->told = true;
		if (!yp_network_conn_send(conn, filler, (size_t)(more < sizeof(filler) ? more : sizeof(filler))))
			return false;
	}
	if (reply->rule.lie == YP_NETWORK_HTTP_BODY_STALL && reply->told) {
		yp_network_conn_pause(conn, YP_NETWORK_WAIT_MS);
		return false;
	}
	if (reply->rule.lie == YP_NETWORK_HTTP_RESTART && reply->told) {
		yp_network_origin_restart(conn->origin, RESTART_DOWN_MS);
		return false;
	}
	if (reply->rule.lie == YP_NETWORK_HTTP_CHUNKED_BAD && reply->told)
		return yp_network_conn_say(conn, "zz\r\nthis is no chunk\r\n") && false;
	if (reply->rule.lie == YP_NETWORK_HTTP_CHUNKED_OPEN || reply->cut_bytes < reply->bytes) {
		conn->rude = true;
		return false;
	}
	if (reply->chunked && !yp_network_conn_say(conn, "0\r\n\r\n"))
		return false;
	return !reply->close;
}

static bool answer_get(struct yp_network_conn *conn, const struct yp_network_request *request,
		       struct yp_network_reply *reply)
{
	bool keep = false;
	bool marked = mark_due(conn, request);

	tell_truth(request, reply);
	if (answer_otherwise(conn, request, reply, &keep))
		return keep;
	yp_network_reply_lie(reply);

	if (reply->rule.lie == YP_NETWORK_HTTP_INTERIM) {
		reply->told = true;
		for (uint64_t i = 0; i < reply->rule.arg; i++)
			if (!yp_network_conn_say(conn, "HTTP/1.1 102 Processing\r\n\r\n"))
				return false;
	}
	if (!send_head(conn, reply, marked))
		return false;
	if (reply->head_only)
		return true;
	return send_body(conn, reply) && end_body(conn, reply);
}

/* Under no lock: keeps a report, then answers. */
static bool answer_post(struct yp_network_conn *conn, const struct yp_network_query *query,
			struct yp_network_reply *reply)
{
	struct yp_network_origin *origin = conn->origin;
	const struct yp_network_request *request = &query->request;
	bool lost = reply->rule.lie != YP_NETWORK_HTTP_TRUTH && reply->rule.lie != YP_NETWORK_HTTP_LOST_ANSWER;
	bool marked = mark_due(conn, request);
	bool keep = true;

	if (strcmp(request->path, YP_NETWORK_REPORT_PATH) != 0)
		return yp_network_conn_say(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	/* A refused report was not received; one whose answer is lost was. */
	if (!lost) {
		pthread_mutex_lock(&origin->mutex);
		if (origin->record.reports < YP_NETWORK_REPORTS_MAX)
			memcpy(origin->record.report[origin->record.reports], query->body, YP_NETWORK_REPORT_BYTES);
		origin->record.reports++;
		pthread_mutex_unlock(&origin->mutex);
		if (origin->taken)
			origin->taken(origin->taken_ctx, query->body);
	}
	if (answer_otherwise(conn, request, reply, &keep))
		return keep;
	reply->status = 204;
	if (marked)
		reach_mark(conn, YP_NETWORK_MARK_HEAD, 0);
	if (!yp_network_conn_say(conn, "HTTP/1.1 204"))
		return false;
	if (marked)
		reach_mark(conn, YP_NETWORK_MARK_HEAD_MID, 0);
	return yp_network_conn_say(conn, " No Content\r\n\r\n");
}

bool yp_network_conn_answer(struct yp_network_conn *conn, struct yp_network_query *query)
{
	struct yp_network_origin *origin = conn->origin;
	struct yp_network_request *request = &query->request;
	struct yp_network_reply *reply = calloc(1, sizeof(*reply));
	bool found = false, keep = false;
	bool post = strcmp(request->method, "POST") == 0;
	unsigned number;

	if (!reply)
		return false;
	pthread_mutex_lock(&origin->mutex);
	request->at_ms = yp_network_wire_now_ms() - origin->start_ms;
	choose_rules(origin, request, reply, &found);
	number = origin->record.requests++;
	if (number < YP_NETWORK_REQUESTS_MAX)
		origin->record.request[number] = *request;
	pthread_mutex_unlock(&origin->mutex);
	reply->head_only = strcmp(request->method, "HEAD") == 0;
	if (strcmp(request->method, "CONNECT") == 0)
		keep = answer_otherwise(conn, request, reply, &keep) && keep;
	else if (post)
		keep = answer_post(conn, query, reply);
	else if (!reply->head_only && strcmp(request->method, "GET") != 0)
		keep = yp_network_conn_say(conn, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
	else if (!found)
		keep = yp_network_conn_say(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	else
		keep = answer_get(conn, request, reply);
	pthread_mutex_lock(&origin->mutex);
	if (number < YP_NETWORK_REQUESTS_MAX) {
		origin->record.request[number].status = reply->status;
		origin->record.request[number].body_bytes = reply->sent;
		origin->record.request[number].lied = reply->told || reply->swapped;
	}
	origin->record.body_bytes += reply->sent;
	origin->record.told[reply->rule_index] += reply->told || reply->swapped;
	pthread_mutex_unlock(&origin->mutex);
	free(reply);
	return keep;
}
