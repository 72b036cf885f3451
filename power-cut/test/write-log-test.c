/* SPDX-License-Identifier: Apache-2.0 */
/* Write logs: what is recorded, saved, exported and read back is the same. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "power-cut/image.h"
#include "power-cut/log.h"

static const struct yp_layout layout = {.count = 3,
					.media = {{"slot-a", 30, YP_MODEL_VOLATILE_CACHE, true},
						  {"env", 16, YP_MODEL_TORN, false},
						  {"state", 9, YP_MODEL_NOR, false}}};

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *seed >> 33;
}

static void random_log(struct yp_log *log, uint64_t seed, bool timed)
{
	static const char *const marks[] = {"S06", "a note with a\nbreak", "", "R2"};
	for (unsigned i = 0; i < 40; i++) {
		uint8_t data[4 * YP_SECTOR_BYTES];
		unsigned m = (unsigned)(next_random(&seed) % layout.count);
		uint64_t sector = next_random(&seed) % (layout.media[m].sectors - 3);
		uint32_t sectors = 1 + (uint32_t)(next_random(&seed) % 4);
		int r = -EINVAL;
		if (sectors > layout.media[m].sectors - sector)
			sectors = 1;
		for (size_t k = 0; k < sizeof data; k++)
			data[k] = (uint8_t)next_random(&seed);
		switch (next_random(&seed) % 5) {
		case 0:
			r = yp_log_write(log, m, sector, sectors, data, next_random(&seed) % 3 == 0);
			break;
		case 1:
			r = yp_log_read(log, m, sector, sectors);
			break;
		case 2:
			r = yp_log_flush(log, m);
			break;
		case 3:
			r = yp_log_discard(log, m, sector, sectors);
			break;
		default:
			r = yp_log_mark(log, (enum yp_mark_kind)(next_random(&seed) % 3),
					marks[next_random(&seed) % 4]);
		}
		cr_assert_eq(r, 0);
		if (timed)
			yp_log_times(log, 1000u * i, 1000u * i + next_random(&seed) % 3000);
	}
}

static void assert_same(const struct yp_log *a, const struct yp_log *b, bool exact)
{
	size_t k = 0;
	for (size_t i = 0; i < yp_log_count(a); i++) {
		const struct yp_entry *x = yp_log_entry(a, i);
		if (!exact && x->op == YP_READ)
			continue;
		cr_assert_lt(k, yp_log_count(b));
		const struct yp_entry *y = yp_log_entry(b, k++);
		cr_assert(x->op == y->op && x->sector == y->sector && x->sectors == y->sectors && x->fua == y->fua,
			  "entry %zu", i);
		cr_assert(x->op == YP_MARK || x->medium == y->medium, "entry %zu", i);
		cr_assert(!exact ||
			  (x->kind == y->kind && x->submit_ns == y->submit_ns && x->complete_ns == y->complete_ns));
		cr_assert_str_eq(yp_log_text(a, x), yp_log_text(b, y));
		/* One pool: equal contents have equal ids. */
		for (uint32_t s = 0; x->op == YP_WRITE && s < x->sectors; s++)
			cr_assert_eq(yp_log_content(a, x, s), yp_log_content(b, y, s));
	}
	cr_assert_eq(k, yp_log_count(b));
}

/* Invariant: what is saved is loaded again to the last bit; what is exported is imported again, except for what that
 * format cannot express. */
Test(log, files_come_back)
{
	char path[] = "/tmp/bp-log-XXXXXX";
	char detail[128] = "";
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(close(fd), 0);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct yp_pool *pool;
		struct yp_log *log;
		struct yp_log *back;
		cr_assert_eq(yp_pool_new(&pool), 0);
		cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
		random_log(log, seed, seed % 2);
		cr_assert_eq(yp_log_save(log, path), 0);
		cr_assert_eq(yp_log_load(path, pool, &back, detail, sizeof detail), 0, "%s", detail);
		assert_same(log, back, true);
		cr_assert_eq(memcmp(yp_log_layout(log)->media, yp_log_layout(back)->media, sizeof layout.media), 0);
		yp_log_free(back);
		cr_assert_eq(yp_log_export_dm(log, path, detail, sizeof detail), 0);
		cr_assert_eq(yp_log_import_dm(path, &layout, pool, &back, detail, sizeof detail), 0, "%s", detail);
		assert_same(log, back, false);
		yp_log_free(back);
		yp_log_free(log);
		yp_pool_free(pool);
	}
	cr_assert_eq(unlink(path), 0);
}

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(1 << 20);
	cr_assert(f && bytes);
	*size = fread(bytes, 1, 1 << 20, f);
	cr_assert_eq(fclose(f), 0);
	return bytes;
}

/* Invariant: a failed write is reported, a partial file is removed, and a path that is no regular file is left alone.
 */
Test(log, a_full_disk_is_told_and_a_device_stays)
{
	char path[] = "/tmp/bp-log-XXXXXX";
	char detail[128] = "";
	struct yp_pool *pool;
	struct yp_log *log;
	struct stat st;
	const struct rlimit small = {YP_SECTOR_BYTES, YP_SECTOR_BYTES};
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	random_log(log, 3, false);
	cr_assert_eq(yp_log_save(log, "/dev/full"), -ENOSPC);
	cr_assert_eq(yp_log_export_dm(log, "/dev/full", detail, sizeof detail), -ENOSPC);
	cr_assert(stat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode));
	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	cr_assert_eq(yp_log_save(log, path), -EFBIG);
	cr_assert_neq(stat(path, &st), 0);
	yp_log_free(log);
	yp_pool_free(pool);
}

/* Invariant: a log that was cut short is refused with a reason, wherever it was cut. */
Test(log, truncated_files_are_refused)
{
	char path[] = "/tmp/bp-log-XXXXXX";
	struct yp_pool *pool;
	struct yp_log *log;
	struct yp_log *back;
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	random_log(log, 5, false);
	for (unsigned format = 0; format < 2; format++) {
		char detail[128];
		size_t size;
		cr_assert_eq(format ? yp_log_export_dm(log, path, detail, sizeof detail) : yp_log_save(log, path), 0);
		uint8_t *bytes = read_file(path, &size);
		for (size_t n = 0; n < size; n += n < 600 ? 1 : 61) {
			detail[0] = 0;
			int r = format ? yp_log_parse_dm(bytes, n, &layout, pool, &back, detail, sizeof detail)
				       : yp_log_parse(bytes, n, pool, &back, detail, sizeof detail);
			cr_assert_eq(r, 1, "format %u, %zu bytes", format, n);
			cr_assert_neq(detail[0], 0);
		}
		free(bytes);
	}
	yp_log_free(log);
	yp_pool_free(pool);
	cr_assert_eq(unlink(path), 0);
}

static void get_le64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* Invariant: a log as the kernel writes it, for one disk in blocks of 4096 bytes, means what the kernel means: a flush
 * is for the whole disk and comes before the data it carries. */
Test(log, logs_of_others_are_understood)
{
	uint8_t bytes[6 * 4096] = {0};
	struct yp_layout disk = {.count = 2,
				 .media = {{"first", 16, YP_MODEL_TORN, false}, {"second", 16, YP_MODEL_TORN, false}}};
	struct yp_pool *pool;
	struct yp_log *log;
	char detail[128] = "";
	get_le64(bytes, UINT64_C(0x6a736677736872));
	get_le64(bytes + 8, 1);
	get_le64(bytes + 16, 3);
	get_le64(bytes + 24, 4096);
	/* A write of block 1, tagged as metadata; a flush with FUA data in block 2; a mark. */
	get_le64(bytes + 4096, 1);
	get_le64(bytes + 4096 + 8, 1);
	get_le64(bytes + 4096 + 16, 16);
	memset(bytes + 2 * 4096, 0x11, 4096);
	get_le64(bytes + 3 * 4096, 2);
	get_le64(bytes + 3 * 4096 + 8, 1);
	get_le64(bytes + 3 * 4096 + 16, 1 | 2);
	memset(bytes + 4 * 4096, 0x22, 4096);
	get_le64(bytes + 5 * 4096 + 16, 8);
	get_le64(bytes + 5 * 4096 + 24, 3);
	memcpy(bytes + 5 * 4096 + 32, "S10", 3);
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_parse_dm(bytes, sizeof bytes, &disk, pool, &log, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(yp_log_count(log), 4);
	const struct yp_entry *e = yp_log_entry(log, 0);
	cr_assert(e->op == YP_WRITE && e->medium == 0 && e->sector == 8 && e->sectors == 8 && !e->fua);
	e = yp_log_entry(log, 1);
	cr_assert(e->op == YP_FLUSH && e->medium == 0);
	e = yp_log_entry(log, 2);
	cr_assert(e->op == YP_WRITE && e->medium == 1 && e->sector == 0 && e->sectors == 8 && e->fua);
	cr_assert_str_eq(yp_log_step(log, 3), "S10");
	yp_log_free(log);
	/* A write over the end of a medium is no write of this device. */
	get_le64(bytes + 3 * 4096, 4);
	cr_assert_eq(yp_log_parse_dm(bytes, sizeof bytes, &disk, pool, &log, detail, sizeof detail), 1);
	cr_assert_str_eq(detail, "entry 1 reaches outside the media");
	yp_pool_free(pool);
}

/* Invariant: entries that do not fit the media are refused and leave the log as it was. */
Test(log, bad_entries_are_refused)
{
	struct yp_pool *pool;
	struct yp_log *log;
	uint8_t data[YP_SECTOR_BYTES] = {1};
	struct yp_layout bad = layout;
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	cr_assert_eq(yp_log_write(log, 3, 0, 1, data, false), -EINVAL);
	cr_assert_eq(yp_log_write(log, 0, 30, 1, data, false), -EINVAL);
	cr_assert_eq(yp_log_write(log, 0, UINT64_MAX, 1, data, false), -EINVAL);
	cr_assert_eq(yp_log_write(log, 0, 0, 0, data, false), -EINVAL);
	cr_assert_eq(yp_log_read(log, 1, 15, 2), -EINVAL);
	cr_assert_eq(yp_log_discard(log, 2, 9, 1), -EINVAL);
	cr_assert_eq(yp_log_flush(log, 3), -EINVAL);
	cr_assert_eq(yp_log_count(log), 0);
	yp_log_free(log);
	bad.media[1].sectors = 0;
	cr_assert_eq(yp_log_new(&bad, pool, &log), -EINVAL);
	bad = layout;
	bad.count = YP_MEDIA_MAX + 1;
	cr_assert_eq(yp_log_new(&bad, pool, &log), -EINVAL);
	yp_pool_free(pool);
}

/* Invariant: a step holds until the next one, notes are none. */
Test(log, steps)
{
	struct yp_pool *pool;
	struct yp_log *log;
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	cr_assert_eq(yp_log_flush(log, 0), 0);
	cr_assert_eq(yp_log_mark(log, YP_MARK_STEP, "S06"), 0);
	cr_assert_eq(yp_log_mark(log, YP_MARK_NOTE, "S07"), 0);
	cr_assert_eq(yp_log_flush(log, 0), 0);
	cr_assert_str_eq(yp_log_step(log, 0), "");
	cr_assert_str_eq(yp_log_step(log, 1), "S06");
	cr_assert_str_eq(yp_log_step(log, 3), "S06");
	cr_assert_str_eq(yp_log_step(log, 99), "S06");
	yp_log_free(log);
	yp_pool_free(pool);
}

/* Invariant: equal sectors have one id, different ones never, however many there are. */
Test(pool, contents_are_interned)
{
	enum { MANY = 20000 };
	struct yp_pool *pool;
	static uint32_t ids[MANY];
	cr_assert_eq(yp_pool_new(&pool), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			uint8_t sector[YP_SECTOR_BYTES] = {0};
			uint32_t id;
			memcpy(sector + (i % 100) * 4, &i, sizeof i);
			cr_assert_eq(yp_pool_intern(pool, sector, &id), 0);
			cr_assert_eq(memcmp(yp_pool_sector(pool, id), sector, sizeof sector), 0);
			cr_assert(round == 0 || ids[i] == id);
			ids[i] = id;
		}
	}
	cr_assert_eq(ids[0], 0, "the zero sector is 0");
	yp_pool_free(pool);
}

static struct yp_hash fresh_hash(const struct yp_image *image, struct yp_pool *pool, unsigned region,
				 struct yp_hash *region_hash)
{
	struct yp_image *copy;
	const struct yp_region r[2] = {{"part", 1, 3, 6}, {"all", 1, 0, 16}};
	cr_assert_eq(yp_image_new(&layout, pool, &copy), 0);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(yp_image_region_add(copy, &r[i], NULL), 0);
	for (unsigned m = 0; m < layout.count; m++) {
		for (uint64_t s = layout.media[m].sectors; s-- > 0;)
			yp_image_set(copy, m, s, yp_image_get(image, m, s));
	}
	struct yp_hash h = yp_image_hash(copy);
	*region_hash = yp_image_region_hash(copy, region);
	yp_image_free(copy);
	return h;
}

/* Invariant: hashes depend on contents alone, not on the way there, and undo takes back everything at any depth. */
Test(image, hashes_and_undo_agree_with_contents)
{
	enum { DEPTH = 6 };
	struct yp_pool *pool;
	struct yp_image *image;
	struct yp_image *kept[DEPTH];
	uint64_t seed = 9;
	const struct yp_region r[2] = {{"part", 1, 3, 6}, {"all", 1, 0, 16}};
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_image_new(&layout, pool, &image), 0);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(yp_image_region_add(image, &r[i], NULL), 0);
	unsigned depth = 0;
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t data[YP_SECTOR_BYTES] = {(uint8_t)(next_random(&seed) % 5)};
		unsigned m = (unsigned)(next_random(&seed) % layout.count);
		uint64_t what = next_random(&seed) % 10;
		if (what == 0 && depth < DEPTH) {
			cr_assert_eq(yp_image_copy(image, &kept[depth++]), 0);
			cr_assert_eq(yp_image_push(image), 0);
		} else if (what == 1 && depth > 0) {
			yp_image_pop(image);
			struct yp_hash was = yp_image_hash(kept[--depth]);
			struct yp_hash is = yp_image_hash(image);
			cr_assert(was.lo == is.lo && was.hi == is.hi);
			for (uint64_t s = 0; s < layout.media[m].sectors; s++)
				cr_assert_eq(yp_image_get(image, m, s), yp_image_get(kept[depth], m, s));
			yp_image_free(kept[depth]);
		} else {
			cr_assert_eq(yp_image_write(image, m, next_random(&seed) % layout.media[m].sectors, 1, data),
				     0);
		}
		struct yp_hash region;
		struct yp_hash h = fresh_hash(image, pool, i % 2, &region);
		struct yp_hash is = yp_image_hash(image);
		cr_assert(h.lo == is.lo && h.hi == is.hi, "round %u", i);
		is = yp_image_region_hash(image, i % 2);
		cr_assert(region.lo == is.lo && region.hi == is.hi, "round %u", i);
	}
	while (depth > 0)
		yp_image_free(kept[--depth]);
	yp_image_free(image);
	yp_pool_free(pool);
}

/* Invariant: a region cannot be added once there are copies, nor outside the media. */
Test(image, regions_are_checked)
{
	struct yp_pool *pool;
	struct yp_image *image;
	struct yp_image *copy;
	const struct yp_region good = {"env", 1, 0, 16};
	const struct yp_region bad = {"env", 1, 1, 16};
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_image_new(&layout, pool, &image), 0);
	cr_assert_eq(yp_image_region_add(image, &bad, NULL), -EINVAL);
	cr_assert_eq(yp_image_copy(image, &copy), 0);
	cr_assert_eq(yp_image_region_add(image, &good, NULL), -EBUSY);
	yp_image_free(copy);
	for (unsigned i = 0; i < YP_REGIONS_MAX; i++)
		cr_assert_eq(yp_image_region_add(image, &good, NULL), 0);
	cr_assert_eq(yp_image_region_add(image, &good, NULL), -ENOSPC);
	yp_image_free(image);
	yp_pool_free(pool);
}

/* Invariant: applying a log is writing what it wrote; a discard leaves zero, on flash FF. */
Test(image, applying_a_log)
{
	struct yp_pool *pool;
	struct yp_image *image;
	struct yp_log *log;
	uint8_t data[2 * YP_SECTOR_BYTES];
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_image_new(&layout, pool, &image), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	memset(data, 7, sizeof data);
	for (unsigned m = 0; m < 3; m++) {
		cr_assert_eq(yp_log_write(log, m, 4, 2, data, false), 0);
		cr_assert_eq(yp_log_discard(log, m, 5, 1), 0);
	}
	cr_assert_eq(yp_image_apply(image, log, 7), -EINVAL);
	cr_assert_eq(yp_image_apply(image, log, 6), 0);
	for (unsigned m = 0; m < 3; m++) {
		yp_image_read(image, m, 4, 2, data);
		cr_assert_eq(data[0], 7);
		cr_assert_eq(data[YP_SECTOR_BYTES], m == 2 ? 0xff : 0);
	}
	yp_log_free(log);
	yp_image_free(image);
	yp_pool_free(pool);
}
