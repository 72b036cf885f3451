/* SPDX-License-Identifier: Apache-2.0 */
/* The exploration of a story on the emulated board: every crash state is judged, some of each class are booted. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/host-calls.h"
#include "rigs/qemu/qemu.h"

/* How far the boots reached. */
struct reached {
	uint64_t classes, unrun, whole; /* whole: run as often as required */
};

struct exploration {
	struct yp_qemu *qemu;
	struct yp_rig_run *run;
	json_t *classes;           /* as in RESULTS.md */
	struct reached reached[2]; /* all classes; those that one cut leads to */
	bool real_disagrees;       /* the real U-Boot, with the decision table */
};

static int add_story(struct exploration *e)
{
	char id[YP_ID_MAX];
	struct yp_case_line line = yp_case_of_story(e->qemu->scenario->name, e->qemu->seed, &e->qemu->story, id);
	return yp_rig_run_add(e->run, &line);
}

static int add_findings(struct exploration *e)
{
	int result = 0;
	for (size_t i = 0; !result && !e->run->options->no_lint && i < e->qemu->finding_count; i++) {
		char id[YP_ID_MAX];
		struct yp_case_line line =
		    yp_case_of_finding(e->qemu->scenario->name, e->qemu->seed, e->qemu->log, &e->qemu->findings[i], id);
		result = yp_rig_run_add(e->run, &line);
	}
	return result;
}

static int add_cut(void *ctx, const char *text, const struct yp_case *c, const char *step,
		   const struct yp_outcome *outcome, bool settled)
{
	struct exploration *e = ctx;
	char id[YP_ID_MAX];
	bool inside = false;
	int error = yp_qemu_inside(e->qemu, c, &inside);
	if (error)
		return error;
	e->qemu->inside += inside;
	struct yp_case_line line =
	    yp_case_of_cut(e->qemu->scenario->name, e->qemu->seed, text, c, step, outcome, settled, id);
	return yp_rig_run_add(e->run, &line);
}

static const char *words_of(const struct yp_qemu *qemu, uint64_t hash)
{
	const struct yp_oracle_class *classes;
	size_t count = yp_oracle_classes(qemu->oracles, &classes);
	for (size_t i = 0; i < count; i++) {
		if (classes[i].hash == hash)
			return classes[i].words;
	}
	return "";
}

static int add_class(void *ctx, const struct yp_class_end *end)
{
	struct exploration *e = ctx;
	for (unsigned i = 0; i < (end->cuts == 1 ? 2u : 1u); i++) {
		e->reached[i].classes++;
		e->reached[i].unrun += end->runs == 0;
		e->reached[i].whole += end->runs >= YP_QEMU_CLASS_RUNS;
	}
	json_t *line = json_pack("{s:s, s:I, s:i, s:i, s:s, s:s}", "words", words_of(e->qemu, end->key.lo), "states",
				 (json_int_t)end->states, "cuts", (int)end->cuts, "runs", (int)end->runs, "label",
				 end->label, "verdict", end->runs ? yp_verdict_text(end->verdict) : "");
	return json_array_append_new(e->classes, line) ? -ENOMEM : 0;
}

/* From the recording on. */
static int explore_rounds(struct exploration *e)
{
	struct yp_qemu *qemu = e->qemu;
	const struct yp_execute_options *options = e->run->options;
	struct yp_explore explore = qemu->explore;
	struct yp_rounds how = {.class_runs = YP_QEMU_CLASS_RUNS,
				.ctx = qemu,
				.recover = yp_qemu_recover,
				.on_class = add_class,
				.class_ctx = e};
	json_decref(e->classes);
	e->classes = json_array();
	memset(e->reached, 0, sizeof e->reached);
	if (!e->classes)
		return -ENOMEM;
	if (options->states_max)
		explore.limits.states_max = options->states_max;
	explore.on_case = add_cut;
	explore.case_ctx = e;
	explore.on_progress = options->on_progress;
	explore.progress_ctx = options->progress_ctx;
	explore.stop_at_first_failure = options->stop_at_first_failure;
	return yp_explore_rounds(&explore, &how, &e->run->out->stats);
}

/* The machines' time limit; 0: none. */
static uint64_t seconds_of(const struct exploration *e)
{
	return e->run->options->seconds_max ? e->run->options->seconds_max : e->qemu->scenario->seconds;
}

static void name_bound(const struct exploration *e, const struct yp_limits *limits, struct yp_result *out)
{
	const struct yp_stats *s = &out->stats;
	uint64_t seconds = seconds_of(e);
	if (s->closed)
		return;
	if (limits->states_max && s->distinct >= limits->states_max)
		(void)snprintf(out->bounded_by, sizeof out->bounded_by, "%" PRIu64 " states", limits->states_max);
	else if (s->failed && e->run->options->stop_at_first_failure)
		(void)snprintf(out->bounded_by, sizeof out->bounded_by, "its first failure");
	else if (e->qemu->rig_errors)
		(void)snprintf(out->bounded_by, sizeof out->bounded_by, "%" PRIu64 " runs that the rig failed",
			       e->qemu->rig_errors);
	else if (s->run < s->canonical * YP_QEMU_CLASS_RUNS)
		(void)snprintf(out->bounded_by, sizeof out->bounded_by,
			       "%" PRIu64 " %s (%" PRIu64 " of %" PRIu64 " runs)", seconds ? seconds : limits->runs_max,
			       seconds ? "seconds" : "runs", s->run, s->canonical * YP_QEMU_CLASS_RUNS);
	else
		(void)snprintf(out->bounded_by, sizeof out->bounded_by, "%u cut%s in a row", s->depth,
			       s->depth == 1 ? "" : "s");
}

static void write_note(const struct exploration *e, const struct yp_oracle_real *real, int real_error,
		       struct yp_result *out)
{
	const struct yp_qemu *b = e->qemu;
	const struct yp_stats *s = &out->stats;
	const struct reached *all = &e->reached[0];
	const struct reached *one = &e->reached[1];
	struct yp_oracle_stats oracles;
	char uboot[120] = "the real U-Boot is not built";
	char rate[48] = "";
	yp_oracle_stats(b->oracles, &oracles);
	if (!real_error)
		(void)snprintf(uboot, sizeof uboot,
			       "%" PRIu64 " environments decided by the real U-Boot too, %" PRIu64 " otherwise",
			       real->decided, real->disagreed);
	else if (real_error == -ECANCELED)
		(void)snprintf(uboot, sizeof uboot, "the real U-Boot was not asked any more");
	else if (real_error != -ENOENT)
		(void)snprintf(uboot, sizeof uboot, "the real U-Boot failed: %s", strerror(-real_error));
	if (b->spent_ms && b->boots)
		(void)snprintf(rate, sizeof rate, ", %.1f a minute", (double)b->boots * 60000.0 / (double)b->spent_ms);
	(void)snprintf(out->note, sizeof out->note,
		       "classes %" PRIu64 " (%" PRIu64 " of one cut), not booted %" PRIu64 " (%" PRIu64
		       "), booted %u times %" PRIu64 " (%" PRIu64 "); audits that agree %" PRIu64 " of %" PRIu64
		       "; settled by read set (bootloader) %" PRIu64 ", by class %" PRIu64
		       "; inside the bootloader's store %" PRIu64 "; %s; data partitions replayed and checked %" PRIu64
		       "; boots %" PRIu64 "%s%s",
		       all->classes, one->classes, all->unrun, one->unrun, YP_QEMU_CLASS_RUNS, all->whole, one->whole,
		       s->audited - (s->disagreed < s->audited ? s->disagreed : s->audited), s->audited,
		       s->settled_firm, s->settled, b->inside, uboot, oracles.data, s->boots, rate,
		       b->reused ? ", some kept from before" : "");
}

/* The same, for people. */
static int write_classes(const struct exploration *e)
{
	char path[YP_QEMU_PATH_MAX];
	size_t i;
	json_t *class;
	(void)snprintf(path, sizeof path, "%s/classes.txt", e->qemu->dir);
	FILE *f = fopen(path, "w");
	if (!f)
		return -errno;
	json_array_foreach(e->classes, i, class)
	{
		long long cuts = json_integer_value(json_object_get(class, "cuts"));
		long long runs = json_integer_value(json_object_get(class, "runs"));
		(void)fprintf(f, "%lld cut%s, states %lld, boots %lld%s%s: %s\n", cuts, cuts == 1 ? "" : "s",
			      (long long)json_integer_value(json_object_get(class, "states")), runs,
			      runs ? ", end in " : "", json_string_value(json_object_get(class, "label")),
			      json_string_value(json_object_get(class, "words")));
	}
	return fclose(f) ? -errno : 0;
}

static int run_power_cut(struct exploration *e, const struct yp_fault *fault)
{
	struct yp_qemu *qemu = e->qemu;
	struct yp_result *out = e->run->out;
	struct yp_oracle_real real = {0};
	if (fault->explore == 1)
		qemu->explore.limits.depth_max = 1;
	if (seconds_of(e))
		qemu->deadline_ms = yp_clock_ms() + seconds_of(e) * UINT64_C(1000);
	if (qemu->scenario->limits.runs_max)
		qemu->runs_left = qemu->scenario->limits.runs_max;
	int result = explore_rounds(e);
	if (!result && e->run->options->fd >= 0)
		result = yp_results_classes(e->run->options->fd, qemu->scenario->name, json_incref(e->classes));
	if (!result)
		result = write_classes(e);
	if (result)
		return result;
	out->explored = true;
	out->by_class = true;
	name_bound(e, &qemu->explore.limits, out);
	int real_error = yp_rig_run_ends(e->run) ? -ECANCELED : yp_qemu_real(qemu, &real);
	write_note(e, &real, real_error, out);
	e->real_disagrees = real.disagreed > 0;
	if (e->real_disagrees)
		(void)snprintf(out->reason, sizeof out->reason,
			       "%" PRIu64 " environments: %.180s; see env-N.bin in %.40s", real.disagreed, real.detail,
			       "its folder");
	return real_error == -ENOENT || real_error == -ECANCELED ? 0 : real_error;
}

static int run_all(struct exploration *e, char *detail, size_t detail_bytes)
{
	struct yp_qemu *qemu = e->qemu;
	const struct yp_scenario *scenario = qemu->scenario;
	int result = yp_qemu_record(qemu, true, detail, detail_bytes);
	if (!result && e->run->options->fd >= 0)
		result =
		    yp_results_log(e->run->options->fd, scenario->name, qemu->log, qemu->findings, qemu->finding_count);
	if (!result)
		result = add_story(e);
	if (!result)
		result = add_findings(e);
	for (unsigned i = 0; !result && i < scenario->fault_count; i++) {
		if (yp_rig_run_ends(e->run))
			break;
		if (scenario->faults[i].power_cut)
			result = run_power_cut(e, &scenario->faults[i]);
	}
	return result;
}

static void settle_verdict(struct exploration *e)
{
	struct yp_result *out = e->run->out;
	if (e->real_disagrees) {
		out->verdict = YP_FAIL;
	} else if (e->qemu->rig_errors && out->verdict < YP_ERROR) {
		out->verdict = YP_ERROR;
		(void)snprintf(out->reason, sizeof out->reason, "the rig failed %" PRIu64 " times, first: %.180s",
			       e->qemu->rig_errors, e->qemu->rig_detail);
	}
}

int yp_qemu_explore(void *session, struct yp_rig_run *run, char *detail, size_t detail_bytes)
{
	struct exploration e = {.qemu = session, .run = run};
	int result = run_all(&e, detail, detail_bytes);
	if (!result)
		result = yp_cases_end(run->cases, run->out);
	if (!result)
		settle_verdict(&e);
	json_decref(e.classes);
	return result;
}

/* ---- the place of a state ---- */

/* Marks the bootloader's stores in a log: the rig marks the step that selects at each power on and reset, and
 * the step that boots once the kernel is started. */
static int mark_firm(struct yp_qemu *qemu, const struct yp_log *log)
{
	const char *select = qemu->scenario->subject->steps->select;
	bool firm = false;
	size_t count = yp_log_count(log);
	uint8_t *marks = realloc(qemu->firm, count + 1);
	if (!marks)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op == YP_MARK && e->kind == YP_MARK_STEP)
			firm = strcmp(yp_log_text(log, e), select) == 0;
		marks[i] = firm && e->op == YP_WRITE && strcmp(qemu->media.layout.media[e->medium].name, "card") == 0;
	}
	qemu->firm = marks;
	qemu->firm_count = count;
	return 0;
}

int yp_qemu_inside(struct yp_qemu *qemu, const struct yp_case *c, bool *out)
{
	struct yp_case parent = *c;
	parent.count = c->count - 1;
	struct yp_log *log = NULL;
	char path[YP_QEMU_PATH_MAX];
	char detail[200];
	yp_qemu_path(qemu, &parent, 0, "log", path);
	/* Cases come parent by parent. */
	if (strcmp(path, qemu->counted) != 0) {
		int result = parent.count ? yp_qemu_log(qemu, path, &log, detail, sizeof detail) : 0;
		if (!result)
			result = mark_firm(qemu, parent.count ? log : qemu->log);
		yp_log_free(log);
		if (result)
			return result;
		(void)snprintf(qemu->counted, sizeof qemu->counted, "%s", path);
	}
	uint32_t entry = c->cuts[c->count - 1].entry;
	/* Inside: the write before the cut is the bootloader's, and so is the next. */
	*out = entry > 0 && entry < qemu->firm_count && qemu->firm[entry] && qemu->firm[entry - 1];
	return 0;
}
