/* SPDX-License-Identifier: Apache-2.0 */
/* Starts nbdkit with the block server, for tests and the bench, and talks to both of its sockets. */
#include "server/test/nbd-rig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTEN_FD       3
#define ANSWER_MS       20000
#define CONNECT_TRIES   500
#define CONNECT_STEP_MS 10

bool rig_nbdkit_present(void)
{
	return access("/usr/sbin/nbdkit", X_OK) == 0 || access("/usr/bin/nbdkit", X_OK) == 0;
}

int rig_init(struct rig *rig)
{
	*rig = (struct rig){.pid = -1, .control_fd = -1};
	(void)snprintf(rig->dir, sizeof rig->dir, "/tmp/block-server-XXXXXX");
	if (!mkdtemp(rig->dir))
		return -errno;
	(void)snprintf(rig->socket, sizeof rig->socket, "%s/nbd", rig->dir);
	(void)snprintf(rig->control, sizeof rig->control, "%s/control", rig->dir);
	return 0;
}

static void run_child(int listener, char *const *argv)
{
	char pid[32];
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing running */
	(void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
	if (dup2(listener, LISTEN_FD) != LISTEN_FD || setenv("LISTEN_PID", pid, 1) < 0 ||
	    setenv("LISTEN_FDS", "1", 1) < 0)
		_exit(126);
	/* nbdkit closes no handle after the command to quit: the tests in process search for leaks. */
	if (*SERVER_PRELOAD && (setenv("LD_PRELOAD", SERVER_PRELOAD, 1) < 0 ||
				setenv("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=0", 1) < 0))
		_exit(126);
	(void)execvp(argv[0], argv);
	_exit(127);
}

int rig_start(struct rig *rig, const char *const *args, bool ours)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char control[128];
	char *argv[RIG_ARGS_MAX + 8];
	size_t n = 0;
	char *const head[] = {(char[]){"nbdkit"}, (char[]){"-f"}};
	for (size_t i = 0; i < sizeof head / sizeof *head; i++)
		argv[n++] = head[i];
	for (size_t i = 0; args[i] && i < RIG_ARGS_MAX; i++)
		argv[n++] = strdup(args[i]);
	size_t allocated = n;
	(void)snprintf(control, sizeof control, "control=%s", rig->control);
	if (ours)
		argv[n++] = control;
	argv[n] = NULL;
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", rig->socket);
	(void)unlink(rig->socket);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(listener, 8) < 0)
		return -errno;
	rig->pid = fork();
	if (rig->pid == 0)
		run_child(listener, argv);
	(void)close(listener);
	for (size_t i = 2; i < allocated; i++)
		free(argv[i]);
	return rig->pid < 0 ? -errno : 0;
}

int rig_stop(struct rig *rig, int signal)
{
	int status = 0;
	if (rig->control_fd >= 0)
		(void)close(rig->control_fd);
	rig->control_fd = -1;
	if (rig->pid <= 0)
		return 0;
	if (signal)
		(void)kill(rig->pid, signal);
	while (waitpid(rig->pid, &status, 0) < 0 && errno == EINTR)
		;
	rig->pid = -1;
	return status;
}

void rig_deinit(struct rig *rig)
{
	char command[128];
	(void)rig_stop(rig, SIGKILL);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", rig->dir);
	if (system(command) != 0)
		(void)fprintf(stderr, "%s is left behind\n", rig->dir);
}

/* The control socket is there a moment after the other, whose listener is ours. */
static int control_connect(struct rig *rig)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", rig->control);
	for (unsigned i = 0; i < CONNECT_TRIES; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
			rig->control_fd = fd;
			return 0;
		}
		(void)close(fd);
		(void)poll(NULL, 0, CONNECT_STEP_MS);
	}
	return -ETIMEDOUT;
}

int rig_say(struct rig *rig, char *out, size_t out_bytes, const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	int r = rig->control_fd < 0 ? control_connect(rig) : 0;
	if (r < 0)
		return r;
	line[n] = '\n';
	if (write(rig->control_fd, line, (size_t)n + 1) != n + 1)
		return -EIO;
	for (size_t used = 0; used + 1 < out_bytes; used++) {
		struct pollfd p = {.fd = rig->control_fd, .events = POLLIN};
		if (poll(&p, 1, ANSWER_MS) <= 0 || read(rig->control_fd, out + used, 1) != 1)
			return -EIO;
		if (out[used] == '\n') {
			out[used] = 0;
			return 0;
		}
	}
	return -ENOSPC;
}

long long rig_number(const char *answer, const char *name)
{
	size_t length = strlen(name);
	for (const char *p = answer; (p = strstr(p, name)); p += length) {
		if (p > answer && p[-1] == ' ' && p[length] == '=')
			return strtoll(p + length + 1, NULL, 10);
	}
	return -1;
}

long rig_status_kib(const struct rig *rig, const char *name)
{
	char path[64];
	char line[256];
	long value = -1;
	(void)snprintf(path, sizeof path, "/proc/%ld/status", (long)rig->pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name) + 1, NULL, 10);
	}
	if (f)
		(void)fclose(f);
	return value;
}
