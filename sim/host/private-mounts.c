/* SPDX-License-Identifier: Apache-2.0 */
/* A mount namespace of our own, and the folder in it. */
#define _GNU_SOURCE /* unshare */
#include "host/private-mounts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format-detail.h"

#define ENTER_TRIES 16u

/* Opens and locks the folder. Another run that ends may remove it in between: then it is made again. */
static int hold_folder(int *out)
{
	for (unsigned i = 0; i < ENTER_TRIES; i++) {
		struct stat held;
		struct stat named;

		if (mkdir(YP_PRIVATE_FOLDER, 0700) < 0 && errno != EEXIST)
			return -errno;
		int fd = open(YP_PRIVATE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && flock(fd, LOCK_SH) == 0 && fstat(fd, &held) == 0 &&
		    stat(YP_PRIVATE_FOLDER, &named) == 0 && held.st_ino == named.st_ino) {
			*out = fd;
			return 0;
		}
		if (fd < 0 && errno != ENOENT)
			return -errno;
		if (fd >= 0)
			(void)close(fd);
	}
	return -EBUSY;
}

/* Removes the folder if no other run uses it. */
static void drop_folder(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)rmdir(YP_PRIVATE_FOLDER);
	(void)close(fd);
}

int yp_private_mounts_enter(struct yp_private_mounts *out, char *detail, size_t detail_bytes)
{
	assert(out);
	int r = hold_folder(&out->folder);

	if (r < 0) {
		yp_detail(detail, detail_bytes, "%s: %s; run it as root", YP_PRIVATE_FOLDER, strerror(-r));
		return r;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("yankproof", YP_PRIVATE_FOLDER, "tmpfs", MS_NOSUID, "mode=0700") < 0) {
		r = -errno;
		/* Mounts of a chroot whose folder is no mount cannot be made private: they would appear outside. */
		if (r == -EINVAL)
			yp_detail(detail, detail_bytes,
				  "the root folder is no mount: in a chroot, first run mount --bind DIR DIR outside");
		else
			yp_detail(detail, detail_bytes, "no mount namespace of its own: %s; run it as root",
				  strerror(-r));
		drop_folder(out->folder);
		return r;
	}
	if (mkdir(YP_PRIVATE_MEDIA, 0700) < 0 || mkdir(YP_PRIVATE_LOOPS, 0700) < 0) {
		r = -errno;
		yp_detail(detail, detail_bytes, "%s: %s", YP_PRIVATE_FOLDER, strerror(-r));
		yp_private_mounts_leave(out);
	}
	return r;
}

void yp_private_mounts_leave(struct yp_private_mounts *mounts)
{
	(void)umount2(YP_PRIVATE_FOLDER, MNT_DETACH);
	drop_folder(mounts->folder);
}
