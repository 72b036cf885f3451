/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures commands against each other: interleaved rounds, medians, ratios to the first one.
 *
 *   install-bench measure ROUNDS BEFORE NAME COMMAND [NAME COMMAND]...
 *   install-bench change FILE THOUSANDTHS RUN_BLOCKS      changes so many 4096-byte blocks, in runs of RUN_BLOCKS
 *
 * BEFORE runs before each command and is not measured. Wall clock, CPU time of the command and all that it waited for,
 * and the largest resident set among them. Exit 1 when a command fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX   101
#define COMMANDS_MAX 16
#define BLOCK_BYTES  4096

struct sample {
	double wall_s, cpu_s, rss_mib;
};

static double time_seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static int run_command(const char *command, struct sample *sample)
{
	struct timespec start, end;
	struct rusage usage;
	int status;
	pid_t child;

	clock_gettime(CLOCK_MONOTONIC, &start);
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		execl("/bin/sh", "sh", "-ec", command, (char *)NULL);
		_exit(127);
	}
	while (wait4(child, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return -errno;
	clock_gettime(CLOCK_MONOTONIC, &end);
	sample->wall_s = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	sample->cpu_s = time_seconds(&usage.ru_utime) + time_seconds(&usage.ru_stime);
	sample->rss_mib = (double)usage.ru_maxrss / 1024;
	if (status != 0)
		fprintf(stderr, "install-bench: status %d: %s\n", status, command);
	return status == 0 ? 0 : -ECHILD;
}

static int compare_ascending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double find_median(const double *values, int count)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, (size_t)count * sizeof(*values));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare_ascending);
	return count % 2 != 0 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* The ratio is the median of the ratios within each round: what both runs of a round suffered cancels out. */
static void report_command(const char *name, struct sample samples[][COMMANDS_MAX], int rounds, int command)
{
	double wall[ROUNDS_MAX], cpu[ROUNDS_MAX], rss[ROUNDS_MAX], ratio[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++) {
		wall[i] = samples[i][command].wall_s;
		cpu[i] = samples[i][command].cpu_s;
		rss[i] = samples[i][command].rss_mib;
		ratio[i] = samples[i][command].wall_s / samples[i][0].wall_s;
	}
	printf("%-34s %8.3f %8.3f %9.1f %8.2f\n", name, find_median(wall, rounds), find_median(cpu, rounds),
	       find_median(rss, rounds), find_median(ratio, rounds));
}

static int measure_commands(int argc, char **argv)
{
	static struct sample samples[ROUNDS_MAX][COMMANDS_MAX];
	int rounds = argc > 0 ? atoi(argv[0]) : 0;
	int commands = (argc - 2) / 2;
	struct sample ignored;

	if (rounds < 1 || rounds > ROUNDS_MAX || commands < 1 || commands > COMMANDS_MAX || argc % 2 != 0)
		return 2;
	for (int i = 0; i < rounds; i++)
		for (int k = 0; k < commands; k++)
			if (run_command(argv[1], &ignored) != 0 || run_command(argv[3 + 2 * k], &samples[i][k]) != 0)
				return 1;
	printf("%-34s %8s %8s %9s %8s\n", "", "wall s", "CPU s", "peak MiB", "ratio");
	for (int k = 0; k < commands; k++)
		report_command(argv[2 + 2 * k], samples, rounds, k);
	return 0;
}

static int change_blocks(const char *path, int thousandths, int run_blocks)
{
	uint8_t block[BLOCK_BYTES];
	uint32_t random = 1;
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	long long blocks, todo;

	if (fd < 0 || fstat(fd, &st) != 0 || run_blocks < 1)
		return 1;
	blocks = st.st_size / BLOCK_BYTES;
	todo = blocks * thousandths / 1000;
	while (todo > 0) {
		long long at;

		random = random * 1664525u + 1013904223u;
		at = (long long)(random >> 4) % blocks;
		for (int i = 0; i < run_blocks && todo > 0 && at + i < blocks; i++, todo--) {
			for (size_t k = 0; k < sizeof(block); k++) {
				random = random * 1664525u + 1013904223u;
				block[k] = (uint8_t)(random >> 24);
			}
			if (pwrite(fd, block, sizeof(block), (off_t)(at + i) * BLOCK_BYTES) != BLOCK_BYTES)
				return 1;
		}
	}
	return close(fd) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "measure") == 0)
		return measure_commands(argc - 2, argv + 2);
	if (argc == 5 && strcmp(argv[1], "change") == 0)
		return change_blocks(argv[2], atoi(argv[3]), atoi(argv[4]));
	fputs("usage: install-bench measure ROUNDS BEFORE NAME COMMAND [NAME COMMAND]... | change FILE THOUSANDTHS "
	      "RUN_BLOCKS\n",
	      stderr);
	return 2;
}
