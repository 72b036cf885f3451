/* SPDX-License-Identifier: Apache-2.0 */
/* Corrupted and forged bundles, offered to the core in process: images/corrupt. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corrupt/corrupt.h"
#include "file/schema.h"
#include "rigs/listed-cases.h"

#define PLANS_MAX (YP_SCENARIO_FAULTS_MAX + 1)

struct images {
	struct yp_forge *forge;
	struct yp_corrupt_plan *plans[PLANS_MAX]; /* cases refer to them */
	unsigned count;
};

static void images_close(void *session)
{
	struct images *images = session;
	for (unsigned i = 0; i < images->count; i++)
		yp_corrupt_plan_free(images->plans[i]);
	yp_forge_free(images->forge);
	free(images);
}

static int images_open(const struct yp_rig_setup *setup, void **session, char *detail, size_t detail_bytes)
{
	struct images *images = calloc(1, sizeof *images);
	if (!images)
		return -ENOMEM;
	int result = yp_forge_new(setup->seed, &images->forge);
	if (result) {
		(void)snprintf(detail, detail_bytes, "keys, bundles and device could not be made: %s",
			       ota_reason_name((int)ota_reason_of(result)));
		images->forge = NULL;
		images_close(images);
		return result < 0 ? result : -EPROTO;
	}
	*session = images;
	return 0;
}

static int add_plan(struct images *images, const char *filter, struct yp_corrupt_plan **out)
{
	if (images->count == PLANS_MAX)
		return -ENOSPC;
	int result = yp_corrupt_plan_new(images->forge, *filter ? filter : NULL, out);
	if (!result)
		images->plans[images->count++] = *out;
	return result > 0 ? -EPROTO : result;
}

static int images_plan(void *session, const struct yp_fault *fault, uint64_t seed, struct yp_listing *listing)
{
	struct yp_corrupt_plan *plan = NULL;
	(void)seed;
	int result = add_plan(session, fault->match, &plan);
	for (size_t i = 0; !result && i < plan->count; i++)
		result = yp_listing_add(listing, plan->cases[i].id, plan->cases[i].catalogue, &plan->cases[i]);
	return result;
}

static int images_find(void *session, const char *id, struct yp_listed_case *out)
{
	struct yp_corrupt_plan *plan = NULL;
	int result = add_plan(session, id, &plan);
	for (size_t i = 0; !result && i < plan->count; i++) {
		if (strcmp(plan->cases[i].id, id) != 0)
			continue;
		(void)snprintf(out->id, sizeof out->id, "%s", id);
		(void)snprintf(out->catalogue, sizeof out->catalogue, "%s", plan->cases[i].catalogue);
		out->ref = &plan->cases[i];
		return 0;
	}
	return result ? result : 1;
}

static void write_expected(const struct yp_corrupt_case *c, char *out, size_t out_bytes)
{
	size_t used = 0;
	out[0] = 0;
	for (unsigned bit = 1; bit <= YP_CORRUPT_ROLLBACK; bit <<= 1) {
		if (c->classes & bit && used < out_bytes)
			used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", used ? "|" : "",
						 yp_corrupt_class_name(bit));
	}
	const char *blank = " ";
	for (int i = 0; i < OTA_REASON_COUNT; i++) {
		if (!(c->reasons >> i & 1) || used >= out_bytes)
			continue;
		used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", blank, ota_reason_name(i));
		blank = "|";
	}
}

static int images_run(void *session, const struct yp_listed_case *c, struct yp_listed_result *out)
{
	struct images *images = session;
	struct yp_corrupt_outcome outcome = {0};
	const struct yp_corrupt_case *own = c->ref;
	int result = yp_corrupt_run(images->forge, own, &outcome);
	out->outcome = outcome.outcome;
	out->landed = outcome.landed;
	out->bytes = outcome.fetched_bytes;
	out->bytes_honest = yp_corrupt_honest_bytes(images->forge);
	out->head_flip = yp_corrupt_is_head_flip(own);
	out->unwritten = outcome.class == YP_CORRUPT_REJ_E && outcome.slot_writes == 0;
	/* A case that ran has a reason, OK included. */
	if (!result && outcome.landed)
		(void)snprintf(out->reason, sizeof out->reason, "%s", ota_reason_name((int)outcome.reason));
	if (own->note && !*out->outcome.text)
		(void)snprintf(out->outcome.text, sizeof out->outcome.text, "%s", own->note);
	write_expected(own, out->expected, sizeof out->expected);
	return result > 0 ? -EPROTO : result;
}

/* "image flp": the group. */
static void name_fault(const char *id, char out[YP_FAULT_TEXT])
{
	(void)snprintf(out, YP_FAULT_TEXT, "image %.*s", (int)strcspn(id, ":"), id);
}

static const struct yp_schema_field options[] = {
    YP_OPTION_MATCH("group"),
    {.key = "sample", .type = YP_SCHEMA_UINT, .offset = offsetof(struct yp_fault, sample), .min = 1, .max = 1000000},
    {.key = NULL}};

const struct yp_scenario_rig yp_rig_images = {
    .terms = {.name = "images", .subject = "ota", .fault = "image", .options = options},
    .sentence = "corrupted and forged bundles, offered to the reference core in process",
    .open = images_open,
    .close = images_close,
    .plan = images_plan,
    .find = images_find,
    .run = images_run,
    .name_fault = name_fault,
    .find_step = yp_listed_step,
    .image_ids = true,
    .equivalences = yp_sim_equivalences};
