/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* close_range, pidfd_open */
/* A child process that ends with this one, for QEMU and the block server. */
#include "emulator/qemu-process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/monotonic-clock.h"

#define FIRST_FD   3
#define ENV_MAX    1024u
#define PATH_BYTES 4096u
#define PID_TEXT   "LISTEN_PID="
#define FDS_TEXT   "LISTEN_FDS=1"
#define PID_DIGITS 10u
#define WORDS_MAX  256u

extern char **environ;

/* What the child needs, made before the fork: in it only system calls are safe, other threads may hold locks. */
struct plan {
	const struct yp_emulator_process_spec *spec;
	char path[PATH_BYTES];
	char *argv[WORDS_MAX];
	char *env[ENV_MAX + 4];
	char pid_text[sizeof PID_TEXT + PID_DIGITS];
	char fds_text[sizeof FDS_TEXT];
	int output;
	int spare[YP_EMULATOR_PROCESS_FDS_MAX];
	int report; /* the child's end of a pipe: errno, or closed by exec */
	pid_t parent;
};

static int find_program(const char *name, char *out, size_t out_bytes)
{
	const char *path = getenv("PATH");
	if (strchr(name, '/')) { /* absolute: the child may go elsewhere first */
		char *whole = realpath(name, NULL);
		int n = whole ? snprintf(out, out_bytes, "%s", whole) : -1;
		free(whole);
		return n < 0 ? -ENOENT : (size_t)n < out_bytes ? 0 : -ENAMETOOLONG;
	}
	for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
		size_t length = strcspn(at, ":");
		int n = snprintf(out, out_bytes, "%.*s/%s", (int)length, at, name);
		if (n > 0 && (size_t)n < out_bytes && access(out, X_OK) == 0)
			return 0;
		at += length + (at[length] == ':');
	}
	return -ENOENT;
}

static int prepare_plan(struct plan *plan)
{
	size_t n = 0;
	for (; plan->spec->argv[n]; n++) {
		if (n + 1 == sizeof plan->argv / sizeof *plan->argv)
			return -E2BIG;
		/* exec takes pointers to non-constant strings for historical reasons, and does not change them. */
		memcpy(&plan->argv[n], &plan->spec->argv[n], sizeof plan->argv[n]);
	}
	n = 0;
	for (char **e = environ; *e && n < ENV_MAX; e++) {
		if (strncmp(*e, "LISTEN_", 7) != 0)
			plan->env[n++] = *e;
	}
	if (plan->spec->listens) {
		memcpy(plan->pid_text, PID_TEXT, sizeof PID_TEXT);
		plan->env[n++] = plan->pid_text;
		memcpy(plan->fds_text, FDS_TEXT, sizeof FDS_TEXT);
		plan->env[n++] = plan->fds_text;
	}
	plan->output = open(plan->spec->output ? plan->spec->output : "/dev/null",
			    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return plan->output < 0 ? -errno : 0;
}

static void put_pid(char *out, pid_t pid)
{
	char digits[PID_DIGITS];
	size_t n = 0;
	for (; pid > 0 && n < PID_DIGITS; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n > 0)
		*out++ = digits[--n];
	*out = 0;
}

static int child_set_up(struct plan *plan)
{
	const struct yp_emulator_process_spec *spec = plan->spec;
	int high = FIRST_FD + (int)YP_EMULATOR_PROCESS_FDS_MAX + 1;
	sigset_t none;
	(void)sigemptyset(&none);
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (getppid() != plan->parent)
		return -ESRCH; /* it died before the line above */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	int report = fcntl(plan->report, F_DUPFD_CLOEXEC, high);
	if (report < 0)
		return -errno;
	plan->report = report;
	for (unsigned i = 0; i < spec->fds_count; i++) {
		plan->spare[i] = fcntl(spec->fds[i], F_DUPFD_CLOEXEC, high);
		if (plan->spare[i] < 0)
			return -errno;
	}
	if (dup2(plan->output, STDOUT_FILENO) < 0 || dup2(plan->output, STDERR_FILENO) < 0)
		return -errno;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	for (unsigned i = 0; i < spec->fds_count; i++) {
		if (dup2(plan->spare[i], FIRST_FD + (int)i) < 0)
			return -errno;
	}
	if (close_range((unsigned)FIRST_FD + spec->fds_count, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	if (spec->listens)
		put_pid(plan->pid_text + sizeof PID_TEXT - 1, getpid());
	return spec->dir && chdir(spec->dir) < 0 ? -errno : 0;
}

static void run_child(struct plan *plan)
{
	int r = child_set_up(plan);
	if (r == 0) {
		(void)execve(plan->path, plan->argv, plan->env);
		r = -errno;
	}
	if (write(plan->report, &r, sizeof r) != (ssize_t)sizeof r)
		_exit(126);
	_exit(127);
}

/* 0 once the child runs its program, or what went wrong in it. */
static int await_exec(int fd)
{
	int r = 0;
	ssize_t n;
	do {
		n = read(fd, &r, sizeof r);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof r ? r : n < 0 ? -errno : 0;
}

int yp_emulator_process_start(struct yp_emulator_process *process, const struct yp_emulator_process_spec *spec)
{
	int pipe_fds[2] = {-1, -1};
	struct plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return -ENOMEM;
	*process = (struct yp_emulator_process){.pidfd = -1};
	plan->spec = spec;
	plan->output = -1;
	int r = spec->fds_count <= YP_EMULATOR_PROCESS_FDS_MAX
		    ? find_program(spec->argv[0], plan->path, sizeof plan->path)
		    : -E2BIG;
	if (r == 0)
		r = prepare_plan(plan);
	if (r == 0 && pipe2(pipe_fds, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0) {
		plan->report = pipe_fds[1];
		plan->parent = getpid();
		process->pid = fork();
		if (process->pid == 0)
			run_child(plan);
		if (process->pid < 0) {
			r = -errno;
			process->pid = 0;
		}
	}
	if (pipe_fds[1] >= 0)
		(void)close(pipe_fds[1]);
	if (process->pid > 0) {
		(void)setpgid(process->pid, process->pid); /* whoever comes first */
		process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
		r = process->pidfd < 0 ? -errno : await_exec(pipe_fds[0]);
		if (r < 0)
			yp_emulator_process_kill(process);
	}
	if (pipe_fds[0] >= 0)
		(void)close(pipe_fds[0]);
	if (plan->output >= 0)
		(void)close(plan->output);
	free(plan);
	return r;
}

int yp_emulator_process_reap(struct yp_emulator_process *process, int64_t deadline_ns, int *status)
{
	struct pollfd p = {.fd = process->pidfd, .events = POLLIN};
	int code = 0;
	if (process->pid <= 0)
		return -ECHILD;
	int r = process->pidfd >= 0 ? yp_emulator_clock_poll(&p, 1, deadline_ns) : 1;
	if (r <= 0)
		return r == 0 ? -ETIMEDOUT : r;
	while (waitpid(process->pid, &code, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (process->pidfd >= 0)
		(void)close(process->pidfd);
	*process = (struct yp_emulator_process){.pidfd = -1};
	if (status)
		*status = code;
	return 0;
}

void yp_emulator_process_kill(struct yp_emulator_process *process)
{
	if (process->pid <= 0)
		return;
	(void)kill(-process->pid, SIGKILL);
	(void)kill(process->pid, SIGKILL); /* should it not be in its group yet */
	if (yp_emulator_process_reap(process, YP_EMULATOR_NEVER, NULL) != 0)
		*process = (struct yp_emulator_process){.pidfd = -1};
}

long yp_emulator_process_rss_kib(const struct yp_emulator_process *process)
{
	char text[64];
	long value = -1;
	(void)snprintf(text, sizeof text, "/proc/%ld/status", (long)process->pid);
	FILE *f = process->pid > 0 ? fopen(text, "re") : NULL;
	while (f && fgets(text, sizeof text, f)) {
		if (strncmp(text, "VmHWM:", 6) == 0)
			value = strtol(text + 6, NULL, 10);
	}
	if (f)
		(void)fclose(f);
	return value;
}
