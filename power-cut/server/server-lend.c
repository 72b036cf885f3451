/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose media are set from an image: the power goes off without a cut, and the log is taken as it is. */
#include "server/server-lend.h"

#include <assert.h>
#include <errno.h>

#include "log/log-private.h"
#include "server/block-server-private.h"

struct yp_pool *yp_server_pool(const struct yp_server *s)
{
	assert(s);
	return s->pool;
}

int yp_server_off(struct yp_server *s)
{
	assert(s);
	(void)pthread_mutex_lock(&s->lock);
	int r = yp_stream_close(s->stream);
	s->stream = NULL;
	s->on = false;
	s->generation++;
	s->answer_fail = true;
	if (s->broken)
		r = s->broken;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

static int fill_overlay(struct yp_overlay *overlay, const struct yp_image *image)
{
	const struct yp_layout *layout = yp_image_layout(image);
	int r = yp_overlay_init(overlay, layout);
	for (unsigned m = 0; r == 0 && m < layout->count; m++) {
		uint64_t sectors = layout->media[m].sectors;
		r = yp_overlay_reserve(overlay, m, 0, sectors);
		for (uint64_t at = 0; r == 0 && at < sectors; at++)
			yp_overlay_set(overlay, m, at, yp_image_get(image, m, at));
	}
	return r;
}

int yp_server_take_image(struct yp_server *s, const struct yp_image *image)
{
	struct yp_overlay filled = {0};

	assert(s && image && yp_image_pool(image) == s->pool);
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? -EBUSY : fill_overlay(&filled, image);
	if (r == 0) {
		yp_overlay_deinit(&s->contents.overlay);
		s->contents.overlay = filled;
		s->broken = 0; /* nothing of what failed is left */
	} else {
		yp_overlay_deinit(&filled);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

size_t yp_server_entries(struct yp_server *s)
{
	assert(s);
	(void)pthread_mutex_lock(&s->lock);
	size_t count = yp_log_count(s->log);
	(void)pthread_mutex_unlock(&s->lock);
	return count;
}

static int copy_write(const struct yp_log *from, const struct yp_entry *e, struct yp_log *out)
{
	size_t first = out->contents_count;
	int r = 0;

	for (uint32_t k = 0; r == 0 && k < e->sectors; k++)
		r = yp_log_content_add(out, yp_log_content(from, e, k));
	return r < 0 ? r : yp_log_write_ids(out, e->medium, e->sector, e->sectors, first, e->fua);
}

static int copy_read(const struct yp_entry *e, const uint32_t *grain, struct yp_log *out)
{
	uint64_t sectors = out->layout.media[e->medium].sectors;
	uint64_t step = grain ? grain[e->medium] : 1;
	uint64_t first = e->sector - e->sector % step;
	uint64_t end = (e->sector + e->sectors + step - 1) / step * step;

	if (end > sectors)
		end = sectors;
	return yp_log_read(out, e->medium, first, (uint32_t)(end - first));
}

static int copy_entry(const struct yp_log *from, const struct yp_entry *e, const uint32_t *grain, struct yp_log *out)
{
	switch (e->op) {
	case YP_WRITE:
		return copy_write(from, e, out);
	case YP_READ:
		return copy_read(e, grain, out);
	case YP_FLUSH:
		return yp_log_flush(out, e->medium);
	case YP_DISCARD:
		return yp_log_discard(out, e->medium, e->sector, e->sectors);
	case YP_MARK:
		return yp_log_mark(out, e->kind, yp_log_text(from, e));
	}
	return -EINVAL;
}

int yp_log_append(const struct yp_log *from, size_t whole, const uint32_t *grain, struct yp_log *out)
{
	assert(from && out && from->pool == out->pool);
	for (size_t i = 0; i < yp_log_count(from); i++) {
		const struct yp_entry *e = yp_log_entry(from, i);
		int r = i < whole || e->op == YP_READ ? copy_entry(from, e, grain, out) : 1;

		if (r < 0)
			return r;
		if (r == 0)
			yp_log_times(out, e->submit_ns, e->complete_ns);
	}
	return 0;
}

int yp_server_copy_log(const struct yp_server *s, size_t whole, const uint32_t *grain, struct yp_log *out)
{
	assert(s && !s->on);
	return yp_log_append(s->log, whole, grain, out);
}
