/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: what a program does to a file of the FUSE front is in the server's log, whole and in order: each write, each
 * read, a flush for fsync and for nothing else; and after a power cut only durable bytes come back.
 */
#define _GNU_SOURCE /* fallocate */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/fuse/fuse-front.h"

#define SECTORS 128u

struct place {
	struct yp_media media;
	struct yp_server *server;
	struct yp_fuse_front *front;
	char folder[64], path[96];
};

static int refuse_wait(void *ctx, unsigned ms)
{
	(void)ctx;
	(void)ms;
	return -1;
}

static void place_init(struct place *p)
{
	char detail[200] = "";
	struct yp_server_config config = {.media = &p->media, .wait = refuse_wait};

	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0)
		cr_skip_test("root and /dev/fuse are needed");
	yp_media_init(&p->media);
	cr_assert_eq(yp_media_add(&p->media, "slot-b:128:volatile-cache+bulk", detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_media_add(&p->media, "env:16:torn", detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_media_complete(&p->media, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_server_new(&config, &p->server), 0);
	cr_assert_eq(yp_server_keep(p->server), 0);
	cr_assert_eq(yp_server_power(p->server, NULL), 0);
	(void)snprintf(p->folder, sizeof p->folder, "/tmp/yankproof-fuse-XXXXXX");
	cr_assert_not_null(mkdtemp(p->folder));
	cr_assert_eq(yp_fuse_front_start(p->server, &p->media, p->folder, &p->front, detail, sizeof detail), 0, "%s",
		     detail);
	(void)snprintf(p->path, sizeof p->path, "%s/slot-b", p->folder);
}

static void place_deinit(struct place *p)
{
	yp_fuse_front_stop(p->front);
	cr_assert_eq(rmdir(p->folder), 0);
	cr_assert_eq(yp_server_free(p->server), 0);
	yp_media_deinit(&p->media);
}

static unsigned count_entries(const struct place *p, enum yp_op op)
{
	const struct yp_log *log = yp_server_log(p->server);
	unsigned n = 0;

	for (size_t i = 0; i < yp_log_count(log); i++)
		n += yp_log_entry(log, i)->op == op;
	return n;
}

Test(fuse_front, everything_is_logged)
{
	struct place p = {0};
	static uint8_t block[4096], back[4096];
	struct stat st;
	int fd;

	place_init(&p);
	memset(block, 0x5a, sizeof block);
	fd = open(p.path, O_RDWR | O_TRUNC | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_size, SECTORS * 512, "a medium keeps its size");
	cr_assert_eq(pwrite(fd, block, sizeof block, 4096), (ssize_t)sizeof block);
	cr_expect_eq(count_entries(&p, YP_WRITE), 1);
	cr_expect_eq(count_entries(&p, YP_FLUSH), 0);
	for (unsigned i = 0; i < 3; i++) /* no page cache may answer the second one */
		cr_assert_eq(pread(fd, back, sizeof back, 4096), (ssize_t)sizeof back);
	cr_expect_eq(count_entries(&p, YP_READ), 3);
	cr_expect_arr_eq(back, block, sizeof block);
	cr_assert_eq(fdatasync(fd), 0);
	cr_assert_eq(fsync(fd), 0);
	cr_expect_eq(count_entries(&p, YP_FLUSH), 2);
	cr_assert_eq(pwrite(fd, "xyz", 3, 4096 + 510), 3, "bytes over the edge of two sectors");
	cr_assert_eq(pread(fd, back, 5, 4096 + 509), 5);
	cr_expect_eq(memcmp(back, "\x5axyz\x5a", 5), 0);
	cr_expect_eq(pread(fd, back, sizeof back, SECTORS * 512), 0);
	cr_expect(pwrite(fd, block, 1, SECTORS * 512) < 0 && errno == ENOSPC);
	cr_expect_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 512), 0);
	cr_expect_eq(count_entries(&p, YP_DISCARD), 1);
	cr_assert_eq(close(fd), 0);
	cr_expect_eq(count_entries(&p, YP_FLUSH), 2, "closing is no flush");
	place_deinit(&p);
}

Test(fuse_front, only_what_was_flushed_survives_a_cut)
{
	struct place p = {0};
	struct yp_power_cut none = {.form = YP_FORM_NONE, .fail = true};
	struct yp_cut_report report;
	uint8_t byte = 0;
	int fd, again;

	place_init(&p);
	fd = open(p.path, O_RDWR | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, "a", 1, 0), 1);
	cr_assert_eq(fsync(fd), 0);
	cr_assert_eq(pwrite(fd, "b", 1, 1024), 1);
	cr_assert_eq(yp_server_cut(p.server, &none, &report), 0);
	cr_expect(pread(fd, &byte, 1, 0) < 0 && errno == EIO, "a file that was open does not outlive the power");
	cr_expect(open(p.path, O_RDONLY | O_CLOEXEC) < 0 && errno == ENXIO, "no power, no device");
	cr_assert_eq(yp_server_power(p.server, NULL), 0);
	again = open(p.path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(again, 0);
	cr_assert_eq(pread(again, &byte, 1, 0), 1);
	cr_expect_eq(byte, 'a');
	cr_assert_eq(pread(again, &byte, 1, 1024), 1);
	cr_expect_eq(byte, 0);
	cr_expect(pread(fd, &byte, 1, 0) < 0 && errno == EIO);
	(void)close(again);
	(void)close(fd);
	place_deinit(&p);
}
