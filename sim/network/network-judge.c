/* SPDX-License-Identifier: Apache-2.0 */
/* The oracles of a network case: exit status and outcome line, slots, boot environment, the server's record. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/network-run.h"

#define HEADER_BLOCK_BYTES 4096u
#define REPORTS_MAX        (2u * YP_NETWORK_REPORTS_MAX)
/* I7: bytes that one run may cost: for each attempt the whole once more, and for each connection what the kernels on
 * the way hold when it is given up. */
#define WINDOW_BYTES (2u * 1024u * 1024u)

const char *yp_network_class_name(enum yp_network_class class)
{
	static const char *const names[] = {"OK", "RETRY", "REJ-E", "REJ-L", "ROLLBACK"};

	return names[class];
}

bool yp_network_fail(struct yp_network_case_run *run, enum yp_invariant invariant, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	yp_outcome_vfail(&run->out->outcome, invariant, format, args);
	va_end(args);
	return false;
}

static bool is_listed(const char *reasons, const char *reason)
{
	size_t length = strlen(reason);

	for (const char *at = reasons; length > 0 && at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, reason, length) == 0 && (at[length] == '\0' || at[length] == '|'))
			return true;
	}
	return false;
}

static bool is_same_file(const struct yp_network_case_run *run, const char *name, const uint8_t *before,
			 size_t before_bytes)
{
	size_t size_bytes = 0;
	uint8_t *now = yp_network_device_load(&run->net->device, name, &size_bytes);
	bool same = now && size_bytes == before_bytes && memcmp(now, before, size_bytes) == 0;

	free(now);
	return same;
}

/* An install that is not armed: the old version boots next, the target does not. */
static bool judge_unarmed(struct yp_network_case_run *run, bool written)
{
	struct yp_network_device_env env;
	size_t size_bytes = 0;
	uint8_t *slot;
	bool zero = true;

	if (yp_network_device_env_read(&run->net->device, &env) != 0 || !env.readable)
		return yp_network_fail(run, YP_I1, "the boot environment cannot be read");
	if (env.boot.slot != 'B' || env.boot.trial)
		return yp_network_fail(run, YP_I3, "slot %c is selected after a refusal%s", env.boot.slot,
				       env.boot.trial ? ", on trial" : "");
	if (!written)
		return true;
	if (env.boot.barred != 'A')
		return yp_network_fail(run, YP_I3, "the target was written and is not barred");
	slot = yp_network_device_load(&run->net->device, "a", &size_bytes);
	for (size_t i = 0; slot && zero && i < HEADER_BLOCK_BYTES; i++)
		zero = slot[i] == 0;
	zero = zero && slot;
	free(slot);
	return zero || yp_network_fail(run, YP_I3, "the target was written in part and its first block is valid");
}

static bool judge_rolled_back(struct yp_network_case_run *run)
{
	struct yp_network_device_env env;

	if (yp_network_device_env_read(&run->net->device, &env) != 0 || !env.readable)
		return yp_network_fail(run, YP_I1, "the boot environment cannot be read");
	if (env.boot.slot != 'B' || env.boot.trial || strcmp(run->net->device.booted, "B") != 0)
		return yp_network_fail(run, YP_I1, "slot %c is selected after a rollback%s", env.boot.slot,
				       env.boot.trial ? ", on trial" : "");
	return env.boot.barred == 'A' || yp_network_fail(run, YP_I3, "the version that was left can be booted");
}

static bool judge_bounds(struct yp_network_case_run *run)
{
	const struct yp_network_case *c = run->c;
	unsigned attempts = c->attempts ? c->attempts : 3;
	uint64_t most = run->out->bytes_honest * (attempts + 1) + (uint64_t)WINDOW_BYTES * run->record[0].connections;

	if (run->first.timed_out)
		return yp_network_fail(run, YP_I7, "the command did not end within its deadline");
	if (run->out->bytes > most)
		return yp_network_fail(run, YP_I7, "%llu bytes fetched, at most %llu are allowed",
				       (unsigned long long)run->out->bytes, (unsigned long long)most);
	if (c->percent_max > 0 && run->out->bytes * 100 > run->net->reference.bundle_bytes * c->percent_max)
		return yp_network_fail(run, YP_I7, "%llu bytes passed for a bundle of %llu, at most %u %% are allowed",
				       (unsigned long long)run->out->bytes,
				       (unsigned long long)run->net->reference.bundle_bytes, c->percent_max);
	if (c->requests_max > 0 && run->out->requests > c->requests_max)
		return yp_network_fail(run, YP_I7, "%u requests, at most %u are allowed", run->out->requests,
				       c->requests_max);
	if (run->first.ms < c->ms_min)
		return yp_network_fail(run, YP_I7, "the server asked to wait for %u ms, the command took %lld",
				       c->ms_min, (long long)run->first.ms);
	return true;
}

static bool judge_credentials(struct yp_network_case_run *run)
{
	for (unsigned i = 0; i < run->record[0].requests && i < YP_NETWORK_REQUESTS_MAX; i++)
		if (run->record[0].request[i].credentials && strncmp(run->record[0].request[i].host, "127.", 4) == 0)
			return yp_network_fail(run, YP_I3, "credentials were sent to another host");
	return true;
}

bool yp_network_judge_first(struct yp_network_case_run *run)
{
	const struct yp_network_case *c = run->c;
	const struct yp_network_device_run *first = &run->first;
	const struct yp_subject *subject = run->net->device.subject;
	int status = yp_subject_exit_status(subject, first->reason);
	bool good = strcmp(first->reason, subject->messages->success) == 0;

	if (!judge_bounds(run))
		return false;
	if (first->killed)
		return true;
	if (c->silent && run->record[0].requests > 0)
		return yp_network_fail(run, YP_I3, "%u requests were sent to a server that must not be trusted",
				       run->record[0].requests);
	if (first->reason[0] == '\0')
		return yp_network_fail(run, YP_I5, "no outcome line, exit status %d", first->status);
	if (!is_listed(c->reasons, first->reason))
		return yp_network_fail(run, YP_I5, "%s instead of %s: %.90s", first->reason, c->reasons, first->line);
	if (status >= 0 && first->status != status)
		return yp_network_fail(run, YP_I5, "exit status %d with %s", first->status, first->reason);
	if (!judge_credentials(run))
		return false;
	if (c->in_report || (c->trouble != YP_NETWORK_TROUBLE_NONE && c->class == YP_NETWORK_OK))
		return true; /* another run, or another process, is what succeeded */
	switch (c->class) {
	case YP_NETWORK_OK:
	case YP_NETWORK_RETRY:
		return good || judge_unarmed(run, !is_same_file(run, "a", run->slot_before, run->slot_bytes));
	case YP_NETWORK_REJ_E:
		if (!is_same_file(run, "a", run->slot_before, run->slot_bytes))
			return yp_network_fail(run, YP_I3, "refused before any write, but the target slot changed");
		if (!is_same_file(run, "env", run->env_before, run->env_bytes))
			return yp_network_fail(run, YP_I3,
					       "refused before any write, but the boot environment changed");
		return true;
	case YP_NETWORK_REJ_L:
		return judge_unarmed(run, true);
	case YP_NETWORK_ROLLBACK:
		return judge_rolled_back(run);
	}
	return true;
}

struct reports {
	char id[REPORTS_MAX][YP_REPORT_ID_MAX];
	unsigned count; /* different ids */
	unsigned successes;
};

static bool add_report(struct yp_network_case_run *run, struct reports *reports, const char *json)
{
	struct yp_subject_report report;

	if (!run->net->device.subject->reports->read(json, strlen(json), &report))
		return yp_network_fail(run, YP_I5, "what was reported cannot be read: %.90s", json);
	for (unsigned i = 0; i < reports->count; i++)
		if (strcmp(reports->id[i], report.id) == 0)
			return true; /* delivered again, under the same id */
	(void)snprintf(reports->id[reports->count++], sizeof(report.id), "%s", report.id);
	if (strcmp(report.event, "success") == 0) {
		reports->successes++;
		return (strcmp(report.version, YP_NETWORK_VERSION_NEW) == 0 &&
			strcmp(report.reason, run->net->device.subject->messages->success) == 0) ||
		       yp_network_fail(run, YP_I5, "a success of %s with %s is reported", report.version,
				       report.reason);
	}
	if (strcmp(report.event, "failure") != 0 && strcmp(report.event, "alarm") != 0 &&
	    !(run->c->class == YP_NETWORK_ROLLBACK && strcmp(report.event, "rollback") == 0))
		return yp_network_fail(run, YP_I5, "a %s is reported (%s)", report.event, report.reason);
	/* The command must report the fault, unless it was killed before its outcome line. */
	return run->killed || strcmp(report.reason, run->first.reason) == 0 ||
	       yp_network_fail(run, YP_I5, "reported is %s, the run said %s", report.reason, run->first.reason);
}

static bool judge_reports(struct yp_network_case_run *run)
{
	struct reports reports = {.count = 0};

	for (unsigned r = 0; r < 2; r++)
		for (unsigned i = 0; i < run->record[r].reports && i < YP_NETWORK_REPORTS_MAX; i++)
			if (!add_report(run, &reports, run->record[r].report[i]))
				return false;
	run->out->reports = reports.count;
	if (reports.successes != 1)
		return yp_network_fail(run, YP_I5, "%u different reports of success, not one", reports.successes);
	if (reports.count > 2)
		return yp_network_fail(run, YP_I5, "%u different reports of one failure and one success",
				       reports.count);
	return true;
}

bool yp_network_judge_end(struct yp_network_case_run *run)
{
	struct yp_network_device_env env;
	size_t size_bytes = 0;
	uint8_t *slot;
	bool same;

	if (yp_network_device_env_read(&run->net->device, &env) != 0 || !env.readable)
		return yp_network_fail(run, YP_I1, "the boot environment cannot be read in the end");
	if (env.boot.slot != 'A' || env.boot.trial || strcmp(run->net->device.booted, "A") != 0)
		return yp_network_fail(run, YP_I6,
				       "without the fault the update does not succeed: slot %c is selected%s",
				       env.boot.slot, env.boot.trial ? ", on trial" : "");
	slot = yp_network_device_load(&run->net->device, "a", &size_bytes);
	same = slot && size_bytes >= YP_NETWORK_DEVICE_IMAGE_BYTES &&
	       memcmp(slot, run->net->image_new, YP_NETWORK_DEVICE_IMAGE_BYTES) == 0;
	free(slot);
	if (!same)
		return yp_network_fail(run, YP_I2, "slot A is committed and does not hold the new image");
	return judge_reports(run);
}
