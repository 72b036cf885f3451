/* SPDX-License-Identifier: Apache-2.0 */
/* The story on the emulated board: recorded once, with the images that it is of, and judged. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rigs/qemu/qemu.h"

static int record_story(struct yp_qemu *qemu, char *detail, size_t detail_bytes)
{
	struct yp_case none = {.count = 0};
	char log[YP_QEMU_PATH_MAX];
	char console[YP_QEMU_PATH_MAX];
	struct yp_emulator *rig = NULL;
	struct yp_emulator_result *result = calloc(1, sizeof *result);
	struct yp_emulator_run how = yp_qemu_how(qemu);
	char part[YP_QEMU_PATH_MAX];
	yp_qemu_path(qemu, &none, 0, "part", part);
	yp_qemu_path(qemu, &none, 0, "log", log);
	yp_qemu_path(qemu, &none, 0, "console", console);
	how.hold = true;
	how.log = part;
	how.console = console;
	int error = result ? yp_qemu_machine(qemu, 0, &rig, detail, detail_bytes) : -ENOMEM;
	if (!error)
		error = yp_emulator_run(rig, NULL, &how, result);
	if (error && result && *result->detail)
		(void)snprintf(detail, detail_bytes, "%s", result->detail);
	yp_emulator_free(rig);
	if (!error && result->final == YP_EMULATOR_ERROR) {
		(void)snprintf(detail, detail_bytes, "the story: %s", result->detail);
		error = -EIO;
	}
	if (!error && rename(part, log))
		error = -errno;
	if (!error)
		error = yp_qemu_keep(qemu, &none, 0, result);
	free(result);
	return error;
}

/* The end of the story without a fault, judged like a run. */
static int judge_story(struct yp_qemu *qemu, char *detail, size_t detail_bytes)
{
	struct yp_case none = {.count = 0};
	struct yp_image *end = NULL;
	const char **events = calloc(yp_log_count(qemu->log) + 1, sizeof *events);
	struct yp_world before = {NULL, 0};
	struct yp_world during = {events, 0};
	int result = events ? yp_image_copy(qemu->base, &end) : -ENOMEM;
	if (!result)
		result = yp_image_apply(end, qemu->log, yp_log_count(qemu->log));
	if (!result)
		result = yp_qemu_kept(qemu, &none, 0, &qemu->story, NULL);
	for (size_t i = 0; !result && i < yp_log_count(qemu->log); i++) {
		const struct yp_entry *e = yp_log_entry(qemu->log, i);
		if (e->op == YP_MARK && e->kind == YP_MARK_WORLD)
			events[during.count++] = yp_log_text(qemu->log, e);
	}
	if (!result)
		result = yp_oracle_story(qemu->oracles, end, &before, &during, &qemu->story);
	yp_image_free(end);
	free(events);
	if (result)
		(void)snprintf(detail, detail_bytes, "the story cannot be judged: %s", strerror(-result));
	return result;
}

/* Identifies the media on which a recording begins: another build of the images makes others. check: compare them. */
static int base_mark(struct yp_qemu *qemu, bool check)
{
	struct yp_case none = {.count = 0};
	struct yp_hash hash = yp_image_hash(qemu->base);
	char path[YP_QEMU_PATH_MAX];
	char want[64];
	char have[64] = "";
	yp_qemu_path(qemu, &none, 0, "base", path);
	(void)snprintf(want, sizeof want, "%016" PRIx64 "%016" PRIx64 "\n", hash.hi, hash.lo);
	FILE *f = fopen(path, check ? "r" : "w");
	if (!f)
		return check ? -ESTALE : -errno;
	bool good;
	if (check)
		good = fgets(have, sizeof have, f) && strcmp(have, want) == 0;
	else
		good = fputs(want, f) >= 0 && fprintf(f, "%s\n", qemu->images) > 0;
	if (fclose(f) || !good)
		return check ? -ESTALE : -EIO;
	return 0;
}

int yp_qemu_record(struct yp_qemu *qemu, bool make, char *detail, size_t detail_bytes)
{
	struct yp_case none = {.count = 0};
	char path[YP_QEMU_PATH_MAX];
	*detail = 0;
	yp_qemu_path(qemu, &none, 0, "log", path);
	int result = 0;
	bool kept = access(path, R_OK) == 0;
	if (!kept)
		result = make ? base_mark(qemu, false) : -ENOENT;
	if (!kept && !result)
		result = record_story(qemu, detail, detail_bytes);
	if (kept)
		result = base_mark(qemu, true);
	if (result == -ESTALE)
		(void)snprintf(detail, detail_bytes, "the recording is of other images than those in %s; run %s again",
			       qemu->images, qemu->scenario->name);
	if (result == -ENOENT && !make)
		(void)snprintf(detail, detail_bytes, "the recording of %s is not there any more; run it again",
			       qemu->scenario->name);
	if (!result)
		result = yp_qemu_log(qemu, path, &qemu->log, detail, detail_bytes);
	if (!result)
		result = yp_qemu_lint(qemu);
	if (!result)
		result = judge_story(qemu, detail, detail_bytes);
	if (result && !*detail)
		(void)snprintf(detail, detail_bytes, "the story: %s", strerror(-result));
	qemu->explore.log = qemu->log;
	return result;
}
