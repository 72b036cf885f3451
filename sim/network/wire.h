/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_WIRE_H
#define SIM_NETWORK_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* Helpers of all servers here. All on the loopback. */
int64_t yp_network_wire_now_ms(void); /* monotonic */

/*
 * A reserved port. While no socket listens on it, it refuses connections at once (RST): the reservation is a socket
 * that is bound and never listens. yp_network_port_listen() makes a listener on the same port; closing that one makes
 * it refuse again.
 */
struct yp_network_port {
	int reserved;
	uint16_t number;
};
int yp_network_port_open(struct yp_network_port *port) __attribute__((warn_unused_result)); /* 0 or -errno */
void yp_network_port_close(struct yp_network_port *port);
int yp_network_port_listen(const struct yp_network_port *port, int backlog)
    __attribute__((warn_unused_result)); /* fd or -errno */
int yp_network_port_connect(uint16_t number)
    __attribute__((warn_unused_result)); /* non-blocking fd, perhaps not connected yet, or -errno */

/* The close of fd resets the connection. What was written has arrived by then, unless the peer does not read. */
void yp_network_wire_reset(int fd);
bool yp_network_wire_nonblocking(int fd);
/* Small buffers in both directions: what is given up on the way is then little, and the same everywhere. */
void yp_network_wire_narrow(int fd);

/* Takes decimal digits off the front of *at. False: there are none, or too many for the type. */
bool yp_network_wire_number(const char **at, unsigned long long *out);

/* Wakes a poll() from another thread. */
struct yp_network_wake {
	int fds[2];
};
int yp_network_wake_open(struct yp_network_wake *wake) __attribute__((warn_unused_result));
void yp_network_wake_close(struct yp_network_wake *wake);
void yp_network_wake_up(struct yp_network_wake *wake);
void yp_network_wake_drain(struct yp_network_wake *wake);

#endif
