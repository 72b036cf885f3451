/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RESULTS_RESULTS_H
#define SCENARIOS_RESULTS_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/case-text.h"
#include "file/scenario.h"

/* results.jsonl: its shape is documented in ci/RESULTS.md. */
#define YP_RESULTS_FILE     "results.jsonl"
#define YP_RESULTS_LINE_MAX ((size_t)16 * 1024 * 1024)
#define YP_DIGEST_TEXT      33u /* 128 bits in hex, and NUL */

/* Exit statuses, as RESULTS.md says; those of verdicts: yp_verdict_status(). */
#define YP_EXIT_USAGE   2
#define YP_EXIT_ERROR   3
#define YP_EXIT_STOPPED 5

/* The outcome of a scenario. Plain data: it travels through a pipe. */
struct yp_result {
	char scenario[YP_SCENARIO_NAME_MAX];
	enum yp_verdict verdict;
	char reason[256];
	uint64_t duration_ms;
	struct yp_stats stats;
	bool explored;  /* it had a power-cut: stats.closed means something */
	bool by_class;  /* closed over classes of which some members were run: no proof for each state */
	bool beyond;    /* expected to fail, see RESULTS.md: expected */
	uint64_t cases; /* judged, faults of the rig included */
	uint64_t fails; /* of them */
	uint64_t bytes, bytes_most, bytes_honest; /* fetched by all cases, by one, by an honest run */
	uint64_t head_flips, head_flips_rejected; /* of them before any write */
	char bounded_by[64];
	char digest[YP_DIGEST_TEXT];
	char sentence[512];
	char note[640];          /* what else a rig has to say, in one line */
	char failing[YP_ID_MAX]; /* id of the first failing case, "" for none */
	const char *replay;      /* the command that runs it again; NULL, as in all that travel: yankproof replay ID */
};

struct yp_case_line {
	const char *id, *fault, *step, *label, *invariant, *text, *form;
	long entry;
	unsigned cuts;
	enum yp_verdict verdict;
	bool settled;
	bool finding; /* of the lint: the cause of a failure, named only where no case shows the failure itself */
	uint32_t boots;
	const char *reason;           /* that the subject gave, "" or NULL: none, or not known */
	const char *catalogue;        /* ids that this very case covers, blanks between; NULL: none */
	const char *landings;         /* a JSON list of the cuts of a board, "" or NULL: none */
	uint64_t bytes, bytes_honest; /* 0: nothing is fetched */
	bool head_flip;               /* a single bit of header, manifest, index or signature */
};

struct yp_campaign_head {
	uint64_t seed;
	unsigned shard, shards; /* 1/1: all */
	uint64_t states_max;    /* 0: as each scenario says */
	bool fail_fast;
	bool no_lint;       /* findings of the lint do not count */
	const char *board;  /* --board; NULL: not given */
	char subjects[128]; /* names of the subjects of all scenarios that were selected, ", " between */
	/* Of all scenarios that were selected, before shards divide them: names and files. "": there was no selection.
	 */
	char selection[YP_DIGEST_TEXT];
	char program[YP_DIGEST_TEXT]; /* of this program, which has the core in it */
};

const char *yp_verdict_text(enum yp_verdict verdict);
int yp_verdict_find(const char *text, enum yp_verdict *out) __attribute__((warn_unused_result));
/* Exit status of a campaign whose worst verdict this is. */
int yp_verdict_status(enum yp_verdict verdict);

/*
 * Each appends one line to fd, which is open for reading as well. A line is written whole or not at all, also with
 * several writers. A line without room on the disk is removed; a partial line of a killed writer is removed before the
 * next one. 0 or -errno.
 */
int yp_results_line(int fd, json_t *line) __attribute__((warn_unused_result)); /* steals */
/* rigs [{name, sentence}] and equivalences [{name, argument}], of the scenarios' rigs: stolen. */
int yp_results_campaign(int fd, const struct yp_campaign_head *head, const struct yp_scenario *const *scenarios,
			size_t count, json_t *rigs, json_t *equivalences) __attribute__((warn_unused_result));
int yp_results_log(int fd, const char *scenario, const struct yp_log *log, const struct yp_finding *findings,
		   size_t finding_count) __attribute__((warn_unused_result));
/* The outcome of each class of crash states. classes: stolen. */
int yp_results_classes(int fd, const char *scenario, json_t *classes) __attribute__((warn_unused_result));
/* A case as JSON; NULL: out of memory. */
json_t *yp_results_case(const char *scenario, const struct yp_case_line *line);
int yp_results_scenario(int fd, const struct yp_scenario *scenario, const struct yp_result *result)
    __attribute__((warn_unused_result));
int yp_results_end(int fd, const struct yp_result *results, size_t count, uint64_t duration_ms)
    __attribute__((warn_unused_result));

/* The campaign's digest: over the scenarios' names, verdicts and digests, in order of names, not of their ends. */
void yp_results_digest(const struct yp_result *results, size_t count, char out[YP_DIGEST_TEXT]);
/* Back from a `scenario` line. 0, -ENOMEM or 1 = not one. */
int yp_result_parse(const json_t *line, struct yp_result *out) __attribute__((warn_unused_result));

/*
 * Calls on_line for each complete line: text as it stands, and parsed. A last line that was cut off in
 * the middle is left out. 0, -errno, 1 = malformed, or what on_line returned.
 */
typedef int yp_results_sink(void *ctx, const char *text, size_t bytes, json_t *line);
int yp_results_read(const char *path, yp_results_sink *on_line, void *ctx, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

/* SHA-256, its first half in hex: what all digests here are. */
struct yp_digest;
int yp_digest_new(struct yp_digest **out) __attribute__((warn_unused_result));
void yp_digest_free(struct yp_digest *digest);
void yp_digest_text(struct yp_digest *digest, const char *text); /* with its NUL */
void yp_digest_bytes(struct yp_digest *digest, const void *data, size_t bytes);
void yp_digest_end(struct yp_digest *digest, char out[YP_DIGEST_TEXT]);

#endif
