/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the explorer settles states and runs recoveries. The rig is synthetic and cheap: 1 MiB of media, a record in
 * two copies, a journal, a recovery that copies the image, reads 12 KiB, writes and flushes twice. So the figures are
 * the explorer's own cost, with almost nothing added by a rig.
 *
 *   explore-bench settled   tears and subsets of writes that recovery does not read: nearly all states are settled
 *   explore-bench run       recovery reads everything that differs: nearly all states are run
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "power-cut/explore.h"

#define SLOT_SECTORS  1984u
#define ENV_SECTORS   16u
#define STATE_SECTORS 48u
#define WRITES        9u
#define WRITE_SECTORS 8u
#define EPOCHS        24u

enum { SLOT, ENV, STATE };

struct subject {
	bool reads_slot;
	uint64_t judged;
};

static void check_result(int r, const char *what)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "explore-bench: %s: %s\n", what, strerror(-r));
	exit(1);
}

static int recover_state(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	const struct subject *s = ctx;
	struct yp_image *image;
	uint8_t env[ENV_SECTORS * YP_SECTOR_BYTES];
	uint8_t data[WRITE_SECTORS * YP_SECTOR_BYTES];
	int r = yp_image_copy(start, &image);
	if (r < 0)
		return r;
	yp_image_read(image, ENV, 0, ENV_SECTORS, env);
	r = yp_log_read(log, ENV, 0, ENV_SECTORS);
	yp_image_read(image, STATE, 0, WRITE_SECTORS, data);
	if (r == 0)
		r = yp_log_read(log, STATE, 0, WRITE_SECTORS);
	for (unsigned i = 0; r == 0 && s->reads_slot && i < WRITES; i++) {
		yp_image_read(image, SLOT, i * 2 * WRITE_SECTORS, WRITE_SECTORS, data);
		r = yp_log_read(log, SLOT, i * 2 * WRITE_SECTORS, WRITE_SECTORS);
	}
	/* The journal record is the same in every recovery, so that the exploration closes. */
	memset(data, 0x5a, sizeof data);
	if (r == 0)
		r = yp_log_write(log, STATE, 16, WRITE_SECTORS, data, false);
	if (r == 0)
		r = yp_log_flush(log, STATE);
	yp_image_free(image);
	(void)snprintf(out->label, sizeof out->label, env[0] & 1 ? "new" : "old");
	out->boots = 1;
	return r;
}

static int judge_state(void *ctx, const struct yp_image *state, const struct yp_world *before,
		       const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	struct subject *s = ctx;
	(void)state;
	(void)before;
	(void)during;
	s->judged++;
	*out = *run;
	return 0;
}

/* Epochs of WRITES scattered writes to the slot, each ended by a flush, with an environment store between. */
static void record_run(struct yp_log *log, unsigned epochs)
{
	uint8_t data[WRITE_SECTORS * YP_SECTOR_BYTES];
	for (unsigned e = 0; e < epochs; e++) {
		for (unsigned i = 0; i < WRITES; i++) {
			for (size_t k = 0; k < sizeof data; k++)
				data[k] = (uint8_t)(k / YP_SECTOR_BYTES * 7 + i * 31 + e * 101 + 1);
			check_result(yp_log_write(log, SLOT, i * 2 * WRITE_SECTORS, WRITE_SECTORS, data, false),
				     "write");
		}
		check_result(yp_log_flush(log, SLOT), "flush");
		memset(data, (int)(e + 1), sizeof data);
		check_result(yp_log_write(log, ENV, e % 2 * WRITE_SECTORS, WRITE_SECTORS, data, false), "write");
		check_result(yp_log_flush(log, ENV), "flush");
	}
}

static double cpu_seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure_rig(const char *what, bool reads_slot, enum yp_model model, unsigned epochs)
{
	const struct yp_layout layout = {.count = 3,
					 .media = {{"slot", SLOT_SECTORS, model, false},
						   {"env", ENV_SECTORS, YP_MODEL_TORN, false},
						   {"state", STATE_SECTORS, YP_MODEL_VOLATILE_CACHE, false}}};
	const struct yp_region env = {"env", ENV, 0, ENV_SECTORS};
	struct subject subject = {.reads_slot = reads_slot};
	const struct yp_rig rig = {.ctx = &subject, .recover = recover_state, .judge = judge_state};
	struct yp_explore explore = {.rig = &rig,
				     .limits = {.subset_writes = 10, .samples = 64, .seed = 1, .audit_fraction = 0.02}};
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_log *log;
	struct yp_stats stats;
	struct rusage usage;
	check_result(yp_pool_new(&pool), "pool");
	check_result(yp_image_new(&layout, pool, &base), "image");
	check_result(yp_image_region_add(base, &env, NULL), "region");
	check_result(yp_log_new(&layout, pool, &log), "log");
	record_run(log, epochs);
	explore.base = base;
	explore.log = log;
	double start = cpu_seconds();
	check_result(yp_explore_run(&explore, &stats), "explore");
	double spent = cpu_seconds() - start;
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("%s: %llu enumerated, %llu distinct, %llu run, %llu settled, %llu audited, %llu disagreed, closed "
		     "%s, digest %016llx\n",
		     what, (unsigned long long)stats.enumerated, (unsigned long long)stats.distinct,
		     (unsigned long long)stats.run, (unsigned long long)stats.settled,
		     (unsigned long long)stats.audited, (unsigned long long)stats.disagreed,
		     stats.closed ? "yes" : "no", (unsigned long long)stats.digest);
	(void)printf(
	    "%s: %.2f CPU-seconds; per CPU-second %.0f enumerated, %.0f judged, %.0f settled, %.0f run; %ld MiB\n",
	    what, spent, (double)stats.enumerated / spent, (double)subject.judged / spent,
	    (double)stats.settled / spent, (double)(stats.run + stats.audited) / spent, usage.ru_maxrss / 1024);
	yp_log_free(log);
	yp_image_free(base);
	yp_pool_free(pool);
}

int main(int argc, char **argv)
{
	const char *which = argc > 1 ? argv[1] : "";
	if (!*which || strcmp(which, "run") == 0)
		measure_rig("run", true, YP_MODEL_VOLATILE_CACHE, EPOCHS);
	if (!*which || strcmp(which, "settled") == 0)
		measure_rig("settled", false, YP_MODEL_TORN, 3);
	return 0;
}
