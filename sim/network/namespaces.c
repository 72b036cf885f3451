/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces for the resolver and the loopback; they end with the process. */
#define _GNU_SOURCE /* unshare */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network/server/name-server.h"

#define TC_WORDS_MAX 20u

static int write_file(const char *path, const char *text)
{
	size_t size = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, size) != (ssize_t)size)
		result = -EIO;
	return close(fd) != 0 && result == 0 ? -errno : result;
}

static int loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result = fd < 0 ? -errno : 0;

	if (result == 0 && ioctl(fd, SIOCGIFFLAGS, &request) != 0)
		result = -errno;
	request.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (result == 0 && ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		result = -errno;
	if (fd >= 0)
		close(fd);
	return result;
}

/* Without root rights: become root in a user namespace, if the kernel allows it. */
static int leave_namespaces(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int result;

	if (uid == 0)
		return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0 : -errno;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0)
		return -errno;
	result = write_file("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	if (result == 0)
		result = write_file("/proc/self/uid_map", map);
	(void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	return result != 0 ? result : write_file("/proc/self/gid_map", map);
}

static int cover_file(const char *dir, const char *name, const char *text)
{
	char own[256], system[64];
	int result;

	(void)snprintf(own, sizeof(own), "%s/%s", dir, name);
	(void)snprintf(system, sizeof(system), "/etc/%s", name);
	result = write_file(own, text);
	if (result == 0 && access(system, F_OK) != 0)
		return strcmp(name, "nsswitch.conf") == 0 ? 0 : -ENOENT; /* glibc's default is the same */
	return result == 0 && mount(own, system, NULL, MS_BIND, NULL) != 0 ? -errno : result;
}

int yp_network_names_isolate(const char *dir, char *reason, size_t reason_bytes)
{
	const char *what = "unshare";
	int result = leave_namespaces();

	if (result == 0) {
		what = "mount";
		result = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ? -errno : 0;
	}
	if (result == 0) {
		what = "the loopback";
		result = loopback_up();
	}
	if (result == 0) {
		what = "/etc/resolv.conf";
		result = cover_file(dir, "resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
	}
	if (result == 0) {
		what = "/etc/nsswitch.conf";
		result = cover_file(dir, "nsswitch.conf", "hosts: files dns\n");
	}
	if (result == 0) {
		what = "/etc/hosts";
		result = cover_file(dir, "hosts", "127.0.0.1 localhost\n");
	}
	if (result != 0)
		(void)snprintf(reason, reason_bytes, "no namespace of its own: %s: %s", what, strerror(-result));
	return result;
}

int yp_network_names_impair(const char *words, char *reason, size_t reason_bytes)
{
	char text[128];
	char *argv[TC_WORDS_MAX] = {(char[]){"tc"}, (char[]){"qdisc"}, (char[]){"add"},   (char[]){"dev"},
				    (char[]){"lo"}, (char[]){"root"},  (char[]){"netem"}, NULL};
	char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	posix_spawn_file_actions_t actions;
	unsigned count = 7;
	char *save = NULL;
	int status = -1;
	pid_t pid = -1;
	int result;

	(void)snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok_r(text, " ", &save); word && count < TC_WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &save))
		argv[count++] = word;
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	result = posix_spawnp(&pid, "tc", &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (result == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (result == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	(void)snprintf(reason, reason_bytes, "%s",
		       result != 0 ? "no tc command" : "the kernel has no netem (sch_netem)");
	return -ENOTSUP;
}
