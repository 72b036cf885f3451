/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_DEFECTS_PLANT_DEFECTS_H
#define SCENARIOS_DEFECTS_PLANT_DEFECTS_H

#include <sys/types.h>

#include "command/verbs.h"

/* The negative controls: planted defects, each built once, each to be found. */
#define MUTANTS_MAX     64u
#define MUTANT_NAME_MAX 48u
#define MUTANTS_OUT     "build/mutants"

/* One row: a defect, the rig that searches for it, and the result. */
struct mutant {
	char name[MUTANT_NAME_MAX];
	const struct yp_scenario_rig *rig;
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

struct mutant_options {
	const char *tag, *only;
	const char *rig; /* rows of this rig only; NULL: of all but those whose images take minutes */
	unsigned jobs;
};

/* Its defect is looked for by the whole campaign of a tag, and by random kills. Else one scenario is run. */
bool mutant_has_campaign(const struct mutant *m);
/* Its defect must be built into images first. */
bool mutant_needs_images(const struct mutant *m);

/* mutants-list.c: the chosen rows of a CSV file; how many. */
unsigned mutants_read(const char *path, const struct mutant_options *o, struct mutant out[MUTANTS_MAX]);

/* run-defect.c */
/* Runs a campaign: of the tag, or of one scenario. Exit status of `program`. */
int mutant_campaign(const char *program, const char *dir, const char *tag, const char *scenario, const char *jobs,
		    const struct yp_scenario_rig *rig);
/* Builds the defect and looks for it, in a process of its own. Exit status: 0 done, 2 could not be built or run. */
int mutant_run(struct mutant *m, const struct mutant_options *o);
/* Reads the result of that process from its files. */
void mutant_learn(struct mutant *m, bool built);

/* mutants-matrix.c */
void mutants_print(FILE *f, const struct mutant *mutants, unsigned count, int clean);
/* As JSON lines. 0 or -errno. */
int mutants_write(const char *path, const struct mutant *mutants, unsigned count) __attribute__((warn_unused_result));

#endif
