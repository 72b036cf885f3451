/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a campaign: workers, their messages, their ends, and the results that they leave. */
#include "campaign/campaign.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power-cut/host-calls.h"

#define YP_FORMER_END ".old"

/* A worker's message: it fits in one atomic pipe write, so that messages are never cut. */
struct message {
	enum { MESSAGE_PROGRESS, MESSAGE_FAILURE, MESSAGE_RESULT, MESSAGE_UNWRITABLE } kind;
	int error;
	uint64_t frontier;
	struct yp_stats stats;
	struct yp_result result;
};
static_assert(sizeof(struct message) <= PIPE_BUF, "a message must fit in an atomic pipe write");

struct worker {
	pid_t pid; /* 0: free */
	int pipe;
	size_t scenario;
	bool told; /* the result arrived */
};

struct run {
	const struct yp_campaign *campaign;
	int lock; /* on the results folder: two campaigns in one would mix their lines */
	int fd;   /* results.jsonl */
	int signals;
	struct yp_result *results; /* by scenario */
	bool *finished;
	struct worker workers[YP_JOBS_MAX];
	size_t next;
	uint64_t start_ms;
	struct yp_progress progress;
	bool found;     /* a failure was reported */
	bool stopped;   /* by a signal */
	bool cancelled; /* fail-fast, or the results cannot be written */
	int error;
};

/* In the worker. */
struct reporter {
	int pipe;
	uint64_t last_ms;
};

static void report_progress(void *ctx, const struct yp_stats *stats, uint64_t frontier)
{
	struct reporter *reporter = ctx;
	uint64_t now = yp_clock_ms();
	if (now - reporter->last_ms < 200)
		return;
	reporter->last_ms = now;
	struct message message = {.kind = MESSAGE_PROGRESS, .stats = *stats, .frontier = frontier};
	/* Without the parent the worker ends by PR_SET_PDEATHSIG: nothing to do about a failing write. */
	(void)!write(reporter->pipe, &message, sizeof message);
}

/* The first failure: of the result only its id and its reason are there yet. */
static void report_failure(void *ctx, const struct yp_case_line *line)
{
	const struct reporter *reporter = ctx;
	struct message message = {.kind = MESSAGE_FAILURE};
	(void)snprintf(message.result.failing, sizeof message.result.failing, "%s", line->id);
	(void)snprintf(message.result.reason, sizeof message.result.reason, "%s: %s", line->invariant, line->text);
	(void)!write(reporter->pipe, &message, sizeof message);
}

static void run_worker(const struct run *run, size_t scenario, int pipe)
{
	const struct yp_campaign *c = run->campaign;
	struct reporter reporter = {.pipe = pipe, .last_ms = yp_clock_ms()};
	struct yp_execute_options options = {.seed = c->head.seed,
					     .states_max = c->head.states_max,
					     .seconds_max = c->seconds_max,
					     .stop_at_first_failure = c->head.fail_fast,
					     .cases_after_failure = c->cases_after_failure,
					     .no_lint = c->head.no_lint,
					     .board = c->head.board,
					     .fd = run->fd,
					     .dir = c->dir,
					     .resume = c->resume,
					     .on_progress = report_progress,
					     .on_failure = report_failure,
					     .progress_ctx = &reporter};
	struct message message = {.kind = MESSAGE_RESULT};
	message.error = yp_execute(c->scenarios[scenario], &options, &message.result);
	if (message.error)
		message.kind = MESSAGE_UNWRITABLE;
	(void)!write(pipe, &message, sizeof message);
}

static const char *signal_name(int number)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
		     {SIGILL, "SIGILL"},   {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}, {SIGXCPU, "SIGXCPU"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].number == number)
			return names[i].name;
	}
	return "a signal";
}

static int start_worker(struct run *run, struct worker *worker, size_t scenario)
{
	int ends[2];
	pid_t parent = getpid();
	if (pipe(ends))
		return -errno;
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid < 0) {
		int error = -errno;
		(void)close(ends[0]);
		(void)close(ends[1]);
		return error;
	}
	if (pid == 0) {
		/* The terminal's SIGINT is the parent's to handle: it stays blocked here. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(run->lock);
		(void)close(ends[0]);
		if (getppid() == parent)
			run_worker(run, scenario, ends[1]);
		_exit(0);
	}
	(void)close(ends[1]);
	*worker = (struct worker){.pid = pid, .pipe = ends[0], .scenario = scenario};
	return 0;
}

static void take_result(struct run *run, size_t scenario, const struct yp_result *result)
{
	const struct yp_campaign *c = run->campaign;
	run->results[scenario] = *result;
	run->finished[scenario] = true;
	run->progress.done++;
	yp_progress_clear(&run->progress);
	yp_summary_scenario(c->out, c->scenarios[scenario]->group, result);
	(void)fflush(c->out);
	if (c->head.fail_fast && result->verdict == YP_FAIL)
		run->cancelled = true;
}

/* The worker is gone without a result: the rig failed, and the scenario says how. */
static void record_death(struct run *run, const struct worker *worker, int status)
{
	const struct yp_scenario *scenario = run->campaign->scenarios[worker->scenario];
	struct yp_result result = {.verdict = YP_ERROR, .beyond = scenario->expect_fail == 1};
	(void)snprintf(result.scenario, sizeof result.scenario, "%s", scenario->name);
	if (WIFSIGNALED(status))
		(void)snprintf(result.reason, sizeof result.reason, "the worker died of %s (%d)",
			       signal_name(WTERMSIG(status)), WTERMSIG(status));
	else
		(void)snprintf(result.reason, sizeof result.reason, "the worker ended with status %d and no result",
			       WEXITSTATUS(status));
	int error = yp_results_scenario(run->fd, scenario, &result);
	if (error)
		run->error = error;
	take_result(run, worker->scenario, &result);
}

static void reap_worker(struct run *run, struct worker *worker)
{
	int status = 0;
	(void)close(worker->pipe);
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!worker->told && !run->stopped && !run->cancelled)
		record_death(run, worker, status);
	worker->pid = 0;
}

static void take_failure(struct run *run, size_t scenario, const struct yp_result *failure)
{
	const struct yp_campaign *c = run->campaign;
	run->found = true;
	yp_progress_clear(&run->progress);
	yp_summary_failure(c->out, c->scenarios[scenario], failure, yp_clock_ms() - run->start_ms);
	(void)fflush(c->out);
}

static void read_message(struct run *run, struct worker *worker)
{
	struct message message;
	ssize_t n = read(worker->pipe, &message, sizeof message);
	if (n < 0 && errno == EINTR)
		return;
	if (n != (ssize_t)sizeof message) {
		reap_worker(run, worker);
		return;
	}
	if (message.kind == MESSAGE_PROGRESS) {
		yp_progress_show(&run->progress, run->campaign->scenarios[worker->scenario]->name, &message.stats,
				 message.frontier, yp_clock_ms());
		return;
	}
	if (message.kind == MESSAGE_FAILURE) {
		take_failure(run, worker->scenario, &message.result);
		return;
	}
	worker->told = true;
	if (message.kind == MESSAGE_RESULT) {
		take_result(run, worker->scenario, &message.result);
	} else {
		run->error = message.error;
		run->cancelled = true;
	}
}

static void kill_workers(struct run *run)
{
	for (unsigned i = 0; i < YP_JOBS_MAX; i++) {
		if (run->workers[i].pid && !run->workers[i].told)
			(void)kill(run->workers[i].pid, SIGKILL);
	}
}

/* Starts workers while there is room and work; returns how many are alive, or -errno. */
static int fill_workers(struct run *run)
{
	const struct yp_campaign *c = run->campaign;
	int alive = 0;
	for (unsigned i = 0; i < c->jobs; i++) {
		while (run->next < c->count && run->finished[run->next])
			run->next++;
		if (!run->workers[i].pid && run->next < c->count && !run->stopped && !run->cancelled) {
			int result = start_worker(run, &run->workers[i], run->next);
			if (result)
				return result;
			run->next++;
		}
		alive += run->workers[i].pid != 0;
	}
	return alive;
}

static int listen_once(struct run *run)
{
	struct pollfd fds[YP_JOBS_MAX + 1];
	struct worker *of[YP_JOBS_MAX + 1];
	nfds_t count = 0;
	fds[count] = (struct pollfd){.fd = run->signals, .events = POLLIN};
	of[count++] = NULL;
	for (unsigned i = 0; i < run->campaign->jobs; i++) {
		if (!run->workers[i].pid)
			continue;
		fds[count] = (struct pollfd){.fd = run->workers[i].pipe, .events = POLLIN};
		of[count++] = &run->workers[i];
	}
	if (poll(fds, count, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents) {
		struct signalfd_siginfo info;
		(void)!read(run->signals, &info, sizeof info);
		run->stopped = true;
		kill_workers(run);
	}
	for (nfds_t i = 1; i < count; i++) {
		if (fds[i].revents)
			read_message(run, of[i]);
	}
	if (run->cancelled)
		kill_workers(run);
	return 0;
}

static int run_workers(struct run *run)
{
	int alive = 0;
	int result = 0;
	while (!result && (alive = fill_workers(run)) > 0)
		result = listen_once(run);
	if (alive < 0)
		result = alive;
	if (result) {
		run->cancelled = true;
		kill_workers(run);
		for (unsigned i = 0; i < YP_JOBS_MAX; i++) {
			if (run->workers[i].pid)
				reap_worker(run, &run->workers[i]);
		}
	}
	return result ? result : run->error;
}

static int report_error(const char *what, const char *path, int result)
{
	(void)fprintf(stderr, "yankproof: cannot %s %s: %s\n", what, path, strerror(-result));
	return YP_EXIT_ERROR;
}

static int results_open(const struct yp_campaign *c, int *fd)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/%s", c->dir, YP_RESULTS_FILE);
	*fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	return *fd < 0 ? -errno : 0;
}

/* Existing results may be the work of many hours: the last ones are kept beside the new. */
static int keep_former(const struct yp_campaign *c)
{
	char path[PATH_MAX];
	char former[PATH_MAX + sizeof YP_FORMER_END];
	(void)snprintf(path, sizeof path, "%s/%s", c->dir, YP_RESULTS_FILE);
	(void)snprintf(former, sizeof former, "%s%s", path, YP_FORMER_END);
	return rename(path, former) && errno != ENOENT ? -errno : 0;
}

static int lock_folder(const char *dir, int *fd)
{
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) ? -errno : 0;
}

/* The rigs that the campaign's scenarios run on, and what makes states equal there. */
static int write_head(const struct yp_campaign *c, int fd)
{
	json_t *rigs = json_array();
	json_t *equivalences = json_array();
	const struct yp_scenario_rig *rig;
	const char *const *(*listed)(void) = NULL; /* two rigs may share theirs: they follow each other in the table */
	for (size_t k = 0; (rig = yp_rig_at(k)); k++) {
		bool used = false;
		for (size_t i = 0; i < c->count && !used; i++)
			used = yp_rig_of(c->scenarios[i]) == rig;
		if (!used)
			continue;
		(void)json_array_append_new(
		    rigs, json_pack("{s:s, s:s}", "name", rig->terms.name, "sentence", rig->sentence));
		const char *const *pairs =
		    rig->equivalences && rig->equivalences != listed ? rig->equivalences() : NULL;
		listed = rig->equivalences ? rig->equivalences : listed;
		for (size_t i = 0; pairs && pairs[i]; i += 2)
			(void)json_array_append_new(
			    equivalences, json_pack("{s:s, s:s}", "name", pairs[i], "argument", pairs[i + 1]));
	}
	return yp_results_campaign(fd, &c->head, c->scenarios, c->count, rigs, equivalences);
}

static int begin_campaign(struct run *run, int *status)
{
	const struct yp_campaign *c = run->campaign;
	char detail[YP_DETAIL_MAX] = "";
	int locked = lock_folder(c->dir, &run->lock);
	if (locked) {
		if (locked == -EWOULDBLOCK)
			(void)fprintf(stderr,
				      "yankproof: another campaign writes into %s; wait for it, or give another "
				      "folder with --output\n",
				      c->dir);
		*status = locked == -EWOULDBLOCK ? YP_EXIT_ERROR : report_error("use the folder", c->dir, locked);
		return locked;
	}
	if (c->resume) {
		int result = yp_campaign_resume(c, run->results, run->finished, detail, sizeof detail);
		if (result) {
			(void)fprintf(stderr, "yankproof: %s\n", *detail ? detail : strerror(-result));
			*status = result > 0 ? YP_EXIT_USAGE : YP_EXIT_ERROR;
			return -1;
		}
	}
	int result = c->resume ? 0 : keep_former(c);
	if (!result)
		result = results_open(c, &run->fd);
	if (!result && !c->resume)
		result = write_head(c, run->fd);
	if (result)
		*status = report_error("write results in", c->dir, result);
	return result;
}

/* All that ended, in order of names, at the front of `results`. */
static size_t gather_results(struct run *run)
{
	size_t count = 0;
	for (size_t i = 0; i < run->campaign->count; i++) {
		if (run->finished[i])
			run->results[count++] = run->results[i];
	}
	return count;
}

static int end_campaign(struct run *run)
{
	const struct yp_campaign *c = run->campaign;
	int result = 0;
	if (run->cancelled) {
		/* Lines that killed workers had written belong to no verdict. */
		(void)close(run->fd);
		run->fd = -1;
		result = yp_campaign_compact(c, run->finished);
		if (!result)
			result = results_open(c, &run->fd);
	}
	size_t count = gather_results(run);
	uint64_t duration_ms = yp_clock_ms() - run->start_ms;
	if (!result)
		result = yp_results_end(run->fd, run->results, count, duration_ms);
	if (!result && fsync(run->fd))
		result = -errno;
	if (result)
		return report_error("write results in", c->dir, result);
	yp_summary_total(c->out, run->results, count, duration_ms);
	(void)fprintf(c->out, "      results %s/%s\n", c->dir, YP_RESULTS_FILE);
	enum yp_verdict worst = YP_PASS;
	for (size_t i = 0; i < count; i++) {
		if (run->results[i].verdict > worst)
			worst = run->results[i].verdict;
	}
	return yp_verdict_status(worst);
}

static int run_locked(struct run *run)
{
	int status = 0;
	if (begin_campaign(run, &status))
		return status;
	for (size_t i = 0; i < run->campaign->count; i++) {
		if (run->finished[i]) {
			run->progress.done++;
			yp_summary_scenario(run->campaign->out, run->campaign->scenarios[i]->group, &run->results[i]);
		}
	}
	int result = run_workers(run);
	yp_progress_clear(&run->progress);
	if (run->stopped || run->cancelled)
		yp_rigs_sweep(); /* workers were killed: their files in memory have no owner */
	if (run->stopped) {
		(void)fprintf(stderr, "yankproof: stopped; repeat the command with --resume to continue\n");
		return run->found ? yp_verdict_status(YP_FAIL) : YP_EXIT_STOPPED;
	}
	if (result)
		return report_error("run the campaign in", run->campaign->dir, result);
	return end_campaign(run);
}

int yp_campaign_run(const struct yp_campaign *campaign)
{
	struct run run = {.campaign = campaign, .lock = -1, .fd = -1, .signals = -1, .start_ms = yp_clock_ms()};
	run.progress = (struct yp_progress){.on = campaign->progress, .total = campaign->count};
	run.results = calloc(campaign->count + 1, sizeof *run.results);
	run.finished = calloc(campaign->count + 1, sizeof *run.finished);
	sigset_t stop;
	sigset_t before;
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGINT);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &stop, &before);
	run.signals = signalfd(-1, &stop, SFD_CLOEXEC);
	int status = YP_EXIT_ERROR;
	if (!run.results || !run.finished || run.signals < 0)
		status = report_error("start the campaign in", campaign->dir, errno ? -errno : -ENOMEM);
	else
		status = run_locked(&run);
	if (run.fd >= 0)
		(void)close(run.fd);
	if (run.lock >= 0)
		(void)close(run.lock);
	if (run.signals >= 0)
		(void)close(run.signals);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	free(run.results);
	free(run.finished);
	return status;
}
