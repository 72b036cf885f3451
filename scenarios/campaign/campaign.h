/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_CAMPAIGN_CAMPAIGN_H
#define SCENARIOS_CAMPAIGN_CAMPAIGN_H

#include <stdio.h>

#include "results/results.h"
#include "rigs/rig.h"

/* A campaign: scenarios in worker processes, one each, into one results.jsonl. */
#define YP_JOBS_MAX   64u
#define YP_SHARDS_MAX 1000u

struct yp_campaign {
	const struct yp_scenario **scenarios; /* sorted by name */
	size_t count;
	const char *dir;
	struct yp_campaign_head head;
	unsigned jobs;
	uint64_t seconds_max;         /* of a scenario's machines; 0: as each scenario says */
	uint64_t cases_after_failure; /* as struct yp_execute_options */
	bool resume;
	bool progress; /* show the progress line on stderr */
	FILE *out;     /* the summary */
};

/* Exit status as RESULTS.md says. */
int yp_campaign_run(const struct yp_campaign *campaign) __attribute__((warn_unused_result));

/*
 * Reads which scenarios have finished: results[i] for scenario i if finished[i]. Afterwards the file holds only the
 * head and their lines. 0, -errno, 1 = these are other results, detail says how they differ.
 */
int yp_campaign_resume(const struct yp_campaign *campaign, struct yp_result *results, bool *finished, char *detail,
		       size_t detail_bytes) __attribute__((warn_unused_result));
/* Rewrites dir/results.jsonl: the head, and the lines of scenarios whose finished[i] is set. Atomic. 0 or -errno. */
int yp_campaign_compact(const struct yp_campaign *campaign, const bool *finished) __attribute__((warn_unused_result));

/* The printed summary. */
/* A failure as it is found, after ms: of failure only id and reason are read. */
void yp_summary_failure(FILE *f, const struct yp_scenario *scenario, const struct yp_result *failure, uint64_t ms);
void yp_summary_scenario(FILE *f, const char *group, const struct yp_result *result);
void yp_summary_total(FILE *f, const struct yp_result *results, size_t count, uint64_t duration_ms);
/* 1234567 as "1,234,567" into out (32 bytes); returns out. */
char *yp_summary_number(uint64_t value, char out[32]);

/* The progress line on stderr. */
struct yp_progress {
	bool on;
	size_t total, done;
	uint64_t shown_ms, start_ms;
	uint64_t frontier_ms, frontier;
	uint64_t last_states, last_ms;
};
void yp_progress_show(struct yp_progress *progress, const char *scenario, const struct yp_stats *stats,
		      uint64_t frontier, uint64_t now_ms);
void yp_progress_clear(const struct yp_progress *progress);

#endif
