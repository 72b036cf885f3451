/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_QEMU_RIG_H
#define SIM_QEMU_RIG_H

#include "board.h"
#include "guest.h"
#include "media.h"
#include "service.h"
#include "store.h"

/* The last start image that was much of a difference, as a log that the block server keeps loaded: the next one is most
 * often nearly the same. Its ids are of the caller's pool. */
struct sim_reference {
	const struct bp_pool *pool; /* NULL: none */
	struct bp_hash base;
	uint32_t *ids; /* of all media, end to end */
	char path[SIM_QEMU_PATH_MAX + 32];
};

struct sim_qemu {
	struct sim_qemu_options options;
	char images[SIM_QEMU_PATH_MAX];     /* absolute */
	char dir[SIM_QEMU_PATH_MAX];        /* absolute, of this rig alone */
	struct bp_media media;              /* what the layout file says; its bases are open */
	char program[SIM_QEMU_PROGRAM_MAX]; /* the QEMU of the images, or of the options */
	uint64_t board_key;                 /* of program, firmware and command line: whose snapshots these are */
	struct sim_store store;
	struct sim_reference reference;
	unsigned starts;        /* images handed over */
	struct sim_board board; /* runs only during sim_qemu_run() */
};

/* A cut that the block server makes at a request. It kills QEMU first, so it is told anew whom, after each reset. */
#define SIM_ARMED_MAX 8u
struct sim_armed {
	uint32_t id;   /* of the block server's */
	char what[80]; /* "OP MEDIUM" */
	uint64_t nth;  /* from the time it was armed on */
	char options[96];
};

/* A run under way. */
struct sim_go {
	struct sim_qemu *rig;
	const struct sim_qemu_run *run;
	struct sim_qemu_result *result;
	struct sim_service service;
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
	bool off;                       /* this cycle has ended */
	bool restart;                   /* the machine was reset, and stands still */
	bool snapshot_due;              /* the guest is ready for one */
	char choice;                    /* the bootloader's, not yet looked up among the snapshots; or 0 */
	char resume[SIM_QEMU_PATH_MAX]; /* what the restart resumes from; "" */
	enum { SIM_MOVE_NOT, SIM_MOVE_DONE, SIM_MOVE_FAILED } move; /* of the machine's state, out or in */
	/* The cut. */
	bool cut_made;  /* no second one */
	bool cut_now;   /* the power is to go off */
	int64_t cut_ns; /* when, SIM_NEVER: not armed */
	uint64_t cut_seen;
	struct sim_armed armed[SIM_ARMED_MAX];
	unsigned armed_count;
	uint32_t silenced; /* the rig's own fault: flushes of the card */
};

struct sim_qemu_boot *sim_go_boot(struct sim_go *go); /* the current one */
void sim_go_boot_new(struct sim_go *go);
void sim_go_boot_marks(struct sim_go *go);
void sim_go_boot_end(struct sim_go *go, enum sim_qemu_end end);
void sim_go_finish(struct sim_go *go, enum sim_qemu_final final, const char *detail);
void sim_go_fail(struct sim_go *go, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void sim_go_mark(struct sim_go *go, enum bp_mark_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What comes from the board: callbacks of struct sim_board, ctx is a struct sim_go. */
void sim_go_channel(void *ctx, const char *line);
void sim_go_console(void *ctx, const char *line);
void sim_go_bytes(void *ctx, const char *bytes, size_t count);
void sim_go_qmp(void *ctx, const struct sim_qmp *message);
/* A machine that has come to `ready`: its settings, and on. */
void sim_go_start(struct sim_go *go);
/* The bootloader has handed over. */
void sim_go_entered(struct sim_go *go);
/* Out to a file, or in from it (snapshot.c). */
void sim_go_snapshot_make(struct sim_go *go);
/* Is there one for the slot that was chosen? Then go->resume is its file. */
bool sim_go_snapshot_find(struct sim_go *go, char slot);
bool sim_go_snapshot_resume(struct sim_go *go);
/* From power on to the cut or the end; everything is off afterwards. */
void sim_go_cycle(struct sim_go *go);
/* A command of the block server that must succeed, or the run has failed. */
bool sim_go_store(struct sim_go *go, char *answer, size_t answer_bytes, const char *line);
const char *sim_go_form(enum bp_form form);
/* The run's faults and its cut, in the block server (faults.c); again after a reset. */
bool sim_go_arm(struct sim_go *go);
bool sim_go_arm_again(struct sim_go *go);
/* What QEMU gets as card and disk, and what has to be made first (attach.c). 0 or -errno with one clause. */
int sim_go_attach(struct sim_go *go, struct sim_board_spec *spec, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

void sim_reference_deinit(struct sim_reference *reference);
/* Start states (start.c). Power is off. 0 or -errno with one clause. */
int sim_start_apply(struct sim_qemu *rig, const struct sim_qemu_start *start, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
