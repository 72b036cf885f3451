/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_CASES_H
#define SCENARIOS_CASES_H

#include "results.h"

/*
 * Takes the cases of one scenario as they end: into the digest, each; into results.jsonl, each as long as there are
 * few, then in classes: cases that agree in first entry, one cut or several, step, fault, form, verdict, invariant,
 * label and settled become one line with a count and the id of the first. The digest does not know of classes.
 */
#define BP_CASES_WHOLE_MAX   2000u /* PASS lines written one by one */
#define BP_CASES_FAILED_MAX  1000u /* other lines written one by one */
#define BP_CASES_CLASSES_MAX 16384u

struct bp_cases;
/* fd -1: counts and digests only. */
int bp_cases_new(int fd, const char *scenario, struct bp_cases **out) __attribute__((warn_unused_result));
void bp_cases_free(struct bp_cases *cases);
int bp_cases_add(struct bp_cases *cases, const struct bp_case_line *line) __attribute__((warn_unused_result));
/* Writes the classes; fills result's verdict (the worst of the cases), cases, fails, digest and failing. */
int bp_cases_end(struct bp_cases *cases, struct bp_result *result) __attribute__((warn_unused_result));
/* The line of the story as it is, and of a finding in its log; what only one rig knows (catalogue, reason) is left empty. id: BP_ID_MAX bytes. */
struct bp_case_line bp_case_of_story(const char *scenario, uint64_t seed, const struct bp_outcome *story, char *id);
struct bp_case_line bp_case_of_finding(const char *scenario, uint64_t seed, const struct bp_log *log,
				       const struct bp_finding *finding, char *id);
uint64_t bp_cases_count(const struct bp_cases *cases);

#endif
