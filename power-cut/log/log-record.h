/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_LOG_LOG_RECORD_H
#define POWER_CUT_LOG_LOG_RECORD_H

#include "log/log-private.h"

/* What both of our formats, the file (log-file.c) and the stream (log-stream.c), have in common. */
#define YP_FILE_MEDIUM_BYTES 48u
#define YP_FILE_ENTRY_BYTES  48u

void yp_file_medium_put(uint8_t bytes[YP_FILE_MEDIUM_BYTES], const struct yp_medium *medium);
/* NULL, or what is wrong with them. */
const char *yp_file_media_get(const uint8_t *bytes, unsigned count, struct yp_layout *layout);
void yp_file_entry_put(uint8_t bytes[YP_FILE_ENTRY_BYTES], const struct yp_entry *e);
/* Adds the entry to a log that has its contents already. 0, 1 = malformed, or -errno. */
int yp_file_entry_get(const uint8_t *bytes, const uint8_t *text, size_t text_bytes, struct yp_log *log)
    __attribute__((warn_unused_result));

#endif
