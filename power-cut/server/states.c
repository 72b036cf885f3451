/* SPDX-License-Identifier: Apache-2.0 */
/* Media while the power is off: states from logs, back to the start, out to files. */
#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "server-private.h"

int bp_server_load(struct bp_server *s, const char *path, const struct bp_cut *cut, char *detail, size_t detail_bytes)
{
	struct bp_log *log = NULL;
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? -EBUSY : bp_log_load(path, s->pool, &log, detail, detail_bytes);
	if (r == 0) {
		r = cut ? bp_contents_crash(&s->contents, log, cut) : bp_contents_apply(&s->contents, log);
		if (r == -EINVAL)
			bp_detail(detail, detail_bytes, "has other media, or does not have that cut");
	} else if (r == -EBUSY) {
		bp_detail(detail, detail_bytes, "the power is on");
	}
	bp_log_free(log);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

static int overlay_replace(struct bp_overlay *to, const struct bp_overlay *from)
{
	struct bp_overlay copy;
	int r = bp_overlay_copy(from, &copy);
	if (r < 0)
		return r;
	bp_overlay_deinit(to);
	*to = copy;
	return 0;
}

int bp_server_keep(struct bp_server *s)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = overlay_replace(&s->kept, &s->contents.overlay);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int bp_server_restore(struct bp_server *s)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? -EBUSY : overlay_replace(&s->contents.overlay, &s->kept);
	if (r == 0)
		s->broken = 0; /* nothing of what failed is left */
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int bp_server_save_image(struct bp_server *s, const char *medium, const char *path)
{
	int m = bp_media_find(s->layout, medium);
	if (m < 0)
		return -ENOENT;
	(void)pthread_mutex_lock(&s->lock);
	int r = bp_contents_save(&s->contents, (unsigned)m, path);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int bp_server_save_dm(struct bp_server *s, const char *path)
{
	char detail[160];
	(void)pthread_mutex_lock(&s->lock);
	int r = bp_log_export_dm(s->log, path, detail, sizeof detail);
	(void)pthread_mutex_unlock(&s->lock);
	return r > 0 ? -EINVAL : r;
}
