/* SPDX-License-Identifier: Apache-2.0 */
/* nginx for the kill test: started, stopped, and its log read. */
#include "test/kill/kill-server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/kill/kill-process.h"

#define PORTS_MAX         5 /* another process may take a port that was free a moment ago */
#define START_TIMEOUT_US  10000000u
#define SETTLE_TIMEOUT_US 10000000u
#define STOP_TIMEOUT_MS   5000
#define LINE_MAX_BYTES    1024
#define SOCKETS_MAX       128
#define REQUESTS_MAX      1000u

static int bind_local(int fd, unsigned port, struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)port);
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)address, length) != 0)
		return -1;
	return getsockname(fd, (struct sockaddr *)address, &length);
}

static unsigned free_port(void)
{
	struct sockaddr_in address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	if (fd >= 0 && bind_local(fd, 0, &address) == 0)
		port = ntohs(address.sin_port);
	if (fd >= 0)
		(void)close(fd);
	return port;
}

static bool port_answers(unsigned port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* Is it still there after so long? */
static bool server_lives(const struct lab *lab, int wait_ms)
{
	struct pollfd ended = {.fd = lab->server_fd, .events = POLLIN};

	return poll(&ended, 1, wait_ms) == 0;
}

/* 0; 1: it ended at once, try another port; -1. */
static int start_at(struct lab *lab, unsigned port, const char *rate)
{
	char script[LAB_PATH_MAX + 16], dir[LAB_PATH_MAX], files[LAB_PATH_MAX], pki[LAB_PATH_MAX], number[16];
	const char *argv[] = {script, dir, files, pki, number, rate, NULL};
	uint64_t end_us = process_now_us() + START_TIMEOUT_US;
	struct process process;

	(void)snprintf(script, sizeof(script), "%s/ci/serve.sh", lab->root);
	(void)snprintf(number, sizeof(number), "%u", port);
	lab_path(lab, dir, "server");
	lab_path(lab, files, "files");
	lab_path(lab, pki, "pki");
	lab_path(lab, lab->access_log, "server/access.log");
	if (process_start(argv, lab->dir, lab->log, PROCESS_DIES_WITH_US, &process) != 0)
		return lab_fail(lab, "%s: %s", script, strerror(errno));
	lab->server = process.pid;
	lab->server_fd = process.fd;
	lab->port = port;
	lab->log_position = 0;
	(void)snprintf(lab->url, sizeof(lab->url), "https://localhost:%u/update.ota", port);
	while (process_now_us() < end_us) {
		if (!server_lives(lab, 5))
			return 1;
		if (port_answers(port) && server_lives(lab, 0))
			return 0;
	}
	return lab_fail(lab, "nginx does not answer on port %u", port);
}

int server_start(struct lab *lab, const char *rate)
{
	int result = 1;

	for (unsigned i = 0; i < PORTS_MAX && result > 0; i++) {
		result = start_at(lab, free_port(), rate);
		if (result != 0)
			server_stop(lab);
	}
	return result > 0 ? lab_fail(lab, "nginx ends at once; see %s", lab->log) : result;
}

void server_stop(struct lab *lab)
{
	struct process process = {.pid = lab->server, .fd = lab->server_fd};

	if (lab->server_fd < 0)
		return;
	(void)kill(lab->server, SIGTERM);
	if (process_wait(&process, STOP_TIMEOUT_MS) < 0)
		(void)fprintf(stderr, "kill: nginx had to be killed\n");
	lab->server_fd = -1;
}

/* The sockets that a process holds, by inode. */
struct sockets {
	unsigned long inode[SOCKETS_MAX];
	unsigned count;
};

static void sockets_remove(struct sockets *sockets, unsigned long inode)
{
	for (unsigned i = 0; i < sockets->count; i++)
		if (sockets->inode[i] == inode)
			sockets->inode[i] = sockets->inode[--sockets->count];
}

/* Of nginx's one worker. */
static int sockets_of_worker(struct lab *lab, struct sockets *out)
{
	char path[64 + NAME_MAX], target[64];
	struct dirent *entry;
	long worker = 0;
	FILE *file;
	DIR *dir;

	out->count = 0;
	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)lab->server, (long)lab->server);
	file = fopen(path, "re");
	if (file == NULL || fscanf(file, "%ld", &worker) != 1)
		worker = 0;
	if (file != NULL)
		(void)fclose(file);
	(void)snprintf(path, sizeof(path), "/proc/%ld/fd", worker);
	dir = opendir(path);
	if (dir == NULL)
		return lab_fail(lab, "nginx has no worker that can be looked at: %s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL && out->count < SOCKETS_MAX) {
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[length > 0 ? length : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &out->inode[out->count]) == 1)
			out->count++;
	}
	(void)closedir(dir);
	return 0;
}

/* A table of /proc/net: removes what is no connection to this server; true if one is seen that is. */
static bool sockets_match(const struct lab *lab, const char *table, struct sockets *sockets)
{
	enum { ESTABLISHED = 1, SYN_RECEIVED = 3, CLOSE_WAIT = 8, LISTEN = 10 };
	char line[LINE_MAX_BYTES];
	FILE *file = fopen(table, "re");
	unsigned long inode;
	unsigned port, state;
	bool open = false;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, " %*u: %*x:%x %*x:%*x %x %*s %*s %*s %*u %*u %lu", &port, &state, &inode) == 3) {
			open = open || (port == lab->port &&
					(state == ESTABLISHED || state == SYN_RECEIVED || state == CLOSE_WAIT));
			if (state == LISTEN)
				sockets_remove(sockets, inode);
		} else if (sscanf(line, "%*x: %*x %*x %*x %*x %*x %lu", &inode) == 1) {
			sockets_remove(sockets, inode); /* /proc/net/unix: between nginx's own processes */
		}
	}
	if (file != NULL)
		(void)fclose(file);
	return open;
}

/*
 * Is there a connection that nginx still has to close? It logs a request before. One that the client has reset is in no
 * table of the kernel, only among the files of the worker.
 */
static int connections_open(struct lab *lab, bool *open)
{
	struct sockets sockets = {.count = 0};

	*open = sockets_match(lab, "/proc/net/tcp", &sockets);
	if (*open)
		return 0;
	if (sockets_of_worker(lab, &sockets) != 0)
		return -1;
	*open = sockets_match(lab, "/proc/net/tcp", &sockets);
	(void)sockets_match(lab, "/proc/net/unix", &sockets);
	*open = *open || sockets.count > 0;
	return 0;
}

static int settle_server(struct lab *lab)
{
	uint64_t end_us = process_now_us() + SETTLE_TIMEOUT_US;
	bool open = true;

	while (process_now_us() < end_us) {
		if (connections_open(lab, &open) != 0)
			return -1;
		if (!open)
			return 0;
		if (!server_lives(lab, 1))
			return lab_fail(lab, "nginx has ended");
	}
	return lab_fail(lab, "the server still holds a connection that its client left");
}

static uint64_t overlap_bytes(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	uint64_t from = a > b ? a : b;
	uint64_t to = a_end < b_end ? a_end : b_end;

	return from < to ? to - from : 0;
}

/* MSEC "GET /update.ota HTTP/1.1" STATUS "RANGE" BYTES */
static int add_request(struct lab *lab, const char *line, uint64_t durable_end, struct traffic *out)
{
	char request[LINE_MAX_BYTES], range[LINE_MAX_BYTES];
	uint64_t start = 0, sent;
	int status;

	if (sscanf(line, "%*s \"%1023[^\"]\" %d \"%1023[^\"]\" %" SCNu64, request, &status, range, &sent) != 4)
		return lab_fail(lab, "%s: not understood: %s", lab->access_log, line);
	if (strcmp(request, "GET /update.ota HTTP/1.1") != 0)
		return lab_fail(lab, "a request that was not expected: %s", line);
	/* 499 and the like: gone before the answer. 200: the whole, whatever was asked for. */
	if (status == 206 && sscanf(range, "bytes=%" SCNu64, &start) != 1)
		return lab_fail(lab, "%s: not understood: %s", lab->access_log, line);
	if (status != 206 && status != 200 && status != 499)
		return lab_fail(lab, "the server refused: %s", line);
	out->requests++;
	out->sent_bytes += sent;
	out->head_bytes += overlap_bytes(start, start + sent, 0, lab->head_bytes);
	out->again_bytes += overlap_bytes(start, start + sent, lab->head_bytes, durable_end);
	return 0;
}

int server_traffic(struct lab *lab, uint64_t durable_end, struct traffic *out)
{
	char line[LINE_MAX_BYTES];
	int result = 0;
	FILE *file;

	memset(out, 0, sizeof(*out));
	if (settle_server(lab) != 0)
		return -1;
	file = fopen(lab->access_log, "re");
	if (file == NULL || fseek(file, lab->log_position, SEEK_SET) != 0)
		result = lab_fail(lab, "%s: %s", lab->access_log, strerror(errno));
	for (unsigned i = 0; result == 0 && i < REQUESTS_MAX && fgets(line, sizeof(line), file) != NULL; i++)
		result = add_request(lab, line, durable_end, out);
	if (result == 0)
		lab->log_position = ftell(file);
	if (file != NULL)
		(void)fclose(file);
	return result;
}
