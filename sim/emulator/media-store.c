/* SPDX-License-Identifier: Apache-2.0 */
/* The block server of a board: its process, its control socket and its answers. */
#include "emulator/media-store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "emulator/monotonic-clock.h"
#include "server/server-command.h"

#define BACKLOG       8
#define START_MS      20000
#define ANSWER_MS     60000 /* a crash state of a long log is made in seconds at most */
#define GREETING_SIZE 16
#define LAST_BYTES    400

static int address_of(const char *path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof out->sun_path)
		return -ENAMETOOLONG;
	memcpy(out->sun_path, path, strlen(path) + 1);
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address;
	int r = address_of(path, &address);
	int fd = r == 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	if (r < 0 || fd < 0)
		return r < 0 ? r : -errno;
	(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address;
	int r = address_of(path, &address);
	int fd = r == 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	if (r < 0 || fd < 0)
		return r < 0 ? r : -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

/* The end of what the server printed, as one line. */
static void last_words(const char *path, char *out, size_t out_bytes)
{
	char text[LAST_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
	ssize_t n = size > 0 ? pread(fd, text, LAST_BYTES, size > LAST_BYTES ? size - LAST_BYTES : 0) : 0;
	if (fd >= 0)
		(void)close(fd);
	for (; n > 0 && text[n - 1] == '\n'; n--)
		;
	text[n > 0 ? n : 0] = 0;
	const char *line = strrchr(text, '\n');
	(void)snprintf(out, out_bytes, "the block server: %s",
		       line    ? line + 1
		       : *text ? text
			       : "it ended, and said nothing");
}

/* It answers a connection once its media exist; its control socket exists by then. */
static int await_greeting(struct yp_emulator_store *store, int64_t deadline)
{
	char greeting[GREETING_SIZE];
	int fd = connect_to(store->socket);
	if (fd < 0)
		return fd;
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = store->process.pidfd, .events = POLLIN}};
	int r = yp_emulator_clock_poll(fds, 2, deadline);
	if (r > 0)
		r = fds[1].revents ? -ECHILD : recv(fd, greeting, sizeof greeting, 0) > 0 ? 1 : -ECONNRESET;
	(void)close(fd);
	return r > 0 ? 0 : r == 0 ? -ETIMEDOUT : r;
}

static int start_server(struct yp_emulator_store *store, const char *plugin, const char *images, const char *output)
{
	char control[YP_EMULATOR_STORE_PATH + 16];
	int listener = listen_at(store->socket);
	if (listener < 0)
		return listener;
	(void)snprintf(control, sizeof control, "control=%s", store->control);
	const char *argv[] = {"nbdkit", "-f", plugin, "layout=media", control, NULL};
	struct yp_emulator_process_spec spec = {
	    .argv = argv, .dir = images, .output = output, .fds_count = 1, .fds = {listener}, .listens = true};
	int r = yp_emulator_process_start(&store->process, &spec);
	(void)close(listener);
	return r;
}

int yp_emulator_store_init(struct yp_emulator_store *store, const char *dir, const char *plugin, const char *images,
			   char *detail, size_t detail_bytes)
{
	char answer[YP_EMULATOR_ANSWER_MAX];
	char output[YP_EMULATOR_PATH_MAX];
	*store = (struct yp_emulator_store){.fd = -1, .mark_fd = -1};
	(void)pthread_mutex_init(&store->lock, NULL);
	if (snprintf(store->socket, sizeof store->socket, "%s/nbd", dir) >= (int)sizeof store->socket ||
	    snprintf(store->control, sizeof store->control, "%s/control", dir) >= (int)sizeof store->control ||
	    snprintf(output, sizeof output, "%s/nbdkit.log", dir) >= (int)sizeof output) {
		(void)snprintf(detail, detail_bytes, "%.80s... is too long a path for sockets; take a shorter one",
			       dir);
		return -ENAMETOOLONG;
	}
	char *whole = realpath(plugin, NULL); /* the server goes to the images first */
	int r = whole ? start_server(store, whole, images, output) : -errno;
	free(whole);
	if (r < 0) {
		(void)snprintf(detail, detail_bytes, "nbdkit with %.100s: %s; run ci/setup-packages.sh server and make",
			       plugin, strerror(-r));
		return r;
	}
	r = await_greeting(store, yp_emulator_clock_in_ms(START_MS));
	if (r == 0)
		store->fd = connect_to(store->control);
	if (r == 0)
		store->mark_fd = connect_to(store->control);
	if (r == 0 && (store->fd < 0 || store->mark_fd < 0))
		r = store->fd < 0 ? store->fd : store->mark_fd;
	if (r == 0) /* it starts with the power on */
		r = yp_emulator_store_say(store, answer, sizeof answer, "cut form=all");
	if (r != 0)
		last_words(output, detail, detail_bytes);
	return r > 0 ? -EPROTO : r;
}

void yp_emulator_store_deinit(struct yp_emulator_store *store)
{
	yp_emulator_process_kill(&store->process);
	if (store->fd >= 0)
		(void)close(store->fd);
	if (store->mark_fd >= 0)
		(void)close(store->mark_fd);
	store->fd = store->mark_fd = -1;
	(void)pthread_mutex_destroy(&store->lock);
}

static int send_all(int fd, const char *bytes, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t n = send(fd, bytes + done, count - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static int receive_line(int fd, char *out, size_t out_bytes, int64_t deadline)
{
	size_t used = 0;
	while (used + 1 < out_bytes) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int r = yp_emulator_clock_poll(&p, 1, deadline);
		if (r <= 0)
			return r == 0 ? -ETIMEDOUT : r;
		ssize_t n = recv(fd, out + used, out_bytes - 1 - used, MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		used += n > 0 ? (size_t)n : 0;
		if (used > 0 && out[used - 1] == '\n') { /* one answer a line, one line a command */
			out[used - 1] = 0;
			return 0;
		}
	}
	return -EMSGSIZE;
}

static int say_line(int fd, char *out, size_t out_bytes, const char *text)
{
	char line[YP_COMMAND_BYTES_MAX];
	int n = snprintf(line, sizeof line, "%s\n", text);
	if (n < 0 || (size_t)n >= sizeof line)
		return -EMSGSIZE;
	int r = send_all(fd, line, (size_t)n);
	if (r == 0)
		r = receive_line(fd, out, out_bytes, yp_emulator_clock_in_ms(ANSWER_MS));
	if (r < 0)
		return r;
	return strncmp(out, "ok", 2) == 0 ? 0 : 1;
}

int yp_emulator_store_say(struct yp_emulator_store *store, char *out, size_t out_bytes, const char *line)
{
	return say_line(store->fd, out, out_bytes, line);
}

int yp_emulator_store_sayf(struct yp_emulator_store *store, char *out, size_t out_bytes, const char *format, ...)
{
	char line[YP_COMMAND_BYTES_MAX];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	return n < 0 || (size_t)n >= sizeof line ? -EMSGSIZE : say_line(store->fd, out, out_bytes, line);
}

int yp_emulator_store_mark(struct yp_emulator_store *store, enum yp_mark_kind kind, const char *text)
{
	static const char *const kinds[] = {"step", "world", "note"};
	char line[YP_COMMAND_BYTES_MAX];
	char answer[YP_EMULATOR_ANSWER_MAX];
	int n = snprintf(line, sizeof line, "mark %s %s", kinds[kind], text);
	if (n < 0 || (size_t)n >= sizeof line)
		return -EMSGSIZE;
	(void)pthread_mutex_lock(&store->lock);
	int r = say_line(store->mark_fd, answer, sizeof answer, line);
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

static const char *value_of(const char *answer, const char *name)
{
	size_t length = strlen(name);
	for (const char *p = answer; (p = strstr(p, name)); p += length) {
		if (p > answer && p[-1] == ' ' && p[length] == '=')
			return p + length + 1;
	}
	return NULL;
}

uint64_t yp_emulator_store_number(const char *answer, const char *name)
{
	const char *value = value_of(answer, name);
	return value ? strtoull(value, NULL, 10) : 0;
}

bool yp_emulator_store_word(const char *answer, const char *name, char *out, size_t out_bytes)
{
	const char *value = value_of(answer, name);
	size_t length = value ? strcspn(value, " ") : 0;
	if (!value || length >= out_bytes)
		return false;
	memcpy(out, value, length);
	out[length] = 0;
	return true;
}
