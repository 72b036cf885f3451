/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read into memory, or written and made durable. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/bytes.h"

#define FILE_BYTES_MAX ((off_t)1 << 34)

static int read_all(int fd, uint8_t *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, bytes + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* shrank under our hands */
		done += (size_t)n;
	}
	return 0;
}

int yp_file_read(const char *path, uint8_t **bytes, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && st.st_size > FILE_BYTES_MAX)
		r = -EFBIG;
	*bytes = NULL;
	if (r == 0) {
		*size = (size_t)st.st_size;
		*bytes = malloc(*size + 1);
		r = *bytes ? read_all(fd, *bytes, *size) : -ENOMEM;
	}
	(void)close(fd);
	if (r < 0) {
		free(*bytes);
		*bytes = NULL;
	}
	return r;
}

int yp_file_create(struct yp_file *file, const char *path)
{
	*file = (struct yp_file){.path = path, .stream = fopen(path, "wbe")};
	return file->stream ? 0 : -errno;
}

void yp_file_add(struct yp_file *file, const void *bytes, size_t size)
{
	if (file->error == 0 && size > 0 && fwrite(bytes, 1, size, file->stream) != size)
		file->error = errno ? -errno : -EIO;
}

int yp_file_close(struct yp_file *file)
{
	int r = file->error;
	struct stat st;
	bool regular = fstat(fileno(file->stream), &st) == 0 && S_ISREG(st.st_mode);
	if (r == 0 && fflush(file->stream) != 0)
		r = -errno;
	if (r == 0 && fsync(fileno(file->stream)) < 0 && errno != EINVAL && errno != EROFS)
		r = -errno; /* a pipe cannot be made durable */
	if (fclose(file->stream) != 0 && r == 0)
		r = -errno;
	/* A partial file is removed; a device or a pipe existed before, and stays. */
	if (r < 0 && regular)
		(void)unlink(file->path);
	return r;
}
