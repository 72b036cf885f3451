/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_QEMU_QEMU_H
#define SCENARIOS_RIGS_QEMU_QEMU_H

#include "rigs/rig.h"
#include "server/served-media.h"
#include "sim/emulator.h"
#include "sim/oracle.h"

/*
 * A scenario on the emulated board (rig qemu). The story is recorded once on a real machine; crash states are
 * enumerated and judged here; a few of each class are booted, on several boards side by side.
 *
 * Everything is kept in DIR/qemu/SCENARIO: story.log, one log, console and result for each run. An interrupted
 * exploration goes on from there, and a case is replayed from there: its id means nothing without the recording.
 */
/* The copies of the environment: bytes, on the card. */
#define YP_QEMU_ENV_0        0x100000u
#define YP_QEMU_ENV_1        0x110000u
#define YP_QEMU_ENV_BYTES    0x4000u
#define YP_QEMU_MACHINES_MAX 32u
#define YP_QEMU_CLASS_RUNS   3u
#define YP_QEMU_PATH_MAX     768u
#define YP_QEMU_LAST         "build/qemu-last" /* links to the newest folder of each scenario */

struct yp_qemu {
	const struct yp_scenario *scenario;
	uint64_t seed;
	int lock;   /* on the images: one exploration at a time */
	bool waits; /* its story, most of the time */
	char images[YP_IMAGES_PATH_MAX];
	char dir[512];    /* DIR/qemu/SCENARIO, absolute */
	char bundle[320]; /* that the story's server offers */
	char image_paths[YP_ORACLE_VERSIONS_MAX][320];
	struct yp_media media;  /* as the board has them, with the scenario's storage models */
	uint64_t image_sectors; /* of a version */
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_oracle *oracles;
	struct yp_log *log; /* of the story */
	struct yp_outcome story;
	struct yp_finding findings[YP_FINDINGS_MAX];
	size_t finding_count;
	struct yp_explore explore;
	/* of the runs */
	uint64_t deadline_ms;         /* monotonic; 0: none */
	size_t runs_left;             /* SIZE_MAX: no limit */
	uint64_t runs, boots, reused; /* of this process; taken from what was kept */
	uint64_t spent_ms;            /* with machines running */
	uint64_t rig_errors;
	char rig_detail[200];
	/* of the states reported */
	uint64_t inside;                /* of the bootloader's own store */
	char counted[YP_QEMU_PATH_MAX]; /* path of the log that `firm` is of */
	uint8_t *firm;                  /* of that log's entries: 1 = the bootloader's */
	size_t firm_count;
};

/* Why this scenario cannot run here; false: it can. images: folder of the board's images; NULL: build/qemu, or the
 * mutant's. */
bool yp_qemu_absent(const struct yp_scenario *scenario, const char *images, char *why, size_t why_bytes);
/* What for: as enum yp_rig_use, or only the media. */
enum yp_qemu_use {
	YP_QEMU_FRESH = YP_RIG_FRESH,
	YP_QEMU_RESUME = YP_RIG_RESUME,
	YP_QEMU_REPLAY = YP_RIG_REPLAY,
	YP_QEMU_MEDIA
};
/*
 * Media and oracles. images: as above; to replay, NULL: those of the recording. dir: the results' folder; NULL: the
 * newest of the scenario, to replay. 0 or -errno; -ENOENT to replay: recording, images or programs are not there.
 */
int yp_qemu_open(struct yp_qemu *qemu, const struct yp_scenario *scenario, const char *images, uint64_t seed,
		 const char *dir, enum yp_qemu_use use, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void yp_qemu_close(struct yp_qemu *qemu);
/* qemu-story.c. The story: as it was recorded, or recorded now if `make`. */
int yp_qemu_record(struct yp_qemu *qemu, bool make, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* qemu-lint.c: fills in the findings. Called by yp_qemu_record(). */
int yp_qemu_lint(struct yp_qemu *qemu) __attribute__((warn_unused_result));
/* Is this state one inside the bootloader's own store of the environment? 0, or -errno if the log it is of cannot be
 * read. */
int yp_qemu_inside(struct yp_qemu *qemu, const struct yp_case *c, bool *out) __attribute__((warn_unused_result));
/* Compares the real U-Boot's decision on every environment seen; -ENOENT: it is not built. */
int yp_qemu_real(struct yp_qemu *qemu, struct yp_oracle_real *out) __attribute__((warn_unused_result));

/* ---- what exploring and replaying share ---- */

/* A log as this scenario sees it: its storage models, the card written through. */
int yp_qemu_log(const struct yp_qemu *qemu, const char *path, struct yp_log **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* The same for a log of these media from elsewhere. -EINVAL: they are others. */
int yp_qemu_adopt(const struct yp_qemu *qemu, struct yp_log *log) __attribute__((warn_unused_result));
/* Keeps how a run ended, atomically: a run without it did not end. A case without cuts is the story. */
int yp_qemu_keep(struct yp_qemu *qemu, const struct yp_case *c, unsigned again, const struct yp_emulator_result *result)
    __attribute__((warn_unused_result));
/* Reads the kept files of a run; log may be NULL. -ENOENT: there are none. */
int yp_qemu_kept(struct yp_qemu *qemu, const struct yp_case *c, unsigned again, struct yp_outcome *out,
		 struct yp_log **log) __attribute__((warn_unused_result));
/* Path of what is kept of a run: DIR/run-HASH.EXT */
void yp_qemu_path(const struct yp_qemu *qemu, const struct yp_case *c, unsigned again, const char *ext,
		  char out[YP_QEMU_PATH_MAX]);
/* The media of a case, from the logs that are kept. -ENOENT: one is not. */
int yp_qemu_state(struct yp_qemu *qemu, const struct yp_case *c, struct yp_image **out)
    __attribute__((warn_unused_result));
/* The outcome of a run that ended so, given the media at the end. */
void yp_qemu_outcome(struct yp_qemu *qemu, const struct yp_emulator_result *result, const struct yp_image *end,
		     struct yp_outcome *out);
/* How this story's board is run, until idle. */
struct yp_emulator_run yp_qemu_how(const struct yp_qemu *qemu);
/* worker: those below YP_QEMU_MACHINES_MAX explore; YP_QEMU_MACHINES_MAX replays, while others explore. */
int yp_qemu_machine(const struct yp_qemu *qemu, unsigned worker, struct yp_emulator **out, char *detail,
		    size_t detail_bytes) __attribute__((warn_unused_result));

/* qemu-runs.c: the machines. As struct yp_rounds says. */
int yp_qemu_recover(void *ctx, struct yp_job *jobs, size_t count);

/* qemu-explore.c, qemu-replay.c, qemu-log.c: as struct yp_scenario_rig says of explore, replay, explain and judge_log.
 */
int yp_qemu_explore(void *session, struct yp_rig_run *run, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
int yp_qemu_replay(struct yp_qemu *qemu, const struct yp_id *id, const struct yp_replay_options *options,
		   struct yp_outcome *out, char *story, size_t story_bytes) __attribute__((warn_unused_result));
/* Shrinks a case that fails by its media alone, without booting. */
int yp_qemu_explain(struct yp_qemu *qemu, const struct yp_id *id, char *smaller, char *sentence, size_t sentence_bytes)
    __attribute__((warn_unused_result));
int yp_qemu_judge_log(const struct yp_scenario *scenario, const char *images, const char *path, const char *like)
    __attribute__((warn_unused_result));

#endif
