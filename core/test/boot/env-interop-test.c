/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same bytes, read and written by libubootenv's fw_printenv and fw_setenv, by mkenvimage and by us, must mean the
 * same. Where fw_printenv differs from U-Boot's own code we follow U-Boot; each such class is listed here, counted, and
 * explained in images/uboot/README.md, and nothing else may differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "boot/env.h"
#include "ota/reason.h"
#include "test/boot/env-random.h"
#include "test/test-helpers.h"

#define ENVIRONMENTS 1000u
#define STORES       150u
#define TEXT_BYTES   (2u * ENV_TEST_BYTES)
#define SEED         20230109u

extern char **environ;

/* A directory with the environment in a file and its fw_env.config. */
struct bench {
	char dir[64];
	char env[128];
	char config[128];
	char extra[128];
	int fd;
	struct ota_env_place place;
	struct ota_uboot *uboot;
	struct ota_boot boot;
};

static int file_read(void *dev, uint64_t offset, void *out, size_t size)
{
	return pread(*(int *)dev, out, size, (off_t)offset) == (ssize_t)size ? 0 : -EIO;
}

static int file_write(void *dev, uint64_t offset, const void *data, size_t size)
{
	return pwrite(*(int *)dev, data, size, (off_t)offset) == (ssize_t)size ? 0 : -EIO;
}

static int file_flush(void *dev)
{
	(void)dev;
	return 0;
}

static const struct ota_block_ops file_ops = {file_read, file_read, file_write, file_flush};

static void bench_init(struct bench *b)
{
	static const char *const names[2] = {"A", "B"};
	char text[512];

	memset(b, 0, sizeof *b);
	(void)snprintf(b->dir, sizeof b->dir, "/tmp/ota-interop-XXXXXX");
	cr_assert(mkdtemp(b->dir));
	(void)snprintf(b->env, sizeof b->env, "%s/env", b->dir);
	(void)snprintf(b->config, sizeof b->config, "%s/fw_env.config", b->dir);
	(void)snprintf(b->extra, sizeof b->extra, "%s/extra", b->dir);
	(void)snprintf(text, sizeof text, "%s 0x0 0x%x\n%s 0x%x 0x%x\n", b->env, ENV_TEST_BYTES, b->env, ENV_TEST_BYTES,
		       ENV_TEST_BYTES);
	test_file_write(b->config, text, strlen(text));
	b->fd = open(b->env, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(b->fd, 0);
	for (unsigned i = 0; i < 2; i++) {
		b->place.block[i] = (struct ota_block){&file_ops, &b->fd, 2 * (uint64_t)ENV_TEST_BYTES, 512, "env"};
		b->place.offset_bytes[i] = (uint64_t)i * ENV_TEST_BYTES;
	}
	b->place.env_bytes = ENV_TEST_BYTES;
	cr_assert_eq(ota_uboot_new(&b->place, names, &b->uboot, &b->boot), 0);
}

static void bench_deinit(struct bench *b)
{
	ota_uboot_free(b->uboot);
	(void)close(b->fd);
	(void)unlink(b->env);
	(void)unlink(b->config);
	(void)unlink(b->extra);
	cr_assert_eq(rmdir(b->dir), 0);
}

/* Runs a tool; its output goes to out. Exit status, or -1. */
static int run_tool(const char *const args[], char out[TEXT_BYTES])
{
	union {
		const char *const *in;
		char *const *out;
	} argv = {.in = args};
	posix_spawn_file_actions_t actions;
	int fds[2];
	int status = -1;
	size_t used = 0;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
	(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	(void)posix_spawn_file_actions_addclose(&actions, fds[0]);
	(void)posix_spawn_file_actions_addclose(&actions, fds[1]);
	(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	cr_assert_eq(posix_spawnp(&pid, args[0], &actions, NULL, argv.out, environ), 0, "%s", args[0]);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(fds[1]);
	for (ssize_t n = 1; n > 0 && used<TEXT_BYTES - 1; used += n> 0 ? (size_t)n : 0)
		n = read(fds[0], out + used, TEXT_BYTES - 1 - used);
	out[used] = '\0';
	(void)close(fds[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool tool_missing(const char *tool)
{
	char path[64];
	(void)snprintf(path, sizeof path, "/usr/bin/%s", tool);
	/* fw_printenv cannot do without its lock. */
	return access(path, X_OK) || access("/var/lock", W_OK);
}

static const char *const special_names[ENV_SPECIALS] = {"plain", "name without value sign", "value without name",
							".flags"};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What fw_printenv prints for this environment if it reads it as we do: each name once, sorted by name. */
static void text_of(const struct ota_env *env, const struct env_list *list, char out[TEXT_BYTES])
{
	char names[ENV_ENTRIES_MAX][ENV_ENTRY_BYTES];
	size_t used = 0;

	for (unsigned i = 0; i < list->count; i++)
		(void)snprintf(names[i], ENV_ENTRY_BYTES, "%.*s", (int)strcspn(list->entries[i], "="),
			       list->entries[i]);
	qsort(names, list->count, sizeof names[0], by_name);
	out[0] = '\0';
	for (unsigned i = 0; i < list->count; i++) {
		const char *value = ota_env_get(env, names[i]);
		if (value && (i == 0 || strcmp(names[i], names[i - 1]) != 0))
			used += (size_t)snprintf(out + used, TEXT_BYTES - used, "%s=%s\n", names[i], value);
	}
}

/* Removes the line of `name` from a text, if there is one. */
static void drop_line(char *text, const char *name)
{
	size_t n = strlen(name);

	for (char *line = text; *line;) {
		char *end = strchr(line, '\n');
		if (strncmp(line, name, n) == 0 && line[n] == '=') {
			memmove(line, end + 1, strlen(end + 1) + 1);
			return;
		}
		line = end + 1;
	}
}

static bool value_in(const char *text, const char *name, char out[ENV_ENTRY_BYTES])
{
	size_t n = strlen(name);

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		(void)snprintf(out, ENV_ENTRY_BYTES, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
		return true;
	}
	out[0] = '\0';
	return false;
}

static unsigned long number_in(const char *text, const char *name)
{
	char value[ENV_ENTRY_BYTES];
	(void)value_in(text, name, value);
	unsigned long n = value[0] >= '0' && value[0] <= '9' ? strtoul(value, NULL, 10) : 0;
	return n > 4294967295u ? 4294967295u : n;
}

/* The state of the boot protocol, from what fw_printenv printed. */
static void check_query(const struct ota_boot_state *state, const char *text, unsigned i)
{
	char slot[ENV_ENTRY_BYTES];
	char barred[ENV_ENTRY_BYTES];
	char id[ENV_ENTRY_BYTES];

	(void)value_in(text, "ota_slot", slot);
	(void)value_in(text, "ota_barred", barred);
	(void)value_in(text, "ota_trial", id);
	const char *want_slot = strcmp(slot, "B") == 0 ? "B" : "A";
	const char *want_barred = strcmp(barred, "A") == 0 || strcmp(barred, "B") == 0 ? barred : "";
	bool both = strcmp(want_slot, want_barred) == 0;
	bool trial = number_in(text, "upgrade_available") && !both;
	unsigned long limit = number_in(text, "bootlimit");

	cr_assert_str_eq(state->selected, !both ? want_slot : *want_slot == 'A' ? "B" : "A", "%u", i);
	cr_assert_str_eq(state->barred, want_barred, "%u", i);
	cr_assert_eq(state->trial, trial, "%u", i);
	cr_assert_eq(state->attempts, trial ? number_in(text, "bootcount") : 0, "%u", i);
	cr_assert_eq(state->limit, limit ? limit : 3, "%u", i);
	cr_assert_eq(state->trial_id, strcmp(id, "00000000000000ff") == 0 ? 0xffu : 0, "%u", i);
}

static uint8_t random_flags(uint64_t *seed, uint8_t *other)
{
	uint8_t f = (uint8_t)env_random_below(seed, 256);

	switch (env_random_below(seed, 6)) {
	case 0:
		*other = f;
		return f;
	case 1:
		*other = 255;
		return 0;
	case 2:
		*other = 0;
		return 255;
	case 3:
		*other = (uint8_t)env_random_below(seed, 256);
		return f;
	default:
		*other = (uint8_t)(f - 1);
		return f;
	}
}

struct totals {
	unsigned agree, unreadable, torn, wrapped, equal;
	unsigned differ[ENV_SPECIALS];
};

/* Two copies of a random environment: random lists, counters and damage. Writes the file. */
static void random_environment(struct bench *b, uint64_t *seed, struct env_list lists[2],
			       uint8_t raw[2][ENV_TEST_BYTES], enum env_special *special, struct totals *totals)
{
	uint8_t flags[2];
	uint8_t torn[ENV_TEST_BYTES];
	unsigned newer = env_random_below(seed, 2);
	uint32_t damage = env_random_below(seed, 8);

	*special =
	    env_random_below(seed, 8) ? ENV_PLAIN : (enum env_special)(1 + env_random_below(seed, ENV_SPECIALS - 1));
	flags[newer] = random_flags(seed, &flags[1 - newer]);
	for (unsigned i = 0; i < 2; i++) {
		env_random_list(seed, &lists[i], *special);
		env_random_copy(&lists[i], flags[i], env_random_below(seed, 2) ? 0 : 0xff, raw[i]);
	}
	totals->wrapped += (flags[0] == 255 && flags[1] == 0) || (flags[1] == 255 && flags[0] == 0);
	totals->equal += flags[0] == flags[1];
	if (damage <= 1) {
		/* The store of the newer copy over one that was two stores older. */
		uint8_t old[ENV_TEST_BYTES];
		env_random_copy(&lists[1 - newer], (uint8_t)(flags[1 - newer] - 1), 0, old);
		env_random_tear(seed, old, raw[newer], torn);
		memcpy(raw[newer], torn, ENV_TEST_BYTES);
		totals->torn++;
		/* What survived whole is the list it was. */
		if (memcmp(torn + 5, old + 5, ENV_TEST_BYTES - 5) == 0)
			lists[newer] = lists[1 - newer];
	} else if (damage <= 3) {
		raw[damage - 2][env_random_below(seed, ENV_TEST_BYTES)] ^= (uint8_t)(1u << env_random_below(seed, 8));
	} else if (damage == 4) {
		for (unsigned i = 0; i < 2; i++)
			raw[i][env_random_below(seed, 4)] ^= 0x10;
	}
	test_file_write(b->env, raw, 2 * (size_t)ENV_TEST_BYTES);
}

/* 0: the texts agree; else the class that explains the difference. Fails on any other. */
static enum env_special compare_texts(const struct env_list *list, enum env_special special, const struct ota_env *env,
				      char *theirs, unsigned i)
{
	char ours[TEXT_BYTES];

	text_of(env, list, ours);
	if (strcmp(ours, theirs) == 0)
		return ENV_PLAIN;
	if (special == ENV_DOT_FLAGS) {
		drop_line(ours, ".flags");
	} else if (special == ENV_BARE_NAME) {
		/* The bare name takes back what stands before it, for U-Boot and for us. */
		for (unsigned k = 0; k < list->count; k++) {
			if (!strchr(list->entries[k], '=') && !ota_env_get(env, list->entries[k]))
				drop_line(theirs, list->entries[k]);
		}
	}
	cr_assert_str_eq(ours, theirs, "environment %u differs, and no class explains it", i);
	return special;
}

/* On 1,000 random environments fw_printenv and we agree, or differ in one of the listed classes, as listed. */
Test(env_interop, fw_printenv)
{
	struct bench b;
	struct totals totals = {0};
	uint64_t seed = SEED;
	static struct env_list lists[2];
	static uint8_t raw[2][ENV_TEST_BYTES];
	static char theirs[TEXT_BYTES];

	if (tool_missing("fw_printenv"))
		cr_skip_test("fw_printenv is not installed (package libubootenv-tool), or /var/lock is read-only");
	bench_init(&b);
	for (unsigned i = 0; i < ENVIRONMENTS; i++) {
		struct ota_env *env[2] = {NULL, NULL};
		struct ota_boot_state state;
		enum ota_env_copy good[2];
		enum env_special special;

		random_environment(&b, &seed, lists, raw, &special, &totals);
		int status = run_tool((const char *[]){"fw_printenv", "-c", b.config, NULL}, theirs);
		cr_assert_eq(b.boot.ops->query(b.boot.boot, &state), 0);
		for (unsigned k = 0; k < 2; k++) {
			uint8_t flags;
			good[k] =
			    ota_env_crc_good(raw[k], ENV_TEST_BYTES, OTA_ENV_HEADER_BYTES) ? OTA_ENV_GOOD : OTA_ENV_BAD;
			int result = ota_env_parse(raw[k], ENV_TEST_BYTES, &env[k], &flags);
			cr_assert(result == 0 || result == OTA_BOOT_STATE);
		}
		int holds = ota_env_arbitrate(good[0], raw[0][4], good[1], raw[1][4]);
		if (holds < 0) {
			cr_assert(!state.readable && status != 0, "%u", i);
			totals.unreadable++;
			totals.agree++;
		} else if (special == ENV_EMPTY_NAME) {
			/* fw_printenv takes the empty name for a variable; U-Boot drops the environment, and so do we.
			 */
			cr_assert(!state.readable && status == 0 && strncmp(theirs, "=x\n", 3) == 0, "%u", i);
			totals.differ[ENV_EMPTY_NAME]++;
		} else {
			cr_assert_eq(status, 0, "%u", i);
			cr_assert(state.readable && env[holds], "%u", i);
			enum env_special class = compare_texts(&lists[holds], special, env[holds], theirs, i);
			check_query(&state, theirs, i);
			totals.agree += class == ENV_PLAIN;
			totals.differ[class] += class != ENV_PLAIN;
		}
		ota_env_free(env[0]);
		ota_env_free(env[1]);
	}
	bench_deinit(&b);
	(void)fprintf(
	    stderr,
	    "fw_printenv: seed %u, %u environments (%u torn, %u unreadable, %u wrapped, %u equal counters): %u agree, "
	    "%u %s, %u %s, %u %s, 0 unexplained\n",
	    SEED, ENVIRONMENTS, totals.torn, totals.unreadable, totals.wrapped, totals.equal, totals.agree,
	    totals.differ[1], special_names[1], totals.differ[2], special_names[2], totals.differ[3], special_names[3]);
	cr_assert_eq(totals.agree + totals.differ[1] + totals.differ[2] + totals.differ[3], ENVIRONMENTS);
	/* The generator must really make each kind. */
	cr_assert(totals.torn > 150 && totals.unreadable > 50 && totals.wrapped > 100 && totals.equal > 50);
	cr_assert(totals.differ[ENV_BARE_NAME] > 5 && totals.differ[ENV_EMPTY_NAME] > 5 &&
		  totals.differ[ENV_DOT_FLAGS] > 5);
}

/* What we store fw_printenv reads, and what fw_setenv stores we read; both into the same copy, with the same counter.
 */
Test(env_interop, fw_setenv)
{
	struct bench b;
	struct totals totals = {0};
	uint64_t seed = SEED + 1;
	static struct env_list lists[2];
	static uint8_t raw[2][ENV_TEST_BYTES];
	static uint8_t ours[2][ENV_TEST_BYTES];
	static uint8_t theirs[2][ENV_TEST_BYTES];
	static char text[TEXT_BYTES];
	static const char script[] = "ota_slot=B\nupgrade_available=1\nbootcount=0\nota_trial=00000000000000ff\n"
				     "bootlimit=5\nota_barred=\n";
	unsigned stores = 0;
	unsigned rebuilt = 0;

	if (tool_missing("fw_setenv"))
		cr_skip_test("fw_setenv is not installed (package libubootenv-tool), or /var/lock is read-only");
	bench_init(&b);
	test_file_write(b.extra, script, strlen(script));
	for (unsigned i = 0; i < STORES; i++) {
		struct ota_boot_state state;
		enum env_special special;

		random_environment(&b, &seed, lists, raw, &special, &totals);
		cr_assert_eq(b.boot.ops->query(b.boot.boot, &state), 0);
		if (special != ENV_PLAIN || state.trial_id == 0xff)
			continue;
		if (!state.readable) {
			/* fw_setenv gives up on two bad copies; what we make from nothing it can read. */
			cr_assert_neq(
			    run_tool((const char *[]){"fw_setenv", "-c", b.config, "-s", b.extra, NULL}, text), 0);
			cr_assert_eq(b.boot.ops->rollback(b.boot.boot, "B", "A"), 0);
			cr_assert_eq(run_tool((const char *[]){"fw_printenv", "-c", b.config, NULL}, text), 0);
			cr_assert(strstr(text, "\nota_slot=B\n") && strstr(text, "\nota_barred=A\n"), "%s", text);
			rebuilt++;
			continue;
		}
		stores++;
		/* Theirs: in one call. Then read by us. */
		cr_assert_eq(run_tool((const char *[]){"fw_setenv", "-c", b.config, "-s", b.extra, NULL}, text), 0);
		cr_assert_eq(test_file_read(b.env, theirs, sizeof theirs), sizeof theirs);
		cr_assert_eq(b.boot.ops->query(b.boot.boot, &state), 0);
		cr_assert(state.readable && state.trial && state.limit == 5 && state.trial_id == 0xff, "%u", i);
		cr_assert_str_eq(state.selected, "B");
		cr_assert_str_eq(state.barred, "");
		cr_assert_eq(run_tool((const char *[]){"fw_printenv", "-c", b.config, NULL}, text), 0);
		/* Ours, from the same start. Then read by them: the same text. */
		static char text2[TEXT_BYTES];
		test_file_write(b.env, raw, sizeof raw);
		cr_assert_eq(b.boot.ops->try(b.boot.boot, "B", 0xff, 5), 0);
		cr_assert_eq(test_file_read(b.env, ours, sizeof ours), sizeof ours);
		cr_assert_eq(run_tool((const char *[]){"fw_printenv", "-c", b.config, NULL}, text2), 0);
		cr_assert_str_eq(text, text2, "%u", i);
		for (unsigned k = 0; k < 2; k++) {
			bool touched = memcmp(ours[k], raw[k], ENV_TEST_BYTES) != 0;
			cr_assert_eq(touched, memcmp(theirs[k], raw[k], ENV_TEST_BYTES) != 0, "%u: same copy", i);
			cr_assert_eq(ours[k][4], theirs[k][4], "%u: same counter", i);
		}
	}
	bench_deinit(&b);
	cr_assert(stores > STORES / 2 && rebuilt > 5);
	(void)fprintf(stderr, "fw_setenv: %u environments stored by both, read by both; %u made from nothing\n", stores,
		      rebuilt);
}

static const char *const mkenvimage_args[][2] = {{"-p", "0x00"}, {"-p", "0xff"}};

/* mkenvimage's bytes are read by us; for the same variables in the same order ours are equal, to the last byte. */
Test(env_interop, mkenvimage)
{
	struct bench b;
	uint64_t seed = SEED + 2;
	static struct env_list list;
	static char text[TEXT_BYTES];
	static char out[TEXT_BYTES];
	static uint8_t theirs[ENV_TEST_BYTES];
	static uint8_t ours[ENV_TEST_BYTES];

	if (tool_missing("mkenvimage"))
		cr_skip_test("mkenvimage is not installed (package u-boot-tools)");
	bench_init(&b);
	for (unsigned i = 0; i < 60; i++) {
		struct ota_env *env;
		struct ota_env *parsed;
		size_t used = 0;
		uint8_t flags;

		env_random_list(&seed, &list, ENV_PLAIN);
		cr_assert_eq(ota_env_new(&env), 0);
		unsigned lines = 0;
		for (unsigned k = 0; k < list.count; k++) {
			char *entry = list.entries[k];
			size_t n = strlen(entry);
			char name[ENV_ENTRY_BYTES];
			(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(entry, "="), entry);
			/* Its text escapes a line feed with a backslash, so a value cannot end in one; and names once.
			 */
			if (entry[n - 1] == '\\' || ota_env_get(env, name))
				continue;
			used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", entry);
			cr_assert_eq(ota_env_set(env, name, strchr(entry, '=') + 1), 0);
			lines++;
		}
		if (!lines) {
			ota_env_free(env);
			continue;
		}
		test_file_write(b.extra, text, used);
		const char *const *pad = mkenvimage_args[i % 2];
		cr_assert_eq(run_tool((const char *[]){"mkenvimage", "-r", "-s", "4096", pad[0], pad[1], "-o", b.env,
						       b.extra, NULL},
				      out),
			     0);
		cr_assert_eq(test_file_read(b.env, theirs, ENV_TEST_BYTES), ENV_TEST_BYTES);
		cr_assert_eq(ota_env_parse(theirs, ENV_TEST_BYTES, &parsed, &flags), 0);
		cr_assert_eq(flags, 1);
		cr_assert_eq(ota_env_encode(env, 1, ours, ENV_TEST_BYTES), 0);
		if (i % 2 == 0)
			cr_assert_arr_eq(ours, theirs, ENV_TEST_BYTES);
		cr_assert_eq(ota_env_encode(parsed, 1, theirs, ENV_TEST_BYTES), 0);
		cr_assert_arr_eq(ours, theirs, ENV_TEST_BYTES);
		ota_env_free(env);
		ota_env_free(parsed);
	}
	bench_deinit(&b);
}

/* The default environment is one that mkenvimage takes, and sets none of the protocol's variables: they would come back
 * with it. */
Test(env_interop, default_environment)
{
	static const char *const needed[] = {"bootcmd",  "altbootcmd", "ota_import",
					     "ota_load", "ota_start",  "ota_halt"};
	static const char *const state[] = {"ota_slot",          "ota_barred", "ota_trial",
					    "upgrade_available", "bootcount",  "bootlimit"};
	static uint8_t raw[ENV_TEST_BYTES];
	static char out[TEXT_BYTES];
	struct bench b;
	struct ota_env *env;
	uint8_t flags;

	if (tool_missing("mkenvimage"))
		cr_skip_test("mkenvimage is not installed (package u-boot-tools)");
	bench_init(&b);
	const char *const args[] = {"mkenvimage", "-r", "-s", "4096", "-o", b.env, "images/uboot/ota.env", NULL};
	cr_assert_eq(run_tool(args, out), 0);
	cr_assert_eq(test_file_read(b.env, raw, ENV_TEST_BYTES), ENV_TEST_BYTES);
	cr_assert_eq(ota_env_parse(raw, ENV_TEST_BYTES, &env, &flags), 0);
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		cr_assert(ota_env_get(env, needed[i]), "%s", needed[i]);
	for (size_t i = 0; i < sizeof state / sizeof state[0]; i++)
		cr_assert_null(ota_env_get(env, state[i]), "%s", state[i]);
	ota_env_free(env);
	bench_deinit(&b);
}
