/* SPDX-License-Identifier: Apache-2.0 */
/* The library's front: the device and its reference run, the plan, ids. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

static int write_bundle(const struct sim_net *net, const char *dir, char *path, size_t path_bytes)
{
	const struct net_bundle *bundle = &net->bundles[NET_FILE_RUNNING];
	FILE *file;
	size_t written;
	int fd;

	(void)snprintf(path, path_bytes, "%s/brickproof-bundle-XXXXXX", dir);
	fd = mkstemp(path);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!file)
		return -errno;
	written = fwrite(bundle->data, 1, bundle->size_bytes, file);
	return fclose(file) == 0 && written == bundle->size_bytes ? 0 : -EIO;
}

static int make_reference(struct sim_net *net, char *detail, size_t detail_bytes)
{
	static const struct net_case honest = {.id = "reference", .catalogue = "", .class = NET_OK, .reasons = "OK"};
	struct sim_net_result result;
	int code = net_run_one(net, &honest, -1, &result);

	if (code == 0 && (result.outcome.verdict == BP_FAIL || strcmp(result.reason, "OK") != 0)) {
		(void)snprintf(detail, detail_bytes, "the run without a fault fails: %s", result.outcome.text);
		return -EPROTO;
	}
	net->reference.body_bytes = result.bytes;
	net->reference.requests = result.requests;
	net->reference.ms = result.ms;
	return code;
}

int sim_net_new(const struct sim_net_options *options, struct sim_net **out, char *detail, size_t detail_bytes)
{
	const char *base = options->base ? options->base : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct sim_net *net = calloc(1, sizeof(*net));
	char path[SIM_DEVICE_PATH] = "";
	int result;

	if (!net)
		return -ENOMEM;
	(void)snprintf(net->device.zoo, sizeof(net->device.zoo), "%s", options->zoo);
	result = net_bundles_make(net, detail, detail_bytes);
	if (result == 0)
		result = write_bundle(net, base, path, sizeof(path));
	if (result == 0)
		result = sim_device_init(&net->device, base, options->ota, options->zoo, path, detail, detail_bytes);
	if (path[0] != '\0')
		(void)unlink(path);
	if (result == 0)
		result = make_reference(net, detail, detail_bytes);
	if (result == 0)
		*out = net;
	else
		sim_net_free(net);
	return result;
}

void sim_net_free(struct sim_net *net)
{
	if (!net)
		return;
	sim_device_deinit(&net->device);
	for (unsigned i = 0; i <= NET_FILE_RUNNING; i++)
		free(net->bundles[i].data);
	free(net->image_new);
	free(net);
}

const struct sim_net_reference *sim_net_reference(const struct sim_net *net)
{
	return &net->reference;
}

int sim_net_plan(struct sim_net *net, const struct sim_net_plan *plan, sim_net_sink *sink, void *ctx)
{
	unsigned count;
	const struct net_case *cases = net_cases_http(&count);
	int result = 0;

	(void)net;
	for (unsigned i = 0; i < count && result == 0 && plan->groups & SIM_NET_HTTP; i++)
		result = sink(ctx, cases[i].id, cases[i].catalogue);
	return result;
}

int sim_net_run(struct sim_net *net, const char *id, struct sim_net_result *out)
{
	unsigned count;
	const struct net_case *cases = net_cases_http(&count);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(cases[i].id, id) == 0)
			return net_run_one(net, &cases[i], -1, out);
	return -EINVAL;
}
