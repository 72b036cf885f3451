/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pipe2 */
/* The rig's parts that need no QEMU: lines, messages, console, deadlines, children. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/guest-channel.h"
#include "emulator/host-service.h"
#include "emulator/line-buffer.h"
#include "emulator/media-store.h"
#include "emulator/monotonic-clock.h"
#include "emulator/qemu-process.h"
#include "emulator/qmp.h"

#define SEEN_MAX 16u

struct seen {
	unsigned count;
	char line[SEEN_MAX][64];
};

static void see(void *ctx, const char *line)
{
	struct seen *seen = ctx;
	if (seen->count < SEEN_MAX)
		(void)snprintf(seen->line[seen->count], sizeof seen->line[0], "%.63s", line);
	seen->count++;
}

static void push(struct yp_emulator_lines *lines, const char *text, struct seen *seen)
{
	yp_emulator_lines_push(lines, text, strlen(text), see, seen);
}

/* However the bytes of a stream are cut into reads, the same lines come out. */
Test(lines, any_cut)
{
	static const char text[] = "up A 1.0 x\r\n\n\rmark\nidle\n";
	static struct yp_emulator_lines lines;
	for (size_t cut = 0; cut < sizeof text; cut++) {
		struct seen seen = {0};
		yp_emulator_lines_init(&lines, 32, false);
		yp_emulator_lines_push(&lines, text, cut, see, &seen);
		yp_emulator_lines_push(&lines, text + cut, sizeof text - 1 - cut, see, &seen);
		cr_assert_eq(seen.count, 3, "cut at %zu: %u lines", cut, seen.count);
		cr_assert_str_eq(seen.line[0], "up A 1.0 x");
		cr_assert_str_eq(seen.line[1], "\rmark");
		cr_assert_str_eq(seen.line[2], "idle");
	}
}

/* A line that is too long is dropped whole, and counted; the next one is whole. For a console its beginning counts. */
Test(lines, too_long)
{
	static struct yp_emulator_lines lines;
	struct seen seen = {0};
	yp_emulator_lines_init(&lines, 4, false);
	push(&lines, "abcd\nabcde\nabcdefghijkl\nx\nabcd\r\n", &seen);
	cr_assert_eq(seen.count, 3);
	cr_assert_str_eq(seen.line[0], "abcd");
	cr_assert_str_eq(seen.line[1], "x");
	cr_assert_str_eq(seen.line[2], "abcd");
	cr_assert_eq(lines.dropped, 2);
	memset(&seen, 0, sizeof seen);
	yp_emulator_lines_init(&lines, 4, true);
	push(&lines, "abcdefgh\nx\n", &seen);
	cr_assert_eq(seen.count, 2);
	cr_assert_str_eq(seen.line[0], "abcd");
	cr_assert_str_eq(seen.line[1], "x");
}

/* Zero bytes end no line early, and what a reset left behind begins no line of the next boot. */
Test(lines, garbage)
{
	static struct yp_emulator_lines lines;
	struct seen seen = {0};
	yp_emulator_lines_init(&lines, 32, false);
	yp_emulator_lines_push(&lines, "a\0b\n=> ", 7, see, &seen);
	cr_assert_eq(seen.count, 1);
	cr_assert_str_eq(seen.line[0], "a?b");
	cr_assert_str_eq(yp_emulator_lines_rest(&lines), "=> ");
	yp_emulator_lines_drop(&lines);
	push(&lines, "idle\n", &seen);
	cr_assert_str_eq(seen.line[1], "idle");
}

/* Each line of the protocol is parsed; a line that only begins like one is refused. */
Test(guest, lines)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "up",
	    "up C 1.0 x",
	    "up A 1.0",
	    "up A 1.0 x y",
	    "upA 1.0 x",
	    "mark S06",
	    "ota-mark: S06 1 2",
	    "ota-mark: X06 1 2 hold",
	    "ota-mark: S06 1 2 hold x",
	    "run",
	    "run resume",
	    "run resume -1 OK",
	    "run resume 256 OK",
	    "run resume x OK",
	    "run resume 0 OK OK",
	    "idle now",
	    "IDLE",
	    "exit",
	    "exit one",
	    "ready A",
	    "go",
	    "ready AB x",
	    "up A 11111111112222222222333333333344 x",
	    "run a-verb-that-is-far-too-long 0 OK",
	    "\x7fup A 1 x",
	};
	struct yp_emulator_said said;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, bad[i], &said), 1,
			     "\"%s\" is taken", bad[i]);
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "up B 2.0 4f-1", &said), 0);
	cr_assert(said.kind == YP_EMULATOR_SAID_UP && said.slot == 'B');
	cr_assert_str_eq(said.version, "2.0");
	cr_assert_str_eq(said.boot_id, "4f-1");
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "ready A 77", &said), 0);
	cr_assert(said.kind == YP_EMULATOR_SAID_READY && said.slot == 'A');
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "run check 6 HEALTH_FAILED", &said), 0);
	cr_assert(said.kind == YP_EMULATOR_SAID_RUN && said.exit == 6);
	cr_assert_str_eq(said.reason, "HEALTH_FAILED");
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "run resume 0 ", &said), 0);
	cr_assert_str_eq(said.reason, "-");
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "ota-mark: S10 12 3456789 hold", &said), 0);
	cr_assert(said.kind == YP_EMULATOR_SAID_MARK && said.state == YP_EMULATOR_STEP_HOLD);
	cr_assert_str_eq(said.step, "S10");
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "ota-mark: R2 1 1 begin", &said), 0);
	cr_assert_eq(said.state, YP_EMULATOR_STEP_BEGIN);
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "ota-mark: S10 13 3456999 timeout", &said),
		     0);
	cr_assert_eq(said.state, YP_EMULATOR_STEP_GOES_ON);
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "out  two  blanks", &said), 0);
	cr_assert_str_eq(said.text, " two  blanks");
	cr_assert_eq(yp_emulator_guest_parse(yp_subject_find("ota")->steps, "exit 3", &said), 0);
	cr_assert(said.kind == YP_EMULATOR_SAID_EXIT && said.exit == 3);
}

/* Only the boot script's own lines decide; a kernel that prints similar ones does not. */
Test(guest, console)
{
	static const struct {
		const char *line;
		enum yp_emulator_console_kind kind;
		char slot;
	} table[] = {
	    {"ota: slot A", YP_EMULATOR_CONSOLE_SLOT, 'A'},
	    {"ota: slot B", YP_EMULATOR_CONSOLE_SLOT, 'B'},
	    {"ota: slot B cannot be booted", YP_EMULATOR_CONSOLE_OTHER, 0},
	    {"ota: slot C", YP_EMULATOR_CONSOLE_OTHER, 0},
	    {" ota: slot A", YP_EMULATOR_CONSOLE_OTHER, 0},
	    {"ota: back to A", YP_EMULATOR_CONSOLE_BACK, 'A'},
	    {"ota: no slot can be booted", YP_EMULATOR_CONSOLE_HALT, 0},
	    {"Starting kernel ...", YP_EMULATOR_CONSOLE_STARTING, 0},
	    {"[    1.2] Kernel panic - not syncing: VFS", YP_EMULATOR_CONSOLE_PANIC, 0},
	    {"", YP_EMULATOR_CONSOLE_OTHER, 0},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char slot = 0;
		cr_assert_eq(yp_emulator_console_match(yp_subject_find("ota")->console, table[i].line, &slot),
			     table[i].kind, "\"%s\"", table[i].line);
		cr_assert_eq(slot, table[i].slot, "\"%s\"", table[i].line);
	}
	cr_assert(yp_emulator_console_prompt(yp_subject_find("ota")->console, "=> "));
	cr_assert_not(yp_emulator_console_prompt(yp_subject_find("ota")->console, "=> r"));
	cr_assert_not(yp_emulator_console_prompt(yp_subject_find("ota")->console, ""));
}

static struct yp_emulator_qmp parse(const char *text, int expected)
{
	struct yp_emulator_qmp message;
	cr_assert_eq(yp_emulator_qmp_parse(text, strlen(text), &message), expected, "%s", text);
	return message;
}

Test(qmp, messages)
{
	char text[128];
	struct yp_emulator_qmp m = parse("{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}", 0);
	cr_assert_eq(m.kind, YP_EMULATOR_QMP_GREETING);
	m = parse("{\"return\": {}, \"id\": 7}", 0);
	cr_assert(m.kind == YP_EMULATOR_QMP_RETURN && m.id == 7);
	m = parse("{\"return\": {\"status\": \"completed\", \"ram\": {}}, \"id\": 8}", 0);
	cr_assert_str_eq(m.text, "completed");
	m = parse("{\"id\": 9, \"error\": {\"class\": \"GenericError\", \"desc\": \"no such node\"}}", 0);
	cr_assert(m.kind == YP_EMULATOR_QMP_ERROR && m.id == 9);
	cr_assert_str_eq(m.text, "no such node");
	m = parse("{\"timestamp\": {\"seconds\": 1}, \"event\": \"SHUTDOWN\", "
		  "\"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}",
		  0);
	cr_assert(m.kind == YP_EMULATOR_QMP_EVENT);
	cr_assert_str_eq(m.name, "SHUTDOWN");
	cr_assert_str_eq(m.text, "guest-reset");
	m = parse("{\"event\": \"WATCHDOG\", \"data\": {\"action\": \"reset\"}}", 0);
	cr_assert_str_eq(m.text, "reset");
	(void)parse("", 1);
	(void)parse("[]", 1);
	(void)parse("{}", 1);
	(void)parse("{\"return\": {}", 1);
	(void)parse("{\"return\": {}, \"return\": {}}", 1);
	cr_assert_gt(yp_emulator_qmp_command(3, "cont", NULL, text, sizeof text), 0);
	cr_assert_str_eq(text, "{\"execute\":\"cont\",\"id\":3}\n");
	cr_assert_eq(yp_emulator_qmp_command(3, "cont", NULL, text, 8), -ENOSPC);
}

/* A report becomes one mark, of one line, whatever is in it. */
Test(service, report_text)
{
	char text[200];
	cr_assert(yp_emulator_service_report_text(
	    yp_subject_find("ota")->reports,
	    "{\"id\":\"ab\",\"event\":\"success\",\"version\":\"2.0\",\"reason\":\"OK\"}", text, sizeof text));
	cr_assert_str_eq(text, "report:ab:success:2.0:OK");
	cr_assert(
	    yp_emulator_service_report_text(yp_subject_find("ota")->reports, "{\"id\":\"a\\nb\"}", text, sizeof text));
	cr_assert_str_eq(text, "report:a?b:::");
	cr_assert_not(yp_emulator_service_report_text(yp_subject_find("ota")->reports, "", text, sizeof text));
	cr_assert_not(yp_emulator_service_report_text(yp_subject_find("ota")->reports, "[1]", text, sizeof text));
	cr_assert_not(yp_emulator_service_report_text(yp_subject_find("ota")->reports, "{\"id\":", text, sizeof text));
}

Test(store, answers)
{
	char word[16];
	static const char answer[] = "ok cut=3 id=42.s.5.0 seed=7 entries=99";
	cr_assert_eq(yp_emulator_store_number(answer, "entries"), 99);
	cr_assert_eq(yp_emulator_store_number(answer, "tries"), 0);
	cr_assert(yp_emulator_store_word(answer, "id", word, sizeof word));
	cr_assert_str_eq(word, "42.s.5.0");
	cr_assert_not(yp_emulator_store_word(answer, "id", word, 4));
	cr_assert_not(yp_emulator_store_word(answer, "nothing", word, sizeof word));
}

/* A deadline in the past does not wait, one in the future is kept although nothing happens. */
Test(clock, deadlines)
{
	int fds[2];
	cr_assert_eq(pipe(fds), 0);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	int64_t before = yp_emulator_clock_ns();
	cr_assert_eq(yp_emulator_clock_poll(&p, 1, before - 1), 0);
	cr_assert_eq(yp_emulator_clock_poll(&p, 1, yp_emulator_clock_in_ms(30)), 0);
	cr_assert_geq(yp_emulator_clock_ns() - before, 30 * INT64_C(1000000));
	cr_assert_eq(write(fds[1], "x", 1), 1);
	cr_assert_eq(yp_emulator_clock_poll(&p, 1, YP_EMULATOR_NEVER), 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static struct yp_emulator_process spawn(const char *script, const char *output, int fd)
{
	struct yp_emulator_process process;
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct yp_emulator_process_spec spec = {.argv = argv, .output = output, .fds_count = fd >= 0, .fds = {fd}};
	cr_assert_eq(yp_emulator_process_start(&process, &spec), 0);
	return process;
}

static void read_all(int fd, char *out, size_t bytes)
{
	size_t used = 0;
	for (ssize_t n = 1; n > 0 && used + 1 < bytes; used += n > 0 ? (size_t)n : 0)
		n = read(fd, out + used, bytes - 1 - used);
	out[used] = 0;
}

/* A child that ignores SIGTERM, and its own child, are gone after a kill: no process holds the pipe any more. */
Test(process, killed_with_its_children)
{
	int fds[2];
	char text[64];
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	struct yp_emulator_process process =
	    spawn("trap '' TERM INT HUP; sleep 100 & echo up >&3; while :; do wait; done", NULL, fds[1]);
	(void)close(fds[1]);
	cr_assert_eq(read(fds[0], text, 3), 3);
	cr_assert_gt(yp_emulator_process_rss_kib(&process), 0);
	pid_t pid = process.pid;
	yp_emulator_process_kill(&process);
	cr_assert_eq(process.pid, 0);
	cr_assert(kill(pid, 0) < 0 && errno == ESRCH);
	read_all(fds[0], text, sizeof text); /* ends only if both are gone */
	(void)close(fds[0]);
	yp_emulator_process_kill(&process); /* nothing to do */
}

/* Waiting for the end has a deadline, and the status is the child's. */
Test(process, reaped)
{
	int status = 0;
	struct yp_emulator_process process = spawn("exec sleep 100", NULL, -1);
	cr_assert_eq(yp_emulator_process_reap(&process, yp_emulator_clock_in_ms(20), &status), -ETIMEDOUT);
	yp_emulator_process_kill(&process);
	process = spawn("exit 7", NULL, -1);
	cr_assert_eq(yp_emulator_process_reap(&process, yp_emulator_clock_in_ms(10000), &status), 0);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	cr_assert_eq(yp_emulator_process_reap(&process, YP_EMULATOR_NEVER, &status), -ECHILD);
}

/* A program that is not there is an error of the start, not a child that ends. */
Test(process, no_such_program)
{
	const char *const argv[] = {"no-such-program-anywhere", NULL};
	const char *const here[] = {"/etc/passwd", NULL};
	struct yp_emulator_process process;
	struct yp_emulator_process_spec spec = {.argv = argv};
	cr_assert_eq(yp_emulator_process_start(&process, &spec), -ENOENT);
	spec.argv = here;
	cr_assert_eq(yp_emulator_process_start(&process, &spec), -EACCES);
	cr_assert_eq(process.pid, 0);
}

/* The child has the descriptors it was given, and none of ours. */
Test(process, descriptors)
{
	char path[] = "/tmp/qemu-parts-XXXXXX";
	char text[256] = "";
	int file = mkstemp(path);
	int mine = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct yp_emulator_process process = spawn("ls /proc/self/fd | tr '\\n' ' '", path, mine);
	cr_assert_eq(yp_emulator_process_reap(&process, yp_emulator_clock_in_ms(10000), NULL), 0);
	read_all(file, text, sizeof text);
	/* 3 is ours, 4 is ls reading the directory. */
	cr_assert_str_eq(text, "0 1 2 3 4 ", "%s", text);
	(void)close(mine);
	(void)close(file);
	(void)unlink(path);
}

/* A rig that is killed leaves nothing running. */
Test(process, dies_with_its_parent)
{
	int fds[2], control[2];
	char text[8];
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(control, O_CLOEXEC), 0);
	pid_t parent = fork();
	if (parent == 0) {
		const char *const argv[] = {"sh", "-c", "echo up >&3; exec sleep 100", NULL};
		struct yp_emulator_process process;
		struct yp_emulator_process_spec spec = {.argv = argv, .fds_count = 1, .fds = {fds[1]}};
		if (yp_emulator_process_start(&process, &spec) != 0)
			_exit(1);
		(void)close(fds[1]);
		(void)pause();
		_exit(0);
	}
	(void)close(fds[1]);
	cr_assert_eq(read(fds[0], text, 3), 3);
	cr_assert_eq(kill(parent, SIGKILL), 0);
	cr_assert_eq(waitpid(parent, NULL, 0), parent);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	cr_assert_eq(yp_emulator_clock_poll(&p, 1, yp_emulator_clock_in_ms(10000)), 1);
	cr_assert_eq(read(fds[0], text, 1), 0, "the child is still there");
	(void)close(fds[0]);
	(void)close(control[0]);
	(void)close(control[1]);
}
