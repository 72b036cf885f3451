/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NET_NAMES_H
#define SIM_NET_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A name server that answers for every name, on 127.0.0.1:53 of a network namespace of its own, and the namespaces that
 * make the system's resolver ask it: no file and no port of the machine is touched.
 */
enum sim_names_lie {
	SIM_NAMES_TRUTH,
	SIM_NAMES_NXDOMAIN,
	SIM_NAMES_SERVFAIL,
	SIM_NAMES_SILENT,
	SIM_NAMES_SLOW,      /* the truth, arg ms later */
	SIM_NAMES_ELSEWHERE, /* an address where nobody listens */
	SIM_NAMES_GARBAGE,   /* bytes that are no answer */
	SIM_NAMES_IPV6,      /* also an IPv6 address where nobody listens, first in the order of preference */
	SIM_NAMES_EMPTY,     /* the name exists and has no address */
};

struct sim_names;
int sim_names_new(struct sim_names **out) __attribute__((warn_unused_result)); /* 0 or -errno */
void sim_names_free(struct sim_names *names);
/* times: lookups (of an address of either family) that are lied to; 0: all. Starts the count anew. */
void sim_names_script(struct sim_names *names, enum sim_names_lie lie, uint32_t arg, unsigned times);
unsigned sim_names_told(struct sim_names *names);

/*
 * Moves this process, which must have one thread, into namespaces of its own: a network of a loopback alone, and a
 * resolver that knows no other source than 127.0.0.1. dir: where the resolver's files go. 0 or -errno with the reason.
 */
int sim_names_isolate(const char *dir, char *reason, size_t reason_bytes) __attribute__((warn_unused_result));
/* In such a namespace: what `tc qdisc add dev lo root netem WORDS` does. 0, or -ENOTSUP with the reason. */
int sim_names_impair(const char *words, char *reason, size_t reason_bytes) __attribute__((warn_unused_result));

#endif
