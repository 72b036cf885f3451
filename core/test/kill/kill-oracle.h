/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_KILL_KILL_ORACLE_H
#define CORE_TEST_KILL_KILL_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "test/kill/kill-lab.h"

/* What the device says of itself: `ota status`, checked against fw_printenv. */
enum phase { PHASE_IDLE, PHASE_INSTALLING, PHASE_WRITTEN, PHASE_ARMED, PHASE_COUNT };

struct standing {
	enum phase phase;
	uint32_t chunks_done;
	bool described; /* slot B says that it holds version 2.0 */
};

/*
 * After a kill, before anything ran: the lock is free; the boot environment can be read, `ota` and fw_printenv agree on
 * it; the old slot is selected unless the new one holds the new version whole; slot B's rootfs begins with zeros, or
 * the slot is all old or all new (its very first sector may still be missing).
 */
int oracle_killed(struct lab *lab, struct standing *out) __attribute__((warn_unused_result));
/* After recovery: slot B is armed, says that it holds version 2.0 and does, byte for byte; nothing lies about. */
int oracle_recovered(struct lab *lab) __attribute__((warn_unused_result));
/* The running slot is as it was made. */
int oracle_running_slot(struct lab *lab) __attribute__((warn_unused_result));
/* Where in the bundle what a device in this standing must never fetch again ends. */
uint64_t oracle_durable_end(const struct lab *lab, const struct standing *standing);

#endif
