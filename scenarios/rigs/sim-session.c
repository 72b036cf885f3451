/* SPDX-License-Identifier: Apache-2.0 */
/* A story on the simulated device: recorded, its cases run again, a failing one made small. */
#include "rigs/sim-session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_detail(char *detail, size_t detail_bytes, const char *what, int result)
{
	(void)snprintf(detail, detail_bytes, "%s: %s", what, strerror(-result));
}

int yp_session_init(struct yp_session *session, const struct yp_scenario *scenario, uint64_t seed, char *detail,
		    size_t detail_bytes)
{
	*session = (struct yp_session){.scenario = scenario, .seed = seed};
	struct yp_sim_spec spec = scenario->spec;
	spec.seed = seed;
	/* By medium, in sim.h's order: slot-a, slot-b, env, state, data, kernel-a, kernel-b. */
	const enum yp_model models[] = {scenario->slots, scenario->slots, scenario->env,  scenario->state,
					scenario->data,  scenario->slots, scenario->slots};
	memcpy(spec.model, models, sizeof models);
	int result = yp_sim_new(&spec, &scenario->expect, &session->sim);
	if (result) {
		write_detail(detail, detail_bytes, "the simulated device refuses this story", result);
		return result;
	}
	result = yp_sim_record(session->sim, &session->log, &session->story);
	if (result) {
		write_detail(detail, detail_bytes, "the story could not be recorded", result);
		return result;
	}
	result = yp_lint(session->log, yp_sim_roles(session->sim), session->findings, YP_FINDINGS_MAX,
			 &session->finding_count);
	if (result) {
		write_detail(detail, detail_bytes, "the write log could not be checked", result);
		return result;
	}
	if (session->finding_count > YP_FINDINGS_MAX)
		session->finding_count = YP_FINDINGS_MAX;
	result = yp_findings_drop_notes(session->log, yp_sim_roles(session->sim),
					scenario->spec.slot_kib * UINT64_C(1024) / YP_SECTOR_BYTES, session->findings,
					&session->finding_count);
	if (result)
		return result;
	session->explore = (struct yp_explore){.rig = yp_sim_rig(session->sim),
					       .base = yp_sim_base(session->sim),
					       .log = session->log,
					       .limits = scenario->limits};
	session->explore.limits.seed = seed;
	return 0;
}

void yp_session_deinit(struct yp_session *session)
{
	yp_log_free(session->log);
	yp_sim_free(session->sim);
	*session = (struct yp_session){0};
}

/* The kind of log entry that a fault counts; 0: it cannot be found in the log. Reads are not among them: the
 * bootloader's count not. */
static enum yp_op find_op(enum yp_sim_fault_kind kind)
{
	switch (kind) {
	case YP_SIM_FAULT_WRITE_EIO:
	case YP_SIM_FAULT_WRITE_ENOSPC:
	case YP_SIM_FAULT_WRITE_BITFLIP:
		return YP_WRITE;
	case YP_SIM_FAULT_FLUSH_EIO:
		return YP_FLUSH;
	default:
		return 0;
	}
}

/* Only the bootloader writes in these steps; faults hit the updater only. */
static bool is_bootloader(const struct yp_subject *subject, const char *step)
{
	return subject->steps &&
	       (strcmp(step, subject->steps->select) == 0 || strcmp(step, subject->steps->fall_back) == 0);
}

long yp_session_fault_entry(const struct yp_session *session, const struct yp_sim_fault *fault, const char **step)
{
	enum yp_op op = find_op(fault->kind);
	uint64_t seen = 0;
	*step = "";
	for (size_t i = 0; op && i < yp_log_count(session->log); i++) {
		const char *at = yp_log_step(session->log, i);
		if (yp_log_entry(session->log, i)->op != op || is_bootloader(session->scenario->subject, at) ||
		    ++seen != fault->nth)
			continue;
		*step = at;
		return (long)i;
	}
	return -1;
}

static int replay_fault(struct yp_session *session, const struct yp_id *id, struct yp_outcome *out, char *story,
			size_t story_bytes)
{
	const struct yp_sim_fault *fault = &id->fault;
	if (fault->kind == YP_SIM_FAULT_NONE) {
		*out = session->story;
		(void)snprintf(story, story_bytes, "the story without a fault, %zu log entries\n",
			       yp_log_count(session->log));
		return 0;
	}
	bool landed = false;
	int result = yp_sim_run_fault(session->sim, fault, &landed, out);
	if (result)
		return result;
	const char *step = "";
	long entry = yp_session_fault_entry(session, fault, &step);
	char where[64] = "";
	if (entry >= 0)
		(void)snprintf(where, sizeof where, ", entry %ld of the story's log (%s)", entry, step);
	if (fault->kind == YP_SIM_FAULT_CLOCK)
		(void)snprintf(story, story_bytes, "the clock says %lld s since 1970\n", (long long)fault->clock_s);
	else
		(void)snprintf(story, story_bytes, "%s at operation %llu%s%s\n", yp_fault_text(fault->kind),
			       (unsigned long long)fault->nth, fault->for_ever ? " and all after it" : "", where);
	if (!landed && out->verdict == YP_PASS) {
		out->verdict = YP_MISS;
		(void)snprintf(out->text, sizeof out->text, "the fault did not land");
	}
	return 0;
}

int yp_session_replay(struct yp_session *session, const struct yp_id *id, struct yp_outcome *out, char *story,
		      size_t story_bytes)
{
	story[0] = 0;
	if (id->kind == YP_ID_LINT)
		return yp_findings_replay(session->log, session->findings, session->finding_count, id, out, story,
					  story_bytes);
	if (id->kind == YP_ID_FAULT)
		return replay_fault(session, id, out, story, story_bytes);
	struct yp_image *state = NULL;
	int result = yp_explore_replay(&session->explore, &id->cut, &state, out, story, story_bytes);
	yp_image_free(state);
	return result == -EINVAL ? 1 : result;
}

static int explain_fault(struct yp_session *session, const struct yp_id *id, char *smaller, char *sentence,
			 size_t sentence_bytes)
{
	struct yp_outcome outcome = {0};
	char story[512];
	struct yp_id once = *id;
	once.fault.for_ever = false;
	int result = yp_session_replay(session, &once, &outcome, story, sizeof story);
	/* Once is the smaller case, if it fails at all. */
	if (!result && outcome.verdict != YP_FAIL && id->fault.for_ever) {
		once.fault.for_ever = true;
		result = yp_session_replay(session, &once, &outcome, story, sizeof story);
	}
	if (result)
		return result;
	yp_id_fault(session->scenario->name, session->seed, &once.fault, smaller);
	story[strcspn(story, "\n")] = 0;
	(void)snprintf(sentence, sentence_bytes, "%s: %s%s%s", story, yp_invariant_id(outcome.invariant),
		       outcome.invariant != YP_I_NONE ? ": " : "", *outcome.text ? outcome.text : outcome.label);
	return 0;
}

int yp_session_explain(struct yp_session *session, const struct yp_id *id, char *smaller, char *sentence,
		       size_t sentence_bytes)
{
	sentence[0] = 0;
	if (id->kind == YP_ID_FAULT)
		return explain_fault(session, id, smaller, sentence, sentence_bytes);
	if (id->kind == YP_ID_LINT) {
		struct yp_outcome outcome;
		yp_id_lint(session->scenario->name, session->seed, id->rule, (size_t)id->entry, smaller);
		int result = yp_findings_replay(session->log, session->findings, session->finding_count, id, &outcome,
						sentence, sentence_bytes);
		sentence[strcspn(sentence, "\n")] = 0;
		return result;
	}
	struct yp_case least;
	char text[YP_CASE_TEXT_MAX];
	int result = yp_explore_shrink(&session->explore, &id->cut, &least, sentence, sentence_bytes);
	if (!result)
		result = yp_case_encode(&least, text, sizeof text);
	if (!result)
		yp_id_cut(session->scenario->name, session->seed, text, smaller);
	return result == -EINVAL ? 1 : result;
}
