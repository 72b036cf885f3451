/* SPDX-License-Identifier: Apache-2.0 */
/* The boot back-end over an executable: RAUC's custom bootloader backend interface. */
#define _GNU_SOURCE /* pipe2() */
#include "ota/custom.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/monotonic-time.h"
#include "ota/reason.h"

#define ARGS_MAX 4u

extern char **environ;

struct ota_custom {
	char *path;
	char names[2][OTA_BOOTNAME_MAX];
	uint32_t deadline_ms;
	/* What try() was given: the interface has no place for it. */
	uint64_t trial_id;
	unsigned limit;
	int trial; /* slot, or -1 */
};

static int spawn_child(const char *path, char *const args[], int stdout_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;

	int result = -posix_spawn_file_actions_init(&actions);
	if (result)
		return result;
	result = -posix_spawnattr_init(&attr);
	if (result) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return result;
	}
	/* A group of its own, so that the deadline ends what it started, too. */
	if (posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP) || posix_spawnattr_setpgroup(&attr, 0) ||
	    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ||
	    posix_spawn_file_actions_adddup2(&actions, stdout_fd, STDOUT_FILENO))
		result = -ENOMEM;
	else
		result = -posix_spawn(pid, path, &actions, &attr, args, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return result;
}

/* Takes what is there. 1: more may come, 0: end, below zero: -errno, or -EMSGSIZE. */
static int read_available(int fd, char out[OTA_CUSTOM_OUTPUT_MAX + 1], size_t *used)
{
	for (;;) {
		char more;
		bool full = *used == OTA_CUSTOM_OUTPUT_MAX;
		ssize_t n = read(fd, full ? &more : out + *used, full ? 1 : OTA_CUSTOM_OUTPUT_MAX - *used);
		if (n == 0)
			return 0;
		if (n < 0)
			return errno == EAGAIN ? 1 : errno == EINTR ? 1 : -errno;
		if (full)
			return -EMSGSIZE;
		*used += (size_t)n;
	}
}

/* Ends with the child: a process that it left behind may keep its output open for longer. */
static int collect_output(int child, int fd, int64_t deadline, char out[OTA_CUSTOM_OUTPUT_MAX + 1])
{
	struct pollfd fds[2] = {{.fd = child, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	size_t used = 0;
	int result = 0;

	for (bool running = true; running && result >= 0;) {
		int64_t left = deadline - ota_monotonic_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		int n = poll(fds, 2, left > INT_MAX ? INT_MAX : (int)left);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		running = !fds[0].revents;
		result = fds[1].revents || !running ? read_available(fd, out, &used) : 1;
		if (result == 0)
			fds[1].fd = -1;
	}
	out[used] = '\0';
	return result < 0 ? result : 0;
}

static int run_child(const struct ota_custom *custom, char *const args[], const int pipe_fds[2],
		     char out[OTA_CUSTOM_OUTPUT_MAX + 1])
{
	int64_t deadline = ota_monotonic_ms() + custom->deadline_ms;
	int status = 0;
	pid_t pid;
	int result = spawn_child(custom->path, args, pipe_fds[1], &pid);

	if (result)
		return result;
	int child = pidfd_open(pid, 0);
	result = child < 0 ? -errno : collect_output(child, pipe_fds[0], deadline, out);
	if (child >= 0)
		(void)close(child);
	/* Not on success: the executable may leave something running on purpose. */
	if (result)
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (result == -EMSGSIZE)
		return OTA_BOOT_STATE;
	if (!result && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return OTA_BOOT_STATE;
	return result;
}

/* One call; out: its output without the line end. */
static int run_backend(const struct ota_custom *custom, const char *const words[ARGS_MAX - 1],
		       char out[OTA_CUSTOM_OUTPUT_MAX + 1])
{
	/* posix_spawn takes char *const[], but does not change the strings. */
	union {
		const char *in[ARGS_MAX + 1];
		char *out[ARGS_MAX + 1];
	} args = {.in = {custom->path, words[0], words[1], words[2], NULL}};
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	int result = fcntl(fds[0], F_SETFL, O_NONBLOCK) ? -errno : run_child(custom, args.out, fds, out);
	(void)close(fds[0]);
	(void)close(fds[1]);
	if (!result)
		out[strcspn(out, "\r\n")] = '\0';
	return result;
}

static int slot_of(const struct ota_custom *custom, const char *name)
{
	for (int i = 0; name && i < 2; i++) {
		if (strcmp(name, custom->names[i]) == 0)
			return i;
	}
	return -1;
}

static int get_slot(const struct ota_custom *custom, const char *verb, int *slot)
{
	char out[OTA_CUSTOM_OUTPUT_MAX + 1];
	int result = run_backend(custom, (const char *[]){verb, NULL, NULL}, out);

	if (result)
		return result;
	*slot = slot_of(custom, out);
	return *slot < 0 ? OTA_BOOT_STATE : 0;
}

static int get_bad(const struct ota_custom *custom, int slot, bool *bad)
{
	char out[OTA_CUSTOM_OUTPUT_MAX + 1];
	int result = run_backend(custom, (const char *[]){"get-state", custom->names[slot], NULL}, out);

	if (result)
		return result;
	*bad = strcmp(out, "bad") == 0;
	return *bad || strcmp(out, "good") == 0 ? 0 : OTA_BOOT_STATE;
}

static int set_primary(const struct ota_custom *custom, int slot)
{
	char out[OTA_CUSTOM_OUTPUT_MAX + 1];
	return run_backend(custom, (const char *[]){"set-primary", custom->names[slot], NULL}, out);
}

static int set_bad(const struct ota_custom *custom, int slot, bool bad)
{
	char out[OTA_CUSTOM_OUTPUT_MAX + 1];
	return run_backend(custom, (const char *[]){"set-state", custom->names[slot], bad ? "bad" : "good"}, out);
}

static int read_slots(const struct ota_custom *custom, int *primary, bool bad[2])
{
	int result = get_slot(custom, "get-primary", primary);

	for (int i = 0; !result && i < 2; i++)
		result = get_bad(custom, i, &bad[i]);
	return result;
}

static int custom_query(void *boot, struct ota_boot_state *out)
{
	struct ota_custom *custom = boot;
	int primary;
	bool bad[2];
	int result = read_slots(custom, &primary, bad);

	if (result)
		return result;
	int selected = bad[primary] && !bad[!primary] ? !primary : primary;
	*out = (struct ota_boot_state){
	    .readable = true,
	    .forgets = true,
	    .trial = custom->trial == selected,
	    .trial_id = custom->trial_id,
	    .limit = custom->limit,
	};
	memcpy(out->selected, custom->names[selected], sizeof out->selected);
	if (bad[!selected])
		memcpy(out->barred, custom->names[!selected], sizeof out->barred);
	return 0;
}

static int custom_try(void *boot, const char *name, uint64_t trial_id, unsigned limit)
{
	struct ota_custom *custom = boot;
	int slot = slot_of(custom, name);
	int primary;
	bool bad[2];

	if (slot < 0 || !trial_id || !limit)
		return -EINVAL;
	int result = read_slots(custom, &primary, bad);
	if (!result && bad[slot])
		result = set_bad(custom, slot, false);
	if (!result && (primary != slot || bad[slot] || custom->trial_id != trial_id))
		result = set_primary(custom, slot);
	if (result)
		return result;
	custom->trial = slot;
	custom->trial_id = trial_id;
	custom->limit = limit;
	return 0;
}

static int custom_commit(void *boot, const char *name)
{
	struct ota_custom *custom = boot;
	int slot = slot_of(custom, name);
	int primary;

	if (slot < 0)
		return -EINVAL;
	int result = get_slot(custom, "get-primary", &primary);
	if (!result && primary != slot)
		result = set_primary(custom, slot);
	if (!result)
		result = set_bad(custom, slot, false);
	if (!result)
		custom->trial = -1;
	return result;
}

static int custom_rollback(void *boot, const char *keep_name, const char *bad_name)
{
	struct ota_custom *custom = boot;
	bool bars = bad_name && *bad_name;
	int keep = slot_of(custom, keep_name);
	int other = bars ? slot_of(custom, bad_name) : -1;
	int primary;
	bool bad[2];

	if (keep < 0 || (bars && other < 0) || keep == other)
		return -EINVAL;
	int result = read_slots(custom, &primary, bad);
	if (!result && primary != keep)
		result = set_primary(custom, keep);
	if (!result && bars && !bad[other])
		result = set_bad(custom, other, true);
	if (!result)
		custom->trial = -1;
	return result;
}

int ota_custom_current(struct ota_custom *custom, char out[OTA_BOOTNAME_MAX])
{
	int slot;
	int result = get_slot(custom, "get-current", &slot);

	if (!result)
		memcpy(out, custom->names[slot], OTA_BOOTNAME_MAX);
	return result;
}

/* A name beginning with "-" could be taken for an option. */
static bool name_good(const char *name)
{
	return *name && *name != '-' && strlen(name) < OTA_BOOTNAME_MAX && !strpbrk(name, " \t\r\n");
}

int ota_custom_new(const char *path, const char *const slot_names[2], uint32_t deadline_ms, struct ota_custom **out,
		   struct ota_boot *boot)
{
	static const struct ota_boot_ops ops = {
	    .query = custom_query,
	    .try = custom_try,
	    .commit = custom_commit,
	    .rollback = custom_rollback,
	};

	*out = NULL;
	if (path[0] != '/' || !deadline_ms || !name_good(slot_names[0]) || !name_good(slot_names[1]) ||
	    strcmp(slot_names[0], slot_names[1]) == 0)
		return OTA_BAD_CONFIG;
	struct ota_custom *custom = calloc(1, sizeof *custom);
	if (!custom)
		return -ENOMEM;
	custom->path = strdup(path);
	if (!custom->path) {
		free(custom);
		return -ENOMEM;
	}
	for (int i = 0; i < 2; i++)
		memcpy(custom->names[i], slot_names[i], strlen(slot_names[i]));
	custom->deadline_ms = deadline_ms;
	custom->trial = -1;
	*out = custom;
	*boot = (struct ota_boot){.ops = &ops, .boot = custom};
	return 0;
}

void ota_custom_free(struct ota_custom *custom)
{
	if (!custom)
		return;
	free(custom->path);
	free(custom);
}
