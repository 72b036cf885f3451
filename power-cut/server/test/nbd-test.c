/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin in nbdkit, through libnbd, as QEMU sees it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <libnbd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power-cut/explore.h"
#include "server/test/nbd-rig.h"

#define MIB              (UINT64_C(1) << 20)
#define DISK_MIB         64u
#define MEMORY_KIB_MAX   20000
#define TEST_SECONDS_MAX 100u
#define ENV_BYTES        (32u * YP_SECTOR_BYTES)
#define REQUEST_BYTES    (UINT64_C(1) << 16)
#define REQUESTS         300u

struct fixture {
	struct rig rig;
	char base[128], log[128];
	char medium[200], logarg[160];
};

/* A sparse base of 64 MiB with a few bytes in it. */
static void prepare_files(struct fixture *f)
{
	if (!rig_nbdkit_present())
		cr_skip_test("nbdkit is not installed");
	alarm(TEST_SECONDS_MAX); /* criterion's own time limit leaks, which fails a sanitised run */
	cr_assert_eq(rig_init(&f->rig), 0);
	snprintf(f->base, sizeof f->base, "%s/base", f->rig.dir);
	snprintf(f->log, sizeof f->log, "%s/log", f->rig.dir);
	FILE *file = fopen(f->base, "wb");
	for (unsigned i = 0; i < DISK_MIB; i += 8) {
		fseek(file, (long)(i * MIB), SEEK_SET);
		fprintf(file, "base %u", i);
	}
	fclose(file);
	cr_assert_eq(truncate(f->base, (off_t)(DISK_MIB * MIB)), 0);
	snprintf(f->medium, sizeof f->medium, "medium=disk::volatile-cache:%s", f->base);
	snprintf(f->logarg, sizeof f->logarg, "log=%s", f->log);
}

static void start_server(struct fixture *f, const char *extra, const char *more)
{
	const char *args[] = {SERVER_PLUGIN, f->medium, "medium=env:32:torn", extra, extra ? more : NULL, NULL};
	cr_assert_eq(rig_start(&f->rig, args, true), 0);
}

static struct nbd_handle *open_client(const struct fixture *f, const char *export)
{
	struct nbd_handle *nbd = nbd_create();
	cr_assert(nbd);
	cr_assert_eq(nbd_set_export_name(nbd, export), 0);
	cr_assert_eq(nbd_connect_unix(nbd, f->rig.socket), 0, "%s", nbd_get_error());
	return nbd;
}

/* After a request that never got its answer, a sanitised nbdkit hangs on its way out, in the C library's locale lock
 * under a destructor of p11-kit: there it is killed. */
static const bool sanitised = sizeof SERVER_PRELOAD > 1;
static void stop_after_silence(struct fixture *f)
{
	cr_assert_eq(rig_stop(&f->rig, sanitised ? SIGKILL : SIGTERM), sanitised ? SIGKILL : 0);
}

static const char *send_command(struct fixture *f, const char *line)
{
	static char answer[4096];
	cr_assert_eq(rig_say(&f->rig, answer, sizeof answer, "%s", line), 0, "%s", line);
	return answer;
}

static struct yp_log *load_log(const char *path, struct yp_pool **pool, bool whole)
{
	struct yp_log *log;
	char detail[160];
	cr_assert_eq(yp_pool_new(pool), 0);
	cr_assert_eq(yp_log_load(path, *pool, &log, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(*detail == 0, whole, "%s", detail);
	return log;
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* The log records exactly what the NBD commands requested: order, ranges, FUA, discards, zeros, flushes; over several
 * exports of one server in one order, and exports that lay media end to end. */
Test(nbd, commands_are_entries)
{
	struct fixture f;
	static uint8_t data[4096];
	prepare_files(&f);
	start_server(&f, f.logarg, "export=card:env+disk");
	struct nbd_handle *disk = open_client(&f, "disk");
	struct nbd_handle *env = open_client(&f, "env");
	struct nbd_handle *card = open_client(&f, "card");
	cr_assert_eq(nbd_get_size(disk), (int64_t)(DISK_MIB * MIB));
	cr_assert_eq(nbd_get_size(card), (int64_t)(DISK_MIB * MIB + ENV_BYTES));
	cr_assert_eq(nbd_get_block_size(env, LIBNBD_SIZE_MINIMUM), 512);
	cr_assert_eq(nbd_can_fua(env), 1);
	cr_assert_eq(nbd_can_multi_conn(env), 1);
	cr_assert_str_eq(send_command(&f, "mark step S06"), "ok");
	memset(data, 1, sizeof data);
	cr_assert_eq(nbd_pwrite(disk, data, 4096, 8192, 0), 0);
	cr_assert_eq(nbd_pwrite(env, data, 512, 512, LIBNBD_CMD_FLAG_FUA), 0);
	cr_assert_eq(nbd_trim(disk, 4096, 8192, 0), 0);
	cr_assert_eq(nbd_zero(disk, MIB, MIB, 0), 0);
	cr_assert_eq(nbd_flush(env, 0), 0);
	cr_assert_eq(nbd_pwrite(card, data, 1024, ENV_BYTES - 512, 0), 0);
	cr_assert_eq(nbd_pread(env, data, 512, 0, 0), 0);
	cr_assert_eq(nbd_flush(card, 0), 0);
	nbd_shutdown(disk, 0);
	nbd_close(disk);
	nbd_close(env);
	nbd_close(card);
	cr_assert_str_eq(send_command(&f, "quit"), "ok");
	cr_assert_eq(rig_stop(&f.rig, 0), 0);
	static const struct yp_entry expected[] = {
	    {.op = YP_MARK},
	    {.op = YP_WRITE, .sector = 16, .sectors = 8},
	    {.op = YP_WRITE, .medium = 1, .sector = 1, .sectors = 1, .fua = true},
	    {.op = YP_DISCARD, .sector = 16, .sectors = 8},
	    {.op = YP_WRITE, .sector = 2048, .sectors = 2048},
	    {.op = YP_FLUSH, .medium = 1},
	    {.op = YP_WRITE, .medium = 1, .sector = 31, .sectors = 1},
	    {.op = YP_WRITE, .sectors = 1},
	    {.op = YP_READ, .medium = 1, .sectors = 1},
	    {.op = YP_FLUSH, .medium = 1},
	    {.op = YP_FLUSH}};
	struct yp_pool *pool;
	struct yp_log *log = load_log(f.log, &pool, true);
	cr_assert_eq(yp_log_count(log), sizeof expected / sizeof *expected);
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		cr_assert(e->op == expected[i].op && e->medium == expected[i].medium && e->fua == expected[i].fua &&
			      e->sector == expected[i].sector && e->sectors == expected[i].sectors,
			  "entry %zu: op %d medium %u sector %llu + %u", i, e->op, e->medium,
			  (unsigned long long)e->sector, e->sectors);
	}
	yp_log_free(log);
	yp_pool_free(pool);
	rig_deinit(&f.rig);
}

static void write_sectors(struct nbd_handle *nbd, uint64_t *seed, unsigned requests)
{
	static uint8_t data[16 * YP_SECTOR_BYTES];
	for (unsigned i = 0; i < requests; i++) {
		uint32_t bytes = (1 + next_random(seed) % 16) * YP_SECTOR_BYTES;
		uint64_t at = (uint64_t)(next_random(seed) % 4096) * YP_SECTOR_BYTES;
		memset(data, (int)next_random(seed), bytes);
		int r = i % 9 == 8    ? nbd_flush(nbd, 0)
			: i % 11 == 9 ? nbd_trim(nbd, bytes, at, 0)
				      : nbd_pwrite(nbd, data, bytes, at, i % 5 ? 0 : LIBNBD_CMD_FLAG_FUA);
		cr_assert_eq(r, 0, "%s", nbd_get_error());
	}
}

/* The first MiB and a bit that write_sectors() writes to, from the library. */
#define SCRIBBLED_SECTORS 4112u
static struct yp_image *image_of_base(const struct fixture *f, struct yp_pool *pool, const struct yp_layout *layout)
{
	static uint8_t base[SCRIBBLED_SECTORS * YP_SECTOR_BYTES];
	struct yp_image *image;
	FILE *file = fopen(f->base, "rb");
	cr_assert_eq(fread(base, 1, sizeof base, file), sizeof base);
	fclose(file);
	cr_assert_eq(yp_image_new(layout, pool, &image), 0);
	cr_assert_eq(yp_image_write(image, 0, 0, SCRIBBLED_SECTORS, base), 0);
	return image;
}

static void assert_served(struct nbd_handle *nbd, const struct yp_image *image, const char *what)
{
	static uint8_t served[SCRIBBLED_SECTORS * YP_SECTOR_BYTES];
	static uint8_t expected[SCRIBBLED_SECTORS * YP_SECTOR_BYTES];
	cr_assert_eq(nbd_pread(nbd, served, sizeof served, 0, 0), 0);
	yp_image_read(image, 0, 0, SCRIBBLED_SECTORS, expected);
	cr_assert_eq(memcmp(served, expected, sizeof served), 0, "%s", what);
}

/* A server that is killed leaves a log of everything it acknowledged; any crash state of that log can be served from
 * base and log, and equals the state that the library computes. What a client writes to it is stored nowhere else. */
Test(nbd, killed_and_served_again)
{
	struct fixture f;
	struct yp_pool *pool;
	uint64_t seed = 3;
	char from[160];
	char state[96];
	prepare_files(&f);
	start_server(&f, f.logarg, NULL);
	struct nbd_handle *nbd = open_client(&f, "disk");
	write_sectors(nbd, &seed, REQUESTS);
	cr_assert_eq(rig_stop(&f.rig, SIGKILL), SIGKILL);
	nbd_close(nbd);
	struct yp_log *log = load_log(f.log, &pool, false);
	cr_assert_eq(yp_log_count(log), REQUESTS);
	snprintf(from, sizeof from, "from=%s", f.log);
	for (uint32_t entry = 20; entry <= REQUESTS; entry += 70) {
		struct yp_case c;
		struct yp_image *image = image_of_base(&f, pool, yp_log_layout(log));
		snprintf(state, sizeof state, "state=%u.r.%u.0", entry, entry);
		cr_assert_eq(yp_case_decode(state + 6, &c), 0);
		cr_assert_eq(yp_case_state(log, &c.cuts[0], image), 0);
		for (unsigned again = 0; again < 2; again++) {
			start_server(&f, from, state);
			nbd = open_client(&f, "disk");
			assert_served(nbd, image, state);
			write_sectors(nbd, &seed, 20);
			nbd_shutdown(nbd, 0);
			nbd_close(nbd);
			cr_assert_eq(rig_stop(&f.rig, SIGTERM), 0);
		}
		yp_image_free(image);
	}
	yp_log_free(log);
	yp_pool_free(pool);
	rig_deinit(&f.rig);
}

/* A live cut kills the given process, answers no request, and leaves the state that its id names; then power comes back
 * with a log of its own. */
Test(nbd, live_cut)
{
	struct fixture f;
	struct yp_pool *pool;
	struct yp_case c;
	uint64_t seed = 8;
	char line[200];
	char id[128];
	prepare_files(&f);
	start_server(&f, f.logarg, NULL);
	struct nbd_handle *nbd = open_client(&f, "disk");
	write_sectors(nbd, &seed, 100);
	pid_t victim = fork();
	if (victim == 0) {
		for (;;)
			pause();
	}
	snprintf(line, sizeof line, "cut seed=12 kill=%ld", (long)victim);
	const char *answer = send_command(&f, line);
	cr_assert_eq(sscanf(answer, "ok cut=1 id=%127s", id), 1, "%s", answer);
	int status;
	cr_assert_eq(waitpid(victim, &status, 0), victim);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	cr_assert_eq(strncmp(send_command(&f, "wait cut 0"), "ok cut=1 ", 9), 0);
	/* Not answered: the request is still under way when the client gives up. */
	static uint8_t data[512];
	int64_t cookie = nbd_aio_pread(nbd, data, sizeof data, 0, NBD_NULL_COMPLETION, 0);
	cr_assert_geq(cookie, 0);
	cr_assert_geq(nbd_poll(nbd, 200), 0);
	cr_assert_eq(nbd_aio_command_completed(nbd, (uint64_t)cookie), 0);
	nbd_close(nbd);
	struct nbd_handle *none = nbd_create();
	nbd_set_export_name(none, "disk");
	cr_assert_eq(nbd_connect_unix(none, f.rig.socket), -1);
	nbd_close(none);
	snprintf(line, sizeof line, "power %s.2", f.log);
	cr_assert_str_eq(send_command(&f, line), "ok");
	struct yp_log *log = load_log(f.log, &pool, true);
	struct yp_image *image = image_of_base(&f, pool, yp_log_layout(log));
	cr_assert_eq(yp_case_decode(id, &c), 0);
	cr_assert_eq(yp_case_state(log, &c.cuts[0], image), 0);
	nbd = open_client(&f, "disk");
	assert_served(nbd, image, id);
	nbd_shutdown(nbd, 0);
	nbd_close(nbd);
	stop_after_silence(&f);
	yp_image_free(image);
	yp_log_free(log);
	snprintf(line, sizeof line, "%s.2", f.log);
	struct yp_pool *second;
	log = load_log(line, &second, !sanitised);
	cr_assert_eq(yp_log_count(log), 1);
	cr_assert_eq(yp_log_entry(log, 0)->op, YP_READ);
	yp_log_free(log);
	yp_pool_free(second);
	yp_pool_free(pool);
	rig_deinit(&f.rig);
}

/* Faults reach the client as the error they are; a cut made by a fault wakes the client that waits for it; a request
 * that hangs does not outlive its client, nor keep the server from ending. */
Test(nbd, faults_and_events)
{
	struct fixture f;
	static uint8_t data[512];
	prepare_files(&f);
	start_server(&f, NULL, NULL);
	struct nbd_handle *nbd = open_client(&f, "env");
	cr_assert_eq(rig_number(send_command(&f, "fault eio write env 1"), "fault"), 1);
	cr_assert_eq(rig_number(send_command(&f, "fault enospc write env 2"), "fault"), 2);
	cr_assert_eq(nbd_pwrite(nbd, data, 512, 0, 0), -1);
	cr_assert_eq(nbd_get_errno(), EIO);
	cr_assert_eq(nbd_pwrite(nbd, data, 512, 0, 0), -1);
	cr_assert_eq(nbd_get_errno(), ENOSPC);
	cr_assert_eq(nbd_pwrite(nbd, data, 512, 0, 0), 0);
	cr_assert_str_eq(send_command(&f, "faults"),
			 "ok 1:eio:write:env:seen=3:hits=1 2:enospc:write:env:seen=3:hits=1");
	cr_assert_str_eq(send_command(&f, "wait fault 2 0"), "ok hits=1");
	cr_assert_str_eq(send_command(&f, "wait cut 30"), "error it did not happen in time");
	cr_assert_eq(strncmp(send_command(&f, "fault eio write nowhere 1"), "error nowhere: ", 15), 0);
	cr_assert_eq(rig_number(send_command(&f, "fault cut write env 1 form=none"), "fault"), 3);
	int64_t cookie = nbd_aio_pwrite(nbd, data, sizeof data, 0, NBD_NULL_COMPLETION, 0);
	cr_assert_geq(cookie, 0);
	const char *answer = send_command(&f, "wait cut 10000");
	cr_assert_eq(rig_number(answer, "lost"), 2, "%s", answer);
	cr_assert_eq(rig_number(send_command(&f, "stats"), "faults-hit"), 3);
	nbd_close(nbd);
	stop_after_silence(&f);
	rig_deinit(&f.rig);
}

/* Memory follows what was written, not how large the media are. In small requests: each of nbdkit's threads keeps a
 * buffer as large as the largest it has seen. */
Test(nbd, memory_follows_writes)
{
	struct fixture f;
	static uint8_t data[REQUEST_BYTES];
	prepare_files(&f);
	start_server(&f, NULL, NULL);
	struct nbd_handle *nbd = open_client(&f, "disk");
	cr_assert_eq(nbd_pread(nbd, data, sizeof data, 0, 0), 0);
	long before = rig_status_kib(&f.rig, "VmRSS");
	for (unsigned i = 0; i < DISK_MIB * (MIB / REQUEST_BYTES); i++)
		cr_assert_eq(nbd_pread(nbd, data, sizeof data, i * REQUEST_BYTES, 0), 0);
	long read_all = rig_status_kib(&f.rig, "VmRSS");
	uint64_t seed = 2;
	for (unsigned i = 0; i < DISK_MIB; i++) {
		for (size_t k = 0; k < sizeof data; k += 4)
			memcpy(data + k, &(uint32_t){next_random(&seed)}, 4);
		cr_assert_eq(nbd_pwrite(nbd, data, sizeof data, i * MIB, 0), 0);
	}
	long written = rig_status_kib(&f.rig, "VmRSS");
	cr_log_info("RSS %ld KiB, after reading 64 MiB %ld, after writing 4 MiB over it %ld", before, read_all,
		    written);
	if (!sanitised) {
		cr_assert_lt(read_all - before, 6000);
		cr_assert_lt(written - read_all, 12000);
		cr_assert_lt(written, MEMORY_KIB_MAX);
	}
	cr_assert_geq(written - read_all, 4096);
	nbd_shutdown(nbd, 0);
	nbd_close(nbd);
	rig_deinit(&f.rig);
}
