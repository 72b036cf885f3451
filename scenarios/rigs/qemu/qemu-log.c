/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log from another recorder, over a scenario's media on the emulated board. Every crash state is judged by its media,
 * and sorted into classes. Nothing is booted. Two logs of the same update must give the same classes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rigs/qemu/qemu.h"

#define CLASSES_MAX 4096u

struct reading {
	struct yp_qemu qemu;
	uint64_t fails;
	char first[YP_DETAIL_MAX];
};

static int recover_nothing(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	(void)ctx;
	(void)start;
	(void)log;
	*out = (struct yp_outcome){.verdict = YP_PASS, .label = "not booted"};
	return 0;
}

/* Not every recorder has marks: world events are left out. */
static const struct yp_world nothing = {NULL, 0};

static int canon_alone(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	const struct yp_rig *rig = ctx;
	(void)before;
	return rig->canon(rig->ctx, state, &nothing, out);
}

static int inspect_alone(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_outcome *out)
{
	const struct yp_rig *rig = ctx;
	(void)before;
	return rig->inspect(rig->ctx, state, &nothing, out);
}

static int judge_alone(void *ctx, const struct yp_image *state, const struct yp_world *before,
		       const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	(void)during;
	*out = *run;
	return inspect_alone(ctx, state, before, out);
}

static int note_case(void *ctx, const char *id, const struct yp_case *c, const char *step,
		     const struct yp_outcome *outcome, bool settled)
{
	struct reading *r = ctx;
	(void)c;
	(void)settled;
	if (outcome->verdict == YP_FAIL && r->fails++ == 0)
		(void)snprintf(r->first, sizeof r->first, "%s (%s) %s: %s", id, step,
			       yp_invariant_id(outcome->invariant), outcome->text);
	return 0;
}

/* Our own format, or else dm-log-writes over all the board's media. */
static int read_log(struct yp_qemu *qemu, const char *path, struct yp_log **out, char *detail, size_t detail_bytes)
{
	int result = yp_log_load(path, qemu->pool, out, detail, detail_bytes);
	if (result > 0)
		result = yp_log_import_dm(path, &qemu->media.layout, qemu->pool, out, detail, detail_bytes);
	if (!result)
		result = yp_qemu_adopt(qemu, *out);
	if (result && !*detail)
		(void)snprintf(detail, detail_bytes, "%s", result > 0 ? "no write log" : strerror(-result));
	return result > 0 ? -EINVAL : result;
}

static int explore_log(struct reading *r, const char *path, char *detail, size_t detail_bytes, struct yp_stats *stats)
{
	struct yp_qemu *qemu = &r->qemu;
	struct yp_rig oracles = *yp_oracle_rig(qemu->oracles);
	struct yp_rig rig = {.ctx = &oracles,
			     .recover = recover_nothing,
			     .canon = canon_alone,
			     .judge = judge_alone,
			     .inspect = inspect_alone};
	struct yp_explore explore = {
	    .rig = &rig, .base = qemu->base, .limits = qemu->scenario->limits, .on_case = note_case, .case_ctx = r};
	struct yp_log *log = NULL;
	int result = read_log(qemu, path, &log, detail, detail_bytes);
	explore.log = log;
	explore.limits.depth_max = 1;
	explore.limits.runs_max = 0;
	explore.limits.audit_fraction = 0;
	explore.limits.seed = qemu->seed;
	if (!result)
		result = yp_explore_run(&explore, stats);
	if (!result)
		(void)printf("%s: %zu entries, %" PRIu64 " crash states, %" PRIu64 " distinct, %" PRIu64
			     " broken as they lie there, %" PRIu64 " classes\n",
			     path, yp_log_count(log), stats->enumerated, stats->distinct, r->fails, stats->canonical);
	yp_log_free(log);
	return result;
}

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The classes of one log, sorted. */
struct classes {
	size_t count;
	uint64_t hash[CLASSES_MAX];
	char words[CLASSES_MAX][240];
};

static int read_classes(const struct yp_scenario *scenario, const char *images, const char *path, struct classes *out)
{
	struct reading *r = calloc(1, sizeof *r);
	struct yp_stats stats;
	const struct yp_oracle_class *classes;
	char detail[YP_DETAIL_MAX] = "";
	int status = 0;
	if (!r)
		return YP_EXIT_ERROR;
	int result = yp_qemu_open(&r->qemu, scenario, images, YP_SEED_DEFAULT, "build/qemu-log", YP_QEMU_MEDIA, detail,
				  sizeof detail);
	if (!result)
		result = explore_log(r, path, detail, sizeof detail, &stats);
	if (result) {
		(void)fprintf(stderr, "yankproof: %s: %s\n", path, *detail ? detail : strerror(-result));
		status = result == -ENOENT || result == -EINVAL ? YP_EXIT_USAGE : YP_EXIT_ERROR;
	}
	out->count = status ? 0 : yp_oracle_classes(r->qemu.oracles, &classes);
	if (out->count > CLASSES_MAX) {
		(void)fprintf(stderr, "yankproof: %s: %zu classes; %u can be compared. Take a log of one update\n",
			      path, out->count, CLASSES_MAX);
		status = YP_EXIT_ERROR;
		out->count = 0;
	}
	for (size_t i = 0; i < out->count; i++) {
		out->hash[i] = classes[i].hash;
		memcpy(out->words[i], classes[i].words, sizeof out->words[i]);
	}
	if (!status && r->fails) {
		(void)printf("      first: %s\n", r->first);
		status = 1;
	}
	yp_qemu_close(&r->qemu);
	free(r);
	return status;
}

/* Prints what `a` has and `b` has not; how many. */
static size_t print_missing(const struct classes *a, const struct classes *b, const char *path)
{
	uint64_t sorted[CLASSES_MAX];
	size_t count = 0;
	memcpy(sorted, b->hash, b->count * sizeof *sorted);
	qsort(sorted, b->count, sizeof *sorted, by_hash);
	for (size_t i = 0; i < a->count; i++) {
		if (bsearch(&a->hash[i], sorted, b->count, sizeof *sorted, by_hash))
			continue;
		(void)printf("      only in %s: %s\n", path, a->words[i]);
		count++;
	}
	return count;
}

int yp_qemu_judge_log(const struct yp_scenario *scenario, const char *images, const char *path, const char *like)
{
	struct classes *a = calloc(2, sizeof *a);
	char why[256];
	if (!a)
		return YP_EXIT_ERROR;
	int status = 0;
	if (yp_qemu_absent(scenario, images, why, sizeof why)) {
		(void)fprintf(stderr, "yankproof: %s: %s\n", scenario->name, why);
		status = YP_EXIT_USAGE;
	}
	if (!status)
		status = read_classes(scenario, images, path, &a[0]);
	if (!like)
		for (size_t i = 0; i < a[0].count; i++)
			(void)printf("      %016" PRIx64 " %s\n", a[0].hash[i], a[0].words[i]);
	if (like && status <= 1) {
		int other = read_classes(scenario, images, like, &a[1]);
		status = other > status ? other : status;
		if (status <= 1 && print_missing(&a[0], &a[1], path) + print_missing(&a[1], &a[0], like))
			status = 1;
		else if (status <= 1)
			(void)printf("      the same classes\n");
	}
	free(a);
	return status;
}
