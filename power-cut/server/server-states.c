/* SPDX-License-Identifier: Apache-2.0 */
/* Media while the power is off: set from logs, restored to the start, saved to files. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/format-detail.h"
#include "server/block-server-private.h"

static bool same_file(const struct yp_kept_log *kept, const char *path, const struct stat *file)
{
	return kept->log && strcmp(kept->path, path) == 0 && kept->device == file->st_dev &&
	       kept->inode == file->st_ino && kept->size == file->st_size &&
	       kept->changed.tv_sec == file->st_mtim.tv_sec && kept->changed.tv_nsec == file->st_mtim.tv_nsec;
}

static void kept_free(struct yp_kept_log *kept)
{
	yp_log_free(kept->log);
	free(kept->path);
	*kept = (struct yp_kept_log){0};
}

void yp_server_logs_free(struct yp_server *s)
{
	for (unsigned i = 0; i < YP_LOGS_KEPT_MAX; i++)
		kept_free(&s->logs[i]);
}

/* The log at path, loaded before or now: many states of one long log are requested in turn. */
static int find_log(struct yp_server *s, const char *path, const struct yp_log **out, char *detail, size_t detail_bytes)
{
	struct yp_kept_log *oldest = &s->logs[0];
	struct stat file;
	if (stat(path, &file) < 0)
		return -errno;
	for (unsigned i = 0; i < YP_LOGS_KEPT_MAX; i++) {
		struct yp_kept_log *kept = &s->logs[i];
		if (same_file(kept, path, &file)) {
			kept->used = ++s->uses;
			yp_detail(detail, detail_bytes, "%s", kept->open_ended ? "is open-ended" : "");
			*out = kept->log;
			return 0;
		}
		if (kept->used < oldest->used)
			oldest = kept;
	}
	kept_free(oldest);
	int r = yp_log_load(path, s->pool, &oldest->log, detail, detail_bytes);
	if (r != 0) {
		oldest->log = NULL;
		return r;
	}
	oldest->path = strdup(path);
	if (!oldest->path) {
		kept_free(oldest);
		return -ENOMEM;
	}
	oldest->device = file.st_dev;
	oldest->inode = file.st_ino;
	oldest->size = file.st_size;
	oldest->changed = file.st_mtim;
	oldest->open_ended = *detail != 0;
	oldest->used = ++s->uses;
	*out = oldest->log;
	return 0;
}

int yp_server_load(struct yp_server *s, const char *path, const struct yp_cut *cut, char *detail, size_t detail_bytes)
{
	assert(s && path);
	const struct yp_log *log = NULL;
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? -EBUSY : find_log(s, path, &log, detail, detail_bytes);
	if (r == 0) {
		r = cut ? yp_contents_crash(&s->contents, log, cut) : yp_contents_apply(&s->contents, log);
		if (r == -EINVAL)
			yp_detail(detail, detail_bytes, "has other media, or does not have that cut");
	} else if (r == -EBUSY) {
		yp_detail(detail, detail_bytes, "the power is on");
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

static int overlay_replace(struct yp_overlay *to, const struct yp_overlay *from)
{
	struct yp_overlay copy;
	int r = yp_overlay_copy(from, &copy);
	if (r < 0)
		return r;
	yp_overlay_deinit(to);
	*to = copy;
	return 0;
}

int yp_server_keep(struct yp_server *s)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = overlay_replace(&s->kept, &s->contents.overlay);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_restore(struct yp_server *s)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = s->on ? -EBUSY : overlay_replace(&s->contents.overlay, &s->kept);
	if (r == 0)
		s->broken = 0; /* nothing of what failed is left */
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_save_image(struct yp_server *s, const char *medium, const char *path)
{
	assert(s && medium && path);
	int m = yp_media_find(s->layout, medium);
	if (m < 0)
		return -ENOENT;
	(void)pthread_mutex_lock(&s->lock);
	int r = yp_contents_save(&s->contents, (unsigned)m, path);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_digest(struct yp_server *s, const char *medium, struct yp_hash *out)
{
	assert(s && medium && out);
	int m = yp_media_find(s->layout, medium);
	if (m < 0)
		return -ENOENT;
	(void)pthread_mutex_lock(&s->lock);
	uint64_t submit_ns = yp_server_now(s);
	int r = yp_contents_digest(&s->contents, (unsigned)m, out);
	if (r == 0 && s->on) {
		r = yp_log_read(s->log, (unsigned)m, 0, (uint32_t)s->layout->media[m].sectors);
		if (r == 0)
			r = yp_server_logged(s, submit_ns);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

int yp_server_save_dm(struct yp_server *s, const char *path)
{
	char detail[160];
	(void)pthread_mutex_lock(&s->lock);
	int r = yp_log_export_dm(s->log, path, detail, sizeof detail);
	(void)pthread_mutex_unlock(&s->lock);
	return r > 0 ? -EINVAL : r;
}
