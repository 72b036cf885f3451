/* SPDX-License-Identifier: Apache-2.0 */
/* Prints which planted defects were found, as a table and as JSON lines. */
#include "defects/plant-defects.h"

#include <errno.h>
#include <jansson.h>

static void print_row(FILE *f, const struct mutant *m)
{
	char cases[32];
	if (!m->built) {
		(void)fprintf(f, "%-24s %-7s ERROR     could not be built or run, see build/mutant-%s/build.log\n",
			      m->name, m->rig->terms.name, m->name);
		return;
	}
	(void)fprintf(f, "%-24s %-7s %-8s %6s %6.1f  %-8s %6llu  %-38s %s\n", m->name, m->rig->terms.name,
		      m->killed ? "killed" : "SURVIVED", yp_summary_number(m->cases, cases), m->seconds,
		      !mutant_has_campaign(m) ? "-"
		      : m->baseline_killed    ? "killed"
					      : "survived",
		      (unsigned long long)m->trials,
		      !m->killed    ? "-"
		      : *m->failing ? m->failing
				    : "(audit)",
		      !m->as_expected     ? "SURVIVED"
		      : *m->expected_case ? m->expected_case
					  : "(audit)");
}

int mutants_write(const char *path, const struct mutant *mutants, unsigned count)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		const struct mutant *m = &mutants[i];
		json_t *row = json_pack("{s:s, s:s, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:b, s:I}",
					"name", m->name, "rig", m->rig->terms.name, "built", (int)m->built, "killed",
					(int)m->killed, "as_expected", (int)m->as_expected, "expected", m->expected,
					"scenario", m->scenario, "case", m->failing, "sentence", m->sentence,
					"expected_case", m->expected_case, "expected_sentence", m->expected_sentence,
					"cases", (json_int_t)m->cases, "seconds", m->seconds, "baseline_killed",
					(int)m->baseline_killed, "baseline_trials", (json_int_t)m->trials);
		if (row)
			(void)json_dumpf(row, f, JSON_COMPACT);
		(void)fputc('\n', f);
		json_decref(row);
	}
	return fclose(f) ? -errno : 0;
}

void mutants_print(FILE *f, const struct mutant *mutants, unsigned count, int clean)
{
	(void)fprintf(f, "%-24s %-7s %-8s %6s %6s  %-8s %6s  %-38s %s\n", "planted defect", "rig", "harness", "cases",
		      "s", "kill -9", "trials", "first found by", "expected scenario");
	for (unsigned i = 0; i < count; i++)
		print_row(f, &mutants[i]);
	unsigned killed = 0;
	unsigned expected = 0;
	unsigned random = 0;
	unsigned in_sim = 0;
	for (unsigned i = 0; i < count; i++) {
		in_sim += mutant_has_campaign(&mutants[i]);
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
