/* SPDX-License-Identifier: Apache-2.0 */
/* qemu-rig: the emulated board for people. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/media-check.h"
#include "sim/emulator.h"

#define DETAIL_BYTES 256u
#define LINES_MAX    16u

enum { EXIT_DONE, EXIT_OTHER, EXIT_USAGE, EXIT_RIG };

static const char usage[] =
    "usage: qemu-rig record|recover|run [OPTION...]\n"
    "\n"
    "Starts the board, from the images or from a crash state, and runs it until it is idle.\n"
    "  record    one whole update, with exact marks: --out=FILE\n"
    "  recover   from a crash state: --log=FILE --case=CASE, as in \"qemu-rig recover --log=u.log --case=2632.n.0.0\"\n"
    "  run       whatever the options say\n"
    "\n"
    "  --images=DIR         the board's images (build/qemu)\n"
    "  --work=DIR           where the rig works (build/qemu-work)\n"
    "  --worker=N           which board, for several side by side (0)\n"
    "  --bundle=FILE        update that the server offers\n"
    "  --config=KEY=VALUE   for the image, again for more\n"
    "  --log=FILE           start: what this write log leaves on the media; again for what comes on top\n"
    "  --case=CASE          start: cut number N of the case in log number N, further logs whole\n"
    "  --before, --after    with all that was written before the last cut there, or what it leaves (default)\n"
    "  --disk=DIR           run nothing; write the start's images there: card.img, disk.img, and each medium's\n"
    "  --out=FILE           write log of this run\n"
    "  --console            show the console (stdout)\n"
    "  --gdb=SOCKET         wait for gdb\n"
    "  --hold               exact marks\n"
    "  --until=WHAT         idle (default), decision, ready, up, or a step such as S06\n"
    "  --cut=WHERE          power cut: at a step, S06, or a request, write:MEDIUM:N; then power on again\n"
    "  --cut-delay-us=N --cut-seed=N --cut-form=all|none|sample\n"
    "  --fault=TEXT         of the block server, such as \"eio write slot-b 3\"; again for more\n"
    "  --say=LINE           for the idle board, such as \"exec fw_printenv\"; again for more\n"
    "  --report-down        the server refuses reports\n"
    "  --witness=DIR        QEMU writes to plain copies as well; in the end they are compared with base + log\n"
    "  --blklogwrites=FILE  QEMU records as well\n"
    "  --plain=DIR          no block server: on card.img and disk.img there\n"
    "  --snapshots=DIR      boots go on from snapshots there where that is the same; --snapshot-make puts one there\n"
    "  --timeout-s=N        for all (600)\n"
    "\n"
    "Exit status: 0 idle, or as far as --until; 1 another end, or copies that differ; 2 command line; 3 the rig "
    "failed.\n";

struct command {
	struct yp_emulator_options options;
	struct yp_emulator_start start;
	struct yp_emulator_run run;
	struct yp_case state;
	bool before;
	const char *disk;
	const char *faults[LINES_MAX + 1], *say[LINES_MAX + 1], *config[LINES_MAX + 1];
	unsigned faults_count, say_count, config_count;
	char medium[YP_NAME_MAX], bundle[YP_EMULATOR_PATH_MAX];
};

static bool put_line(const char **lines, unsigned *count, const char *text)
{
	if (*count == LINES_MAX)
		return false;
	lines[(*count)++] = text;
	return true;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	*out = value;
	return errno == 0 && *text >= '0' && *text <= '9' && *end == 0 && value <= max;
}

static bool set_until(struct command *c, const char *text)
{
	static const char *const names[] = {"idle", "decision", "ready", "up"};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(text, names[i]) == 0) {
			c->run.until = (enum yp_emulator_until)i;
			return true;
		}
	}
	c->run.until = YP_EMULATOR_UNTIL_MARK;
	c->run.until_mark = text;
	return text[0] == 'S' || text[0] == 'R';
}

static bool set_cut(struct command *c, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *last = strrchr(text, ':');
	if (!colon) {
		c->run.cut.mark = text;
		return text[0] == 'S' || text[0] == 'R';
	}
	if (strncmp(text, "write:", 6) != 0 || last == colon || (size_t)(last - colon - 1) >= sizeof c->medium)
		return false;
	(void)snprintf(c->medium, sizeof c->medium, "%.*s", (int)(last - colon - 1), colon + 1);
	c->run.cut.medium = c->medium;
	c->run.cut.op = YP_WRITE;
	return parse_number(last + 1, UINT32_MAX, &c->run.cut.nth);
}

static bool set_form(struct command *c, const char *text)
{
	if (strcmp(text, "all") != 0 && strcmp(text, "none") != 0 && strcmp(text, "sample") != 0)
		return false;
	c->run.cut.form = text[0] == 'a' ? YP_FORM_ALL : text[0] == 'n' ? YP_FORM_NONE : YP_FORM_SAMPLE;
	return true;
}

static bool set_log(struct command *c, const char *text)
{
	if (c->start.count == YP_CUTS_MAX)
		return false;
	c->start.from[c->start.count++].log = text;
	return true;
}

static bool set_number(const char *text, uint64_t max, unsigned *out)
{
	uint64_t value;
	bool good = parse_number(text, max, &value);
	*out = good ? (unsigned)value : 0;
	return good;
}

enum which {
	OPT_IMAGES = 256,
	OPT_WORK,
	OPT_WORKER,
	OPT_BUNDLE,
	OPT_CONFIG,
	OPT_LOG,
	OPT_CASE,
	OPT_BEFORE,
	OPT_AFTER,
	OPT_DISK,
	OPT_OUT,
	OPT_CONSOLE,
	OPT_GDB,
	OPT_HOLD,
	OPT_UNTIL,
	OPT_CUT,
	OPT_CUT_DELAY,
	OPT_CUT_SEED,
	OPT_CUT_FORM,
	OPT_FAULT,
	OPT_SAY,
	OPT_REPORT_DOWN,
	OPT_WITNESS,
	OPT_LOGWRITES,
	OPT_PLAIN,
	OPT_SNAPSHOTS,
	OPT_SNAPSHOT_MAKE,
	OPT_TIMEOUT,
	OPT_PLUGIN,
	OPT_HELP
};

static const struct option options[] = {
    {"images", required_argument, NULL, OPT_IMAGES},
    {"work", required_argument, NULL, OPT_WORK},
    {"worker", required_argument, NULL, OPT_WORKER},
    {"bundle", required_argument, NULL, OPT_BUNDLE},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"log", required_argument, NULL, OPT_LOG},
    {"case", required_argument, NULL, OPT_CASE},
    {"before", no_argument, NULL, OPT_BEFORE},
    {"after", no_argument, NULL, OPT_AFTER},
    {"disk", required_argument, NULL, OPT_DISK},
    {"out", required_argument, NULL, OPT_OUT},
    {"console", no_argument, NULL, OPT_CONSOLE},
    {"gdb", required_argument, NULL, OPT_GDB},
    {"hold", no_argument, NULL, OPT_HOLD},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"cut", required_argument, NULL, OPT_CUT},
    {"cut-delay-us", required_argument, NULL, OPT_CUT_DELAY},
    {"cut-seed", required_argument, NULL, OPT_CUT_SEED},
    {"cut-form", required_argument, NULL, OPT_CUT_FORM},
    {"fault", required_argument, NULL, OPT_FAULT},
    {"say", required_argument, NULL, OPT_SAY},
    {"report-down", no_argument, NULL, OPT_REPORT_DOWN},
    {"witness", required_argument, NULL, OPT_WITNESS},
    {"blklogwrites", required_argument, NULL, OPT_LOGWRITES},
    {"plain", required_argument, NULL, OPT_PLAIN},
    {"snapshots", required_argument, NULL, OPT_SNAPSHOTS},
    {"snapshot-make", no_argument, NULL, OPT_SNAPSHOT_MAKE},
    {"timeout-s", required_argument, NULL, OPT_TIMEOUT},
    {"plugin", required_argument, NULL, OPT_PLUGIN},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* Where the start comes from, and what the board does. */
static bool set_board(struct command *c, int option, const char *text)
{
	switch (option) {
	case OPT_BUNDLE:
		c->run.bundle = text;
		return true;
	case OPT_CONFIG:
		return put_line(c->config, &c->config_count, text);
	case OPT_HOLD:
		return c->run.hold = true;
	case OPT_UNTIL:
		return set_until(c, text);
	case OPT_CUT:
		return set_cut(c, text);
	case OPT_CUT_DELAY:
		return set_number(text, UINT32_MAX, &c->run.cut.delay_us);
	case OPT_CUT_SEED:
		return set_number(text, UINT32_MAX, &c->run.cut.seed);
	case OPT_CUT_FORM:
		return set_form(c, text);
	case OPT_FAULT:
		return put_line(c->faults, &c->faults_count, text);
	case OPT_SAY:
		return put_line(c->say, &c->say_count, text);
	case OPT_REPORT_DOWN:
		return c->run.report_down = true;
	case OPT_TIMEOUT:
		if (!set_number(text, 1000000, &c->run.deadline_ms))
			return false;
		c->run.deadline_ms *= 1000;
		return true;
	default:
		return false;
	}
}

static bool set_option(struct command *c, int option, const char *text)
{
	switch (option) {
	case OPT_IMAGES:
		c->options.images = text;
		return true;
	case OPT_WORK:
		c->options.work = text;
		return true;
	case OPT_WORKER:
		return set_number(text, 1000, &c->options.worker);
	case OPT_PLUGIN:
		c->options.plugin = text;
		return true;
	case OPT_LOG:
		return set_log(c, text);
	case OPT_CASE:
		return yp_case_decode(text, &c->state) == 0;
	case OPT_BEFORE:
	case OPT_AFTER:
		c->before = option == OPT_BEFORE;
		return true;
	case OPT_DISK:
		c->disk = text;
		return true;
	case OPT_OUT:
		c->run.log = text;
		return true;
	case OPT_CONSOLE:
		c->run.console_fd = STDOUT_FILENO;
		return true;
	case OPT_GDB:
		c->run.gdb = text;
		return true;
	case OPT_WITNESS:
		c->run.witness = text;
		return true;
	case OPT_LOGWRITES:
		c->run.blklogwrites = text;
		return true;
	case OPT_PLAIN:
		c->run.plain = text;
		return true;
	case OPT_SNAPSHOTS:
		c->run.snapshots = text;
		return true;
	case OPT_SNAPSHOT_MAKE:
		return c->run.snapshot_make = true;
	default:
		return set_board(c, option, text);
	}
}

static bool set_verb(struct command *c, const char *verb)
{
	if (strcmp(verb, "record") == 0) {
		(void)snprintf(c->bundle, sizeof c->bundle, "%.200s/update-2.0.ota", c->options.images);
		if (!c->run.bundle)
			c->run.bundle = c->bundle;
		c->run.hold = true;
		return c->run.log;
	}
	return strcmp(verb, "run") == 0 || (strcmp(verb, "recover") == 0 && c->start.count > 0);
}

/* 0; or an exit status and one, below zero. */
static int parse_options(int argc, char **argv, struct command *c)
{
	int option;
	c->options =
	    (struct yp_emulator_options){.images = "build/qemu", .work = "build/qemu-work", .plugin = QEMU_PLUGIN};
	c->run.cut.form = YP_FORM_SAMPLE;
	c->run.config = c->config;
	c->run.faults = c->faults;
	c->run.say = c->say;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPT_HELP) {
			(void)fputs(usage, stdout);
			return -1;
		}
		if (option == '?')
			return -EXIT_USAGE - 1;
		if (!set_option(c, option, optarg)) {
			(void)fprintf(stderr,
				      "qemu-rig: \"%s\" is no value for this option, or one too many; see --help\n",
				      optarg ? optarg : "");
			return -EXIT_USAGE - 1;
		}
	}
	if (optind + 1 != argc || !set_verb(c, argv[optind])) {
		(void)fputs("qemu-rig: record needs --out, recover needs --log; see --help\n", stderr);
		return -EXIT_USAGE - 1;
	}
	if (c->state.count > c->start.count) {
		(void)fprintf(stderr, "qemu-rig: the case has %u cuts, but there are %u logs (--log)\n", c->state.count,
			      c->start.count);
		return -EXIT_USAGE - 1;
	}
	if (c->before && c->state.count > 0) {
		struct yp_cut *last = &c->state.cuts[c->state.count - 1];
		*last = (struct yp_cut){.entry = last->entry, .form = YP_FORM_ALL, .torn = -1};
	}
	for (unsigned i = 0; i < c->state.count; i++)
		c->start.from[i].cut = &c->state.cuts[i];
	return 0;
}

static void print_boot(const struct yp_emulator_boot *boot, unsigned n)
{
	(void)printf("boot %u: bootloader chose %c%s after %" PRId64 " ms; up: slot %c, version %s, after %" PRId64
		     " ms; %s after %" PRId64 " ms\n",
		     n, boot->slot ? boot->slot : '-',
		     boot->resumed ? " (snapshot)"
		     : boot->back  ? " (back from a trial)"
				   : "",
		     boot->decision_ms, boot->up_slot ? boot->up_slot : '-', *boot->version ? boot->version : "-",
		     boot->up_ms, yp_emulator_end_name(boot->end), boot->end_ms);
}

static void print_result(const struct yp_emulator_result *r)
{
	for (unsigned i = 0; i < r->boots && i < YP_EMULATOR_BOOTS_MAX; i++)
		print_boot(&r->boot[i], i + 1);
	for (unsigned i = 0; i < r->verbs && i < YP_EMULATOR_VERBS_MAX; i++)
		(void)printf("ota %s (boot %u): exit %d, %s\n", r->verb[i].verb, r->verb[i].boot + 1, r->verb[i].exit,
			     r->verb[i].reason);
	for (unsigned i = 0; i < r->reports && i < YP_EMULATOR_REPORTS_MAX; i++)
		(void)printf("report: %s\n", r->report[i]);
	if (r->marks > 0) {
		(void)printf("marks:");
		for (unsigned i = 0; i < r->marks && i < YP_EMULATOR_MARKS_MAX; i++)
			(void)printf(" %s", r->mark[i]);
		(void)printf("\n");
	}
	if (*r->output)
		(void)fputs(r->output, stdout);
	if (r->errors > 0)
		(void)printf("complaints: %u, first: %s\n", r->errors, r->error);
	for (unsigned i = 0; i < r->cycles && i < YP_EMULATOR_CYCLES_MAX; i++) {
		if (*r->cycle[i].log || *r->cycle[i].cut)
			(void)printf("log %s: %" PRIu64 " entries%s%s\n", r->cycle[i].log, r->cycle[i].entries,
				     *r->cycle[i].cut ? ", cut " : "", r->cycle[i].cut);
	}
	(void)printf("%s%s%s; %u boots, %u requests, %" PRIu64 " bytes served; decision %" PRId64 " ms, up %" PRId64
		     " ms, all %" PRId64 " ms; QEMU %ld KiB\n",
		     yp_emulator_final_name(r->final), *r->detail ? ": " : "", r->detail, r->boots, r->requests,
		     r->bytes_served, r->decision_ms, r->up_ms, r->all_ms, r->qemu_rss_kib);
}

static int run_board(struct yp_emulator *rig, struct command *c, struct yp_emulator_result *result)
{
	char detail[DETAIL_BYTES] = "";
	if (c->run.witness && mkdir(c->run.witness, 0700) < 0 && errno != EEXIST) {
		(void)fprintf(stderr, "qemu-rig: %s: %s\n", c->run.witness, strerror(errno));
		return EXIT_RIG;
	}
	if (c->run.gdb)
		(void)printf("gdb-multiarch -ex 'target remote %s' (it waits; \"continue\" starts it)\n", c->run.gdb);
	int r = yp_emulator_run(rig, &c->start, &c->run, result);
	print_result(result);
	if (r < 0)
		return EXIT_RIG;
	int status = result->final == YP_EMULATOR_IDLE || result->final == YP_EMULATOR_REACHED ? EXIT_DONE : EXIT_OTHER;
	if (c->run.witness) {
		r = yp_emulator_compare(rig, &c->start, result, c->run.witness, detail, sizeof detail);
		(void)printf("%s\n", detail);
		status = r < 0 ? EXIT_RIG : r > 0 ? EXIT_OTHER : status;
	}
	return status;
}

static int save_disk(struct yp_emulator *rig, const struct command *c)
{
	if (mkdir(c->disk, 0700) < 0 && errno != EEXIST) {
		(void)fprintf(stderr, "qemu-rig: %s: %s\n", c->disk, strerror(errno));
		return EXIT_RIG;
	}
	int r = yp_emulator_save(rig, &c->start, c->disk);
	if (r < 0)
		(void)fprintf(stderr, "qemu-rig: %s: %s; do logs and case fit?\n", c->disk, strerror(-r));
	else
		(void)printf("%s/card.img, %s/disk.img\n", c->disk, c->disk);
	return r < 0 ? EXIT_RIG : EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct command *c = calloc(1, sizeof *c);
	struct yp_emulator_result *result = calloc(1, sizeof *result);
	struct yp_emulator *rig = NULL;
	char detail[DETAIL_BYTES] = "";
	int status = EXIT_RIG;
	if (c && result) {
		int r = parse_options(argc, argv, c);
		if (r < 0) {
			status = -r - 1;
			goto out;
		}
		(void)setvbuf(stdout, NULL, _IOLBF, 0);
		r = yp_emulator_new(&c->options, &rig, detail, sizeof detail);
		if (r < 0) {
			(void)fprintf(stderr, "qemu-rig: %s\n", *detail ? detail : strerror(-r));
			goto out;
		}
		status = c->disk ? save_disk(rig, c) : run_board(rig, c, result);
	}
out:
	yp_emulator_free(rig);
	free(result);
	free(c);
	return status;
}
