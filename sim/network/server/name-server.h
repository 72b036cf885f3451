/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_SERVER_NAME_SERVER_H
#define SIM_NETWORK_SERVER_NAME_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A name server that answers for every name, on 127.0.0.1:53 of a network namespace of its own, and the namespaces that
 * make the system's resolver ask it: no file and no port of the machine is touched.
 */
enum yp_network_names_lie {
	YP_NETWORK_NAMES_TRUTH,
	YP_NETWORK_NAMES_NXDOMAIN,
	YP_NETWORK_NAMES_SERVFAIL,
	YP_NETWORK_NAMES_SILENT,
	YP_NETWORK_NAMES_SLOW,      /* the truth, arg ms later */
	YP_NETWORK_NAMES_ELSEWHERE, /* an address without a listener */
	YP_NETWORK_NAMES_GARBAGE,   /* bytes that are no answer */
	YP_NETWORK_NAMES_IPV6,      /* also an IPv6 address without a listener, first in the order of preference */
	YP_NETWORK_NAMES_EMPTY,     /* the name exists and has no address */
};

struct yp_network_names;
int yp_network_names_new(struct yp_network_names **out) __attribute__((warn_unused_result)); /* 0 or -errno */
void yp_network_names_free(struct yp_network_names *names);
/* times: lookups (of an address of either family) that get the wrong answer; 0: all. Starts the count anew. */
void yp_network_names_script(struct yp_network_names *names, enum yp_network_names_lie lie, uint32_t arg,
			     unsigned times);
unsigned yp_network_names_told(struct yp_network_names *names);

/*
 * Moves this process, which must have one thread, into namespaces of its own: a network of a loopback alone, and a
 * resolver that knows no other source than 127.0.0.1. dir: where the resolver's files go. 0 or -errno with the reason.
 */
int yp_network_names_isolate(const char *dir, char *reason, size_t reason_bytes) __attribute__((warn_unused_result));
/* In such a namespace: what `tc qdisc add dev lo root netem WORDS` does. 0, or -ENOTSUP with the reason. */
int yp_network_names_impair(const char *words, char *reason, size_t reason_bytes) __attribute__((warn_unused_result));

#endif
