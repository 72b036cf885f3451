/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of clients: logged, done to the media, or struck by a fault. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/block-server-private.h"

/* How soon a request that must not be answered notices that its client is gone, or the power back. */
#define DEAD_WAIT_MS 20u

/* The answer to a client while the power is off: none until it disconnects, or an error. */
static int wait_dead(struct yp_server *s, const struct yp_client *client)
{
	int r = 0;
	while (r == 0 && !s->on && !s->answer_fail && !yp_server_alive(s, client)) {
		(void)pthread_mutex_unlock(&s->lock);
		r = s->config.wait(s->config.wait_ctx, DEAD_WAIT_MS);
		(void)pthread_mutex_lock(&s->lock);
	}
	return -ESHUTDOWN;
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
		return wait_dead(s, client);
	if (s->broken)
		return -EIO;
	int r = s->faults_count ? yp_server_strike(s, client, q) : 0;
	if (!yp_server_alive(s, client))
		return wait_dead(s, client);
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
	assert(s && client && client->export && out);
	return range_run(s, client, (struct yp_request){.op = YP_READ}, offset, bytes, out);
}

int yp_server_write(struct yp_server *s, const struct yp_client *client, uint64_t offset, uint32_t bytes,
		    const void *data, bool fua)
{
	assert(s && client && client->export);
	return range_run(s, client, (struct yp_request){.op = YP_WRITE, .data = data, .fua = fua}, offset, bytes, NULL);
}

int yp_server_discard(struct yp_server *s, const struct yp_client *client, uint64_t offset, uint32_t bytes)
{
	assert(s && client && client->export);
	return range_run(s, client, (struct yp_request){.op = YP_DISCARD}, offset, bytes, NULL);
}

int yp_server_flush(struct yp_server *s, const struct yp_client *client)
{
	assert(s && client && client->export);
	const struct yp_export *export = client->export;
	uint64_t submit_ns = yp_server_now(s);
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	if (!yp_server_alive(s, client))
		r = wait_dead(s, client);
	for (unsigned i = 0; r == 0 && i < export->count; i++) {
		struct yp_request q = {.op = YP_FLUSH, .medium = export->media[i], .submit_ns = submit_ns};
		/* Of several media only those with unflushed writes: the log has no flush of a medium that was not
		 * written. */
		if (export->count == 1 || s->dirty[q.medium])
			r = request_run(s, client, &q, NULL);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}
