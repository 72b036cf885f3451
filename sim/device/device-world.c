/* SPDX-License-Identifier: Apache-2.0 */
/* The server of the simulated device: one file to fetch, and reports to take. */
#include "device/device-world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device/failing-alloc.h"
#include "ota/reason.h"

#define PIECE_BYTES 16384u

/* Core's code runs behind the callbacks: only there allocations count. */
static int call_head(const struct ota_fetch_request *request, const struct ota_fetch_answer *answer)
{
	int result;

	if (request->head == NULL)
		return 0;
	yp_sim_alloc_gate(true);
	result = request->head(request->ctx, answer);
	yp_sim_alloc_gate(false);
	return result;
}

static int call_body(const struct ota_fetch_request *request, const void *data, size_t size_bytes)
{
	int result;

	yp_sim_alloc_gate(true);
	result = request->body(request->ctx, data, size_bytes);
	yp_sim_alloc_gate(false);
	return result;
}

static int deliver_file(struct yp_sim_world *world, const struct ota_fetch_request *request, size_t from, size_t to)
{
	uint8_t piece[PIECE_BYTES];
	int result = 0;

	while (from < to && result == 0) {
		size_t bytes = to - from < PIECE_BYTES ? to - from : PIECE_BYTES;

		memcpy(piece, world->file + from, bytes);
		if (world->corrupt_at >= from && world->corrupt_at < from + bytes && world->corrupt_at != 0) {
			piece[world->corrupt_at - from] ^= 0x10u;
			if (world->corrupt_once)
				world->corrupt_at = 0;
		}
		world->bytes += bytes;
		result = call_body(request, piece, bytes);
		from += bytes;
	}
	return result;
}

static int answer_get(struct yp_sim_world *world, const struct ota_fetch_request *request)
{
	struct ota_fetch_answer answer = {.status = 200, .total_bytes = world->file_bytes};
	size_t from = (size_t)request->offset_bytes, to = world->file_bytes;
	bool cut_short;
	int result = yp_sim_dev_op(world->device, YP_SIM_OP_FETCH, 0);

	if (result != 0)
		return result;
	if (world->file == NULL || strcmp(request->url, YP_SIM_UPDATE_URL) != 0)
		return OTA_HTTP_STATUS;
	if (request->if_none_match != NULL && strcmp(request->if_none_match, world->etag) == 0)
		return OTA_NOTHING_TO_DO;
	if (from > world->file_bytes || (from == world->file_bytes && from != 0) ||
	    (from > 0 && request->if_range != NULL && strcmp(request->if_range, world->etag) != 0))
		return OTA_HTTP_RANGE;
	if (request->length_bytes != 0 && request->length_bytes < to - from)
		to = from + (size_t)request->length_bytes;
	if (from != 0 || request->length_bytes != 0)
		answer.status = 206;
	(void)snprintf(answer.etag, sizeof answer.etag, "%s", world->etag);
	cut_short = yp_sim_device_short_answer(world->device);
	if (cut_short)
		to = from + (to - from) / 2;
	result = call_head(request, &answer);
	if (result == 0)
		result = deliver_file(world, request, from, to);
	return result == 0 && cut_short ? OTA_SHORT_BODY : result;
}

static int world_get(void *fetch, const struct ota_fetch_request *request)
{
	bool gate = yp_sim_alloc_gate(false);
	int result = answer_get(fetch, request);

	yp_sim_alloc_gate(gate);
	return result;
}

static int answer_post(struct yp_sim_world *world, const char *url, const char *json, size_t size_bytes)
{
	struct yp_subject_report report;
	char text[YP_SIM_EVENT_TEXT];
	int result = yp_sim_dev_op(world->device, YP_SIM_OP_FETCH, 0);

	if (result != 0)
		return result;
	if (strcmp(url, YP_SIM_REPORT_URL) != 0)
		return OTA_HTTP_STATUS;
	if (world->report_down > 0) {
		if (world->report_down != YP_SIM_FOR_EVER) {
			world->report_down--;
			world->refused = true;
		}
		return OTA_HTTP_STATUS;
	}
	(void)yp_subject_find("ota")->reports->read(json, size_bytes, &report);
	(void)snprintf(text, sizeof text, "report:%s:%s:%s:%s", report.id, report.event, report.version, report.reason);
	yp_sim_dev_mark(world->device, YP_MARK_WORLD, text);
	if (world->event_count < YP_SIM_EVENTS_MAX)
		memcpy(world->events[world->event_count++], text, sizeof text);
	else
		world->overflow = true;
	return 0;
}

static int world_post(void *fetch, const char *url, const char *json, size_t size_bytes)
{
	bool gate = yp_sim_alloc_gate(false);
	int result = answer_post(fetch, url, json, size_bytes);

	yp_sim_alloc_gate(gate);
	return result;
}

static const struct ota_fetch_ops world_ops = {.get = world_get, .post = world_post};

struct ota_fetch yp_sim_world_fetch(struct yp_sim_world *world)
{
	return (struct ota_fetch){.ops = &world_ops, .fetch = world};
}
