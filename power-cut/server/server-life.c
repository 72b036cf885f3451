/* SPDX-License-Identifier: Apache-2.0 */
/* Creates, switches on, queries and frees a block server. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/block-server-private.h"

int yp_server_new(const struct yp_server_config *config, struct yp_server **out)
{
	assert(config && config->media && config->wait && out);
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
	assert(s);
	(void)pthread_mutex_lock(&s->lock);
	int r = power_locked(s, log_path);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_connect(struct yp_server *s, const struct yp_export *export, struct yp_client *out)
{
	assert(s && export && out);
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? 0 : -ESHUTDOWN;
	*out = (struct yp_client){export, s->generation};
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_mark(struct yp_server *s, enum yp_mark_kind kind, const char *text)
{
	assert(s && text);
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? yp_log_mark(s->log, kind, text) : -ESHUTDOWN;
	if (r == 0) {
		s->stats.marks++;
		r = yp_server_logged(s, yp_server_now(s));
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

void yp_server_stats(struct yp_server *s, struct yp_server_stats *out)
{
	assert(s && out);
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
