/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_SHELL_COMMAND_H
#define SIM_HOST_SHELL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Commands of somebody else, run to their end: with a deadline, and with nothing of them left behind. A caller that was
 * told to stop (a signal on stop_fd) is obeyed at once.
 */
#define YP_COMMAND_LINE_MAX 160u

struct yp_shell_command {
	char *const *argv;        /* argv[0] by PATH; for a line of shell: sh -c LINE */
	char *const *environment; /* "NAME=VALUE", NULL at the end */
	unsigned seconds_max;     /* 0: no deadline */
	int stop_fd;              /* a signalfd; readable: stop */
	bool quiet;               /* output is kept from the terminal, stdin is empty, a process group of its own */
	bool echo;                /* with quiet: output is written to stdout as it comes */
};

struct yp_command_end {
	int status;                     /* exit status, if it has one */
	int signal;                     /* that ended it, or 0 */
	bool late;                      /* the deadline passed */
	bool stopped;                   /* by stop_fd */
	char line[YP_COMMAND_LINE_MAX]; /* the last one that it printed and that is not empty; only if quiet */
};

/* Once for a process that runs commands: what they leave running becomes its child, and is ended with them. */
void yp_shell_adopt_orphans(void);
/* 0, or -errno: it could not be started. */
int yp_shell_run(const struct yp_shell_command *command, struct yp_command_end *out)
    __attribute__((warn_unused_result));

#endif
