/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_CONTROL_H
#define POWER_CUT_SERVER_CONTROL_H

#include "server.h"

/*
 * The control socket: lines as in command.h in, one line out for each, in order: "ok [NAME=VALUE...]" or "error
 * CLAUSE". One thread serves all its clients; a client that waits for an event holds up nobody else.
 */
#define BP_CONTROL_CLIENTS_MAX 8u
struct bp_control;
/* Binds (mode 0600) and listens. on_quit is called from the thread. */
int bp_control_new(const char *path, void (*on_quit)(void *ctx), void *ctx, struct bp_control **out)
    __attribute__((warn_unused_result));
int bp_control_start(struct bp_control *control, struct bp_server *server) __attribute__((warn_unused_result));
/* Something happened that a client may wait for. From any thread. */
void bp_control_wake(struct bp_control *control);
/* Ends the thread, removes the socket. NULL is fine. */
void bp_control_free(struct bp_control *control);

/* Does what a command says, unless it waits; the answer without its end of line. */
void bp_control_run(struct bp_server *server, const struct bp_command *command, char *out, size_t out_bytes);
/* true: it happened, and *out is the answer. */
bool bp_control_happened(struct bp_server *server, const struct bp_command *wait, char *out, size_t out_bytes);

#endif
