/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_MEDIA_CONTENTS_H
#define POWER_CUT_SERVER_MEDIA_CONTENTS_H

#include "power-cut/explore.h"
#include "server/overlay.h"

/* The file below a medium, from a byte on; read-only, zeros behind its end. fd -1: all zeros. */
struct yp_base {
	int fd;
	uint64_t offset;
};

/* What is on the media: base files, never written to, and an overlay. All borrowed but the overlay. */
struct yp_contents {
	const struct yp_layout *layout;
	struct yp_pool *pool;
	const struct yp_base *bases; /* one a medium */
	struct yp_overlay overlay;
	struct yp_overlay *known; /* ids of base sectors that were looked at before; NULL: they are read each time */
};

int yp_contents_read(const struct yp_contents *contents, unsigned medium, uint64_t sector, uint32_t sectors, void *out)
    __attribute__((warn_unused_result));
/* Takes over what a log's write or discard did. */
int yp_contents_take(struct yp_contents *contents, const struct yp_log *log, const struct yp_entry *entry)
    __attribute__((warn_unused_result));
/* All of a log, as if durable; or what a cut leaves of it. -EINVAL: the log's media are others. */
int yp_contents_apply(struct yp_contents *contents, const struct yp_log *log) __attribute__((warn_unused_result));
int yp_contents_crash(struct yp_contents *contents, const struct yp_log *log, const struct yp_cut *cut)
    __attribute__((warn_unused_result));
/* The same in two halves: an image that is right wherever the log writes, and back from it. */
int yp_contents_image(const struct yp_contents *contents, const struct yp_log *log, struct yp_image **out)
    __attribute__((warn_unused_result));
int yp_contents_from_image(struct yp_contents *contents, const struct yp_log *log, const struct yp_image *image)
    __attribute__((warn_unused_result));
/* A hash of a medium, equal for equal contents in every process. */
int yp_contents_digest(const struct yp_contents *contents, unsigned medium, struct yp_hash *out)
    __attribute__((warn_unused_result));
/* A medium as a sparse file, durable. */
int yp_contents_save(const struct yp_contents *contents, unsigned medium, const char *path)
    __attribute__((warn_unused_result));

#endif
