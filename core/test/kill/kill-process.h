/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_KILL_KILL_PROCESS_H
#define CORE_TEST_KILL_KILL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Child processes, each in a process group of its own, each waited for with a deadline. SIGCHLD must be blocked. */
enum process_flag {
	PROCESS_TRACED = 1,       /* stops at its exec, for trace_run() */
	PROCESS_DIES_WITH_US = 2, /* gets SIGTERM when its parent ends in whatever way */
};

struct process {
	pid_t pid;
	int fd; /* pidfd */
};

/* Standard output and error are appended to `log`. dir: where it runs; dir/tmp, if there, is its TMPDIR. 0 or -errno.
 */
int process_start(const char *const argv[], const char *dir, const char *log, unsigned flags, struct process *out)
    __attribute__((warn_unused_result));
/* Its exit status, 128 + the signal that ended it, or -ETIMEDOUT after killing it. */
int process_wait(struct process *process, int timeout_ms) __attribute__((warn_unused_result));
/* SIGKILL once delay_us have passed. As process_wait(); 128 + SIGKILL if it was still running. */
int process_kill_after(struct process *process, uint64_t delay_us) __attribute__((warn_unused_result));
/* Both together. */
int process_run(const char *const argv[], const char *dir, const char *log, int timeout_ms)
    __attribute__((warn_unused_result));

/* Where a traced run was ended, or all the points it passed. */
struct trace {
	unsigned points;
	const char *call; /* name of the system call at the last point */
};
/*
 * Runs a PROCESS_TRACED child. A point is the entry of a system call that changes what files hold, in any thread, or of
 * the one that ends the process; at point number `point` (from 1; 0: none) it gets SIGKILL, before the call does
 * anything. As process_wait(), or -EPERM where tracing is not allowed (the child has been killed then).
 */
int trace_run(struct process *process, unsigned point, int timeout_ms, struct trace *out)
    __attribute__((warn_unused_result));

uint64_t process_now_us(void);

#endif
