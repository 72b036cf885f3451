/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CI_REPORT_REPORT_RESULTS_H
#define CI_REPORT_REPORT_RESULTS_H

#include <jansson.h>
#include <stddef.h>

/*
 * A results.jsonl (ci/RESULTS.md) folded into what reports show. One JSON object:
 *   campaign   the campaign line
 *   end        the end line, or null: the campaign was stopped before its end
 *   scenarios  [ the scenario line, and in it:
 *                media, entries, findings   of its log line ([] without one)
 *                classes   of its classes line; not there without one
 *                matrix    [{step, fault, verdict, count}]
 *                cuts      [{entry, step, form, label, verdict, count, ids: [first few]}], by entry
 *                failures  [{id, step, invariant, text, fault, verdict}], the first FAILURES_MAX
 *                board     [case lines of a real board: those with landings, and its checklist], the first BOARD_MAX;
 *                          not there without any
 *                faults    [names, sorted] ]
 * A scenario without a scenario line is kept with verdict ERROR and reason "did not end"; one that the campaign names
 * and never began with "was not run" (SKIP if the campaign was to end at its first failure, and ended).
 */
#define RESULTS_LINE_MAX     (16u * 1024u * 1024u)
#define RESULTS_FAILURES_MAX 200u
#define RESULTS_IDS_MAX      3u
#define RESULTS_BOARD_MAX    1000u

/* *out: json_decref(). 0; -errno; 1 = malformed or no campaign, detail says which line and why. */
int results_load(const char *path, json_t **out, char *detail, size_t detail_bytes) __attribute__((warn_unused_result));

/* Members of a JSON object with a default, borrowed. */
const char *results_text(const json_t *object, const char *key);  /* "" if missing */
json_int_t results_number(const json_t *object, const char *key); /* 0 if missing */

int junit_write(const json_t *results, const char *path) __attribute__((warn_unused_result)); /* 0 or -errno */
int html_write(const json_t *results, const char *path) __attribute__((warn_unused_result));  /* 0 or -errno */

#endif
