/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NETWORK_NETWORK_CASE_H
#define SIM_NETWORK_NETWORK_CASE_H

#include "network/relay/relay.h"
#include "network/server/lying-origin.h"
#include "network/server/name-server.h"
#include "sim/network.h"
#include "sim/subject.h"

/*
 * One case as data. What may depend on the bundle is symbolic: offsets in rules and marks are YP_NETWORK_AT() values,
 * resolved when the case is run.
 */
enum yp_network_class {
	YP_NETWORK_OK, /* nothing to notice: as without a fault, in no more requests than asked_max */
	YP_NETWORK_RETRY, /* more requests, then success; or given up with one of the reasons, and success once the fault is
		      gone */
	YP_NETWORK_REJ_E,    /* refused: no byte of the target slot and of the environment changed */
	YP_NETWORK_REJ_L,    /* refused after writes: the slot is barred, its first block is zero */
	YP_NETWORK_ROLLBACK, /* a version was on trial and is left: the old one is selected, the other slot barred */
};
const char *yp_network_class_name(enum yp_network_class class);

/* Places of the file: relative to a region's start. */
enum yp_network_region {
	YP_NETWORK_HEADER,
	YP_NETWORK_MANIFEST,
	YP_NETWORK_INDEX,
	YP_NETWORK_SIGNATURE,
	YP_NETWORK_PAYLOAD,
	YP_NETWORK_END
};
#define YP_NETWORK_AT(region, offset)                                                                                  \
	(UINT64_C(0xf000000000000000) + ((uint64_t)(region) << 40) + (uint64_t)((int64_t)(offset) + (INT64_C(1) << 32)))
#define YP_NETWORK_AT_BASE UINT64_C(0xf000000000000000)

enum yp_network_file {
	YP_NETWORK_FILE_UPDATE,
	YP_NETWORK_FILE_STALE,
	YP_NETWORK_FILE_OTHER,
	YP_NETWORK_FILE_EVIL,
	YP_NETWORK_FILE_COPY,
	YP_NETWORK_FILE_RUNNING
};

struct yp_network_tls {
	const char *server, *later; /* of the zoo; NULL: "tls" */
	const char *client;         /* certificate of the device; NULL: none */
	const char *ciphers;
	int version_max;
	bool client_wanted;
	bool stall;
};

/* Troubles of the device itself or of its users: local-trouble.c. */
enum yp_network_trouble {
	YP_NETWORK_TROUBLE_NONE,
	YP_NETWORK_POWER_LOW,       /* the power handler says that there is not enough */
	YP_NETWORK_HOOK_REFUSES,    /* the pre-install hook does */
	YP_NETWORK_MOUNTED,         /* the target slot is mounted */
	YP_NETWORK_STATE_READ_ONLY, /* what it remembers lies on a medium that turned read-only */
	YP_NETWORK_BACKEND_LIES,    /* the integrator's boot back-end names a slot that is not there */
	YP_NETWORK_ENV_SINGLE,      /* one copy of the boot environment is configured: no store of it could be atomic */
	YP_NETWORK_TWO_INSTALLERS,  /* the second comes while the first streams */
	YP_NETWORK_MEMORY_SHORT,    /* a little less address space than the command needs */
	YP_NETWORK_DESCRIPTORS_SHORT, /* so few that the slots cannot be opened */
	YP_NETWORK_LOCK_LINKED,       /* a symbolic link in the place of the lock */
	YP_NETWORK_NO_TRIAL,          /* mark-bad, and nothing is on trial */
	YP_NETWORK_COMMIT_TWICE,
	YP_NETWORK_MARK_BAD, /* an operator says so during the trial of a version (url) */
	YP_NETWORK_HEALTH_FAILS,
	YP_NETWORK_HEALTH_HANGS,
	YP_NETWORK_BOOTS_CUT, /* no boot of the trial gets as far as the updater */
	YP_NETWORK_HERD,      /* many devices, and their server restarts: herd.c */
};

struct yp_network_case {
	const char *id;
	const char *catalogue;
	enum yp_network_class class;
	const char *reasons; /* of the first run: alternatives, '|' between */
	struct yp_network_rule rules[2];
	struct yp_network_tls tls;
	struct yp_network_cut_spec cut;
	struct yp_network_mark mark; /* strikes the relay (cut.place YP_NETWORK_CUT_CALL) */
	const char *step;            /* strikes the relay when the command announces this step */
	struct {
		bool wanted; /* the server has a name that is looked up, in namespaces of its own */
		enum yp_network_names_lie lie;
		uint32_t arg;
		unsigned times; /* lookups, two a connection: IPv4 and IPv6; 0: all */
	} names;
	const char *skip;      /* why this is not run here, NULL: it is */
	unsigned proxy;        /* a proxy is set that answers CONNECT with this status */
	const char *netem;     /* what tc does to the loopback, in a namespace of its own */
	unsigned attempts;     /* 0: 3 */
	unsigned delay_ms;     /* 0: 1 */
	const char *url;       /* what is installed; NULL: the update; {port} is the relay's */
	unsigned requests_max; /* of the faulty run; 0: not checked beyond the general bound */
	unsigned deadline_s;   /* of the device's configuration; 0: 5 */
	unsigned percent_max; /* all bytes passed down in the faulty run, of the bundle's; 0: the general bound alone */
	bool slow;            /* takes tens of seconds: for campaigns */
	bool silent;          /* not one HTTP request was sent */
	unsigned ms_min;      /* the faulty run takes at least so long (Retry-After is honoured) */
	bool in_report; /* the fault is there when the new version runs and reports; the install is as without it */
	enum yp_network_trouble trouble;
	bool last_run; /* nothing is left to do afterwards: a power cut would find nothing */
};

/* The tables. *count: how many. */
const struct yp_network_case *yp_network_cases_http(unsigned *count);
const struct yp_network_case *yp_network_cases_names(unsigned *count);  /* what needs namespaces */
const struct yp_network_case *yp_network_cases_device(unsigned *count); /* the device's own troubles */
const struct yp_network_case *yp_network_cases_link(unsigned *count);   /* TLS, connections without a place, reports */

/* Connection faults at places: fault f (of faults) at place p (of places). False: that pair is none. */
unsigned yp_network_place_faults(void);
unsigned yp_network_place_count(const struct yp_subject *subject);
bool yp_network_place_case(const struct yp_subject *subject, unsigned fault, unsigned place,
			   struct yp_network_case *out, char id[YP_NETWORK_ID_MAX]);
/* A place of a seeded sweep over the payload: the nth, with that fault. */
bool yp_network_sweep_case(unsigned fault, uint64_t seed, unsigned n, struct yp_network_case *out,
			   char id[YP_NETWORK_ID_MAX]);

#endif
