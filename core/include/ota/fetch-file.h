/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_FETCH_FILE_H
#define OTA_FETCH_FILE_H

#include <stdbool.h>

#include "ota/fetch.h"

/*
 * The fetch seam over regular files: url is a path. etag is "dev-ino-size-mtime" (mtime to the nanosecond), so that a
 * replaced or rewritten file counts as changed. post() is refused with OTA_BAD_CONFIG.
 *
 * get() returns 0, -errno (ENOENT, EACCES, EIO ...), -EINVAL for anything but a regular file, OTA_NOTHING_TO_DO,
 * OTA_HTTP_RANGE (beyond the end, or if_range does not hold), OTA_SHORT_BODY (the file shrank meanwhile), -EINTR, or
 * what head() or body() said.
 */
struct ota_fetch_file;

/* stop as in fetch-curl.h, polled for every block; may be NULL. 0 or -ENOMEM. */
int ota_fetch_file_new(bool (*stop)(void *ctx), void *stop_ctx, struct ota_fetch_file **out, struct ota_fetch *fetch)
    __attribute__((warn_unused_result));
void ota_fetch_file_free(struct ota_fetch_file *file);

#endif
