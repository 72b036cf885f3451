/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes of files, and names made durable. */
#include "base/file-io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int ota_fd_write(int fd, const uint8_t *data, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t n = write(fd, data, size_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

int ota_fd_read(int fd, uint8_t *out, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t n = read(fd, out, size_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		out += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

int ota_directory_sync(const char *path)
{
	char copy[PATH_MAX];
	int n = snprintf(copy, sizeof copy, "%s", path);
	if (n < 0 || (size_t)n >= sizeof copy)
		return -ENAMETOOLONG;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int result = fsync(fd) ? -errno : 0;
	if (close(fd) && !result)
		result = -errno;
	return result;
}
