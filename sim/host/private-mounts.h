/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_PRIVATE_MOUNTS_H
#define SIM_HOST_PRIVATE_MOUNTS_H

#include <stddef.h>

/*
 * A mount namespace of our own: what is mounted here is seen by this process and its children only, and is gone with
 * the last of them, however they end. In it a folder whose path is the same in every run, so that a program that stores
 * the path of a medium stores the same one each time.
 */
#define YP_PRIVATE_FOLDER "/run/yankproof"
#define YP_PRIVATE_MEDIA  YP_PRIVATE_FOLDER "/media" /* files of the block server */
#define YP_PRIVATE_LOOPS  YP_PRIVATE_FOLDER "/dev"   /* device nodes */

struct yp_private_mounts {
	int folder; /* locked while it is in use */
};

/* Before any thread is made. 0 or -errno: *detail says what is needed. */
int yp_private_mounts_enter(struct yp_private_mounts *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Unmounts. The namespace stays the process's own. */
void yp_private_mounts_leave(struct yp_private_mounts *mounts);

#endif
