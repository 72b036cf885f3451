/* SPDX-License-Identifier: Apache-2.0 */
/* The oracles of reports: the reports of a run against its story, word by word. */
#include "oracle/reports-judge.h"

#include <stdio.h>
#include <string.h>

#define ID_MAX        32
#define EVENT_MAX     24
#define VERSION_MAX   40
#define REASON_MAX    32
#define DIFFERENT_MAX 16u
/* Trials that a version gets which the boot limit ends: a promise of core/include/ota/state.h, written down anew here.
 */
#define LIMIT_TRIALS 2u

struct report {
	char id[ID_MAX], event[EVENT_MAX], version[VERSION_MAX], reason[REASON_MAX];
};

/* "report:<id>:<event>:<version>:<reason>" */
static bool parse_report(const char *text, struct report *out)
{
	struct {
		char *to;
		size_t bytes;
	} fields[] = {
	    {out->id, ID_MAX}, {out->event, EVENT_MAX}, {out->version, VERSION_MAX}, {out->reason, REASON_MAX}};

	if (strncmp(text, "report:", 7) != 0)
		return false;
	text += 7;
	for (unsigned i = 0; i < 4; i++) {
		size_t bytes = strcspn(text, ":");

		if (bytes >= fields[i].bytes)
			return false;
		memcpy(fields[i].to, text, bytes);
		fields[i].to[bytes] = '\0';
		text += bytes;
		if (*text == ':')
			text++;
	}
	return true;
}

void yp_oracle_judge_told(const struct yp_world *world, char *out)
{
	struct report report;

	*out = '\0';
	for (size_t i = 0; i < world->count; i++)
		if (parse_report(world->events[i], &report) && strcmp(report.event, "success") != 0)
			memcpy(out, report.reason, REASON_MAX);
}

bool yp_oracle_saw_success(const struct yp_world *world, const char *version)
{
	struct report report;

	for (size_t i = 0; i < world->count; i++) {
		if (parse_report(world->events[i], &report) && strcmp(report.event, "success") == 0 &&
		    strcmp(report.version, version) == 0)
			return true;
	}
	return false;
}

/* All reports of a run, and how often each kind of end was reported. */
struct told {
	struct report seen[DIFFERENT_MAX];
	unsigned count;
	unsigned successes, rollbacks, failures;
	unsigned limits; /* rollbacks by the boot limit */
	bool reason_found;
};

static void collect_reports(const struct yp_sim_expect *expect, const struct yp_world *world, struct told *told,
			    struct yp_outcome *out)
{
	struct report report;

	for (size_t i = 0; i < world->count; i++) {
		bool known = false;

		if (!parse_report(world->events[i], &report)) {
			yp_outcome_fail(out, YP_I5, "a report that cannot be read: %.60s", world->events[i]);
			continue;
		}
		for (unsigned k = 0; k < told->count && !known; k++) {
			if (strcmp(told->seen[k].id, report.id) != 0)
				continue;
			known = true;
			if (strcmp(told->seen[k].event, report.event) != 0 ||
			    strcmp(told->seen[k].reason, report.reason) != 0)
				yp_outcome_fail(out, YP_I5, "report %s says %s, then %s", report.id,
						told->seen[k].event, report.event);
		}
		if (known)
			continue;
		if (told->count == DIFFERENT_MAX) {
			yp_outcome_fail(out, YP_I5, "more than %u different reports", DIFFERENT_MAX);
			return;
		}
		told->seen[told->count++] = report;
		told->successes += strcmp(report.event, "success") == 0;
		told->rollbacks += strcmp(report.event, "rollback") == 0;
		told->failures += strcmp(report.event, "failure") == 0 || strcmp(report.event, "alarm") == 0;
		told->reason_found = told->reason_found || strcmp(report.reason, expect->reason) == 0;
		told->limits += strcmp(report.event, "rollback") == 0 && strcmp(report.reason, "BOOT_LIMIT") == 0;
	}
}

static bool reports_arrive(const struct yp_sim_spec *spec)
{
	return !spec->report_url_none && spec->report_down != YP_SIM_FOR_EVER;
}

static void judge_label(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, const struct told *told,
			enum yp_oracle_disturbance by, struct yp_outcome *out)
{
	bool wants_new = strcmp(expect->version, "new") == 0;

	if (strcmp(out->label, expect->version) == 0)
		return;
	if (!wants_new)
		yp_outcome_fail(out, YP_I1, "ends in %s, which must not be kept", out->label);
	/* One fault, or one cut, uses up one boot at most: only repeated cuts can reach the limit. */
	else if ((by != YP_ORACLE_BY_CUTS && spec->boot_attempts > 1) || by == YP_ORACLE_UNDISTURBED || expect->strict)
		yp_outcome_fail(out, YP_I6, "ends in %s instead of %s", out->label, expect->version);
	else if (reports_arrive(spec) && told->limits < LIMIT_TRIALS)
		yp_outcome_fail(out, YP_I6, "ends in %s although the boot limit ended %u of %u trials", out->label,
				told->limits, LIMIT_TRIALS);
}

static void judge_reports(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, const struct told *told,
			  enum yp_oracle_disturbance by, struct yp_outcome *out)
{
	bool is_new = strcmp(out->label, "new") == 0;

	if (told->successes > 0 && !is_new)
		yp_outcome_fail(out, YP_I5, "success was reported, but %s runs", out->label);
	/* A trial that the boot limit ended may be followed by another, with an end of its own. */
	if (told->successes > 0 && (told->rollbacks > told->limits || told->limits >= LIMIT_TRIALS))
		yp_outcome_fail(out, YP_I5, "success and rollback were reported for one trial");
	if (told->successes > 1 || told->rollbacks - told->limits > 1 || told->limits > LIMIT_TRIALS)
		yp_outcome_fail(out, YP_I5, "one end of one trial was reported under different ids");
	if (told->failures > 0 && by != YP_ORACLE_BY_FAULT && spec->bundle_lie == YP_SIM_LIE_NONE && !spec->downgrade)
		yp_outcome_fail(out, YP_I5, "a failure was reported, but nothing failed");
	if (!reports_arrive(spec) || spec->committed)
		return;
	if (is_new && told->successes == 0)
		yp_outcome_fail(out, YP_I5, "the new version runs, and nobody was told");
	if (expect->reason[0] != '\0' && !told->reason_found && !is_new &&
	    !(told->limits > 0 && by != YP_ORACLE_UNDISTURBED))
		yp_outcome_fail(out, YP_I9, "no report carries the reason %s", expect->reason);
}

void yp_oracle_judge_end(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect,
			 const struct yp_world *before, const struct yp_world *during, enum yp_oracle_disturbance by,
			 struct yp_outcome *out)
{
	struct told told = {.count = 0};

	collect_reports(expect, before, &told, out);
	collect_reports(expect, during, &told, out);
	judge_label(spec, expect, &told, by, out);
	judge_reports(spec, expect, &told, by, out);
}
