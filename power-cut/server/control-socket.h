/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_CONTROL_SOCKET_H
#define POWER_CUT_SERVER_CONTROL_SOCKET_H

#include "server/block-server.h"

/*
 * The control socket: lines as in server-command.h in, one line out for each, in order: "ok [NAME=VALUE...]" or "error
 * CLAUSE". One thread serves all its clients; a client that waits for an event does not delay the others.
 */
#define YP_CONTROL_CLIENTS_MAX 8u
struct yp_control;
/* Binds (mode 0600) and listens. on_quit is called from the thread. */
int yp_control_new(const char *path, void (*on_quit)(void *ctx), void *ctx, struct yp_control **out)
    __attribute__((warn_unused_result));
int yp_control_start(struct yp_control *control, struct yp_server *server) __attribute__((warn_unused_result));
/* Something happened that a client may wait for. From any thread. */
void yp_control_wake(struct yp_control *control);
/* Ends the thread, removes the socket. NULL is fine. */
void yp_control_free(struct yp_control *control);

/* Runs a command, unless it waits; the answer has no end of line. */
void yp_control_run(struct yp_server *server, const struct yp_command *command, char *out, size_t out_bytes);
/* true: it happened, and *out is the answer. */
bool yp_control_happened(struct yp_server *server, const struct yp_command *wait, char *out, size_t out_bytes);

#endif
