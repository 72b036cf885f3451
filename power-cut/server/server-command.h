/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_SERVER_COMMAND_H
#define POWER_CUT_SERVER_SERVER_COMMAND_H

#include <sys/types.h>

#include "power-cut/explore.h"

/*
 * One line of the control socket. Words are separated by blanks; TEXT and PATH run to the end of the line.
 *
 *   mark step|world|note TEXT      into the log
 *   cut [OPTION...]                power off, now
 *   power [PATH]                   power on; a new log, at PATH if there is one
 *   restore                        (power off) media as they were when the server started
 *   apply PATH | crash CUT PATH    (power off) all of a log, or what a cut leaves of it, on top
 *   fault KIND OP MEDIUM NTH [OPTION...]
 *         KIND eio enospc erofs delay hang flip cut   OP read write flush discard any   MEDIUM a name or *
 *         the NTH matching request from now on, and those after it (count=)
 *   unfault ID|all, faults, stats, quit
 *   wait cut MS | wait fault ID MS until it happened
 *   save-image MEDIUM PATH, save-dm PATH
 *   digest MEDIUM    of what is on it: the same for the same contents in every process. With the power on the log
 *                    records it as a read of the whole medium, because the digest depends on every sector
 *
 * Options: count=N (1; 0: for ever), ms=N (of a delay), bit=N (of a flip: counted from the start of the request);
 * of a cut: seed=N, form=sample|all|none (what survives), kill=PID (SIGKILL first), answer=hang|fail (to requests
 * while the power is off).
 */
#define YP_COMMAND_BYTES_MAX 2048u

enum yp_command_kind {
	YP_COMMAND_MARK,
	YP_COMMAND_CUT,
	YP_COMMAND_POWER,
	YP_COMMAND_RESTORE,
	YP_COMMAND_APPLY,
	YP_COMMAND_CRASH,
	YP_COMMAND_FAULT,
	YP_COMMAND_UNFAULT,
	YP_COMMAND_FAULTS,
	YP_COMMAND_STATS,
	YP_COMMAND_WAIT_CUT,
	YP_COMMAND_WAIT_FAULT,
	YP_COMMAND_SAVE_IMAGE,
	YP_COMMAND_SAVE_DM,
	YP_COMMAND_DIGEST,
	YP_COMMAND_QUIT
};

enum yp_fault_kind {
	YP_FAULT_EIO,
	YP_FAULT_ENOSPC,
	YP_FAULT_EROFS,
	YP_FAULT_DELAY,
	YP_FAULT_HANG,
	YP_FAULT_FLIP,
	YP_FAULT_CUT,
	YP_FAULT_COUNT
};

/* How the power goes off. */
struct yp_power_cut {
	bool seeded; /* seed is given; else one is drawn, and printed */
	uint32_t seed;
	enum yp_form form; /* SAMPLE, ALL or NONE */
	pid_t kill;        /* 0: none */
	bool fail;         /* answer requests with ESHUTDOWN instead of not at all */
};

#define YP_FAULT_ID_ALL 0u
struct yp_fault_spec {
	enum yp_fault_kind kind;
	enum yp_op op;            /* 0: any */
	char medium[YP_NAME_MAX]; /* "*": any */
	uint64_t nth, count;      /* nth from 1; count 0: for ever */
	uint32_t ms;
	uint64_t bit;
	struct yp_power_cut cut;
};

struct yp_command {
	enum yp_command_kind kind;
	enum yp_mark_kind mark;
	struct yp_fault_spec fault;
	struct yp_power_cut cut;
	struct yp_cut at;
	uint32_t id;
	uint32_t timeout_ms;
	char medium[YP_NAME_MAX];
	char text[YP_COMMAND_BYTES_MAX];
};

/* 0, or 1 = malformed, *detail being one clause. */
int yp_command_parse(const char *bytes, size_t size, struct yp_command *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
const char *yp_fault_kind_name(enum yp_fault_kind kind);
const char *yp_op_name(enum yp_op op); /* "any" for 0 */

#endif
