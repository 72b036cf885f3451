/* SPDX-License-Identifier: Apache-2.0 */
/* Block devices and regular files as an ota_block: see linux.h for what it promises. */
#define _GNU_SOURCE /* O_DIRECT, fallocate() */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file-io.h"
#include "ota/linux.h"

#define FILE_ALIGN_BYTES  4096u /* memory of direct I/O; enough for every device */
#define FILE_SECTOR_BYTES 512u
#define FILE_LARGE_BYTES  (128u * 1024u)

struct ota_file {
	pthread_mutex_t mutex; /* the writer's thread and a reader's may meet */
	int fd;                /* through the page cache; claims the device */
	int direct_fd;         /* past it; -1: not possible here */
	int failed;            /* a deferred write or a flush failed: all later flushes do */
	bool writable;
	struct ota_stop *stop;
	void (*wrote)(void *ctx, size_t size_bytes);
	void *wrote_ctx;
	uint8_t *buffer; /* OTA_FILE_JOIN_BYTES, aligned; also the bounce buffer of direct reads */
	uint64_t join_offset;
	size_t join_bytes; /* in buffer, not yet sent */
};

static bool is_aligned(const void *memory)
{
	return (uintptr_t)memory % FILE_ALIGN_BYTES == 0;
}

static int need_buffer(struct ota_file *file)
{
	void *memory = NULL;

	if (file->buffer != NULL)
		return 0;
	if (posix_memalign(&memory, FILE_ALIGN_BYTES, OTA_FILE_JOIN_BYTES) != 0)
		return -ENOMEM;
	file->buffer = memory;
	return 0;
}

/* All of it or an error; a count of zero is the medium's end, where there should be none. */
static int pread_all(int fd, uint64_t offset, uint8_t *out, size_t size)
{
	while (size > 0) {
		ssize_t count = pread(fd, out, size, (off_t)offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		out += count;
		offset += (uint64_t)count;
		size -= (size_t)count;
	}
	return 0;
}

static int pwrite_all(int fd, uint64_t offset, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t count = pwrite(fd, data, size, (off_t)offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		data += count;
		offset += (uint64_t)count;
		size -= (size_t)count;
	}
	return 0;
}

/* Some file systems take O_DIRECT at open and refuse it later, or only from some alignment on: then the page cache
 * serves. */
static void give_up_direct(struct ota_file *file)
{
	(void)close(file->direct_fd); /* direct: nothing is held back in it */
	file->direct_fd = -1;
}

static int write_out(struct ota_file *file, uint64_t offset, const uint8_t *data, size_t size)
{
	int result;

	if (file->direct_fd >= 0 && is_aligned(data)) {
		result = pwrite_all(file->direct_fd, offset, data, size);
		if (result != -EINVAL)
			return result;
		give_up_direct(file);
	}
	return pwrite_all(file->fd, offset, data, size);
}

static int write_joined(struct ota_file *file)
{
	int result;

	if (file->join_bytes == 0)
		return 0;
	result = write_out(file, file->join_offset, file->buffer, file->join_bytes);
	file->join_bytes = 0;
	if (result != 0)
		file->failed = result;
	return result;
}

/* Large and aligned, as a stream's are: sent as they are, for a copy would only cost. */
static bool is_ready(const struct ota_file *file, const uint8_t *data, size_t size)
{
	return file->direct_fd >= 0 && size >= FILE_LARGE_BYTES && is_aligned(data);
}

/* Joins end at multiples of OTA_FILE_JOIN_BYTES, so that the device sees large aligned writes. */
static int join_write(struct ota_file *file, uint64_t offset, const uint8_t *data, size_t size)
{
	bool ready = is_ready(file, data, size);
	int result = 0;

	if (file->join_bytes > 0 && (ready || offset != file->join_offset + file->join_bytes))
		result = write_joined(file);
	if (result == 0 && ready)
		return write_out(file, offset, data, size);
	if (result == 0)
		result = need_buffer(file);
	while (result == 0 && size > 0) {
		size_t room = OTA_FILE_JOIN_BYTES - (size_t)(offset % OTA_FILE_JOIN_BYTES);
		size_t part = size < room ? size : room;

		if (file->join_bytes == 0)
			file->join_offset = offset;
		memcpy(file->buffer + file->join_bytes, data, part);
		file->join_bytes += part;
		data += part;
		offset += part;
		size -= part;
		if (part == room)
			result = write_joined(file);
	}
	return result;
}

static int file_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	struct ota_file *file = dev;
	int result;

	if (!file->writable)
		return -EROFS;
	if (file->stop != NULL && ota_stop_requested(file->stop))
		return -EINTR;
	pthread_mutex_lock(&file->mutex);
	result = join_write(file, offset_bytes, data, size_bytes);
	pthread_mutex_unlock(&file->mutex);
	if (result == 0 && file->wrote != NULL)
		file->wrote(file->wrote_ctx, size_bytes);
	return result;
}

static int file_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct ota_file *file = dev;
	int result;

	pthread_mutex_lock(&file->mutex);
	result = write_joined(file);
	if (result == 0)
		result = pread_all(file->fd, offset_bytes, out, size_bytes);
	pthread_mutex_unlock(&file->mutex);
	return result;
}

/* Through the bounce buffer unless the caller's memory suits. */
static int read_direct(struct ota_file *file, uint64_t offset, uint8_t *out, size_t size)
{
	int result = 0;

	if (is_aligned(out))
		return pread_all(file->direct_fd, offset, out, size);
	result = need_buffer(file);
	while (result == 0 && size > 0) {
		size_t part = size < OTA_FILE_JOIN_BYTES ? size : OTA_FILE_JOIN_BYTES;

		result = pread_all(file->direct_fd, offset, file->buffer, part);
		if (result == 0)
			memcpy(out, file->buffer, part);
		out += part;
		offset += part;
		size -= part;
	}
	return result;
}

static int file_read_uncached(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct ota_file *file = dev;
	int result;

	pthread_mutex_lock(&file->mutex);
	result = write_joined(file);
	if (result == 0 && file->direct_fd >= 0) {
		result = read_direct(file, offset_bytes, out, size_bytes);
		if (result != -EINVAL)
			goto unlock;
		give_up_direct(file);
		result = 0;
	}
	/* The kernel drops clean pages only: make them clean, drop them, and the read goes to the medium. */
	if (result == 0 && file->writable && fdatasync(file->fd) != 0) {
		result = -errno;
		file->failed = result;
	}
	if (result == 0)
		result = -posix_fadvise(file->fd, (off_t)offset_bytes, (off_t)size_bytes, POSIX_FADV_DONTNEED);
	if (result == 0)
		result = pread_all(file->fd, offset_bytes, out, size_bytes);
unlock:
	pthread_mutex_unlock(&file->mutex);
	return result;
}

static int file_flush(void *dev)
{
	struct ota_file *file = dev;
	int result;

	pthread_mutex_lock(&file->mutex);
	result = write_joined(file);
	if (result == 0 && file->failed != 0)
		result = file->failed;
	/* One fdatasync() serves both descriptors: it writes back the file's pages and flushes the device's cache. */
	if (result == 0 && file->writable && fdatasync(file->fd) != 0) {
		result = -errno;
		file->failed = result;
	}
	pthread_mutex_unlock(&file->mutex);
	return result;
}

static const struct ota_block_ops file_ops = {
    .read = file_read,
    .read_uncached = file_read_uncached,
    .write = file_write,
    .flush = file_flush,
};

static int measure_block(int fd, const struct stat *status, struct ota_block *block)
{
	uint64_t size_bytes = 0;
	int sector_bytes = 0;

	if (!S_ISBLK(status->st_mode)) {
		block->block_bytes = FILE_SECTOR_BYTES;
		block->size_bytes = (uint64_t)status->st_size;
	} else {
		if (ioctl(fd, BLKGETSIZE64, &size_bytes) != 0 || ioctl(fd, BLKSSZGET, &sector_bytes) != 0)
			return -errno;
		block->block_bytes = sector_bytes < (int)FILE_SECTOR_BYTES ? FILE_SECTOR_BYTES : (uint32_t)sector_bytes;
		block->size_bytes = size_bytes;
	}
	block->size_bytes -= block->size_bytes % block->block_bytes;
	return 0;
}

/* The second descriptor must be of the same device or file: the name may have been given to another in between. */
static int open_direct(const char *path, int access, const struct stat *like)
{
	struct stat status;
	int fd = open(path, access | O_DIRECT | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && status.st_dev == like->st_dev && status.st_ino == like->st_ino &&
	    status.st_rdev == like->st_rdev)
		return fd;
	(void)close(fd);
	return -1;
}

int ota_file_open(const char *path, const struct ota_file_options *options, struct ota_file **out,
		  struct ota_block *block)
{
	bool writable = (options->flags & OTA_FILE_WRITE) != 0;
	int access = writable ? O_RDWR : O_RDONLY;
	struct ota_file *file;
	struct stat status;
	int result = 0;

	assert(path && options && out && block);
	if (stat(path, &status) != 0)
		return -errno;
	if (!S_ISBLK(status.st_mode) && !S_ISREG(status.st_mode))
		return -ENOTSUP;
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		return -ENOMEM;
	pthread_mutex_init(&file->mutex, NULL);
	file->direct_fd = -1;
	file->writable = writable;
	file->stop = options->stop;
	file->wrote = options->wrote;
	file->wrote_ctx = options->wrote_ctx;
	if (S_ISBLK(status.st_mode) && (options->flags & OTA_FILE_EXCLUSIVE) != 0)
		file->fd = open(path, access | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	else
		file->fd = open(path, access | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, &status) != 0) {
		result = -errno;
		goto out;
	}
	result = measure_block(file->fd, &status, block);
	if (result == 0 && options->size_bytes > block->size_bytes)
		result = -ENOSPC;
	if (result != 0)
		goto out;
	if (options->size_bytes > 0)
		block->size_bytes = options->size_bytes;
	file->direct_fd = open_direct(path, access, &status);
	block->ops = &file_ops;
	block->dev = file;
	block->name = path;
out:
	if (result != 0)
		ota_file_close(file);
	else
		*out = file;
	return result;
}

void ota_file_close(struct ota_file *file)
{
	if (file == NULL)
		return;
	/* What matters was flushed, with its result checked, before. */
	if (file->direct_fd >= 0)
		(void)close(file->direct_fd);
	if (file->fd >= 0)
		(void)close(file->fd);
	pthread_mutex_destroy(&file->mutex);
	free(file->buffer);
	free(file);
}

int ota_file_create(const char *path, uint64_t size_bytes)
{
	struct stat status;
	char temporary[OTA_PATH_MAX + 8];
	int result = 0;
	int fd;

	if (stat(path, &status) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	/* Made whole under another name: a cut leaves no file that is too short. */
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	result = -posix_fallocate(fd, 0, (off_t)size_bytes);
	if (result == 0 && fsync(fd) != 0)
		result = -errno;
	if (close(fd) != 0 && result == 0)
		result = -errno;
	if (result == 0 && rename(temporary, path) != 0)
		result = -errno;
	if (result == 0)
		result = ota_directory_sync(path);
	if (result != 0)
		(void)unlink(temporary);
	return result;
}
