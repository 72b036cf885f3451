/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_COMMAND_VERBS_H
#define SCENARIOS_COMMAND_VERBS_H

#include "campaign/campaign.h"
#include "rigs/session.h"

/* The verbs of the command: argv[0] is the verb. Each returns the exit status. */
int yp_verb_run(int argc, char **argv);
int yp_verb_replay(int argc, char **argv);
int yp_verb_explain(int argc, char **argv);
int yp_verb_list(int argc, char **argv);
int yp_verb_lint(int argc, char **argv);
int yp_verb_log(int argc, char **argv);
int yp_verb_report(int argc, char **argv);
int yp_verb_merge(int argc, char **argv);
int yp_verb_coverage(int argc, char **argv);
int yp_verb_baseline(int argc, char **argv);
int yp_verb_cuts(int argc, char **argv);

/* run --log: a log over a scenario's media, and what it is to be like (or NULL). Exit status. */
int yp_run_log(const struct yp_scenario *scenario, const char *images, const char *path, const char *like);

#define YP_SCENARIOS_DIR "scenarios"
#define YP_RESULTS_DIR   "results"

/* "yankproof: ..." on stderr; returns YP_EXIT_USAGE. */
int yp_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says so; returns YP_EXIT_ERROR. */
int yp_no_memory(void);
/* After a getopt error, which said what is wrong. */
int yp_usage_hint(const char *verb);
int yp_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out) __attribute__((warn_unused_result));
/* "I/N", I from 1 to N. 0 or -EINVAL. */
int yp_parse_shard(const char *text, unsigned *shard, unsigned *shards) __attribute__((warn_unused_result));

/*
 * Scenarios by arguments: each a path (with a '/' or ending in .yaml), a name, a group or a tag; none: all of dir. Of
 * these, those that carry every tag of `tags`. 0, or an exit status with the error said.
 */
int yp_select(const char *dir, char *const *arguments, int count, const char *const *tags, unsigned tag_count,
	      struct yp_catalog *out) __attribute__((warn_unused_result));
#define YP_SELECT_TAGS_MAX 16u
/* Over names and files: what two campaigns, or two shards, must share to be one. 0 or -errno. */
int yp_selection_digest(const struct yp_catalog *catalog, char out[YP_DIGEST_TEXT]) __attribute__((warn_unused_result));
int yp_program_digest(char out[YP_DIGEST_TEXT]) __attribute__((warn_unused_result)); /* of /proc/self/exe */
/* One scenario, by path or name. Same returns. */
int yp_select_one(const char *dir, const char *argument, struct yp_scenario *out) __attribute__((warn_unused_result));

#endif
