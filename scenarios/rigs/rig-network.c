/* SPDX-License-Identifier: Apache-2.0 */
/* The network that fails: the real command over the loopback, sim/net. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rigs/listed-rig.h"
#include "sim/network.h"

/* In the order of yp_network_names. */
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

void yp_lab_sweep(void)
{
	yp_network_sweep(NULL);
}

static void network_close(void *rig)
{
	yp_network_free(rig);
}

static int network_open(uint64_t seed, void **rig, char *detail, size_t detail_bytes)
{
	char ota[PATH_MAX];
	char zoo[PATH_MAX];
	(void)seed;
	int result = find_files(ota, zoo, detail, detail_bytes);
	struct yp_network *net = NULL;
	if (!result)
		result =
		    yp_network_new(&(struct yp_network_options){.ota = ota, .zoo = zoo}, &net, detail, detail_bytes);
	if (!result)
		*rig = net;
	return result;
}

struct listing {
	struct yp_lab *lab;
	const char *match;
};

static int list(void *ctx, const char *id, const char *catalogue)
{
	const struct listing *listing = ctx;
	if (strncmp(id, listing->match, strlen(listing->match)) != 0)
		return 0;
	return yp_lab_list(listing->lab, id, catalogue, NULL);
}

static int network_plan(void *rig, const struct yp_fault *fault, uint64_t seed, struct yp_lab *lab)
{
	(void)rig; /* it needs no device */
	struct listing listing = {.lab = lab, .match = fault->match};
	struct yp_network_plan plan = {.groups = groups[fault->network],
				       .sweep = fault->sweep,
				       .slow = fault->slow,
				       .kill_every = fault->recut == YP_RECUT_ALL       ? 1
						     : fault->recut == YP_RECUT_SAMPLED ? YP_RECUT_SAMPLE
											: 0,
				       .seed = seed};
	return yp_network_plan(&plan, list, &listing);
}

/* The library knows its ids when it runs them. */
static int network_find(void *rig, const char *id, struct yp_lab_case *out)
{
	(void)rig;
	(void)snprintf(out->id, sizeof out->id, "%s", id);
	return 0;
}

static int network_run(void *rig, const struct yp_lab_case *c, struct yp_lab_result *out)
{
	struct yp_network_result r = {0};
	int result = yp_network_run(rig, c->id, &r);
	out->outcome = r.outcome;
	out->landed = r.landed;
	out->bytes = r.bytes;
	out->bytes_honest = r.bytes_honest;
	(void)snprintf(out->catalogue, sizeof out->catalogue, "%s", r.catalogue);
	(void)snprintf(out->reason, sizeof out->reason, "%s", r.reason);
	(void)snprintf(out->expected, sizeof out->expected, "%s", r.expected);
	(void)snprintf(out->landing, sizeof out->landing, "%s", r.landing);
	return result;
}

const struct yp_lab_rig yp_lab_network = {
    .open = network_open, .close = network_close, .plan = network_plan, .find = network_find, .run = network_run};
