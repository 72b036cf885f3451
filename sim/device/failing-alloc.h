/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_FAILING_ALLOC_H
#define SIM_DEVICE_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Allocation failures, for unmodified objects: the programs of this folder are linked with
 * --wrap=malloc,calloc,realloc,strdup,strndup (SIM_LDLIBS in sim.mk), and OpenSSL's allocator is replaced before its
 * first use. A gate, one a thread, is open only while core runs: every seam closes it on the way into the harness and
 * restores it on the way out, so that the harness's own allocations neither count nor fail.
 *
 * Not covered: what libzstd and libc allocate inside themselves.
 */
void yp_sim_alloc_plan(uint64_t nth, bool for_ever); /* 0: count only */
void yp_sim_alloc_stop(void);
bool yp_sim_alloc_gate(bool open); /* returns how it was */
uint64_t yp_sim_alloc_count(void);
bool yp_sim_alloc_landed(void);

#endif
