/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_QEMU_QMP_H
#define SIM_QEMU_QMP_H

#include <stddef.h>
#include <stdint.h>

/* One message of QEMU's machine protocol, as far as the rig cares. */
enum sim_qmp_kind {
	SIM_QMP_GREETING,
	SIM_QMP_RETURN, /* id; text: its "status", if it has one */
	SIM_QMP_ERROR,  /* id; text: the description */
	SIM_QMP_EVENT   /* name; text: its "reason", "action" or "status" */
};
struct sim_qmp {
	enum sim_qmp_kind kind;
	int64_t id; /* -1: none */
	char name[32];
	char text[160];
};
/* 0, or 1: not a message of the protocol. */
int sim_qmp_parse(const char *bytes, size_t count, struct sim_qmp *out) __attribute__((warn_unused_result));
/* A command with its end of line; arguments: JSON text, or NULL. Bytes, or -ENOSPC. */
int sim_qmp_command(int64_t id, const char *name, const char *arguments, char *out, size_t out_bytes)
    __attribute__((warn_unused_result));

#endif
