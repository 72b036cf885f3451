/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a device. Its creator holds a lock on it, which ends with the process. A directory without a lock is
 * left from a killed campaign, and is removed at the next start.
 */
#define _GNU_SOURCE /* nftw */
#include "network/zoo-home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/network.h"

#define HOME_PREFIX    "yankproof-net-"
#define HOME_TRIES_MAX 8u /* a sweep may come between its making and its lock */
#define SWEEP_MAX      4096u
#define WALK_FDS       8

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	(void)status;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Takes the lock of a directory that is still there. The descriptor, or -errno. */
static int lock_path(const char *path, int how)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (flock(fd, how) != 0 || fstat(fd, &status) != 0)
		result = -errno;
	else if (status.st_nlink == 0)
		result = -ENOENT;
	if (result != 0)
		(void)close(fd);
	return result != 0 ? result : fd;
}

int yp_network_home_make(const char *base, char *dir, size_t dir_bytes, int *lock)
{
	*lock = -ENOENT;
	for (unsigned i = 0; i < HOME_TRIES_MAX && *lock == -ENOENT; i++) {
		if (snprintf(dir, dir_bytes, "%s/" HOME_PREFIX "XXXXXX", base) >= (int)dir_bytes) {
			dir[0] = '\0';
			return -ENAMETOOLONG;
		}
		if (!mkdtemp(dir)) {
			dir[0] = '\0';
			return -errno;
		}
		*lock = lock_path(dir, LOCK_EX);
	}
	return *lock < 0 ? *lock : 0;
}

void yp_network_home_remove(const char *dir, int lock)
{
	if (dir[0] != '\0')
		(void)nftw(dir, remove_one, WALK_FDS, FTW_DEPTH | FTW_PHYS);
	if (lock >= 0)
		(void)close(lock);
}

void yp_network_sweep(const char *base)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	if (!base)
		base = yp_network_home_base();
	dir = opendir(base);
	for (unsigned i = 0; dir && i < SWEEP_MAX && (entry = readdir(dir)) != NULL; i++) {
		if (strncmp(entry->d_name, HOME_PREFIX, strlen(HOME_PREFIX)) != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", base, entry->d_name) >= (int)sizeof(path))
			continue;
		int lock = lock_path(path, LOCK_EX | LOCK_NB);

		if (lock >= 0)
			yp_network_home_remove(path, lock);
	}
	if (dir)
		(void)closedir(dir);
}

const char *yp_network_home_base(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}
