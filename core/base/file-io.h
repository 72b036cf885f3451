/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_FILE_IO_H
#define CORE_BASE_FILE_IO_H

#include <stddef.h>
#include <stdint.h>

/* Files, whole: short reads and writes and EINTR are dealt with here. All return 0 or -errno. */

/* Writes all of it at the file's position. */
int ota_fd_write(int fd, const uint8_t *data, size_t size_bytes) __attribute__((warn_unused_result));
/* Reads exactly size_bytes from the file's position; -ENODATA if the file ends before. */
int ota_fd_read(int fd, uint8_t *out, size_t size_bytes) __attribute__((warn_unused_result));
/* Makes names in the directory of `path` durable: a file that was made or renamed there. */
int ota_directory_sync(const char *path) __attribute__((warn_unused_result));

#endif
