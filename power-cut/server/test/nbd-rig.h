/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_TEST_NBD_RIG_H
#define POWER_CUT_SERVER_TEST_NBD_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A separate nbdkit on a socket that this process made, so that clients can connect at once. */
#define RIG_ARGS_MAX 24u
struct rig {
	char dir[64];
	char socket[96];
	char control[96];
	pid_t pid;
	int control_fd;
};
bool rig_nbdkit_present(void);
/* args: the plugin and its parameters, NULL at the end; control=... is added for our own plugin. 0 or -errno. */
int rig_init(struct rig *rig);
int rig_start(struct rig *rig, const char *const *args, bool ours);
/* Sends a signal and waits for the end; the status of waitpid. */
int rig_stop(struct rig *rig, int signal);
void rig_deinit(struct rig *rig);
/* One line to the control socket, the answer into out. 0 or -errno. */
int rig_say(struct rig *rig, char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* NAME=NUMBER in an answer, or -1. */
long long rig_number(const char *answer, const char *name);
/* "VmHWM" and the like of /proc/PID/status, in KiB; or -1. */
long rig_status_kib(const struct rig *rig, const char *name);

#endif
