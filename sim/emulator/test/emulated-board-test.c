/* SPDX-License-Identifier: Apache-2.0 */
/* The rig with the real board: needs build/qemu, and skips without it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/media-check.h"

#define TEST_SECONDS_MAX 540u
#define TOY_SECTORS      8192u
#define BUNDLE           QEMU_IMAGES "/update-2.0.ota"

struct fixture {
	char dir[64];
	struct yp_emulator *rig;
	struct yp_emulator_result *result;
	char log[96];
	struct yp_pool *pool;
};

static void begin_with(struct fixture *f, const char *images, unsigned worker)
{
	char detail[256] = "the block server is sanitised";
	if (QEMU_SANITISED || !yp_emulator_present(images, detail, sizeof detail)) {
		fprintf(stderr, "[SKIP] %s\n", detail); /* criterion does not print the reason */
		(void)rmdir(f->dir);
		cr_skip_test("%s", detail);
	}
	alarm(TEST_SECONDS_MAX);
	snprintf(f->log, sizeof f->log, "%s/log", f->dir);
	struct yp_emulator_options options = {
	    .images = images, .work = f->dir, .worker = worker, .plugin = QEMU_PLUGIN};
	cr_assert_eq(yp_emulator_new(&options, &f->rig, detail, sizeof detail), 0, "%s", detail);
	f->result = calloc(1, sizeof *f->result);
	cr_assert(f->result);
	cr_assert_eq(yp_pool_new(&f->pool), 0);
}

static void begin(struct fixture *f, unsigned worker)
{
	snprintf(f->dir, sizeof f->dir, "/tmp/qemu-board-XXXXXX");
	cr_assert(mkdtemp(f->dir));
	begin_with(f, QEMU_IMAGES, worker);
}

static void end(struct fixture *f)
{
	char command[96];
	yp_emulator_free(f->rig);
	free(f->result);
	yp_pool_free(f->pool);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	cr_assert_eq(system(command), 0);
}

static void run(struct fixture *f, const struct yp_emulator_start *start, const struct yp_emulator_run *run,
		enum yp_emulator_final final)
{
	int r = yp_emulator_run(f->rig, start, run, f->result);
	cr_assert_eq(r, 0, "%s", f->result->detail);
	cr_assert_eq(f->result->final, final, "%s: %s", yp_emulator_final_name(f->result->final), f->result->detail);
}

static struct yp_log *load(struct fixture *f, const char *path)
{
	struct yp_log *log = NULL;
	char detail[160];
	cr_assert_eq(yp_log_load(path, f->pool, &log, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(*detail, 0, "%s", detail);
	return log;
}

/* The first entry of that operation on that medium behind a mark; SIZE_MAX: none. */
static size_t find(const struct yp_log *log, size_t from, enum yp_op op, const char *medium)
{
	for (size_t i = from; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op == op && strcmp(yp_log_layout(log)->media[e->medium].name, medium) == 0)
			return i;
	}
	return SIZE_MAX;
}

static size_t find_mark(const struct yp_log *log, size_t from, const char *text)
{
	for (size_t i = from; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op == YP_MARK && strncmp(yp_log_text(log, e), text, strlen(text)) == 0)
			return i;
	}
	return SIZE_MAX;
}

/* What is on the media after an update is base + log, by QEMU's own copies; marks stand where the steps begin; the
 * report is in the log. Then a cut within the store that arms the trial, after its first sector, recovered from with
 * reads recorded. */
Test(board, update_and_recovery)
{
	static const char *const steps[] = {"S05", "S06", "S08", "S10", "S11", "boot", "S14", "S15", "report:"};
	struct fixture f = {0};
	char detail[256], witness[96], again[96];
	begin(&f, 0);
	snprintf(witness, sizeof witness, "%s/copies", f.dir);
	cr_assert_eq(mkdir(witness, 0700), 0);
	struct yp_emulator_run update = {.bundle = BUNDLE, .hold = true, .log = f.log, .witness = witness};
	run(&f, NULL, &update, YP_EMULATOR_IDLE);
	cr_assert_eq(f.result->boots, 2);
	cr_assert_str_eq(f.result->boot[0].version, "1.0");
	cr_assert_str_eq(f.result->boot[1].version, "2.0");
	cr_assert_eq(f.result->boot[1].slot, f.result->boot[1].up_slot);
	cr_assert_eq(f.result->reports, 1);
	cr_assert_eq(f.result->errors, 0, "%s", f.result->error);
	cr_assert_eq(yp_emulator_compare(f.rig, NULL, f.result, witness, detail, sizeof detail), 0, "%s", detail);

	struct yp_log *log = load(&f, f.log);
	size_t at = find_mark(log, 0, "S01");
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		at = find_mark(log, at, steps[i]);
		cr_assert_neq(at, SIZE_MAX, "no mark %s where it should be", steps[i]);
	}
	size_t armed = find(log, find_mark(log, 0, "S10"), YP_WRITE, "card");
	cr_assert_lt(armed, find_mark(log, 0, "S11"));
	struct yp_cut cut = {.entry = (uint32_t)armed + 1, .form = YP_FORM_ALL, .torn = -1};
	struct yp_emulator_start start = {.count = 1, .from = {{f.log, &cut}}};
	yp_log_free(log);
	snprintf(again, sizeof again, "%s/again", f.dir);
	struct yp_emulator_run recover = {.bundle = BUNDLE, .log = again};
	run(&f, &start, &recover, YP_EMULATOR_IDLE);
	cr_assert_str_eq(f.result->boot[0].version, "1.0", "half a store has armed the trial");
	cr_assert_str_eq(f.result->boot[f.result->boots - 1].version, "2.0");
	cr_assert_eq(f.result->reports, 1);
	log = load(&f, again);
	cr_assert_neq(find(log, 0, YP_READ, "card"), SIZE_MAX);
	cr_assert_neq(find(log, 0, YP_READ, "slot-a"), SIZE_MAX);
	yp_log_free(log);
	end(&f);
}

/* Nothing is flushed by a reset: what the guest did not flush is not durable, and the log goes on with the next boot.
 */
Test(board, reset_flushes_nothing)
{
	static const char *const say[] = {"exec umount /data; dd if=/dev/urandom of=/dev/vda4 bs=512 count=1 seek=7000 "
					  "oflag=direct && cat /proc/cmdline",
					  "reboot", NULL};
	static const char *const config[] = {"stop=ota", NULL};
	struct fixture f = {0};
	begin(&f, 1);
	struct yp_emulator_run reboot = {
	    .say = say, .config = config, .log = f.log, .until = YP_EMULATOR_UNTIL_DECISION, .until_nth = 2};
	run(&f, NULL, &reboot, YP_EMULATOR_REACHED);
	cr_assert_eq(f.result->exec_exit, 0, "%s", f.result->output);
	cr_assert(strstr(f.result->output, "ota.slot=A"), "%s", f.result->output);
	cr_assert_eq(f.result->boot[0].end, YP_EMULATOR_END_REBOOT);
	cr_assert_eq(f.result->faults_hit, 0);
	struct yp_log *log = load(&f, f.log);
	size_t reset = find_mark(log, 0, "reset:");
	cr_assert_neq(reset, SIZE_MAX);
	size_t write = SIZE_MAX;
	for (size_t i = 0; (i = find(log, i, YP_WRITE, "data")) < reset; i++)
		write = yp_log_entry(log, i)->sector == 7000 ? i : write;
	cr_assert_neq(write, SIZE_MAX, "the write is not in the log");
	cr_assert_eq(find(log, write, YP_FLUSH, "data"), SIZE_MAX, "something flushed it");
	yp_log_free(log);
	end(&f);
}

/* An image as start; both kernels damaged, the bootloader halts. A live cut while it reads; then the power comes back.
 */
Test(board, halts_without_a_kernel)
{
	struct fixture f = {0};
	struct yp_image *base = NULL, *image = NULL;
	uint8_t zeros[YP_SECTOR_BYTES] = {0};
	begin(&f, 2);
	const struct yp_layout *layout = yp_emulator_layout(f.rig);
	cr_assert_eq(yp_emulator_base(f.rig, f.pool, NULL, 0, &base), 0);
	cr_assert_eq(yp_image_copy(base, &image), 0);
	for (unsigned m = 0; m < layout->count; m++) {
		/* The superblock of ext4. */
		if (strncmp(layout->media[m].name, "slot-", 5) == 0)
			cr_assert_eq(yp_image_write(image, m, 2, 1, zeros), 0);
	}
	struct yp_emulator_start start = {.image = image, .base = base};
	struct yp_emulator_run halt = {
	    .log = f.log, .cut = {.medium = "gpt", .op = YP_READ, .nth = 2, .seed = 1, .form = YP_FORM_NONE}};
	run(&f, &start, &halt, YP_EMULATOR_HALTED);
	cr_assert(f.result->cut_landed);
	cr_assert_eq(f.result->cycles, 2);
	cr_assert_eq(f.result->boots, 2);
	cr_assert_eq(f.result->boot[0].end, YP_EMULATOR_END_CUT);
	cr_assert_eq(f.result->boot[1].slot, 0);
	cr_assert_neq(f.result->cycle[0].cut[0], 0);
	yp_image_free(base);
	yp_image_free(image);
	end(&f);
}

static void put_file(const char *dir, const char *name, const char *text, off_t size)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0);
	cr_assert_eq(fclose(f), 0);
	if (size > 0)
		cr_assert_eq(truncate(path, size), 0);
}

/* Of the real board, if it is there. */
static void link_file(const char *dir, const char *name)
{
	char path[128], *whole = realpath(QEMU_IMAGES, NULL), target[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	snprintf(target, sizeof target, "%s/%s", whole ? whole : "/nonexistent", name);
	cr_assert_eq(symlink(target, path), 0);
	free(whole);
}

/* A folder of images without a board. */
static void toy_images(struct fixture *f, char *images, size_t images_bytes)
{
	snprintf(f->dir, sizeof f->dir, "/tmp/qemu-board-XXXXXX");
	cr_assert(mkdtemp(f->dir));
	snprintf(images, images_bytes, "%s/images", f->dir);
	cr_assert_eq(mkdir(images, 0700), 0);
	put_file(images, "media", "card:64:ordered:card.img\ndisk-all:8192::disk.img\nexport=disk:disk-all\n", 0);
	put_file(images, "card.img", "", 64 * YP_SECTOR_BYTES);
	put_file(images, "disk.img", "base", TOY_SECTORS * YP_SECTOR_BYTES);
	put_file(images, "board.args", "", 0);
	put_file(images, "board.program", "qemu-system-aarch64\n", 0);
	put_file(images, "u-boot.bin", "", 0);
	put_file(images, "board.dtb", "", 0);
}

static void assert_saved(struct fixture *f, const struct yp_image *base, const struct yp_image *image, const char *what)
{
	struct yp_emulator_start start = {.image = image, .base = base};
	static uint8_t got[TOY_SECTORS * YP_SECTOR_BYTES], expected[TOY_SECTORS * YP_SECTOR_BYTES];
	char path[128];
	cr_assert_eq(yp_emulator_save(f->rig, &start, f->dir), 0, "%s", what);
	snprintf(path, sizeof path, "%s/disk.img", f->dir);
	FILE *file = fopen(path, "r");
	cr_assert(file && fread(got, 1, sizeof got, file) == sizeof got);
	fclose(file);
	yp_image_read(image, 1, 0, TOY_SECTORS, expected);
	cr_assert_eq(memcmp(got, expected, sizeof got), 0, "%s: the start is another", what);
}

/* In any sequence of images the start is the requested one: far from the base, near the previous one, back again,
 * further away. No machine needed. */
Test(board, start_images)
{
	static const struct {
		uint32_t from, count;
		uint8_t fill;
	} changes[] = {{10, 3, 1},     {100, 6000, 2}, {5000, 2, 3}, {100, 6000, 0},
		       {200, 7000, 4}, {8000, 100, 5}, {0, 8192, 0}};
	struct fixture f = {0};
	struct yp_image *base = NULL, *image = NULL;
	uint8_t sector[YP_SECTOR_BYTES];
	char images[96];
	toy_images(&f, images, sizeof images);
	begin_with(&f, images, 4);
	cr_assert_eq(yp_emulator_base(f.rig, f.pool, NULL, 0, &base), 0);
	cr_assert_eq(yp_image_copy(base, &image), 0);
	for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++) {
		char what[32];
		for (uint32_t k = 0; k < changes[i].count; k++) {
			memset(sector, changes[i].fill, sizeof sector);
			sector[k % YP_SECTOR_BYTES] ^= (uint8_t)(changes[i].fill ? k / YP_SECTOR_BYTES + 1 : 0);
			cr_assert_eq(yp_image_write(image, 1, changes[i].from + k, 1, sector), 0);
		}
		snprintf(what, sizeof what, "change %u", i);
		assert_saved(&f, base, image, what);
	}
	assert_saved(&f, base, base, "the base");
	yp_image_free(base);
	yp_image_free(image);
	end(&f);
}

/* A QEMU that starts no guest is an error of the rig in one line, not a hanging board; a missing QEMU is named. */
Test(board, no_guest)
{
	struct fixture f = {0};
	char images[96], detail[256] = "";
	struct yp_emulator *rig = NULL;
	toy_images(&f, images, sizeof images);
	put_file(images, "u-boot.bin", "", 65536); /* no instruction of any processor here */
	put_file(images, "board.args",
		 "-M\nvirt\n-accel\ntcg\n-nodefaults\n-display\nnone\n-bios\n@IMAGES@/u-boot.bin\n-qmp\n@QMP@\n"
		 "-chardev\n@SERIAL@,id=console\n-serial\nchardev:console\n-chardev\n@CHANNEL@,id=channel\n",
		 0);
	put_file(images, "media", "card:64:ordered:card.img\ndisk:8192::disk.img\n", 0);
	if (access(QEMU_IMAGES "/tls.key", R_OK) != 0) {
		fprintf(stderr, "[SKIP] %s/tls.key is not there: make qemu-images\n", QEMU_IMAGES);
		snprintf(detail, sizeof detail, "rm -rf '%s'", f.dir);
		cr_assert_eq(system(detail), 0);
		cr_skip_test("no images");
	}
	link_file(images, "tls.pem");
	link_file(images, "tls.key");
	begin_with(&f, images, 5);
	struct yp_emulator_run silent = {.boot_ms = 3000};
	cr_assert_lt(yp_emulator_run(f.rig, NULL, &silent, f.result), 0);
	cr_assert_eq(f.result->final, YP_EMULATOR_ERROR);
	cr_assert(strstr(f.result->detail, "qemu-system-aarch64 starts no guest"), "%s", f.result->detail);
	put_file(images, "board.program", "no-such-qemu\n", 0);
	struct yp_emulator_options options = {.images = images, .work = f.dir, .worker = 6, .plugin = QEMU_PLUGIN};
	cr_assert_lt(yp_emulator_new(&options, &rig, detail, sizeof detail), 0);
	cr_assert(strstr(detail, "no-such-qemu is not installed"), "%s", detail);
	end(&f);
}

/* Without images the message says what to do. */
Test(board, no_images)
{
	char detail[256] = "";
	struct yp_emulator *rig = NULL;
	struct yp_emulator_options none = {.images = "/nonexistent", .work = "/tmp", .plugin = QEMU_PLUGIN};
	cr_assert_lt(yp_emulator_new(&none, &rig, detail, sizeof detail), 0);
	cr_assert(strstr(detail, "/nonexistent/board.args") && strstr(detail, "make qemu-images"), "%s", detail);
}

/* Bad input is one clause. */
Test(board, says_what_is_wrong)
{
	struct fixture f = {0};
	char detail[256] = "";
	struct yp_emulator *rig = NULL;
	begin(&f, 3);
	struct yp_emulator_options plugin = {
	    .images = QEMU_IMAGES, .work = f.dir, .worker = 9, .plugin = "/no/plugin.so"};
	cr_assert_lt(yp_emulator_new(&plugin, &rig, detail, sizeof detail), 0);
	cr_assert(strstr(detail, "/no/plugin.so"), "%s", detail);
	struct yp_emulator_start start = {.count = 1, .from = {{"/no/log", NULL}}};
	struct yp_emulator_run nothing = {.until = YP_EMULATOR_UNTIL_DECISION};
	cr_assert_lt(yp_emulator_run(f.rig, &start, &nothing, f.result), 0);
	cr_assert_eq(f.result->final, YP_EMULATOR_ERROR);
	cr_assert(strstr(f.result->detail, "/no/log"), "%s", f.result->detail);
	static const char *const faults[] = {"eio write nowhere 1", NULL};
	nothing.faults = faults;
	cr_assert_lt(yp_emulator_run(f.rig, NULL, &nothing, f.result), 0);
	cr_assert(strstr(f.result->detail, "nowhere"), "%s", f.result->detail);
	/* The rig still works. */
	nothing.faults = NULL;
	run(&f, NULL, &nothing, YP_EMULATOR_REACHED);
	cr_assert_eq(f.result->boot[0].slot, 'A');
	end(&f);
}
