/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NET_RIG_H
#define SIM_NET_RIG_H

#include "case.h"
#include "device.h"

#define NET_VERSION_NEW "2.0"

struct net_bundle {
	uint8_t *data;
	size_t size_bytes;
};

struct sim_net {
	struct sim_device device;
	struct net_bundle bundles[NET_FILE_RUNNING + 1]; /* by enum net_file; COPY is empty: it is UPDATE's */
	uint8_t *image_new;
	struct sim_net_reference reference;
};

/* One case under way. */
struct net_run {
	struct sim_net *net;
	const struct net_case *c;
	struct sim_net_result *out;
	struct sim_origin *origin; /* that lies */
	struct sim_origin *honest; /* that the relay goes to afterwards */
	struct sim_relay *relay;
	struct sim_origin_record record[2]; /* of both */
	struct sim_relay_record cut, rest;  /* of the relay: with the fault, after it */
	struct sim_device_run first, next;
	uint8_t *slot_before, *env_before;
	size_t slot_bytes, env_bytes;
	bool killing, killed;
	int64_t kill_after_ms, landed_at_ms; /* 0: not yet */
	char url[256];
	char text[2][256];
	struct sim_rule rules[2];
	struct sim_mark mark;
};

/* Fails the case with the first thing that is wrong. Returns false. */
bool net_fail(struct net_run *run, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What the first run left, against the case's class. */
bool net_judge_first(struct net_run *run);
/* What the device and the server hold in the end. */
bool net_judge_end(struct net_run *run);
/* kill_after_ms: power cut so long after the fault; below 0: none. */
int net_run_one(struct sim_net *net, const struct net_case *c, int64_t kill_after_ms, struct sim_net_result *out)
    __attribute__((warn_unused_result));
/* Makes the bundles and the images. */
int net_bundles_make(struct sim_net *net, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
uint64_t net_region_at(const struct sim_net_reference *reference, enum net_region region);

#endif
