/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LOG_LOG_PRIVATE_H
#define POWER_CUT_LOG_LOG_PRIVATE_H

#include "power-cut/log.h"

/* The inside of a log, for the files of this folder. */
struct yp_log {
	struct yp_layout layout;
	struct yp_pool *pool;
	struct yp_entry *entries;
	size_t count, room;
	uint32_t *contents;
	size_t contents_count, contents_room;
	char *text;
	size_t text_bytes, text_room;
};

/* For readers of files: contents first, then the write that has them. */
int yp_log_content_add(struct yp_log *log, uint32_t id) __attribute__((warn_unused_result));
int yp_log_write_ids(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors, uint64_t first_content,
		     bool fua) __attribute__((warn_unused_result));

#endif
