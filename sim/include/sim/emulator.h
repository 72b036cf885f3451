/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_H
#define SIM_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power-cut/explore.h"
#include "sim/subject.h"

/*
 * The QEMU rig: a board with a real bootloader, kernel and updater, whose media come from the block server. One rig is
 * one board: an nbdkit with our plugin, a QEMU for each power cycle, an HTTPS origin. Several rigs work
 * side by side, each in its own directory with sockets and ports of its own; a rig is used by one thread, the one that
 * made it (its processes die with that thread).
 *
 * The directory of images (what images/qemu-images.mk leaves in build/qemu):
 *
 *   board.args   QEMU's command line, a word on each line. Replaced in it: @IMAGES@, and what the rig has for @CARD@,
 *                @DISK@, @SERIAL@, @CHANNEL@, @QMP@ and @PORT@ (images/qemu/board-args.sh says where each stands)
 *   board.program   name of the QEMU
 *   media        layout= of the block server (power-cut/server/served-media.h): what lies on card and disk, in parts
 *                with storage models of their own, FILEs relative to the directory; with lines export=card:... and
 *                export=disk:... that lay the parts end to end
 *   tls.pem, tls.key   certificate of the server that the board's updater trusts, and its key
 *   *.ota        bundles
 *
 * The server has the same address for every worker, so that what a device has stored about it holds on any board. The
 * channel (virtio-serial port yankproof.0) has lines of at most YP_EMULATOR_LINE_MAX bytes:
 *
 *   guest -> host   ready SLOT BOOTID         nothing of a slot was read yet; waits for start
 *                   up SLOT VERSION BOOTID    the slot's own user space runs
 *                   begin VERB, run VERB EXIT REASON      a run of the updater begins, has ended
 *                   MARK STEP COUNT US begin|hold|released|...   of the updater; MARK: yp_subject_steps.mark
 *                   PLAIN STEP                of an updater that does not hold; PLAIN: yp_subject_steps.plain
 *                   reboot                    it is about to
 *                   idle                      nothing is left to do; waits for commands
 *                   out TEXT, exit STATUS     answer to exec
 *                   error TEXT                something that a good image does not say
 *   host -> guest   config KEY=VALUE, start   to ready
 *                   GO                        to a mark that holds; GO: yp_subject_steps.go_on
 *                   exec COMMAND, run VERB    to idle
 */
#define YP_EMULATOR_LINE_MAX    512u
#define YP_EMULATOR_BOOTS_MAX   64u
#define YP_EMULATOR_VERBS_MAX   256u
#define YP_EMULATOR_MARKS_MAX   512u
#define YP_EMULATOR_REPORTS_MAX 32u
#define YP_EMULATOR_REPORT_MAX  1024u
#define YP_EMULATOR_CYCLES_MAX  16u
#define YP_EMULATOR_PATH_MAX    256u
#define YP_EMULATOR_PROGRAM_MAX 128u
#define YP_EMULATOR_ANSWER_MAX  8192u
#define YP_EMULATOR_OUTPUT_MAX  8192u

struct yp_emulator;

/* Strings are borrowed until yp_emulator_free(); 0 and NULL: the default given. */
struct yp_emulator_options {
	const struct yp_subject *subject; /* NULL: yp_subject_find(NULL) */
	const char *images;               /* required */
	const char *work;                 /* required; the rig makes and removes WORK/board-N */
	unsigned worker;                  /* N */
	const char *plugin;               /* path of nbdkit-powercut-plugin.so; required */
	const char *qemu;                 /* the images' own */
	const char *accel;                /* as board.args says */
};
/* Are images and programs there? If not, *why is one clause that says what to do. */
bool yp_emulator_present(const char *images, char *why, size_t why_bytes);
/* Starts the block server and the origin. 0 or -errno with one clause in detail. */
int yp_emulator_new(const struct yp_emulator_options *options, struct yp_emulator **out, char *detail,
		    size_t detail_bytes) __attribute__((warn_unused_result));
/* Kills and reaps all it started, removes its directory. NULL is fine. */
void yp_emulator_free(struct yp_emulator *rig);

const struct yp_layout *yp_emulator_layout(const struct yp_emulator *rig);
/* The base: media as the images are, read from the files into the pool. yp_image_free(). */
int yp_emulator_base(const struct yp_emulator *rig, struct yp_pool *pool, const struct yp_region *regions,
		     unsigned count, struct yp_image **out) __attribute__((warn_unused_result));

/*
 * What is on the media at power on: the base, then each log on top, in order: all of it (cut NULL), or what the cut
 * leaves of it. No image is copied. Or else, with image: exactly that; its difference to `base` (yp_emulator_base()) or
 * to an image before is handed over. All of one pool, which outlives the rig.
 */
struct yp_emulator_start {
	unsigned count;
	struct {
		const char *log;
		const struct yp_cut *cut;
	} from[YP_CUTS_MAX];
	const struct yp_image *image, *base;
};

enum yp_emulator_until {
	YP_EMULATOR_UNTIL_IDLE,     /* the updater has nothing left to do */
	YP_EMULATOR_UNTIL_DECISION, /* the bootloader enters a kernel (again, with until_nth) */
	YP_EMULATOR_UNTIL_READY,    /* the kernel runs, no slot was mounted */
	YP_EMULATOR_UNTIL_UP,       /* the slot's own user space runs */
	YP_EMULATOR_UNTIL_MARK,     /* until_mark */
	YP_EMULATOR_UNTIL_NEVER     /* only the other bounds end the run */
};

/* A power cut while the board runs, once in a run; afterwards the power comes back. */
struct yp_emulator_cut {
	const char *mark;    /* at this step, delay_us after the guest goes on; or */
	const char *console; /* once a line of the console contains this; or */
	const char *medium;  /* at the nth request of op on this medium, which is in flight then; NULL: no cut */
	enum yp_op op;       /* YP_WRITE if 0 */
	uint64_t nth;        /* from 1, for mark and console too */
	unsigned delay_us;
	uint32_t seed;
	enum yp_form form; /* YP_FORM_ALL, NONE or SAMPLE */
};

enum yp_emulator_event_kind {
	YP_EMULATOR_EVENT_POWER,    /* about to be switched on: the media are there, the processor does not run yet */
	YP_EMULATOR_EVENT_DECISION, /* text: "A", "B", "" = none; its kernel was loaded and verified */
	YP_EMULATOR_EVENT_KERNEL,   /* the bootloader has handed over ("Starting kernel"): nothing more is its own */
	YP_EMULATOR_EVENT_READY,    /* text: the line; not yet answered */
	YP_EMULATOR_EVENT_UP,       /* text: the line */
	YP_EMULATOR_EVENT_MARK,     /* text: the step; the log has it, the guest (with hold) waits */
	YP_EMULATOR_EVENT_VERB,     /* text: the line */
	YP_EMULATOR_EVENT_IDLE,
	YP_EMULATOR_EVENT_RESET /* text: QMP's reason */
};
/* May call yp_emulator_say(). Non-zero ends the run: above zero as YP_EMULATOR_REACHED, below zero as an error. */
typedef int yp_emulator_hook(void *ctx, struct yp_emulator *rig, enum yp_emulator_event_kind kind, const char *text);

/* Zero-initialised, then set. */
struct yp_emulator_run {
	const char *bundle;        /* file offered at /update.ota; NULL: none (404) */
	bool report_down;          /* the server refuses reports with 503 */
	const char *const *config; /* KEY=VALUE, NULL at the end; the rig itself sends hold=all or none */
	const char *const *say;    /* lines for the guest once it is idle, one after the other, NULL at the end */
	bool hold;                 /* exact marks: each is in the log before the updater goes on */
	enum yp_emulator_until until;
	unsigned until_nth; /* 1 */
	const char *until_mark;
	unsigned boots_max;   /* YP_EMULATOR_BOOTS_MAX */
	unsigned boot_ms;     /* 120000: between two signs of progress */
	unsigned deadline_ms; /* 600000: all */
	struct yp_emulator_cut cut;
	const char *const *faults; /* of the block server: "eio write env 3" (command.h), NULL at the end */
	yp_emulator_hook *hook;
	void *hook_ctx;
	const char *log;     /* where write logs go: LOG, and LOG.1 ... after a cut; NULL: none is written */
	const char *console; /* where the console goes; NULL: the rig's directory */
	int console_fd;      /* and here as well, live; 0: nowhere */
	const char *gdb;     /* QEMU waits (-S) for gdb on this unix socket; deadlines do not count */
	/* QEMU records with its own driver as well: a dm-log-writes log over all media. */
	const char *blklogwrites;
	/* QEMU also writes everything to copies in this directory, card.img and disk.img, which it makes from the
	 * start. */
	const char *witness;
	/* No block server: card.img and disk.img in this directory, which are written to. start is ignored. */
	const char *plain;
	/*
	 * A directory of snapshots: machines that wait at `ready`, bootloader and kernel behind them. When the
	 * bootloader has chosen (and stored) and there is one of a slot with the same contents, sector by sector, on
	 * the same board, the boot goes on from it; else as usual. Before `ready` nothing else of the media is read but
	 * the partition table, which is compared too, and the first 4 KiB of the card. The log has the comparison as a
	 * read of the whole slot. snapshot_make: boot, put one there if there is none, and end the run (reached). This
	 * log is not of a board's.
	 */
	const char *snapshots;
	bool snapshot_make;
};

enum yp_emulator_final {
	YP_EMULATOR_IDLE,     /* the guest says so */
	YP_EMULATOR_REACHED,  /* what the run waited for */
	YP_EMULATOR_HALTED,   /* the bootloader: no slot can be booted, or its prompt */
	YP_EMULATOR_BOOTS,    /* boots_max */
	YP_EMULATOR_DEADLINE, /* hangs, and no watchdog struck */
	YP_EMULATOR_ERROR     /* the rig; detail says what */
};

enum yp_emulator_end {
	YP_EMULATOR_END_RUNNING, /* at the end of the run */
	YP_EMULATOR_END_REBOOT,  /* the guest requested it */
	YP_EMULATOR_END_PANIC,   /* and reset */
	YP_EMULATOR_END_WATCHDOG,
	YP_EMULATOR_END_CUT,
	YP_EMULATOR_END_SHUTDOWN
};

/* Times are since power on or reset of this boot; -1: it did not come to that. */
struct yp_emulator_boot {
	char slot;        /* the bootloader's last choice: 'A', 'B', or 0 */
	bool back;        /* it went back from a trial */
	bool resumed;     /* from a snapshot */
	char up_slot;     /* that came up by its own word, or 0 */
	char version[32]; /* of it */
	char id[40];
	enum yp_emulator_end end;
	int64_t decision_ms, ready_ms, up_ms, end_ms;
};

struct yp_emulator_verb {
	unsigned boot; /* index of the boot */
	char verb[16];
	int exit;
	char reason[32];
};

/* A power cycle: its log (an error if it is not whole), and the cut that ended it. */
struct yp_emulator_cycle {
	char log[YP_EMULATOR_PATH_MAX]; /* "" without */
	uint64_t entries;
	char cut[YP_CASE_TEXT_MAX]; /* its case against this log; "" for the last cycle */
};

/* Large: not on a stack. Counts may exceed the arrays: what is over is counted, not kept. */
struct yp_emulator_result {
	enum yp_emulator_final final;
	char detail[200]; /* one clause, unless idle or reached */
	unsigned boots;
	struct yp_emulator_boot boot[YP_EMULATOR_BOOTS_MAX];
	unsigned verbs;
	struct yp_emulator_verb verb[YP_EMULATOR_VERBS_MAX];
	unsigned errors;                     /* lines "error TEXT" of the guest, and lines of no protocol */
	char error[160];                     /* the first one */
	char output[YP_EMULATOR_OUTPUT_MAX]; /* of exec: what "out" lines said, as far as it fits */
	int exec_exit;                       /* of the last exec */
	unsigned marks;
	char mark[YP_EMULATOR_MARKS_MAX][8];
	unsigned reports; /* that the server accepted, as it saw them */
	char report[YP_EMULATOR_REPORTS_MAX][YP_EMULATOR_REPORT_MAX];
	unsigned requests;
	uint64_t bytes_served;
	unsigned cycles;
	struct yp_emulator_cycle cycle[YP_EMULATOR_CYCLES_MAX];
	bool cut_landed;
	uint64_t faults_hit;
	char console[YP_EMULATOR_PATH_MAX];
	int64_t decision_ms, up_ms, all_ms; /* first of each, and the whole, since the first power on */
	long qemu_rss_kib;                  /* peak */
};

/*
 * The log has, besides steps and requests, YP_MARK_NOTE "boot" at each power on and reset, and "kernel" at
 * YP_EMULATOR_EVENT_KERNEL: what lies between is the bootloader's (yp_subject_steps.select; from the line "back" of the
 * console on yp_subject_steps.fall_back, so that it may be some sectors early or late). Each accepted report is a
 * YP_MARK_WORLD, "report:<id>:<event>:<version>:<reason>", made before the server answers. A reset keeps the power on:
 * one log goes on over it. 0 or -errno; *result is filled in both cases (YP_EMULATOR_ERROR in the second). The power is
 * off afterwards, the media as the run left them.
 */
int yp_emulator_run(struct yp_emulator *rig, const struct yp_emulator_start *start, const struct yp_emulator_run *run,
		    struct yp_emulator_result *result) __attribute__((warn_unused_result));

/* One command to the block server's control socket (power-cut/server/server-command.h), and its answer. 0, -errno, or
 * 1: the answer is an error. */
int yp_emulator_say(struct yp_emulator *rig, char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5), warn_unused_result));
/* Power off: one file for each medium, DIR/NAME.img, and for each export, DIR/NAME.img. */
int yp_emulator_save(struct yp_emulator *rig, const struct yp_emulator_start *start, const char *dir)
    __attribute__((warn_unused_result));
long yp_emulator_store_rss_kib(const struct yp_emulator *rig); /* peak of the block server's memory */
const char *yp_emulator_final_name(enum yp_emulator_final final);
const char *yp_emulator_end_name(enum yp_emulator_end end);

#endif
