/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uboot-diff: seeded environments through the real U-Boot, the decision table, the library's query and fw_printenv.
 * Exit 0: no difference, or explained ones only; 1: an unexplained one, its environment is kept; 2: the rig failed;
 * 77: U-Boot is not built.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "subject/ota-script/script-case.h"
#include "subject/subjects.h"

#define WORKERS     2u
#define KEPT_MAX    20u
#define POLL_NS     200000000l
#define COUNT_MAX   100000000ull
#define SEED        20230109ull
#define FW_PRINTENV "/usr/bin/fw_printenv"

struct tally {
	uint64_t done, differing, unexplained, exact, defaults, wraps, equal, rebuilt, stores;
	uint64_t story[YP_SCRIPT_STORY_COUNT];
	uint64_t slot_a, slot_b, halt, neither;
	uint64_t in_class[YP_SCRIPT_CLASS_COUNT], of_class[YP_SCRIPT_CLASS_COUNT][YP_SCRIPT_VIEW_COUNT],
	    differs[YP_SCRIPT_VIEW_COUNT];
};

struct job {
	const char *build, *disks;
	char work[PATH_MAX - 64];
	uint64_t count, seed, first;
	struct yp_uboot_defaults defaults;
};

static int make_dir(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

static void keep_case(const struct job *job, uint64_t number, const struct yp_script_case *c,
		      const struct yp_uboot_run *run, const char *printenv, const struct yp_script_verdict *verdict)
{
	static const char zero[YP_UBOOT_ENV_OFFSET_1 - YP_UBOOT_ENV_OFFSET_0 - YP_UBOOT_ENV_BYTES];
	char path[PATH_MAX];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/case-%llu.env", job->work, (unsigned long long)number);
	f = fopen(path, "wb");
	if (f == NULL)
		return;
	/* As the card has it from the first copy's offset on. */
	(void)fwrite(c->uboot.raw[0], 1, YP_UBOOT_ENV_BYTES, f);
	(void)fwrite(zero, 1, sizeof zero, f);
	(void)fwrite(c->uboot.raw[1], 1, YP_UBOOT_ENV_BYTES, f);
	(void)fclose(f);
	(void)snprintf(path, sizeof path, "%s/case-%llu.txt", job->work, (unsigned long long)number);
	f = fopen(path, "w");
	if (f == NULL)
		return;
	(void)fprintf(f, "case %llu, seed %llu: kernels %u %u\n", (unsigned long long)number,
		      (unsigned long long)job->seed, (unsigned)c->uboot.kernel[0], (unsigned)c->uboot.kernel[1]);
	for (unsigned i = 0; i < YP_SCRIPT_VIEW_COUNT; i++) {
		if (verdict->differs[i])
			(void)fprintf(f, "%s: %s\n", yp_script_view_name((enum yp_script_view)i), verdict->detail[i]);
	}
	(void)fprintf(f, "\nfw_printenv:\n%s\nU-Boot:\n%s\n", printenv, run->text);
	(void)fclose(f);
}

static void count_case(struct tally *t, const struct yp_script_case *c, const struct yp_uboot_run *run,
		       const struct yp_script_verdict *verdict)
{
	bool any = false;

	t->story[c->story]++;
	t->wraps += c->wraps;
	t->equal += c->equal;
	t->rebuilt += c->rebuilt;
	t->defaults += run->defaults;
	t->stores += run->stores;
	t->slot_a += run->slot == 'A';
	t->slot_b += run->slot == 'B';
	t->halt += run->end == YP_UBOOT_END_HALT;
	t->neither += run->end > YP_UBOOT_END_HALT;
	for (unsigned i = 0; i < YP_SCRIPT_VIEW_COUNT; i++) {
		any = any || verdict->differs[i];
		t->differs[i] += verdict->differs[i];
		for (unsigned k = 0; k < YP_SCRIPT_CLASS_COUNT; k++)
			t->of_class[k][i] += verdict->differs[i] && (verdict->classes >> k & 1u);
	}
	for (unsigned k = 0; k < YP_SCRIPT_CLASS_COUNT; k++)
		t->in_class[k] += verdict->classes >> k & 1u;
	t->differing += any;
	t->unexplained += yp_script_verdict_unexplained(verdict);
	t->exact += verdict->exact;
	t->done++;
}

/* Every WORKERS-th case, on a board of its own. */
static int run_worker(const struct job *job, unsigned worker, struct tally *t)
{
	static struct yp_script_case c;
	static struct yp_uboot_run run;
	static struct yp_script_verdict verdict;
	static char printenv[YP_UBOOT_TEXT_MAX];
	struct yp_uboot_machine machine;
	char dir[PATH_MAX];
	int status, error;

	(void)snprintf(dir, sizeof dir, "%s/board-%u", job->work, worker);
	error = make_dir(dir);
	if (error == 0)
		error = yp_uboot_machine_init(&machine, dir, job->build, job->disks, yp_subject_ota.console->decided);
	for (uint64_t n = worker; error == 0 && n < job->count; n += WORKERS) {
		yp_script_case_make(&job->defaults, job->seed, job->first + n, &c);
		error = yp_uboot_machine_put(&machine, &c.uboot);
		if (error == 0)
			error = yp_uboot_machine_printenv(&machine, printenv, &status);
		if (error == 0)
			error = yp_uboot_machine_run(&machine, &c.uboot, &run);
		if (error != 0)
			break;
		yp_script_judge(&job->defaults, &c.uboot, &run, printenv, status, &verdict);
		count_case(t, &c, &run, &verdict);
		/* A single case is run to be looked at. */
		if (job->count == 1 || (yp_script_verdict_unexplained(&verdict) && t->unexplained <= KEPT_MAX))
			keep_case(job, job->first + n, &c, &run, printenv, &verdict);
	}
	if (error != 0)
		(void)fprintf(stderr, "uboot-diff: %s: %s\n", dir, strerror(-error));
	return error == 0 ? 0 : 2;
}

static void add_up(const struct tally tallies[WORKERS], struct tally *sum)
{
	/* Nothing but counters in it. */
	union {
		struct tally tally;
		uint64_t numbers[sizeof(struct tally) / sizeof(uint64_t)];
	} all = {.numbers = {0}}, one;

	for (unsigned w = 0; w < WORKERS; w++) {
		one.tally = tallies[w];
		for (size_t i = 0; i < sizeof all.numbers / sizeof all.numbers[0]; i++)
			all.numbers[i] += one.numbers[i];
	}
	*sum = all.tally;
}

#define LL(n) ((unsigned long long)(n))

static void print_tally(const struct job *job, const struct tally *t, double seconds)
{
	printf(
	    "seed %llu: %llu environments (%llu whole, %llu torn, %llu with one bad copy, %llu with two; %llu counter "
	    "wraps, %llu equal counters, %llu made from nothing)\n",
	    LL(job->seed), LL(t->done), LL(t->story[0]), LL(t->story[1]), LL(t->story[2]), LL(t->story[3]),
	    LL(t->wraps), LL(t->equal), LL(t->rebuilt));
	printf("U-Boot: %llu slot A, %llu slot B, %llu halt, %llu neither; %llu on its defaults; %llu stores; %.0f "
	       "boots a "
	       "minute\n",
	       LL(t->slot_a), LL(t->slot_b), LL(t->halt), LL(t->neither), LL(t->defaults), LL(t->stores),
	       (double)t->done * 60 / seconds);
	printf("%-26s", "differences");
	printf("%8s", "cases");
	for (unsigned i = 0; i < YP_SCRIPT_VIEW_COUNT; i++)
		printf("  %12s", yp_script_view_name((enum yp_script_view)i));
	for (unsigned k = 0; k < YP_SCRIPT_CLASS_COUNT; k++) {
		printf("\n%-26s%8llu", yp_script_class_name((enum yp_script_class)k), LL(t->in_class[k]));
		for (unsigned i = 0; i < YP_SCRIPT_VIEW_COUNT; i++)
			printf("  %12llu", LL(t->of_class[k][i]));
	}
	printf("\n%-26s%8llu", "all", LL(t->done));
	for (unsigned i = 0; i < YP_SCRIPT_VIEW_COUNT; i++)
		printf("  %12llu", LL(t->differs[i]));
	printf("\n%llu agree in everything, %llu differ and are explained (images/uboot/README.md), %llu unexplained\n",
	       LL(t->done - t->differing), LL(t->differing > t->unexplained ? t->differing - t->unexplained : 0),
	       LL(t->unexplained));
	printf("with numbers read as U-Boot's own code reads them: %llu of %llu agree in slot and stores\n",
	       LL(t->exact), LL(t->done));
	if (t->unexplained > 0)
		printf("FAIL: the environments lie in %s/case-*.env, what was seen beside them\n", job->work);
}

/* Until both workers have ended. */
static int wait_for(pid_t pids[WORKERS], const struct job *job, const struct tally *tallies)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	bool terminal = isatty(STDERR_FILENO) == 1;
	unsigned left = WORKERS;
	int worst = 0, status;

	while (left > 0) {
		pid_t pid = waitpid(-1, &status, terminal ? WNOHANG : 0);

		if (pid > 0) {
			left--;
			if (!WIFEXITED(status) || WEXITSTATUS(status) > worst)
				worst = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
		} else if (pid < 0) {
			return 2;
		} else {
			struct tally t;

			add_up(tallies, &t);
			(void)fprintf(stderr, "\r%llu of %llu, %llu unexplained ", LL(t.done), LL(job->count),
				      LL(t.unexplained));
			(void)nanosleep(&pause, NULL);
		}
	}
	if (terminal)
		(void)fputs("\n", stderr);
	(void)pids;
	return worst;
}

static int run_all(const struct job *job)
{
	struct tally *tallies =
	    mmap(NULL, WORKERS * sizeof *tallies, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec from, to;
	struct tally sum;
	pid_t pids[WORKERS];
	int worst;

	if (tallies == MAP_FAILED)
		return 2;
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned w = 0; w < WORKERS; w++) {
		pids[w] = fork();
		if (pids[w] == 0)
			_exit(run_worker(job, w, &tallies[w]));
		if (pids[w] < 0)
			return 2;
	}
	worst = wait_for(pids, job, tallies);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	add_up(tallies, &sum);
	(void)munmap(tallies, WORKERS * sizeof *tallies);
	print_tally(job, &sum, (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	if (worst != 0 || sum.done != job->count)
		return 2;
	return sum.unexplained > 0 ? 1 : 0;
}

/* BUILD: with u-boot and default.env; DISKS: what images/uboot/uboot-disk.sh made; WORK: ours. COUNT environments from number
 * FIRST on. */
int main(int argc, char **argv)
{
	static struct job job;
	static char build[PATH_MAX], disks[PATH_MAX], work_dir[PATH_MAX];
	char path[PATH_MAX + 32];
	int error;

	bool help = argc > 1 && strcmp(argv[1], "--help") == 0;
	if (help || argc < 5) {
		(void)fputs(
		    "usage: uboot-diff BUILD DISKS WORK COUNT [SEED [FIRST]]\n"
		    "Exit status: 0 no difference, or explained ones only; 1 an unexplained one, its environment is "
		    "kept in WORK;\n2 bad usage, or the rig failed; 77 U-Boot is not built.\n",
		    help ? stdout : stderr);
		return help ? 0 : 2;
	}
	(void)snprintf(path, sizeof path, "%s/u-boot", argv[1]);
	if (access(path, X_OK) != 0 || realpath(argv[1], build) == NULL || realpath(argv[2], disks) == NULL) {
		printf("SKIP: no U-Boot in %s: run make uboot-sandbox\n", argv[1]);
		return 77;
	}
	if (access(FW_PRINTENV, X_OK) != 0) {
		printf("SKIP: no " FW_PRINTENV ": install the package libubootenv-tool\n");
		return 77;
	}
	job.build = build;
	job.disks = disks;
	job.count = strtoull(argv[4], NULL, 10);
	job.seed = argc > 5 ? strtoull(argv[5], NULL, 10) : SEED;
	job.first = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
	error = make_dir(argv[3]);
	if (error == 0 && (realpath(argv[3], work_dir) == NULL || strlen(work_dir) >= sizeof job.work))
		error = -ENAMETOOLONG;
	if (error == 0)
		memcpy(job.work, work_dir, strlen(work_dir) + 1);
	(void)snprintf(path, sizeof path, "%s/default.env", build);
	if (error == 0)
		error = yp_uboot_defaults_load(path, &job.defaults);
	if (error != 0 || job.count == 0 || job.count > COUNT_MAX) {
		(void)fprintf(stderr, "uboot-diff: %s: %s\n", path, error != 0 ? strerror(-error) : "COUNT: 1 or more");
		return 2;
	}
	return run_all(&job);
}
