/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "power-cut/explore.h"
#include "power-cut/lint.h"
#include "sim/story.h"

/*
 * The in-process device: media in memory behind a write log, a bootloader that decides by
 * U-Boot's rules, a kernel that starts what the slot holds, and the *unmodified* objects of core as its updater.
 * Deterministic.
 *
 * Media: "slot-a", "slot-b" (rootfs), "env" (both copies), "state", "data", "kernel-a", "kernel-b" (if asked for), in
 * this order.
 */

enum yp_sim_fault_kind {
	YP_SIM_FAULT_NONE,
	YP_SIM_FAULT_READ_EIO,
	YP_SIM_FAULT_WRITE_EIO,
	YP_SIM_FAULT_FLUSH_EIO, /* and what no later flush of the medium made durable is gone at the next boot */
	YP_SIM_FAULT_WRITE_ENOSPC,
	YP_SIM_FAULT_WRITE_BITFLIP, /* the nth write reaches the medium with one bit changed */
	YP_SIM_FAULT_SHORT_ANSWER,  /* the nth fetch ends after half of its bytes */
	YP_SIM_FAULT_NO_MEMORY,     /* the nth allocation fails */
	YP_SIM_FAULT_STOP,          /* the process dies at the nth operation; the device lives */
	YP_SIM_FAULT_POWER,         /* the device dies at the nth operation, everything completed survives */
	YP_SIM_FAULT_CLOCK          /* the clock says clock_s from the start */
};

/* The nth operation of the updater of that kind. A fault that lasts is taken away once the updater has returned. */
struct yp_sim_fault {
	enum yp_sim_fault_kind kind;
	uint64_t nth;  /* counts from 1 */
	bool for_ever; /* not only the nth, all from it on */
	int64_t clock_s;
	int medium; /* -1: any */
};

struct yp_sim;
/* Refuses what it cannot simulate with -EINVAL. spec and expect are copied. */
int yp_sim_new(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, struct yp_sim **out)
    __attribute__((warn_unused_result));
void yp_sim_free(struct yp_sim *sim);
const struct yp_layout *yp_sim_layout(const struct yp_sim *sim);
struct yp_pool *yp_sim_pool(const struct yp_sim *sim);
const struct yp_image *yp_sim_base(const struct yp_sim *sim); /* media before the story */
const struct yp_rig *yp_sim_rig(struct yp_sim *sim);          /* recover, canon, judge */
const struct yp_lint_roles *yp_sim_roles(const struct yp_sim *sim);
/* The story without a fault: record it. out->verdict FAIL if even that breaks an invariant. */
int yp_sim_record(struct yp_sim *sim, struct yp_log **log, struct yp_outcome *out) __attribute__((warn_unused_result));
/* The story with one fault, then without it until idle: the same invariants. *landed: the fault really happened. */
int yp_sim_run_fault(struct yp_sim *sim, const struct yp_sim_fault *fault, bool *landed, struct yp_outcome *out)
    __attribute__((warn_unused_result));
/* The step during which the fault of the last yp_sim_run_fault() landed first, "" before any step. */
const char *yp_sim_fault_step(const struct yp_sim *sim);
/* The reason of the last report in the last yp_sim_record() or yp_sim_run_fault(), success excluded; "" for none. */
const char *yp_sim_told_reason(const struct yp_sim *sim);
/* How many operations of that kind the fault-free story has: the range of yp_sim_fault.nth. */
uint64_t yp_sim_fault_points(struct yp_sim *sim, enum yp_sim_fault_kind kind);
/* For benchmarks: runs without a log, at little cost. recover() from `start` without recording. */
int yp_sim_run(struct yp_sim *sim, const struct yp_image *start, struct yp_outcome *out)
    __attribute__((warn_unused_result));
/* Names for scenario files: "good", "panics", ...; "none", "no-signature", ...; "write-eio", ... NULL outside the
 * range. */
const char *yp_sim_kind_name(enum yp_sim_image_kind kind);
const char *yp_sim_lie_name(enum yp_sim_lie lie);
const char *yp_sim_fault_name(enum yp_sim_fault_kind kind);
/* The equivalences canon() uses, for the report: name and argument, NULL-terminated pairs. */
const char *const *yp_sim_equivalences(void);

#endif
