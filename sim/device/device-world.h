/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_DEVICE_WORLD_H
#define SIM_DEVICE_DEVICE_WORLD_H

#include "device/device-seams.h"
#include "ota/fetch.h"

/*
 * The outside: one file on a server (ranges, a strong validator, the false answers of enum yp_sim_lie), and the server
 * that receives reports. Each report that was delivered becomes a YP_MARK_WORLD
 * "report:<id>:<event>:<version>:<reason>".
 */
#define YP_SIM_UPDATE_URL "https://updates.example.org/sim.otab"
#define YP_SIM_REPORT_URL "https://updates.example.org/reports"
#define YP_SIM_EVENTS_MAX 64u
#define YP_SIM_EVENT_TEXT 160u

struct yp_sim_world {
	struct yp_sim_device *device;
	const uint8_t *file; /* borrowed; NULL: 404 */
	size_t file_bytes;
	char etag[32];
	size_t corrupt_at; /* this byte is delivered with a bit changed; 0: none */
	bool corrupt_once;
	unsigned report_down; /* posts that are still refused */
	/* out */
	bool refused; /* a report was refused; a later attempt may succeed */
	bool overflow;
	uint64_t bytes;
	unsigned event_count;
	char events[YP_SIM_EVENTS_MAX][YP_SIM_EVENT_TEXT];
};

struct ota_fetch yp_sim_world_fetch(struct yp_sim_world *world);

#endif
