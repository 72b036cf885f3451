/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/net.h"

struct bench {
	struct sim_net *net;
	unsigned run, bad;
};

static void set_up(struct bench *bench)
{
	char self[256] = "", ota[300], zoo[300], cwd[200], detail[256] = "";
	struct sim_net_options options = {.ota = ota, .zoo = zoo};

	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	cr_assert_not_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(ota, sizeof(ota), "%s/ota", dirname(dirname(self)));
	(void)snprintf(zoo, sizeof(zoo), "%s/build/zoo", cwd);
	cr_assert_eq(sim_net_new(&options, &bench->net, detail, sizeof(detail)), 0, "%s", detail);
}

static int run_one(void *ctx, const char *id, const char *catalogue)
{
	struct bench *bench = ctx;
	struct sim_net_result result;
	int code = sim_net_run(bench->net, id, &result);

	(void)catalogue;
	bench->run++;
	if (code != 0 || result.outcome.verdict != BP_PASS)
		bench->bad++;
	fprintf(stderr, "%s %-34s %-22s %-18s %4lld/%5lld ms %7llu bytes %2u req %s | %s\n",
		code                                ? "ERR "
		: result.outcome.verdict == BP_PASS ? "PASS"
		: result.outcome.verdict == BP_MISS ? "MISS"
						    : "FAIL",
		id, result.expected, result.reason, (long long)result.ms, (long long)result.ms_all,
		(unsigned long long)result.bytes, result.requests, result.landing, result.outcome.text);
	return 0;
}

/* Every answer of a server that lies leads to the outcome that the table says, and nowhere else (I3, I5, I6, I7). */
Test(net, http)
{
	struct bench bench = {0};
	struct sim_net_plan plan = {.groups = SIM_NET_HTTP};

	set_up(&bench);
	cr_assert_eq(sim_net_plan(bench.net, &plan, run_one, &bench), 0);
	cr_assert_gt(bench.run, 0);
	cr_assert_eq(bench.bad, 0, "%u of %u cases", bench.bad, bench.run);
	sim_net_free(bench.net);
}

Test(net, link)
{
	struct bench bench = {0};
	struct sim_net_plan plan = {.groups = SIM_NET_TLS | SIM_NET_CONNECTION | SIM_NET_REPORT};

	set_up(&bench);
	cr_assert_eq(sim_net_plan(bench.net, &plan, run_one, &bench), 0);
	cr_assert_gt(bench.run, 0);
	cr_assert_eq(bench.bad, 0, "%u of %u cases", bench.bad, bench.run);
	sim_net_free(bench.net);
}

Test(net, places)
{
	struct bench bench = {0};
	struct sim_net_plan plan = {.groups = SIM_NET_PLACES, .sweep = 2, .seed = 1};

	set_up(&bench);
	cr_assert_eq(sim_net_plan(bench.net, &plan, run_one, &bench), 0);
	cr_assert_gt(bench.run, 0);
	cr_assert_eq(bench.bad, 0, "%u of %u cases", bench.bad, bench.run);
	sim_net_free(bench.net);
}
