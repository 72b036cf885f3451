/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/log-private.h"
#include "server/block-server-private.h"
#include "state/state-hash.h"

/* How soon a request that must not be answered notices that its client is gone, or the power back. */
#define DEAD_WAIT_MS 20u

uint64_t yp_server_now(const struct yp_server *s)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec - s->zero_ns;
}

int yp_server_new(const struct yp_server_config *config, struct yp_server **out)
{
	struct yp_server *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->layout = &config->media->layout;
	s->sync = config->media->sync;
	int r = -pthread_mutex_init(&s->lock, NULL);
	if (r < 0) {
		free(s);
		return r;
	}
	r = yp_pool_new(&s->pool);
	if (r == 0)
		r = yp_log_new(s->layout, s->pool, &s->log);
	if (r == 0)
		r = yp_overlay_init(&s->contents.overlay, s->layout);
	if (r == 0)
		r = yp_overlay_init(&s->kept, s->layout);
	if (r == 0)
		r = yp_overlay_init(&s->known, s->layout);
	s->contents.layout = s->layout;
	s->contents.pool = s->pool;
	s->contents.bases = config->media->bases;
	s->contents.known = &s->known;
	if (r < 0) {
		(void)yp_server_free(s);
		return r;
	}
	*out = s;
	return 0;
}

int yp_server_free(struct yp_server *s)
{
	if (!s)
		return 0;
	int r = yp_stream_close(s->stream);
	if (s->broken)
		r = s->broken;
	yp_overlay_deinit(&s->contents.overlay);
	yp_overlay_deinit(&s->start);
	yp_overlay_deinit(&s->kept);
	yp_overlay_deinit(&s->known);
	yp_server_logs_free(s);
	yp_log_free(s->log);
	if (s->pool)
		yp_pool_free(s->pool);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	return r;
}

static int power_locked(struct yp_server *s, const char *log_path)
{
	if (s->on)
		return -EALREADY;
	yp_overlay_deinit(&s->start);
	int r = yp_overlay_copy(&s->contents.overlay, &s->start);
	if (r == 0 && log_path)
		r = yp_stream_open(log_path, s->layout, &s->stream);
	if (r < 0)
		return r;
	yp_log_clear(s->log);
	memset(s->dirty, 0, sizeof s->dirty);
	s->stats = (struct yp_server_stats){.cuts = s->stats.cuts, .faults_hit = s->stats.faults_hit};
	s->zero_ns = 0;
	s->zero_ns = yp_server_now(s);
	s->on = true;
	return 0;
}

int yp_server_power(struct yp_server *s, const char *log_path)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = power_locked(s, log_path);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_connect(struct yp_server *s, const struct yp_export *export, struct yp_client *out)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? 0 : -ESHUTDOWN;
	*out = (struct yp_client){export, s->generation};
	(void)pthread_mutex_unlock(&s->lock);
	return r;
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

int yp_server_mark(struct yp_server *s, enum yp_mark_kind kind, const char *text)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? yp_log_mark(s->log, kind, text) : -ESHUTDOWN;
	if (r == 0) {
		s->stats.marks++;
		r = yp_server_logged(s, yp_server_now(s));
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
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

/* What a client of a power that is gone gets: nothing, for as long as it is there, or an error. */
static int dead(struct yp_server *s, const struct yp_client *client)
{
	int r = 0;
	while (r == 0 && !s->on && !s->answer_fail && !yp_server_alive(s, client)) {
		(void)pthread_mutex_unlock(&s->lock);
		r = s->config.wait(s->config.wait_ctx, DEAD_WAIT_MS);
		(void)pthread_mutex_lock(&s->lock);
	}
	return -ESHUTDOWN;
}

static int log_zeros(struct yp_server *s, const struct yp_request *q, bool fua)
{
	size_t first = s->log->contents_count;
	int r = 0;
	for (uint32_t k = 0; r == 0 && k < q->sectors; k++)
		r = yp_log_content_add(s->log, YP_CONTENT_00);
	if (r == 0)
		r = yp_log_write_ids(s->log, q->medium, q->sector, q->sectors, first, fua);
	return r;
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
		       : log_zeros(s, q, q->fua);
}

static int take_last(struct yp_server *s)
{
	return yp_contents_take(&s->contents, s->log, yp_log_entry(s->log, yp_log_count(s->log) - 1));
}

static int do_write(struct yp_server *s, struct yp_request *q)
{
	int r =
	    q->op == YP_WRITE ? yp_server_log_write(s, q) : yp_log_discard(s->log, q->medium, q->sector, q->sectors);
	if (r == 0)
		r = take_last(s);
	if (r < 0) {
		s->broken = r; /* log and media may differ now */
		return r;
	}
	if (q->op == YP_WRITE) {
		s->stats.writes++;
		s->stats.written_bytes += (uint64_t)q->sectors * YP_SECTOR_BYTES;
	} else {
		s->stats.discards++;
	}
	s->dirty[q->medium] = s->dirty[q->medium] || !q->fua;
	return yp_server_logged(s, q->submit_ns);
}

static int do_read(struct yp_server *s, struct yp_request *q, uint8_t *out)
{
	assert(out);
	int r = yp_contents_read(&s->contents, q->medium, q->sector, q->sectors, out);
	if (r == 0)
		r = yp_log_read(s->log, q->medium, q->sector, q->sectors);
	if (r < 0)
		return r;
	if (q->flip) {
		uint64_t bit = (q->flip - 1) % ((uint64_t)q->sectors * YP_SECTOR_BYTES * 8);
		out[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	s->stats.reads++;
	s->stats.read_bytes += (uint64_t)q->sectors * YP_SECTOR_BYTES;
	return yp_server_logged(s, q->submit_ns);
}

static int do_flush(struct yp_server *s, const struct yp_request *q)
{
	int r = yp_log_flush(s->log, q->medium);
	if (r < 0)
		return r;
	s->stats.flushes++;
	s->dirty[q->medium] = false;
	return yp_server_logged(s, q->submit_ns);
}

/* One request on one medium, with the lock. `in`: of a read, where to. */
static int request_run(struct yp_server *s, const struct yp_client *client, struct yp_request *q, void *in)
{
	if (!yp_server_alive(s, client))
		return dead(s, client);
	if (s->broken)
		return -EIO;
	int r = s->faults_count ? yp_server_strike(s, client, q) : 0;
	if (!yp_server_alive(s, client))
		return dead(s, client);
	if (r < 0)
		return r;
	if (q->op == YP_READ)
		return do_read(s, q, in);
	return q->op == YP_FLUSH ? do_flush(s, q) : do_write(s, q);
}

/* A range of an export, medium by medium. */
static int range_run(struct yp_server *s, const struct yp_client *client, struct yp_request base, uint64_t offset,
		     uint32_t bytes, void *in)
{
	const struct yp_export *export = client->export;
	uint64_t at = offset / YP_SECTOR_BYTES;
	uint64_t left = bytes / YP_SECTOR_BYTES;
	const uint8_t *data = base.data;
	uint8_t *out = in;
	int r = 0;
	if (offset % YP_SECTOR_BYTES || bytes % YP_SECTOR_BYTES || offset > export->bytes ||
	    bytes > export->bytes - offset)
		return -EINVAL;
	base.submit_ns = yp_server_now(s);
	(void)pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; r == 0 && left > 0 && i < export->count; i++) {
		uint64_t sectors = s->layout->media[export->media[i]].sectors;
		if (at >= sectors) {
			at -= sectors;
			continue;
		}
		struct yp_request q = base;
		q.medium = export->media[i];
		q.sector = at;
		q.sectors = (uint32_t)(left < sectors - at ? left : sectors - at);
		q.data = data;
		q.fua = q.fua || (q.op == YP_WRITE && s->sync[q.medium]);
		r = request_run(s, client, &q, out);
		data = data ? data + (size_t)q.sectors * YP_SECTOR_BYTES : NULL;
		out = out ? out + (size_t)q.sectors * YP_SECTOR_BYTES : NULL;
		left -= q.sectors;
		at = 0;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_read(struct yp_server *s, const struct yp_client *client, uint64_t offset, uint32_t bytes, void *out)
{
	return range_run(s, client, (struct yp_request){.op = YP_READ}, offset, bytes, out);
}

int yp_server_write(struct yp_server *s, const struct yp_client *client, uint64_t offset, uint32_t bytes,
		    const void *data, bool fua)
{
	return range_run(s, client, (struct yp_request){.op = YP_WRITE, .data = data, .fua = fua}, offset, bytes, NULL);
}

int yp_server_discard(struct yp_server *s, const struct yp_client *client, uint64_t offset, uint32_t bytes)
{
	return range_run(s, client, (struct yp_request){.op = YP_DISCARD}, offset, bytes, NULL);
}

int yp_server_flush(struct yp_server *s, const struct yp_client *client)
{
	const struct yp_export *export = client->export;
	uint64_t submit_ns = yp_server_now(s);
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	if (!yp_server_alive(s, client))
		r = dead(s, client);
	for (unsigned i = 0; r == 0 && i < export->count; i++) {
		struct yp_request q = {.op = YP_FLUSH, .medium = export->media[i], .submit_ns = submit_ns};
		/* Of several media only those with something to flush: the log says what was flushed, not what was not
		 * written. */
		if (export->count == 1 || s->dirty[q.medium])
			r = request_run(s, client, &q, NULL);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

void yp_server_stats(struct yp_server *s, struct yp_server_stats *out)
{
	(void)pthread_mutex_lock(&s->lock);
	*out = s->stats;
	out->on = s->on;
	out->entries = yp_log_count(s->log);
	(void)pthread_mutex_unlock(&s->lock);
}

const struct yp_log *yp_server_log(const struct yp_server *s)
{
	return s->log;
}
