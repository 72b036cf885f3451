/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_NETWORK_RUN_H
#define SIM_NETWORK_NETWORK_RUN_H

#include "network/host-device.h"
#include "network/network-case.h"

#define YP_NETWORK_VERSION_NEW "2.0"

struct yp_network_bundle {
	uint8_t *data;
	size_t size_bytes;
};

struct yp_network {
	struct yp_network_device device;
	struct yp_network_bundle
	    bundles[YP_NETWORK_FILE_RUNNING + 1]; /* by enum yp_network_file; COPY is empty: it is UPDATE's */
	uint8_t *image_new;
	struct yp_network_reference reference;
};

/* When the process is killed. kind: 0 never, 's' at the nth step after the fault, 'b' when n KiB more were passed down.
 */
struct yp_network_kill {
	char kind;
	unsigned n;
};

/* One case under way. */
struct yp_network_case_run {
	struct yp_network *net;
	const struct yp_network_case *c;
	struct yp_network_result *out;
	struct yp_network_origin *origin; /* with the rules */
	struct yp_network_origin *proxy;  /* NULL: none */
	struct yp_network_origin *honest; /* that the relay goes to afterwards */
	struct yp_network_relay *relay;
	struct yp_network_names *names;            /* NULL: the machine's */
	struct yp_network_origin_record record[2]; /* of both */
	struct yp_network_relay_record cut, rest;  /* of the relay: with the fault, after it */
	struct yp_network_device_run first, next;
	uint8_t *slot_before, *env_before;
	size_t slot_bytes, env_bytes;
	struct yp_network_kill kill;
	bool has_landed, killed;
	unsigned steps_since; /* announced since the fault */
	uint64_t bytes_then;  /* passed down when it happened */
	char url[256];
	char text[2][256];
	struct yp_network_rule rules[2];
	struct yp_network_mark mark;
	bool first_over; /* a trouble of the device lands with the end of the faulty run */
	bool troubled;   /* it has */
};

/* Fails the case with the first thing that is wrong. Returns false. */
bool yp_network_fail(struct yp_network_case_run *run, enum yp_invariant invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Compares the state after the first run with the case's class. */
bool yp_network_judge_first(struct yp_network_case_run *run);
/* Judges device and server at the end. */
bool yp_network_judge_end(struct yp_network_case_run *run);
/* One run of the command; one after a start of the device; the configuration of this case, as new or as it is. */
int yp_network_command(struct yp_network_case_run *run, const char *words, struct yp_network_device_run *out)
    __attribute__((warn_unused_result));
int yp_network_boot_and_resume(struct yp_network_case_run *run, struct yp_network_device_run *out)
    __attribute__((warn_unused_result));
int yp_network_configure(struct yp_network_case_run *run, bool fresh) __attribute__((warn_unused_result));
/*
 * The troubles of the device: prepare, run (what `first` is, and whether the trouble happened), take away, clean up.
 * begin: 1 = cannot be had on this machine, the outcome says why.
 */
int yp_network_trouble_begin(struct yp_network_case_run *run) __attribute__((warn_unused_result));
int yp_network_trouble_run(struct yp_network_case_run *run, const char *install) __attribute__((warn_unused_result));
int yp_network_trouble_heal(struct yp_network_case_run *run) __attribute__((warn_unused_result));
void yp_network_trouble_end(struct yp_network_case_run *run);
int yp_network_herd_run(struct yp_network_case_run *run) __attribute__((warn_unused_result));
int yp_network_run_case(struct yp_network *net, const struct yp_network_case *c, struct yp_network_kill kill,
			struct yp_network_result *out) __attribute__((warn_unused_result));
/* Makes the bundles and the images. */
int yp_network_bundles_make(struct yp_network *net, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
uint64_t yp_network_region_at(const struct yp_network_reference *reference, enum yp_network_region region);

#endif
