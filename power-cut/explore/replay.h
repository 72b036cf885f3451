/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_EXPLORE_REPLAY_H
#define POWER_CUT_EXPLORE_REPLAY_H

#include "power-cut/explore.h"
#include "state/crash.h"

/* Text in a buffer of fixed size; what does not fit is cut off. */
struct yp_text {
	char *out;
	size_t room, used;
};
void yp_text_add(struct yp_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void yp_text_size(struct yp_text *text, uint64_t bytes);

/* One cut of a case, as it was met. */
struct yp_scene {
	const struct yp_log *log; /* that was cut */
	struct yp_plan *plan;
	struct yp_point point;
	struct yp_cut cut;
	struct yp_outcome outcome; /* of the recovery after it */
};

/* A case, run. yp_replayed_deinit() whatever yp_replayed_run() returned. */
struct yp_replayed {
	struct yp_worlds worlds;
	struct yp_image *image; /* the last crash state */
	struct yp_log **logs;   /* of the recoveries, one a cut */
	struct yp_scene *scenes;
	unsigned count;
	uint32_t world;            /* before the last recovery */
	struct yp_outcome outcome; /* judged */
};
/* -EINVAL: the case does not fit the logs. */
int yp_replayed_run(struct yp_replayed *out, const struct yp_explore *explore, const struct yp_case *c)
    __attribute__((warn_unused_result));
void yp_replayed_deinit(struct yp_replayed *replayed);

/* "slot-b + 7.9 MiB (S06 write)"; part: of a chain only that write, UINT32_MAX: all of it. */
void yp_text_element(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene,
		     const struct yp_element *e, uint32_t part);
/* "the flush of env (S10)" */
void yp_text_entry(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene);
/* The scene's cut in one clause. */
void yp_text_cut(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene);
/* What survives only in part, and how; nothing if the cut tears nothing. */
void yp_text_part(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene);

#endif
