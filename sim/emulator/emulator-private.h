/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_EMULATOR_PRIVATE_H
#define SIM_EMULATOR_EMULATOR_PRIVATE_H

#include "emulator/emulated-machine.h"
#include "emulator/guest-channel.h"
#include "emulator/host-service.h"
#include "emulator/media-store.h"
#include "server/served-media.h"

/* The last start image that was much of a difference, as a log that the block server keeps loaded: the next one is most
 * often nearly the same. Its ids are of the caller's pool. */
struct yp_emulator_reference {
	const struct yp_pool *pool; /* NULL: none */
	struct yp_hash base;
	uint32_t *ids; /* of all media, end to end */
	char path[YP_EMULATOR_PATH_MAX + 32];
};

struct yp_emulator {
	struct yp_emulator_options options;
	const struct yp_subject *subject;
	char images[YP_EMULATOR_PATH_MAX];     /* absolute */
	char dir[YP_EMULATOR_PATH_MAX];        /* absolute, of this rig alone */
	struct yp_media media;                 /* what the layout file says; its bases are open */
	char program[YP_EMULATOR_PROGRAM_MAX]; /* the QEMU of the images, or of the options */
	uint64_t board_key;                    /* of program, firmware and command line: whose snapshots these are */
	struct yp_emulator_store store;
	struct yp_emulator_reference reference;
	unsigned starts;                    /* images handed over */
	struct yp_emulator_machine machine; /* runs only during yp_emulator_run() */
};

/* A cut that the block server makes at a request. It kills QEMU first, so it gets QEMU's process id again after each
 * reset. */
#define YP_EMULATOR_ARMED_MAX 8u
struct yp_emulator_armed {
	uint32_t id;   /* of the block server's */
	char what[80]; /* "OP MEDIUM" */
	uint64_t nth;  /* from the time it was armed on */
	char options[96];
};

/* A run under way. */
struct yp_emulator_go {
	struct yp_emulator *rig;
	const struct yp_emulator_run *run;
	struct yp_emulator_result *result;
	struct yp_emulator_service service;
	int console;         /* file */
	int64_t on_ns;       /* first power on */
	int64_t boot_ns;     /* power on or reset of this boot */
	int64_t progress_ns; /* last sign of life, or power on */
	bool alive;          /* this machine has said anything */
	int64_t end_ns;      /* deadline of all */
	bool powered;        /* the block server is on */
	bool running;        /* the processor was started */
	/* This boot. */
	bool entered; /* the kernel was */
	bool panicked, watchdog;

	/* What it waits for. */
	unsigned nth;  /* how often it has been reached */
	unsigned said; /* lines of run->say sent */
	bool idle;     /* and nothing under way */
	bool done;
	bool error; /* of the rig: result->detail says it */
	int error_code;
	bool off;                          /* this cycle has ended */
	bool restart;                      /* the machine was reset, and stands still */
	bool snapshot_due;                 /* the guest is ready for one */
	char choice;                       /* the bootloader's, not yet looked up among the snapshots; or 0 */
	char resume[YP_EMULATOR_PATH_MAX]; /* what the restart resumes from; "" */
	enum {
		YP_EMULATOR_MOVE_NOT,
		YP_EMULATOR_MOVE_DONE,
		YP_EMULATOR_MOVE_FAILED
	} move; /* of the machine's state, out or in */
	/* The cut. */
	bool cut_made;  /* no second one */
	bool cut_now;   /* the power is to go off */
	int64_t cut_ns; /* when, YP_EMULATOR_NEVER: not armed */
	uint64_t cut_seen;
	struct yp_emulator_armed armed[YP_EMULATOR_ARMED_MAX];
	unsigned armed_count;
	uint32_t silenced; /* the rig's own fault: flushes of the card */
};

struct yp_emulator_boot *yp_emulator_go_boot(struct yp_emulator_go *go); /* the current one */
void yp_emulator_go_boot_new(struct yp_emulator_go *go);
void yp_emulator_go_boot_marks(struct yp_emulator_go *go);
void yp_emulator_go_boot_end(struct yp_emulator_go *go, enum yp_emulator_end end);
void yp_emulator_go_finish(struct yp_emulator_go *go, enum yp_emulator_final final, const char *detail);
void yp_emulator_go_fail(struct yp_emulator_go *go, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void yp_emulator_go_mark(struct yp_emulator_go *go, enum yp_mark_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What comes from the board: callbacks of struct yp_emulator_machine, ctx is a struct yp_emulator_go. */
void yp_emulator_go_channel(void *ctx, const char *line);
void yp_emulator_go_console(void *ctx, const char *line);
void yp_emulator_go_bytes(void *ctx, const char *bytes, size_t count);
void yp_emulator_go_qmp(void *ctx, const struct yp_emulator_qmp *message);
/* A machine that has come to `ready`: its settings, and on. */
void yp_emulator_go_start(struct yp_emulator_go *go);
/* A kernel runs, by its own word. */
void yp_emulator_go_booted(struct yp_emulator_go *go);
/* The bootloader has handed over. */
void yp_emulator_go_entered(struct yp_emulator_go *go);
/* Out to a file, or in from it (snapshot.c). */
void yp_emulator_go_snapshot_make(struct yp_emulator_go *go);
/* Is there one for the slot that was chosen? Then go->resume is its file. */
bool yp_emulator_go_snapshot_find(struct yp_emulator_go *go, char slot);
bool yp_emulator_go_snapshot_resume(struct yp_emulator_go *go);
/* From power on to the cut or the end; everything is off afterwards. */
void yp_emulator_go_cycle(struct yp_emulator_go *go);
/* A command of the block server that must succeed, or the run has failed. */
bool yp_emulator_go_store(struct yp_emulator_go *go, char *answer, size_t answer_bytes, const char *line);
const char *yp_emulator_go_form(enum yp_form form);
/* The run's faults and its cut, in the block server (emulator-faults.c); again after a reset. */
bool yp_emulator_go_arm(struct yp_emulator_go *go);
bool yp_emulator_go_arm_again(struct yp_emulator_go *go);
/* What QEMU gets as card and disk, and what has to be made first (qemu-attach.c). 0 or -errno with one clause. */
int yp_emulator_go_attach(struct yp_emulator_go *go, struct yp_emulator_machine_spec *spec, char *detail,
			  size_t detail_bytes) __attribute__((warn_unused_result));

void yp_emulator_reference_deinit(struct yp_emulator_reference *reference);
/* Start states (emulator-start.c). Power is off. 0 or -errno with one clause. */
int yp_emulator_start_apply(struct yp_emulator *rig, const struct yp_emulator_start *start, char *detail,
			    size_t detail_bytes) __attribute__((warn_unused_result));

#endif
