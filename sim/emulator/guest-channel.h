/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_GUEST_CHANNEL_H
#define SIM_EMULATOR_GUEST_CHANNEL_H

#include "sim/emulator.h"
#include "sim/subject.h"

/* Messages of the guest on the channel (sim/emulator.h). */
enum yp_emulator_said_kind {
	YP_EMULATOR_SAID_READY,
	YP_EMULATOR_SAID_UP,
	YP_EMULATOR_SAID_BEGIN,
	YP_EMULATOR_SAID_MARK,
	YP_EMULATOR_SAID_RUN,
	YP_EMULATOR_SAID_REBOOT,
	YP_EMULATOR_SAID_IDLE,
	YP_EMULATOR_SAID_OUT,
	YP_EMULATOR_SAID_EXIT,
	YP_EMULATOR_SAID_ERROR
};
enum yp_emulator_mark_state { YP_EMULATOR_STEP_BEGIN, YP_EMULATOR_STEP_HOLD, YP_EMULATOR_STEP_GOES_ON };
struct yp_emulator_said {
	enum yp_emulator_said_kind kind;
	char slot;
	char version[32], boot_id[40];
	char step[8];
	enum yp_emulator_mark_state state;
	char verb[16], reason[32];
	int exit;
	char text[YP_EMULATOR_LINE_MAX]; /* of out and error */
};
/* 0, or 1: no line of the protocol. steps NULL: the subject has none. */
int yp_emulator_guest_parse(const struct yp_subject_steps *steps, const char *line, struct yp_emulator_said *out)
    __attribute__((warn_unused_result));

/* Lines of bootloader and kernel on the console. */
enum yp_emulator_console_kind {
	YP_EMULATOR_CONSOLE_OTHER,
	YP_EMULATOR_CONSOLE_SLOT,     /* the bootloader has chosen slot */
	YP_EMULATOR_CONSOLE_BACK,     /* it goes back from a trial; stored after this line */
	YP_EMULATOR_CONSOLE_STARTING, /* its choice could be loaded and verified: the kernel is entered */
	YP_EMULATOR_CONSOLE_HALT,     /* no slot can be booted */
	YP_EMULATOR_CONSOLE_PANIC
};
/* console NULL: only what a kernel says. */
enum yp_emulator_console_kind yp_emulator_console_match(const struct yp_subject_console *console, const char *line,
							char *slot);
/* The bootloader waits for a human: the rest of the console that is no line yet. */
bool yp_emulator_console_prompt(const struct yp_subject_console *console, const char *rest);

#endif
