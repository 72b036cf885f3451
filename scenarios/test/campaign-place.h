/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_TEST_CAMPAIGN_PLACE_H
#define SCENARIOS_TEST_CAMPAIGN_PLACE_H

#include <sys/types.h>

#include "command/verbs.h"

/* A folder with small scenarios of every outcome, and campaigns on them. Asserts on what cannot happen. */
struct place {
	char dir[128];
	char scenarios[160];
};

void place_make(struct place *p);
void place_remove_tree(const char *dir);
void place_put(const char *path, const char *text);
/* A path inside for results. */
void place_out_dir(const struct place *p, const char *name, char out[192]);
/* The command's own entry, in a process of its own: NULL-terminated arguments; quiet. */
pid_t place_start(int (*verb)(int, char **), const char *const *arguments);
int place_status_of(pid_t pid); /* exit status, or minus the signal */
/* `yankproof run` with up to four more arguments, two jobs. */
int place_run(const struct place *p, const char *out, const char *a, const char *b, const char *c, const char *d);

/* What results.jsonl holds. */
struct place_results {
	unsigned campaigns, logs, cases, scenarios, ends;
	char digest[YP_DIGEST_TEXT];
	char reason[256];
	char ids[4096][YP_ID_MAX / 8];
	enum yp_verdict verdicts[4096];
	json_int_t counted;
};
int place_count_line(void *ctx, const char *text, size_t bytes, json_t *line); /* ctx: struct place_results */
struct place_results *place_read_results(const char *dir);                     /* free() */
void place_digest_of(const char *dir, char out[YP_DIGEST_TEXT]);

#endif
