/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of all parts of the block server: its log, its clock and the requests that wait. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/host-calls.h"
#include "server/block-server-private.h"

uint64_t yp_server_now(const struct yp_server *s)
{
	return yp_clock_ns() - s->zero_ns;
}

bool yp_server_alive(const struct yp_server *s, const struct yp_client *client)
{
	return s->on && client->generation == s->generation;
}

int yp_server_logged(struct yp_server *s, uint64_t submit_ns)
{
	yp_log_times(s->log, submit_ns, yp_server_now(s));
	int r = s->stream ? yp_stream_append(s->stream, s->log) : 0;
	if (r < 0)
		s->broken = r;
	return r;
}

int yp_server_note(struct yp_server *s, const char *format, ...)
{
	char text[YP_CASE_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	int r = yp_log_mark(s->log, YP_MARK_NOTE, text);
	return r < 0 ? r : yp_server_logged(s, yp_server_now(s));
}

int yp_server_wait(struct yp_server *s, const struct yp_client *client, struct yp_request *request, unsigned ms)
{
	request->next = s->waiting;
	request->previous = NULL;
	if (s->waiting)
		s->waiting->previous = request;
	s->waiting = request;
	(void)pthread_mutex_unlock(&s->lock);
	int r = s->config.wait(s->config.wait_ctx, ms);
	(void)pthread_mutex_lock(&s->lock);
	if (request->previous)
		request->previous->next = request->next;
	else
		s->waiting = request->next;
	if (request->next)
		request->next->previous = request->previous;
	return r < 0 || !yp_server_alive(s, client) ? -ESHUTDOWN : 0;
}

static int log_flipped(struct yp_server *s, const struct yp_request *q)
{
	size_t bytes = (size_t)q->sectors * YP_SECTOR_BYTES;
	uint64_t bit = (q->flip - 1) % (bytes * 8);
	uint8_t *copy = malloc(bytes);
	if (!copy)
		return -ENOMEM;
	if (q->data)
		memcpy(copy, q->data, bytes);
	else
		memset(copy, 0, bytes);
	copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
	int r = yp_log_write(s->log, q->medium, q->sector, q->sectors, copy, q->fua);
	free(copy);
	return r;
}

int yp_server_log_write(struct yp_server *s, const struct yp_request *q)
{
	if (q->flip)
		return log_flipped(s, q);
	return q->data ? yp_log_write(s->log, q->medium, q->sector, q->sectors, q->data, q->fua)
		       : yp_log_write_zeros(s->log, q->medium, q->sector, q->sectors, q->fua);
}
