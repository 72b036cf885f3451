/* SPDX-License-Identifier: Apache-2.0 */
#include "rigs/listed-rig.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/case-lines.h"
#include "rigs/lab-agent.h"

#define LAB_ERRORS_MAX 20u /* a rig that fails so often is broken: going on would tell nothing */
#define LAB_TEXT_MAX   480u

static const struct yp_lab_rig *ops_of(const struct yp_scenario *scenario)
{
	switch (scenario->rig) {
	case YP_RIG_IMAGES:
		return &yp_lab_images;
	case YP_RIG_HOST:
		return &yp_lab_network;
	case YP_RIG_BOARD:
		return yp_hil_environment() ? &yp_lab_hil : NULL;
	default:
		return NULL;
	}
}

bool yp_lab_lists(const struct yp_scenario *scenario)
{
	return ops_of(scenario) != NULL;
}

int yp_lab_init(struct yp_lab *lab, const struct yp_scenario *scenario, uint64_t seed, bool plan, char *detail,
		size_t detail_bytes)
{
	*lab = (struct yp_lab){.scenario = scenario, .ops = ops_of(scenario), .seed = seed};
	if (!lab->ops) {
		(void)snprintf(detail, detail_bytes, "this rig lists no cases");
		return -EINVAL;
	}
	int result = lab->ops->open(seed, &lab->rig, detail, detail_bytes);
	for (unsigned i = 0; plan && !result && i < scenario->fault_count; i++) {
		lab->sample = scenario->faults[i].sample;
		lab->seen = 0;
		result = lab->ops->plan(lab->rig, &scenario->faults[i], seed, lab);
		if (!result && !lab->seen) {
			(void)snprintf(detail, detail_bytes, "no case is called '%s...' in fault %u",
				       scenario->faults[i].match, i + 1);
			result = -ENOENT;
		}
	}
	if (result && !*detail)
		(void)snprintf(detail, detail_bytes, "the cases could not be listed: %s", strerror(-result));
	return result;
}

void yp_lab_deinit(struct yp_lab *lab)
{
	if (lab->rig)
		lab->ops->close(lab->rig);
	free(lab->cases);
	*lab = (struct yp_lab){0};
}

int yp_lab_list(struct yp_lab *lab, const char *id, const char *catalogue, const void *ref)
{
	uint64_t n = lab->seen++;
	if (lab->sample > 1 && n % lab->sample != lab->seed % lab->sample)
		return 0;
	if (lab->count == lab->room) {
		size_t room = lab->room ? 2 * lab->room : 64;
		struct yp_lab_case *more = room > YP_LAB_CASES_MAX ? NULL : realloc(lab->cases, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		lab->cases = more;
		lab->room = room;
	}
	struct yp_lab_case *c = &lab->cases[lab->count++];
	(void)snprintf(c->id, sizeof c->id, "%s", id);
	(void)snprintf(c->catalogue, sizeof c->catalogue, "%s", catalogue);
	c->ref = ref;
	return 0;
}

/* ---- a case as a line ---- */

/* "image flp", "net reset", "net http": the group, of connection faults the fault. */
static void fault_name(const char *id, bool image, char out[32])
{
	size_t group = strcspn(id, ":");
	if (image)
		(void)snprintf(out, 32, "image %.*s", (int)group, id);
	else if (strncmp(id, "cut:", 4) == 0)
		(void)snprintf(out, 32, "power-cut");
	else if (strncmp(id, "check:", 6) == 0)
		(void)snprintf(out, 32, "none");
	else if (strncmp(id, "net:", 4) == 0)
		(void)snprintf(out, 32, "net %.*s", (int)strcspn(id + 4, ".,/"), id + 4);
	else if (strncmp(id, "rpt:", 4) == 0)
		(void)snprintf(out, 32, "net report");
	else
		(void)snprintf(out, 32, "net %.*s", (int)group, id);
}

/* The step in which the subject refused, as far as id or reason tell; "" else. out: 4 bytes. */
static void step_of(const char *id, const char *reason, char out[4])
{
	static const struct {
		const char *reasons, *step;
	} of[] = {
	    {" BAD_MAGIC BAD_FORMAT TRUNCATED TOO_LARGE TRAILING NO_SIGNATURE BAD_SIGNATURE UNTRUSTED CERT_EXPIRED "
	     "CERT_NOT_YET_VALID CERT_PURPOSE CERT_REVOKED WEAK_ALGORITHM BAD_MANIFEST ",
	     "S02"},
	    {" INCOMPATIBLE HARDWARE WRONG_DEVICE WRONG_CHANNEL DOWNGRADE ALREADY_INSTALLED EXPIRED KNOWN_BAD NO_SPACE "
	     "LOW_POWER HOOK_REFUSED TRIAL_PENDING SLOT_IN_USE ",
	     "S03"},
	    {" CHUNK_DECODE CHUNK_DIGEST ", "S06"},
	    {" READ_BACK ", "S08"},
	};
	char word[40];
	out[0] = 0;
	if (strncmp(id, "cut:", 4) == 0) {
		(void)snprintf(out, 4, "%.*s", (int)strspn(id + 4, "SR0123456789"), id + 4);
		return;
	}
	for (const char *c = strstr(id, ".S"); c; c = strstr(c + 1, ".S")) {
		if (c[2] >= '0' && c[2] <= '9' && c[3] >= '0' && c[3] <= '9') {
			memcpy(out, c + 1, 3);
			out[3] = 0;
			return;
		}
	}
	(void)snprintf(word, sizeof word, " %s ", reason);
	for (size_t i = 0; *reason && i < sizeof of / sizeof *of; i++) {
		if (strstr(of[i].reasons, word))
			(void)snprintf(out, 4, "%s", of[i].step);
	}
}

/* The reason first, then what else there is to say. */
static void text_of(const struct yp_lab_result *r, char out[LAB_TEXT_MAX])
{
	const char *text = r->outcome.text;
	bool plain = r->outcome.verdict == YP_SKIP || !*r->reason;
	(void)snprintf(out, LAB_TEXT_MAX, "%s%s%s%s%s%s%s", plain ? "" : r->reason, !plain && *text ? ": " : "", text,
		       r->outcome.verdict == YP_FAIL && *r->expected ? "; expected " : "",
		       r->outcome.verdict == YP_FAIL ? r->expected : "", *r->landing ? "; " : "", r->landing);
}

static int run_one(struct yp_lab *lab, const struct yp_lab_case *c, struct yp_lab_result *r)
{
	*r = (struct yp_lab_result){0};
	int result = lab->ops->run(lab->rig, c, r);
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

static int add(struct yp_lab *lab, struct yp_cases *cases, const struct yp_lab_case *c, const struct yp_lab_result *r,
	       struct yp_result *out)
{
	char id[YP_ID_MAX];
	char fault[32];
	char step[4];
	char text[LAB_TEXT_MAX];
	bool image = lab->ops == &yp_lab_images;
	yp_id_listed(lab->scenario->name, lab->seed, image, c->id, id);
	fault_name(c->id, image, fault);
	step_of(c->id, r->reason, step);
	text_of(r, text);
	out->stats.run++;
	out->bytes += r->bytes;
	out->bytes_honest = r->bytes_honest ? r->bytes_honest : out->bytes_honest;
	if (r->bytes > out->bytes_most)
		out->bytes_most = r->bytes;
	out->head_flips += r->head_flip;
	out->head_flips_rejected += r->head_flip && r->unwritten && r->outcome.verdict == YP_PASS;
	return yp_cases_add(
	    cases, &(struct yp_case_line){.id = id,
					  .fault = fault,
					  .step = step,
					  .label = r->outcome.label,
					  .invariant = yp_invariant_id(r->outcome.invariant),
					  .text = text,
					  .form = "",
					  .entry = -1,
					  .cuts = r->cut_count ? r->cut_count : strstr(c->id, "/kill.") != NULL,
					  .verdict = r->outcome.verdict,
					  .boots = r->outcome.boots,
					  .catalogue = *c->catalogue ? c->catalogue : r->catalogue,
					  .reason = r->reason,
					  .landings = r->cuts,
					  .bytes = r->bytes,
					  .bytes_honest = r->bytes_honest});
}

int yp_lab_execute(const struct yp_scenario *scenario, const struct yp_execute_options *options, struct yp_cases *cases,
		   struct yp_result *out, char *detail, size_t detail_bytes)
{
	struct yp_lab lab;
	unsigned errors = 0;
	bool failed = false;
	int result = yp_lab_init(&lab, scenario, options->seed, true, detail, detail_bytes);
	for (size_t i = 0; !result && i < lab.count && !(failed && options->stop_at_first_failure); i++) {
		struct yp_lab_result r;
		int rig = run_one(&lab, &lab.cases[i], &r);
		failed = failed || r.outcome.verdict == YP_FAIL;
		result = add(&lab, cases, &lab.cases[i], &r, out);
		if (!result && rig && ++errors == LAB_ERRORS_MAX) {
			(void)snprintf(detail, detail_bytes, "the rig failed in %u cases, last in %s: %s", errors,
				       lab.cases[i].id, r.outcome.text);
			result = -EIO;
		}
		if (!result && i + 1 == lab.count && lab.ops->more) {
			lab.sample = 0;
			result = lab.ops->more(lab.rig, scenario, &lab);
		}
		if (options->on_progress)
			options->on_progress(options->progress_ctx, &out->stats, lab.count - i - 1);
	}
	if (!result)
		result = yp_cases_end(cases, out);
	if (result && !*detail)
		(void)snprintf(detail, detail_bytes, "after %llu cases: %s", (unsigned long long)yp_cases_count(cases),
			       strerror(-result));
	yp_lab_deinit(&lab);
	return result;
}

int yp_lab_replay(struct yp_lab *lab, const struct yp_id *id, struct yp_outcome *out, char *story, size_t story_bytes)
{
	struct yp_lab_case c = {0};
	struct yp_lab_result r;
	story[0] = 0;
	if (id->kind != YP_ID_LISTED || id->image != (lab->ops == &yp_lab_images))
		return 1;
	int result = lab->ops->find(lab->rig, id->listed, &c);
	if (!result)
		result = run_one(lab, &c, &r);
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
