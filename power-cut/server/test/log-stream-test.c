/* SPDX-License-Identifier: Apache-2.0 */
/* A log that is streamed is the log that was written, at whatever byte its recorder stops. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power-cut/log.h"

static const struct yp_layout layout = {
    .count = 2, .media = {{"disk", 64, YP_MODEL_VOLATILE_CACHE, true}, {"env", 8, YP_MODEL_TORN, false}}};

static void fill_log(struct yp_log *log, struct yp_stream *stream)
{
	uint8_t data[4 * YP_SECTOR_BYTES];
	for (unsigned i = 0; i < 30; i++) {
		memset(data, (int)(i % 5), sizeof data);
		int r = i % 7 == 6   ? yp_log_flush(log, i % 2)
			: i % 7 == 5 ? yp_log_mark(log, YP_MARK_STEP, i % 2 ? "S06" : "")
			: i % 7 == 4 ? yp_log_discard(log, 0, i, 3)
			: i % 7 == 3 ? yp_log_read(log, 1, 1, 2)
				     : yp_log_write(log, i % 2, i % 4, 1 + i % 4, data, i % 3 == 0);
		cr_assert_eq(r, 0);
		yp_log_times(log, 10u * i, 10u * i + 7);
		if (i % 3 == 0)
			cr_assert_eq(yp_stream_append(stream, log), 0);
	}
	cr_assert_eq(yp_stream_append(stream, log), 0);
}

static void assert_prefix(const struct yp_log *whole, const struct yp_log *log)
{
	cr_assert_leq(yp_log_count(log), yp_log_count(whole));
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *a = yp_log_entry(whole, i);
		const struct yp_entry *b = yp_log_entry(log, i);
		cr_assert(a->op == b->op && a->medium == b->medium && a->fua == b->fua && a->sector == b->sector &&
			  a->sectors == b->sectors && a->submit_ns == b->submit_ns && a->complete_ns == b->complete_ns);
		for (uint32_t k = 0; a->op == YP_WRITE && k < a->sectors; k++)
			cr_assert_eq(yp_log_content(whole, a, k), yp_log_content(log, b, k));
		cr_assert_str_eq(yp_log_text(whole, a), yp_log_text(log, b));
	}
}

/* Any prefix of a stream's bytes is a prefix of the log, and says that it was not closed; a byte that changed is
 * refused or costs a tail, and never gives other entries. */
Test(stream, every_prefix_is_a_log)
{
	char path[] = "/tmp/stream-XXXXXX";
	char detail[160];
	struct yp_pool *pool;
	struct yp_log *log;
	struct yp_log *back;
	struct yp_stream *stream;
	close(mkstemp(path));
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	cr_assert_eq(yp_stream_open(path, &layout, &stream), 0);
	fill_log(log, stream);
	cr_assert_eq(yp_stream_close(stream), 0);
	cr_assert_eq(yp_log_load(path, pool, &back, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_log_count(back), yp_log_count(log));
	cr_assert_str_eq(detail, "");
	assert_prefix(log, back);
	yp_log_free(back);

	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(1 << 20);
	size_t size = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	unlink(path);
	size_t head = 16 + 2 * 48;
	size_t most = 0;
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *exact = malloc(cut + 1); /* so that reading on is found */
		memcpy(exact, bytes, cut);
		int r = yp_log_parse(exact, cut, pool, &back, detail, sizeof detail);
		cr_assert_eq(r, cut < head, "%zu bytes: %s", cut, detail);
		if (r == 0) {
			cr_assert(*detail);
			cr_assert_geq(yp_log_count(back), most);
			most = yp_log_count(back);
			assert_prefix(log, back);
			yp_log_free(back);
		}
		free(exact);
	}
	cr_assert_eq(most, yp_log_count(log));
	for (size_t at = head; at < size; at++) {
		bytes[at] ^= 0x10;
		if (yp_log_parse(bytes, size, pool, &back, detail, sizeof detail) == 0) {
			cr_assert(*detail);
			assert_prefix(log, back);
			yp_log_free(back);
		}
		bytes[at] ^= 0x10;
	}
	free(bytes);
	yp_log_free(log);
	yp_pool_free(pool);
}
