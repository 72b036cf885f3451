/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the emulated board is. Each figure that compares is of runs in turn, one of each, and the median of their
 * ratios: the machine is as busy for one as for the other.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sim/emulator.h"

#define WORKERS_MAX 2u
#define ROUNDS_MAX  20u
#define BOOTS       3u /* of one round and worker */

struct bench {
	const char *images, *work;
	unsigned rounds;
	char snapshots[YP_EMULATOR_PATH_MAX], plain[YP_EMULATOR_PATH_MAX], log[WORKERS_MAX][YP_EMULATOR_PATH_MAX];
	char bundle[YP_EMULATOR_PATH_MAX];
	struct yp_emulator *rigs[WORKERS_MAX];
	long qemu_rss_kib;
};

struct boots {
	struct bench *bench;
	unsigned worker, count;
	struct yp_emulator_run run;
	int result;
	char detail[200];
};

static double now_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A rig's processes die with the thread that made it, so that rigs are made and used here, in the worker's thread. */
static void *boot_some(void *arg)
{
	struct boots *b = arg;
	struct yp_emulator_result *result = calloc(1, sizeof *result);
	b->result = result ? 0 : -ENOMEM;
	for (unsigned i = 0; b->result == 0 && i < b->count; i++) {
		b->result = yp_emulator_run(b->bench->rigs[b->worker], NULL, &b->run, result);
		if (b->result == 0 && result->final != YP_EMULATOR_IDLE && result->final != YP_EMULATOR_REACHED)
			b->result = -EPROTO;
		(void)snprintf(b->detail, sizeof b->detail, "%s", result->detail);
		if (b->worker == 0 && result->qemu_rss_kib > b->bench->qemu_rss_kib)
			b->bench->qemu_rss_kib = result->qemu_rss_kib;
	}
	free(result);
	return NULL;
}

/* Seconds that it takes `workers` to make `count` runs each; below zero: failed. */
static double measure_runs(struct bench *bench, const struct yp_emulator_run *run, unsigned workers, unsigned count)
{
	struct boots boots[WORKERS_MAX];
	pthread_t threads[WORKERS_MAX];
	double start = now_s();
	int failed = 0;
	for (unsigned w = 0; w < workers; w++) {
		boots[w] = (struct boots){.bench = bench, .worker = w, .count = count, .run = *run};
		boots[w].run.log = run->plain ? NULL : bench->log[w];
		if (w > 0 && pthread_create(&threads[w], NULL, boot_some, &boots[w]) != 0)
			return -1;
	}
	(void)boot_some(&boots[0]);
	for (unsigned w = 1; w < workers; w++)
		(void)pthread_join(threads[w], NULL);
	for (unsigned w = 0; w < workers; w++) {
		if (boots[w].result != 0 && failed++ == 0)
			(void)fprintf(stderr, "qemu-bench: %s\n", boots[w].detail);
	}
	return failed ? -1 : now_s() - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double find_median(double *values, unsigned count)
{
	qsort(values, count, sizeof *values, by_value);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

enum figure { DECISION_1, DECISION_2, UP_1, UP_2, SNAPSHOT_1, SNAPSHOT_2, FIGURES };
static const char *const names[FIGURES] = {
    "to the bootloader's decision, 1 worker",
    "to the bootloader's decision, 2 workers",
    "to user space, 1 worker",
    "to user space, 2 workers",
    "to user space by snapshot, 1 worker",
    "to user space by snapshot, 2 workers",
};

/* Boots a minute, of each kind in turn. */
static bool bench_boots(struct bench *bench, double rates[FIGURES][ROUNDS_MAX])
{
	const struct yp_emulator_run runs[] = {
	    {.until = YP_EMULATOR_UNTIL_DECISION},
	    {.until = YP_EMULATOR_UNTIL_UP},
	    {.until = YP_EMULATOR_UNTIL_UP, .snapshots = bench->snapshots},
	};
	for (unsigned round = 0; round < bench->rounds; round++) {
		for (unsigned f = 0; f < FIGURES; f++) {
			unsigned workers = f % 2 + 1;
			double seconds = measure_runs(bench, &runs[f / 2], workers, BOOTS);
			if (seconds < 0)
				return false;
			rates[f][round] = 60.0 * BOOTS * workers / seconds;
		}
	}
	return true;
}

static void print_boots(double rates[FIGURES][ROUNDS_MAX], unsigned rounds)
{
	double ratio[ROUNDS_MAX] = {0};
	for (unsigned i = 0; i < rounds; i++)
		ratio[i] = rates[SNAPSHOT_1][i] / rates[UP_1][i];
	(void)printf("qemu boots by snapshot against cold, ratio: %.1f\n", find_median(ratio, rounds));
	for (unsigned f = 0; f < FIGURES; f++)
		(void)printf("qemu boots a minute %s: %.0f\n", names[f], find_median(rates[f], rounds));
}

/* One whole update, recorded by the block server and on plain files. */
static bool bench_update(struct bench *bench)
{
	const struct yp_emulator_run recorded = {.bundle = bench->bundle};
	struct yp_emulator_run plain = recorded;
	struct yp_emulator_start base = {.count = 0};
	double ratio[ROUNDS_MAX] = {0}, seconds[ROUNDS_MAX] = {0};
	plain.plain = bench->plain;
	for (unsigned round = 0; round < bench->rounds; round++) {
		int r = yp_emulator_save(bench->rigs[0], &base, bench->plain);
		double without = r == 0 ? measure_runs(bench, &plain, 1, 1) : -1;
		seconds[round] = without > 0 ? measure_runs(bench, &recorded, 1, 1) : -1;
		if (seconds[round] < 0)
			return false;
		ratio[round] = seconds[round] / without;
	}
	(void)printf("qemu update recorded, s: %.1f\n", find_median(seconds, bench->rounds));
	(void)printf("qemu update recorded, time against plain files: %.2f\n", find_median(ratio, bench->rounds));
	return true;
}

static bool set_up(struct bench *bench)
{
	char detail[200] = "";
	struct yp_emulator_run make = {.snapshots = bench->snapshots, .snapshot_make = true};
	(void)snprintf(bench->snapshots, sizeof bench->snapshots, "%.200s/snapshots", bench->work);
	(void)snprintf(bench->plain, sizeof bench->plain, "%.200s/plain", bench->work);
	(void)snprintf(bench->bundle, sizeof bench->bundle, "%.200s/update-2.0.ota", bench->images);
	if ((mkdir(bench->work, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(bench->snapshots, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(bench->plain, 0700) < 0 && errno != EEXIST)) {
		(void)fprintf(stderr, "qemu-bench: %s: %s\n", bench->work, strerror(errno));
		return false;
	}
	for (unsigned w = 0; w < WORKERS_MAX; w++) {
		struct yp_emulator_options options = {
		    .images = bench->images, .work = bench->work, .worker = w, .plugin = QEMU_PLUGIN};
		(void)snprintf(bench->log[w], sizeof bench->log[w], "%.200s/log-%u", bench->work, w);
		if (yp_emulator_new(&options, &bench->rigs[w], detail, sizeof detail) < 0) {
			(void)fprintf(stderr, "qemu-bench: %s\n", detail);
			return false;
		}
	}
	/* What is looked at for the first time is read and hashed: not what is measured. */
	const struct yp_emulator_run warm = {.snapshots = bench->snapshots, .until = YP_EMULATOR_UNTIL_UP};
	return measure_runs(bench, &make, 1, 1) >= 0 && measure_runs(bench, &warm, WORKERS_MAX, 1) >= 0;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	static double rates[FIGURES][ROUNDS_MAX];
	char why[200] = "";
	unsigned long rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		(void)fprintf(stderr, "usage: qemu-bench IMAGES WORK ROUNDS (1 to %u)\n", ROUNDS_MAX);
		return 2;
	}
	bench.images = argv[1];
	bench.work = argv[2];
	bench.rounds = (unsigned)rounds;
	if (!yp_emulator_present(bench.images, why, sizeof why)) {
		(void)printf("SKIP qemu-bench: %s\n", why);
		return 0;
	}
	bool good = set_up(&bench) && bench_boots(&bench, rates);
	if (good)
		print_boots(rates, bench.rounds);
	good = good && bench_update(&bench);
	if (good)
		(void)printf("qemu memory, MiB: QEMU %ld, block server %ld\n", bench.qemu_rss_kib / 1024,
			     yp_emulator_store_rss_kib(bench.rigs[0]) / 1024);
	for (unsigned w = 0; w < WORKERS_MAX; w++)
		yp_emulator_free(bench.rigs[w]);
	return good ? 0 : 1;
}
