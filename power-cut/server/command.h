/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SERVER_COMMAND_H
#define POWER_CUT_SERVER_COMMAND_H

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
 *   digest MEDIUM    of what is on it: the same for the same contents in every process. With the power on it is a read of
 *         the whole medium in the log: who acts on it depends on every sector
 *
 * Options: count=N (1; 0: for ever), ms=N (of a delay), bit=N (of a flip: counted from the start of the request);
 * of a cut: seed=N, form=sample|all|none (what survives), kill=PID (SIGKILL first), answer=hang|fail (to requests
 * while the power is off).
 */
#define BP_COMMAND_BYTES_MAX 2048u

enum bp_command_kind {
	BP_COMMAND_MARK,
	BP_COMMAND_CUT,
	BP_COMMAND_POWER,
	BP_COMMAND_RESTORE,
	BP_COMMAND_APPLY,
	BP_COMMAND_CRASH,
	BP_COMMAND_FAULT,
	BP_COMMAND_UNFAULT,
	BP_COMMAND_FAULTS,
	BP_COMMAND_STATS,
	BP_COMMAND_WAIT_CUT,
	BP_COMMAND_WAIT_FAULT,
	BP_COMMAND_SAVE_IMAGE,
	BP_COMMAND_SAVE_DM,
	BP_COMMAND_DIGEST,
	BP_COMMAND_QUIT
};

enum bp_fault_kind {
	BP_FAULT_EIO,
	BP_FAULT_ENOSPC,
	BP_FAULT_EROFS,
	BP_FAULT_DELAY,
	BP_FAULT_HANG,
	BP_FAULT_FLIP,
	BP_FAULT_CUT,
	BP_FAULT_COUNT
};

/* How the power goes off. */
struct bp_power_cut {
	bool seeded; /* seed is given; else one is drawn, and told */
	uint32_t seed;
	enum bp_form form; /* SAMPLE, ALL or NONE */
	pid_t kill;        /* 0: nobody */
	bool fail;         /* answer requests with ESHUTDOWN instead of not at all */
};

#define BP_FAULT_ID_ALL 0u
struct bp_fault_spec {
	enum bp_fault_kind kind;
	enum bp_op op;            /* 0: any */
	char medium[BP_NAME_MAX]; /* "*": any */
	uint64_t nth, count;      /* nth from 1; count 0: for ever */
	uint32_t ms;
	uint64_t bit;
	struct bp_power_cut cut;
};

struct bp_command {
	enum bp_command_kind kind;
	enum bp_mark_kind mark;
	struct bp_fault_spec fault;
	struct bp_power_cut cut;
	struct bp_cut at;
	uint32_t id;
	uint32_t timeout_ms;
	char medium[BP_NAME_MAX];
	char text[BP_COMMAND_BYTES_MAX];
};

/* 0, or 1 = malformed, *detail being one clause. */
int bp_command_parse(const char *bytes, size_t size, struct bp_command *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
const char *bp_fault_kind_name(enum bp_fault_kind kind);
const char *bp_op_name(enum bp_op op); /* "any" for 0 */

#endif
