/* SPDX-License-Identifier: Apache-2.0 */
#include "rigs/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "results/case-lines.h"
#include "results/evidence.h"
#include "rigs/listed-rig.h"
#include "rigs/rig-qemu.h"

/* One scenario that runs. */
struct execution {
	struct yp_session session;
	const struct yp_execute_options *options;
	struct yp_cases *cases;
	struct yp_result *out;
	struct yp_evidence evidence;
	bool failed; /* a case did */
};

static uint64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool stop(const struct execution *e)
{
	return e->failed && e->options->stop_at_first_failure;
}

static int add(struct execution *e, const struct yp_case_line *line)
{
	e->failed = e->failed || line->verdict == YP_FAIL;
	return yp_cases_add(e->cases, line);
}

static int on_case(void *ctx, const char *text, const struct yp_case *c, const char *step,
		   const struct yp_outcome *outcome, bool settled)
{
	struct execution *e = ctx;
	char id[YP_ID_MAX];
	char covers[YP_EVIDENCE_TEXT_MAX];
	struct yp_shown shown = {.fault = "power-cut", .step = step, .form = "plain", .reason = "", .cuts = c->count};
	if (c->count)
		shown.form = yp_cut_kind(&c->cuts[0]);
	for (unsigned i = 0; i < c->count; i++)
		shown.torn = shown.torn || c->cuts[i].torn >= 0;
	yp_evidence_of(&e->evidence, &shown, covers);
	yp_id_cut(e->session.scenario->name, e->session.seed, text, id);
	struct yp_case_line line = {.id = id,
				    .fault = "power-cut",
				    .step = step,
				    .label = outcome->label,
				    .invariant = yp_invariant_id(outcome->invariant),
				    .text = outcome->text,
				    .form = shown.form,
				    .catalogue = covers,
				    .entry = c->count ? (long)c->cuts[0].entry : -1,
				    .cuts = c->count,
				    .verdict = outcome->verdict,
				    .settled = settled,
				    .boots = outcome->boots};
	return add(e, &line);
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

static int run_power_cut(struct execution *e, const struct yp_fault *fault)
{
	struct yp_explore explore = e->session.explore;
	if (e->options->states_max)
		explore.limits.states_max = e->options->states_max;
	if (fault->explore == 1)
		explore.limits.depth_max = 1;
	explore.on_case = on_case;
	explore.case_ctx = e;
	explore.on_progress = e->options->on_progress;
	explore.progress_ctx = e->options->progress_ctx;
	explore.stop_at_first_failure = e->options->stop_at_first_failure;
	int result = yp_explore_run(&explore, &e->out->stats);
	e->out->explored = true;
	name_bound(&explore.limits, &e->out->stats, explore.stop_at_first_failure, e->out->bounded_by,
		   sizeof e->out->bounded_by);
	return result;
}

static int run_one_fault(struct execution *e, const struct yp_sim_fault *fault)
{
	struct yp_outcome outcome = {0};
	bool landed = false;
	int result = yp_sim_run_fault(e->session.sim, fault, &landed, &outcome);
	if (result)
		return result;
	char id[YP_ID_MAX];
	const char *written = "";
	const char *step = yp_sim_fault_step(e->session.sim);
	long entry = yp_session_fault_entry(&e->session, fault, &written);
	yp_id_fault(e->session.scenario->name, e->session.seed, fault, id);
	bool miss = !landed && outcome.verdict == YP_PASS;
	char covers[YP_EVIDENCE_TEXT_MAX] = "";
	struct yp_shown shown = {.fault = yp_fault_text(fault->kind),
				 .step = step,
				 .form = "",
				 .reason = yp_sim_told_reason(e->session.sim),
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
	e->out->stats.run++;
	return add(e, &line);
}

static int run_fault(struct execution *e, const struct yp_fault *plan)
{
	struct yp_sim_fault fault = {.kind = plan->kind, .nth = plan->nth, .for_ever = plan->for_ever, .medium = -1};
	int result = 0;
	if (plan->kind == YP_SIM_FAULT_CLOCK) {
		for (unsigned i = 0; !result && !stop(e) && i < plan->clock_count; i++) {
			fault.clock_s = plan->clock_s[i];
			result = run_one_fault(e, &fault);
		}
		return result;
	}
	if (plan->nth)
		return run_one_fault(e, &fault);
	uint64_t points = yp_sim_fault_points(e->session.sim, plan->kind);
	for (fault.nth = 1; !result && !stop(e) && fault.nth <= points; fault.nth++) {
		result = run_one_fault(e, &fault);
		if (e->options->on_progress && fault.nth % 64 == 0)
			e->options->on_progress(e->options->progress_ctx, &e->out->stats, points - fault.nth);
	}
	return result;
}

static int add_story(struct execution *e)
{
	char id[YP_ID_MAX];
	char covers[YP_EVIDENCE_TEXT_MAX];
	struct yp_shown shown = {.fault = "none", .step = "", .form = "", .reason = yp_sim_told_reason(e->session.sim)};
	struct yp_case_line line = yp_case_of_story(e->session.scenario->name, e->session.seed, &e->session.story, id);
	yp_evidence_of(&e->evidence, &shown, covers);
	line.catalogue = covers;
	line.reason = shown.reason;
	return add(e, &line);
}

static int add_findings(struct execution *e)
{
	int result = 0;
	for (size_t i = 0; !result && !e->options->no_lint && i < e->session.finding_count; i++) {
		char id[YP_ID_MAX];
		struct yp_case_line line = yp_case_of_finding(e->session.scenario->name, e->session.seed,
							      e->session.log, &e->session.findings[i], id);
		result = add(e, &line);
	}
	return result;
}

static int run_faults(struct execution *e)
{
	const struct yp_scenario *scenario = e->session.scenario;
	int result = 0;
	if (e->options->fd >= 0)
		result = yp_results_log(e->options->fd, scenario->name, e->session.log, e->session.findings,
					e->session.finding_count);
	if (!result)
		result = add_story(e);
	if (!result)
		result = add_findings(e);
	for (unsigned i = 0; !result && !stop(e) && i < scenario->fault_count; i++) {
		const struct yp_fault *fault = &scenario->faults[i];
		result = fault->power_cut ? run_power_cut(e, fault) : run_fault(e, fault);
	}
	return result;
}

/* The first failure, shrunk to one sentence; if that cannot be had, the case says enough. */
static void tell(struct execution *e)
{
	struct yp_id id;
	char smaller[YP_ID_MAX] = "";
	struct yp_result *out = e->out;
	if (out->verdict != YP_FAIL || !*out->failing || yp_id_decode(out->failing, &id))
		return;
	if (yp_session_explain(&e->session, &id, smaller, out->sentence, sizeof out->sentence) == 0 && *smaller)
		(void)snprintf(out->failing, sizeof out->failing, "%s", smaller);
}

/* A disagreeing audit means that settling is unsound here: worse than any case. And what is beyond the contract must
 * fail. */
static void judge(struct yp_result *out)
{
	if (out->stats.disagreed) {
		out->verdict = YP_FAIL;
		(void)snprintf(out->reason, sizeof out->reason,
			       "%llu settled states behave otherwise when they are run",
			       (unsigned long long)out->stats.disagreed);
		return;
	}
	if (!out->beyond || (out->verdict != YP_FAIL && out->verdict != YP_PASS))
		return;
	if (out->verdict == YP_FAIL) {
		out->verdict = YP_PASS;
		return;
	}
	out->verdict = YP_FAIL;
	(void)snprintf(out->reason, sizeof out->reason,
		       "expected to fail, but every case passed: the harness is blind here");
}

static int run(struct execution *e, char *detail, size_t detail_bytes)
{
	int result = yp_session_init(&e->session, e->session.scenario, e->options->seed, detail, detail_bytes);
	if (result)
		return result;
	yp_evidence_init(&e->evidence, e->session.scenario);
	result = run_faults(e);
	if (result) {
		(void)snprintf(detail, detail_bytes, "after %llu cases: %s",
			       (unsigned long long)yp_cases_count(e->cases), strerror(-result));
		return result;
	}
	result = yp_cases_end(e->cases, e->out);
	if (result)
		(void)snprintf(detail, detail_bytes, "writing results: %s", strerror(-result));
	else
		tell(e);
	return result;
}

/* Why a scenario cannot run here. */
static bool skips(const struct yp_scenario *scenario, const char *board, char *why, size_t why_bytes)
{
	if (scenario->rig == YP_RIG_QEMU)
		return yp_qemu_absent(scenario, board, why, why_bytes);
	if (scenario->rig == YP_RIG_SIM || yp_lab_lists(scenario))
		return false;
	if (scenario->rig == YP_RIG_BOARD)
		(void)snprintf(why, why_bytes,
			       "no board: LG_ENV names no labgrid environment; 'make hil' has one in a box");
	else
		(void)snprintf(why, why_bytes, "rig %s is not available in this build", yp_rig_text(scenario->rig));
	return true;
}

int yp_execute(const struct yp_scenario *scenario, const struct yp_execute_options *options, struct yp_result *out)
{
	*out = (struct yp_result){.beyond = scenario->expect_fail == 1};
	(void)snprintf(out->scenario, sizeof out->scenario, "%s", scenario->name);
	uint64_t start_ms = now_ms();
	if (skips(scenario, options->board, out->reason, sizeof out->reason)) {
		out->verdict = YP_SKIP;
	} else {
		struct execution e = {.options = options, .out = out};
		e.session.scenario = scenario;
		int result = yp_cases_new(options->fd, scenario->name, &e.cases);
		if (!result && yp_lab_lists(scenario))
			result = yp_lab_execute(scenario, options, e.cases, out, out->reason, sizeof out->reason);
		else if (!result && scenario->rig == YP_RIG_QEMU)
			result = yp_qemu_execute(scenario, options, e.cases, out, out->reason, sizeof out->reason);
		else if (!result)
			result = run(&e, out->reason, sizeof out->reason);
		if (result)
			out->verdict = YP_ERROR;
		else
			judge(out);
		yp_session_deinit(&e.session);
		yp_cases_free(e.cases);
	}
	out->duration_ms = now_ms() - start_ms;
	return options->fd < 0 ? 0 : yp_results_scenario(options->fd, scenario, out);
}
