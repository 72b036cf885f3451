/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SRC_LOG_FILE_H
#define POWER_CUT_SRC_LOG_FILE_H

#include "log.h"

/* What both of our formats, the file (log-file.c) and the stream (log-stream.c), have in common. */
#define BP_FILE_MEDIUM_BYTES 48u
#define BP_FILE_ENTRY_BYTES  48u

void bp_file_medium_put(uint8_t bytes[BP_FILE_MEDIUM_BYTES], const struct bp_medium *medium);
/* NULL, or what is wrong with them. */
const char *bp_file_media_get(const uint8_t *bytes, unsigned count, struct bp_layout *layout);
void bp_file_entry_put(uint8_t bytes[BP_FILE_ENTRY_BYTES], const struct bp_entry *e);
/* Adds the entry to a log that has its contents already. 0, 1 = malformed, or -errno. */
int bp_file_entry_get(const uint8_t *bytes, const uint8_t *text, size_t text_bytes, struct bp_log *log)
    __attribute__((warn_unused_result));

extern const char bp_stream_magic[8];
int bp_stream_parse(const uint8_t *bytes, size_t size, struct bp_pool *pool, struct bp_log **out, char *detail,
		    size_t detail_bytes) __attribute__((warn_unused_result));

#endif
