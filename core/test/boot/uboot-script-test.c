/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot script (images/uboot/ota.env) decides what the table in images/uboot/README.md says, for every state there
 * is. The table is read from the README itself; the script runs under /bin/sh with the bootloader's commands as
 * functions, and, where Debian's packages u-boot-qemu and qemu-system-arm are installed, in a real U-Boot 2023.01.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "test/test-helpers.h"

#define README       "images/uboot/README.md"
#define SCRIPT       "images/uboot/ota.env"
#define UBOOT        "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
#define QEMU         "/usr/bin/qemu-system-aarch64"
#define ROWS         16u
#define LINE_BYTES   1024u
#define OUTPUT_BYTES (1024u * 1024u)
#define FLASH_BYTES  (64 * 1024 * 1024)
#define DEADLINE_MS  60000

extern char **environ;

/* A row of the table; cells: "none, other", "yes", "" (any), ... */
struct row {
	char barred[16], trial[8], over[8], sel_loads[8], other_loads[8], boots[8], stores[16];
};

/* A state of the device before a boot, as the variables have it; NULL: missing. */
struct state {
	const char *slot, *barred, *trial, *limit;
	unsigned count; /* after step 1 */
	bool loads[2];
};

static const char *const slots[] = {"A", "B", NULL, "C"};
static const char *const trials[] = {"0", "1", NULL, "2x"};
static const char *const limits[] = {"3", NULL, "0", "1"};
#define CASES (4u * 4u * 4u * 4u * 2u * 4u)

static struct state state_of(unsigned n)
{
	struct state s = {
	    .slot = slots[n % 4], .barred = slots[n / 4 % 4], .trial = trials[n / 16 % 4], .limit = limits[n / 64 % 4]};
	bool over = n / 256 % 2;
	unsigned limit = s.limit && *s.limit != '0' ? (unsigned)atoi(s.limit) : 3;

	s.count = over ? limit + 1 : limit;
	s.loads[0] = n / 512 % 2;
	s.loads[1] = n / 1024 % 2;
	return s;
}

static void read_cell(char **save, char *out, size_t room)
{
	char *text = *save;
	char *bar = strchr(text, '|');
	cr_assert(bar);
	*save = bar + 1;
	*bar = '\0';
	text += strspn(text, " ");
	size_t n = strlen(text);
	while (n && text[n - 1] == ' ')
		n--;
	cr_assert_lt(n, room);
	memcpy(out, text, n);
	out[n] = '\0';
}

static void read_table(struct row rows[ROWS])
{
	char line[LINE_BYTES];
	unsigned count = 0;
	FILE *f = fopen(README, "r");

	cr_assert(f, "%s: run from the top of the tree", README);
	while (fgets(line, sizeof line, f)) {
		char number[16];
		char *save = line + 1;
		if (line[0] != '|' || line[1] != ' ' || line[2] < '1' || line[2] > '9')
			continue;
		cr_assert_lt(count, ROWS);
		struct row *r = &rows[count++];
		read_cell(&save, number, sizeof number);
		cr_assert_eq((unsigned)atoi(number), count);
		read_cell(&save, r->barred, sizeof r->barred);
		read_cell(&save, r->trial, sizeof r->trial);
		read_cell(&save, r->over, sizeof r->over);
		read_cell(&save, r->sel_loads, sizeof r->sel_loads);
		read_cell(&save, r->other_loads, sizeof r->other_loads);
		read_cell(&save, r->boots, sizeof r->boots);
		read_cell(&save, r->stores, sizeof r->stores);
	}
	(void)fclose(f);
	cr_assert_eq(count, ROWS);
}

static bool yes_no(const char *want, bool is)
{
	return !*want || strcmp(want, is ? "yes" : "no") == 0;
}

/* The events that the table promises: "STORE [slot] [barred] [0] [0];BOOT A;". Exactly one row fits. */
static void expect_events(const struct row rows[ROWS], const struct state *s, char *out, size_t room)
{
	int sel = s->slot && strcmp(s->slot, "B") == 0;
	const char *barred = "none";
	bool trial = s->trial && *s->trial != '0';
	unsigned limit = s->limit && *s->limit != '0' ? (unsigned)atoi(s->limit) : 3;
	const struct row *fit = NULL;

	if (s->barred && (*s->barred == 'A' || *s->barred == 'B'))
		barred = (*s->barred == 'B') == sel ? "sel" : "other";
	for (unsigned i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];
		if (!strstr(r->barred, barred) || !yes_no(r->trial, trial) ||
		    !yes_no(r->over, trial && s->count > limit) || !yes_no(r->sel_loads, s->loads[sel]) ||
		    !yes_no(r->other_loads, s->loads[!sel]))
			continue;
		cr_assert_null(fit, "rows %u and another fit", i + 1);
		fit = r;
	}
	cr_assert(fit, "no row fits");
	cr_assert_eq(strncmp(fit->stores, "C", 1) == 0, trial);
	char store[64] = "";
	if (strstr(fit->stores, "back"))
		(void)snprintf(store, sizeof store, "STORE [%c] [%c] [0] [0];", 'A' + !sel, 'A' + sel);
	else if (strstr(fit->stores, "end"))
		(void)snprintf(store, sizeof store, "STORE [%s] [%s] [0] [0];", s->slot ? s->slot : "",
			       s->barred ? s->barred : "");
	if (strcmp(fit->boots, "halt") == 0)
		(void)snprintf(out, room, "%sHALT;", store);
	else
		(void)snprintf(out, room, "%sBOOT %c;", store, 'A' + (strcmp(fit->boots, "sel") == 0 ? sel : !sel));
}

/* The script's variables, with what touches the board replaced by something that says so. */
static void write_variables(FILE *out, bool sh)
{
	static const char *const extra[] = {
	    "ota_load=if test ${ota_x} = A; then test ${t_a} = 1; else test ${t_b} = 1; fi",
	    "ota_start=echo \"BOOT ${ota_x}\"",
	    "ota_halt=echo HALT",
	    "t_store=echo \"STORE [${ota_slot}] [${ota_barred}] [${upgrade_available}] [${bootcount}]\"",
	};
	char line[LINE_BYTES];
	FILE *f = fopen(SCRIPT, "r");
	unsigned stores = 0;

	cr_assert(f);
	for (unsigned i = 0;;) {
		if (fgets(line, sizeof line, f)) {
			cr_assert(strchr(line, '\n'), "line too long");
			line[strcspn(line, "\n")] = '\0';
		} else if (i < sizeof extra / sizeof extra[0]) {
			(void)snprintf(line, sizeof line, "%s", extra[i++]);
		} else {
			break;
		}
		char *value = strchr(line, '=');
		if (line[0] == '#' || !line[0])
			continue;
		cr_assert(value && !strchr(line, '\''), "%s", line);
		*value++ = '\0';
		/* What the board provides comes from `extra`, behind. */
		bool board =
		    strcmp(line, "ota_load") == 0 || strcmp(line, "ota_start") == 0 || strcmp(line, "ota_halt") == 0;
		if (board && i == 0)
			continue;
		char *save = strstr(value, "saveenv");
		stores += save != NULL;
		if (save)
			cr_assert_null(strstr(save + 1, "saveenv"));
		(void)fprintf(out, sh ? "%s='%.*s%s%s'\n" : "%s=%.*s%s%s\n", line,
			      save ? (int)(save - value) : (int)strlen(value), value, save ? "run t_store" : "",
			      save ? save + 7 : "");
	}
	(void)fclose(f);
	cr_assert_eq(stores, 1u, "one place stores");
}

/* What U-Boot itself does before the script: it picks bootcmd or altbootcmd, after it has counted. */
static const char *command_of(const struct state *s)
{
	unsigned limit = s->limit ? (unsigned)atoi(s->limit) : 0;
	return s->trial && atoi(s->trial) && limit && s->count > limit ? "altbootcmd" : "bootcmd";
}

static void write_cases(FILE *out)
{
	for (unsigned n = 0; n < CASES; n++) {
		struct state s = state_of(n);
		(void)fprintf(
		    out,
		    "setenv ota_slot %s\nsetenv ota_barred %s\nsetenv upgrade_available %s\nsetenv bootlimit %s\n"
		    "setenv bootcount %u\nsetenv t_a %d\nsetenv t_b %d\necho \"CASE %u\"\nrun %s\n",
		    s.slot ? s.slot : "", s.barred ? s.barred : "", s.trial ? s.trial : "", s.limit ? s.limit : "",
		    s.count, s.loads[0], s.loads[1], n, command_of(&s));
	}
}

/* Output up to its end or the deadline, then the child is killed. */
static char *run_tool(const char *const args[])
{
	union {
		const char *const *in;
		char *const *out;
	} argv = {.in = args};
	posix_spawn_file_actions_t actions;
	int fds[2];
	int status;
	pid_t pid;
	char *out = malloc(OUTPUT_BYTES);
	size_t used = 0;

	cr_assert(out);
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addclose(&actions, fds[0]);
	(void)posix_spawn_file_actions_addclose(&actions, fds[1]);
	cr_assert_eq(posix_spawn(&pid, args[0], &actions, NULL, argv.out, environ), 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(fds[1]);
	int64_t end_ms = test_now_ms() + DEADLINE_MS;
	for (;;) {
		struct pollfd p = {.fd = fds[0], .events = POLLIN};
		int64_t left_ms = end_ms - test_now_ms();
		ssize_t n = left_ms > 0 && poll(&p, 1, (int)left_ms) > 0
				? read(fds[0], out + used, OUTPUT_BYTES - 1 - used)
				: 0;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	out[used] = '\0';
	(void)close(fds[0]);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return out;
}

/* Each case's events up to the first BOOT or HALT: a kernel that was started does not come back. */
static void check_output(const char *output)
{
	static struct row rows[ROWS];
	char want[128];
	char got[1024];
	unsigned last = 0;

	read_table(rows);
	const char *at = output;
	for (unsigned n = 0; n < CASES; n++) {
		char head[32];
		struct state s = state_of(n);
		(void)snprintf(head, sizeof head, "CASE %u", n);
		at = strstr(at, head);
		cr_assert(at, "no output of case %u", n);
		got[0] = '\0';
		const char *line = at + strcspn(at, "\n");
		while (*line && !strstr(got, "BOOT") && !strstr(got, "HALT")) {
			line++;
			size_t bytes = strcspn(line, "\r\n");
			bool event = strncmp(line, "STORE", 5) == 0 || strncmp(line, "BOOT", 4) == 0 ||
				     strncmp(line, "HALT", 4) == 0;
			size_t used = strlen(got);
			cr_assert(strncmp(line, "CASE", 4) != 0, "case %u neither boots nor halts", n);
			if (event)
				(void)snprintf(got + used, sizeof got - used, "%.*s;", (int)bytes, line);
			line += strcspn(line, "\n");
		}
		expect_events(rows, &s, want, sizeof want);
		cr_assert_str_eq(got, want, "case %u: slot %s barred %s trial %s limit %s count %u loads %d %d", n,
				 s.slot ? s.slot : "-", s.barred ? s.barred : "-", s.trial ? s.trial : "-",
				 s.limit ? s.limit : "-", s.count, s.loads[0], s.loads[1]);
		last = n;
	}
	cr_assert_eq(last + 1, CASES);
}

/* Under sh the script's "test TEXT -ne 0" is no error, as in U-Boot, but the leading number. */
static const char sh_prelude[] =
    "setenv() { n=$1; shift; eval \"$n=\\$*\"; }\n"
    "run() { eval \"v=\\$$1\"; eval \"$v\"; }\n"
    "digits() { d=${1%%[!0-9]*}; echo ${d:-0}; }\n"
    "test() { case $2 in -ne|-lt|-gt) [ $(digits \"$1\") $2 $3 ];; *) [ \"$@\" ];; esac; }\n";

static void path_in(const char *dir, const char *name, char out[128])
{
	(void)snprintf(out, 128, "%s/%s", dir, name);
}

Test(uboot_script, sh)
{
	char dir[] = "/tmp/ota-script-XXXXXX";
	char path[128];

	cr_assert(mkdtemp(dir));
	path_in(dir, "script", path);
	FILE *f = fopen(path, "w");
	cr_assert(f);
	(void)fputs(sh_prelude, f);
	write_variables(f, true);
	write_cases(f);
	cr_assert_eq(fclose(f), 0);
	char *output = run_tool((const char *[]){"/bin/sh", path, NULL});
	check_output(output);
	free(output);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(dir), 0);
}

static void require_tool(const char *const args[])
{
	free(run_tool(args));
}

/* The script runs from U-Boot's own flash environment; `cases` is an image that the emulator put into memory. */
static void write_uboot(const char *text, const char *cases)
{
	FILE *f = fopen(text, "w");
	cr_assert(f);
	write_variables(f, false);
	/* Later lines win. What the script calls bootcmd must not run by itself. */
	(void)fputs("bootdelay=-2\nstdout=serial\n", f);
	cr_assert_eq(fclose(f), 0);
	f = fopen(cases, "w");
	cr_assert(f);
	write_cases(f);
	(void)fputs(
	    "setenv ota_slot B\nsetenv ota_barred\nsetenv upgrade_available 1\nsetenv bootcount 2\nsetenv bootlimit 5\n"
	    "setenv ota_trial 00000000000000ff\nrun ota_import\n"
	    "echo \"IMPORT [${ota_slot}] [${ota_barred}] [${upgrade_available}] [${bootcount}] [${bootlimit}] "
	    "[${ota_trial}] [${ota_normal}]\"\npoweroff\n",
	    f);
	cr_assert_eq(fclose(f), 0);
}

Test(uboot_script, real_uboot, .timeout = 120)
{
	static const char *const files[] = {"text", "cases", "image", "env", "flash0", "flash1", "boot"};
	char p[7][128];
	char arg[4][256];
	char dir[] = "/tmp/ota-script-XXXXXX";

	if (access(UBOOT, R_OK) || access(QEMU, X_OK) || access("/usr/bin/mkimage", X_OK))
		cr_skip_test("needs the packages u-boot-qemu, qemu-system-arm and u-boot-tools");
	cr_assert(mkdtemp(dir));
	for (unsigned i = 0; i < 7; i++)
		path_in(dir, files[i], p[i]);
	write_uboot(p[0], p[1]);
	/* The text is imported at boot by an environment of one command, so that bootcmd can be the script's own. */
	FILE *f = fopen(p[6], "w");
	cr_assert(f);
	(void)fputs("bootdelay=-2\nbootcmd=env import -t 0x47000000 0x4000; source 0x48000000; poweroff\n", f);
	cr_assert_eq(fclose(f), 0);
	f = fopen(p[0], "a");
	cr_assert(f && fputc('\0', f) != EOF && fclose(f) == 0);
	require_tool((const char *[]){"/usr/bin/mkimage", "-T", "script", "-d", p[1], p[2], NULL});
	require_tool((const char *[]){"/usr/bin/mkenvimage", "-s", "0x40000", "-o", p[5], p[6], NULL});
	require_tool((const char *[]){"/bin/cp", UBOOT, p[4], NULL});
	cr_assert_eq(truncate(p[4], FLASH_BYTES), 0);
	cr_assert_eq(truncate(p[5], FLASH_BYTES), 0);
	(void)snprintf(arg[0], sizeof arg[0], "if=pflash,unit=0,format=raw,readonly=on,file=%s", p[4]);
	(void)snprintf(arg[1], sizeof arg[1], "if=pflash,unit=1,format=raw,readonly=on,file=%s", p[5]);
	(void)snprintf(arg[2], sizeof arg[2], "loader,addr=0x47000000,force-raw=on,file=%s", p[0]);
	(void)snprintf(arg[3], sizeof arg[3], "loader,addr=0x48000000,force-raw=on,file=%s", p[2]);
	char *output = run_tool((const char *[]){
	    QEMU,          "-M",   "virt",    "-cpu",     "cortex-a53", "-accel",  "tcg",   "-m",     "256",
	    "-nodefaults", "-nic", "none",    "-display", "none",       "-serial", "stdio", "-drive", arg[0],
	    "-drive",      arg[1], "-device", arg[2],     "-device",    arg[3],    NULL});
	check_output(output);
	cr_assert(strstr(output, "IMPORT [B] [] [1] [2] [5] [00000000000000ff] []"),
		  "state survives the import of defaults");
	free(output);
	for (unsigned i = 0; i < 7; i++)
		(void)unlink(p[i]);
	cr_assert_eq(rmdir(dir), 0);
}
