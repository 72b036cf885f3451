/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_SRC_REPLAY_H
#define POWER_CUT_SRC_REPLAY_H

#include "crash.h"

/* Text into a buffer that is cut short rather than overrun. */
struct bp_text {
	char *out;
	size_t room, used;
};
void bp_text_add(struct bp_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bp_text_size(struct bp_text *text, uint64_t bytes);

/* One cut of a case, as it was met. */
struct bp_scene {
	const struct bp_log *log; /* that was cut */
	struct bp_plan *plan;
	struct bp_point point;
	struct bp_cut cut;
	struct bp_outcome outcome; /* of the recovery after it */
};

/* A case, run. bp_replayed_deinit() whatever bp_replayed_run() returned. */
struct bp_replayed {
	struct bp_worlds worlds;
	struct bp_image *image; /* the last crash state */
	struct bp_log **logs;   /* of the recoveries, one a cut */
	struct bp_scene *scenes;
	unsigned count;
	uint32_t world;            /* before the last recovery */
	struct bp_outcome outcome; /* judged */
};
/* -EINVAL: the case does not fit the logs. */
int bp_replayed_run(struct bp_replayed *out, const struct bp_explore *explore, const struct bp_case *c)
    __attribute__((warn_unused_result));
void bp_replayed_deinit(struct bp_replayed *replayed);

/* "slot-b + 7.9 MiB (S06 write)"; part: of a chain only that write, UINT32_MAX: all of it. */
void bp_text_element(struct bp_text *text, const struct bp_image *image, const struct bp_scene *scene,
		     const struct bp_element *e, uint32_t part);
/* "the flush of env (S10)" */
void bp_text_entry(struct bp_text *text, const struct bp_image *image, const struct bp_scene *scene);
/* The scene's cut in one clause. */
void bp_text_cut(struct bp_text *text, const struct bp_image *image, const struct bp_scene *scene);
/* What survives only in part, and how; nothing if the cut tears nothing. */
void bp_text_part(struct bp_text *text, const struct bp_image *image, const struct bp_scene *scene);

#endif
