/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_HOST_ROOM_H
#define SIM_HOST_HOST_ROOM_H

#include "host/host-media.h"
#include "host/loop-device.h"
#include "host/private-mounts.h"
#include "host/shell-command.h"
#include "server/control-socket.h"
#include "server/fuse/fuse-front.h"
#include "server/server-lend.h"

/*
 * The room that a program runs in: its media, served by the block server as files or loop devices of this kernel, and
 * an environment that says where they are:
 *   SLOT_A ...          a variable for each medium, see host-media.h
 *   YANKPROOF_CONTROL   the server's control socket: 'yankproof mark' finds it there
 *   YANKPROOF           this program
 * Needs root and /dev/fuse. One room a process: it takes a mount namespace and all children of the process.
 */
struct yp_host_room {
	const struct yp_host_media *media; /* borrowed */
	struct yp_media served;
	struct yp_private_mounts mounts;
	bool entered;
	struct yp_server *server;
	struct yp_fuse_front *front;
	struct yp_control *control;
	struct yp_loop loops[YP_MEDIA_MAX];
	char **environment; /* NULL at the end; for commands */
	int stop_fd;        /* a signalfd for SIGINT, SIGTERM and SIGHUP, which are blocked */
};

/*
 * Power is off, media are all zeros, or, with `bases`, what these files hold: one a medium, open for reading, which the
 * room closes. 0 or -errno: *detail says what failed and what to do. Deinit in any case.
 */
int yp_host_room_init(struct yp_host_room *room, const struct yp_host_media *media, const int *bases, char *detail,
		      size_t detail_bytes) __attribute__((warn_unused_result));
/* Everything that was mounted, attached and made is gone after it. 0, or -errno: the log is not whole. */
int yp_host_room_deinit(struct yp_host_room *room);

/* Power on, devices attached: a program may run. log_path: see yp_server_power(). */
int yp_host_room_start(struct yp_host_room *room, const char *log_path, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* What is left in the page cache of loop devices reaches the media; nothing is flushed. */
int yp_host_room_settle(struct yp_host_room *room) __attribute__((warn_unused_result));
/* Power off. -EBUSY: something still holds a device; *detail names it. */
int yp_host_room_end(struct yp_host_room *room, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* A stop was requested. */
bool yp_host_room_stopped(const struct yp_host_room *room);

#endif
