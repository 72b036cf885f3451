/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command to its end, or to its deadline; then nothing of it runs any more. */
#define _GNU_SOURCE /* pipe2 */
#include "host/shell-command.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power-cut/host-calls.h"

#define TERM_WAIT_MS 2000
#define ORPHANS_MAX  1024u

/* The last line of a stream, as it comes. */
struct last_line {
	char now[YP_COMMAND_LINE_MAX];
	size_t used;
	char *out; /* YP_COMMAND_LINE_MAX bytes */
};

struct running {
	const struct yp_shell_command *command;
	pid_t pid;
	int pidfd, output; /* output -1: not ours */
	struct last_line line;
};

void yp_shell_adopt_orphans(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void end_line(struct last_line *line)
{
	if (line->used > 0) {
		line->now[line->used] = 0;
		memcpy(line->out, line->now, line->used + 1);
	}
	line->used = 0;
}

static void take_output(struct last_line *line, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '\n' || c == '\r')
			end_line(line);
		else if (line->used + 1 < sizeof line->now && (line->used > 0 || c != ' '))
			line->now[line->used++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
}

/* Reads the available bytes. false: all writers are gone. */
static bool read_output(struct running *run)
{
	char bytes[4096];

	for (;;) {
		ssize_t n = read(run->output, bytes, sizeof bytes);

		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		take_output(&run->line, bytes, (size_t)n);
		if (run->command->echo)
			(void)!yp_write_all(STDOUT_FILENO, bytes, (size_t)n);
	}
}

/* Signals as a fresh process has them. */
static int set_signals(posix_spawnattr_t *attributes, bool own_group)
{
	sigset_t none;
	sigset_t usual;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;

	(void)sigemptyset(&none);
	(void)sigemptyset(&usual);
	(void)sigaddset(&usual, SIGPIPE);
	(void)sigaddset(&usual, SIGINT);
	(void)sigaddset(&usual, SIGTERM);
	(void)sigaddset(&usual, SIGCHLD);
	if (own_group)
		flags |= POSIX_SPAWN_SETPGROUP;
	int r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &usual);
	return r ? r : posix_spawnattr_setflags(attributes, flags);
}

static int spawn_command(struct running *run, int output)
{
	const struct yp_shell_command *c = run->command;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	if (c->quiet) {
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	}
	if (r == 0)
		r = set_signals(&attributes, c->quiet);
	if (r == 0)
		r = posix_spawnp(&run->pid, c->argv[0], &actions, &attributes, c->argv, c->environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int start_command(struct running *run)
{
	int pipes[2] = {-1, -1};
	int r = 0;

	if (run->command->quiet && pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	run->output = pipes[0];
	if (run->output >= 0)
		(void)fcntl(run->output, F_SETFL, O_NONBLOCK);
	r = spawn_command(run, pipes[1]);
	if (pipes[1] >= 0)
		(void)close(pipes[1]);
	if (r == 0) {
		run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
		if (run->pidfd < 0) {
			r = -errno;
			(void)kill(run->pid, SIGKILL);
			(void)waitpid(run->pid, NULL, 0);
		}
	}
	if (r < 0 && run->output >= 0)
		(void)close(run->output);
	return r;
}

/* Until the command ends. */
static void await_end(struct running *run, struct yp_command_end *out)
{
	const struct yp_shell_command *c = run->command;
	uint64_t deadline_ms = yp_clock_ms() + c->seconds_max * UINT64_C(1000);
	uint64_t kill_ms = 0;

	for (;;) {
		struct pollfd fds[] = {{.fd = run->pidfd, .events = POLLIN},
				       {.fd = out->stopped ? -1 : c->stop_fd, .events = POLLIN},
				       {.fd = run->output, .events = POLLIN}};
		uint64_t now_ms = yp_clock_ms();
		uint64_t until_ms = kill_ms ? kill_ms : c->seconds_max ? deadline_ms : 0;
		int wait = until_ms == 0 ? -1 : until_ms > now_ms ? (int)(until_ms - now_ms) : 0;

		if (poll(fds, 3, wait) < 0 && errno != EINTR)
			return;
		if (fds[2].revents && !read_output(run)) {
			(void)close(run->output);
			run->output = -1;
		}
		if (fds[0].revents)
			return;
		if (fds[1].revents) {
			out->stopped = true;
			(void)kill(run->pid, c->quiet ? SIGKILL : SIGTERM);
			kill_ms = yp_clock_ms() + TERM_WAIT_MS;
		}
		now_ms = yp_clock_ms();
		if (!out->stopped && c->seconds_max && now_ms >= deadline_ms)
			out->late = true;
		if (out->late || (kill_ms && now_ms >= kill_ms)) {
			(void)kill(c->quiet ? -run->pid : run->pid, SIGKILL);
			kill_ms = now_ms + TERM_WAIT_MS;
		}
	}
}

/* What it left running: children by adoption. */
static void end_orphans(void)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	for (unsigned i = 0; i < ORPHANS_MAX; i++) {
		char line[32] = "";
		pid_t ended = waitpid(-1, NULL, WNOHANG);

		if (ended > 0)
			continue;
		if (ended < 0)
			return; /* there is none */
		FILE *f = fopen(path, "re");
		pid_t pid = f && fgets(line, sizeof line, f) ? (pid_t)strtol(line, NULL, 10) : 0;
		if (f)
			(void)fclose(f);
		if (pid <= 0)
			return;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
}

int yp_shell_run(const struct yp_shell_command *command, struct yp_command_end *out)
{
	assert(command && command->argv && command->argv[0] && command->environment && out);
	struct running run = {.command = command, .line.out = out->line};
	int status = 0;

	*out = (struct yp_command_end){0};
	int r = start_command(&run);
	if (r < 0)
		return r;
	await_end(&run, out);
	/* Before its number is anyone else's. */
	if (command->quiet)
		(void)kill(-run.pid, SIGKILL);
	while (waitpid(run.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (run.output >= 0) {
		(void)read_output(&run);
		(void)close(run.output);
	}
	end_line(&run.line);
	(void)close(run.pidfd);
	end_orphans();
	out->status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	out->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}
