/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated device: the reference core in this process, on recorded media. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/evidence.h"
#include "rigs/sim-session.h"

/* What ends the explorer early, as on_case returns it. */
#define RUN_SPENT 1

/* One scenario that runs. */
struct running {
	struct yp_session *session;
	struct yp_rig_run *run;
	struct yp_evidence evidence;
};

static int add_cut(void *ctx, const char *text, const struct yp_case *c, const char *step,
		   const struct yp_outcome *outcome, bool settled)
{
	struct running *e = ctx;
	char id[YP_ID_MAX];
	char covers[YP_EVIDENCE_TEXT_MAX];
	struct yp_shown shown = {.fault = "power-cut", .step = step, .form = "plain", .reason = "", .cuts = c->count};
	if (c->count)
		shown.form = yp_cut_kind(&c->cuts[0]);
	for (unsigned i = 0; i < c->count; i++)
		shown.torn = shown.torn || c->cuts[i].torn >= 0;
	yp_evidence_of(&e->evidence, &shown, covers);
	struct yp_case_line line =
	    yp_case_of_cut(e->session->scenario->name, e->session->seed, text, c, step, outcome, settled, id);
	line.catalogue = covers;
	int result = yp_rig_run_add(e->run, &line);
	return result ? result : yp_rig_run_spent(e->run) ? RUN_SPENT : 0;
}

/* Which limit ended an exploration that did not close. */
static void name_bound(const struct yp_limits *limits, const struct yp_stats *stats, bool first_failure, char *out,
		       size_t out_bytes)
{
	if (stats->closed)
		(void)snprintf(out, out_bytes, "%s", "");
	else if (limits->states_max && stats->distinct >= limits->states_max)
		(void)snprintf(out, out_bytes, "%llu states", (unsigned long long)limits->states_max);
	else if (limits->runs_max && stats->run >= limits->runs_max)
		(void)snprintf(out, out_bytes, "%llu runs", (unsigned long long)limits->runs_max);
	else if (stats->failed && first_failure)
		(void)snprintf(out, out_bytes, "its first failure");
	else
		(void)snprintf(out, out_bytes, "%u cut%s in a row", stats->depth, stats->depth == 1 ? "" : "s");
}

static int run_power_cut(struct running *e, const struct yp_fault *fault)
{
	struct yp_explore explore = e->session->explore;
	if (e->run->options->states_max)
		explore.limits.states_max = e->run->options->states_max;
	if (fault->explore == 1)
		explore.limits.depth_max = 1;
	explore.on_case = add_cut;
	explore.case_ctx = e;
	explore.on_progress = e->run->options->on_progress;
	explore.progress_ctx = e->run->options->progress_ctx;
	explore.stop_at_first_failure = e->run->options->stop_at_first_failure;
	int result = yp_explore_run(&explore, &e->run->out->stats);
	e->run->out->explored = true;
	if (result == RUN_SPENT) {
		(void)snprintf(e->run->out->bounded_by, sizeof e->run->out->bounded_by,
			       "%llu cases after its first failure", (unsigned long long)e->run->after);
		return 0;
	}
	name_bound(&explore.limits, &e->run->out->stats, explore.stop_at_first_failure, e->run->out->bounded_by,
		   sizeof e->run->out->bounded_by);
	return result;
}

static int run_one_fault(struct running *e, const struct yp_sim_fault *fault)
{
	struct yp_outcome outcome = {0};
	bool landed = false;
	int result = yp_sim_run_fault(e->session->sim, fault, &landed, &outcome);
	if (result)
		return result;
	char id[YP_ID_MAX];
	const char *written = "";
	const char *step = yp_sim_fault_step(e->session->sim);
	long entry = yp_session_fault_entry(e->session, fault, &written);
	yp_id_fault(e->session->scenario->name, e->session->seed, fault, id);
	bool miss = !landed && outcome.verdict == YP_PASS;
	char covers[YP_EVIDENCE_TEXT_MAX] = "";
	struct yp_shown shown = {.fault = yp_fault_text(fault->kind),
				 .step = step,
				 .form = "",
				 .reason = yp_sim_told_reason(e->session->sim),
				 .for_ever = fault->for_ever,
				 .clock_s = fault->clock_s};
	if (landed)
		yp_evidence_of(&e->evidence, &shown, covers);
	struct yp_case_line line = {.id = id,
				    .fault = yp_fault_text(fault->kind),
				    .step = step,
				    .label = outcome.label,
				    .invariant = yp_invariant_id(outcome.invariant),
				    .text = miss ? "the fault did not land" : outcome.text,
				    .form = "",
				    .entry = entry,
				    .verdict = miss ? YP_MISS : outcome.verdict,
				    .boots = outcome.boots,
				    .catalogue = covers,
				    .reason = shown.reason};
	e->run->out->stats.run++;
	return yp_rig_run_add(e->run, &line);
}

static int run_planned(struct running *e, const struct yp_fault *plan)
{
	struct yp_sim_fault fault = {.kind = plan->kind, .nth = plan->nth, .for_ever = plan->for_ever, .medium = -1};
	int result = 0;
	if (plan->kind == YP_SIM_FAULT_CLOCK) {
		for (unsigned i = 0; !result && !yp_rig_run_ends(e->run) && i < plan->clock_count; i++) {
			fault.clock_s = plan->clock_s[i];
			result = run_one_fault(e, &fault);
		}
		return result;
	}
	if (plan->nth)
		return run_one_fault(e, &fault);
	uint64_t points = yp_sim_fault_points(e->session->sim, plan->kind);
	for (fault.nth = 1; !result && !yp_rig_run_ends(e->run) && fault.nth <= points; fault.nth++) {
		result = run_one_fault(e, &fault);
		if (e->run->options->on_progress && fault.nth % 64 == 0)
			e->run->options->on_progress(e->run->options->progress_ctx, &e->run->out->stats,
						     points - fault.nth);
	}
	return result;
}

static int add_story(struct running *e)
{
	char id[YP_ID_MAX];
	char covers[YP_EVIDENCE_TEXT_MAX];
	struct yp_shown shown = {
	    .fault = "none", .step = "", .form = "", .reason = yp_sim_told_reason(e->session->sim)};
	struct yp_case_line line =
	    yp_case_of_story(e->session->scenario->name, e->session->seed, &e->session->story, id);
	yp_evidence_of(&e->evidence, &shown, covers);
	line.catalogue = covers;
	line.reason = shown.reason;
	return yp_rig_run_add(e->run, &line);
}

static int add_findings(struct running *e)
{
	int result = 0;
	for (size_t i = 0; !result && !e->run->options->no_lint && i < e->session->finding_count; i++) {
		char id[YP_ID_MAX];
		struct yp_case_line line = yp_case_of_finding(e->session->scenario->name, e->session->seed,
							      e->session->log, &e->session->findings[i], id);
		result = yp_rig_run_add(e->run, &line);
	}
	return result;
}

static int run_faults(struct running *e)
{
	const struct yp_scenario *scenario = e->session->scenario;
	int result = 0;
	if (e->run->options->fd >= 0)
		result = yp_results_log(e->run->options->fd, scenario->name, e->session->log, e->session->findings,
					e->session->finding_count);
	if (!result)
		result = add_story(e);
	if (!result)
		result = add_findings(e);
	for (unsigned i = 0; !result && !yp_rig_run_ends(e->run) && i < scenario->fault_count; i++) {
		const struct yp_fault *fault = &scenario->faults[i];
		result = fault->power_cut ? run_power_cut(e, fault) : run_planned(e, fault);
	}
	return result;
}

static int sim_explore(void *session, struct yp_rig_run *run, char *detail, size_t detail_bytes)
{
	struct running running = {.session = session, .run = run};
	(void)detail;
	(void)detail_bytes;
	yp_evidence_init(&running.evidence, running.session->scenario);
	int result = run_faults(&running);
	return result ? result : yp_cases_end(run->cases, run->out);
}

static void sim_close(void *session)
{
	yp_session_deinit(session);
	free(session);
}

static int sim_open(const struct yp_rig_setup *setup, void **session, char *detail, size_t detail_bytes)
{
	struct yp_session *own = calloc(1, sizeof *own);
	if (!own)
		return -ENOMEM;
	int result = yp_session_init(own, setup->scenario, setup->seed, detail, detail_bytes);
	if (result) {
		sim_close(own);
		return result;
	}
	*session = own;
	return 0;
}

static int sim_replay(void *session, const struct yp_id *id, const struct yp_replay_options *how,
		      struct yp_outcome *out, char *story, size_t story_bytes)
{
	(void)how;
	return yp_session_replay(session, id, out, story, story_bytes);
}

static int sim_explain(void *session, const struct yp_id *id, char *smaller, char *sentence, size_t sentence_bytes)
{
	return yp_session_explain(session, id, smaller, sentence, sentence_bytes);
}

static void sim_story(void *session, struct yp_rig_story *out)
{
	const struct yp_session *own = session;
	*out = (struct yp_rig_story){.log = own->log, .findings = own->findings, .finding_count = own->finding_count};
}

static int sim_run_fault(void *session, const struct yp_sim_fault *fault, bool *landed, struct yp_outcome *out)
{
	const struct yp_session *own = session;
	return yp_sim_run_fault(own->sim, fault, landed, out);
}

static uint64_t sim_fault_points(void *session, enum yp_sim_fault_kind kind)
{
	const struct yp_session *own = session;
	return yp_sim_fault_points(own->sim, kind);
}

const struct yp_scenario_rig yp_rig_sim = {.terms = {.name = "sim", .subject = "ota"},
					   .sentence = "the reference core on a simulated device, in process",
					   .open = sim_open,
					   .close = sim_close,
					   .explore = sim_explore,
					   .replay = sim_replay,
					   .explain = sim_explain,
					   .story = sim_story,
					   .run_fault = sim_run_fault,
					   .fault_points = sim_fault_points,
					   .equivalences = yp_sim_equivalences};
