/* SPDX-License-Identifier: Apache-2.0 */
/* Takes cases as they end: into the digest, and into lines of results, many alike as one. */
#include "results/case-lines.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct class
{
	uint64_t hash; /* 0: free */
	uint64_t count;
	uint64_t bytes; /* of the case that fetched most */
	json_t *line;
};

struct yp_cases {
	int fd;
	char scenario[YP_SCENARIO_NAME_MAX];
	struct yp_digest *digest;
	uint64_t count, passes, fails;
	bool passed; /* one at least did, skipped ones apart */
	enum yp_verdict worst;
	unsigned failing_cuts;
	enum yp_verdict failing_verdict;
	char failing[YP_ID_MAX];
	char reason[256];
	unsigned class_count;
	struct class classes[YP_CASES_CLASSES_MAX];
};

int yp_cases_new(int fd, const char *scenario, struct yp_cases **out)
{
	struct yp_cases *cases = calloc(1, sizeof *cases);
	if (!cases)
		return -ENOMEM;
	int result = yp_digest_new(&cases->digest);
	if (result) {
		free(cases);
		return result;
	}
	cases->fd = fd;
	(void)snprintf(cases->scenario, sizeof cases->scenario, "%s", scenario);
	*out = cases;
	return 0;
}

void yp_cases_free(struct yp_cases *cases)
{
	if (!cases)
		return;
	for (unsigned i = 0; i < YP_CASES_CLASSES_MAX; i++)
		json_decref(cases->classes[i].line);
	yp_digest_free(cases->digest);
	free(cases);
}

struct yp_case_line yp_case_of_cut(const char *scenario, uint64_t seed, const char *text, const struct yp_case *c,
				   const char *step, const struct yp_outcome *outcome, bool settled, char *id)
{
	yp_id_cut(scenario, seed, text, id);
	return (struct yp_case_line){.id = id,
				     .fault = "power-cut",
				     .step = step,
				     .label = outcome->label,
				     .invariant = yp_invariant_id(outcome->invariant),
				     .text = outcome->text,
				     .form = c->count ? yp_cut_kind(&c->cuts[0]) : "plain",
				     .entry = c->count ? (long)c->cuts[0].entry : -1,
				     .cuts = c->count,
				     .verdict = outcome->verdict,
				     .settled = settled,
				     .boots = outcome->boots};
}

uint64_t yp_cases_count(const struct yp_cases *cases)
{
	return cases->count;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* 64 bits stand for the key: with a few thousand classes a collision would only merge two counts. */
static uint64_t hash_class(const struct yp_case_line *line)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	hash = mix_text(hash, line->fault);
	hash = mix_text(hash, line->step);
	hash = mix_text(hash, line->form);
	hash = mix_text(hash, line->label);
	hash = mix_text(hash, line->invariant);
	hash = mix_text(hash, line->catalogue ? line->catalogue : "");
	hash = mix_text(hash, line->reason ? line->reason : "");
	hash = (hash ^ (uint64_t)line->entry) * UINT64_C(0x100000001b3);
	hash = (hash ^ ((uint64_t)line->verdict << 2 | (uint64_t)line->settled << 1 | (line->cuts > 1))) *
	       UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

/* 0 counted, 1 no room: write it whole. */
static int count_in_class(struct yp_cases *cases, const struct yp_case_line *line)
{
	uint64_t hash = hash_class(line);
	unsigned at = (unsigned)(hash % YP_CASES_CLASSES_MAX);
	while (cases->classes[at].hash && cases->classes[at].hash != hash)
		at = (at + 1) % YP_CASES_CLASSES_MAX;
	struct class *class = &cases->classes[at];
	if (!class->hash) {
		if (cases->class_count >= YP_CASES_CLASSES_MAX / 2)
			return 1;
		class->line = yp_results_case(cases->scenario, line);
		if (!class->line)
			return -ENOMEM;
		class->hash = hash;
		cases->class_count++;
	}
	class->count++;
	if (line->bytes > class->bytes)
		class->bytes = line->bytes;
	return 0;
}

/* The failing case that is named is the worst, and of those the one with the fewest cuts; a finding of the lint comes last. */
static void note_failing(struct yp_cases *cases, const struct yp_case_line *line)
{
	unsigned cuts = line->finding ? UINT_MAX : line->cuts;
	if (*cases->failing && (line->verdict < cases->failing_verdict ||
				(line->verdict == cases->failing_verdict && cuts >= cases->failing_cuts)))
		return;
	cases->failing_verdict = line->verdict;
	cases->failing_cuts = cuts;
	(void)snprintf(cases->failing, sizeof cases->failing, "%s", line->id);
	(void)snprintf(cases->reason, sizeof cases->reason, "%s%s%s", line->invariant, *line->invariant ? ": " : "",
		       line->text);
}

int yp_cases_add(struct yp_cases *cases, const struct yp_case_line *line)
{
	cases->count++;
	yp_digest_text(cases->digest, line->id);
	yp_digest_text(cases->digest, yp_verdict_text(line->verdict));
	yp_digest_text(cases->digest, line->label);
	bool good = line->verdict == YP_PASS || line->verdict == YP_SKIP;
	cases->passed = cases->passed || line->verdict == YP_PASS;
	if (line->verdict > cases->worst)
		cases->worst = line->verdict;
	if (!good)
		note_failing(cases, line);
	uint64_t *written = good ? &cases->passes : &cases->fails;
	++*written;
	if (cases->fd < 0)
		return 0;
	if (*written > (good ? YP_CASES_WHOLE_MAX : YP_CASES_FAILED_MAX)) {
		int result = count_in_class(cases, line);
		if (result <= 0)
			return result;
	}
	return yp_results_line(cases->fd, yp_results_case(cases->scenario, line));
}

int yp_cases_end(struct yp_cases *cases, struct yp_result *out)
{
	for (unsigned i = 0; i < YP_CASES_CLASSES_MAX; i++) {
		struct class *class = &cases->classes[i];
		if (!class->line)
			continue;
		json_t *line = class->line;
		class->line = NULL;
		if (json_object_set_new(line, "count", json_integer((json_int_t) class->count))) {
			json_decref(line);
			return -ENOMEM;
		}
		if (json_object_get(line, "bytes"))
			(void)json_object_set_new(line, "bytes", json_integer((json_int_t) class->bytes));
		int result = yp_results_line(cases->fd, line);
		if (result)
			return result;
	}
	/* Skipped cases do not change the verdict of passed ones. */
	out->verdict = cases->worst == YP_SKIP && cases->passed ? YP_PASS : cases->worst;
	out->cases = cases->count;
	out->fails = cases->fails;
	(void)snprintf(out->failing, sizeof out->failing, "%s", cases->failing);
	if (cases->worst > YP_SKIP)
		(void)snprintf(out->reason, sizeof out->reason, "%s", cases->reason);
	yp_digest_end(cases->digest, out->digest);
	return 0;
}

struct yp_case_line yp_case_of_story(const char *scenario, uint64_t seed, const struct yp_outcome *story, char *id)
{
	struct yp_sim_fault none = {.kind = YP_SIM_FAULT_NONE};
	yp_id_fault(scenario, seed, &none, id);
	return (struct yp_case_line){.id = id,
				     .fault = "none",
				     .step = "",
				     .label = story->label,
				     .invariant = yp_invariant_id(story->invariant),
				     .text = story->text,
				     .form = "",
				     .entry = -1,
				     .verdict = story->verdict,
				     .boots = story->boots};
}

struct yp_case_line yp_case_of_finding(const char *scenario, uint64_t seed, const struct yp_log *log,
				       const struct yp_finding *finding, char *id)
{
	yp_id_lint(scenario, seed, finding->rule, finding->entry, id);
	return (struct yp_case_line){.id = id,
				     .fault = "lint",
				     .finding = true,
				     .step = yp_log_step(log, finding->entry),
				     .label = "broken",
				     .invariant = "",
				     .text = finding->text,
				     .form = "",
				     .entry = (long)finding->entry,
				     .verdict = YP_FAIL};
}
