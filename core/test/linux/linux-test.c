/* SPDX-License-Identifier: Apache-2.0 */
/* The Linux platform, part by part, on files. Mounted and swapped devices are told by files that look like /proc. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/child.h"
#include "linux/host-facts.h"
#include "test/test-helpers.h"

#define MEDIUM_BYTES (3u * 1024u * 1024u)

static char *scratch_path(const char *name)
{
	static char path[OTA_PATH_MAX];

	(void)snprintf(path, sizeof(path), "/tmp/ota-linux-%ld-%s", (long)getpid(), name);
	return path;
}

/*
 * Invariant: whatever the sizes, places and alignment of writes, and however they are joined or sent past the cache,
 * every kind of read sees exactly what was written, and after a flush so does everybody else.
 */
Test(linux_file, reads_see_writes)
{
	char path[OTA_PATH_MAX];
	struct ota_file_options options = {.flags = OTA_FILE_WRITE};
	struct ota_file *file;
	struct ota_block block;
	uint8_t *model = calloc(1, MEDIUM_BYTES);
	uint8_t *data = malloc(MEDIUM_BYTES + 1);
	uint64_t seed = 7;

	(void)snprintf(path, sizeof(path), "%s", scratch_path("file"));
	cr_assert_eq(ota_file_create(path, MEDIUM_BYTES), 0);
	cr_assert_eq(ota_file_open(path, &options, &file, &block), 0);
	cr_assert_eq(block.size_bytes, MEDIUM_BYTES);
	cr_assert_eq(block.block_bytes, 512);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t offset = test_random_next(&seed) % (MEDIUM_BYTES / 512) * 512;
		size_t size = (1 + test_random_next(&seed) % (i % 7 == 0 ? 3000 : 40)) * 512;
		uint8_t *place = data + i % 2; /* odd addresses as well */

		if (i % 3 != 0 && i > 0)
			offset = offset / 4096 * 4096;
		if (offset + size > MEDIUM_BYTES)
			size = MEDIUM_BYTES - offset;
		for (size_t k = 0; k < size; k++)
			place[k] = (uint8_t)test_random_next(&seed);
		cr_assert_eq(block.ops->write(block.dev, offset, place, size), 0);
		memcpy(model + offset, place, size);
		if (i % 5 == 0) {
			cr_assert_eq(block.ops->read(block.dev, offset, place, size), 0);
			cr_assert_eq(memcmp(place, model + offset, size), 0, "read %u", i);
		}
		if (i % 11 == 0) {
			cr_assert_eq(block.ops->read_uncached(block.dev, offset, place, size), 0);
			cr_assert_eq(memcmp(place, model + offset, size), 0, "uncached read %u", i);
		}
	}
	cr_assert_eq(block.ops->flush(block.dev), 0);
	cr_assert_eq(block.ops->read_uncached(block.dev, 0, data, MEDIUM_BYTES), 0);
	cr_assert_eq(memcmp(data, model, MEDIUM_BYTES), 0);
	ota_file_close(file);
	free(model);
	free(data);
	(void)unlink(path);
}

/* Invariant: a medium that was opened to be read cannot be written, and what is not a medium is not opened. */
Test(linux_file, refusals)
{
	char path[OTA_PATH_MAX];
	struct ota_file_options options = {.flags = 0};
	struct ota_file *file;
	struct ota_block block;
	uint8_t sector[512] = {1};

	(void)snprintf(path, sizeof(path), "%s", scratch_path("refused"));
	cr_assert_eq(ota_file_open(path, &options, &file, &block), -ENOENT);
	cr_assert_eq(ota_file_create(path, 1000), 0);
	cr_assert_eq(ota_file_open(path, &options, &file, &block), 0);
	cr_assert_eq(block.size_bytes, 512, "whole sectors only");
	cr_assert_eq(block.ops->write(block.dev, 0, sector, sizeof(sector)), -EROFS);
	cr_assert_eq(block.ops->read(block.dev, 512, sector, sizeof(sector)), -EIO, "beyond the end");
	ota_file_close(file);
	options.size_bytes = 4096;
	cr_assert_eq(ota_file_open(path, &options, &file, &block), -ENOSPC);
	options.size_bytes = 0;
	cr_assert_eq(ota_file_open("/dev/null", &options, &file, &block), -ENOTSUP);
	cr_assert_eq(ota_file_open("/tmp", &options, &file, &block), -ENOTSUP);
	(void)unlink(path);
}

/* Invariant: the result of a write is never lost: what could not be sent when joined fails the flush, and every later
 * one. */
Test(linux_file, full_medium_fails_the_flush)
{
	struct ota_file_options options = {.flags = OTA_FILE_WRITE};
	char path[OTA_PATH_MAX];
	struct ota_file *file;
	struct ota_block block;
	uint8_t sector[512] = {1};

	(void)snprintf(path, sizeof(path), "%s", scratch_path("full"));
	cr_assert_eq(ota_file_create(path, MEDIUM_BYTES), 0);
	cr_assert_eq(ota_file_open(path, &options, &file, &block), 0);
	/* Some file systems would take bytes at any offset: the limit refuses them on all of them. */
	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){MEDIUM_BYTES, MEDIUM_BYTES}), 0);
	cr_assert_eq(block.ops->write(block.dev, UINT64_C(1) << 62, sector, sizeof(sector)), 0, "held back");
	cr_assert_lt(block.ops->flush(block.dev), 0);
	cr_assert_lt(block.ops->flush(block.dev), 0, "sticky");
	cr_assert_eq(block.ops->write(block.dev, 0, sector, sizeof(sector)), 0);
	cr_assert_lt(block.ops->flush(block.dev), 0, "sticky");
	ota_file_close(file);
	(void)unlink(path);
}

/* Invariant: one holder at a time, known by its pid; a holder that was killed leaves nothing behind. */
Test(linux_lock, one_at_a_time_and_never_stale)
{
	char path[OTA_PATH_MAX];
	struct ota_lock *lock = NULL, *second = NULL;
	long holder = 0;
	int ready[2];
	char byte = 0;
	pid_t child;

	(void)snprintf(path, sizeof(path), "%s", scratch_path("lock"));
	cr_assert_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct ota_lock *mine = NULL;
		long other = 0;
		int result = ota_lock_take(path, &mine, &other);

		byte = result == 0 ? 'y' : 'n';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(byte, 'y');
	cr_assert_eq(ota_lock_take(path, &second, &holder), OTA_BUSY);
	cr_assert_eq(holder, (long)child);
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert_eq(ota_lock_take(path, &lock, &holder), 0);
	cr_assert_eq(ota_lock_take(path, &second, &holder), OTA_BUSY);
	cr_assert_eq(holder, (long)getpid());
	ota_lock_release(lock);
	cr_assert_eq(ota_lock_take(path, &lock, &holder), 0);
	ota_lock_release(lock);
	(void)unlink(path);
}

/* Invariant: a request to stop ends a wait at once, and is not forgotten. */
Test(linux_clock, stop_ends_a_sleep, .timeout = 10)
{
	struct ota_stop *stop;
	struct ota_clock clock;
	int64_t start_ms;

	cr_assert_eq(ota_stop_new(&stop), 0);
	ota_clock_linux(stop, &clock);
	start_ms = clock.ops->monotonic_ms(clock.clock);
	cr_assert_eq(clock.ops->sleep_ms(clock.clock, 20), 0);
	cr_assert_geq(clock.ops->monotonic_ms(clock.clock) - start_ms, 20);
	cr_assert_not(ota_stop_requested(stop));
	cr_assert_eq(raise(SIGTERM), 0);
	cr_assert_eq(clock.ops->sleep_ms(clock.clock, 3600000), -EINTR);
	cr_assert_eq(clock.ops->sleep_ms(clock.clock, 3600000), -EINTR);
	cr_assert(ota_stop_requested(stop));
	ota_stop_free(stop);
}

struct heard {
	unsigned lines;
	char last[OTA_PROCESS_LINE_BYTES];
	unsigned idle;
};

static void on_line(void *ctx, const char *text)
{
	struct heard *heard = ctx;

	heard->lines++;
	(void)snprintf(heard->last, sizeof(heard->last), "%s", text);
}

static int run_shell(const char *script, int64_t timeout_ms, struct heard *heard, int *status)
{
	char program[] = "/bin/sh", option[] = "-c", text[512], variable[] = "GIVEN=yes";
	char *argv[] = {program, option, text, NULL};
	char *env[] = {variable, NULL};
	struct ota_process process = {
	    .argv = argv, .env = env, .timeout_ms = timeout_ms, .line = on_line, .ctx = heard};

	memset(heard, 0, sizeof(*heard));
	(void)snprintf(text, sizeof(text), "%s", script);
	return ota_process_run(&process, status);
}

/* Invariant: the exit status is the child's; its environment is what was given; its output is bounded and harmless. */
Test(linux_process, status_environment_output)
{
	struct heard heard;
	int status = -1;

	cr_assert_eq(run_shell("exit 7", 5000, &heard, &status), 0);
	cr_assert_eq(status, 7);
	cr_assert_eq(run_shell("kill -9 $$", 5000, &heard, &status), 0);
	cr_assert_eq(status, 128 + 9);
	cr_assert_eq(run_shell("echo $GIVEN $HOME; printf 'a\\033b' >&2", 5000, &heard, &status), 0);
	cr_assert_eq(heard.lines, 2);
	cr_assert_str_eq(heard.last, "a?b");
	cr_assert_eq(run_shell("i=0; while [ $i -lt 500 ]; do echo line; i=$((i+1)); done", 5000, &heard, &status), 0);
	cr_assert_eq(status, 0);
	cr_assert_eq(heard.lines, OTA_PROCESS_LINES_MAX);
	cr_assert_eq(run_shell("cat; exit 3", 5000, &heard, &status), 0, "its input is empty");
	cr_assert_eq(status, 3);
}

/* Invariant: the deadline holds, also against a child that ignores SIGTERM, and nothing of its group is left. */
Test(linux_process, deadline_kills_the_group, .timeout = 20)
{
	struct heard heard;
	char script[400], flag[OTA_PATH_MAX];
	int status = -1;
	struct stat info;
	struct ota_clock clock;
	int64_t start_ms;

	ota_clock_linux(NULL, &clock);
	(void)snprintf(flag, sizeof(flag), "%s", scratch_path("alive"));
	/* The grandchild would make the flag after it was left behind. */
	(void)snprintf(script, sizeof(script), "trap '' TERM; (sleep 2; : > %s) & while :; do sleep 1; done", flag);
	start_ms = clock.ops->monotonic_ms(NULL);
	cr_assert_eq(run_shell(script, 300, &heard, &status), -ETIMEDOUT);
	cr_assert_lt(clock.ops->monotonic_ms(NULL) - start_ms, 2500);
	cr_assert_eq(run_shell("sleep 1.2", 5000, &heard, &status), 0);
	cr_assert_neq(stat(flag, &info), 0, "a grandchild outlived its group");
	/* Also when the child ends by itself and on time. */
	(void)snprintf(script, sizeof(script), "(sleep 1; : > %s) & exit 0", flag);
	cr_assert_eq(run_shell(script, 5000, &heard, &status), 0);
	cr_assert_eq(run_shell("sleep 1.2", 5000, &heard, &status), 0);
	cr_assert_neq(stat(flag, &info), 0, "a grandchild outlived its parent");
}

/* Two block devices of this machine stand in for slots; none is opened. */
static bool two_devices(struct ota_config *config, struct stat status[2])
{
	static const char *const names[] = {"/dev/loop0", "/dev/loop1", "/dev/vda", "/dev/sda", "/dev/nvme0n1"};
	unsigned found = 0;

	memset(config, 0, sizeof(*config));
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && found < 2; i++) {
		if (stat(names[i], &status[found]) != 0 || !S_ISBLK(status[found].st_mode))
			continue;
		(void)snprintf(config->slots[found].images[0].device, OTA_PATH_MAX, "%s", names[i]);
		config->slots[found].bootname[0] = (char)('A' + found);
		config->slots[found].index = found;
		config->slots[found].image_count = 1;
		found++;
	}
	return found == 2;
}

/* Invariant: which slot is booted is known for certain, or refused. */
Test(linux_host, booted_slot)
{
	char cmdline[OTA_PATH_MAX], mountinfo[OTA_PATH_MAX], line[256];
	struct ota_host host = {.swaps = "/nonexistent", .sys_block = "/nonexistent"};
	struct ota_config config;
	struct stat status[2];
	static const struct {
		const char *cmdline;
		int root;           /* slot that / is on, -1: another device */
		const char *booted; /* of the configuration */
		const char *expect; /* NULL: refused */
	} rows[] = {
	    {"quiet ota.slot=B ro", -1, "", "B"},
	    {"quiet rauc.slot=A", -1, "", "A"},
	    {"rauc.slot=rootfs.1", -1, "", "B"},
	    {"quiet", 0, "", "A"},
	    {"quiet", 1, "", "B"},
	    {"ota.slot=B", 1, "", "B"},
	    {"ota.slot=A", 1, "", NULL}, /* at odds */
	    {"ota.slot=C", 1, "", NULL}, /* unknown */
	    {"quiet", -1, "", NULL},     /* nothing tells */
	    {"quiet", -1, "B", "B"},     /* the bench says so */
	    {"ota.slot=A", -1, "B", "B"},
	    {"quiet", 1, "B", NULL}, /* never on a device */
	};

	if (!two_devices(&config, status))
		cr_skip("no two block devices in /dev to name");
	(void)snprintf(cmdline, sizeof(cmdline), "%s", scratch_path("cmdline"));
	(void)snprintf(mountinfo, sizeof(mountinfo), "%s", scratch_path("mountinfo"));
	host.cmdline = cmdline;
	host.mountinfo = mountinfo;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[OTA_BOOTNAME_MAX] = "", detail[OTA_DETAIL_MAX] = "";
		dev_t root = rows[i].root < 0 ? makedev(240, 77) : status[rows[i].root].st_rdev;
		int result;

		test_file_write(cmdline, rows[i].cmdline, strlen(rows[i].cmdline));
		(void)snprintf(
		    line, sizeof(line),
		    "1 0 0:2 / / rw - rootfs rootfs rw\n22 1 %u:%u / / rw,noatime shared:1 - ext4 /dev/root rw\n",
		    major(root), minor(root));
		test_file_write(mountinfo, line, strlen(line));
		(void)snprintf(config.booted, sizeof(config.booted), "%s", rows[i].booted);
		result = ota_host_booted(&host, &config, out, detail, sizeof(detail));
		if (rows[i].expect == NULL) {
			cr_expect_eq(result, OTA_BAD_CONFIG, "row %zu", i);
			cr_expect_neq(detail[0], '\0', "row %zu says nothing", i);
		} else {
			cr_expect_eq(result, 0, "row %zu: %s", i, detail);
			cr_expect_str_eq(out, rows[i].expect, "row %zu", i);
		}
	}
	(void)unlink(cmdline);
	(void)unlink(mountinfo);
}

/* Invariant: a device that is mounted (by number or by name), swapped to, or below one that is, counts as in use. */
Test(linux_host, in_use)
{
	char mountinfo[OTA_PATH_MAX], swaps[OTA_PATH_MAX], sys[OTA_PATH_MAX], path[OTA_PATH_MAX], line[2048], why[256];
	struct ota_host host = {.cmdline = "/nonexistent"};
	struct ota_config config;
	struct stat status[2];
	const char *device;

	if (!two_devices(&config, status))
		cr_skip("no two block devices in /dev to name");
	device = config.slots[0].images[0].device;
	(void)snprintf(mountinfo, sizeof(mountinfo), "%s", scratch_path("mountinfo"));
	(void)snprintf(swaps, sizeof(swaps), "%s", scratch_path("swaps"));
	(void)snprintf(sys, sizeof(sys), "%s", scratch_path("sys"));
	host.mountinfo = mountinfo;
	host.swaps = swaps;
	host.sys_block = sys;
	test_file_write(swaps, "Filename Type Size Used Priority\n", strlen("Filename Type Size Used Priority\n"));
	test_file_write(mountinfo, "22 1 240:77 / / rw - ext4 /dev/root rw\nbroken\n",
			strlen("22 1 240:77 / / rw - ext4 /dev/root rw\nbroken\n"));
	cr_assert_eq(ota_host_in_use(&host, device, why, sizeof(why)), 0);
	(void)snprintf(line, sizeof(line), "22 1 %u:%u / /srv/data rw shared:2 - ext4 /dev/root rw\n",
		       major(status[0].st_rdev), minor(status[0].st_rdev));
	test_file_write(mountinfo, line, strlen(line));
	cr_assert_eq(ota_host_in_use(&host, device, why, sizeof(why)), OTA_SLOT_IN_USE);
	cr_assert_str_eq(why, "mounted on /srv/data");
	(void)snprintf(line, sizeof(line), "22 1 0:77 / /srv rw - btrfs %s rw\n", device);
	test_file_write(mountinfo, line, strlen(line));
	cr_assert_eq(ota_host_in_use(&host, device, why, sizeof(why)), OTA_SLOT_IN_USE, "by name");
	/* 240:5 is a mapping over 240:4, which is one over the device. */
	test_file_write(mountinfo, "22 1 240:5 / /srv rw - ext4 /dev/mapper/x rw\n",
			strlen("22 1 240:5 / /srv rw - ext4 /dev/mapper/x rw\n"));
	cr_assert_eq(ota_host_in_use(&host, device, why, sizeof(why)), 0);
	(void)snprintf(line, sizeof(line),
		       "mkdir -p %s/240:5/slaves/m %s/240:4/slaves/d; echo 240:4 > %s/240:5/slaves/m/dev; "
		       "echo %u:%u > %s/240:4/slaves/d/dev",
		       sys, sys, sys, major(status[0].st_rdev), minor(status[0].st_rdev), sys);
	cr_assert_eq(system(line), 0);
	cr_assert_eq(ota_host_in_use(&host, device, why, sizeof(why)), OTA_SLOT_IN_USE, "below a mapping");
	/* A file behind a mounted loop device. */
	(void)snprintf(path, sizeof(path), "%s", scratch_path("backing"));
	test_file_write(path, "x", strlen("x"));
	test_file_write(mountinfo, "22 1 7:99 / /srv rw - ext4 /dev/loop99 rw\n",
			strlen("22 1 7:99 / /srv rw - ext4 /dev/loop99 rw\n"));
	cr_assert_eq(ota_host_in_use(&host, path, why, sizeof(why)), 0);
	(void)snprintf(line, sizeof(line), "mkdir -p %s/7:99/loop; echo %s > %s/7:99/loop/backing_file", sys, path,
		       sys);
	cr_assert_eq(system(line), 0);
	cr_assert_eq(ota_host_in_use(&host, path, why, sizeof(why)), OTA_SLOT_IN_USE, "behind a loop device");
	test_file_write(mountinfo, "22 1 240:77 / / rw - ext4 /dev/root rw\n",
			strlen("22 1 240:77 / / rw - ext4 /dev/root rw\n"));
	(void)snprintf(line, sizeof(line), "Filename Type Size\n%s partition 100 0 -2\n", device);
	test_file_write(swaps, line, strlen(line));
	cr_assert_eq(ota_host_in_use(&host, device, why, sizeof(why)), OTA_SLOT_IN_USE);
	cr_assert_str_eq(why, "swap space");
	(void)snprintf(line, sizeof(line), "rm -rf %s %s %s %s", sys, mountinfo, swaps, path);
	cr_assert_eq(system(line), 0);
}

/* Invariant: when nothing more can be opened, whether a device is in use cannot be told: never that it is free. */
Test(linux_host, in_use_without_descriptors)
{
	char mountinfo[OTA_PATH_MAX], why[256];
	struct ota_host host = *ota_host_linux();
	struct ota_config config;
	struct stat status[2];
	struct rlimit limit;

	if (!two_devices(&config, status))
		cr_skip("no two block devices in /dev to name");
	(void)snprintf(mountinfo, sizeof(mountinfo), "%s", scratch_path("mountinfo"));
	test_file_write(mountinfo, "22 1 7:99 / /srv rw - ext4 /dev/loop99 rw\n",
			strlen("22 1 7:99 / /srv rw - ext4 /dev/loop99 rw\n"));
	host.mountinfo = mountinfo;
	cr_assert_eq(ota_host_in_use(&host, config.slots[0].images[0].device, why, sizeof(why)), 0, "%s", why);
	int lowest = dup(2);
	cr_assert(lowest > 2 && close(lowest) == 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (unsigned more = 0; more < 2; more++) { /* 1: the mounts are read, what they rest on is not */
		const struct rlimit few = {(rlim_t)lowest + more, limit.rlim_max};

		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		int result = ota_host_in_use(&host, config.slots[0].images[0].device, why, sizeof(why));
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		cr_expect_eq(result, -EMFILE, "%u more: %d", more, result);
		cr_expect(strstr(why, strerror(EMFILE)) != NULL, "%s", why);
	}
	(void)unlink(mountinfo);
}
