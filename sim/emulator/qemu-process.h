/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_QEMU_PROCESS_H
#define SIM_EMULATOR_QEMU_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A child in a process group of its own, which dies with the thread that started it. Zero-initialise, or .pid = 0: none.
 */
struct yp_emulator_process {
	pid_t pid;
	int pidfd; /* readable once it has ended */
};
#define YP_EMULATOR_PROCESS_FDS_MAX 8u
struct yp_emulator_process_spec {
	const char *const *argv; /* argv[0] is looked for in PATH; NULL at the end */
	const char *dir;         /* NULL: as here */
	const char *output;      /* file that stdout and stderr are appended to; NULL: /dev/null */
	/* Descriptors that the child has, from 3 on, in this order; all others but 0, 1, 2 are closed. */
	unsigned fds_count;
	int fds[YP_EMULATOR_PROCESS_FDS_MAX];
	bool listens; /* the first of them is a listening socket, announced as systemd does (LISTEN_FDS) */
};
/* 0 or -errno, also for a program that is not there. */
int yp_emulator_process_start(struct yp_emulator_process *process, const struct yp_emulator_process_spec *spec)
    __attribute__((warn_unused_result));
/* Waits until it ended, at most to the deadline. 0, -ETIMEDOUT, or -errno; *status as of waitpid, may be NULL. */
int yp_emulator_process_reap(struct yp_emulator_process *process, int64_t deadline_ns, int *status)
    __attribute__((warn_unused_result));
/* SIGKILL to the whole group, and reaps it. Nothing to do if there is none. */
void yp_emulator_process_kill(struct yp_emulator_process *process);
/* Its peak of resident memory so far, or -1. (What wait4() says would include this process, of which it is a fork.) */
long yp_emulator_process_rss_kib(const struct yp_emulator_process *process);

#endif
