/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LOG_H
#define POWER_CUT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/storage-model.h"

#define YP_SECTOR_BYTES 512u
#define YP_MEDIA_MAX    16u
#define YP_NAME_MAX     32u
/* 2 TiB a medium: the limit of 32-bit content ids and of a usual machine's memory. */
#define YP_MEDIUM_SECTORS_MAX (UINT64_C(1) << 32)
#define YP_MARK_BYTES_MAX     1024u /* with its 0 */

struct yp_medium {
	char name[YP_NAME_MAX];
	uint64_t sectors;
	enum yp_model model;
	bool bulk; /* contiguous ascending writes in one epoch are one chain */
};

/* The media of a subject. Sector addresses below are per medium. */
struct yp_layout {
	unsigned count;
	struct yp_medium media[YP_MEDIA_MAX];
};

/* Has every medium a name that ends, a size in bounds and a known model, and is there at least one? */
bool yp_layout_valid(const struct yp_layout *layout);
/* Have both as many media, of the same sizes? Names, models and bulk may differ. */
bool yp_layout_same_media(const struct yp_layout *x, const struct yp_layout *y);

enum yp_op { YP_WRITE = 1, YP_READ, YP_FLUSH, YP_DISCARD, YP_MARK };

enum yp_mark_kind {
	YP_MARK_STEP,  /* text: the subject's own name for what it does from here on; roles.h makes phases of it */
	YP_MARK_WORLD, /* something the outside saw and will not forget, such as a delivered report */
	YP_MARK_NOTE   /* for people */
};

/* One event. submit/complete: positions or nanoseconds, depending on the recorder; order is completion order. */
struct yp_entry {
	enum yp_op op;
	uint16_t medium;
	bool fua;      /* durable by itself once complete */
	bool internal; /* a read of a sector that this run itself wrote before: not a dependency */
	enum yp_mark_kind kind;
	uint64_t sector;
	uint32_t sectors;
	uint64_t submit_ns, complete_ns;
	uint64_t data; /* WRITE: index of the first of `sectors` contents; see yp_log_content() */
	uint32_t text; /* MARK: see yp_log_text() */
};

/*
 * A write log: entries in order, and the contents written, interned by SHA-256-strength hash: equal sectors are stored
 * once and have equal ids. Several logs may share one pool. Not thread-safe.
 */
struct yp_pool;
int yp_pool_new(struct yp_pool **out) __attribute__((warn_unused_result));
void yp_pool_free(struct yp_pool *pool);
/* Interns one sector; id 0 is the all-zero sector. 0 or -ENOMEM. */
int yp_pool_intern(struct yp_pool *pool, const uint8_t sector[YP_SECTOR_BYTES], uint32_t *id)
    __attribute__((warn_unused_result));
const uint8_t *yp_pool_sector(const struct yp_pool *pool, uint32_t id);
/* A well-mixed 64-bit hash of the content behind id, the same in every process and run. */
uint64_t yp_pool_hash(const struct yp_pool *pool, uint32_t id);

struct yp_log;
int yp_log_new(const struct yp_layout *layout, struct yp_pool *pool, struct yp_log **out)
    __attribute__((warn_unused_result));
void yp_log_free(struct yp_log *log);
void yp_log_clear(struct yp_log *log);
int yp_log_write(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors, const void *data, bool fua)
    __attribute__((warn_unused_result));
/* The same with zeros as data. */
int yp_log_write_zeros(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors, bool fua)
    __attribute__((warn_unused_result));
int yp_log_read(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors)
    __attribute__((warn_unused_result));
int yp_log_flush(struct yp_log *log, unsigned medium) __attribute__((warn_unused_result));
int yp_log_discard(struct yp_log *log, unsigned medium, uint64_t sector, uint32_t sectors)
    __attribute__((warn_unused_result));
int yp_log_mark(struct yp_log *log, enum yp_mark_kind kind, const char *text) __attribute__((warn_unused_result));
/* When the last entry was submitted and completed. Without it both are the entry's index. One clock per log, in any
 * unit: a flush makes durable the writes that were complete when it was submitted, and a write submitted before a cut
 * may survive it although it was logged later. */
void yp_log_times(struct yp_log *log, uint64_t submit_ns, uint64_t complete_ns);
size_t yp_log_count(const struct yp_log *log);
const struct yp_entry *yp_log_entry(const struct yp_log *log, size_t i);
uint32_t yp_log_content(const struct yp_log *log, const struct yp_entry *write,
			uint32_t k); /* content id of its k-th sector */
const char *yp_log_text(const struct yp_log *log, const struct yp_entry *mark);
const struct yp_layout *yp_log_layout(const struct yp_log *log);
/* Takes over the storage models (and bulk) of a layout with the same media. -EINVAL: it has others. */
int yp_log_take_models(struct yp_log *log, const struct yp_layout *layout) __attribute__((warn_unused_result));
/* A medium without a cache: what it acknowledged is durable. All its writes become FUA. */
void yp_log_write_through(struct yp_log *log, unsigned medium);
/* The text of the last YP_MARK_STEP at or before entry i, "" before the first: the subject's own name, such as "S06".
 */
const char *yp_log_step(const struct yp_log *log, size_t i);

/*
 * dm-log-writes (Linux, drivers/md/dm-log-writes.c): magic 0x6a736677736872, version 1. One log covers all media laid
 * end to end in layout order (4096-byte aligned); marks map to LOG_MARK_FLAG; reads and step kinds cannot be expressed
 * and are dropped on export; on import a mark that looks like a step id ("S06", "R2") is a step, any other a note. FUA
 * is kept. The format's flush is for the whole device: ours carries the last sector of its medium, so that import takes
 * it back; other readers assume more durability across media than there is. *detail gets one clause on bad input. 0,
 * -errno, or 1 = malformed.
 */
int yp_log_export_dm(const struct yp_log *log, const char *path, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
int yp_log_import_dm(const char *path, const struct yp_layout *layout, struct yp_pool *pool, struct yp_log **out,
		     char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* Our own format, complete (reads, marks, contents). Same returns. */
int yp_log_save(const struct yp_log *log, const char *path) __attribute__((warn_unused_result));
int yp_log_load(const char *path, struct yp_pool *pool, struct yp_log **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/*
 * The same as a stream, for a recorder that may be killed at any time: entries are appended as they happen, and
 * whatever is on the disk is a log, the prefix that was written. yp_log_load() reads both. A log without its last
 * record was not closed: *detail then says so although the result is 0, and is "" otherwise.
 */
struct yp_stream;
int yp_stream_open(const char *path, const struct yp_layout *layout, struct yp_stream **out)
    __attribute__((warn_unused_result));
/* Appends what the log has beyond what was appended before; one log and pool a stream. Handed to the kernel on return,
 * durable (fsync) after yp_stream_close(). */
int yp_stream_append(struct yp_stream *stream, const struct yp_log *log) __attribute__((warn_unused_result));
int yp_stream_close(struct yp_stream *stream) __attribute__((warn_unused_result)); /* frees it; NULL is fine */

/* The same from memory, for a file that is already there. */
int yp_log_parse(const void *bytes, size_t size_bytes, struct yp_pool *pool, struct yp_log **out, char *detail,
		 size_t detail_bytes) __attribute__((warn_unused_result));
int yp_log_parse_dm(const void *bytes, size_t size_bytes, const struct yp_layout *layout, struct yp_pool *pool,
		    struct yp_log **out, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

#endif
