/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real command against a network that fails: every case ends as its table says and no other way, and the same good
 * update succeeds afterwards by itself (I3, I5, I6, I7). A sample; campaigns run all of them.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/network.h"

#define CASES_MAX 4096u
#define SEED      1u

struct bench {
	struct yp_network *net;
	unsigned run, bad, skipped;
};

static void set_up_at(struct bench *bench, const char *base)
{
	char self[256] = "", ota[300], zoo[300], cwd[200], detail[256] = "";
	struct yp_network_options options = {.ota = ota, .zoo = zoo, .base = base};

	memset(bench, 0, sizeof(*bench));
	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	cr_assert_not_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(ota, sizeof(ota), "%s/ota", dirname(dirname(self)));
	(void)snprintf(zoo, sizeof(zoo), "%s/build/zoo", cwd);
	cr_assert_eq(yp_network_new(&options, &bench->net, detail, sizeof(detail)), 0, "%s", detail);
}

static void set_up(struct bench *bench)
{
	set_up_at(bench, NULL);
}

static void run(struct bench *bench, const char *id)
{
	static const char *const verdicts[] = {"PASS", "SKIP", "MISS", "ERROR", "FAIL"};
	struct yp_network_result result;
	int code = yp_network_run(bench->net, id, &result);

	cr_assert_eq(code, 0, "%s: error %d", id, -code);
	bench->run++;
	bench->skipped += result.outcome.verdict == YP_SKIP;
	bench->bad += result.outcome.verdict > YP_SKIP;
	cr_log_info("%s %s: %s, expected %s; %llu bytes (%llu with the rest, honest %llu), %u requests, %lld ms; %s %s",
		    verdicts[result.outcome.verdict], id, result.reason, result.expected,
		    (unsigned long long)result.bytes, (unsigned long long)result.bytes_all,
		    (unsigned long long)result.bytes_honest, result.requests, (long long)result.ms, result.landing,
		    result.outcome.text);
	if (result.outcome.verdict > YP_SKIP)
		cr_log_error("%s %s: %s %s: %s", verdicts[result.outcome.verdict], id, result.reason,
			     yp_invariant_id(result.outcome.invariant), result.outcome.text);
}

static void run_all(const char *const *ids, size_t count, unsigned skips_allowed)
{
	struct bench bench;

	set_up(&bench);
	for (size_t i = 0; i < count; i++)
		run(&bench, ids[i]);
	cr_assert_eq(bench.bad, 0, "%u of %u cases", bench.bad, bench.run);
	cr_assert_leq(bench.skipped, skips_allowed);
	yp_network_free(bench.net);
}
#define RUN_ALL(ids, skips) run_all(ids, sizeof(ids) / sizeof((ids)[0]), skips)

Test(net, server_lies)
{
	static const char *const ids[] = {"http:range-ignored.once",
					  "http:range-ignored.payload",
					  "http:range-spliced.once",
					  "http:range-spliced.payload",
					  "http:range-total.once",
					  "http:multipart.ever",
					  "http:etag-changes",
					  "http:file-changes",
					  "http:file-changes-unsaid.once",
					  "http:etag-weak",
					  "http:body-short.often",
					  "http:body-long.payload",
					  "http:body-endless.ever",
					  "http:body-flip.manifest",
					  "http:body-flip.payload",
					  "http:length-two",
					  "http:chunked-open.ever",
					  "http:chunked-length",
					  "http:encoding-chain",
					  "http:interim-flood",
					  "http:status-404",
					  "http:status-500.ever",
					  "http:retry-after.huge",
					  "http:status-429.once",
					  "http:headers-huge",
					  "http:stale",
					  "http:evil",
					  "http:redirect-ftp",
					  "http:redirect-loop",
					  "http:redirect-host",
					  "http:portal.ever"};

	RUN_ALL(ids, 0);
}

Test(net, tls)
{
	static const char *const ids[] = {"tls:expired",      "tls:wrong-host",     "tls:self-signed",
					  "tls:old-protocol", "tls:client-missing", "tls:rotates-to-unknown"};

	RUN_ALL(ids, 0);
}

Test(net, connection)
{
	static const char *const ids[] = {"net:refuse.ever",       "net:black-hole.ever", "net:every.65536",
					  "net:drip-slow.once",    "net:stall.payload",   "net:reset.connect",
					  "net:close.answer-half", "net:flip.index",      "net:reset.payload-last",
					  "net:dark.S05",          "net:offline.S10",     "net:reset.r1.0"};

	RUN_ALL(ids, 0);
}

Test(net, report)
{
	static const char *const ids[] = {"rpt:status-503", "rpt:answer-lost", "rpt:unknown-ca",
					  "net:reset.report-answer"};

	RUN_ALL(ids, 0);
}

/* Where namespaces are not available, these are skipped with a message. */
Test(net, names)
{
	static const char *const ids[] = {"dns:nxdomain.once", "dns:other-server.ever", "dns:ipv6-broken",
					  "net:loss.1"};

	RUN_ALL(ids, 4);
}

/* A slot can be mounted only by root, where there are loop devices. */
Test(net, device)
{
	static const char *const ids[] = {
	    "dev:power-low",    "dev:target-mounted", "dev:two-installers",       "dev:lock-linked", "dev:mark-bad",
	    "dev:commit-twice", "dev:memory-short",   "dev:health-hangs/kill.s1", "dev:herd"};

	RUN_ALL(ids, 2);
}

Test(net, kill)
{
	static const char *const ids[] = {"net:reset.checkpoint-4/kill.s2", "http:range-ignored.once/kill.b64",
					  "http:body-flip.payload/kill.s6", "rpt:answer-lost/kill.s1"};

	RUN_ALL(ids, 0);
}

static int keep_id(void *ctx, const char *id, const char *catalogue)
{
	struct {
		unsigned count;
		char *ids[CASES_MAX];
	} *plan = ctx;

	cr_assert_lt(plan->count, CASES_MAX);
	/* A case that only shows a reason of the updater has no entry in the catalogue. */
	cr_assert(strlen(catalogue) > 0 || strncmp(id, "dev:", 4) == 0, "%s", id);
	plan->ids[plan->count] = strdup(id);
	cr_assert_not_null(plan->ids[plan->count++]);
	return 0;
}

/* The plan names no case twice, and the same ones every time. */
Test(net, plan)
{
	struct {
		unsigned count;
		char *ids[CASES_MAX];
	} plans[2] = {{.count = 0}, {.count = 0}};
	struct yp_network_plan plan = {
	    .groups = YP_NETWORK_ALL, .sweep = 4, .seed = SEED, .kill_every = 1, .slow = true};
	struct yp_network_result result;
	struct bench bench;

	set_up(&bench);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(yp_network_plan(&plan, keep_id, &plans[i]), 0);
	cr_assert_gt(plans[0].count, 600);
	cr_assert_eq(plans[0].count, plans[1].count);
	for (unsigned i = 0; i < plans[0].count; i++) {
		cr_assert_str_eq(plans[0].ids[i], plans[1].ids[i]);
		for (unsigned k = 0; k < i; k++)
			cr_assert_str_neq(plans[0].ids[i], plans[0].ids[k]);
	}
	cr_assert_eq(yp_network_run(bench.net, "http:no-such-case", &result), -EINVAL);
	cr_assert_eq(yp_network_run(bench.net, "http:stale/kill.x1", &result), -EINVAL);
	for (unsigned p = 0; p < 2; p++)
		for (unsigned i = 0; i < plans[p].count; i++)
			free(plans[p].ids[i]);
	yp_network_free(bench.net);
}

/* The reference run: three requests, hardly more bytes than the bundle has. */
Test(net, reference)
{
	const struct yp_network_reference *reference;
	struct bench bench;

	set_up(&bench);
	reference = yp_network_reference(bench.net);
	cr_assert_eq(reference->requests, 3);
	cr_assert_gt(reference->body_bytes, reference->bundle_bytes);
	cr_assert_lt(reference->body_bytes, reference->bundle_bytes * 102 / 100);
	cr_assert_lt(reference->manifest_at, reference->index_at);
	cr_assert_lt(reference->index_at, reference->signature_at);
	cr_assert_lt(reference->signature_at, reference->head_bytes);
	yp_network_free(bench.net);
}

static unsigned entries(const char *base)
{
	DIR *dir = opendir(base);
	unsigned count = 0;

	cr_assert_not_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

/* The directory of a killed process is removed at the next start; that of a running one stays. */
Test(net, sweep)
{
	char base[] = "/tmp/net-sweep-XXXXXX";
	struct bench bench;
	int fds[2];
	char byte;

	cr_assert(mkdtemp(base) != NULL && pipe(fds) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		set_up_at(&bench, base);
		(void)!write(fds[1], "", 1);
		(void)pause();
	}
	(void)close(fds[1]);
	cr_assert_eq(read(fds[0], &byte, 1), 1);
	yp_network_sweep(base);
	cr_expect_eq(entries(base), 1, "of a living process");
	cr_assert(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	cr_expect_eq(entries(base), 1);
	set_up_at(&bench, base);
	cr_expect_eq(entries(base), 1, "only the new one");
	yp_network_free(bench.net);
	cr_expect_eq(rmdir(base), 0, "something was left");
}
