/* SPDX-License-Identifier: Apache-2.0 */
/* The back-end `custom` over a small executable that keeps its state in files, and over ones that misbehave. */
#include "ota/custom.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "ota/reason.h"
#include "test/test-helpers.h"

#define PATH_BYTES 512

struct device {
	char dir[64];
	char path[PATH_BYTES];
	struct ota_custom *custom;
	struct ota_boot boot;
};

static const char *const names[2] = {"system0", "system1"};

static void make_file(const struct device *d, const char *name, const char *text, bool executable)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof path, "%s/%s", d->dir, name);
	test_file_write(path, text, strlen(text));
	cr_assert_eq(chmod(path, executable ? 0755 : 0644), 0);
}

static void read_content(const struct device *d, const char *name, char out[PATH_BYTES])
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof path, "%s/%s", d->dir, name);
	FILE *f = fopen(path, "r");
	out[0] = '\0';
	if (!f)
		return;
	out[fread(out, 1, PATH_BYTES - 1, f)] = '\0';
	(void)fclose(f);
}

/* `script` runs in a directory of its own. */
static void device_init(struct device *d, const char *script, uint32_t deadline_ms)
{
	char text[2048];

	memset(d, 0, sizeof *d);
	(void)snprintf(d->dir, sizeof d->dir, "/tmp/ota-custom-XXXXXX");
	cr_assert(mkdtemp(d->dir));
	(void)snprintf(d->path, sizeof d->path, "%s/backend", d->dir);
	(void)snprintf(text, sizeof text, "#!/bin/sh\ncd %s\necho \"$*\" >> log\n%s\n", d->dir, script);
	make_file(d, "backend", text, true);
	cr_assert_eq(ota_custom_new(d->path, names, deadline_ms, &d->custom, &d->boot), 0);
}

static void device_deinit(struct device *d)
{
	static const char *const files[] = {"backend", "log", "primary", "system0", "system1", "pid"};
	char path[PATH_BYTES];

	ota_custom_free(d->custom);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", d->dir, files[i]);
		(void)unlink(path);
	}
	cr_assert_eq(rmdir(d->dir), 0);
}

static const char good_script[] = "case $1 in\n"
				  "get-primary) cat primary;;\n"
				  "set-primary) echo $2 > primary;;\n"
				  "get-state) cat $2;;\n"
				  "set-state) echo $3 > $2;;\n"
				  "get-current) echo system0;;\n"
				  "*) exit 2;;\n"
				  "esac";

static void good_init(struct device *d, const char *primary, const char *state0, const char *state1)
{
	device_init(d, good_script, 10000);
	make_file(d, "primary", primary, false);
	make_file(d, "system0", state0, false);
	make_file(d, "system1", state1, false);
}

/* What was called since the last time, without the get-... calls, lines joined by ";". */
static void read_calls(const struct device *d, char out[PATH_BYTES])
{
	char log[PATH_BYTES];
	read_content(d, "log", log);
	make_file(d, "log", "", false);
	out[0] = '\0';
	for (char *save = NULL, *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "get-", 4) == 0)
			continue;
		(void)strcat(out, line);
		(void)strcat(out, ";");
	}
}

/* The verbs of a whole trial make exactly these calls, in the order that a cut between them needs, and query follows.
 */
Test(custom, verbs)
{
	struct device d;
	struct ota_boot_state state;
	char log[PATH_BYTES];
	char current[OTA_BOOTNAME_MAX];

	good_init(&d, "system0\n", "good\n", "good\n");
	const struct ota_boot_ops *ops = d.boot.ops;
	void *b = d.boot.boot;

	cr_assert_eq(ops->rollback(b, "system0", "system1"), 0);
	read_calls(&d, log);
	cr_assert_str_eq(log, "set-state system1 bad;");
	cr_assert_eq(ops->rollback(b, "system0", "system1"), 0);
	read_calls(&d, log);
	cr_assert_str_eq(log, "", "what holds already is not stored");
	cr_assert_eq(ops->query(b, &state), 0);
	cr_assert(state.readable && !state.trial);
	cr_assert_str_eq(state.selected, "system0");
	cr_assert_str_eq(state.barred, "system1");

	cr_assert_eq(ops->try(b, "system1", 77, 3), 0);
	read_calls(&d, log);
	cr_assert_str_eq(log, "set-state system1 good;set-primary system1;");
	cr_assert_eq(ops->try(b, "system1", 77, 3), 0);
	read_calls(&d, log);
	cr_assert_str_eq(log, "");
	cr_assert_eq(ops->query(b, &state), 0);
	cr_assert(state.trial && state.trial_id == 77 && state.limit == 3 && state.attempts == 0);
	cr_assert_str_eq(state.selected, "system1");
	cr_assert_str_eq(state.barred, "");

	cr_assert_eq(ops->commit(b, "system1"), 0);
	read_calls(&d, log);
	cr_assert_str_eq(log, "set-state system1 good;");
	cr_assert_eq(ops->query(b, &state), 0);
	cr_assert(!state.trial && state.trial_id == 77);

	cr_assert_eq(ops->rollback(b, "system0", "system1"), 0);
	read_calls(&d, log);
	cr_assert_str_eq(log, "set-primary system0;set-state system1 bad;");
	cr_assert_eq(ota_custom_current(d.custom, current), 0);
	cr_assert_str_eq(current, "system0");
	device_deinit(&d);
}

/* A primary that is bad is not what boots next; and a new handle knows nothing of a trial: it says so. */
Test(custom, query)
{
	struct device d;
	struct ota_boot_state state;

	good_init(&d, "system1", "good", "bad");
	cr_assert_eq(d.boot.ops->query(d.boot.boot, &state), 0);
	cr_assert_str_eq(state.selected, "system0");
	cr_assert_str_eq(state.barred, "system1");
	cr_assert(!state.trial && state.trial_id == 0 && !state.degraded);
	device_deinit(&d);
}

/* Every way to misbehave ends in an error of its own within the deadline, never in an answer. */
Test(custom, misbehaviour)
{
	static const struct {
		const char *script;
		uint32_t deadline_ms;
		int want;
	} rows[] = {
	    {"exit 1", 10000, OTA_BOOT_STATE},
	    {"echo system0; exit 3", 10000, OTA_BOOT_STATE},
	    {"echo system2", 10000, OTA_BOOT_STATE},
	    {"echo", 10000, OTA_BOOT_STATE},
	    {"true", 10000, OTA_BOOT_STATE},
	    {"case $1 in get-primary) echo system0;; *) echo fine;; esac", 10000, OTA_BOOT_STATE},
	    {"kill -9 $$", 10000, OTA_BOOT_STATE},
	    {"while :; do echo system0; done", 10000, OTA_BOOT_STATE},
	    {"exec sleep 100", 200, -ETIMEDOUT},
	    {"exec >&-; exec sleep 100", 200, -ETIMEDOUT},
	    {"sleep 100 & echo $! > pid; wait", 200, -ETIMEDOUT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct device d;
		struct ota_boot_state state;
		char pid[PATH_BYTES];

		device_init(&d, rows[i].script, rows[i].deadline_ms);
		int64_t from_ms = test_now_ms();
		cr_assert_eq(d.boot.ops->query(d.boot.boot, &state), rows[i].want, "row %zu", i);
		cr_assert_lt(test_now_ms() - from_ms, 9000, "row %zu", i);
		read_content(&d, "pid", pid);
		if (*pid) {
			/* The grandchild is gone too, or about to be: it was killed, and may wait for a processor. */
			int fd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
			struct pollfd gone = {.fd = fd, .events = POLLIN};
			if (fd < 0) {
				cr_assert_eq(errno, ESRCH, "row %zu: %d", i, errno);
			} else {
				cr_assert_eq(poll(&gone, 1, 5000), 1, "row %zu: the grandchild lives on", i);
				(void)close(fd);
			}
		}
		device_deinit(&d);
	}
}

/* Output held open by a process left running does not hold up the answer. */
Test(custom, output_held_open)
{
	struct device d;
	char current[OTA_BOOTNAME_MAX];

	device_init(&d, "sleep 4 & echo system1", 3000);
	cr_assert_eq(ota_custom_current(d.custom, current), 0);
	cr_assert_str_eq(current, "system1");
	device_deinit(&d);
}

/* Arguments that cannot work are refused; an executable that is not there is an errno. */
Test(custom, refusals)
{
	struct ota_custom *custom;
	struct ota_boot boot;
	struct ota_boot_state state;
	const char *const option[2] = {"-rf", "b"};
	const char *const twins[2] = {"a", "a"};

	cr_assert_eq(ota_custom_new("backend", names, 1, &custom, &boot), OTA_BAD_CONFIG);
	cr_assert_eq(ota_custom_new("/backend", names, 0, &custom, &boot), OTA_BAD_CONFIG);
	cr_assert_eq(ota_custom_new("/backend", option, 1, &custom, &boot), OTA_BAD_CONFIG);
	cr_assert_eq(ota_custom_new("/backend", twins, 1, &custom, &boot), OTA_BAD_CONFIG);
	cr_assert_eq(ota_custom_new("/nonexistent/backend", names, 1000, &custom, &boot), 0);
	cr_assert_eq(boot.ops->query(boot.boot, &state), -ENOENT);
	cr_assert_eq(boot.ops->try(boot.boot, "c", 1, 1), -EINVAL);
	cr_assert_eq(boot.ops->commit(boot.boot, "c"), -EINVAL);
	cr_assert_eq(boot.ops->rollback(boot.boot, "system0", "system0"), -EINVAL);
	ota_custom_free(custom);
}
