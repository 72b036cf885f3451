/* SPDX-License-Identifier: Apache-2.0 */
/* One planted defect: built, looked for by its campaign or scenario, and by random kills. */
#include "defects/plant-defects.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASELINE_MIN_S  1.0
#define MACHINE_SECONDS "150" /* of machines: each row, and the clean core on each row's scenario */
#define IMAGES_MAX      8u

bool mutant_has_campaign(const struct mutant *m)
{
	return m->rig->run_fault != NULL;
}

bool mutant_needs_images(const struct mutant *m)
{
	return m->rig->mutant_images != NULL;
}

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

int mutant_campaign(const char *program, const char *dir, const char *tag, const char *scenario, const char *jobs,
		    const struct yp_scenario_rig *rig)

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
	bool machine = rig && rig->mutant_images;
	if (machine) {
		argv[n++] = strdup("--limit-seconds");
		argv[n++] = strdup(MACHINE_SECONDS);
	}
	if (scenario && !machine)
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

static int run_baseline(const char *program, const struct mutant *m, const char *tag, const char *out)
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

/* The machine's images with the mutant's updater in them; taken away again, for they are large. */
static int make_images(const struct mutant *m)
{
	char log[PATH_MAX];
	char word[MUTANT_NAME_MAX + 8];
	char make[] = "make", quiet[] = "--no-print-directory";
	char targets[IMAGES_MAX][PATH_MAX];
	char *argv[IMAGES_MAX + 4] = {make, quiet, word};
	const char *const *files = m->rig->mutant_images;
	(void)snprintf(word, sizeof word, "MUTANT=%s", m->name);
	for (size_t i = 0; i < IMAGES_MAX && files[i]; i++) {
		(void)snprintf(targets[i], sizeof targets[i], "build/qemu-mutant-%s/%s", m->name, files[i]);
		argv[3 + i] = targets[i];
	}
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
static void write_folder(const struct mutant *m, char out[256])
{
	(void)snprintf(out, 256, "%s/%s%s%s", MUTANTS_OUT, m->name, mutant_has_campaign(m) ? "" : ".",
		       mutant_has_campaign(m) ? "" : m->rig->terms.name);
}

int mutant_run(struct mutant *m, const struct mutant_options *o)
{
	char program[PATH_MAX];
	char dir[256];
	char expected[256];
	char random[PATH_MAX];
	char script[] = "scenarios/defects/build-defect.sh";
	char *build[] = {script, m->name, NULL};
	(void)snprintf(program, sizeof program, "build/mutant-%s/yankproof", m->name);
	write_folder(m, dir);
	(void)snprintf(expected, sizeof expected, "%s/%s-expected", MUTANTS_OUT, m->name);
	(void)snprintf(random, sizeof random, "%s/%s-baseline.json", MUTANTS_OUT, m->name);
	if (run_program(build, NULL) || (mutant_needs_images(m) && make_images(m)))
		return 2;
	int status = mutant_campaign(program, dir, o->tag, mutant_has_campaign(m) ? NULL : m->expected, "1", m->rig);
	if (mutant_needs_images(m) && !o->only)
		drop_images(m);
	if (status != 0 && status != 1 && status != 3)
		return 2;
	if (!read_results(m, dir))
		return 2;
	/* With one scenario a failing rig gives no result. */
	if (!mutant_has_campaign(m))
		return status == 3 ? 2 : 0;
	if (*m->expected)
		(void)mutant_campaign(program, expected, NULL, m->expected, "1", m->rig);
	status = run_baseline(program, m, o->tag, random);
	return status == 0 || status == 1 ? 0 : 2;
}

void mutant_learn(struct mutant *m, bool built)
{
	char path[256];
	struct mutant expected = {.killed = false};
	m->built = built;
	if (!built)
		return;
	write_folder(m, path);
	m->built = read_results(m, path);
	if (!mutant_has_campaign(m)) {
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
