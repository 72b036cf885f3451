/* SPDX-License-Identifier: Apache-2.0 */
/* The library's front: the device and its reference run, the plan, ids. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "network/network-run.h"
#include "network/wire.h"
#include "network/zoo-home.h"

static int make_reference(struct yp_network *net, char *detail, size_t detail_bytes)
{
	static const struct yp_network_case honest = {
	    .id = "reference", .catalogue = "", .class = YP_NETWORK_OK, .reasons = "OK"};
	struct yp_network_result result;
	int code = yp_network_run_case(net, &honest, (struct yp_network_kill){.kind = 0}, &result);

	if (code == 0 &&
	    (result.outcome.verdict == YP_FAIL || strcmp(result.reason, net->device.subject->messages->success) != 0)) {
		(void)snprintf(detail, detail_bytes, "the run without a fault fails: %s", result.outcome.text);
		return -EPROTO;
	}
	net->reference.body_bytes = result.bytes;
	net->reference.requests = result.requests;
	net->reference.ms = result.ms;
	return code;
}

int yp_network_new(const struct yp_network_options *options, struct yp_network **out, char *detail, size_t detail_bytes)
{
	const char *base = options->base ? options->base : yp_network_home_base();
	const struct yp_subject *subject = options->subject ? options->subject : yp_subject_find(NULL);
	struct yp_network *net = calloc(1, sizeof(*net));
	const struct yp_network_bundle *running;
	int result;

	assert(options->ota != NULL && options->zoo != NULL && out != NULL && detail_bytes > 0);
	if (!net)
		return -ENOMEM;
	net->device.lock = -1;
	yp_network_sweep(base);
	(void)snprintf(net->device.zoo, sizeof(net->device.zoo), "%s", options->zoo);
	result = yp_network_bundles_make(net, detail, detail_bytes);
	running = &net->bundles[YP_NETWORK_FILE_RUNNING];
	if (result == 0)
		result = yp_network_device_init(&net->device, subject, base, options->ota, options->zoo, running->data,
						running->size_bytes, detail, detail_bytes);
	if (result == 0)
		result = make_reference(net, detail, detail_bytes);
	if (result == 0)
		*out = net;
	else
		yp_network_free(net);
	return result;
}

void yp_network_free(struct yp_network *net)
{
	if (!net)
		return;
	yp_network_device_deinit(&net->device);
	for (unsigned i = 0; i <= YP_NETWORK_FILE_RUNNING; i++)
		free(net->bundles[i].data);
	free(net->image_new);
	free(net);
}

const struct yp_network_reference *yp_network_reference(const struct yp_network *net)
{
	return &net->reference;
}

/* ---- the plan ---- */

#define KILL_STEPS_MAX 4u /* so many follow the last place */
#define KILL_KIB_MAX   96u

struct planner {
	const struct yp_network_plan *plan;
	yp_network_sink *sink;
	void *ctx;
	unsigned count;
};

static unsigned group_of(const struct yp_network_case *c)
{
	if (c->trouble != YP_NETWORK_TROUBLE_NONE)
		return YP_NETWORK_DEVICE;
	if (c->names.wanted || c->netem)
		return YP_NETWORK_NAMES;
	if (c->in_report || strncmp(c->id, "rpt:", 4) == 0)
		return YP_NETWORK_REPORT;
	return strncmp(c->id, "http:", 5) == 0  ? YP_NETWORK_HTTP
	       : strncmp(c->id, "tls:", 4) == 0 ? YP_NETWORK_TLS
						: YP_NETWORK_CONNECTION;
}

/* A moment in what follows the fault that is sure to come. Odd cases are killed while they fetch, if something is left. */
static struct yp_network_kill choose_kill(const struct yp_network_case *c, uint64_t seed, unsigned n)
{
	uint64_t hash = (seed + n) * UINT64_C(0x9e3779b97f4a7c15); /* Knuth's multiplicative hash */
	unsigned spread = (unsigned)(hash >> 40);
	bool much_left =
	    c->mark.kind != YP_NETWORK_MARK_BODY || c->mark.offset_bytes < YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 4 * 65536);

	if (c->last_run)
		return (struct yp_network_kill){.kind = 0};
	if (c->in_report) /* only the report is left, in the next run; not even that if it was but late */
		return (struct yp_network_kill){.kind = c->cut.cut == YP_NETWORK_CUT_DARK ? 0 : 's', .n = 1};
	if (n % 2 == 1 && much_left && !c->step && c->trouble == YP_NETWORK_TROUBLE_NONE)
		return (struct yp_network_kill){.kind = 'b', .n = 1 + spread % KILL_KIB_MAX};
	return (struct yp_network_kill){.kind = 's', .n = 1 + spread % KILL_STEPS_MAX};
}

static int plan_one(struct planner *planner, const struct yp_network_case *c)
{
	const struct yp_network_plan *plan = planner->plan;
	unsigned n = planner->count++;
	int result = planner->sink(planner->ctx, c->id, c->catalogue);

	if (result == 0 && plan->kill_every > 0 && !c->skip && n % plan->kill_every == 0) {
		struct yp_network_kill kill = choose_kill(c, plan->seed, n / plan->kill_every);
		char id[YP_NETWORK_ID_MAX + 24];

		if (kill.kind == 0)
			return 0;
		(void)snprintf(id, sizeof(id), "%s/kill.%c%u", c->id, kill.kind, kill.n);
		result = planner->sink(planner->ctx, id, c->catalogue);
	}
	return result;
}

static int plan_places(struct planner *planner)
{
	const struct yp_subject *subject = planner->plan->subject ? planner->plan->subject : yp_subject_find(NULL);
	char id[YP_NETWORK_ID_MAX];
	struct yp_network_case c;
	int result = 0;

	for (unsigned f = 0; f < yp_network_place_faults(); f++) {
		for (unsigned p = 0; p < yp_network_place_count(subject) && result == 0; p++)
			if (yp_network_place_case(subject, f, p, &c, id))
				result = plan_one(planner, &c);
		for (unsigned n = 0; n < planner->plan->sweep && result == 0; n++)
			if (yp_network_sweep_case(f, planner->plan->seed, n, &c, id))
				result = plan_one(planner, &c);
	}
	return result;
}

#define TABLES 4u
static const struct yp_network_case *get_table(unsigned i, unsigned *count)
{
	return i == 0   ? yp_network_cases_http(count)
	       : i == 1 ? yp_network_cases_link(count)
	       : i == 2 ? yp_network_cases_names(count)
			: yp_network_cases_device(count);
}

int yp_network_plan(const struct yp_network_plan *plan, yp_network_sink *sink, void *ctx)
{
	struct planner planner = {.plan = plan, .sink = sink, .ctx = ctx};
	int result = 0;

	assert(plan != NULL && sink != NULL);
	for (unsigned t = 0; t < TABLES; t++) {
		unsigned count;
		const struct yp_network_case *cases = get_table(t, &count);

		for (unsigned i = 0; i < count && result == 0; i++)
			if (group_of(&cases[i]) & plan->groups && (plan->slow || !cases[i].slow))
				result = plan_one(&planner, &cases[i]);
	}
	if (result == 0 && plan->groups & YP_NETWORK_PLACES)
		result = plan_places(&planner);
	return result;
}

/* ---- ids ---- */

static bool find_place(const struct yp_subject *subject, const char *id, struct yp_network_case *out,
		       char own[YP_NETWORK_ID_MAX])
{
	unsigned long long seed, n;

	for (unsigned f = 0; f < yp_network_place_faults(); f++)
		for (unsigned p = 0; p < yp_network_place_count(subject); p++)
			if (yp_network_place_case(subject, f, p, out, own) && strcmp(own, id) == 0)
				return true;
	/* net:FAULT.r<seed>.<n> */
	for (const char *at = strstr(id, ".r"); at; at = strstr(at + 1, ".r")) {
		const char *number = at + 2;

		if (!yp_network_wire_number(&number, &seed) || *number++ != '.' ||
		    !yp_network_wire_number(&number, &n) || n > UINT_MAX)
			continue;
		for (unsigned f = 0; f < yp_network_place_faults(); f++)
			if (yp_network_sweep_case(f, seed, (unsigned)n, out, own) && strcmp(own, id) == 0)
				return true;
	}
	return false;
}

static bool find_case(const struct yp_subject *subject, const char *id, struct yp_network_case *out,
		      char own[YP_NETWORK_ID_MAX])
{
	for (unsigned t = 0; t < TABLES; t++) {
		unsigned count;
		const struct yp_network_case *cases = get_table(t, &count);

		for (unsigned i = 0; i < count; i++) {
			if (strcmp(cases[i].id, id) == 0) {
				*out = cases[i];
				return true;
			}
		}
	}
	return find_place(subject, id, out, own);
}

/* "/kill.s3" */
static bool read_kill(const char *text, struct yp_network_kill *out)
{
	const char *at = text + 7;
	unsigned long long n;

	out->kind = text[6];
	if ((out->kind != 's' && out->kind != 'b') || !yp_network_wire_number(&at, &n) || *at != '\0' || n > UINT_MAX)
		return false;
	out->n = (unsigned)n;
	return true;
}

int yp_network_run(struct yp_network *net, const char *id, struct yp_network_result *out)
{
	char plain[YP_NETWORK_ID_MAX], own[YP_NETWORK_ID_MAX];
	const char *suffix = strstr(id, "/kill.");
	size_t length = suffix ? (size_t)(suffix - id) : strlen(id);
	struct yp_network_kill kill = {.kind = 0};
	struct yp_network_case c;

	assert(net != NULL && out != NULL);
	if (length >= sizeof(plain) || (suffix && !read_kill(suffix, &kill)))
		return -EINVAL;
	memcpy(plain, id, length);
	plain[length] = '\0';
	if (!find_case(net->device.subject, plain, &c, own))
		return -EINVAL;
	return yp_network_run_case(net, &c, kill, out);
}
