/* SPDX-License-Identifier: Apache-2.0 */
/* A failing network for the real command, over the loopback: sim/network. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/schema.h"
#include "rigs/listed-cases.h"
#include "sim/network.h"

/* One index for both: the name in a file, and the group. */
const char *const yp_network_names[] = {"http", "tls", "connection", "places", "report", "names", "device", NULL};
static const unsigned groups[] = {YP_NETWORK_HTTP,   YP_NETWORK_TLS,   YP_NETWORK_CONNECTION, YP_NETWORK_PLACES,
				  YP_NETWORK_REPORT, YP_NETWORK_NAMES, YP_NETWORK_DEVICE};

/* The command lies beside this program (beside its folder for the tests), the zoo of certificates in build/. */
static int find_files(char *ota, char *zoo, char *detail, size_t detail_bytes)
{
	char self[PATH_MAX] = "";
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		return -errno;
	for (unsigned up = 0; up < 2; up++) {
		char *slash = strrchr(self, '/');
		if (!slash)
			break;
		*slash = 0;
		(void)snprintf(path, sizeof path, "%.*s/ota", PATH_MAX - 8, self);
		if (access(path, X_OK))
			continue;
		(void)snprintf(ota, PATH_MAX, "%s", path);
		(void)snprintf(path, sizeof path, "%.*s/../zoo", PATH_MAX - 8, self);
		if (realpath(path, zoo))
			return 0;
		(void)snprintf(detail, detail_bytes, "%s: %s; 'make build/zoo/made' makes the certificates", path,
			       strerror(errno));
		return -ENOENT;
	}
	(void)snprintf(detail, detail_bytes, "no ota command beside yankproof; 'make' builds it");
	return -ENOENT;
}

static void network_sweep(void)
{
	yp_network_sweep(NULL);
}

static void network_close(void *session)
{
	yp_network_free(session);
}

static int network_open(const struct yp_rig_setup *setup, void **session, char *detail, size_t detail_bytes)
{
	char ota[PATH_MAX];
	char zoo[PATH_MAX];
	(void)setup;
	int result = find_files(ota, zoo, detail, detail_bytes);
	struct yp_network *net = NULL;
	if (!result)
		result =
		    yp_network_new(&(struct yp_network_options){.ota = ota, .zoo = zoo}, &net, detail, detail_bytes);
	if (!result)
		*session = net;
	return result;
}

struct planning {
	struct yp_listing *listing;
	const char *match;
};

static int list_case(void *ctx, const char *id, const char *catalogue)
{
	const struct planning *planning = ctx;
	if (strncmp(id, planning->match, strlen(planning->match)) != 0)
		return 0;
	return yp_listing_add(planning->listing, id, catalogue, NULL);
}

static int network_plan(void *session, const struct yp_fault *fault, uint64_t seed, struct yp_listing *listing)
{
	(void)session; /* it needs no device */
	struct planning planning = {.listing = listing, .match = fault->match};
	struct yp_network_plan plan = {.groups = groups[fault->network],
				       .sweep = fault->sweep,
				       .slow = fault->slow,
				       .kill_every = fault->recut == YP_RECUT_ALL       ? 1
						     : fault->recut == YP_RECUT_SAMPLED ? YP_RECUT_SAMPLE
											: 0,
				       .seed = seed};
	return yp_network_plan(&plan, list_case, &planning);
}

/* The library checks an id only when it runs it. */
static int network_find(void *session, const char *id, struct yp_listed_case *out)
{
	(void)session;
	(void)snprintf(out->id, sizeof out->id, "%s", id);
	return 0;
}

static int network_run(void *session, const struct yp_listed_case *c, struct yp_listed_result *out)
{
	struct yp_network_result r = {0};
	int result = yp_network_run(session, c->id, &r);
	out->outcome = r.outcome;
	out->landed = r.landed;
	out->bytes = r.bytes;
	out->bytes_honest = r.bytes_honest;
	out->cut_count = strstr(c->id, "/kill.") != NULL;
	(void)snprintf(out->catalogue, sizeof out->catalogue, "%s", r.catalogue);
	(void)snprintf(out->reason, sizeof out->reason, "%s", r.reason);
	(void)snprintf(out->expected, sizeof out->expected, "%s", r.expected);
	(void)snprintf(out->landing, sizeof out->landing, "%s", r.landing);
	return result;
}

/* "net reset", "net http": of connection faults the fault, else the group. */
static void name_fault(const char *id, char out[YP_FAULT_TEXT])
{
	if (strncmp(id, "net:", 4) == 0)
		(void)snprintf(out, YP_FAULT_TEXT, "net %.*s", (int)strcspn(id + 4, ".,/"), id + 4);
	else if (strncmp(id, "rpt:", 4) == 0)
		(void)snprintf(out, YP_FAULT_TEXT, "net report");
	else
		(void)snprintf(out, YP_FAULT_TEXT, "net %.*s", (int)strcspn(id, ":"), id);
}

static const char *const recut_names[] = {"none", "sampled", "all", NULL}; /* enum yp_recut */
static const struct yp_schema_field options[] = {
    {.key = "plan",
     .type = YP_SCHEMA_CHOICE,
     .offset = offsetof(struct yp_fault, network),
     .names = yp_network_names,
     .required = true},
    YP_OPTION_MATCH("match"),
    {.key = "sample", .type = YP_SCHEMA_UINT, .offset = offsetof(struct yp_fault, sample), .min = 1, .max = 1000000},
    {.key = "sweep", .type = YP_SCHEMA_UINT, .offset = offsetof(struct yp_fault, sweep), .max = 1000},
    {.key = "slow", .type = YP_SCHEMA_FLAG, .offset = offsetof(struct yp_fault, slow)},
    {.key = "power-cut", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct yp_fault, recut), .names = recut_names},
    {.key = NULL}};

const struct yp_scenario_rig yp_rig_network = {.terms = {.name = "network", .fault = "network", .options = options},
					       .sentence = "the real command on this kernel, over a failing network",
					       .open = network_open,
					       .close = network_close,
					       .plan = network_plan,
					       .find = network_find,
					       .run = network_run,
					       .name_fault = name_fault,
					       .find_step = yp_listed_step,
					       .sweep = network_sweep};
