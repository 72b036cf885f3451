/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/explore.h"
#include "sim/subject.h"

/*
 * The failing network: the real updater command as a process, against a scripted HTTPS origin and a byte-exact TCP
 * relay on the loopback. A case is one fault: it is run, judged from outside (exit status, the one line for the
 * outcome, the bytes of the slots, the boot environment, what the server saw), then the fault is taken away and the
 * same good update must succeed by itself (I6), with exactly one truthful report (I5), in bounded bytes and time (I7).
 *
 * Ids are stable and replay a case by themselves:
 *
 *   http:NAME tls:NAME dev:NAME ...  a row of the tables in sim/network/cases*.c
 *   net:FAULT.PLACE                  a connection fault at a place that the reference run has
 *   net:FAULT.r<seed>.<n>            the nth place of a seeded sweep over the file
 *   ID/kill.s<n>                     the same, killed at the nth step that is announced after the fault
 *   ID/kill.b<n>                     the same, killed when n KiB more have come after the fault; or at the next step,
 *                                    when the faulty run had all before that was seen
 */
struct yp_network;

struct yp_network_options {
	const struct yp_subject
	    *subject;     /* NULL: yp_subject_find(NULL). It needs all parts but records and descriptor */
	const char *ota;  /* the command, a path; required */
	const char *zoo;  /* what images/zoo.sh made; required, absolute */
	const char *base; /* where the device's files go; NULL: /dev/shm, else /tmp */
};

/* One device, its bundles and its certificates; runs one case at a time. 0 or -errno with one clause in detail. */
int yp_network_new(const struct yp_network_options *options, struct yp_network **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void yp_network_free(struct yp_network *net);
/* Removes the directories that killed processes left below base (NULL: as above); yp_network_new() does so too. */
void yp_network_sweep(const char *base);

enum yp_network_group {
	YP_NETWORK_HTTP = 1, /* what a server can say */
	YP_NETWORK_TLS = 2,
	YP_NETWORK_CONNECTION = 4, /* faults without a place: refused, black hole, slow, offline half of the time */
	YP_NETWORK_PLACES = 8,     /* each connection fault at each region boundary and at each step */
	YP_NETWORK_REPORT = 16,
	YP_NETWORK_NAMES = 32,  /* DNS; needs root and namespaces */
	YP_NETWORK_DEVICE = 64, /* the device's own troubles, and who uses it */
	YP_NETWORK_ALL = 127
};
struct yp_network_plan {
	const struct yp_subject *subject; /* whose steps are places; NULL: yp_subject_find(NULL) */
	unsigned groups;                  /* enum yp_network_group */
	unsigned sweep;                   /* seeded places per fault; 0: none */
	bool slow;                        /* also cases of tens of seconds */
	unsigned kill_every;              /* every nth case also with a power cut in its recovery; 1: each; 0: none */
	uint64_t seed;
};
/* Needs no device. Non-zero ends the plan, which forwards it. catalogue: ids of the catalogue that the case covers,
 * blanks between. */
typedef int yp_network_sink(void *ctx, const char *id, const char *catalogue);
int yp_network_plan(const struct yp_network_plan *plan, yp_network_sink *sink, void *ctx)
    __attribute__((warn_unused_result));

#define YP_NETWORK_ID_MAX 96u
struct yp_network_result {
	struct yp_outcome outcome; /* label: class of the case, as in the catalogue */
	bool landed;
	char catalogue[48];
	char expected[64];  /* class and reasons, such as "REJ-E BAD_MAGIC" */
	char reason[32];    /* that the first run gave */
	int status;         /* its exit status */
	char landing[96];   /* where the fault happened, by the log of relay or origin */
	unsigned requests;  /* of the faulty run */
	unsigned reports;   /* different ones that the server has in the end */
	uint64_t bytes;     /* of bodies fetched by the faulty run */
	uint64_t bytes_all; /* and with all that followed */
	uint64_t bytes_honest;
	int64_t ms, ms_all;
};
/* 0; -EINVAL for an id that names no case; -errno when the rig cannot run. A failing case is an outcome, not an error.
 */
int yp_network_run(struct yp_network *net, const char *id, struct yp_network_result *out)
    __attribute__((warn_unused_result));

/* The reference run without a fault: recorded by yp_network_new(). */
struct yp_network_reference {
	uint64_t bundle_bytes, head_bytes, manifest_at, index_at, signature_at;
	uint64_t body_bytes, wire_up_bytes, wire_down_bytes;
	unsigned requests, connections;
	int64_t ms;
};
const struct yp_network_reference *yp_network_reference(const struct yp_network *net);

#endif
