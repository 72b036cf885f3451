/* SPDX-License-Identifier: Apache-2.0 */
/* The block server in process: no nbdkit needed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control.h"
#include "hash.h"

#define SECTORS 256u
#define BYTES   (SECTORS * BP_SECTOR_BYTES)

struct fixture {
	char dir[64], base[96], log[96];
	struct bp_media media;
	struct bp_server *server;
	struct bp_client disk, env, all;
	uint8_t shadow[BYTES]; /* what disk should hold */
};

static int nap(void *ctx, unsigned ms)
{
	(void)ctx;
	usleep(ms * 1000);
	return 0;
}

static uint64_t next(uint64_t *seed)
{
	*seed += UINT64_C(0x9e3779b97f4a7c15);
	return bp_mix64(*seed);
}

static void clients(struct fixture *f)
{
	cr_assert_eq(bp_server_connect(f->server, bp_media_export(&f->media, "disk"), &f->disk), 0);
	cr_assert_eq(bp_server_connect(f->server, bp_media_export(&f->media, "env"), &f->env), 0);
	cr_assert_eq(bp_server_connect(f->server, bp_media_export(&f->media, ""), &f->all), 0);
}

/* disk on a base of random bytes that is shorter than it, env on nothing. */
static void start(struct fixture *f, const char *model, const char *log)
{
	char text[256];
	char detail[160] = "";
	uint64_t seed = 99;
	snprintf(f->dir, sizeof f->dir, "/tmp/block-server-XXXXXX");
	cr_assert(mkdtemp(f->dir));
	snprintf(f->base, sizeof f->base, "%s/base", f->dir);
	snprintf(f->log, sizeof f->log, "%s/log", f->dir);
	memset(f->shadow, 0, sizeof f->shadow);
	for (size_t i = 0; i < BYTES - 3 * BP_SECTOR_BYTES - 17; i++)
		f->shadow[i] = (uint8_t)next(&seed);
	FILE *file = fopen(f->base, "wb");
	fwrite(f->shadow, 1, BYTES - 3 * BP_SECTOR_BYTES - 17, file);
	fclose(file);
	bp_media_init(&f->media);
	snprintf(text, sizeof text, "disk:%u:%s:%s", SECTORS, model, f->base);
	cr_assert_eq(bp_media_add(&f->media, text, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(bp_media_add(&f->media, "env:16:torn", detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(bp_media_complete(&f->media, detail, sizeof detail), 0);
	struct bp_server_config config = {.media = &f->media, .wait = nap};
	cr_assert_eq(bp_server_new(&config, &f->server), 0);
	cr_assert_eq(bp_server_keep(f->server), 0);
	cr_assert_eq(bp_server_power(f->server, log), 0);
	clients(f);
}

static int stop(struct fixture *f)
{
	char command[128];
	int r = bp_server_free(f->server);
	bp_media_deinit(&f->media);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	cr_assert_eq(system(command), 0);
	return r;
}

static void assert_disk(struct fixture *f, const uint8_t *expected, const char *what)
{
	static uint8_t now[BYTES];
	cr_assert_eq(bp_server_read(f->server, &f->disk, 0, BYTES, now), 0);
	for (size_t i = 0; i < BYTES; i++)
		cr_assert_eq(now[i], expected[i], "%s: sector %zu", what, i / BP_SECTOR_BYTES);
}

/* One random request, kept in the shadow as well. */
static void random_request(struct fixture *f, uint64_t *seed)
{
	static uint8_t data[16 * BP_SECTOR_BYTES];
	uint32_t sectors = 1 + (uint32_t)(next(seed) % 16);
	uint64_t at = next(seed) % (SECTORS - sectors);
	uint64_t offset = at * BP_SECTOR_BYTES;
	uint32_t bytes = sectors * BP_SECTOR_BYTES;
	memset(data, (int)next(seed), bytes);
	data[0] = (uint8_t)next(seed);
	switch (next(seed) % 8) {
	case 0:
		cr_assert_eq(bp_server_flush(f->server, &f->disk), 0);
		return;
	case 1:
		cr_assert_eq(bp_server_discard(f->server, &f->disk, offset, bytes), 0);
		memset(f->shadow + offset, 0, bytes);
		return;
	case 2:
		cr_assert_eq(bp_server_write(f->server, &f->disk, offset, bytes, NULL, false), 0);
		memset(f->shadow + offset, 0, bytes);
		return;
	case 3:
		cr_assert_eq(bp_server_read(f->server, &f->disk, offset, bytes, data), 0);
		cr_assert_eq(memcmp(data, f->shadow + offset, bytes), 0);
		return;
	default:
		cr_assert_eq(bp_server_write(f->server, &f->disk, offset, bytes, data, next(seed) % 4 == 0), 0);
		memcpy(f->shadow + offset, data, bytes);
	}
}

/* The base as the server saw it, with a whole log or a cut of it on top: made by the library from the files alone. */
static void library_state(const struct fixture *f, const char *id, uint8_t out[BYTES])
{
	struct bp_pool *pool;
	struct bp_log *log;
	struct bp_image *image;
	char detail[160];
	struct bp_case c;
	static uint8_t base[BYTES];
	memset(base, 0, BYTES);
	FILE *file = fopen(f->base, "rb");
	cr_assert_gt(fread(base, 1, BYTES, file), 0);
	fclose(file);
	cr_assert_eq(bp_pool_new(&pool), 0);
	cr_assert_eq(bp_log_load(f->log, pool, &log, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(bp_image_new(bp_log_layout(log), pool, &image), 0);
	cr_assert_eq(bp_image_write(image, 0, 0, SECTORS, base), 0);
	if (id) {
		cr_assert_eq(bp_case_decode(id, &c), 0);
		cr_assert_eq(c.count, 1);
		cr_assert_eq(bp_case_state(log, &c.cuts[0], image), 0);
	} else {
		cr_assert_eq(bp_image_apply(image, log, bp_log_count(log)), 0);
	}
	bp_image_read(image, 0, 0, SECTORS, out);
	bp_image_free(image);
	bp_log_free(log);
	bp_pool_free(pool);
}

/* What clients read is what they wrote, and so is base + log, byte for byte; the base file is never touched. */
Test(server, base_and_log_are_the_media)
{
	static struct fixture f;
	static uint8_t state[BYTES];
	uint64_t seed = 1;
	char path[128];
	start(&f, "volatile-cache", NULL);
	cr_assert_eq(stop(&f), 0);
	start(&f, "volatile-cache", NULL);
	struct bp_power_cut all = {.form = BP_FORM_ALL};
	struct bp_cut_report cut;
	cr_assert_eq(bp_server_cut(f.server, &all, &cut), 0);
	cr_assert_eq(bp_server_power(f.server, f.log), 0);
	clients(&f);
	for (unsigned i = 0; i < 500; i++)
		random_request(&f, &seed);
	assert_disk(&f, f.shadow, "read back");
	library_state(&f, NULL, state);
	cr_assert_eq(memcmp(state, f.shadow, BYTES), 0);
	snprintf(path, sizeof path, "%s/saved", f.dir);
	cr_assert_eq(bp_server_save_image(f.server, "disk", path), 0);
	FILE *file = fopen(path, "rb");
	cr_assert_eq(fread(state, 1, BYTES, file), BYTES);
	cr_assert_eq(fgetc(file), EOF);
	fclose(file);
	cr_assert_eq(memcmp(state, f.shadow, BYTES), 0);
	cr_assert_eq(stop(&f), 0);
}

/* Every request is one entry, in order, with its medium, range and FUA, and times that do not go back. A request over
 * several media is one entry on each. */
Test(server, log_tells_what_happened)
{
	static struct fixture f;
	uint8_t data[4 * BP_SECTOR_BYTES] = {7};
	start(&f, "volatile-cache", NULL);
	cr_assert_eq(bp_server_mark(f.server, BP_MARK_STEP, "S06"), 0);
	cr_assert_eq(bp_server_write(f.server, &f.disk, 1024, 1024, data, false), 0);
	cr_assert_eq(bp_server_write(f.server, &f.env, 512, 512, data, true), 0);
	cr_assert_eq(bp_server_write(f.server, &f.all, BYTES - 512, 1536, data, false), 0);
	cr_assert_eq(bp_server_read(f.server, &f.env, 0, 512, data), 0);
	cr_assert_eq(bp_server_discard(f.server, &f.disk, 0, 512), 0);
	cr_assert_eq(bp_server_flush(f.server, &f.env), 0);
	cr_assert_eq(bp_server_flush(f.server, &f.all), 0); /* of env there is nothing left */
	static const struct bp_entry expected[] = {
	    {.op = BP_MARK},
	    {.op = BP_WRITE, .sector = 2, .sectors = 2},
	    {.op = BP_WRITE, .medium = 1, .sector = 1, .sectors = 1, .fua = true},
	    {.op = BP_WRITE, .sector = SECTORS - 1, .sectors = 1},
	    {.op = BP_WRITE, .medium = 1, .sectors = 2},
	    {.op = BP_READ, .medium = 1, .sectors = 1},
	    {.op = BP_DISCARD, .sectors = 1},
	    {.op = BP_FLUSH, .medium = 1},
	    {.op = BP_FLUSH}};
	const struct bp_log *log = bp_server_log(f.server);
	cr_assert_eq(bp_log_count(log), sizeof expected / sizeof *expected);
	uint64_t last = 0;
	for (size_t i = 0; i < bp_log_count(log); i++) {
		const struct bp_entry *e = bp_log_entry(log, i);
		cr_assert(e->op == expected[i].op && e->medium == expected[i].medium && e->fua == expected[i].fua &&
			      e->sector == expected[i].sector && e->sectors == expected[i].sectors,
			  "entry %zu", i);
		cr_assert(e->submit_ns <= e->complete_ns && e->complete_ns >= last, "entry %zu", i);
		last = e->complete_ns;
	}
	/* Not whole sectors, beyond the end, around the end of 64 bits. */
	cr_assert_eq(bp_server_write(f.server, &f.env, 1, 512, data, false), -EINVAL);
	cr_assert_eq(bp_server_read(f.server, &f.env, 0, 100, data), -EINVAL);
	cr_assert_eq(bp_server_write(f.server, &f.env, 16 * 512, 512, data, false), -EINVAL);
	cr_assert_eq(bp_server_read(f.server, &f.env, UINT64_MAX - 511, 1024, data), -EINVAL);
	cr_assert_eq(bp_log_count(log), sizeof expected / sizeof *expected);
	cr_assert_eq(stop(&f), 0);
}

/* A cut that lets nothing unflushed survive leaves exactly what was flushed or FUA; one that lets all survive changes
 * nothing. Until the power is back nobody is served; clients from before are dead for good. */
Test(server, cut_drops_exactly_what_was_not_flushed)
{
	static struct fixture f;
	static uint8_t flushed[BYTES];
	uint8_t data[BP_SECTOR_BYTES];
	uint64_t seed = 5;
	start(&f, "volatile-cache", NULL);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 20; i++)
			random_request(&f, &seed);
		cr_assert_eq(bp_server_flush(f.server, &f.disk), 0);
		memcpy(flushed, f.shadow, BYTES);
		for (unsigned i = 0; i < 10; i++) {
			memset(data, (int)next(&seed), sizeof data);
			uint64_t at = 20 * i * BP_SECTOR_BYTES;
			bool fua = i % 3 == 0;
			cr_assert_eq(bp_server_write(f.server, &f.disk, at, sizeof data, data, fua), 0);
			memcpy(f.shadow + at, data, sizeof data);
			if (fua)
				memcpy(flushed + at, data, sizeof data);
		}
		struct bp_power_cut how = {.form = round % 2 ? BP_FORM_ALL : BP_FORM_NONE, .fail = true};
		struct bp_client old = f.disk;
		struct bp_cut_report cut;
		cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
		cr_assert_eq(bp_server_cut(f.server, &how, &cut), -EALREADY);
		cr_assert_eq(cut.number, round + 1);
		cr_assert_eq(round % 2 ? cut.kept : cut.lost, 6);
		cr_assert_eq(bp_server_read(f.server, &old, 0, 512, data), -ESHUTDOWN);
		cr_assert_eq(bp_server_connect(f.server, old.export, &f.disk), -ESHUTDOWN);
		cr_assert_eq(bp_server_power(f.server, NULL), 0);
		cr_assert_eq(bp_server_write(f.server, &old, 0, 512, data, false), -ESHUTDOWN);
		clients(&f);
		if (how.form == BP_FORM_NONE)
			memcpy(f.shadow, flushed, BYTES);
		assert_disk(&f, f.shadow, how.form == BP_FORM_NONE ? "none" : "all");
	}
	cr_assert_eq(stop(&f), 0);
}

/* Invariant: what a medium without a cache has answered survives every cut, flushed or not. */
Test(server, sync_medium_keeps_what_it_answered)
{
	static struct fixture f;
	uint8_t data[BP_SECTOR_BYTES];
	start(&f, "ordered+sync", NULL);
	for (unsigned round = 0; round < 10; round++) {
		memset(data, (int)round, sizeof data);
		cr_assert_eq(bp_server_write(f.server, &f.disk, round * sizeof data, sizeof data, data, false), 0);
		memcpy(f.shadow + round * sizeof data, data, sizeof data);
		struct bp_power_cut how = {.form = BP_FORM_NONE, .fail = true};
		struct bp_cut_report cut;
		cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
		cr_assert_eq(cut.lost, 0);
		cr_assert_eq(bp_server_power(f.server, NULL), 0);
		clients(&f);
		assert_disk(&f, f.shadow, "sync");
	}
	cr_assert_eq(stop(&f), 0);
}

/* Whatever a seeded cut leaves, torn or not, is the state that its id names in the recorded log, as the library makes it
 * from the files alone; the same seed on the same requests is the same id. Every model; tears do occur. */
Test(server, live_cut_is_a_case_of_the_log)
{
	static const char *const models[] = {"volatile-cache", "torn", "ordered", "lying-flush", "torn+bulk"};
	static struct fixture f;
	static uint8_t state[BYTES];
	unsigned torn = 0;
	char first[BP_CASE_TEXT_MAX] = "";
	for (unsigned i = 0; i < 60; i++) {
		struct bp_power_cut how = {.seeded = true, .seed = i / 2, .form = BP_FORM_SAMPLE};
		struct bp_cut_report cut;
		uint64_t seed = i / 2;
		start(&f, models[i / 2 % 5], NULL);
		cr_assert_eq(bp_server_cut(f.server, &(struct bp_power_cut){.form = BP_FORM_ALL}, &cut), 0);
		cr_assert_eq(bp_server_power(f.server, f.log), 0);
		clients(&f);
		for (unsigned k = 0; k < 40; k++)
			random_request(&f, &seed);
		cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
		cr_assert_eq(bp_server_power(f.server, NULL), 0);
		clients(&f);
		library_state(&f, cut.id, state);
		assert_disk(&f, state, cut.id);
		torn += cut.torn;
		if (i % 2)
			cr_assert_str_eq(cut.id, first);
		snprintf(first, sizeof first, "%s", cut.id);
		cr_assert_eq(stop(&f), 0);
	}
	cr_assert_gt(torn, 2);
}

/* A crash state can be served: base and a cut of a log, another log on top, and back to the start. */
Test(server, serves_a_state_of_a_log)
{
	static struct fixture f;
	static uint8_t state[BYTES];
	static uint8_t base[BYTES];
	char detail[160];
	uint64_t seed = 11;
	struct bp_cut_report cut;
	struct bp_power_cut how = {.form = BP_FORM_ALL};
	start(&f, "torn", NULL);
	memcpy(base, f.shadow, BYTES);
	cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
	cr_assert_eq(bp_server_power(f.server, f.log), 0);
	clients(&f);
	for (unsigned i = 0; i < 60; i++)
		random_request(&f, &seed);
	cr_assert_eq(bp_server_load(f.server, f.log, NULL, detail, sizeof detail), -EBUSY);
	cr_assert_eq(bp_server_restore(f.server), -EBUSY);
	cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
	for (uint32_t entry = 0; entry <= cut.entries; entry += 7) {
		for (unsigned k = 0; k < 3; k++) {
			char id[64];
			struct bp_case c;
			snprintf(id, sizeof id, "%u.%s", entry, k == 0 ? "a.0.0" : k == 1 ? "n.0.0" : "r.77.0");
			cr_assert_eq(bp_case_decode(id, &c), 0);
			cr_assert_eq(bp_server_restore(f.server), 0);
			cr_assert_eq(bp_server_load(f.server, f.log, &c.cuts[0], detail, sizeof detail), 0, "%s",
				     detail);
			cr_assert_eq(bp_server_power(f.server, NULL), 0);
			clients(&f);
			library_state(&f, id, state);
			assert_disk(&f, state, id);
			cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
		}
	}
	cr_assert_eq(bp_server_restore(f.server), 0);
	cr_assert_eq(bp_server_power(f.server, f.log), 0);
	clients(&f);
	assert_disk(&f, base, "restored");
	/* Another log at the same path is not taken for the one that was there. */
	memcpy(f.shadow, base, BYTES);
	for (unsigned i = 0; i < 60; i++)
		random_request(&f, &seed);
	cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
	cr_assert_eq(bp_server_restore(f.server), 0);
	cr_assert_eq(bp_server_load(f.server, f.log, NULL, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(bp_server_power(f.server, NULL), 0);
	clients(&f);
	library_state(&f, NULL, state);
	assert_disk(&f, state, "the later log");
	/* A digest is of the contents, wherever they lie; one bit makes another. */
	struct bp_hash before, same, other;
	cr_assert_eq(bp_server_digest(f.server, "disk", &before), 0);
	cr_assert_eq(bp_server_write(f.server, &f.disk, 0, BYTES, state, false), 0);
	cr_assert_eq(bp_server_digest(f.server, "disk", &same), 0);
	cr_assert(bp_hash_equal(before, same));
	state[BYTES - 1] ^= 1;
	cr_assert_eq(bp_server_write(f.server, &f.disk, 0, BYTES, state, false), 0);
	cr_assert_eq(bp_server_digest(f.server, "disk", &other), 0);
	cr_assert_not(bp_hash_equal(before, other));
	cr_assert_eq(bp_server_digest(f.server, "nowhere", &other), -ENOENT);
	const struct bp_log *log = bp_server_log(f.server);
	const struct bp_entry *last = bp_log_entry(log, bp_log_count(log) - 1);
	cr_assert(last->op == BP_READ && last->sector == 0 && last->sectors == SECTORS);
	memcpy(state, f.shadow, BYTES);
	cr_assert_eq(memcmp(state, f.shadow, BYTES), 0);
	cr_assert_eq(stop(&f), 0);
}

static uint32_t fault(struct fixture *f, const char *line)
{
	struct bp_command command;
	char detail[160];
	uint32_t id = 0;
	cr_assert_eq(bp_command_parse(line, strlen(line), &command, detail, sizeof detail), 0, "%s: %s", line, detail);
	cr_assert_eq(bp_server_fault(f->server, &command.fault, &id), 0);
	return id;
}

static uint64_t hits(struct fixture *f, uint32_t id)
{
	struct bp_fault_state faults[BP_FAULTS_MAX];
	unsigned count = bp_server_faults(f->server, faults);
	for (unsigned i = 0; i < count; i++) {
		if (faults[i].id == id)
			return faults[i].hits;
	}
	return UINT64_MAX;
}

/* Each fault strikes the requests it names and no others, leaves the media as they were, is counted, and says in the
 * log that it landed. */
Test(server, faults_land_and_are_counted)
{
	static struct fixture f;
	uint8_t data[2 * BP_SECTOR_BYTES] = {1};
	uint8_t in[2 * BP_SECTOR_BYTES];
	start(&f, "volatile-cache", NULL);
	uint32_t eio = fault(&f, "fault eio write disk 2 count=2");
	cr_assert_eq(bp_server_write(f.server, &f.env, 0, 512, data, false), 0);
	cr_assert_eq(bp_server_write(f.server, &f.disk, 0, 512, data, false), 0);
	cr_assert_eq(bp_server_write(f.server, &f.disk, 512, 512, data, false), -EIO);
	cr_assert_eq(bp_server_write(f.server, &f.disk, 1024, 512, data, false), -EIO);
	cr_assert_eq(bp_server_write(f.server, &f.disk, 1536, 512, data, false), 0);
	cr_assert_eq(hits(&f, eio), 2);
	memcpy(f.shadow, data, 512);
	memcpy(f.shadow + 1536, data, 512);
	assert_disk(&f, f.shadow, "eio");
	cr_assert_eq(bp_server_unfault(f.server, eio), 0);
	cr_assert_eq(bp_server_unfault(f.server, eio), -ENOENT);

	uint32_t full = fault(&f, "fault enospc write * 1 count=0");
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(bp_server_write(f.server, i % 2 ? &f.env : &f.disk, 0, 512, data, false), -ENOSPC);
	cr_assert_eq(bp_server_read(f.server, &f.env, 0, 512, in), 0);
	cr_assert_eq(hits(&f, full), 5);
	cr_assert_eq(bp_server_unfault(f.server, BP_FAULT_ID_ALL), 0);

	fault(&f, "fault erofs discard disk 1");
	fault(&f, "fault eio flush disk 1");
	cr_assert_eq(bp_server_discard(f.server, &f.disk, 0, 512), -EROFS);
	cr_assert_eq(bp_server_flush(f.server, &f.disk), -EIO);
	cr_assert_eq(bp_server_flush(f.server, &f.disk), 0);

	/* Flipped on its way out: the medium is sound. On its way in: the medium, and the log, hold what was stored. */
	fault(&f, "fault flip read disk 1 bit=4099");
	cr_assert_eq(bp_server_read(f.server, &f.disk, 0, 1024, in), 0);
	f.shadow[512] ^= 8;
	cr_assert_eq(memcmp(in, f.shadow, 1024), 0);
	f.shadow[512] ^= 8;
	assert_disk(&f, f.shadow, "flip read");
	fault(&f, "fault flip write disk 1 bit=9");
	memcpy(f.shadow, data, 1024);
	cr_assert_eq(bp_server_write(f.server, &f.disk, 0, 1024, data, false), 0);
	f.shadow[1] ^= 2;
	assert_disk(&f, f.shadow, "flip write");

	unsigned notes = 0;
	const struct bp_log *log = bp_server_log(f.server);
	for (size_t i = 0; i < bp_log_count(log); i++)
		notes += bp_log_entry(log, i)->op == BP_MARK &&
			 strncmp(bp_log_text(log, bp_log_entry(log, i)), "fault ", 6) == 0;
	struct bp_server_stats stats;
	bp_server_stats(f.server, &stats);
	cr_assert_eq(notes, 11);
	cr_assert_eq(stats.faults_hit, 11);
	cr_assert_eq(stop(&f), 0);
}

struct late {
	struct fixture *f;
	int result;
};

static void *late_write(void *arg)
{
	struct late *late = arg;
	uint8_t data[BP_SECTOR_BYTES];
	memset(data, 0x5a, sizeof data);
	late->result = bp_server_write(late->f->server, &late->f->disk, 0, sizeof data, data, true);
	return NULL;
}

/* A write that hangs when the power goes was submitted, never completed: it may survive or not, FUA or not, and its
 * client learns nothing. When the fault is taken away instead, it completes. A delay only delays. */
Test(server, requests_in_flight)
{
	static struct fixture f;
	uint8_t in[BP_SECTOR_BYTES];
	for (unsigned i = 0; i < 3; i++) {
		struct late late = {&f, 1};
		struct bp_cut_report cut;
		pthread_t thread;
		start(&f, "volatile-cache", NULL);
		uint32_t id = fault(&f, "fault hang write disk 1 answer=fail");
		cr_assert_eq(pthread_create(&thread, NULL, late_write, &late), 0);
		for (unsigned k = 0; k < 500 && hits(&f, id) == 0; k++)
			nap(NULL, 10);
		cr_assert_eq(hits(&f, id), 1);
		struct bp_power_cut how = {.form = i ? BP_FORM_ALL : BP_FORM_NONE, .fail = true};
		if (i < 2)
			cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
		else
			cr_assert_eq(bp_server_unfault(f.server, id), 0);
		pthread_join(thread, NULL);
		cr_assert_eq(late.result, i < 2 ? -ESHUTDOWN : 0);
		if (i < 2) {
			cr_assert_eq(i ? cut.kept : cut.lost, 1);
			cr_assert_eq(bp_server_power(f.server, NULL), 0);
			clients(&f);
		}
		cr_assert_eq(bp_server_read(f.server, &f.disk, 0, sizeof in, in), 0);
		cr_assert_eq(in[3] == 0x5a && in[500] == 0x5a, i > 0);
		fault(&f, "fault delay write disk 1 ms=30");
		cr_assert_eq(bp_server_write(f.server, &f.disk, 512, sizeof in, in, false), 0);
		const struct bp_log *log = bp_server_log(f.server);
		const struct bp_entry *e = bp_log_entry(log, bp_log_count(log) - 1);
		cr_assert_geq(e->complete_ns - e->submit_ns, 30000000u);
		cr_assert_eq(stop(&f), 0);
	}
}

/* A cut at the nth write takes that write in flight, at every n: what was flushed before survives, what comes later
 * never reaches the media. */
Test(server, cut_at_every_write)
{
	static struct fixture f;
	for (unsigned nth = 1; nth <= 12; nth++) {
		char line[96];
		uint8_t data[BP_SECTOR_BYTES];
		struct bp_cut_report cut;
		start(&f, "volatile-cache", NULL);
		snprintf(line, sizeof line, "fault cut write disk %u form=none answer=fail", nth);
		fault(&f, line);
		for (unsigned i = 1; i <= 12; i++) {
			memset(data, (int)i, sizeof data);
			int r = bp_server_write(f.server, &f.disk, i * 512, sizeof data, data, false);
			cr_assert_eq(r, i < nth ? 0 : -ESHUTDOWN);
			if (i % 4 == 0)
				(void)!bp_server_flush(f.server, &f.disk);
			if (i <= (nth - 1) / 4 * 4)
				memcpy(f.shadow + i * 512, data, sizeof data);
		}
		bp_server_last_cut(f.server, &cut);
		cr_assert_eq(cut.number, 1);
		cr_assert_eq(cut.lost, (nth - 1) % 4 + 1);
		cr_assert_eq(bp_server_power(f.server, NULL), 0);
		clients(&f);
		assert_disk(&f, f.shadow, line);
		cr_assert_eq(stop(&f), 0);
	}
}

/* A log that cannot be written stops the device: nothing is acknowledged that is not recorded. */
Test(server, no_record_no_device)
{
	static struct fixture f;
	uint8_t data[BP_SECTOR_BYTES];
	struct bp_cut_report cut;
	struct bp_power_cut how = {.form = BP_FORM_ALL};
	const struct rlimit small = {8 * BP_SECTOR_BYTES, 8 * BP_SECTOR_BYTES};
	start(&f, "volatile-cache", NULL);
	cr_assert_eq(bp_server_cut(f.server, &how, &cut), 0);
	cr_assert_eq(bp_server_power(f.server, "/nonexistent/log"), -ENOENT);
	cr_assert_eq(bp_server_power(f.server, f.log), 0);
	clients(&f);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	int r = 0;
	unsigned i = 0;
	for (; r == 0 && i < 20; i++) {
		memset(data, (int)i + 1, sizeof data);
		r = bp_server_write(f.server, &f.disk, 0, sizeof data, data, false);
	}
	cr_assert_eq(r, -EFBIG);
	cr_assert_lt(i, 9);
	cr_assert_eq(bp_server_read(f.server, &f.disk, 0, sizeof data, data), -EIO);
	cr_assert_eq(stop(&f), -EFBIG);
}

/* Every command has its shape, and each misuse its clause. */
Test(server, commands)
{
	static const char *const good[] = {"mark step S06",
					   "cut",
					   "cut seed=4294967295 form=none kill=77 answer=hang",
					   "power",
					   "power /a path",
					   "  restore\t",
					   "apply x",
					   "crash 42.a.0.0t1.3.2 x",
					   "fault cut any * 3 seed=1 form=all",
					   "unfault all",
					   "wait fault 3 1000",
					   "save-image env /x y"};
	static const char *const bad[] = {"",
					  "marks",
					  "mark step",
					  "mark stop x",
					  "cut seed=4294967296",
					  "cut kill=1",
					  "cut form=any",
					  "restore now",
					  "apply",
					  "crash 1 x",
					  "crash 1.a.0.0-2.a.0.0 x",
					  "fault eio write env",
					  "fault eio write env 0",
					  "fault eio writes env 1",
					  "fault oops write env 1",
					  "fault flip flush env 1",
					  "fault eio write 0123456789012345678901234567890123 1",
					  "fault delay write env 1 ms=",
					  "unfault",
					  "unfault 0",
					  "wait cut",
					  "wait x 1",
					  "save-image env",
					  "stats\r",
					  "quit 1"};
	struct bp_command command;
	char detail[160];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_assert_eq(bp_command_parse(good[i], strlen(good[i]), &command, detail, sizeof detail), 0, "%s: %s",
			     good[i], detail);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_assert_eq(bp_command_parse(bad[i], strlen(bad[i]), &command, detail, sizeof detail), 1, "%s",
			     bad[i]);
		cr_assert(*detail);
	}
}

/* Media and exports as people write them, and what is wrong with others. */
Test(server, media_lines)
{
	static const char *const bad[] = {"",
					  "a b:1",
					  "m",
					  "m:",
					  "m:x",
					  "m:0",
					  "m:1:fast",
					  "m:1:torn+big",
					  "m:::/nonexistent",
					  "m:99999999999999999999",
					  "m:18446744073709551615"};
	struct bp_media media;
	char detail[160];
	bp_media_init(&media);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		detail[0] = 0;
		cr_assert_neq(bp_media_add(&media, bad[i], detail, sizeof detail), 0, "%s", bad[i]);
		cr_assert(*detail);
	}
	cr_assert_eq(bp_media_add(&media, "boot:8", detail, sizeof detail), 0);
	cr_assert_eq(bp_media_add(&media, "slot-a:16:+bulk", detail, sizeof detail), 0);
	cr_assert_neq(bp_media_add(&media, "boot:8", detail, sizeof detail), 0);
	cr_assert_neq(bp_media_export_add(&media, "card:boot+slot-c", detail, sizeof detail), 0);
	cr_assert_eq(bp_media_export_add(&media, "card:slot-a+boot", detail, sizeof detail), 0);
	cr_assert_neq(bp_media_export_add(&media, "card:boot", detail, sizeof detail), 0);
	cr_assert_eq(bp_media_complete(&media, detail, sizeof detail), 0);
	cr_assert_eq(media.exports_count, 4);
	cr_assert_eq(bp_media_export(&media, "card")->bytes, 24 * 512);
	cr_assert_eq(bp_media_export(&media, "card")->media[0], 1);
	cr_assert(media.layout.media[1].bulk);
	bp_media_deinit(&media);
}

/* A layout file says which media there are and how they are laid end to end. */
Test(server, layout_file)
{
	char path[] = "/tmp/block-server-layout-XXXXXX";
	char detail[160];
	int fd = mkstemp(path);
	struct bp_media media;
	cr_assert(fd >= 0);
	cr_assert(dprintf(fd, "# two parts\nboot:8\n\nenv:64:ordered\nexport=card:env+boot\n") > 0);
	(void)close(fd);
	bp_media_init(&media);
	cr_assert_eq(bp_media_load(&media, path, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(media.layout.count, 2);
	cr_assert_eq(bp_media_export(&media, "card")->bytes, 72 * 512);
	cr_assert_eq(bp_media_export(&media, "card")->media[0], 1);
	bp_media_deinit(&media);
	(void)unlink(path);
}
