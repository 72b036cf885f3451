/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_EMULATED_MACHINE_H
#define SIM_EMULATOR_EMULATED_MACHINE_H

#include "emulator/line-buffer.h"
#include "emulator/qemu-process.h"
#include "emulator/qmp.h"
#include "sim/emulator.h"

/* One power cycle of the machine: a QEMU, and the three streams that it has with us. */
enum yp_emulator_stream {
	YP_EMULATOR_STREAM_CHANNEL,
	YP_EMULATOR_STREAM_CONSOLE,
	YP_EMULATOR_STREAM_QMP,
	YP_EMULATOR_STREAM_COUNT
};

struct yp_emulator_machine_spec {
	const char *images; /* absolute */
	const char *qemu;   /* the program */
	const char *accel;  /* NULL: as board.args says */
	/* What stands for @CARD@, @DISK@ and @PORT@, and nodes that have to be there before. */
	char card[512], disk[512];
	char nodes[4][512];
	unsigned nodes_count;
	unsigned port;
	const char *gdb;
	bool incoming; /* a snapshot is to come */
	bool
	    in_place; /* a reset starts the guest again; else it ends in a SHUTDOWN event, and the machine stands still */
	const char *output; /* file for what QEMU itself prints */
};

struct yp_emulator_machine {
	struct yp_emulator_process process;
	int fds[YP_EMULATOR_STREAM_COUNT]; /* -1: closed */
	struct yp_emulator_lines lines[YP_EMULATOR_STREAM_COUNT];
	int64_t next_id;
	bool greeted;
	/* Where the lines go, in order; qmp: parsed. */
	void (*on_channel)(void *ctx, const char *line);
	void (*on_console)(void *ctx, const char *line);
	void (*on_bytes)(void *ctx, const char *bytes, size_t count); /* of the console */
	void (*on_qmp)(void *ctx, const struct yp_emulator_qmp *message);
	void *ctx;
	/* The answer that yp_emulator_machine_command() waits for. */
	int64_t wait_id;
	bool answered;
	struct yp_emulator_qmp answer;
};

/* The processor does not run yet. Set the callbacks before. 0 or -errno with one clause. */
int yp_emulator_machine_start(struct yp_emulator_machine *machine, const struct yp_emulator_machine_spec *spec,
			      char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* Kills it. A machine of zeros or stopped: nothing. */
void yp_emulator_machine_stop(struct yp_emulator_machine *machine);
/* Waits for something, at most to the deadline, and hands out what came: channel and console before QMP, whose events tell
 * of things that happened after. 0: the deadline; 1; -ECONNRESET: QEMU is gone; or -errno. */
int yp_emulator_machine_step(struct yp_emulator_machine *machine, int64_t deadline_ns)
    __attribute__((warn_unused_result));
/* A command and its answer, in machine->answer; what comes meanwhile is handed out. 0, -EPROTO (an error), -ETIMEDOUT, ... */
int yp_emulator_machine_command(struct yp_emulator_machine *machine, const char *name, const char *arguments,
				unsigned timeout_ms) __attribute__((warn_unused_result));
/* A line to the guest. */
int yp_emulator_machine_say(struct yp_emulator_machine *machine, const char *line) __attribute__((warn_unused_result));

#endif
