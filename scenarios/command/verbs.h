/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_COMMAND_VERBS_H
#define SCENARIOS_COMMAND_VERBS_H

#include "campaign/campaign.h"

/*
 * The verbs of the command, in the order of --help. Each is yp_verb_NAME(), in verb-NAME.c: argv[0] is the verb; it
 * returns the exit status.
 */
#define YP_VERBS(VERB)                                                                                                 \
	VERB(run, "run scenarios")                                                                                     \
	VERB(replay, "run one case again and print its story")                                                         \
	VERB(explain, "shrink a failing case and say it in one sentence")                                              \
	VERB(list, "show the scenarios")                                                                               \
	VERB(lint, "check a write log without any crash state")                                                        \
	VERB(log, "record a scenario's story and print or export its write log")                                       \
	VERB(report, "make the HTML report and the JUnit XML")                                                         \
	VERB(merge, "join the results of shards")                                                                      \
	VERB(coverage, "which entries of a catalogue of faults are covered")                                           \
	VERB(cuts, "outcomes of the power cuts of a real board, by step")                                              \
	VERB(baseline, "random kill -9, for comparison")                                                               \
	VERB(record, "run any updater and keep what it does to its media")                                             \
	VERB(explore, "cut the power of a recorded update everywhere, and run your own check")                         \
	VERB(mark, "from inside of record: put a mark into the log")

#define YP_VERB_DECLARE(name, text) int yp_verb_##name(int argc, char **argv);
YP_VERBS(YP_VERB_DECLARE)
#undef YP_VERB_DECLARE

#define YP_SCENARIOS_DIR "scenarios"
#define YP_RESULTS_DIR   "results"

/* Prints "yankproof: ..." on stderr; returns YP_EXIT_USAGE. */
int yp_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints an error for lack of memory; returns YP_EXIT_ERROR. */
int yp_no_memory(void);
/* After an error of getopt, which printed its own message. */
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
/* A digest over names and files: two campaigns, or two shards, must share it to be merged. 0 or -errno. */
int yp_selection_digest(const struct yp_catalog *catalog, char out[YP_DIGEST_TEXT]) __attribute__((warn_unused_result));
int yp_program_digest(char out[YP_DIGEST_TEXT]) __attribute__((warn_unused_result)); /* of /proc/self/exe */
/* One scenario, by path or name. Same returns. */
int yp_select_one(const char *dir, const char *argument, struct yp_scenario *out) __attribute__((warn_unused_result));
/* Records a scenario's story, on a rig that does. 0 or an exit status; yp_rig_session_deinit() in any case. */
int yp_open_story(const char *dir, const char *argument, struct yp_scenario *scenario, struct yp_rig_session *session,
		  struct yp_rig_story *story) __attribute__((warn_unused_result));

#endif
