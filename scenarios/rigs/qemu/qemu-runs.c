/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs on the boards. Each board has a process of its own, forked when there is something to run: it sees the
 * exploration as it is at that moment, and hands back files. Which board ran what, and when it ended, changes nothing:
 * results are taken in the order in which they were requested.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power-cut/host-calls.h"
#include "rigs/qemu/qemu.h"

#define WAITING_MACHINES 3u
#define MACHINE_BYTES    (UINT64_C(640) << 20)

/* ---- kept files of a run ---- */

/* The media in the end: the state, and all of the run's log. */
static int end_of(struct yp_qemu *qemu, const struct yp_case *c, const struct yp_log *log, struct yp_image **out)
{
	struct yp_image *image = NULL;
	int result = c->count ? yp_qemu_state(qemu, c, &image) : yp_image_copy(qemu->base, &image);
	if (!result)
		result = yp_image_apply(image, log, yp_log_count(log));
	if (result) {
		yp_image_free(image);
		return result;
	}
	*out = image;
	return 0;
}

static json_t *outcome_json(const struct yp_case *c, unsigned again, const struct yp_outcome *o,
			    const struct yp_emulator_result *result)
{
	char text[YP_CASE_TEXT_MAX] = "";
	if (c->count && yp_case_encode(c, text, sizeof text))
		return NULL;
	json_t *line = json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:i, s:s, s:I}", "case", text, "again", (int)again,
				 "verdict", (int)o->verdict, "label", o->label, "invariant",
				 yp_invariant_id(o->invariant), "text", o->text, "boots", (int)o->boots, "final",
				 yp_emulator_final_name(result->final), "ms", (json_int_t)result->all_ms);
	json_t *boots = json_array();
	for (unsigned i = 0; i < result->boots && i < YP_EMULATOR_BOOTS_MAX; i++) {
		const struct yp_emulator_boot *b = &result->boot[i];
		char slots[3] = {b->slot ? b->slot : '-', b->up_slot ? b->up_slot : '-', 0};
		(void)json_array_append_new(boots,
					    json_pack("{s:s, s:s, s:s, s:I, s:I}", "slot", slots, "version", b->version,
						      "end", yp_emulator_end_name(b->end), "decision_ms",
						      (json_int_t)b->decision_ms, "up_ms", (json_int_t)b->up_ms));
	}
	if (!line || json_object_set_new(line, "boot", boots)) {
		json_decref(line);
		return NULL;
	}
	return line;
}

int yp_qemu_keep(struct yp_qemu *qemu, const struct yp_case *c, unsigned again, const struct yp_emulator_result *result)
{
	char path[YP_QEMU_PATH_MAX];
	char part[YP_QEMU_PATH_MAX];
	char detail[200];
	struct yp_log *log = NULL;
	struct yp_image *end = NULL;
	struct yp_outcome outcome;
	yp_qemu_path(qemu, c, again, "log", path);
	int error = yp_qemu_log(qemu, path, &log, detail, sizeof detail);
	if (!error)
		error = end_of(qemu, c, log, &end);
	if (!error) {
		yp_qemu_outcome(qemu, result, end, &outcome);
		json_t *line = outcome_json(c, again, &outcome, result);
		yp_qemu_path(qemu, c, again, "json", path);
		yp_qemu_path(qemu, c, again, "json-part", part);
		error = !line ? -ENOMEM : json_dump_file(line, part, JSON_COMPACT) ? -EIO : 0;
		json_decref(line);
	}
	if (!error && rename(part, path))
		error = -errno;
	yp_image_free(end);
	yp_log_free(log);
	return error;
}

static enum yp_invariant find_invariant(const json_t *line)
{
	const char *id = json_string_value(json_object_get(line, "invariant"));

	return id ? yp_invariant_find(id) : YP_I_NONE;
}

static void take_text(const json_t *line, const char *key, char *out, size_t out_bytes)
{
	const char *text = json_string_value(json_object_get(line, key));
	(void)snprintf(out, out_bytes, "%s", text ? text : "");
}

int yp_qemu_kept(struct yp_qemu *qemu, const struct yp_case *c, unsigned again, struct yp_outcome *out,
		 struct yp_log **log)
{
	char path[YP_QEMU_PATH_MAX];
	char text[YP_CASE_TEXT_MAX] = "";
	char detail[200];
	json_error_t error;
	yp_qemu_path(qemu, c, again, "json", path);
	json_t *line = json_load_file(path, 0, &error);
	const char *theirs = json_string_value(json_object_get(line, "case"));
	json_int_t verdict = json_integer_value(json_object_get(line, "verdict"));
	bool ours = theirs && verdict >= YP_PASS && verdict <= YP_FAIL &&
		    (!c->count || yp_case_encode(c, text, sizeof text) == 0) && strcmp(theirs, text) == 0;
	if (ours) {
		*out = (struct yp_outcome){.verdict = (enum yp_verdict)verdict,
					   .boots = (uint32_t)json_integer_value(json_object_get(line, "boots"))};
		take_text(line, "label", out->label, sizeof out->label);
		out->invariant = find_invariant(line);
		take_text(line, "text", out->text, sizeof out->text);
	}
	json_decref(line);
	if (!ours)
		return -ENOENT;
	yp_qemu_path(qemu, c, again, "log", path);
	return log ? yp_qemu_log(qemu, path, log, detail, sizeof detail) : 0;
}

/* ---- a board's process ---- */

struct shared {
	atomic_size_t next;
	atomic_size_t errors;
	char detail[200]; /* of the first */
};

static void report_error(struct shared *shared, const char *detail)
{
	if (atomic_fetch_add(&shared->errors, 1) == 0)
		(void)snprintf(shared->detail, sizeof shared->detail, "%s", detail);
}

static int run_job(struct yp_qemu *qemu, struct yp_emulator *rig, const struct yp_job *job, char *detail,
		   size_t detail_bytes)
{
	struct yp_image *state = NULL;
	struct yp_emulator_result *result = calloc(1, sizeof *result);
	struct yp_emulator_run how = yp_qemu_how(qemu);
	char log[YP_QEMU_PATH_MAX];
	char console[YP_QEMU_PATH_MAX];
	yp_qemu_path(qemu, &job->c, job->again, "log", log);
	yp_qemu_path(qemu, &job->c, job->again, "console", console);
	how.log = log;
	how.console = console;
	int error = result ? yp_qemu_state(qemu, &job->c, &state) : -ENOMEM;
	if (!error) {
		struct yp_emulator_start start = {.image = state, .base = qemu->base};
		error = yp_emulator_run(rig, &start, &how, result);
	}
	if (!error)
		error = yp_qemu_keep(qemu, &job->c, job->again, result);
	if (error)
		(void)snprintf(detail, detail_bytes, "%s",
			       result && *result->detail ? result->detail : strerror(-error));
	yp_image_free(state);
	free(result);
	return error;
}

/* A run that would not end in time is not begun. */
static bool is_spent(const struct yp_qemu *qemu, uint64_t longest_ms)
{
	return qemu->deadline_ms && yp_clock_ms() + longest_ms > qemu->deadline_ms;
}

static void run_jobs(struct yp_qemu *qemu, unsigned worker, struct shared *shared, const struct yp_job *jobs,
		     const size_t *open, size_t count)
{
	char detail[200] = "";
	struct yp_emulator *rig = NULL;
	uint64_t longest_ms = 0;
	if (yp_qemu_machine(qemu, worker, &rig, detail, sizeof detail)) {
		report_error(shared, detail);
		return;
	}
	for (;;) {
		if (is_spent(qemu, longest_ms))
			break;
		size_t i = atomic_fetch_add(&shared->next, 1);
		if (i >= count)
			break;
		uint64_t from_ms = yp_clock_ms();
		if (run_job(qemu, rig, &jobs[open[i]], detail, sizeof detail))
			report_error(shared, detail);
		if (yp_clock_ms() - from_ms > longest_ms)
			longest_ms = yp_clock_ms() - from_ms;
	}
	yp_emulator_free(rig);
}

/*
 * A board keeps a processor busy, unless its story is one of waiting for a watchdog: then three share one. Each needs
 * memory for QEMU and the block server; together they may use half of the machine's.
 */
static unsigned count_machines(const struct yp_qemu *qemu)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	long pages = sysconf(_SC_PHYS_PAGES);
	long page = sysconf(_SC_PAGESIZE);
	uint64_t wanted = (processors > 0 ? (uint64_t)processors : 1) * (qemu->waits ? WAITING_MACHINES : 1);
	uint64_t room = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 / MACHINE_BYTES : 1;
	if (wanted > room)
		wanted = room;
	if (wanted > YP_QEMU_MACHINES_MAX)
		wanted = YP_QEMU_MACHINES_MAX;
	return wanted ? (unsigned)wanted : 1;
}

static int start_machines(struct yp_qemu *qemu, struct shared *shared, const struct yp_job *jobs, const size_t *open,
			  size_t count)
{
	pid_t pids[YP_QEMU_MACHINES_MAX];
	pid_t parent = getpid();
	unsigned boards = count_machines(qemu);
	unsigned alive = 0;
	int result = 0;
	(void)fflush(NULL);
	for (; alive < boards && alive < count; alive++) {
		pids[alive] = fork();
		if (pids[alive] < 0) {
			result = alive ? 0 : -errno;
			break;
		}
		if (pids[alive] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				run_jobs(qemu, alive, shared, jobs, open, count);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < alive; i++) {
		int status = 0;
		while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			report_error(shared, "a board's process died");
	}
	return result;
}

/* The bootloader's part at the beginning of a log: up to the mark that the kernel was started. */
static size_t find_firm_end(const struct yp_subject *subject, const struct yp_log *log)
{
	for (size_t i = 0; i < yp_log_count(log); i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->op == YP_MARK && e->kind == YP_MARK_STEP &&
		    strcmp(yp_log_text(log, e), subject->steps->boot) == 0)
			return i;
	}
	return 0;
}

/* Fills in what is kept. *open: the jobs of which nothing is. again: what the rig failed in another process is nothing.
 */
static int take_kept(struct yp_qemu *qemu, struct yp_job *jobs, size_t count, bool again, size_t *open,
		     size_t *open_count)
{
	*open_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].log)
			continue;
		int result = yp_qemu_kept(qemu, &jobs[i].c, jobs[i].again, &jobs[i].outcome, &jobs[i].log);
		if (result == 0 && again && jobs[i].outcome.verdict == YP_ERROR) {
			yp_log_free(jobs[i].log);
			jobs[i].log = NULL;
			result = -ENOENT;
		}
		if (result == -ENOENT)
			open[(*open_count)++] = i;
		else if (result)
			return result;
		else
			jobs[i].firm = find_firm_end(qemu->scenario->subject, jobs[i].log);
	}
	return 0;
}

/* Runs what is open, as far as the budget goes. */
static int run_open(struct yp_qemu *qemu, struct yp_job *jobs, size_t count, const size_t *open, size_t open_count)
{
	size_t wanted = open_count < qemu->runs_left ? open_count : qemu->runs_left;
	size_t *still = calloc(count + 1, sizeof *still);
	size_t still_count = 0;
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int result = still && shared != MAP_FAILED ? 0 : -ENOMEM;
	uint64_t from_ms = yp_clock_ms();
	if (!result && wanted)
		result = start_machines(qemu, shared, jobs, open, wanted);
	qemu->spent_ms += yp_clock_ms() - from_ms;
	if (!result)
		result = take_kept(qemu, jobs, count, false, still, &still_count);
	for (size_t i = 0; !result && i < open_count; i++)
		qemu->boots += jobs[open[i]].log ? jobs[open[i]].outcome.boots : 0;
	if (!result) {
		qemu->runs += open_count - still_count;
		if (qemu->runs_left != SIZE_MAX)
			qemu->runs_left -= open_count - still_count;
		qemu->rig_errors += atomic_load(&shared->errors);
		if (qemu->rig_errors && !*qemu->rig_detail)
			(void)snprintf(qemu->rig_detail, sizeof qemu->rig_detail, "%s", shared->detail);
	}
	if (shared != MAP_FAILED)
		(void)munmap(shared, sizeof *shared);
	free(still);
	return result;
}

int yp_qemu_recover(void *ctx, struct yp_job *jobs, size_t count)
{
	struct yp_qemu *qemu = ctx;
	size_t *open = calloc(count + 1, sizeof *open);
	size_t open_count = 0;
	int result = open ? take_kept(qemu, jobs, count, true, open, &open_count) : -ENOMEM;
	if (!result) {
		qemu->reused += count - open_count;
		result = run_open(qemu, jobs, count, open, open_count);
	}
	free(open);
	return result;
}
