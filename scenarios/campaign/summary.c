/* SPDX-License-Identifier: Apache-2.0 */
/* What a campaign prints: a line for each scenario, the sum, the progress. */
#include "campaign/campaign.h"

#include <inttypes.h>
#include <string.h>

char *yp_summary_number(uint64_t value, char out[32])
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%" PRIu64, value);
	size_t used = 0;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[used++] = ',';
		out[used++] = digits[i];
	}
	out[used] = 0;
	return out;
}

static void print_figure(FILE *f, const char *what, uint64_t value)
{
	char text[32];
	(void)fprintf(f, "  %s %s", what, yp_summary_number(value, text));
}

static void print_reach(FILE *f, const struct yp_result *r)
{
	if (!r->stats.closed) {
		(void)fprintf(f, "  bounded by %s", r->bounded_by);
		return;
	}
	(void)fprintf(f, "  closed, depth %u", r->stats.depth);
	if (r->stats.sampled)
		print_figure(f, "cuts sampled", r->stats.sampled);
}

void yp_summary_scenario(FILE *f, const char *group, const struct yp_result *r)
{
	char name[YP_SCENARIO_NAME_MAX + 40];
	(void)snprintf(name, sizeof name, "%s/%s", group, r->scenario);
	(void)fprintf(f, "%-5s %-40s", yp_verdict_text(r->verdict), name);
	if (r->explored) {
		print_figure(f, "enumerated", r->stats.enumerated);
		print_figure(f, "distinct", r->stats.distinct);
		print_figure(f, "run", r->stats.run);
		print_figure(f, "settled", r->stats.settled);
		print_figure(f, "audited", r->stats.audited);
		print_reach(f, r);
	} else if (r->verdict != YP_SKIP) {
		print_figure(f, "cases", r->cases);
	}
	if (r->bytes_honest) {
		print_figure(f, "fetched", r->bytes);
		print_figure(f, "bytes, at most", r->bytes_most);
		print_figure(f, "in a case (honest", r->bytes_honest);
		(void)fputc(')', f);
	}
	if (r->verdict != YP_SKIP)
		(void)fprintf(f, "  %.1f s", (double)r->duration_ms / 1000);
	if (r->beyond && r->verdict == YP_PASS)
		(void)fprintf(f, "  expected to fail, and did");
	if (*r->reason && (r->verdict != YP_PASS || r->beyond))
		(void)fprintf(f, "%s%s", r->verdict == YP_SKIP ? "  " : "\n      ", r->reason);
	(void)fprintf(f, "\n");
	if (*r->note)
		(void)fprintf(f, "      %s\n", r->note);
	if (*r->sentence)
		(void)fprintf(f, "      %s\n", r->sentence);
	if (*r->failing)
		(void)fprintf(f, "      yankproof replay '%s'\n", r->failing);
}

/* "proved" is printed only if every exploration closed without sampling; otherwise the bounds of the claim. */
static void print_claim(FILE *f, const struct yp_result *results, size_t count, enum yp_verdict worst)
{
	size_t explored = 0;
	size_t open = 0;
	size_t sampled = 0;
	size_t by_class = 0;
	const char *bound = "";
	for (size_t i = 0; i < count; i++) {
		const struct yp_result *r = &results[i];
		if (!r->explored || r->beyond)
			continue;
		explored++;
		sampled += r->stats.closed && r->stats.sampled;
		by_class += r->stats.closed && r->by_class;
		if (!r->stats.closed && !open++)
			bound = r->bounded_by;
	}
	if (!explored || worst > YP_SKIP)
		return;
	if (!open && !sampled && by_class)
		(void)fprintf(
		    f,
		    "      bounded by classes: %zu of %zu explorations closed over classes of which some members were "
		    "run\n",
		    by_class, explored);
	else if (!open && !sampled)
		(void)fprintf(f,
			      "      proved: %zu of %zu explorations closed: this holds for any number of power cuts\n",
			      explored, explored);
	else if (open)
		(void)fprintf(f, "      bounded by %s in %zu of %zu explorations\n", bound, open, explored);
	else
		(void)fprintf(
		    f,
		    "      bounded by samples: %zu of %zu explorations closed over sampled subsets of large epochs\n",
		    sampled, explored);
}

/* For rigs that list their cases: bytes, and the exhaustive part in one line. */
static void print_listed(FILE *f, const struct yp_result *results, size_t count)
{
	struct yp_result all = {0};
	char a[32];
	char b[32];
	for (size_t i = 0; i < count; i++) {
		all.cases += results[i].bytes_honest ? results[i].cases : 0;
		all.bytes += results[i].bytes;
		all.head_flips += results[i].head_flips;
		all.head_flips_rejected += results[i].head_flips_rejected;
		if (results[i].bytes_most > all.bytes_most)
			all.bytes_most = results[i].bytes_most;
	}
	if (all.cases) {
		(void)fprintf(f, "      fetched %s bytes in %s cases of images and network",
			      yp_summary_number(all.bytes, a), yp_summary_number(all.cases, b));
		(void)fprintf(f, ", at most %s in one\n", yp_summary_number(all.bytes_most, a));
	}
	if (all.head_flips)
		(void)fprintf(
		    f,
		    "      %s of %s single-bit flips of header, manifest, index and signature rejected before any "
		    "write\n",
		    yp_summary_number(all.head_flips_rejected, a), yp_summary_number(all.head_flips, b));
}

void yp_summary_failure(FILE *f, const struct yp_scenario *scenario, const struct yp_result *failure, uint64_t ms)
{
	(void)fprintf(f, "FAIL  %s/%s  found after %.1f s: %s\n      yankproof replay '%s'\n", scenario->group,
		      scenario->name, (double)ms / 1000, failure->reason, failure->failing);
}

void yp_summary_total(FILE *f, const struct yp_result *results, size_t count, uint64_t duration_ms)
{
	unsigned tally[YP_FAIL + 1] = {0};
	enum yp_verdict worst = YP_PASS;
	uint64_t states = 0;
	uint64_t cases = 0;
	for (size_t i = 0; i < count; i++) {
		tally[results[i].verdict]++;
		states += results[i].stats.enumerated;
		cases += results[i].cases;
		if (results[i].verdict > worst)
			worst = results[i].verdict;
	}
	char digest[YP_DIGEST_TEXT];
	char a[32];
	char b[32];
	yp_results_digest(results, count, digest);
	if (worst == YP_SKIP && tally[YP_PASS])
		worst = YP_PASS;
	(void)fprintf(
	    f,
	    "%-5s %zu scenario%s: %u passed, %u failed, %u errors, %u missed, %u skipped; %s states enumerated, "
	    "%s cases judged, %.1f s\n",
	    yp_verdict_text(worst), count, count == 1 ? "" : "s", tally[YP_PASS], tally[YP_FAIL], tally[YP_ERROR],
	    tally[YP_MISS], tally[YP_SKIP], yp_summary_number(states, a), yp_summary_number(cases, b),
	    (double)duration_ms / 1000);
	print_claim(f, results, count, worst);
	print_listed(f, results, count);
	(void)fprintf(f, "      digest %s\n", digest);
}

/* The remaining time is printed only while the frontier shrinks; before, it is unknown. */
void yp_progress_show(struct yp_progress *p, const char *scenario, const struct yp_stats *stats, uint64_t frontier,
		      uint64_t now_ms)
{
	if (!p->on || now_ms - p->shown_ms < 200)
		return;
	char rate[32];
	char states[32];
	char left[64] = "";
	uint64_t judged = stats->run + stats->settled;
	uint64_t since_ms = now_ms - p->last_ms;
	uint64_t per_s = since_ms && judged >= p->last_states ? (judged - p->last_states) * 1000 / since_ms : 0;
	if (frontier >= p->frontier) {
		p->frontier = frontier;
		p->frontier_ms = now_ms;
	} else if (now_ms > p->frontier_ms + 1000) {
		(void)snprintf(left, sizeof left, ", about %" PRIu64 " s left",
			       frontier * (now_ms - p->frontier_ms) / (p->frontier - frontier) / 1000);
	}
	p->shown_ms = now_ms;
	p->last_ms = now_ms;
	p->last_states = judged;
	bool explores = stats->enumerated > 0;
	(void)fprintf(stderr, "\r%zu of %zu  %s: %s %s, %s/s, %s %" PRIu64 "%s\033[K", p->done, p->total, scenario,
		      yp_summary_number(explores ? stats->enumerated : judged, states), explores ? "states" : "cases",
		      yp_summary_number(per_s, rate), explores ? "frontier" : "to go", frontier, left);
	(void)fflush(stderr);
}

void yp_progress_clear(const struct yp_progress *progress)
{
	if (progress->on)
		(void)fputs("\r\033[K", stderr);
}
