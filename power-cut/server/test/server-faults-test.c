/* SPDX-License-Identifier: Apache-2.0 */
/* The block server's faults: that they land, where, and what is in flight when they do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "server/control-socket.h"
#include "server/test/server-fixture.h"

static uint32_t add_fault(struct fixture *f, const char *line)
{
	struct yp_command command;
	char detail[160];
	uint32_t id = 0;
	cr_assert_eq(yp_command_parse(line, strlen(line), &command, detail, sizeof detail), 0, "%s: %s", line, detail);
	cr_assert_eq(yp_server_fault(f->server, &command.fault, &id), 0);
	return id;
}

static uint64_t count_hits(struct fixture *f, uint32_t id)
{
	struct yp_fault_state faults[YP_FAULTS_MAX];
	unsigned count = yp_server_faults(f->server, faults);
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
	uint8_t data[2 * YP_SECTOR_BYTES] = {1};
	uint8_t in[2 * YP_SECTOR_BYTES];
	yp_fixture_start(&f, "volatile-cache", NULL);
	uint32_t eio = add_fault(&f, "fault eio write disk 2 count=2");
	cr_assert_eq(yp_server_write(f.server, &f.env, 0, 512, data, false), 0);
	cr_assert_eq(yp_server_write(f.server, &f.disk, 0, 512, data, false), 0);
	cr_assert_eq(yp_server_write(f.server, &f.disk, 512, 512, data, false), -EIO);
	cr_assert_eq(yp_server_write(f.server, &f.disk, 1024, 512, data, false), -EIO);
	cr_assert_eq(yp_server_write(f.server, &f.disk, 1536, 512, data, false), 0);
	cr_assert_eq(count_hits(&f, eio), 2);
	memcpy(f.shadow, data, 512);
	memcpy(f.shadow + 1536, data, 512);
	yp_fixture_assert_disk(&f, f.shadow, "eio");
	cr_assert_eq(yp_server_unfault(f.server, eio), 0);
	cr_assert_eq(yp_server_unfault(f.server, eio), -ENOENT);

	uint32_t full = add_fault(&f, "fault enospc write * 1 count=0");
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(yp_server_write(f.server, i % 2 ? &f.env : &f.disk, 0, 512, data, false), -ENOSPC);
	cr_assert_eq(yp_server_read(f.server, &f.env, 0, 512, in), 0);
	cr_assert_eq(count_hits(&f, full), 5);
	cr_assert_eq(yp_server_unfault(f.server, YP_FAULT_ID_ALL), 0);

	add_fault(&f, "fault erofs discard disk 1");
	add_fault(&f, "fault eio flush disk 1");
	cr_assert_eq(yp_server_discard(f.server, &f.disk, 0, 512), -EROFS);
	cr_assert_eq(yp_server_flush(f.server, &f.disk), -EIO);
	cr_assert_eq(yp_server_flush(f.server, &f.disk), 0);

	/* Flipped on its way out: the medium is sound. On its way in: the medium, and the log, hold what was stored. */
	add_fault(&f, "fault flip read disk 1 bit=4099");
	cr_assert_eq(yp_server_read(f.server, &f.disk, 0, 1024, in), 0);
	f.shadow[512] ^= 8;
	cr_assert_eq(memcmp(in, f.shadow, 1024), 0);
	f.shadow[512] ^= 8;
	yp_fixture_assert_disk(&f, f.shadow, "flip read");
	add_fault(&f, "fault flip write disk 1 bit=9");
	memcpy(f.shadow, data, 1024);
	cr_assert_eq(yp_server_write(f.server, &f.disk, 0, 1024, data, false), 0);
	f.shadow[1] ^= 2;
	yp_fixture_assert_disk(&f, f.shadow, "flip write");

	unsigned notes = 0;
	const struct yp_log *log = yp_server_log(f.server);
	for (size_t i = 0; i < yp_log_count(log); i++)
		notes += yp_log_entry(log, i)->op == YP_MARK &&
			 strncmp(yp_log_text(log, yp_log_entry(log, i)), "fault ", 6) == 0;
	struct yp_server_stats stats;
	yp_server_stats(f.server, &stats);
	cr_assert_eq(notes, 11);
	cr_assert_eq(stats.faults_hit, 11);
	cr_assert_eq(yp_fixture_stop(&f), 0);
}

struct late {
	struct fixture *f;
	int result;
};

static void *late_write(void *arg)
{
	struct late *late = arg;
	uint8_t data[YP_SECTOR_BYTES];
	memset(data, 0x5a, sizeof data);
	late->result = yp_server_write(late->f->server, &late->f->disk, 0, sizeof data, data, true);
	return NULL;
}

/* A write that hangs when the power goes was submitted, never completed: it may survive or not, FUA or not, and its
 * client learns nothing. When the fault is taken away instead, it completes. A delay only delays. */
Test(server, requests_in_flight)
{
	static struct fixture f;
	uint8_t in[YP_SECTOR_BYTES];
	for (unsigned i = 0; i < 3; i++) {
		struct late late = {&f, 1};
		struct yp_cut_report cut;
		pthread_t thread;
		yp_fixture_start(&f, "volatile-cache", NULL);
		uint32_t id = add_fault(&f, "fault hang write disk 1 answer=fail");
		cr_assert_eq(pthread_create(&thread, NULL, late_write, &late), 0);
		for (unsigned k = 0; k < 500 && count_hits(&f, id) == 0; k++)
			yp_fixture_nap(NULL, 10);
		cr_assert_eq(count_hits(&f, id), 1);
		struct yp_power_cut how = {.form = i ? YP_FORM_ALL : YP_FORM_NONE, .fail = true};
		if (i < 2)
			cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
		else
			cr_assert_eq(yp_server_unfault(f.server, id), 0);
		pthread_join(thread, NULL);
		cr_assert_eq(late.result, i < 2 ? -ESHUTDOWN : 0);
		if (i < 2) {
			cr_assert_eq(i ? cut.kept : cut.lost, 1);
			cr_assert_eq(yp_server_power(f.server, NULL), 0);
			yp_fixture_clients(&f);
		}
		cr_assert_eq(yp_server_read(f.server, &f.disk, 0, sizeof in, in), 0);
		cr_assert_eq(in[3] == 0x5a && in[500] == 0x5a, i > 0);
		add_fault(&f, "fault delay write disk 1 ms=30");
		cr_assert_eq(yp_server_write(f.server, &f.disk, 512, sizeof in, in, false), 0);
		const struct yp_log *log = yp_server_log(f.server);
		const struct yp_entry *e = yp_log_entry(log, yp_log_count(log) - 1);
		cr_assert_geq(e->complete_ns - e->submit_ns, 30000000u);
		cr_assert_eq(yp_fixture_stop(&f), 0);
	}
}

/* A cut at the nth write takes that write in flight, at every n: what was flushed before survives, what comes later
 * never reaches the media. */
Test(server, cut_at_every_write)
{
	static struct fixture f;
	for (unsigned nth = 1; nth <= 12; nth++) {
		char line[96];
		uint8_t data[YP_SECTOR_BYTES];
		struct yp_cut_report cut;
		yp_fixture_start(&f, "volatile-cache", NULL);
		snprintf(line, sizeof line, "fault cut write disk %u form=none answer=fail", nth);
		add_fault(&f, line);
		for (unsigned i = 1; i <= 12; i++) {
			memset(data, (int)i, sizeof data);
			int r = yp_server_write(f.server, &f.disk, i * 512, sizeof data, data, false);
			cr_assert_eq(r, i < nth ? 0 : -ESHUTDOWN);
			if (i % 4 == 0)
				(void)!yp_server_flush(f.server, &f.disk);
			if (i <= (nth - 1) / 4 * 4)
				memcpy(f.shadow + i * 512, data, sizeof data);
		}
		yp_server_last_cut(f.server, &cut);
		cr_assert_eq(cut.number, 1);
		cr_assert_eq(cut.lost, (nth - 1) % 4 + 1);
		cr_assert_eq(yp_server_power(f.server, NULL), 0);
		yp_fixture_clients(&f);
		yp_fixture_assert_disk(&f, f.shadow, line);
		cr_assert_eq(yp_fixture_stop(&f), 0);
	}
}

/* A log that cannot be written stops the device: nothing is acknowledged that is not recorded. */
Test(server, no_record_no_device)
{
	static struct fixture f;
	uint8_t data[YP_SECTOR_BYTES];
	struct yp_cut_report cut;
	struct yp_power_cut how = {.form = YP_FORM_ALL};
	const struct rlimit small = {8 * YP_SECTOR_BYTES, 8 * YP_SECTOR_BYTES};
	yp_fixture_start(&f, "volatile-cache", NULL);
	cr_assert_eq(yp_server_cut(f.server, &how, &cut), 0);
	cr_assert_eq(yp_server_power(f.server, "/nonexistent/log"), -ENOENT);
	cr_assert_eq(yp_server_power(f.server, f.log), 0);
	yp_fixture_clients(&f);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	int r = 0;
	unsigned i = 0;
	for (; r == 0 && i < 20; i++) {
		memset(data, (int)i + 1, sizeof data);
		r = yp_server_write(f.server, &f.disk, 0, sizeof data, data, false);
	}
	cr_assert_eq(r, -EFBIG);
	cr_assert_lt(i, 9);
	cr_assert_eq(yp_server_read(f.server, &f.disk, 0, sizeof data, data), -EIO);
	cr_assert_eq(yp_fixture_stop(&f), -EFBIG);
}
