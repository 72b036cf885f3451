/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_FUSE_FUSE_FRONT_H
#define POWER_CUT_SERVER_FUSE_FUSE_FRONT_H

#include "server/block-server.h"

/*
 * The block server's media as files of this kernel: one file for each export, in one folder. A program opens them, or a
 * loop device lies over them; what it writes, flushes and reads goes through the server, and so into its log.
 *
 * The files behave as block devices do: their size is fixed, truncating them changes nothing, writing behind the end is
 * ENOSPC. They are opened for direct I/O, so that the kernel keeps no page of them: every read is seen. fsync and
 * fdatasync are a flush; closing a file is none. A hole punched is a discard.
 *
 * One thread serves them all: requests reach the log in the order in which the kernel made them, which is what makes two
 * equal runs of a program equal in the log. A fault that makes a request wait holds up the others too.
 *
 * A file that was open when the power was cut fails from then on; one that is opened after power on works again. Detach
 * loop devices between runs. Needs root and /dev/fuse.
 */
struct yp_fuse_front;

/* Mounts on `folder`, which exists and is empty, and serves from a thread of its own. server and media are borrowed until
 * yp_fuse_front_stop(). 0 or -errno, *detail being one clause. */
int yp_fuse_front_start(struct yp_server *server, const struct yp_media *media, const char *folder,
			struct yp_fuse_front **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Unmounts, ends the thread, frees. NULL is fine. */
void yp_fuse_front_stop(struct yp_fuse_front *front);

#endif
