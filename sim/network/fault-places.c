/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each connection fault at each place that the reference run has: of the handshake, of the requests, of the answers, at
 * each boundary of the file, at each checkpoint, in the report, and at each step that the command announces. Each
 * happens once; the device must recover from it within the run.
 */
#include <stdio.h>
#include <string.h>

#include "network/host-device.h"
#include "network/network-case.h"

#define UPDATE     "/update.ota"
#define DARK_MS    150
#define OFFLINE_MS 150
#define CHECKPOINT 65536

struct fault {
	const char *name;
	enum yp_network_cut cut;
	uint32_t arg;
	unsigned delay_ms; /* of the device's retries: longer than the fault */
	enum yp_network_class class;
	const char *catalogue;
};
static const struct fault faults[] = {
    {"reset", YP_NETWORK_CUT_RESET, 0, 0, YP_NETWORK_RETRY, "NET-01"},
    {"close", YP_NETWORK_CUT_CLOSE, 0, 0, YP_NETWORK_RETRY, "NET-02"},
    {"flip", YP_NETWORK_CUT_FLIP, 0, 0, YP_NETWORK_RETRY, "NET-06"},
    {"dark", YP_NETWORK_CUT_DARK, DARK_MS, 0, YP_NETWORK_OK, "NET-07"},
    {"offline", YP_NETWORK_CUT_OFFLINE, OFFLINE_MS, 400, YP_NETWORK_RETRY, "NET-07"},
    {"stall", YP_NETWORK_CUT_STALL, 0, 0, YP_NETWORK_RETRY, "NET-03 NET-08"},
};

struct place {
	const char *name;
	enum yp_network_cut_place where;
	unsigned record; /* of the first connection */
	int64_t byte;
	enum yp_network_mark_kind mark;
	unsigned nth;
	uint64_t offset;
	bool in_report;
	const char *step;
};
static const struct place places[] = {
    /* The first connection: TCP, TLS. Records: 1 ends the handshake, 2 is the first request. */
    {"connect", YP_NETWORK_CUT_DOWN, 0, 0, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"hello-first", YP_NETWORK_CUT_UP, 0, 1, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"hello-half", YP_NETWORK_CUT_UP, 0, 100, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"server-hello-first", YP_NETWORK_CUT_DOWN, 0, 1, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"server-hello-half", YP_NETWORK_CUT_DOWN, 0, 64, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"certificate-half", YP_NETWORK_CUT_DOWN, 0, 600, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"finished", YP_NETWORK_CUT_RECORD, 1, 0, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"finished-half", YP_NETWORK_CUT_RECORD, 1, 20, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"request", YP_NETWORK_CUT_RECORD, 2, 0, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"request-half", YP_NETWORK_CUT_RECORD, 2, 40, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"request-last", YP_NETWORK_CUT_RECORD, 2, -1, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"request-2", YP_NETWORK_CUT_RECORD, 3, 0, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    {"request-3-half", YP_NETWORK_CUT_RECORD, 4, 40, YP_NETWORK_MARK_NONE, 0, 0, false, NULL},
    /* The answers. */
    {"answer", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_HEAD, 1, 0, false, NULL},
    {"answer-half", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_HEAD_MID, 1, 0, false, NULL},
    {"answer-2", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_HEAD, 2, 0, false, NULL},
    {"answer-3-half", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_HEAD_MID, 3, 0, false, NULL},
    /* The file. */
    {"file-0", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_HEADER, 0), false, NULL},
    {"file-1", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_HEADER, 1), false, NULL},
    {"manifest", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_MANIFEST, 0), false,
     NULL},
    {"index", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_INDEX, 0), false, NULL},
    {"probe-last", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, 4095, false, NULL},
    {"probe-next", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, 4096, false, NULL},
    {"signature", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_SIGNATURE, 0), false,
     NULL},
    {"signature-last", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_PAYLOAD, -1), false,
     NULL},
    {"payload", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 0), false, NULL},
    {"payload-1", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 1), false,
     NULL},
    {"chunk-1", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 4096), false,
     NULL},
    {"checkpoint-1", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_PAYLOAD, CHECKPOINT),
     false, NULL},
    {"checkpoint-2", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0,
     YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 2 * CHECKPOINT), false, NULL},
    {"checkpoint-3", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0,
     YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 3 * CHECKPOINT), false, NULL},
    {"checkpoint-4", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0,
     YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 4 * CHECKPOINT), false, NULL},
    {"checkpoint-5", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0,
     YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 5 * CHECKPOINT), false, NULL},
    {"checkpoint-6", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0,
     YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 6 * CHECKPOINT), false, NULL},
    {"checkpoint-7", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0,
     YP_NETWORK_AT(YP_NETWORK_PAYLOAD, 7 * CHECKPOINT), false, NULL},
    {"payload-last", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_BODY, 0, YP_NETWORK_AT(YP_NETWORK_END, -1), false,
     NULL},
    /* The report: a connection of its own, by the version that was committed. */
    {"report-connect", YP_NETWORK_CUT_DOWN, 0, 0, YP_NETWORK_MARK_NONE, 0, 0, true, NULL},
    {"report-hello-half", YP_NETWORK_CUT_UP, 0, 100, YP_NETWORK_MARK_NONE, 0, 0, true, NULL},
    {"report-finished", YP_NETWORK_CUT_RECORD, 1, 0, YP_NETWORK_MARK_NONE, 0, 0, true, NULL},
    {"report-request", YP_NETWORK_CUT_RECORD, 2, 0, YP_NETWORK_MARK_NONE, 0, 0, true, NULL},
    {"report-request-half", YP_NETWORK_CUT_RECORD, 2, 40, YP_NETWORK_MARK_NONE, 0, 0, true, NULL},
    {"report-request-last", YP_NETWORK_CUT_RECORD, 2, -1, YP_NETWORK_MARK_NONE, 0, 0, true, NULL},
    {"report-answer", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_HEAD, 1, 0, true, NULL},
    {"report-answer-half", YP_NETWORK_CUT_CALL, 0, 0, YP_NETWORK_MARK_HEAD_MID, 1, 0, true, NULL},
};

unsigned yp_network_place_faults(void)
{
	return sizeof(faults) / sizeof(faults[0]);
}

#define PLACES (unsigned)(sizeof(places) / sizeof(places[0]))

static unsigned count_names(const char *const *names)
{
	unsigned count = 0;

	while (names[count] != NULL)
		count++;
	return count;
}

unsigned yp_network_place_count(const struct yp_subject *subject)
{
	return PLACES + count_names(subject->steps->install) + count_names(subject->steps->trial);
}

/* Behind the table come the steps that the command announces: of the install, then of the run that reports. */
static struct place get_place(const struct yp_subject *subject, unsigned n)
{
	unsigned installs = count_names(subject->steps->install);
	bool in_report = n >= PLACES + installs;
	const char *step;

	if (n < PLACES)
		return places[n];
	step = in_report ? subject->steps->trial[n - PLACES - installs] : subject->steps->install[n - PLACES];
	return (struct place){.name = step, .where = YP_NETWORK_CUT_CALL, .in_report = in_report, .step = step};
}

static void fill_case(const struct fault *fault, const struct place *place, struct yp_network_case *out)
{
	memset(out, 0, sizeof(*out));
	out->catalogue = fault->catalogue;
	out->class = fault->class;
	out->reasons = "OK";
	out->cut = (struct yp_network_cut_spec){.cut = fault->cut,
						.place = place->where,
						.connection = place->where == YP_NETWORK_CUT_CALL ? 0 : 1,
						.record = place->record,
						.byte = place->byte,
						.arg = fault->arg};
	out->mark = (struct yp_network_mark){.kind = place->mark,
					     .path = place->in_report ? YP_NETWORK_REPORT_PATH : UPDATE,
					     .nth = place->nth,
					     .offset_bytes = place->offset};
	out->in_report = place->in_report;
	out->step = place->step;
	out->delay_ms = fault->delay_ms;
}

bool yp_network_place_case(const struct yp_subject *subject, unsigned fault, unsigned n, struct yp_network_case *out,
			   char id[YP_NETWORK_ID_MAX])
{
	/* What has no connection of its own happens to the link. A byte that never comes cannot be flipped. */
	struct place place = get_place(subject, n);
	bool link = faults[fault].cut == YP_NETWORK_CUT_DARK || faults[fault].cut == YP_NETWORK_CUT_OFFLINE;

	if (place.step && !link)
		return false;
	if (faults[fault].cut == YP_NETWORK_CUT_FLIP && place.byte < 0)
		return false;
	fill_case(&faults[fault], &place, out);
	if (place.in_report && place.step)
		out->catalogue = "NET-07 RPT-01";
	(void)snprintf(id, YP_NETWORK_ID_MAX, "net:%s.%s", faults[fault].name, place.name);
	out->id = id;
	return true;
}

/* splitmix64, Steele and others. */
static uint64_t mix_number(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

bool yp_network_sweep_case(unsigned fault, uint64_t seed, unsigned n, struct yp_network_case *out,
			   char id[YP_NETWORK_ID_MAX])
{
	struct place place = {.where = YP_NETWORK_CUT_CALL, .mark = YP_NETWORK_MARK_BODY};

	place.offset =
	    YP_NETWORK_AT(YP_NETWORK_PAYLOAD, mix_number(seed ^ mix_number(n)) % YP_NETWORK_DEVICE_IMAGE_BYTES);
	fill_case(&faults[fault], &place, out);
	(void)snprintf(id, YP_NETWORK_ID_MAX, "net:%s.r%llu.%u", faults[fault].name, (unsigned long long)seed, n);
	out->id = id;
	return true;
}
