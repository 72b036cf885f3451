/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_SERVER_LEND_H
#define POWER_CUT_SERVER_SERVER_LEND_H

#include "server/block-server.h"

/*
 * A server whose media are set from an image, again and again: what an explorer needs that runs real commands on them.
 * Image, logs and server share the server's pool. The pool is not thread-safe: use it only while the power is off.
 */
struct yp_pool *yp_server_pool(const struct yp_server *server);

/* Power off, without a cut: the media stay as they are, clients fail from now on, the log ends. */
int yp_server_off(struct yp_server *server) __attribute__((warn_unused_result));

/* (power off) The media become what the image says, whatever lay below them. -EBUSY: the power is on. */
int yp_server_take_image(struct yp_server *server, const struct yp_image *image) __attribute__((warn_unused_result));

/* How many entries the run's log has by now. */
size_t yp_server_entries(struct yp_server *server);

/*
 * (power off) Appends the run's log to one that shares the pool: all of its first `whole` entries, and of what follows
 * the reads alone, which is what depends on the media but changes nothing. A read is widened to whole grains of its
 * medium, `grain[medium]` sectors each: what a page cache read ahead is then no difference. NULL: reads as they are.
 */
int yp_server_copy_log(const struct yp_server *server, size_t whole, const uint32_t *grain, struct yp_log *out)
    __attribute__((warn_unused_result));
/* The same between any two logs that share a pool. */
int yp_log_append(const struct yp_log *from, size_t whole, const uint32_t *grain, struct yp_log *out)
    __attribute__((warn_unused_result));

#endif
