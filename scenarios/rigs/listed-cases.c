/* SPDX-License-Identifier: Apache-2.0 */
/* Runs and replays the cases of rigs that list them beforehand, and writes their results. */
#include "rigs/listed-cases.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIG_ERRORS_MAX  20u /* a rig that fails so often is broken: the run ends */
#define LISTED_TEXT_MAX 480u

/* All cases of all faults. 0, or -errno with *detail. */
static int yp_corrupt_plan_cases(struct yp_listing *listing, char *detail, size_t detail_bytes)
{
	const struct yp_scenario *scenario = listing->scenario;
	int result = 0;
	for (unsigned i = 0; !result && i < scenario->fault_count; i++) {
		listing->sample = scenario->faults[i].sample;
		listing->seen = 0;
		result = listing->rig->plan(listing->session, &scenario->faults[i], listing->seed, listing);
		if (!result && !listing->seen) {
			(void)snprintf(detail, detail_bytes, "no case is called '%s...' in fault %u",
				       scenario->faults[i].match, i + 1);
			result = -ENOENT;
		}
	}
	if (result && !*detail)
		(void)snprintf(detail, detail_bytes, "the cases could not be listed: %s", strerror(-result));
	return result;
}

int yp_listing_add(struct yp_listing *listing, const char *id, const char *catalogue, const void *ref)
{
	uint64_t n = listing->seen++;
	if (listing->sample > 1 && n % listing->sample != listing->seed % listing->sample)
		return 0;
	if (listing->count == listing->room) {
		size_t room = listing->room ? 2 * listing->room : 64;
		struct yp_listed_case *more =
		    room > YP_LISTED_CASES_MAX ? NULL : realloc(listing->cases, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		listing->cases = more;
		listing->room = room;
	}
	struct yp_listed_case *c = &listing->cases[listing->count++];
	(void)snprintf(c->id, sizeof c->id, "%s", id);
	(void)snprintf(c->catalogue, sizeof c->catalogue, "%s", catalogue);
	c->ref = ref;
	return 0;
}

/* ---- a case as a line ---- */

void yp_listed_step(const char *id, char out[YP_STEP_TEXT])
{
	out[0] = 0;
	for (const char *c = strstr(id, ".S"); c; c = strstr(c + 1, ".S")) {
		if (c[2] >= '0' && c[2] <= '9' && c[3] >= '0' && c[3] <= '9') {
			(void)snprintf(out, YP_STEP_TEXT, "%.3s", c + 1);
			return;
		}
	}
}

/* The step in which the subject refused, if id or reason show it; "" else. */
static void find_step(const struct yp_listing *listing, const char *id, const char *reason, char out[YP_STEP_TEXT])
{
	out[0] = 0;
	if (listing->rig->find_step)
		listing->rig->find_step(id, out);
	if (!*out)
		(void)snprintf(out, YP_STEP_TEXT, "%s", yp_subject_refusal_step(listing->scenario->subject, reason));
}

/* The reason first, then the rest. */
static void write_text(const struct yp_listed_result *r, char out[LISTED_TEXT_MAX])
{
	const char *text = r->outcome.text;
	bool plain = r->outcome.verdict == YP_SKIP || !*r->reason;
	(void)snprintf(out, LISTED_TEXT_MAX, "%s%s%s%s%s%s%s", plain ? "" : r->reason, !plain && *text ? ": " : "",
		       text, r->outcome.verdict == YP_FAIL && *r->expected ? "; expected " : "",
		       r->outcome.verdict == YP_FAIL ? r->expected : "", *r->landing ? "; " : "", r->landing);
}

static int run_case(const struct yp_scenario_rig *rig, void *session, const struct yp_listed_case *c,
		    struct yp_listed_result *r)
{
	*r = (struct yp_listed_result){0};
	int result = rig->run(session, c, r);
	if (result) {
		r->outcome.verdict = YP_ERROR;
		if (!*r->outcome.text)
			(void)snprintf(r->outcome.text, sizeof r->outcome.text, "the rig failed: %s",
				       result < 0 ? strerror(-result) : "no such case");
	} else if (!r->landed && r->outcome.verdict == YP_PASS) {
		r->outcome.verdict = YP_MISS;
		(void)snprintf(r->outcome.text, sizeof r->outcome.text, "the fault did not land");
	}
	return result;
}

static int add_case(const struct yp_listing *listing, struct yp_rig_run *run, const struct yp_listed_case *c,
		    const struct yp_listed_result *r)
{
	char id[YP_ID_MAX];
	char fault[YP_FAULT_TEXT];
	char step[YP_STEP_TEXT];
	char text[LISTED_TEXT_MAX];
	struct yp_result *out = run->out;
	yp_id_listed(listing->scenario->name, listing->seed, listing->rig->image_ids, c->id, id);
	listing->rig->name_fault(c->id, fault);
	find_step(listing, c->id, r->reason, step);
	write_text(r, text);
	out->stats.run++;
	out->bytes += r->bytes;
	out->bytes_honest = r->bytes_honest ? r->bytes_honest : out->bytes_honest;
	if (r->bytes > out->bytes_most)
		out->bytes_most = r->bytes;
	out->head_flips += r->head_flip;
	out->head_flips_rejected += r->head_flip && r->unwritten && r->outcome.verdict == YP_PASS;
	return yp_rig_run_add(run, &(struct yp_case_line){.id = id,
							  .fault = fault,
							  .step = step,
							  .label = r->outcome.label,
							  .invariant = yp_invariant_id(r->outcome.invariant),
							  .text = text,
							  .form = "",
							  .entry = -1,
							  .cuts = r->cut_count,
							  .verdict = r->outcome.verdict,
							  .boots = r->outcome.boots,
							  .catalogue = *c->catalogue ? c->catalogue : r->catalogue,
							  .reason = r->reason,
							  .landings = r->cuts,
							  .bytes = r->bytes,
							  .bytes_honest = r->bytes_honest});
}

/* All listed cases, and those that a rig lists afterwards. */
static int run_cases(struct yp_listing *listing, struct yp_rig_run *run, char *detail, size_t detail_bytes)
{
	const struct yp_execute_options *options = run->options;
	unsigned errors = 0;
	int result = 0;
	for (size_t i = 0; !result && i < listing->count && !yp_rig_run_ends(run); i++) {
		struct yp_listed_result r;
		int error = run_case(listing->rig, listing->session, &listing->cases[i], &r);
		result = add_case(listing, run, &listing->cases[i], &r);
		if (!result && error && ++errors == RIG_ERRORS_MAX) {
			(void)snprintf(detail, detail_bytes, "the rig failed in %u cases, last in %s: %s", errors,
				       listing->cases[i].id, r.outcome.text);
			result = -EIO;
		}
		if (!result && i + 1 == listing->count && listing->rig->more) {
			listing->sample = 0;
			result = listing->rig->more(listing->session, listing);
		}
		if (options->on_progress)
			options->on_progress(options->progress_ctx, &run->out->stats, listing->count - i - 1);
	}
	return result;
}

int yp_listing_run(const struct yp_scenario *scenario, const struct yp_scenario_rig *rig, void *session,
		   struct yp_rig_run *run, char *detail, size_t detail_bytes)
{
	struct yp_listing listing = {.scenario = scenario, .rig = rig, .seed = run->options->seed, .session = session};
	assert(rig->plan && rig->run && rig->name_fault);
	int result = yp_corrupt_plan_cases(&listing, detail, detail_bytes);
	if (!result)
		result = run_cases(&listing, run, detail, detail_bytes);
	if (!result)
		result = yp_cases_end(run->cases, run->out);
	free(listing.cases);
	return result;
}

int yp_listing_replay(const struct yp_scenario_rig *rig, void *session, const struct yp_id *id, struct yp_outcome *out,
		      char *story, size_t story_bytes)
{
	struct yp_listed_case c = {0};
	struct yp_listed_result r;
	assert(rig->find && rig->run);
	story[0] = 0;
	if (id->kind != YP_ID_LISTED || id->image != rig->image_ids)
		return 1;
	int result = rig->find(session, id->listed, &c);
	if (!result)
		result = run_case(rig, session, &c, &r);
	if (result)
		return result == -EINVAL ? 1 : result;
	*out = r.outcome;
	(void)snprintf(story, story_bytes,
		       "%s (%s)%s%s\n%s%s%s%s%" PRIu64 " bytes fetched, %" PRIu64 " by an honest run\n", id->listed,
		       *c.catalogue ? c.catalogue : r.catalogue, *r.expected ? "  expected " : "", r.expected,
		       *r.landing ? r.landing : "", *r.landing ? "\n" : "", *r.reason ? r.reason : "no reason", "; ",
		       r.bytes, r.bytes_honest);
	return 0;
}
