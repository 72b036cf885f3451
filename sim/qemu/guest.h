/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_QEMU_GUEST_H
#define SIM_QEMU_GUEST_H

#include "sim/qemu.h"

/* What the guest says on the channel (sim/qemu.h). */
enum sim_said_kind {
	SIM_SAID_READY,
	SIM_SAID_UP,
	SIM_SAID_BEGIN,
	SIM_SAID_MARK,
	SIM_SAID_RUN,
	SIM_SAID_REBOOT,
	SIM_SAID_IDLE,
	SIM_SAID_OUT,
	SIM_SAID_EXIT,
	SIM_SAID_ERROR
};
enum sim_mark_state { SIM_STEP_BEGIN, SIM_STEP_HOLD, SIM_STEP_GOES_ON };
struct sim_said {
	enum sim_said_kind kind;
	char slot;
	char version[32], boot_id[40];
	char step[8];
	enum sim_mark_state state;
	char verb[16], reason[32];
	int exit;
	char text[SIM_QEMU_LINE_MAX]; /* of out and error */
};
/* 0, or 1: no line of the protocol. */
int sim_guest_parse(const char *line, struct sim_said *out) __attribute__((warn_unused_result));

/* What bootloader and kernel say on the console. */
enum sim_console_kind {
	SIM_CONSOLE_OTHER,
	SIM_CONSOLE_SLOT,     /* the boot script has chosen slot */
	SIM_CONSOLE_BACK,     /* it goes back from a trial; stored after this line */
	SIM_CONSOLE_STARTING, /* its choice could be loaded and verified: the kernel is entered */
	SIM_CONSOLE_HALT,     /* no slot can be booted */
	SIM_CONSOLE_PANIC
};
enum sim_console_kind sim_console_match(const char *line, char *slot);
/* The bootloader waits for a human: the rest of the console that is no line yet. */
bool sim_console_prompt(const char *rest);

#endif
