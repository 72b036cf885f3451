/* SPDX-License-Identifier: Apache-2.0 */
/* The block server: what it serves, what it records, what a cut leaves, states of logs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/content-hash.h"
#include "server/test/server-fixture.h"

/* The base as the server saw it, with a whole log or a cut of it on top: made by the library from the files alone. */
static void library_state(const struct fixture *f, const char *id, uint8_t out[BYTES])
{
	struct yp_pool *pool;
	struct yp_log *log;
	struct yp_image *image;
	char detail[160];
	struct yp_case c;
	static uint8_t base[BYTES];
	memset(base, 0, BYTES);
	FILE *file = fopen(f->base, "rb");
	cr_assert_gt(fread(base, 1, BYTES, file), 0);
	fclose(file);
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_load(f->log, pool, &log, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_image_new(yp_log_layout(log), pool, &image), 0);
	cr_assert_eq(yp_image_write(image, 0, 0, SECTORS, base), 0);
	if (id) {
		cr_assert_eq(yp_case_decode(id, &c), 0);
		cr_assert_eq(c.count, 1);
		cr_assert_eq(yp_case_state(log, &c.cuts[0], image), 0);
	} else {
		cr_assert_eq(yp_image_apply(image, log, yp_log_count(log)), 0);
	}
	yp_image_read(image, 0, 0, SECTORS, out);
	yp_image_free(image);
	yp_log_free(log);
	yp_pool_free(pool);
}

/* What clients read is what they wrote, and so is base + log, byte for byte; the base file is never touched. */
Test(server, base_and_log_are_the_media)
{
	static struct fixture f;
	static uint8_t state[BYTES];
	uint64_t seed = 1;
	char path[128];
	yp_fixture_start(&f, "volatile-cache", NULL);
	cr_assert_eq(yp_fixture_stop(&f), 0);
	yp_fixture_start(&f, "volatile-cache", NULL);
	struct yp_power_cut all = {.form = YP_FORM_ALL};
	struct yp_cut_report cut;
	cr_assert_eq(yp_server_cut(f.server, &all, &cut), 0);
	cr_assert_eq(yp_server_power(f.server, f.log), 0);
	yp_fixture_clients(&f);
	for (unsigned i = 0; i < 500; i++)
		yp_fixture_request(&f, &seed);
	yp_fixture_assert_disk(&f, f.shadow, "read back");
	library_state(&f, NULL, state);
	cr_assert_eq(memcmp(state, f.shadow, BYTES), 0);
	snprintf(path, sizeof path, "%s/saved", f.dir);
	cr_assert_eq(yp_server_save_image(f.server, "disk", path), 0);
	FILE *file = fopen(path, "rb");
	cr_assert_eq(fread(state, 1, BYTES, file), BYTES);
	cr_assert_eq(fgetc(file), EOF);
	fclose(file);
	cr_assert_eq(memcmp(state, f.shadow, BYTES), 0);
	cr_assert_eq(yp_fixture_stop(&f), 0);
}

/* Every request is one entry, in order, with its medium, range and FUA, and times that do not go back. A request over
 * several media is one entry on each. */
Test(server, log_tells_what_happened)
{
	static struct fixture f;
	uint8_t data[4 * YP_SECTOR_BYTES] = {7};
	yp_fixture_start(&f, "volatile-cache", NULL);
	cr_assert_eq(yp_server_mark(f.server, YP_MARK_STEP, "S06"), 0);
	cr_assert_eq(yp_server_write(f.server, &f.disk, 1024, 1024, data, false), 0);
	cr_assert_eq(yp_server_write(f.server, &f.env, 512, 512, data, true), 0);
	cr_assert_eq(yp_server_write(f.server, &f.all, BYTES - 512, 1536, data, false), 0);
	cr_assert_eq(yp_server_read(f.server, &f.env, 0, 512, data), 0);
	cr_assert_eq(yp_server_discard(f.server, &f.disk, 0, 512), 0);
	cr_assert_eq(yp_server_flush(f.server, &f.env), 0);
	cr_assert_eq(yp_server_flush(f.server, &f.all), 0); /* of env there is nothing left */
	static const struct yp_entry expected[] = {
	    {.op = YP_MARK},
	    {.op = YP_WRITE, .sector = 2, .sectors = 2},
	    {.op = YP_WRITE, .medium = 1, .sector = 1, .sectors = 1, .fua = true},
	    {.op = YP_WRITE, .sector = SECTORS - 1, .sectors = 1},
	    {.op = YP_WRITE, .medium = 1, .sectors = 2},
	    {.op = YP_READ, .medium = 1, .sectors = 1},
	    {.op = YP_DISCARD, .sectors = 1},
	    {.op = YP_FLUSH, .medium = 1},
	    {.op = YP_FLUSH}};
	const struct yp_log *log = yp_server_log(f.server);
	cr_assert_eq(yp_log_count(log), sizeof expected / sizeof *expected);
	uint64_t last = 0;
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		cr_assert(e->op == expected[i].op && e->medium == expected[i].medium && e->fua == expected[i].fua &&
			      e->sector == expected[i].sector && e->sectors == expected[i].sectors,
			  "entry %zu", i);
		cr_assert(e->submit_ns <= e->complete_ns && e->complete_ns >= last, "entry %zu", i);
		last = e->complete_ns;
	}
	/* Not whole sectors, beyond the end, around the end of 64 bits. */
	cr_assert_eq(yp_server_write(f.server, &f.env, 1, 512, data, false), -EINVAL);
	cr_assert_eq(yp_server_read(f.server, &f.env, 0, 100, data), -EINVAL);
	cr_assert_eq(yp_server_write(f.server, &f.env, 16 * 512, 512, data, false), -EINVAL);
	cr_assert_eq(yp_server_read(f.server, &f.env, UINT64_MAX - 511, 1024, data), -EINVAL);
	cr_assert_eq(yp_log_count(log), sizeof expected / sizeof *expected);
	cr_assert_eq(yp_fixture_stop(&f), 0);
}

/* A cut that lets nothing unflushed survive leaves exactly what was flushed or FUA; one that lets all survive changes
 * nothing. Until the power is back no request is served; clients from before never work again. */
Test(server, cut_drops_exactly_what_was_not_flushed)
{
	static struct fixture f;
	static uint8_t flushed[BYTES];
	uint8_t data[YP_SECTOR_BYTES];
	uint64_t seed = 5;
	yp_fixture_start(&f, "volatile-cache", NULL);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 20; i++)
			yp_fixture_request(&f, &seed);
		cr_assert_eq(yp_server_flush(f.server, &f.disk), 0);
		memcpy(flushed, f.shadow, BYTES);
		for (unsigned i = 0; i < 10; i++) {
			memset(data, (int)yp_fixture_next(&seed), sizeof data);
			uint64_t at = 20 * i * YP_SECTOR_BYTES;
			bool fua = i % 3 == 0;
			cr_assert_eq(yp_server_write(f.server, &f.disk, at, sizeof data, data, fua), 0);
			memcpy(f.shadow + at, data, sizeof data);
			if (fua)
				memcpy(flushed + at, data, sizeof data);
		}
		struct yp_power_cut how = {.form = round % 2 ? YP_FORM_ALL : YP_FORM_NONE, .fail = true};
		struct yp_client old = f.disk;
		struct yp_cut_report cut;
		cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
		cr_assert_eq(yp_server_cut(f.server, &how, &cut), -EALREADY);
		cr_assert_eq(cut.number, round + 1);
		cr_assert_eq(round % 2 ? cut.kept : cut.lost, 6);
		cr_assert_eq(yp_server_read(f.server, &old, 0, 512, data), -ESHUTDOWN);
		cr_assert_eq(yp_server_connect(f.server, old.export, &f.disk), -ESHUTDOWN);
		cr_assert_eq(yp_server_power(f.server, NULL), 0);
		cr_assert_eq(yp_server_write(f.server, &old, 0, 512, data, false), -ESHUTDOWN);
		yp_fixture_clients(&f);
		if (how.form == YP_FORM_NONE)
			memcpy(f.shadow, flushed, BYTES);
		yp_fixture_assert_disk(&f, f.shadow, how.form == YP_FORM_NONE ? "none" : "all");
	}
	cr_assert_eq(yp_fixture_stop(&f), 0);
}

/* Invariant: what a medium without a cache has answered survives every cut, flushed or not. */
Test(server, sync_medium_keeps_what_it_answered)
{
	static struct fixture f;
	uint8_t data[YP_SECTOR_BYTES];
	yp_fixture_start(&f, "ordered+sync", NULL);
	for (unsigned round = 0; round < 10; round++) {
		memset(data, (int)round, sizeof data);
		cr_assert_eq(yp_server_write(f.server, &f.disk, round * sizeof data, sizeof data, data, false), 0);
		memcpy(f.shadow + round * sizeof data, data, sizeof data);
		struct yp_power_cut how = {.form = YP_FORM_NONE, .fail = true};
		struct yp_cut_report cut;
		cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
		cr_assert_eq(cut.lost, 0);
		cr_assert_eq(yp_server_power(f.server, NULL), 0);
		yp_fixture_clients(&f);
		yp_fixture_assert_disk(&f, f.shadow, "sync");
	}
	cr_assert_eq(yp_fixture_stop(&f), 0);
}

/* Whatever a seeded cut leaves, torn or not, is the state that its id names in the recorded log, as the library makes
 * it from the files alone; the same seed on the same requests is the same id. Every model; tears do occur. */
Test(server, live_cut_is_a_case_of_the_log)
{
	static const char *const models[] = {"volatile-cache", "torn", "ordered", "lying-flush", "torn+bulk"};
	static struct fixture f;
	static uint8_t state[BYTES];
	unsigned torn = 0;
	char first[YP_CASE_TEXT_MAX] = "";
	for (unsigned i = 0; i < 60; i++) {
		struct yp_power_cut how = {.seeded = true, .seed = i / 2, .form = YP_FORM_SAMPLE};
		struct yp_cut_report cut;
		uint64_t seed = i / 2;
		yp_fixture_start(&f, models[i / 2 % 5], NULL);
		cr_assert_eq(yp_server_cut(f.server, &(struct yp_power_cut){.form = YP_FORM_ALL}, &cut), 0);
		cr_assert_eq(yp_server_power(f.server, f.log), 0);
		yp_fixture_clients(&f);
		for (unsigned k = 0; k < 40; k++)
			yp_fixture_request(&f, &seed);
		cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
		cr_assert_eq(yp_server_power(f.server, NULL), 0);
		yp_fixture_clients(&f);
		library_state(&f, cut.id, state);
		yp_fixture_assert_disk(&f, state, cut.id);
		torn += cut.torn;
		if (i % 2)
			cr_assert_str_eq(cut.id, first);
		snprintf(first, sizeof first, "%s", cut.id);
		cr_assert_eq(yp_fixture_stop(&f), 0);
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
	struct yp_cut_report cut;
	struct yp_power_cut how = {.form = YP_FORM_ALL};
	yp_fixture_start(&f, "torn", NULL);
	memcpy(base, f.shadow, BYTES);
	cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
	cr_assert_eq(yp_server_power(f.server, f.log), 0);
	yp_fixture_clients(&f);
	for (unsigned i = 0; i < 60; i++)
		yp_fixture_request(&f, &seed);
	cr_assert_eq(yp_server_load(f.server, f.log, NULL, detail, sizeof detail), -EBUSY);
	cr_assert_eq(yp_server_restore(f.server), -EBUSY);
	cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
	for (uint32_t entry = 0; entry <= cut.entries; entry += 7) {
		for (unsigned k = 0; k < 3; k++) {
			char id[64];
			struct yp_case c;
			snprintf(id, sizeof id, "%u.%s", entry, k == 0 ? "a.0.0" : k == 1 ? "n.0.0" : "r.77.0");
			cr_assert_eq(yp_case_decode(id, &c), 0);
			cr_assert_eq(yp_server_restore(f.server), 0);
			cr_assert_eq(yp_server_load(f.server, f.log, &c.cuts[0], detail, sizeof detail), 0, "%s",
				     detail);
			cr_assert_eq(yp_server_power(f.server, NULL), 0);
			yp_fixture_clients(&f);
			library_state(&f, id, state);
			yp_fixture_assert_disk(&f, state, id);
			cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
		}
	}
	cr_assert_eq(yp_server_restore(f.server), 0);
	cr_assert_eq(yp_server_power(f.server, f.log), 0);
	yp_fixture_clients(&f);
	yp_fixture_assert_disk(&f, base, "restored");
	/* Another log at the same path is not taken for the one that was there. */
	memcpy(f.shadow, base, BYTES);
	for (unsigned i = 0; i < 60; i++)
		yp_fixture_request(&f, &seed);
	cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
	cr_assert_eq(yp_server_restore(f.server), 0);
	cr_assert_eq(yp_server_load(f.server, f.log, NULL, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_server_power(f.server, NULL), 0);
	yp_fixture_clients(&f);
	library_state(&f, NULL, state);
	yp_fixture_assert_disk(&f, state, "the later log");
	cr_assert_eq(yp_fixture_stop(&f), 0);
}

/* A digest depends on the contents alone; one bit changes it; the log has it as a read of the whole disk. */
Test(server, digests_are_of_contents)
{
	static struct fixture f;
	static uint8_t state[BYTES];
	yp_fixture_start(&f, "torn", NULL);
	memcpy(state, f.shadow, BYTES);
	struct yp_hash before, same, other;
	cr_assert_eq(yp_server_digest(f.server, "disk", &before), 0);
	cr_assert_eq(yp_server_write(f.server, &f.disk, 0, BYTES, state, false), 0);
	cr_assert_eq(yp_server_digest(f.server, "disk", &same), 0);
	cr_assert(yp_hash_equal(before, same));
	state[BYTES - 1] ^= 1;
	cr_assert_eq(yp_server_write(f.server, &f.disk, 0, BYTES, state, false), 0);
	cr_assert_eq(yp_server_digest(f.server, "disk", &other), 0);
	cr_assert_not(yp_hash_equal(before, other));
	cr_assert_eq(yp_server_digest(f.server, "nowhere", &other), -ENOENT);
	const struct yp_log *log = yp_server_log(f.server);
	const struct yp_entry *last = yp_log_entry(log, yp_log_count(log) - 1);
	cr_assert(last->op == YP_READ && last->sector == 0 && last->sectors == SECTORS);
	cr_assert_eq(yp_fixture_stop(&f), 0);
}
