/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_QMP_H
#define SIM_EMULATOR_QMP_H

#include <stddef.h>
#include <stdint.h>

/* One message of QEMU's machine protocol, as far as the rig cares. */
enum yp_emulator_qmp_kind {
	YP_EMULATOR_QMP_GREETING,
	YP_EMULATOR_QMP_RETURN, /* id; text: its "status", if it has one */
	YP_EMULATOR_QMP_ERROR,  /* id; text: the description */
	YP_EMULATOR_QMP_EVENT   /* name; text: its "reason", "action" or "status" */
};
struct yp_emulator_qmp {
	enum yp_emulator_qmp_kind kind;
	int64_t id; /* -1: none */
	char name[32];
	char text[160];
};
/* 0, or 1: not a message of the protocol. */
int yp_emulator_qmp_parse(const char *bytes, size_t count, struct yp_emulator_qmp *out)
    __attribute__((warn_unused_result));
/* A command with its end of line; arguments: JSON text, or NULL. Bytes, or -ENOSPC. */
int yp_emulator_qmp_command(int64_t id, const char *name, const char *arguments, char *out, size_t out_bytes)
    __attribute__((warn_unused_result));

#endif
