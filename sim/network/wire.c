/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4, pipe2, POLLRDHUP, nftw */
/* Sockets of this machine: ports, wakes, what has left a kernel's buffer, numbers on a line. */
#include "network/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <unistd.h>

#include "power-cut/host-calls.h"

#define WINDOW_BYTES  (64 * 1024)
#define DRAIN_WAIT_MS 50 /* at most: for the peer's kernel to have what was written */

int64_t yp_network_wire_now_ms(void)
{
	return (int64_t)yp_clock_ms();
}

static int bound_socket(uint16_t number)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(number)};
	int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	yp_network_wire_narrow(fd); /* who is accepted inherits it */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int result = -errno;

		close(fd);
		return result;
	}
	return fd;
}

bool yp_network_wire_number(const char **at, unsigned long long *out)
{
	char *end = NULL;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0;
}

int yp_network_port_open(struct yp_network_port *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);

	port->reserved = bound_socket(0);
	if (port->reserved < 0)
		return port->reserved;
	if (getsockname(port->reserved, (struct sockaddr *)&address, &size) != 0) {
		int result = -errno;

		yp_network_port_close(port);
		return result;
	}
	port->number = ntohs(address.sin_port);
	return 0;
}

void yp_network_port_close(struct yp_network_port *port)
{
	if (port->reserved >= 0)
		close(port->reserved);
	port->reserved = -1;
}

int yp_network_port_listen(const struct yp_network_port *port, int backlog)
{
	int fd = bound_socket(port->number);

	if (fd >= 0 && (listen(fd, backlog) != 0 || !yp_network_wire_nonblocking(fd))) {
		int result = -errno;

		close(fd);
		return result;
	}
	return fd;
}

int yp_network_port_connect(uint16_t number)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(number)};
	int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	yp_network_wire_narrow(fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS) {
		int result = -errno;

		close(fd);
		return result;
	}
	return fd;
}

void yp_network_wire_reset(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int64_t end_ms = yp_network_wire_now_ms() + DRAIN_WAIT_MS;
	int queued = 0;

	/* A reset throws away what is still queued here: give it the time that the loopback needs. There is no event
	 * for it. */
	while (ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0 && yp_network_wire_now_ms() < end_ms)
		(void)poll(NULL, 0, 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void yp_network_wire_narrow(int fd)
{
	int bytes = WINDOW_BYTES;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

bool yp_network_wire_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

int yp_network_wake_open(struct yp_network_wake *wake)
{
	return pipe2(wake->fds, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -errno;
}

void yp_network_wake_close(struct yp_network_wake *wake)
{
	for (unsigned i = 0; i < 2; i++) {
		if (wake->fds[i] >= 0)
			close(wake->fds[i]);
		wake->fds[i] = -1;
	}
}

void yp_network_wake_up(struct yp_network_wake *wake)
{
	(void)!write(wake->fds[1], "x", 1); /* full: it is awake already */
}

void yp_network_wake_drain(struct yp_network_wake *wake)
{
	char bytes[64];

	while (read(wake->fds[0], bytes, sizeof(bytes)) > 0)
		;
}
