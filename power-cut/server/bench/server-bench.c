/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block server against nbdkit's memory plugin, over the same socket with the same requests: the medians of rounds
 * that take turns. Prints one line a figure.
 */
#include <libnbd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/test/nbd-rig.h"

#define MIB        (UINT64_C(1) << 20)
#define DISK_BYTES (64 * MIB)
#define ROUNDS     5u
#define IN_FLIGHT  16u
#define KINDS      4u

struct load {
	const char *name;
	size_t bytes;
	bool write;
	uint64_t flush_every; /* requests; 0: never */
};
static const struct load loads[KINDS] = {{"write 4 KiB, 16 in flight", 4096, true, 0},
					 {"write 1 MiB, 16 in flight", MIB, true, 0},
					 {"write 4 KiB, flush each 32", 4096, true, 32},
					 {"read 64 KiB, 16 in flight", 65536, false, 0}};

static double clock_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Once over the disk: MiB a second, or below zero. */
static double run_round(struct nbd_handle *nbd, const struct load *load, uint8_t *data)
{
	uint64_t count = DISK_BYTES / load->bytes;
	double start = clock_s();
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = i * load->bytes;
		int64_t r = load->write ? nbd_aio_pwrite(nbd, data + at, load->bytes, at, NBD_NULL_COMPLETION, 0)
					: nbd_aio_pread(nbd, data + at, load->bytes, at, NBD_NULL_COMPLETION, 0);
		while (r >= 0 && nbd_aio_in_flight(nbd) >= (int)IN_FLIGHT)
			r = nbd_poll(nbd, -1) < 0 ? -1 : 0;
		if (r >= 0 && load->flush_every && i % load->flush_every == 0)
			r = nbd_flush(nbd, 0);
		if (r < 0)
			return -1;
	}
	while (nbd_aio_in_flight(nbd) > 0) {
		if (nbd_poll(nbd, -1) < 0)
			return -1;
	}
	return (double)DISK_BYTES / (double)MIB / (clock_s() - start);
}

/* One round of all loads on a fresh server. */
static int round_run(const char *const *args, bool ours, uint8_t *data, double out[KINDS], long *peak_kib)
{
	struct rig rig;
	int r = rig_init(&rig);
	if (r == 0)
		r = rig_start(&rig, args, ours);
	struct nbd_handle *nbd = nbd_create();
	if (r == 0)
		r = nbd && nbd_set_export_name(nbd, ours ? "disk" : "") == 0 && nbd_connect_unix(nbd, rig.socket) == 0
			? 0
			: -1;
	for (unsigned k = 0; r == 0 && k < KINDS; k++) {
		out[k] = run_round(nbd, &loads[k], data);
		r = out[k] < 0 ? -1 : 0;
	}
	if (r < 0)
		(void)fprintf(stderr, "server-bench: %s\n",
			      nbd_get_error() ? nbd_get_error() : "the server did not start");
	*peak_kib = rig_status_kib(&rig, "VmHWM");
	nbd_close(nbd);
	rig_deinit(&rig);
	return r;
}

static int start_server(const void *x, const void *y)
{
	double a = *(const double *)x;
	double b = *(const double *)y;
	return (a > b) - (a < b);
}

int main(void)
{
	static const char *const memory[] = {"memory", "64M", NULL};
	static const char *const plain[] = {SERVER_PLUGIN, "medium=disk:131072", NULL};
	static const char *const logged[] = {SERVER_PLUGIN, "medium=disk:131072", "log=/tmp/server-bench.log", NULL};
	static const char *const *const args[] = {memory, plain, logged};
	static const char *const names[] = {"nbdkit memory", "block server", "block server, log to a file"};
	static double rates[3][KINDS][ROUNDS];
	long peak_kib[3];
	uint8_t *data = malloc(DISK_BYTES);
	if (!data || !rig_nbdkit_present()) {
		(void)fprintf(stderr, "server-bench: nbdkit or memory is missing\n");
		return 1;
	}
	/* Different sectors, as of an image that is compressed: the worst case for a log that stores equal ones once. */
	uint64_t seed = 1;
	for (size_t i = 0; i < DISK_BYTES; i += 8) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		memcpy(data + i, &seed, 8);
	}
	for (unsigned n = 0; n < ROUNDS; n++) {
		for (unsigned s = 0; s < 3; s++) {
			double out[KINDS];
			if (round_run(args[s], s > 0, data, out, &peak_kib[s]) < 0)
				return 1;
			for (unsigned k = 0; k < KINDS; k++)
				rates[s][k][n] = out[k];
		}
	}
	(void)remove("/tmp/server-bench.log");
	free(data);
	for (unsigned k = 0; k < KINDS; k++) {
		for (unsigned s = 0; s < 3; s++) {
			qsort(rates[s][k], ROUNDS, sizeof(double), start_server);
			printf("%-28s %-28s %8.0f MiB/s %8.0f requests/s %6.2f x\n", loads[k].name, names[s],
			       rates[s][k][ROUNDS / 2], rates[s][k][ROUNDS / 2] * (double)MIB / (double)loads[k].bytes,
			       rates[s][k][ROUNDS / 2] / rates[0][k][ROUNDS / 2]);
		}
	}
	for (unsigned s = 0; s < 3; s++)
		printf("peak memory, 64 MiB written three times: %-28s %6ld KiB\n", names[s], peak_kib[s]);
	return 0;
}
