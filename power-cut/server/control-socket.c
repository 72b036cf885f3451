/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: one thread that reads lines from its clients and answers each. */
#include "server/control-socket.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/format-detail.h"
#include "power-cut/host-calls.h"

#define ANSWER_BYTES   8192u
#define SEND_TIMEOUT_S 2
#define WAKE_STOP      (UINT64_C(1) << 32)

struct client {
	int fd; /* -1: free */
	size_t used;
	char buffer[YP_COMMAND_BYTES_MAX];
	bool waiting;
	int64_t deadline_ms;
	struct yp_command wait;
};

struct yp_control {
	int listener, event;
	struct sockaddr_un address;
	struct yp_server *server;
	void (*on_quit)(void *ctx);
	void *ctx;
	pthread_t thread;
	bool bound, started;
	struct client clients[YP_CONTROL_CLIENTS_MAX];
};

static void client_close(struct client *c)
{
	(void)close(c->fd);
	c->fd = -1;
	c->used = 0;
	c->waiting = false;
}

static void client_answer(struct client *c, char *text)
{
	size_t size = strlen(text);
	text[size++] = '\n';
	for (size_t done = 0; done < size;) {
		ssize_t n = send(c->fd, text + done, size - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			client_close(c);
			return;
		}
		done += (size_t)n;
	}
}

/* Is what the client waits for there, or too late? */
static void client_check(struct yp_control *control, struct client *c, int64_t now)
{
	char text[ANSWER_BYTES];
	bool happened = yp_control_happened(control->server, &c->wait, text, sizeof text - 1);
	if (!happened && now < c->deadline_ms)
		return;
	if (!happened)
		yp_detail(text, sizeof text - 1, "error it did not happen in time");
	c->waiting = false;
	client_answer(c, text);
}

static void client_line(struct yp_control *control, struct client *c, size_t bytes)
{
	char text[ANSWER_BYTES];
	char detail[160];
	struct yp_command command;
	if (yp_command_parse(c->buffer, bytes, &command, detail, sizeof detail) != 0) {
		yp_detail(text, sizeof text - 1, "error %s", detail);
		client_answer(c, text);
		return;
	}
	if (command.kind == YP_COMMAND_WAIT_CUT || command.kind == YP_COMMAND_WAIT_FAULT) {
		c->wait = command;
		c->waiting = true;
		c->deadline_ms = (int64_t)yp_clock_ms() + command.timeout_ms;
		client_check(control, c, (int64_t)yp_clock_ms());
		return;
	}
	yp_control_run(control->server, &command, text, sizeof text - 1);
	client_answer(c, text);
	if (command.kind == YP_COMMAND_QUIT)
		control->on_quit(control->ctx);
}

/* All whole lines that the client sent, unless it waits. */
static void client_lines(struct yp_control *control, struct client *c)
{
	const char *end;
	while (c->fd >= 0 && !c->waiting && (end = memchr(c->buffer, '\n', c->used))) {
		size_t bytes = (size_t)(end - c->buffer);
		client_line(control, c, bytes);
		if (c->fd < 0)
			return;
		c->used -= bytes + 1;
		memmove(c->buffer, c->buffer + bytes + 1, c->used);
	}
	if (c->fd >= 0 && c->used == sizeof c->buffer)
		client_close(c); /* a line without end */
}

static void client_read(struct yp_control *control, struct client *c)
{
	ssize_t n = recv(c->fd, c->buffer + c->used, sizeof c->buffer - c->used, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		client_close(c);
		return;
	}
	c->used += (size_t)n;
	client_lines(control, c);
}

static void client_accept(struct yp_control *control)
{
	const struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
	int fd = accept(control->listener, NULL, NULL);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < YP_CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i].fd < 0) {
			(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
			control->clients[i].fd = fd;
			return;
		}
	}
	(void)close(fd);
}

/* Of the listener, the event and the clients; a client that waits is read from only to notice that it has disconnected.
 */
static int control_poll(struct yp_control *control, struct pollfd fds[2 + YP_CONTROL_CLIENTS_MAX])
{
	int64_t now = (int64_t)yp_clock_ms();
	int64_t timeout = -1;
	fds[0] = (struct pollfd){.fd = control->event, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = control->listener, .events = POLLIN};
	for (unsigned i = 0; i < YP_CONTROL_CLIENTS_MAX; i++) {
		const struct client *c = &control->clients[i];
		fds[2 + i] = (struct pollfd){.fd = c->fd, .events = c->waiting ? 0 : POLLIN};
		int64_t left = c->waiting ? (c->deadline_ms > now ? c->deadline_ms - now : 0) : -1;
		if (left >= 0 && (timeout < 0 || left < timeout))
			timeout = left;
	}
	return poll(fds, 2 + YP_CONTROL_CLIENTS_MAX, (int)timeout);
}

static void *control_loop(void *arg)
{
	struct yp_control *control = arg;
	struct pollfd fds[2 + YP_CONTROL_CLIENTS_MAX];
	for (;;) {
		uint64_t events = 0;
		if (control_poll(control, fds) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents && read(control->event, &events, sizeof events) == sizeof events &&
		    events >= WAKE_STOP)
			return NULL;
		for (unsigned i = 0; i < YP_CONTROL_CLIENTS_MAX; i++) {
			struct client *c = &control->clients[i];
			if (c->fd >= 0 && c->fd == fds[2 + i].fd && fds[2 + i].revents) {
				if (c->waiting)
					client_close(c); /* hung up */
				else
					client_read(control, c);
			}
			if (c->waiting)
				client_check(control, c, (int64_t)yp_clock_ms());
			if (c->fd >= 0)
				client_lines(control, c);
		}
		if (fds[1].revents)
			client_accept(control);
	}
}

int yp_control_new(const char *path, void (*on_quit)(void *ctx), void *ctx, struct yp_control **out)
{
	assert(path && out);
	struct yp_control *control = calloc(1, sizeof *control);
	if (!control)
		return -ENOMEM;
	*control = (struct yp_control){.listener = -1, .event = -1, .on_quit = on_quit, .ctx = ctx};
	for (unsigned i = 0; i < YP_CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	int r = strlen(path) < sizeof control->address.sun_path ? 0 : -ENAMETOOLONG;
	if (r == 0) {
		control->address.sun_family = AF_UNIX;
		memcpy(control->address.sun_path, path, strlen(path) + 1);
		control->event = eventfd(0, EFD_CLOEXEC);
		control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	if (r == 0 && (control->event < 0 || control->listener < 0))
		r = -errno;
	struct stat left;
	if (r == 0 && lstat(path, &left) == 0 && S_ISSOCK(left.st_mode))
		(void)unlink(
		    path); /* of a server that was killed; anything else there is not ours, and bind() refuses */
	/* The mode is set before the name exists, so that no other user can connect first. */
	if (r == 0 &&
	    (fchmod(control->listener, S_IRUSR | S_IWUSR) < 0 ||
	     bind(control->listener, (const struct sockaddr *)&control->address, sizeof control->address) < 0))
		r = -errno;
	control->bound = r == 0;
	if (r == 0 && listen(control->listener, YP_CONTROL_CLIENTS_MAX) < 0)
		r = -errno;
	if (r < 0) {
		yp_control_free(control);
		return r;
	}
	*out = control;
	return 0;
}

int yp_control_start(struct yp_control *control, struct yp_server *server)
{
	assert(control && server && control->on_quit && !control->started);
	control->server = server;
	int r = -pthread_create(&control->thread, NULL, control_loop, control);
	control->started = r == 0;
	return r;
}

static void send_events(struct yp_control *control, uint64_t events)
{
	ssize_t n;
	do {
		n = write(control->event, &events, sizeof events);
	} while (n < 0 && errno == EINTR);
}

void yp_control_wake(struct yp_control *control)
{
	send_events(control, 1);
}

void yp_control_free(struct yp_control *control)
{
	if (!control)
		return;
	if (control->started) {
		send_events(control, WAKE_STOP);
		(void)pthread_join(control->thread, NULL);
	}
	for (unsigned i = 0; i < YP_CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i].fd >= 0)
			(void)close(control->clients[i].fd);
	}
	if (control->bound)
		(void)unlink(control->address.sun_path);
	if (control->listener >= 0)
		(void)close(control->listener);
	if (control->event >= 0)
		(void)close(control->event);
	free(control);
}
