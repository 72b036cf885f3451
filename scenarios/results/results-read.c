/* SPDX-License-Identifier: Apache-2.0 */
#include "results/results.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct yp_digest {
	EVP_MD_CTX *md;
};

int yp_digest_new(struct yp_digest **out)
{
	struct yp_digest *digest = calloc(1, sizeof *digest);
	if (!digest)
		return -ENOMEM;
	digest->md = EVP_MD_CTX_new();
	if (!digest->md || !EVP_DigestInit_ex(digest->md, EVP_sha256(), NULL)) {
		yp_digest_free(digest);
		return -ENOMEM;
	}
	*out = digest;
	return 0;
}

void yp_digest_free(struct yp_digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->md);
	free(digest);
}

void yp_digest_text(struct yp_digest *digest, const char *text)
{
	(void)EVP_DigestUpdate(digest->md, text, strlen(text) + 1);
}

void yp_digest_bytes(struct yp_digest *digest, const void *data, size_t bytes)
{
	(void)EVP_DigestUpdate(digest->md, data, bytes);
}

void yp_digest_end(struct yp_digest *digest, char out[YP_DIGEST_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
	(void)EVP_DigestFinal_ex(digest->md, bytes, NULL);
	for (size_t i = 0; i < (YP_DIGEST_TEXT - 1) / 2; i++) {
		out[2 * i] = hex[bytes[i] >> 4];
		out[2 * i + 1] = hex[bytes[i] & 15];
	}
	out[YP_DIGEST_TEXT - 1] = 0;
}

struct place {
	const struct yp_result *result;
};

static int by_scenario(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->result->scenario, ((const struct place *)b)->result->scenario);
}

void yp_results_digest(const struct yp_result *results, size_t count, char out[YP_DIGEST_TEXT])
{
	(void)snprintf(out, YP_DIGEST_TEXT, "%s", "");
	struct place *sorted = calloc(count + 1, sizeof *sorted);
	struct yp_digest *digest = NULL;
	if (sorted && yp_digest_new(&digest) == 0) {
		for (size_t i = 0; i < count; i++)
			sorted[i].result = &results[i];
		qsort(sorted, count, sizeof *sorted, by_scenario);
		for (size_t i = 0; i < count; i++) {
			yp_digest_text(digest, sorted[i].result->scenario);
			yp_digest_text(digest, yp_verdict_text(sorted[i].result->verdict));
			yp_digest_text(digest, sorted[i].result->digest);
		}
		yp_digest_end(digest, out);
	}
	yp_digest_free(digest);
	free(sorted);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));
	return value > 0 ? (uint64_t)value : 0;
}

int yp_result_parse(const json_t *line, struct yp_result *out)
{
	*out = (struct yp_result){0};
	const json_t *stats = json_object_get(line, "stats");
	if (strcmp(text_of(line, "type"), "scenario") != 0 || yp_verdict_find(text_of(line, "verdict"), &out->verdict))
		return 1;
	(void)snprintf(out->scenario, sizeof out->scenario, "%s", text_of(line, "scenario"));
	(void)snprintf(out->reason, sizeof out->reason, "%s", text_of(line, "reason"));
	(void)snprintf(out->digest, sizeof out->digest, "%s", text_of(line, "digest"));
	(void)snprintf(out->sentence, sizeof out->sentence, "%s", text_of(line, "sentence"));
	(void)snprintf(out->note, sizeof out->note, "%s", text_of(stats, "note"));
	(void)snprintf(out->bounded_by, sizeof out->bounded_by, "%s", text_of(stats, "bounded_by"));
	const char *replay = text_of(line, "replay");
	const char *id = strrchr(replay, ' ');
	(void)snprintf(out->failing, sizeof out->failing, "%s", id ? id + 1 : "");
	out->beyond = *text_of(line, "expected") != 0;
	out->duration_ms = number_of(line, "duration_ms");
	out->stats = (struct yp_stats){
	    .enumerated = number_of(stats, "enumerated"),
	    .distinct = number_of(stats, "distinct"),
	    .canonical = number_of(stats, "canonical"),
	    .run = number_of(stats, "run"),
	    .settled = number_of(stats, "settled"),
	    .audited = number_of(stats, "audited"),
	    .disagreed = number_of(stats, "disagreed"),
	    .failed = number_of(stats, "failed"),
	    .sampled = number_of(stats, "sampled"),
	    .settled_firm = number_of(stats, "settled_by_reads"),
	    .unrun = number_of(stats, "not_run"),
	    .boots = number_of(stats, "boots"),
	    .depth = (unsigned)number_of(stats, "depth"),
	    .closed = json_is_true(json_object_get(stats, "closed")),
	};
	out->explored = json_is_true(json_object_get(stats, "explored"));
	out->by_class = json_is_true(json_object_get(stats, "by_class"));
	out->cases = number_of(stats, "cases");
	out->fails = number_of(stats, "fails");
	out->bytes = number_of(stats, "bytes");
	out->bytes_most = number_of(stats, "bytes_most");
	out->bytes_honest = number_of(stats, "bytes_honest");
	out->head_flips = number_of(stats, "head_flips");
	out->head_flips_rejected = number_of(stats, "head_flips_rejected");
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
