/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks, health checks and other executables of the integrator, each under a deadline. */
#define _GNU_SOURCE /* pipe2(), environ-free posix_spawn flags */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/child.h"

/* A child that runs. */
struct run {
	const struct ota_process *process;
	struct ota_clock clock;
	pid_t pid;
	int pidfd;
	int output; /* -1: closed by the child */
	unsigned lines;
	size_t length;
	char line[OTA_PROCESS_LINE_BYTES];
};

static void end_line(struct run *run)
{
	run->line[run->length] = '\0';
	if (run->length > 0 && run->lines < OTA_PROCESS_LINES_MAX && run->process->line != NULL)
		run->process->line(run->process->ctx, run->line);
	if (run->length > 0)
		run->lines++;
	run->length = 0;
}

/* Reads what is there; control characters do not reach a log. */
static void read_output(struct run *run)
{
	char data[1024];
	ssize_t count = read(run->output, data, sizeof(data));

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		(void)close(run->output);
		run->output = -1;
		return;
	}
	for (ssize_t i = 0; i < count; i++) {
		unsigned char byte = (unsigned char)data[i];

		if (byte == '\n') {
			end_line(run);
		} else if (run->length + 1 < sizeof(run->line)) {
			run->line[run->length++] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
		}
	}
}

static int spawn_child(const struct ota_process *process, int output, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int result;

	sigemptyset(&none);
	sigfillset(&all);
	result = posix_spawn_file_actions_init(&actions);
	if (result != 0)
		return -result;
	result = posix_spawnattr_init(&attributes);
	if (result != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -result;
	}
	result = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, output, 1);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, output, 2);
	if (result == 0)
		result = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
								   POSIX_SPAWN_SETSIGDEF);
	if (result == 0)
		result = posix_spawnattr_setpgroup(&attributes, 0);
	if (result == 0)
		result = posix_spawnattr_setsigmask(&attributes, &none);
	if (result == 0)
		result = posix_spawnattr_setsigdefault(&attributes, &all);
	if (result == 0)
		result = posix_spawn(pid, process->argv[0], &actions, &attributes, process->argv, process->env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

/* Waits until the child has ended or `end_ms` is there. 0, -ETIMEDOUT, -EINTR or -errno. */
static int await_child(struct run *run, int64_t end_ms, struct ota_stop *stop)
{
	for (;;) {
		struct pollfd watched[3] = {
		    {.fd = run->pidfd, .events = POLLIN},
		    {.fd = run->output, .events = POLLIN},
		    {.fd = stop != NULL ? ota_stop_fd(stop) : -1, .events = POLLIN},
		};
		int64_t left_ms = end_ms - run->clock.ops->monotonic_ms(run->clock.clock);

		if (run->process->idle != NULL)
			run->process->idle(run->process->ctx);
		if (stop != NULL && ota_stop_requested(stop))
			return -EINTR;
		if (left_ms < 0)
			left_ms = 0;
		if (poll(watched, 3, left_ms < OTA_PROCESS_TICK_MS ? (int)left_ms : OTA_PROCESS_TICK_MS) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (watched[1].revents != 0)
			read_output(run);
		if (watched[0].revents != 0)
			return 0;
		if (left_ms == 0)
			return -ETIMEDOUT;
	}
}

/* Ends the whole group. The child is not reaped yet, so that its id cannot have been given to another. */
static int end_group(struct run *run, int result)
{
	int64_t now_ms = run->clock.ops->monotonic_ms(run->clock.clock);
	int waited = 0;

	if (result != 0) {
		(void)kill(-run->pid, SIGTERM);
		waited = await_child(run, now_ms + OTA_PROCESS_GRACE_MS, NULL);
	}
	(void)kill(-run->pid, SIGKILL);
	if (waited != 0)
		waited = await_child(run, now_ms + 3 * OTA_PROCESS_GRACE_MS, NULL);
	return waited; /* not 0: stuck in the kernel; it is left behind */
}

int ota_process_run(const struct ota_process *process, int *status)
{
	struct run run = {.process = process, .pidfd = -1, .output = -1};
	int pipe_fds[2];
	int state = 0;
	int result;

	assert(process->argv && process->argv[0] && status);
	ota_clock_linux(NULL, &run.clock);
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return -errno;
	run.output = pipe_fds[0];
	result = spawn_child(process, pipe_fds[1], &run.pid);
	(void)close(pipe_fds[1]);
	if (result != 0)
		goto out;
	(void)fcntl(run.output, F_SETFL, O_NONBLOCK);
	run.pidfd = (int)syscall(SYS_pidfd_open, run.pid, 0);
	if (run.pidfd < 0)
		result = -errno;
	if (result == 0)
		result = await_child(&run, run.clock.ops->monotonic_ms(run.clock.clock) + process->timeout_ms,
				     process->stop);
	if (run.pidfd < 0) {
		(void)kill(-run.pid, SIGKILL);
		(void)waitpid(run.pid, NULL, 0);
		goto out;
	}
	if (end_group(&run, result) != 0 || waitpid(run.pid, &state, 0) != run.pid)
		result = result != 0 ? result : -EIO;
	else
		*status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
	for (unsigned i = 0; i < OTA_PROCESS_LINES_MAX && run.output >= 0; i++) {
		struct pollfd rest = {.fd = run.output, .events = POLLIN};

		if (poll(&rest, 1, 0) <= 0)
			break;
		read_output(&run);
	}
	end_line(&run);
out:
	if (run.output >= 0)
		(void)close(run.output);
	if (run.pidfd >= 0)
		(void)close(run.pidfd);
	return result;
}
