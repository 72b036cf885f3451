/* SPDX-License-Identifier: Apache-2.0 */
/* Reads results.jsonl, and a scenario's line back. */
#include "results/results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const char *read_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static uint64_t read_number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));
	return value > 0 ? (uint64_t)value : 0;
}

int yp_result_parse(const json_t *line, struct yp_result *out)
{
	*out = (struct yp_result){0};
	const json_t *stats = json_object_get(line, "stats");
	if (strcmp(read_text(line, "type"), "scenario") != 0 ||
	    yp_verdict_find(read_text(line, "verdict"), &out->verdict))
		return 1;
	(void)snprintf(out->scenario, sizeof out->scenario, "%s", read_text(line, "scenario"));
	(void)snprintf(out->reason, sizeof out->reason, "%s", read_text(line, "reason"));
	(void)snprintf(out->digest, sizeof out->digest, "%s", read_text(line, "digest"));
	(void)snprintf(out->sentence, sizeof out->sentence, "%s", read_text(line, "sentence"));
	(void)snprintf(out->note, sizeof out->note, "%s", read_text(stats, "note"));
	(void)snprintf(out->bounded_by, sizeof out->bounded_by, "%s", read_text(stats, "bounded_by"));
	const char *replay = read_text(line, "replay");
	const char *id = strrchr(replay, ' ');
	(void)snprintf(out->failing, sizeof out->failing, "%s", id ? id + 1 : "");
	out->beyond = *read_text(line, "expected") != 0;
	out->duration_ms = read_number(line, "duration_ms");
	out->stats = (struct yp_stats){
	    .enumerated = read_number(stats, "enumerated"),
	    .distinct = read_number(stats, "distinct"),
	    .canonical = read_number(stats, "canonical"),
	    .run = read_number(stats, "run"),
	    .settled = read_number(stats, "settled"),
	    .audited = read_number(stats, "audited"),
	    .disagreed = read_number(stats, "disagreed"),
	    .failed = read_number(stats, "failed"),
	    .sampled = read_number(stats, "sampled"),
	    .settled_firm = read_number(stats, "settled_by_reads"),
	    .unrun = read_number(stats, "not_run"),
	    .boots = read_number(stats, "boots"),
	    .depth = (unsigned)read_number(stats, "depth"),
	    .closed = json_is_true(json_object_get(stats, "closed")),
	};
	out->explored = json_is_true(json_object_get(stats, "explored"));
	out->by_class = json_is_true(json_object_get(stats, "by_class"));
	out->cases = read_number(stats, "cases");
	out->fails = read_number(stats, "fails");
	out->bytes = read_number(stats, "bytes");
	out->bytes_most = read_number(stats, "bytes_most");
	out->bytes_honest = read_number(stats, "bytes_honest");
	out->head_flips = read_number(stats, "head_flips");
	out->head_flips_rejected = read_number(stats, "head_flips_rejected");
	return 0;
}

int yp_results_read(const char *path, yp_results_sink *on_line, void *ctx, char *detail, size_t detail_bytes)
{
	FILE *f = fopen(path, "r");
	if (!f) {
		(void)snprintf(detail, detail_bytes, "%s: %s", path, strerror(errno));
		return -errno;
	}
	char *text = NULL;
	size_t room = 0;
	unsigned long number = 0;
	int result = 0;
	ssize_t n;
	while (!result && (n = getline(&text, &room, f)) > 0) {
		json_error_t error;
		number++;
		if (text[n - 1] != '\n')
			break; /* killed in the middle of a line */
		json_t *line = (size_t)n > YP_RESULTS_LINE_MAX ? NULL : json_loadb(text, (size_t)n, 0, &error);
		if (json_is_object(line)) {
			result = on_line(ctx, text, (size_t)n, line);
		} else {
			(void)snprintf(detail, detail_bytes,
				       "%s:%lu:1: not a JSON object; was it written by yankproof?", path, number);
			result = 1;
		}
		json_decref(line);
	}
	if (!result && ferror(f))
		result = -EIO;
	free(text);
	(void)fclose(f);
	return result;
}
