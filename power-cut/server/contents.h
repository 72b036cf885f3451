/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_CONTENTS_H
#define POWER_CUT_SERVER_CONTENTS_H

#include "overlay.h"
#include "power-cut/explore.h"

/* The file below a medium, from a byte on; read-only, zeros behind its end. fd -1: all zeros. */
struct bp_base {
	int fd;
	uint64_t offset;
};

/* What is on the media: base files, never written to, and an overlay. All borrowed but the overlay. */
struct bp_contents {
	const struct bp_layout *layout;
	struct bp_pool *pool;
	const struct bp_base *bases; /* one a medium */
	struct bp_overlay overlay;
	struct bp_overlay *known; /* ids of base sectors that were looked at before; NULL: they are read each time */
};

int bp_contents_read(const struct bp_contents *contents, unsigned medium, uint64_t sector, uint32_t sectors, void *out)
    __attribute__((warn_unused_result));
/* Takes over what a log's write or discard did. */
int bp_contents_take(struct bp_contents *contents, const struct bp_log *log, const struct bp_entry *entry)
    __attribute__((warn_unused_result));
/* All of a log, as if durable; or what a cut leaves of it. -EINVAL: the log's media are others. */
int bp_contents_apply(struct bp_contents *contents, const struct bp_log *log) __attribute__((warn_unused_result));
int bp_contents_crash(struct bp_contents *contents, const struct bp_log *log, const struct bp_cut *cut)
    __attribute__((warn_unused_result));
/* The same in two halves: an image that is right wherever the log writes, and back from it. */
int bp_contents_image(const struct bp_contents *contents, const struct bp_log *log, struct bp_image **out)
    __attribute__((warn_unused_result));
int bp_contents_from_image(struct bp_contents *contents, const struct bp_log *log, const struct bp_image *image)
    __attribute__((warn_unused_result));
/* A hash of a medium, equal for equal contents in every process. */
int bp_contents_digest(const struct bp_contents *contents, unsigned medium, struct bp_hash *out)
    __attribute__((warn_unused_result));
/* A medium as a sparse file, durable. */
int bp_contents_save(const struct bp_contents *contents, unsigned medium, const char *path)
    __attribute__((warn_unused_result));

#endif
