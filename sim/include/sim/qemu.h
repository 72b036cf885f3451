/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_QEMU_H
#define SIM_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/explore.h"

/*
 * The QEMU rig: a board with a real bootloader, kernel and updater, whose media come from the block server. One rig is
 * one board: an nbdkit with our plugin, a QEMU for each power cycle, an HTTPS origin. Several rigs work
 * side by side, each in its own directory with sockets and ports of its own; a rig is used by one thread, the one that
 * made it (its processes die with that thread).
 *
 * The directory of images (what images/qemu.mk leaves in build/qemu):
 *
 *   board.args   QEMU's command line, a word on each line. Replaced in it: @IMAGES@, and what the rig has for @CARD@, @DISK@,
 *                @SERIAL@, @CHANNEL@, @QMP@ and @PORT@ (images/qemu/board.sh says where each stands)
 *   board.program   name of the QEMU
 *   media        layout= of the block server (power-cut/server/media.h): what lies on card and disk, in parts with
 *                storage models of their own, FILEs relative to the directory; with lines export=card:... and export=disk:... that lay
 *                the parts end to end
 *   tls.pem, tls.key   certificate of the server that the board's updater knows, and its key
 *   *.ota        bundles
 *
 * The server has the same address for every worker, so that what a device has stored about it holds on any board. The channel
 * (virtio-serial port brickproof.0) has lines of at most SIM_QEMU_LINE_MAX bytes:
 *
 *   guest -> host   ready SLOT BOOTID         nothing of a slot was read yet; waits for start
 *                   up SLOT VERSION BOOTID    the slot's own user space runs
 *                   begin VERB, run VERB EXIT REASON      a run of the updater begins, has ended
 *                   ota-mark: STEP COUNT US begin|hold|released|...   of the updater (core/linux/bench.h)
 *                   reboot                    it is about to
 *                   idle                      nothing is left to do; waits for commands
 *                   out TEXT, exit STATUS     answer to exec
 *                   error TEXT                something that a good image does not say
 *   host -> guest   config KEY=VALUE, start   to ready
 *                   ota-go                    to a mark that holds
 *                   exec COMMAND, run VERB    to idle
 */
#define SIM_QEMU_LINE_MAX    512u
#define SIM_QEMU_BOOTS_MAX   64u
#define SIM_QEMU_VERBS_MAX   256u
#define SIM_QEMU_MARKS_MAX   512u
#define SIM_QEMU_REPORTS_MAX 32u
#define SIM_QEMU_REPORT_MAX  1024u
#define SIM_QEMU_CYCLES_MAX  16u
#define SIM_QEMU_PATH_MAX    256u
#define SIM_QEMU_PROGRAM_MAX 128u
#define SIM_QEMU_ANSWER_MAX  8192u
#define SIM_QEMU_OUTPUT_MAX  8192u

struct sim_qemu;

/* Strings are borrowed until sim_qemu_free(); 0 and NULL: the default given. */
struct sim_qemu_options {
	const char *images; /* required */
	const char *work;   /* required; the rig makes and removes WORK/board-N */
	unsigned worker;    /* N */
	const char *plugin; /* path of nbdkit-powercut-plugin.so; required */
	const char *qemu;   /* the images' own */
	const char *accel;  /* as board.args says */
};
/* Are images and programs there? If not, *why is one clause that says what to do. */
bool sim_qemu_present(const char *images, char *why, size_t why_bytes);
/* Starts the block server and the origin. 0 or -errno with one clause in detail. */
int sim_qemu_new(const struct sim_qemu_options *options, struct sim_qemu **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Kills and reaps all it started, removes its directory. NULL is fine. */
void sim_qemu_free(struct sim_qemu *rig);

const struct bp_layout *sim_qemu_layout(const struct sim_qemu *rig);
/* The base: media as the images are, read from the files into the pool. bp_image_free(). */
int sim_qemu_base(const struct sim_qemu *rig, struct bp_pool *pool, const struct bp_region *regions, unsigned count,
		  struct bp_image **out) __attribute__((warn_unused_result));

/*
 * What is on the media at power on: the base, then each log on top, in order: all of it (cut NULL), or what the cut
 * leaves of it. No image is copied. Or else, with image: exactly that; its difference to `base` (sim_qemu_base()) or to an
 * image before is handed over. All of one pool, which outlives the rig.
 */
struct sim_qemu_start {
	unsigned count;
	struct {
		const char *log;
		const struct bp_cut *cut;
	} from[BP_CUTS_MAX];
	const struct bp_image *image, *base;
};

enum sim_qemu_until {
	SIM_QEMU_UNTIL_IDLE,     /* the updater has nothing left to do */
	SIM_QEMU_UNTIL_DECISION, /* the bootloader enters a kernel (again, with until_nth) */
	SIM_QEMU_UNTIL_READY,    /* the kernel runs, no slot was mounted */
	SIM_QEMU_UNTIL_UP,       /* the slot's own user space runs */
	SIM_QEMU_UNTIL_MARK,     /* until_mark */
	SIM_QEMU_UNTIL_NEVER     /* only the other bounds end the run */
};

/* A power cut while the board runs, once in a run; afterwards the power comes back. */
struct sim_qemu_cut {
	const char *mark;    /* at this step, delay_us after the guest goes on; or */
	const char *console; /* once a line of the console contains this; or */
	const char *medium;  /* at the nth request of op on this medium, which is in flight then; NULL: no cut */
	enum bp_op op;       /* BP_WRITE if 0 */
	uint64_t nth;        /* from 1, for mark and console too */
	unsigned delay_us;
	uint32_t seed;
	enum bp_form form; /* BP_FORM_ALL, NONE or SAMPLE */
};

enum sim_qemu_event_kind {
	SIM_QEMU_EVENT_POWER,    /* about to be switched on: the media are there, the processor does not run yet */
	SIM_QEMU_EVENT_DECISION, /* text: "A", "B", "" = none; its kernel was loaded and verified */
	SIM_QEMU_EVENT_KERNEL,   /* the bootloader has handed over ("Starting kernel"): nothing more is its own */
	SIM_QEMU_EVENT_READY,    /* text: the line; not yet answered */
	SIM_QEMU_EVENT_UP,       /* text: the line */
	SIM_QEMU_EVENT_MARK,     /* text: the step; the log has it, the guest (with hold) waits */
	SIM_QEMU_EVENT_VERB,     /* text: the line */
	SIM_QEMU_EVENT_IDLE,
	SIM_QEMU_EVENT_RESET /* text: QMP's reason */
};
/* May call sim_qemu_say(). Non-zero ends the run: above zero as SIM_QEMU_REACHED, below zero as an error. */
typedef int sim_qemu_hook(void *ctx, struct sim_qemu *rig, enum sim_qemu_event_kind kind, const char *text);

/* Zero-initialised, then set. */
struct sim_qemu_run {
	const char *bundle;        /* file offered at /update.ota; NULL: none (404) */
	bool report_down;          /* the server refuses reports with 503 */
	const char *const *config; /* KEY=VALUE, NULL at the end; the rig itself sends hold=all or none */
	const char *const *say;    /* lines for the guest once it is idle, one after the other, NULL at the end */
	bool hold;                 /* exact marks: each is in the log before the updater goes on */
	enum sim_qemu_until until;
	unsigned until_nth; /* 1 */
	const char *until_mark;
	unsigned boots_max;   /* SIM_QEMU_BOOTS_MAX */
	unsigned boot_ms;     /* 120000: between two signs of progress */
	unsigned deadline_ms; /* 600000: all */
	struct sim_qemu_cut cut;
	const char *const *faults; /* of the block server: "eio write env 3" (command.h), NULL at the end */
	sim_qemu_hook *hook;
	void *hook_ctx;
	const char *log;     /* where write logs go: LOG, and LOG.1 ... after a cut; NULL: none is written */
	const char *console; /* where the console goes; NULL: the rig's directory */
	int console_fd;      /* and here as well, live; 0: nowhere */
	const char *gdb;     /* QEMU waits (-S) for gdb on this unix socket; deadlines do not count */
	/* QEMU records with its own driver as well: a dm-log-writes log over all media. */
	const char *blklogwrites;
	/* QEMU also writes everything to copies in this directory, card.img and disk.img, which it makes from the start. */
	const char *witness;
	/* No block server: card.img and disk.img in this directory, which are written to. start is ignored. */
	const char *plain;
	/*
	 * A directory of snapshots: machines that wait at `ready`, bootloader and kernel behind them. When the bootloader has chosen
	 * (and stored) and there is one of a slot with the same contents, sector by sector, on the same board, the boot
	 * goes on from it; else as usual. Before `ready` nothing else of the media is read but the partition table, which is
	 * compared too, and the first 4 KiB of the card. The log has the comparison as a read of the whole slot.
	 * snapshot_make: boot, put one there if there is none, and end the run (reached). This log is not of a board's.
	 */
	const char *snapshots;
	bool snapshot_make;
};

enum sim_qemu_final {
	SIM_QEMU_IDLE,     /* the guest says so */
	SIM_QEMU_REACHED,  /* what the run waited for */
	SIM_QEMU_HALTED,   /* the bootloader: no slot can be booted, or its prompt */
	SIM_QEMU_BOOTS,    /* boots_max */
	SIM_QEMU_DEADLINE, /* hangs, and no watchdog struck */
	SIM_QEMU_ERROR     /* the rig; detail says what */
};

enum sim_qemu_end {
	SIM_QEMU_END_RUNNING, /* at the end of the run */
	SIM_QEMU_END_REBOOT,  /* the guest asked for it */
	SIM_QEMU_END_PANIC,   /* and reset */
	SIM_QEMU_END_WATCHDOG,
	SIM_QEMU_END_CUT,
	SIM_QEMU_END_SHUTDOWN
};

/* Times are since power on or reset of this boot; -1: it did not come to that. */
struct sim_qemu_boot {
	char slot;        /* the bootloader's last choice: 'A', 'B', or 0 */
	bool back;        /* it went back from a trial */
	bool resumed;     /* from a snapshot */
	char up_slot;     /* that came up by its own word, or 0 */
	char version[32]; /* of it */
	char id[40];
	enum sim_qemu_end end;
	int64_t decision_ms, ready_ms, up_ms, end_ms;
};

struct sim_qemu_verb {
	unsigned boot; /* index of the boot */
	char verb[16];
	int exit;
	char reason[32];
};

/* A power cycle: its log (an error if it is not whole), and the cut that ended it. */
struct sim_qemu_cycle {
	char log[SIM_QEMU_PATH_MAX]; /* "" without */
	uint64_t entries;
	char cut[BP_CASE_TEXT_MAX]; /* its case against this log; "" for the last cycle */
};

/* Large: not on a stack. Counts may exceed the arrays: what is over is counted, not kept. */
struct sim_qemu_result {
	enum sim_qemu_final final;
	char detail[200]; /* one clause, unless idle or reached */
	unsigned boots;
	struct sim_qemu_boot boot[SIM_QEMU_BOOTS_MAX];
	unsigned verbs;
	struct sim_qemu_verb verb[SIM_QEMU_VERBS_MAX];
	unsigned errors;                  /* lines "error TEXT" of the guest, and lines of no protocol */
	char error[160];                  /* the first one */
	char output[SIM_QEMU_OUTPUT_MAX]; /* of exec: what "out" lines said, as far as it fits */
	int exec_exit;                    /* of the last exec */
	unsigned marks;
	char mark[SIM_QEMU_MARKS_MAX][8];
	unsigned reports; /* that the server accepted, as it saw them */
	char report[SIM_QEMU_REPORTS_MAX][SIM_QEMU_REPORT_MAX];
	unsigned requests;
	uint64_t bytes_served;
	unsigned cycles;
	struct sim_qemu_cycle cycle[SIM_QEMU_CYCLES_MAX];
	bool cut_landed;
	uint64_t faults_hit;
	char console[SIM_QEMU_PATH_MAX];
	int64_t decision_ms, up_ms, all_ms; /* first of each, and the whole, since the first power on */
	long qemu_rss_kib;                  /* peak */
};

/*
 * The log has, besides steps and requests, BP_MARK_NOTE "boot" at each power on and reset, and "kernel" at
 * SIM_QEMU_EVENT_KERNEL: what lies between is the bootloader's (step S12; from "back to" on R1, which the console tells,
 * so that it may be some sectors early or late). Each accepted report is a BP_MARK_WORLD,
 * "report:<id>:<event>:<version>:<reason>", made before the server answers. A reset keeps the power on: one log goes on
 * over it. 0 or -errno; *result is filled in both cases (SIM_QEMU_ERROR in the second). The power is off afterwards, the
 * media as the run left them.
 */
int sim_qemu_run(struct sim_qemu *rig, const struct sim_qemu_start *start, const struct sim_qemu_run *run,
		 struct sim_qemu_result *result) __attribute__((warn_unused_result));

/* One command to the block server's control socket (power-cut/server/command.h), and its answer. 0, -errno, or 1: the
 * answer is an error. */
int sim_qemu_say(struct sim_qemu *rig, char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5), warn_unused_result));
/* Power off: one file for each medium, DIR/NAME.img, and for each export, DIR/NAME.img. */
int sim_qemu_save(struct sim_qemu *rig, const struct sim_qemu_start *start, const char *dir)
    __attribute__((warn_unused_result));
long sim_qemu_store_rss_kib(const struct sim_qemu *rig); /* peak of the block server's memory */
const char *sim_qemu_final_name(enum sim_qemu_final final);
const char *sim_qemu_end_name(enum sim_qemu_end end);

#endif
