/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes of the kill test, each waited for with a deadline. */
#define _GNU_SOURCE /* ppoll() */
#include "test/kill/kill-process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXEC_FAILED 127

uint64_t process_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* In the child; never returns. */
static void become_program(const char *const argv[], const char *dir, const char *log, unsigned flags)
{
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char temporary[512];
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0);
	if (flags & PROCESS_DIES_WITH_US)
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(dir) != 0)
		_exit(EXEC_FAILED);
	if (snprintf(temporary, sizeof(temporary), "%s/tmp", dir) < (int)sizeof(temporary) &&
	    access(temporary, W_OK) == 0)
		(void)setenv("TMPDIR", temporary, 1);
	if (flags & PROCESS_TRACED) {
		/* LeakSanitizer is a tracer itself: two at once are not possible. */
		(void)setenv("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=0", 1);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(EXEC_FAILED);
	}
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(EXEC_FAILED);
}

int process_start(const char *const argv[], const char *dir, const char *log, unsigned flags, struct process *out)
{
	out->pid = fork();
	if (out->pid < 0)
		return -errno;
	if (out->pid == 0)
		become_program(argv, dir, log, flags);
	(void)setpgid(out->pid, out->pid); /* also in the child: whoever comes first */
	out->fd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	if (out->fd < 0) {
		int error = errno;

		(void)kill(out->pid, SIGKILL);
		(void)waitpid(out->pid, NULL, 0);
		return -error;
	}
	return 0;
}

static int reap_process(struct process *process)
{
	int status = 0;

	while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)close(process->fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Has it ended before the time is up? */
static bool ends_within(const struct process *process, uint64_t delay_us)
{
	uint64_t end_us = process_now_us() + delay_us;
	uint64_t now_us;

	while ((now_us = process_now_us()) < end_us) {
		struct pollfd ended = {.fd = process->fd, .events = POLLIN};
		struct timespec left = {.tv_sec = (time_t)((end_us - now_us) / 1000000u),
					.tv_nsec = (long)((end_us - now_us) % 1000000u) * 1000};

		if (ppoll(&ended, 1, &left, NULL) > 0)
			return true;
	}
	return false;
}

int process_wait(struct process *process, int timeout_ms)
{
	if (ends_within(process, (uint64_t)timeout_ms * 1000u))
		return reap_process(process);
	(void)kill(-process->pid, SIGKILL);
	(void)reap_process(process);
	return -ETIMEDOUT;
}

int process_kill_after(struct process *process, uint64_t delay_us)
{
	if (!ends_within(process, delay_us))
		(void)kill(process->pid, SIGKILL);
	return reap_process(process);
}

int process_run(const char *const argv[], const char *dir, const char *log, int timeout_ms)
{
	struct process process;
	int result = process_start(argv, dir, log, 0, &process);

	return result != 0 ? result : process_wait(&process, timeout_ms);
}
