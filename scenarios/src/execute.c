/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cases.h"
#include "evidence.h"
#include "lab.h"
#include "qemu.h"

/* One scenario that runs. */
struct execution {
	struct bp_session session;
	const struct bp_execute_options *options;
	struct bp_cases *cases;
	struct bp_result *out;
	struct bp_evidence evidence;
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

static int add(struct execution *e, const struct bp_case_line *line)
{
	e->failed = e->failed || line->verdict == BP_FAIL;
	return bp_cases_add(e->cases, line);
}

static int on_case(void *ctx, const char *text, const struct bp_case *c, const char *step,
		   const struct bp_outcome *outcome, bool settled)
{
	struct execution *e = ctx;
	char id[BP_ID_MAX];
	char covers[BP_EVIDENCE_TEXT_MAX];
	struct bp_shown shown = {.fault = "power-cut", .step = step, .form = "plain", .reason = "", .cuts = c->count};
	if (c->count)
		shown.form = bp_cut_kind(&c->cuts[0]);
	for (unsigned i = 0; i < c->count; i++)
		shown.torn = shown.torn || c->cuts[i].torn >= 0;
	bp_evidence_of(&e->evidence, &shown, covers);
	bp_id_cut(e->session.scenario->name, e->session.seed, text, id);
	struct bp_case_line line = {.id = id,
				    .fault = "power-cut",
				    .step = step,
				    .label = outcome->label,
				    .invariant = outcome->invariant,
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
static void name_bound(const struct bp_limits *limits, const struct bp_stats *stats, bool first_failure, char *out,
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

static int run_power_cut(struct execution *e, const struct bp_fault *fault)
{
	struct bp_explore explore = e->session.explore;
	if (e->options->states_max)
		explore.limits.states_max = e->options->states_max;
	if (fault->explore == 1)
		explore.limits.depth_max = 1;
	explore.on_case = on_case;
	explore.case_ctx = e;
	explore.on_progress = e->options->on_progress;
	explore.progress_ctx = e->options->progress_ctx;
	explore.stop_at_first_failure = e->options->stop_at_first_failure;
	int result = bp_explore_run(&explore, &e->out->stats);
	e->out->explored = true;
	name_bound(&explore.limits, &e->out->stats, explore.stop_at_first_failure, e->out->bounded_by,
		   sizeof e->out->bounded_by);
	return result;
}

static int run_one_fault(struct execution *e, const struct sim_fault *fault)
{
	struct bp_outcome outcome = {0};
	bool landed = false;
	int result = sim_run_fault(e->session.sim, fault, &landed, &outcome);
	if (result)
		return result;
	char id[BP_ID_MAX];
	const char *written = "";
	const char *step = sim_fault_step(e->session.sim);
	long entry = bp_session_fault_entry(&e->session, fault, &written);
	bp_id_fault(e->session.scenario->name, e->session.seed, fault, id);
	bool miss = !landed && outcome.verdict == BP_PASS;
	char covers[BP_EVIDENCE_TEXT_MAX] = "";
	struct bp_shown shown = {.fault = bp_fault_text(fault->kind),
				 .step = step,
				 .form = "",
				 .reason = sim_told_reason(e->session.sim),
				 .for_ever = fault->for_ever,
				 .clock_s = fault->clock_s};
	if (landed)
		bp_evidence_of(&e->evidence, &shown, covers);
	struct bp_case_line line = {.id = id,
				    .fault = bp_fault_text(fault->kind),
				    .step = step,
				    .label = outcome.label,
				    .invariant = outcome.invariant,
				    .text = miss ? "the fault did not land" : outcome.text,
				    .form = "",
				    .entry = entry,
				    .verdict = miss ? BP_MISS : outcome.verdict,
				    .boots = outcome.boots,
				    .catalogue = covers,
				    .reason = shown.reason};
	e->out->stats.run++;
	return add(e, &line);
}

static int run_fault(struct execution *e, const struct bp_fault *plan)
{
	struct sim_fault fault = {.kind = plan->kind, .nth = plan->nth, .for_ever = plan->for_ever, .medium = -1};
	int result = 0;
	if (plan->kind == SIM_FAULT_CLOCK) {
		for (unsigned i = 0; !result && !stop(e) && i < plan->clock_count; i++) {
			fault.clock_s = plan->clock_s[i];
			result = run_one_fault(e, &fault);
		}
		return result;
	}
	if (plan->nth)
		return run_one_fault(e, &fault);
	uint64_t points = sim_fault_points(e->session.sim, plan->kind);
	for (fault.nth = 1; !result && !stop(e) && fault.nth <= points; fault.nth++) {
		result = run_one_fault(e, &fault);
		if (e->options->on_progress && fault.nth % 64 == 0)
			e->options->on_progress(e->options->progress_ctx, &e->out->stats, points - fault.nth);
	}
	return result;
}

static int add_story(struct execution *e)
{
	char id[BP_ID_MAX];
	char covers[BP_EVIDENCE_TEXT_MAX];
	struct bp_shown shown = {.fault = "none", .step = "", .form = "", .reason = sim_told_reason(e->session.sim)};
	struct bp_case_line line = bp_case_of_story(e->session.scenario->name, e->session.seed, &e->session.story, id);
	bp_evidence_of(&e->evidence, &shown, covers);
	line.catalogue = covers;
	line.reason = shown.reason;
	return add(e, &line);
}

static int add_findings(struct execution *e)
{
	int result = 0;
	for (size_t i = 0; !result && !e->options->no_lint && i < e->session.finding_count; i++) {
		char id[BP_ID_MAX];
		struct bp_case_line line = bp_case_of_finding(e->session.scenario->name, e->session.seed,
							      e->session.log, &e->session.findings[i], id);
		result = add(e, &line);
	}
	return result;
}

static int run_faults(struct execution *e)
{
	const struct bp_scenario *scenario = e->session.scenario;
	int result = 0;
	if (e->options->fd >= 0)
		result = bp_results_log(e->options->fd, scenario->name, e->session.log, e->session.findings,
					e->session.finding_count);
	if (!result)
		result = add_story(e);
	if (!result)
		result = add_findings(e);
	for (unsigned i = 0; !result && !stop(e) && i < scenario->fault_count; i++) {
		const struct bp_fault *fault = &scenario->faults[i];
		result = fault->power_cut ? run_power_cut(e, fault) : run_fault(e, fault);
	}
	return result;
}

/* The first failure, shrunk to one sentence; if that cannot be had, the case says enough. */
static void tell(struct execution *e)
{
	struct bp_id id;
	char smaller[BP_ID_MAX] = "";
	struct bp_result *out = e->out;
	if (out->verdict != BP_FAIL || !*out->failing || bp_id_decode(out->failing, &id))
		return;
	if (bp_session_explain(&e->session, &id, smaller, out->sentence, sizeof out->sentence) == 0 && *smaller)
		(void)snprintf(out->failing, sizeof out->failing, "%s", smaller);
}

/* A disagreeing audit means that settling is unsound here: worse than any case. And what is beyond the contract must
 * fail. */
static void judge(struct bp_result *out)
{
	if (out->stats.disagreed) {
		out->verdict = BP_FAIL;
		(void)snprintf(out->reason, sizeof out->reason,
			       "%llu settled states behave otherwise when they are run",
			       (unsigned long long)out->stats.disagreed);
		return;
	}
	if (!out->beyond || (out->verdict != BP_FAIL && out->verdict != BP_PASS))
		return;
	if (out->verdict == BP_FAIL) {
		out->verdict = BP_PASS;
		return;
	}
	out->verdict = BP_FAIL;
	(void)snprintf(out->reason, sizeof out->reason,
		       "expected to fail, but every case passed: the harness is blind here");
}

static int run(struct execution *e, char *detail, size_t detail_bytes)
{
	int result = bp_session_init(&e->session, e->session.scenario, e->options->seed, detail, detail_bytes);
	if (result)
		return result;
	bp_evidence_init(&e->evidence, e->session.scenario);
	result = run_faults(e);
	if (result) {
		(void)snprintf(detail, detail_bytes, "after %llu cases: %s",
			       (unsigned long long)bp_cases_count(e->cases), strerror(-result));
		return result;
	}
	result = bp_cases_end(e->cases, e->out);
	if (result)
		(void)snprintf(detail, detail_bytes, "writing results: %s", strerror(-result));
	else
		tell(e);
	return result;
}

/* Why a scenario cannot run here. */
static bool skips(const struct bp_scenario *scenario, const char *board, char *why, size_t why_bytes)
{
	if (scenario->rig == BP_RIG_QEMU)
		return bp_qemu_absent(scenario, board, why, why_bytes);
	if (scenario->rig == BP_RIG_SIM || bp_lab_lists(scenario))
		return false;
	if (scenario->rig == BP_RIG_BOARD)
		(void)snprintf(why, why_bytes,
			       "no board: LG_ENV names no labgrid environment; 'make hil' has one in a box");
	else
		(void)snprintf(why, why_bytes, "rig %s is not available in this build", bp_rig_text(scenario->rig));
	return true;
}

int bp_execute(const struct bp_scenario *scenario, const struct bp_execute_options *options, struct bp_result *out)
{
	*out = (struct bp_result){.beyond = scenario->expect_fail == 1};
	(void)snprintf(out->scenario, sizeof out->scenario, "%s", scenario->name);
	uint64_t start_ms = now_ms();
	if (skips(scenario, options->board, out->reason, sizeof out->reason)) {
		out->verdict = BP_SKIP;
	} else {
		struct execution e = {.options = options, .out = out};
		e.session.scenario = scenario;
		int result = bp_cases_new(options->fd, scenario->name, &e.cases);
		if (!result && bp_lab_lists(scenario))
			result = bp_lab_execute(scenario, options, e.cases, out, out->reason, sizeof out->reason);
		else if (!result && scenario->rig == BP_RIG_QEMU)
			result = bp_qemu_execute(scenario, options, e.cases, out, out->reason, sizeof out->reason);
		else if (!result)
			result = run(&e, out->reason, sizeof out->reason);
		if (result)
			out->verdict = BP_ERROR;
		else
			judge(out);
		bp_session_deinit(&e.session);
		bp_cases_free(e.cases);
	}
	out->duration_ms = now_ms() - start_ms;
	return options->fd < 0 ? 0 : bp_results_scenario(options->fd, scenario, out);
}
