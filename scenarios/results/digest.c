/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of cases, scenarios and campaigns; and the words for verdicts, which are part of them. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/results.h"

static const char *const verdict_texts[] = {"PASS", "SKIP", "MISS", "ERROR", "FAIL"};

const char *yp_verdict_text(enum yp_verdict verdict)
{
	return verdict_texts[verdict];
}

int yp_verdict_find(const char *text, enum yp_verdict *out)
{
	for (unsigned i = 0; i < sizeof verdict_texts / sizeof *verdict_texts; i++) {
		if (strcmp(text, verdict_texts[i]) == 0) {
			*out = (enum yp_verdict)i;
			return 0;
		}
	}
	return -EINVAL;
}

int yp_verdict_status(enum yp_verdict verdict)
{
	static const int status[] = {[YP_PASS] = 0, [YP_SKIP] = 0, [YP_MISS] = 4, [YP_ERROR] = 3, [YP_FAIL] = 1};
	return status[verdict];
}

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
