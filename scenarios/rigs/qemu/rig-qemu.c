/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated board: real U-Boot and Linux in QEMU, on recorded media. */
#include <errno.h>
#include <stdlib.h>

#include "rigs/qemu/qemu.h"

static void qemu_close(void *session)
{
	yp_qemu_close(session);
	free(session);
}

static int qemu_open(const struct yp_rig_setup *setup, void **session, char *detail, size_t detail_bytes)
{
	struct yp_qemu *own = calloc(1, sizeof *own);
	bool replays = setup->use == YP_RIG_REPLAY;
	if (!own)
		return -ENOMEM;
	int result = yp_qemu_open(own, setup->scenario, setup->images, setup->seed,
				  setup->dir || replays ? setup->dir : "build/qemu-results",
				  (enum yp_qemu_use)setup->use, detail, detail_bytes);
	if (!result && replays)
		result = yp_qemu_record(own, false, detail, detail_bytes);
	if (result) {
		qemu_close(own);
		return result == -ENOENT && replays ? 1 : result;
	}
	*session = own;
	return 0;
}

static int qemu_replay(void *session, const struct yp_id *id, const struct yp_replay_options *how,
		       struct yp_outcome *out, char *story, size_t story_bytes)
{
	return yp_qemu_replay(session, id, how, out, story, story_bytes);
}

static int qemu_explain(void *session, const struct yp_id *id, char *smaller, char *sentence, size_t sentence_bytes)
{
	return yp_qemu_explain(session, id, smaller, sentence, sentence_bytes);
}

/* The board's time was up, or its rig failed: what was run is kept, and is not run again. */
static bool qemu_unfinished(const struct yp_result *result)
{
	const struct yp_stats *s = &result->stats;
	return result->verdict == YP_ERROR ||
	       (result->verdict == YP_PASS && result->explored && s->run < s->canonical * YP_QEMU_CLASS_RUNS);
}

/* Files that the rows' scenarios need; building all bad versions would take longer than finding the defect. */
static const char *const mutant_images[] = {"card.img", "update-2.0.ota", "update-health-fails.ota", NULL};

const struct yp_scenario_rig yp_rig_qemu = {.terms = {.name = "qemu", .takes_seconds = true},
					    .sentence = "an emulated board with the real U-Boot and Linux, in QEMU",
					    .absent = yp_qemu_absent,
					    .open = qemu_open,
					    .close = qemu_close,
					    .explore = yp_qemu_explore,
					    .replay = qemu_replay,
					    .explain = qemu_explain,
					    .unfinished = qemu_unfinished,
					    .judge_log = yp_qemu_judge_log,
					    .shows_machine = true,
					    .mutant_images = mutant_images,
					    .equivalences = yp_oracle_equivalences};
