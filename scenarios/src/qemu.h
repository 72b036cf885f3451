/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_QEMU_H
#define SCENARIOS_QEMU_H

#include "media.h"
#include "session.h"
#include "sim/board.h"
#include "sim/qemu.h"

/*
 * A scenario on the emulated board (rig qemu). The story is recorded once on a real machine; crash states are enumerated and
 * judged here; a few of each class are booted, on several boards side by side.
 *
 * Everything is kept in DIR/qemu/SCENARIO: story.log, one log, console and result for each run. An interrupted exploration goes
 * on from there, and a case is replayed from there: its id means nothing without the recording.
 */
/* The copies of the environment: bytes, on the card. */
#define BP_QEMU_ENV_0      0x100000u
#define BP_QEMU_ENV_1      0x110000u
#define BP_QEMU_ENV_BYTES  0x4000u
#define BP_QEMU_BOARDS_MAX 32u
#define BP_QEMU_CLASS_RUNS 3u
#define BP_QEMU_PATH_MAX   768u
#define BP_QEMU_LAST       "build/qemu-last" /* links to the newest folder of each scenario */

struct bp_qemu {
	const struct bp_scenario *scenario;
	uint64_t seed;
	int lock;   /* on the images: one exploration at a time */
	bool waits; /* its story, most of the time */
	char images[BP_BOARD_MAX];
	char dir[512];    /* DIR/qemu/SCENARIO, absolute */
	char bundle[320]; /* that the story's server offers */
	char image_paths[SIM_BOARD_VERSIONS_MAX][320];
	struct bp_media media;  /* as the board has them, with the scenario's storage models */
	uint64_t image_sectors; /* of a version */
	struct bp_pool *pool;
	struct bp_image *base;
	struct sim_board *oracles;
	struct bp_log *log; /* of the story */
	struct bp_outcome story;
	struct bp_finding findings[BP_FINDINGS_MAX];
	size_t finding_count;
	struct bp_explore explore;
	/* of the runs */
	uint64_t deadline_ms;         /* monotonic; 0: none */
	size_t runs_left;             /* SIZE_MAX: no limit */
	uint64_t runs, boots, reused; /* of this process; taken from what was kept */
	uint64_t spent_ms;            /* with machines running */
	uint64_t rig_errors;
	char rig_detail[200];
	/* of the states told */
	uint64_t inside;                /* of the bootloader's own store */
	char counted[BP_QEMU_PATH_MAX]; /* path of the log that `firm` is of */
	uint8_t *firm;                  /* of that log's entries: 1 = the bootloader's */
	size_t firm_count;
};

/* Why this scenario cannot run here; false: it can. images: folder of the board's images; NULL: build/qemu, or the mutant's. */
bool bp_qemu_absent(const struct bp_scenario *scenario, const char *images, char *why, size_t why_bytes);
/* What for: an exploration from the start (what was kept is dropped), one that goes on, cases of one, or only the media. */
enum bp_qemu_use { BP_QEMU_FRESH, BP_QEMU_RESUME, BP_QEMU_REPLAY, BP_QEMU_MEDIA };
/*
 * Media and oracles. images: as above; to replay, NULL: those of the recording. dir: the results' folder; NULL: the newest of the
 * scenario, to replay. 0 or -errno; -ENOENT to replay: recording, images or programs are not there.
 */
int bp_qemu_open(struct bp_qemu *board, const struct bp_scenario *scenario, const char *images, uint64_t seed,
		 const char *dir, enum bp_qemu_use use, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void bp_qemu_close(struct bp_qemu *board);
/* qemu_story.c. The story: as it was recorded, or recorded now if `make`. */
int bp_qemu_record(struct bp_qemu *board, bool make, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* The images' folder, as it was given for the recording that is kept. *out empty: not known. */
void bp_qemu_recorded(const struct bp_qemu *board, char out[BP_BOARD_MAX]);
/* qemu_lint.c: fills in the findings. Called by bp_qemu_record(). */
int bp_qemu_lint(struct bp_qemu *board) __attribute__((warn_unused_result));
/* Is this state one inside the bootloader's own store of the environment? 0, or -errno if the log it is of cannot be read. */
int bp_qemu_inside(struct bp_qemu *board, const struct bp_case *c, bool *out) __attribute__((warn_unused_result));
/* What the real U-Boot makes of every environment seen; -ENOENT: it is not built. */
int bp_qemu_real(struct bp_qemu *board, struct sim_board_real *out) __attribute__((warn_unused_result));

/* ---- what exploring and replaying share ---- */

/* A log as this scenario sees it: its storage models, the card written through. */
int bp_qemu_log(const struct bp_qemu *board, const char *path, struct bp_log **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* The same for a log of these media from elsewhere. -EINVAL: they are others. */
int bp_qemu_adopt(const struct bp_qemu *board, struct bp_log *log) __attribute__((warn_unused_result));
/* Keeps how a run ended, atomically: a run without it did not end. A case without cuts is the story. */
int bp_qemu_keep(struct bp_qemu *board, const struct bp_case *c, unsigned again, const struct sim_qemu_result *result)
    __attribute__((warn_unused_result));
/* What is kept of a run; log may be NULL. -ENOENT: nothing. */
int bp_qemu_kept(struct bp_qemu *board, const struct bp_case *c, unsigned again, struct bp_outcome *out,
		 struct bp_log **log) __attribute__((warn_unused_result));
/* Path of what is kept of a run: DIR/run-HASH.EXT */
void bp_qemu_path(const struct bp_qemu *board, const struct bp_case *c, unsigned again, const char *ext,
		  char out[BP_QEMU_PATH_MAX]);
/* The media of a case, from the logs that are kept. -ENOENT: one is not. */
int bp_qemu_state(struct bp_qemu *board, const struct bp_case *c, struct bp_image **out)
    __attribute__((warn_unused_result));
/* What a run that ended so came to, given the media in the end. */
void bp_qemu_outcome(struct bp_qemu *board, const struct sim_qemu_result *result, const struct bp_image *end,
		     struct bp_outcome *out);
/* How this story's board is run, until idle. */
struct sim_qemu_run bp_qemu_how(const struct bp_qemu *board);
/* worker: those below BP_QEMU_BOARDS_MAX explore; BP_QEMU_BOARDS_MAX replays, while others explore. */
int bp_qemu_machine(const struct bp_qemu *board, unsigned worker, struct sim_qemu **out, char *detail,
		    size_t detail_bytes) __attribute__((warn_unused_result));

/* qemu_runs.c: the machines. As struct bp_rounds says. */
int bp_qemu_recover(void *ctx, struct bp_job *jobs, size_t count);

/* qemu_execute.c, board_replay.c */
struct bp_cases;
/* One case again. */
struct bp_qemu_options {
	bool console;         /* boot it with the console on stdout */
	bool gdb;             /* the machine waits for gdb */
	bool before;          /* the media just before the cut: all that was written is there */
	const char *disk_out; /* write the media there, and do not boot */
};
/* Returns as bp_session_replay(). */
int bp_qemu_replay(struct bp_qemu *board, const struct bp_id *id, const struct bp_qemu_options *options,
		   struct bp_outcome *out, char *story, size_t story_bytes) __attribute__((warn_unused_result));
/* A case that its media alone condemn, in one sentence, shrunk without booting anything. */
int bp_qemu_explain(struct bp_qemu *board, const struct bp_id *id, char *smaller, char *sentence, size_t sentence_bytes)
    __attribute__((warn_unused_result));
int bp_qemu_execute(const struct bp_scenario *scenario, const struct bp_execute_options *options,
		    struct bp_cases *cases, struct bp_result *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
