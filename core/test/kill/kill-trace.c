/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a process at the nth call that changes what files hold: exact places, also between the writes of one store. */
#define _GNU_SOURCE /* the calls' numbers */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/kill/kill-process.h"

#define SYSCALL_STOP (SIGTRAP | 0x80) /* with PTRACE_O_TRACESYSGOOD */
#define STOPS_MAX    10000000u

struct tracer {
	pid_t pid;
	unsigned point; /* to kill at */
	bool killed;
	bool ended;
	int status;
	struct trace *out;
};

static const char *storage_call(uint64_t number)
{
	static const struct {
		uint64_t number;
		const char *name;
	} calls[] = {
	    {SYS_pwrite64, "pwrite"},     {SYS_fdatasync, "fdatasync"}, {SYS_fsync, "fsync"},
	    {SYS_fallocate, "fallocate"}, {SYS_ftruncate, "ftruncate"}, {SYS_flock, "flock"},
	    {SYS_renameat, "rename"},     {SYS_renameat2, "rename"},    {SYS_exit_group, "exit"},
#ifdef SYS_rename
	    {SYS_rename, "rename"},
#endif
	};

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return NULL;
}

static void stopped_at_call(struct tracer *tracer, pid_t thread)
{
	struct __ptrace_syscall_info info;
	const char *name;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	name = storage_call(info.entry.nr);
	if (name == NULL || tracer->killed)
		return;
	tracer->out->points++;
	tracer->out->call = name;
	if (tracer->out->points != tracer->point)
		return;
	tracer->killed = true;
	(void)kill(tracer->pid, SIGKILL);
}

static void handle_stop(struct tracer *tracer, pid_t thread, int status)
{
	int signal = 0;

	if (!WIFSTOPPED(status)) {
		if (thread == tracer->pid) {
			tracer->ended = true;
			tracer->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		return;
	}
	if (WSTOPSIG(status) == SYSCALL_STOP)
		stopped_at_call(tracer, thread);
	else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
		signal = WSTOPSIG(status); /* its own; SIGTRAP and SIGSTOP tell of new threads */
	/* Fails for a thread that is being killed: no matter. */
	(void)ptrace(PTRACE_SYSCALL, thread, NULL, (void *)(intptr_t)signal);
}

/* All that is to be told now; sleeps until there is more. */
static void pump_events(struct tracer *tracer)
{
	static const struct timespec second = {.tv_sec = 1};
	sigset_t child;
	int status;

	for (unsigned i = 0; i < STOPS_MAX && !tracer->ended; i++) {
		pid_t thread = waitpid(-tracer->pid, &status, __WALL | WNOHANG);

		if (thread <= 0)
			break;
		handle_stop(tracer, thread, status);
	}
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (!tracer->ended)
		(void)sigtimedwait(&child, NULL, &second);
}

int trace_run(struct process *process, unsigned point, int timeout_ms, struct trace *out)
{
	const uintptr_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
	uint64_t end_us = process_now_us() + (uint64_t)timeout_ms * 1000u;
	struct tracer tracer = {.pid = process->pid, .point = point, .out = out};
	bool late = false;
	int status = 0;

	out->points = 0;
	out->call = "";
	if (waitpid(process->pid, &status, __WALL) < 0 || !WIFSTOPPED(status)) {
		(void)close(process->fd);
		return -EPERM; /* it is gone: it could not be traced, or could not be started */
	}
	if (ptrace(PTRACE_SETOPTIONS, process->pid, NULL, (void *)options) != 0 ||
	    ptrace(PTRACE_SYSCALL, process->pid, NULL, NULL) != 0) {
		(void)kill(process->pid, SIGKILL);
		(void)waitpid(process->pid, &status, __WALL);
		(void)close(process->fd);
		return -EPERM;
	}
	while (!tracer.ended) {
		pump_events(&tracer);
		if (!late && process_now_us() > end_us) {
			late = true;
			(void)kill(process->pid, SIGKILL);
		}
	}
	(void)close(process->fd);
	return late ? -ETIMEDOUT : tracer.status;
}
