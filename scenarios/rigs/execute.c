/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one scenario on its rig, and replays one of its cases. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "power-cut/host-calls.h"
#include "rigs/listed-cases.h"
#include "rigs/rig.h"

int yp_rig_session_init(struct yp_rig_session *session, const struct yp_rig_setup *setup, char *detail,
			size_t detail_bytes)
{
	void *opened = NULL;
	*session = (struct yp_rig_session){.rig = yp_rig_of(setup->scenario), .setup = *setup};
	*detail = 0;
	int result = session->rig->open(setup, &opened, detail, detail_bytes);
	assert(result != 0 || opened);
	if (!result)
		session->session = opened;
	else if (!*detail)
		(void)snprintf(detail, detail_bytes, "rig %s could not be opened: %s", session->rig->terms.name,
			       result < 0 ? strerror(-result) : "what was kept is not there");
	return result;
}

void yp_rig_session_deinit(struct yp_rig_session *session)
{
	if (session->session)
		session->rig->close(session->session);
	*session = (struct yp_rig_session){0};
}

int yp_rig_session_replay(struct yp_rig_session *session, const struct yp_id *id, const struct yp_replay_options *how,
			  struct yp_outcome *out, char *story, size_t story_bytes)
{
	const struct yp_scenario_rig *rig = session->rig;
	assert(session->session && (rig->explore != NULL) != (rig->plan != NULL));
	story[0] = 0;
	if (rig->plan)
		return yp_listing_replay(rig, session->session, id, out, story, story_bytes);
	/* Only a rig that lists its cases has ids of that kind. */
	if (id->kind == YP_ID_LISTED)
		return 1;
	return rig->replay(session->session, id, how, out, story, story_bytes);
}

/* The first failure, shrunk to one sentence; if shrinking fails, the case is printed. */
static void explain_failure(struct yp_rig_session *session, struct yp_result *out)
{
	struct yp_id id;
	char smaller[YP_ID_MAX] = "";
	if (!session->rig->explain || out->verdict != YP_FAIL || !*out->failing || yp_id_decode(out->failing, &id))
		return;
	if (session->rig->explain(session->session, &id, smaller, out->sentence, sizeof out->sentence) == 0 && *smaller)
		(void)snprintf(out->failing, sizeof out->failing, "%s", smaller);
}

/* A disagreeing audit means that settling is unsound here: worse than any case. A scenario beyond the contract must
 * fail. */
static void judge_scenario(struct yp_result *out)
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

/* 0, or -errno with *detail. */
static int run_scenario(struct yp_rig_session *session, const struct yp_rig_setup *setup, struct yp_rig_run *run,
			char *detail, size_t detail_bytes)
{
	int result = yp_rig_session_init(session, setup, detail, detail_bytes);
	if (result)
		return result;
	if (session->rig->plan)
		result = yp_listing_run(setup->scenario, session->rig, session->session, run, detail, detail_bytes);
	else
		result = session->rig->explore(session->session, run, detail, detail_bytes);
	if (result && !*detail)
		(void)snprintf(detail, detail_bytes, "after %llu cases: %s",
			       (unsigned long long)yp_cases_count(run->cases), strerror(-result));
	if (!result)
		explain_failure(session, run->out);
	return result;
}

int yp_execute(const struct yp_scenario *scenario, const struct yp_execute_options *options, struct yp_result *out)
{
	const struct yp_scenario_rig *rig = yp_rig_of(scenario);
	const struct yp_rig_setup setup = {.scenario = scenario,
					   .seed = options->seed,
					   .use = options->resume ? YP_RIG_RESUME : YP_RIG_FRESH,
					   .dir = options->dir,
					   .images = options->board};
	struct yp_rig_session session = {0};
	struct yp_rig_run run = {.options = options, .out = out};
	*out = (struct yp_result){.beyond = scenario->expect_fail == 1};
	(void)snprintf(out->scenario, sizeof out->scenario, "%s", scenario->name);
	uint64_t start_ms = yp_clock_ms();
	if (rig->absent && rig->absent(scenario, options->board, out->reason, sizeof out->reason)) {
		out->verdict = YP_SKIP;
	} else {
		int result = yp_cases_new(options->fd, scenario->name, &run.cases);
		if (!result)
			result = run_scenario(&session, &setup, &run, out->reason, sizeof out->reason);
		if (result)
			out->verdict = YP_ERROR;
		else
			judge_scenario(out);
		yp_rig_session_deinit(&session);
		yp_cases_free(run.cases);
	}
	out->duration_ms = yp_clock_ms() - start_ms;
	return options->fd < 0 ? 0 : yp_results_scenario(options->fd, scenario, out);
}
