/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "device.h"
#include "ota/fetch.h"

/*
 * The outside: one file on a server (ranges, a strong validator, the lies of enum sim_lie), and the server that takes
 * reports. Each report that was delivered becomes a BP_MARK_WORLD "report:<id>:<event>:<version>:<reason>".
 */
#define SIM_UPDATE_URL "https://updates.example.org/sim.otab"
#define SIM_REPORT_URL "https://updates.example.org/reports"
#define SIM_EVENTS_MAX 64u
#define SIM_EVENT_TEXT 160u

struct sim_world {
	struct sim_device *device;
	const uint8_t *file; /* borrowed; NULL: 404 */
	size_t file_bytes;
	char etag[32];
	size_t corrupt_at; /* this byte is delivered with a bit changed; 0: none */
	bool corrupt_once;
	unsigned report_down; /* posts that are still refused */
	/* out */
	bool refused; /* a report was refused that a later attempt may get through */
	bool overflow;
	uint64_t bytes;
	unsigned event_count;
	char events[SIM_EVENTS_MAX][SIM_EVENT_TEXT];
};

struct ota_fetch sim_world_fetch(struct sim_world *world);

#endif
