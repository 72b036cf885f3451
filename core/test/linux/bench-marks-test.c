/* SPDX-License-Identifier: Apache-2.0 */
/* Marks and holds for a bench, on the command as a process; the other end of the port is a pseudo-terminal's master. */
#define _GNU_SOURCE /* posix_openpt() and friends, with memmem() */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "linux/bench-marks.h"
#include "test/linux/cmd-lab.h"
#include "test/test-helpers.h"

#define DEADLINE_MS 20000
#define LINES_MAX   64

struct port {
	int master;
	char path[64];
	char heard[8192];
	size_t length;
};

static void port_open(struct port *port)
{
	memset(port, 0, sizeof(*port));
	port->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(port->master >= 0 && grantpt(port->master) == 0 && unlockpt(port->master) == 0);
	cr_assert_eq(ptsname_r(port->master, port->path, sizeof(port->path)), 0);
}

/* Reads until `text` was heard, or for wait_ms. */
static bool port_hears(struct port *port, const char *text, int wait_ms)
{
	int64_t end_ms = test_now_ms() + wait_ms;

	for (;;) {
		struct pollfd watched = {.fd = port->master, .events = POLLIN};
		int64_t left_ms = end_ms - test_now_ms();
		ssize_t n;

		port->heard[port->length] = '\0';
		if (strstr(port->heard, text) != NULL)
			return true;
		if (left_ms <= 0 || port->length + 1 == sizeof(port->heard))
			return false;
		if (poll(&watched, 1, (int)left_ms) <= 0 || (watched.revents & POLLIN) == 0) {
			/* Nobody has the port open: at once again, within the deadline. */
			(void)poll(NULL, 0, 5);
			continue;
		}
		n = read(port->master, port->heard + port->length, sizeof(port->heard) - 1 - port->length);
		cr_assert_gt(n, 0);
		port->length += (size_t)n;
	}
}

static void port_say(const struct port *port, const char *text)
{
	cr_assert_eq(write(port->master, text, strlen(text)), (ssize_t)strlen(text));
}

/* The [bench] section, with `more` lines, and a unit file with `unit` in it (NULL: none). */
static void bench_configure(struct cmd_lab *lab, const char *booted, const char *marks, const char *more,
			    const char *unit)
{
	char text[1024];

	/* First of all: `marks` may be a path that the next calls of cmd_lab_path() replace. */
	cr_assert_lt(snprintf(text, sizeof(text), "[bench]\nunit=%s/unit\nmarks=%s\n%s", lab->dir, marks, more),
		     (int)sizeof(text));
	(void)unlink(cmd_lab_path(lab, "unit"));
	if (unit != NULL) {
		cmd_lab_write(lab, "unit", unit, strlen(unit));
		cr_assert_eq(chmod(cmd_lab_path(lab, "unit"), 0644), 0);
	}
	cmd_lab_configure(lab, booted, text);
}

static void lab_init(struct cmd_lab *lab)
{
	cmd_lab_init(lab);
	cmd_lab_bundle(lab, "1.ota", "1.0", 10);
	cmd_lab_write(lab, "marks", "", 0);
}

static int install_start(struct cmd_lab *lab)
{
	char words[256];

	(void)snprintf(words, sizeof(words), "install %s/1.ota", lab->dir);
	return cmd_lab_start(lab, words);
}

static int run_install(struct cmd_lab *lab)
{
	return cmd_lab_wait(lab, install_start(lab));
}

/* "S02 begin S04 begin ..." of a text with marks. Counts and times must grow. */
static void summarize_marks(const char *text, char *out, size_t out_bytes)
{
	const char *at = text;
	unsigned before = 0;
	long long time_before = 0;
	size_t used = 0;

	out[0] = '\0';
	for (unsigned lines = 0; lines < LINES_MAX && (at = strstr(at, "ota-mark: ")) != NULL; lines++) {
		char step[8], what[16], end;
		unsigned count;
		long long time_us;

		cr_assert_eq(sscanf(at, "ota-mark: %7s %u %lld %15[a-z]%c", step, &count, &time_us, what, &end), 5,
			     "%s", at);
		cr_assert(end == '\n' || end == '\r', "%s", at);
		cr_assert(count == 1 || count == before + 1, "%s", at);
		cr_assert_geq(time_us, time_before);
		before = count;
		time_before = time_us;
		used += (size_t)snprintf(out + used, out_bytes - used, "%s%s%s", used > 0 ? " " : "", step,
					 what[0] == 'b'   ? ""
					 : what[0] == 'h' ? "!"
					 : what[0] == 'r' ? "+"
							  : "-");
		cr_assert_lt(used, out_bytes);
		at += strlen("ota-mark: ");
	}
}

static void marks_of(const struct cmd_lab *lab, char *out, size_t out_bytes)
{
	char text[8192];
	size_t length = test_file_read(cmd_lab_path(lab, "marks"), text, sizeof(text) - 1);

	text[length] = '\0';
	summarize_marks(text, out, out_bytes);
}

/* A new device and a port; the run that it returns holds at its first step of hold=. */
static int install_until_hold(struct cmd_lab *lab, struct port *port, const char *extra, const char *unit)
{
	int pid;

	lab_init(lab);
	port_open(port);
	bench_configure(lab, "A", port->path, extra, unit);
	pid = install_start(lab);
	cr_assert(port_hears(port, " hold\r\n", DEADLINE_MS), "%s", port->heard);
	return pid;
}

/* Invariant: a whole install and its trial send each step's mark once, in the order of the transaction. */
Test(bench, marks_in_order)
{
	struct cmd_lab lab;
	char seen[512];

	lab_init(&lab);
	bench_configure(&lab, "A", cmd_lab_path(&lab, "marks"), "", "");
	cr_assert_eq(run_install(&lab), 0, "%s", lab.out);
	marks_of(&lab, seen, sizeof(seen));
	cr_expect_str_eq(seen, "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11");
	bench_configure(&lab, "B", cmd_lab_path(&lab, "marks"), "", "# a unit of the bench\n\n");
	cr_assert_eq(cmd_lab_run(&lab, "resume"), 0, "%s", lab.out);
	marks_of(&lab, seen, sizeof(seen));
	cr_expect_str_eq(seen, "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11 S13 S14 S15 S16");
	cr_expect(strstr(lab.out, "[bench]") == NULL, "%s", lab.out);
	cmd_lab_deinit(&lab);
}

/* Invariant: on a device that no unit file of root's makes a bench unit, [bench] does nothing but say so, once. */
Test(bench, nothing_without_the_unit_file)
{
	static const struct {
		const char *unit; /* NULL: missing */
		mode_t mode;
		const char *says;
	} rows[] = {
	    {NULL, 0, "/unit: No such file"},
	    {"hold=all\n", 0664, "others may write"},
	    {"hold=all\n", 0646, "others may write"},
	    {"hold=S18\n", 0644, "/unit:1: hold= is neither"},
	    {"\nhold\n", 0644, "/unit:2: unknown"},
	    {"hold-timeout-ms=0\n", 0644, "/unit:1: hold-timeout-ms= is not"},
	    {"hold-timeout-ms=600001", 0644, "/unit:1: hold-timeout-ms= is not"},
	    {"marks=ttyS1\n", 0644, "/unit:1: marks= is not an absolute path"},
	    {"hold=all\n", 0644, "cannot answer"},
	    {"marks=/nonexistent/port\n", 0644, "marks=/nonexistent/port: No such file"},
	};
	struct cmd_lab lab;
	char seen[512];

	lab_init(&lab);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *line;

		bench_configure(&lab, "A", cmd_lab_path(&lab, "marks"), "", rows[i].unit);
		if (rows[i].unit != NULL)
			cr_assert_eq(chmod(cmd_lab_path(&lab, "unit"), rows[i].mode), 0);
		cmd_lab_write(&lab, "state", "", 0);
		cr_assert_eq(unlink(cmd_lab_path(&lab, "state")), 0);
		cr_assert_eq(run_install(&lab), 0, "row %zu: %s", i, lab.out);
		line = strstr(lab.out, "ota: [bench] is ignored: ");
		cr_assert(line != NULL && strstr(line, rows[i].says) != NULL, "row %zu: %s", i, lab.out);
		cr_assert(strstr(line + strlen("ota: [bench]"), "[bench]") == NULL, "row %zu: said twice: %s", i,
			  lab.out);
		marks_of(&lab, seen, sizeof(seen));
		cr_assert_str_eq(seen, "", "row %zu", i);
	}
	cmd_lab_deinit(&lab);
}

/* Invariant: a hold waits for its own go: none that came before, nothing that only looks like one. */
Test(bench, hold_waits_for_go, .timeout = 60)
{
	struct cmd_lab lab;
	struct port port;
	char seen[512];
	int pid;

	lab_init(&lab);
	port_open(&port);
	bench_configure(&lab, "A", port.path, "hold=S06\n", "hold=S06,S10\n");
	port_say(&port, "ota-go\n");
	pid = install_start(&lab);
	cr_assert(port_hears(&port, " hold\r\n", DEADLINE_MS), "%s", port.heard);
	cr_assert_not(port_hears(&port, "released", 300), "%s", port.heard);
	cr_assert(cmd_lab_same(&lab, "ka", "kb", LAB_SLOT_BYTES), "the step began");
	port_say(&port, "xota-go\nota-go on\nota-");
	cr_assert_not(port_hears(&port, "released", 100), "%s", port.heard);
	port_say(&port, "go\n");
	cr_assert(port_hears(&port, "released\r\n", DEADLINE_MS), "%s", port.heard);
	cr_assert(port_hears(&port, "ota-mark: S10 ", DEADLINE_MS), "%s", port.heard);
	cr_assert_eq(kill(pid, 0), 0);
	port_say(&port, "ota-go\r");
	cr_assert_eq(cmd_lab_wait(&lab, pid), 0, "%s", lab.out);
	cr_assert(port_hears(&port, "S11", DEADLINE_MS), "%s", port.heard);
	summarize_marks(port.heard, seen, sizeof(seen));
	cr_expect_str_eq(seen, "S02 S03 S04 S05 S06! S06+ S07 S08 S09 S10! S10+ S11");
	cr_assert_eq(close(port.master), 0);
	cmd_lab_deinit(&lab);
}

/* Invariant: without an answer a hold ends at its time, however much is said meanwhile, and the update goes on. */
Test(bench, hold_times_out, .timeout = 60)
{
	struct cmd_lab lab;
	struct port port;
	char seen[512];
	int64_t start_ms;
	int pid;

	start_ms = test_now_ms();
	pid = install_until_hold(&lab, &port, "hold=S05,S10\nhold-timeout-ms=600000\n", "hold-timeout-ms=400\n");
	for (unsigned i = 0; i < 500 && !port_hears(&port, "timeout", 2); i++)
		port_say(&port, "go on\n");
	cr_assert(port_hears(&port, "timeout\r\n", DEADLINE_MS), "%s", port.heard);
	cr_assert(port_hears(&port, "S11", DEADLINE_MS), "%s", port.heard);
	cr_assert_eq(cmd_lab_wait(&lab, pid), 0, "%s", lab.out);
	cr_assert_geq(test_now_ms() - start_ms, 800);
	summarize_marks(port.heard, seen, sizeof(seen));
	cr_expect_str_eq(seen, "S02 S03 S04 S05! S05- S06 S07 S08 S09 S10! S10- S11");
	cr_assert_eq(close(port.master), 0);
	cmd_lab_deinit(&lab);
}

/* Invariant: asked to stop, a run that holds ends by itself, and the next goes on from there. */
Test(bench, hold_ends_when_stopped, .timeout = 60)
{
	struct cmd_lab lab;
	struct port port;
	int pid;

	pid = install_until_hold(&lab, &port, "", "hold=S06\nhold-timeout-ms=600000\n");
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_assert_eq(cmd_lab_wait(&lab, pid), 7, "%s", lab.out);
	cr_assert(port_hears(&port, "stopped\r\n", DEADLINE_MS), "%s", port.heard);
	cr_assert_eq(close(port.master), 0);
	bench_configure(&lab, "A", cmd_lab_path(&lab, "marks"), "", "");
	cr_assert_eq(run_install(&lab), 0, "%s", lab.out);
	cmd_lab_deinit(&lab);
}

/* Invariant: a port whose other end has gone neither stops the update nor slows it down by more than a moment. */
Test(bench, nobody_listens, .timeout = 60)
{
	struct cmd_lab lab;
	struct port port;
	int pid;

	pid = install_until_hold(&lab, &port, "", "hold=S06,S07,S08\nhold-timeout-ms=600000\n");
	cr_assert_eq(close(port.master), 0);
	cr_assert_eq(cmd_lab_wait(&lab, pid), 0, "%s", lab.out);
	cmd_lab_deinit(&lab);
}

/* Invariant: what hold= names is what is held, and nothing else is taken for it. */
Test(bench, hold_texts)
{
	static const char *const bad[] = {"",    ",",  "S06,",    ",S06", "S6",       "s06",  "S00",
					  "S18", "R4", "S06;S07", "All",  "none,S06", " S06", "S06 S07"};
	uint32_t hold = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_not(ota_bench_hold_parse(bad[i], &hold), "'%s'", bad[i]);
		cr_expect_eq(hold, 7, "'%s' changed it", bad[i]);
	}
	cr_expect(ota_bench_hold_parse("none", &hold));
	cr_expect_eq(hold, 0);
	cr_expect(ota_bench_hold_parse("S01,R3,S06", &hold));
	cr_expect_eq(hold, 1u << OTA_S01_POLL | 1u << OTA_R3_REPORT | 1u << OTA_S06_STREAM);
	cr_expect(ota_bench_hold_parse("all", &hold));
	for (unsigned step = OTA_S01_POLL; step < OTA_STEP_COUNT; step++)
		cr_expect(hold & 1u << step);
}
