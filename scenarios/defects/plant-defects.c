/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The negative controls: builds the house once for each planted defect of scenarios/defects/mutants.csv, runs the same
 * campaign on each, and random kills for as long, for comparison. A row of another rig than sim runs its one scenario. A defect that survives means that the harness is
 * blind to it: exit 1. The clean core must pass the same campaign. Runs from the root of the repository;
 * build/release/yankproof must be there.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/verbs.h"

#define MUTANTS_MAX     64u
#define MUTANT_NAME_MAX 48u
#define MUTANTS_OUT     "build/mutants"
#define BASELINE_MIN_S  1.0
#define BOARD_SECONDS   "150" /* of the emulated boards: each row, and the clean core on each row's scenario */
#define CSV_COLUMNS_MAX 12u
#define CSV_LINE_MAX    1024

struct mutant {
	char name[MUTANT_NAME_MAX];
	char rig[8];
	char expected[YP_SCENARIO_NAME_MAX]; /* the scenario that must kill it, "" for any */
	bool started;
	pid_t pid;
	/* what came of it */
	bool built, killed, as_expected;
	char scenario[YP_SCENARIO_NAME_MAX];
	char failing[YP_ID_MAX];
	char sentence[512];
	char expected_case[YP_ID_MAX]; /* found by the expected scenario, the lint left out */
	char expected_sentence[512];
	uint64_t cases;
	double seconds;
	bool baseline_killed;
	uint64_t trials;
};

struct options {
	const char *tag, *only;
	const char *rig; /* rows of this rig only; NULL: of all but qemu, whose images take minutes */
	unsigned jobs;
};

/* ---- running programs ---- */

static int run_program(char *const *argv, const char *log)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (log && !freopen(log, "a", stdout))
			_exit(126);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	int status = 0;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* ---- results ---- */

struct tally {
	struct mutant *mutant;
	uint64_t before; /* cases of the scenarios that passed until then */
};

static int tally_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct tally *tally = ctx;
	struct yp_result result;
	(void)text;
	(void)bytes;
	if (yp_result_parse(line, &result))
		return 0;
	struct mutant *m = tally->mutant;
	m->cases += result.cases;
	m->seconds += (double)result.duration_ms / 1000;
	if (result.verdict != YP_FAIL || m->killed)
		return 0;
	m->killed = true;
	(void)snprintf(m->scenario, sizeof m->scenario, "%s", result.scenario);
	(void)snprintf(m->failing, sizeof m->failing, "%s", result.failing);
	(void)snprintf(m->sentence, sizeof m->sentence, "%s", *result.sentence ? result.sentence : result.reason);
	return 0;
}

static bool read_results(struct mutant *m, const char *dir)
{
	char path[512];
	char detail[YP_DETAIL_MAX];
	struct tally tally = {.mutant = m};
	(void)snprintf(path, sizeof path, "%s/%s", dir, YP_RESULTS_FILE);
	return yp_results_read(path, tally_line, &tally, detail, sizeof detail) == 0;
}

static bool read_baseline(struct mutant *m, const char *path)
{
	json_error_t error;
	json_t *line = json_load_file(path, 0, &error);
	m->baseline_killed = json_is_true(json_object_get(line, "killed"));
	m->trials = (uint64_t)json_integer_value(json_object_get(line, "trials"));
	bool good = json_is_object(line);
	json_decref(line);
	return good;
}

/* ---- one mutant, in a process of its own ---- */

static int campaign(const char *program, const char *dir, const char *tag, const char *scenario, const char *jobs,
		    bool board)
{
	char log[PATH_MAX];
	char *argv[16];
	int n = 0;
	(void)snprintf(log, sizeof log, "%s.log", dir);
	argv[n++] = strdup(program);
	argv[n++] = strdup("run");
	argv[n++] = strdup("--fail-fast");
	argv[n++] = strdup("-o");
	argv[n++] = strdup(dir);
	argv[n++] = strdup("--jobs");
	argv[n++] = strdup(jobs);
	if (board) {
		argv[n++] = strdup("--limit-seconds");
		argv[n++] = strdup(BOARD_SECONDS);
	}
	if (scenario && !board)
		argv[n++] = strdup("--no-lint");
	argv[n++] = strdup(scenario ? scenario : "--tag");
	if (!scenario)
		argv[n++] = strdup(tag);
	argv[n] = NULL;
	int status = run_program(argv, log);
	while (n)
		free(argv[--n]);
	return status;
}

static int baseline(const char *program, const struct mutant *m, const char *tag, const char *out)
{
	char seconds[32];
	(void)snprintf(seconds, sizeof seconds, "%.2f", m->seconds > BASELINE_MIN_S ? m->seconds : BASELINE_MIN_S);
	char *argv[] = {strdup(program),           strdup("baseline"), strdup("--seconds"),
			strdup(seconds),           strdup("--tag"),    strdup(tag),
			strdup("--output-format"), strdup("json"),     NULL};
	(void)unlink(out);
	int status = run_program(argv, out);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	return status;
}

static bool is_sim(const struct mutant *m)
{
	return strcmp(m->rig, "sim") == 0;
}

static bool is_qemu(const char *rig)
{
	return strcmp(rig, "qemu") == 0;
}

/* The emulated board with the mutant's updater on it; taken away again, for it is large. */
static int board_images(const struct mutant *m)
{
	char log[PATH_MAX];
	char word[MUTANT_NAME_MAX + 8];
	/* What the rows' scenarios need; all the bad versions would take longer than finding the defect. */
	static const char *const files[] = {"card.img", "update-2.0.ota", "update-health-fails.ota"};
	char make[] = "make", quiet[] = "--no-print-directory";
	char targets[3][PATH_MAX];
	char *argv[] = {make, quiet, word, targets[0], targets[1], targets[2], NULL};
	(void)snprintf(word, sizeof word, "MUTANT=%s", m->name);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		(void)snprintf(targets[i], sizeof targets[i], "build/qemu-mutant-%s/%s", m->name, files[i]);
	(void)snprintf(log, sizeof log, "build/mutant-%s/images.log", m->name);
	return run_program(argv, log);
}

static void drop_images(const struct mutant *m)
{
	char dir[PATH_MAX];
	char rm[] = "rm", option[] = "-rf";
	char *argv[] = {rm, option, dir, NULL};
	(void)snprintf(dir, sizeof dir, "build/qemu-mutant-%s", m->name);
	(void)run_program(argv, NULL);
}

/* Where the results of a row go: one mutant may have a row for each rig. */
static void folder(const struct mutant *m, char out[256])
{
	(void)snprintf(out, 256, "%s/%s%s%s", MUTANTS_OUT, m->name, is_sim(m) ? "" : ".", is_sim(m) ? "" : m->rig);
}

/* Exit status of the child: 0 done (killed or not: the results say), 2 could not be built or run. */
static int work(struct mutant *m, const struct options *o)
{
	char program[PATH_MAX];
	char dir[256];
	char expected[256];
	char random[PATH_MAX];
	char script[] = "scenarios/defects/build-defect.sh";
	char *build[] = {script, m->name, NULL};
	(void)snprintf(program, sizeof program, "build/mutant-%s/yankproof", m->name);
	folder(m, dir);
	(void)snprintf(expected, sizeof expected, "%s/%s-expected", MUTANTS_OUT, m->name);
	(void)snprintf(random, sizeof random, "%s/%s-baseline.json", MUTANTS_OUT, m->name);
	if (run_program(build, NULL) || (is_qemu(m->rig) && board_images(m)))
		return 2;
	int status = campaign(program, dir, o->tag, is_sim(m) ? NULL : m->expected, "1", is_qemu(m->rig));
	if (is_qemu(m->rig) && !o->only)
		drop_images(m);
	if (status != 0 && status != 1 && status != 3)
		return 2;
	if (!read_results(m, dir))
		return 2;
	/* One scenario, and its rig failed: that is no answer. */
	if (!is_sim(m))
		return status == 3 ? 2 : 0;
	if (*m->expected)
		(void)campaign(program, expected, NULL, m->expected, "1", false);
	status = baseline(program, m, o->tag, random);
	return status == 0 || status == 1 ? 0 : 2;
}

/* The parent learns what the child did from the files it left. */
static void learn(struct mutant *m, bool built)
{
	char path[256];
	struct mutant expected = {.killed = false};
	m->built = built;
	if (!built)
		return;
	folder(m, path);
	m->built = read_results(m, path);
	if (!is_sim(m)) {
		m->as_expected = m->killed;
		(void)snprintf(m->expected_case, sizeof m->expected_case, "%s", m->failing);
		(void)snprintf(m->expected_sentence, sizeof m->expected_sentence, "%s", m->sentence);
		return;
	}
	(void)snprintf(path, sizeof path, "%s/%s-baseline.json", MUTANTS_OUT, m->name);
	m->built = m->built && read_baseline(m, path);
	m->as_expected = m->killed && !*m->expected;
	if (m->killed && *m->expected) {
		(void)snprintf(path, sizeof path, "%s/%s-expected", MUTANTS_OUT, m->name);
		m->as_expected = read_results(&expected, path) && expected.killed;
		(void)snprintf(m->expected_case, sizeof m->expected_case, "%s", expected.failing);
		(void)snprintf(m->expected_sentence, sizeof m->expected_sentence, "%s", expected.sentence);
	}
}

/* ---- the list ---- */

/* A line into columns, in place. No quoting: the file is ours. */
static unsigned split(char *line, char *columns[CSV_COLUMNS_MAX])
{
	unsigned count = 0;
	line[strcspn(line, "\r\n")] = 0;
	while (count < CSV_COLUMNS_MAX) {
		columns[count++] = line;
		char *comma = strchr(line, ',');
		if (!comma)
			break;
		*comma = 0;
		line = comma + 1;
	}
	return count;
}

static bool chosen(const char *name, const char *only)
{
	size_t length = strlen(name);
	for (const char *at = only; at && *at;) {
		size_t n = strcspn(at, ",");
		if (n == length && strncmp(at, name, n) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return !only;
}

static unsigned column_of(char *const *columns, unsigned count, const char *name)
{
	unsigned i = 0;
	while (i < count && strcmp(columns[i], name) != 0)
		i++;
	return i;
}

/* Is this row asked for? sim, and the rigs that run one scenario: those need one. */
static bool row_chosen(const struct options *o, const char *name, const char *rig, const char *scenario)
{
	static const char *const others[] = {"images", "host", "qemu"};
	bool known = strcmp(rig, "sim") == 0;
	if (o->rig ? strcmp(rig, o->rig) != 0 : is_qemu(rig))
		return false;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		known = known || (strcmp(rig, others[i]) == 0 && *scenario);
	return known && *name && chosen(name, o->only);
}

static unsigned read_list(const char *path, const struct options *o, struct mutant *out)
{
	char line[CSV_LINE_MAX];
	char heading[CSV_LINE_MAX];
	char *columns[CSV_COLUMNS_MAX];
	char *names[CSV_COLUMNS_MAX];
	FILE *f = fopen(path, "r");
	if (!f || !fgets(heading, sizeof heading, f)) {
		if (f)
			(void)fclose(f);
		return 0;
	}
	unsigned width = split(heading, names);
	unsigned name = column_of(names, width, "name");
	unsigned rig = column_of(names, width, "rig");
	unsigned scenario = column_of(names, width, "scenario");
	unsigned count = 0;
	while (count < MUTANTS_MAX && fgets(line, sizeof line, f)) {
		unsigned n = split(line, columns);
		if (name >= n || rig >= n ||
		    !row_chosen(o, columns[name], columns[rig], scenario < n ? columns[scenario] : ""))
			continue;
		(void)snprintf(out[count].rig, sizeof out[count].rig, "%s", columns[rig]);
		(void)snprintf(out[count].name, sizeof out[count].name, "%s", columns[name]);
		if (scenario < n)
			(void)snprintf(out[count].expected, sizeof out[count].expected, "%s", columns[scenario]);
		count++;
	}
	(void)fclose(f);
	return count;
}

/* ---- the matrix ---- */

static void print_row(FILE *f, const struct mutant *m)
{
	char cases[32];
	if (!m->built) {
		(void)fprintf(f, "%-24s %-6s ERROR     could not be built or run, see build/mutant-%s/build.log\n",
			      m->name, m->rig, m->name);
		return;
	}
	(void)fprintf(f, "%-24s %-6s %-8s %6s %6.1f  %-8s %6llu  %-38s %s\n", m->name, m->rig,
		      m->killed ? "killed" : "SURVIVED", yp_summary_number(m->cases, cases), m->seconds,
		      !is_sim(m)           ? "-"
		      : m->baseline_killed ? "killed"
					   : "survived",
		      (unsigned long long)m->trials,
		      !m->killed    ? "-"
		      : *m->failing ? m->failing
				    : "(audit)",
		      !m->as_expected     ? "SURVIVED"
		      : *m->expected_case ? m->expected_case
					  : "(audit)");
}

static int write_rows(const char *path, const struct mutant *mutants, unsigned count)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		const struct mutant *m = &mutants[i];
		json_t *row =
		    json_pack("{s:s, s:s, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:b, s:I}", "name",
			      m->name, "rig", m->rig, "built", (int)m->built, "killed", (int)m->killed, "as_expected",
			      (int)m->as_expected, "expected", m->expected, "scenario", m->scenario, "case", m->failing,
			      "sentence", m->sentence, "expected_case", m->expected_case, "expected_sentence",
			      m->expected_sentence, "cases", (json_int_t)m->cases, "seconds", m->seconds,
			      "baseline_killed", (int)m->baseline_killed, "baseline_trials", (json_int_t)m->trials);
		if (row)
			(void)json_dumpf(row, f, JSON_COMPACT);
		(void)fputc('\n', f);
		json_decref(row);
	}
	return fclose(f) ? -errno : 0;
}

static void print_matrix(FILE *f, const struct mutant *mutants, unsigned count, int clean)
{
	(void)fprintf(f, "%-24s %-6s %-8s %6s %6s  %-8s %6s  %-38s %s\n", "planted defect", "rig", "harness", "cases",
		      "s", "kill -9", "trials", "first found by", "expected scenario");
	for (unsigned i = 0; i < count; i++)
		print_row(f, &mutants[i]);
	unsigned killed = 0;
	unsigned expected = 0;
	unsigned random = 0;
	unsigned in_sim = 0;
	for (unsigned i = 0; i < count; i++) {
		in_sim += is_sim(&mutants[i]);
		killed += mutants[i].built && mutants[i].killed;
		expected += mutants[i].as_expected;
		random += mutants[i].baseline_killed;
	}
	(void)fprintf(
	    f,
	    "%u of %u planted defects killed, %u by the expected scenario; random kill -9 in the same time: %u of %u; "
	    "clean core: %s\n",
	    killed, count, expected, random, in_sim, clean == 0 ? "PASS" : "FAIL");
}

/* ---- all of them, a few at a time ---- */

/* The next row that may start: two of one mutant share a build folder, so not while another of its rows runs. */
static struct mutant *next_row(struct mutant *mutants, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		bool busy = mutants[i].started;
		for (unsigned k = 0; k < count && !busy; k++)
			busy = mutants[k].pid > 0 && strcmp(mutants[k].name, mutants[i].name) == 0;
		if (!busy)
			return &mutants[i];
	}
	return NULL;
}

static void run_all(struct mutant *mutants, unsigned count, const struct options *o)
{
	unsigned alive = 0;
	struct mutant *m;
	while ((m = next_row(mutants, count)) || alive) {
		while (m && alive < o->jobs) {
			m->started = true;
			(void)fflush(NULL);
			m->pid = fork();
			if (m->pid == 0)
				_exit(work(m, o));
			alive += m->pid > 0;
			m = next_row(mutants, count);
		}
		int status = 0;
		pid_t pid = wait(&status);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return;
		alive--;
		for (unsigned i = 0; i < count; i++) {
			if (mutants[i].pid != pid)
				continue;
			mutants[i].pid = 0;
			learn(&mutants[i], WIFEXITED(status) && WEXITSTATUS(status) == 0);
			(void)fprintf(stderr, "%s: %s\n", mutants[i].name,
				      !mutants[i].built   ? "ERROR"
				      : mutants[i].killed ? "killed"
							  : "SURVIVED");
		}
	}
}

static int finish(const struct mutant *mutants, unsigned count, int clean, const char *rig)
{
	char text[64];
	char rows[64];
	(void)snprintf(text, sizeof text, MUTANTS_OUT "/matrix%s%.16s.txt", rig ? "-" : "", rig ? rig : "");
	(void)snprintf(rows, sizeof rows, MUTANTS_OUT "/matrix%s%.16s.jsonl", rig ? "-" : "", rig ? rig : "");
	FILE *f = fopen(text, "w");
	int status = clean == 0 ? 0 : 1;
	print_matrix(stdout, mutants, count, clean);
	if (f)
		print_matrix(f, mutants, count, clean);
	if (!f || fclose(f) || write_rows(rows, mutants, count)) {
		(void)fprintf(stderr, "mutants: cannot write %s: %s\n", MUTANTS_OUT, strerror(errno));
		status = 3;
	}
	for (unsigned i = 0; i < count; i++) {
		if (!mutants[i].built)
			status = 3;
		else if ((!mutants[i].killed || !mutants[i].as_expected) && status == 0)
			status = 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"only", required_argument, NULL, 'o'}, {"tag", required_argument, NULL, 't'},
	    {"rig", required_argument, NULL, 'r'},  {"jobs", required_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},       {0}};
	struct options o = {.tag = "mutants", .jobs = 2};
	uint64_t jobs = 0;
	int option;
	while ((option = getopt_long(argc, argv, "j:h", long_options, NULL)) != -1) {
		if (option == 'o') {
			o.only = optarg;
		} else if (option == 'r') {
			o.rig = optarg;
		} else if (option == 't') {
			o.tag = optarg;
		} else if (option == 'j' && yp_parse_u64(optarg, 1, YP_JOBS_MAX, &jobs) == 0) {
			o.jobs = (unsigned)jobs;
		} else {
			(void)fputs("Usage: yankproof-mutants [--only NAME,...] [--rig R] [--tag T] [--jobs N]\n"
				    "Exit status: 0 all killed and the clean core passes, 1 not so, 3 ERROR.\n",
				    option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : YP_EXIT_USAGE;
		}
	}
	struct mutant *mutants = calloc(MUTANTS_MAX, sizeof *mutants);
	if (!mutants)
		return YP_EXIT_ERROR;
	unsigned count = read_list("scenarios/defects/mutants.csv", &o, mutants);
	if (!count) {
		(void)fprintf(stderr, "mutants: none is selected from scenarios/defects/mutants.csv\n");
		free(mutants);
		return YP_EXIT_USAGE;
	}
	(void)mkdir("build", 0755);
	(void)mkdir(MUTANTS_OUT, 0755);
	int clean = 0;
	if (!o.rig || strcmp(o.rig, "sim") == 0)
		clean = campaign("build/release/yankproof", MUTANTS_OUT "/clean", o.tag, NULL, "2", false);
	/* The clean core must pass what the other rigs' rows run, too. */
	for (unsigned i = 0; i < count; i++) {
		bool known = is_sim(&mutants[i]);
		char dir[256];
		for (unsigned k = 0; k < i && !known; k++)
			known = !is_sim(&mutants[k]) && strcmp(mutants[k].expected, mutants[i].expected) == 0;
		(void)snprintf(dir, sizeof dir, "%s/clean-%s", MUTANTS_OUT, mutants[i].expected);
		if (!known &&
		    campaign("build/release/yankproof", dir, NULL, mutants[i].expected, "2", is_qemu(mutants[i].rig)))
			clean = 1;
	}
	run_all(mutants, count, &o);
	int status = finish(mutants, count, clean, o.rig);
	free(mutants);
	return status;
}
