/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock that allows one run of the updater at a time. The kernel holds it (flock on an open file): it ends with its
 * process. The pid in the file is for people. The file is never removed, or a second process could hold the lock on a
 * name that is gone.
 */
#define _GNU_SOURCE /* O_NOFOLLOW and flock() together */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ota/linux.h"

struct ota_lock {
	int fd;
};

static long read_pid(int fd)
{
	char text[24] = {0};
	ssize_t count = pread(fd, text, sizeof(text) - 1, 0);

	return count > 0 ? strtol(text, NULL, 10) : 0;
}

int ota_lock_take(const char *path, struct ota_lock **out, long *holder)
{
	struct ota_lock *lock = calloc(1, sizeof(*lock));
	char text[24];
	int result = 0;
	int length;

	*holder = 0;
	if (lock == NULL)
		return -ENOMEM;
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (lock->fd < 0) {
		result = -errno;
		goto out;
	}
	if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
		result = errno == EWOULDBLOCK ? OTA_BUSY : -errno;
		if (result == OTA_BUSY)
			*holder = read_pid(lock->fd);
		goto out;
	}
	length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(lock->fd, 0) != 0 || pwrite(lock->fd, text, (size_t)length, 0) != length)
		result = errno != 0 ? -errno : -EIO;
out:
	if (result != 0)
		ota_lock_release(lock);
	else
		*out = lock;
	return result;
}

void ota_lock_release(struct ota_lock *lock)
{
	if (lock == NULL)
		return;
	if (lock->fd >= 0)
		(void)close(lock->fd); /* lets go of the lock; its contents do not matter */
	free(lock);
}
