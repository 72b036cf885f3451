/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corrupt-run: offers every corrupted bundle to the core, in process, and prints the result.
 *
 *   corrupt-run [--seed=N] [--list] [--verbose] [FILTER]
 *   corrupt-run flip:BYTE.BIT|cut:BYTES|splice:BYTES.OTHER  IN OUT [OTHERFILE]     for the bundle of any updater
 *
 * Exit status: 0 all passed or skipped, 1 a case failed, or one of the reasons that images cause was never produced, 2
 * bad usage, 3 the forge failed, 4 a case changed nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "corrupt/corrupt.h"
#include "corrupt/plain-run.h"

#define SEED_DEFAULT   1u
#define GROUPS_MAX     24u
#define FAILURES_SHOWN 40u

struct group {
	char name[24];
	unsigned cases, rej_e, rej_l, ignored, failed, missed, skipped, errors;
	unsigned reasons[OTA_REASON_COUNT];
	uint64_t fetched_bytes, fetched_max_bytes;
};

struct totals {
	struct group groups[GROUPS_MAX];
	unsigned group_count;
	struct group all;
	unsigned head_flips, head_rejected;
};

/* "flp:manifest.17.3" belongs to "flp:manifest", "sig:wrong-eku" to "sig". */
static struct group *group_of(struct totals *totals, const char *id)
{
	char name[sizeof totals->groups[0].name];
	size_t n = strcspn(id, ":");
	if (strncmp(id, "flp:", 4) == 0 || strncmp(id, "trc:", 4) == 0) {
		size_t part = n + strcspn(id + n, ".");
		n = id[part] == '.' ? part : n;
	}
	(void)snprintf(name, sizeof name, "%.*s", (int)n, id);
	for (unsigned i = 0; i < totals->group_count; i++)
		if (strcmp(totals->groups[i].name, name) == 0)
			return &totals->groups[i];
	unsigned i = totals->group_count < GROUPS_MAX ? totals->group_count++ : GROUPS_MAX - 1;
	(void)snprintf(totals->groups[i].name, sizeof totals->groups[i].name, "%s", name);
	return &totals->groups[i];
}

static void count_case(struct group *group, const struct yp_corrupt_outcome *out)
{
	enum yp_verdict verdict = out->outcome.verdict;
	group->cases++;
	group->skipped += verdict == YP_SKIP;
	group->missed += verdict == YP_MISS;
	group->failed += verdict == YP_FAIL;
	group->errors += verdict == YP_ERROR;
	if (verdict == YP_SKIP || verdict == YP_MISS || verdict == YP_ERROR)
		return;
	group->rej_e += out->class == YP_CORRUPT_REJ_E;
	group->rej_l += out->class == YP_CORRUPT_REJ_L;
	group->ignored += out->class == YP_CORRUPT_IGNORED;
	group->reasons[out->reason]++;
	group->fetched_bytes += out->fetched_bytes;
	if (out->fetched_bytes > group->fetched_max_bytes)
		group->fetched_max_bytes = out->fetched_bytes;
}

static void print_group(const struct group *group)
{
	(void)printf(
	    "%-14s %6u cases %6u REJ-E %5u REJ-L %4u accepted %3u skipped %3u failed  fetched at most %8" PRIu64 "  ",
	    group->name, group->cases, group->rej_e, group->rej_l, group->ignored, group->skipped,
	    group->failed + group->missed + group->errors, group->fetched_max_bytes);
	for (int i = 0; i < OTA_REASON_COUNT; i++)
		if (group->reasons[i])
			(void)printf(" %s %u", ota_reason_name(i), group->reasons[i]);
	(void)printf("\n");
}

/* Reasons that an image, a server or a clock can cause; the others come from the device or the network. */
static bool of_images(int reason)
{
	return (reason > OTA_OK && reason <= OTA_KNOWN_BAD) || reason == OTA_NO_SPACE ||
	       (reason >= OTA_CHUNK_DECODE && reason <= OTA_READ_BACK) || reason == OTA_TRIAL_PENDING;
}

static unsigned print_reasons(const struct totals *totals)
{
	unsigned never = 0;
	(void)printf("reasons that images cause, produced:");
	for (int i = 0; i < OTA_REASON_COUNT; i++)
		if (of_images(i) && totals->all.reasons[i])
			(void)printf(" %s", ota_reason_name(i));
	(void)printf("\nreasons that images cause, never produced:");
	for (int i = 0; i < OTA_REASON_COUNT; i++) {
		if (of_images(i) && !totals->all.reasons[i]) {
			(void)printf(" %s", ota_reason_name(i));
			never++;
		}
	}
	(void)printf("%s\nother reasons:", never ? "" : " none");
	for (int i = 1; i < OTA_REASON_COUNT; i++)
		if (!of_images(i) && totals->all.reasons[i])
			(void)printf(" %s", ota_reason_name(i));
	(void)printf("\n");
	return never;
}

static void show_case(const struct yp_corrupt_case *c, const struct yp_corrupt_outcome *out,
		      const struct totals *totals, bool verbose)
{
	static const char *const names[] = {"PASS", "SKIP", "MISS", "ERROR", "FAIL"};
	enum yp_verdict verdict = out->outcome.verdict;
	bool bad = verdict >= YP_MISS;
	if (!verbose && (!bad || totals->all.failed + totals->all.missed + totals->all.errors > FAILURES_SHOWN))
		return;
	(void)printf("%-5s %-32s %-16s %-9s %-20s %s%s%s\n", names[verdict], c->id, c->catalogue,
		     verdict == YP_SKIP ? "" : out->outcome.label,
		     verdict == YP_SKIP ? "" : ota_reason_name((int)out->reason),
		     yp_invariant_id(out->outcome.invariant), out->outcome.invariant != YP_I_NONE ? ": " : "",
		     out->outcome.text[0] ? out->outcome.text : (c->note ? c->note : ""));
}

static double read_seconds(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_all(struct yp_forge *forge, const struct yp_corrupt_plan *plan, bool verbose, struct totals *totals)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct yp_corrupt_case *c = &plan->cases[i];
		struct yp_corrupt_outcome out;
		if (yp_corrupt_run(forge, c, &out))
			out.outcome.verdict = YP_ERROR;
		count_case(group_of(totals, c->id), &out);
		count_case(&totals->all, &out);
		if (yp_corrupt_is_head_flip(c)) {
			totals->head_flips++;
			totals->head_rejected += out.outcome.verdict == YP_PASS && out.class == YP_CORRUPT_REJ_E;
		}
		show_case(c, &out, totals, verbose);
	}
}

static int run_campaign(uint64_t seed, const char *filter, bool list, bool verbose)
{
	static struct totals totals;
	struct yp_forge *forge;
	struct yp_corrupt_plan *plan = NULL;
	int r = yp_forge_new(seed, &forge);
	if (r == 0)
		r = yp_corrupt_plan_new(forge, filter, &plan);
	if (r) {
		(void)fprintf(stderr, "corrupt-run: keys, bundles or device could not be made: %s\n",
			      ota_reason_name((int)ota_reason_of(r)));
		yp_forge_free(forge);
		return 3;
	}
	unsigned never = 0;
	for (size_t i = 0; list && i < plan->count; i++)
		(void)printf("%s\t%s\n", plan->cases[i].id, plan->cases[i].catalogue);
	if (!list && plan->count > 0) {
		double start = read_seconds();
		run_all(forge, plan, verbose, &totals);
		double took = read_seconds() - start;
		(void)snprintf(totals.all.name, sizeof totals.all.name, "all");
		for (unsigned i = 0; i < totals.group_count; i++)
			print_group(&totals.groups[i]);
		print_group(&totals.all);
		never = print_reasons(&totals);
		(void)printf(
		    "single bits of header, manifest, index and signature: %u of %u rejected before any write\n",
		    totals.head_rejected, totals.head_flips);
		(void)printf("the honest install fetches %" PRIu64 " bytes; seed %" PRIu64
			     "; %zu cases in %.1f s, %.0f a second\n",
			     yp_corrupt_honest_bytes(forge), seed, plan->count, took, (double)plan->count / took);
	}
	bool none = plan->count == 0;
	yp_corrupt_plan_free(plan);
	yp_forge_free(forge);
	if (none) {
		(void)fprintf(stderr, "corrupt-run: no case begins with \"%s\"; see --list\n", filter ? filter : "");
		return 2;
	}
	/* A reason that no case of the whole plan produces is untested. */
	if (totals.all.failed || (never > 0 && !filter))
		return 1;
	return totals.all.errors ? 3 : (totals.all.missed ? 4 : 0);
}

int main(int argc, char **argv)
{
	uint64_t seed = SEED_DEFAULT;
	bool list = false;
	bool verbose = false;
	int i = 1;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		char *end = NULL;
		bool known = strcmp(argv[i], "--list") == 0 || strcmp(argv[i], "--verbose") == 0;
		if (strcmp(argv[i], "--list") == 0)
			list = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else if (strncmp(argv[i], "--seed=", 7) == 0)
			seed = strtoull(argv[i] + 7, &end, 10);
		if (!known && !(end && end != argv[i] + 7 && *end == '\0')) {
			bool help = strcmp(argv[i], "--help") == 0;
			(void)fputs(
			    "usage: corrupt-run [--seed=N] [--list] [--verbose] [FILTER]\n"
			    "       corrupt-run flip:BYTE.BIT|cut:BYTES|splice:BYTES.FROM IN OUT [OTHER]\n"
			    "Exit status: 0 all passed or skipped; 1 a case failed, or a reason that images cause was "
			    "never produced;\n2 bad usage; 3 keys, bundles or device could not be made; 4 a case "
			    "changed nothing.\n",
			    help ? stdout : stderr);
			return help ? 0 : 2;
		}
	}
	if (argc - i >= 3)
		return plain_main(argc - i, argv + i);
	return run_campaign(seed, i < argc ? argv[i] : NULL, list, verbose);
}
