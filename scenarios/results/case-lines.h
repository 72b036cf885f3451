/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RESULTS_CASE_LINES_H
#define SCENARIOS_RESULTS_CASE_LINES_H

#include "results/results.h"

/*
 * Takes the cases of one scenario as they end: into the digest, each; into results.jsonl, each as long as there are
 * few, then in classes: cases that agree in first entry, one cut or several, step, fault, form, verdict, invariant,
 * label and settled become one line with a count and the id of the first. Classes do not affect the digest.
 */
#define YP_CASES_WHOLE_MAX   2000u /* PASS lines written one by one */
#define YP_CASES_FAILED_MAX  1000u /* other lines written one by one */
#define YP_CASES_CLASSES_MAX 16384u

struct yp_cases;
/* fd -1: counts and digests only. */
int yp_cases_new(int fd, const char *scenario, struct yp_cases **out) __attribute__((warn_unused_result));
void yp_cases_free(struct yp_cases *cases);
int yp_cases_add(struct yp_cases *cases, const struct yp_case_line *line) __attribute__((warn_unused_result));
/* Writes the classes; fills result's verdict (the worst of the cases), cases, fails, digest and failing. */
int yp_cases_end(struct yp_cases *cases, struct yp_result *result) __attribute__((warn_unused_result));
/* The line of the story as it is, and of a finding in its log; what only one rig knows (catalogue, reason) is left
 * empty. id: YP_ID_MAX bytes. */
struct yp_case_line yp_case_of_story(const char *scenario, uint64_t seed, const struct yp_outcome *story, char *id);
struct yp_case_line yp_case_of_finding(const char *scenario, uint64_t seed, const struct yp_log *log,
				       const struct yp_finding *finding, char *id);
/* The line of a crash state. text: the case's, c: the same taken apart; with no cut at all it is of the story. */
struct yp_case_line yp_case_of_cut(const char *scenario, uint64_t seed, const char *text, const struct yp_case *c,
				   const char *step, const struct yp_outcome *outcome, bool settled, char *id);
uint64_t yp_cases_count(const struct yp_cases *cases);

#endif
