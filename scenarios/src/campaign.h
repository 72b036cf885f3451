/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_CAMPAIGN_H
#define SCENARIOS_CAMPAIGN_H

#include <stdio.h>

#include "results.h"

/* A campaign: scenarios in worker processes, one each, into one results.jsonl. */
#define BP_JOBS_MAX     64u
#define BP_SHARDS_MAX   1000u
#define BP_EXIT_USAGE   2
#define BP_EXIT_ERROR   3
#define BP_EXIT_STOPPED 5

struct bp_campaign {
	const struct bp_scenario **scenarios; /* sorted by name */
	size_t count;
	const char *dir;
	struct bp_campaign_head head;
	unsigned jobs;
	uint64_t seconds_max; /* of a scenario's machines; 0: as each scenario says */
	bool resume;
	bool progress; /* show the progress line on stderr */
	FILE *out;     /* the summary */
};

/* Exit status as RESULTS.md says. */
int bp_campaign_run(const struct bp_campaign *campaign) __attribute__((warn_unused_result));

/*
 * What is done already: results[i] for scenario i if finished[i]; the file then holds the head and the lines of those
 * only. 0, -errno, 1 = these are other results, detail says how they differ.
 */
int bp_campaign_resume(const struct bp_campaign *campaign, struct bp_result *results, bool *finished, char *detail,
		       size_t detail_bytes) __attribute__((warn_unused_result));
/* Rewrites dir/results.jsonl: the head, and the lines of scenarios whose finished[i] is set. Atomic. 0 or -errno. */
int bp_campaign_compact(const struct bp_campaign *campaign, const bool *finished) __attribute__((warn_unused_result));

/* The printed summary. */
void bp_summary_scenario(FILE *f, const char *group, const struct bp_result *result);
void bp_summary_total(FILE *f, const struct bp_result *results, size_t count, uint64_t duration_ms);
/* 1234567 as "1,234,567" into out (32 bytes); returns out. */
char *bp_summary_number(uint64_t value, char out[32]);

/* The progress line on stderr. */
struct bp_progress {
	bool on;
	size_t total, done;
	uint64_t shown_ms, start_ms;
	uint64_t frontier_ms, frontier;
	uint64_t last_states, last_ms;
};
void bp_progress_show(struct bp_progress *progress, const char *scenario, const struct bp_stats *stats,
		      uint64_t frontier, uint64_t now_ms);
void bp_progress_clear(const struct bp_progress *progress);

#endif
