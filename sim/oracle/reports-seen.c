/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/reports-seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ota/ota.h"

#define RECORD_SECTORS (OTA_STATE_RECORD_BYTES / YP_SECTOR_BYTES)

uint64_t yp_sim_mix(uint64_t h, uint64_t value)
{
	h ^= value + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

static uint64_t mix_bytes(uint64_t h, const void *data, size_t size_bytes)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < size_bytes; i++)
		h = (h ^ at[i]) * 0x100000001b3u;
	return yp_sim_mix(h, size_bytes);
}

static uint64_t mix_text(uint64_t h, const char *text)
{
	return mix_bytes(h, text, strlen(text));
}

/* ---- E1 and E4: the state record ---- */

static void describe_record(const struct ota_state *state, struct yp_sim_record *record)
{
	uint64_t h = yp_sim_mix(1, (uint64_t)state->phase);

	record->phase = (uint8_t)state->phase;
	record->target = state->target[0];
	record->chunks_done = state->chunks_done;
	record->trial_id = state->trial_id;
	record->floor = state->floor;
	h = mix_text(h, state->target);
	h = mix_bytes(h, state->digest, sizeof state->digest);
	h = mix_text(h, state->version);
	h = yp_sim_mix(h, state->sequence);
	h = mix_text(h, state->source);
	h = mix_text(h, state->etag);
	h = yp_sim_mix(h, state->verdict);
	h = yp_sim_mix(h, state->floor);
	h = mix_bytes(h, state->installed_digest, sizeof state->installed_digest);
	h = mix_text(h, state->installed_version);
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		h = mix_bytes(h, state->failed[i].digest, sizeof state->failed[i].digest);
		h = yp_sim_mix(h, state->failed[i].reason);
		unsigned count = state->failed[i].count < OTA_LIMIT_TRIALS ? state->failed[i].count : OTA_LIMIT_TRIALS;
		h = yp_sim_mix(h, count);
		record->failures += count;
	}
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++) {
		const struct ota_event *event = &state->outbox[i];

		record->outbox[i] = event->id;
		h = yp_sim_mix(h, event->id != 0);
		h = yp_sim_mix(h, (uint64_t)event->kind << 16 | event->reason);
		h = mix_text(h, event->version);
		h = mix_text(h, event->from_version);
		h = mix_text(h, event->detail);
	}
	record->hash = h;
}

static int read_record(struct yp_sim_memo *memo, const struct yp_image *image, unsigned medium, unsigned place,
		       struct yp_sim_record *out)
{
	uint32_t contents[RECORD_SECTORS];
	uint8_t raw[OTA_STATE_RECORD_BYTES];
	struct ota_state state;
	struct yp_sim_record *record;
	bool found;

	for (unsigned s = 0; s < RECORD_SECTORS; s++)
		contents[s] = yp_image_get(image, medium, (uint64_t)place * RECORD_SECTORS + s);
	record = yp_sim_memo_at(memo, contents, &found);
	if (record == NULL)
		return -ENOMEM;
	if (!found) {
		yp_image_read(image, medium, (uint64_t)place * RECORD_SECTORS, RECORD_SECTORS, raw);
		if (ota_state_decode(raw, &state, &record->counter) == 0) {
			record->good = true;
			describe_record(&state, record);
		}
	}
	*out = *record;
	return 0;
}

int yp_sim_record_newest(struct yp_sim_memo *memo, const struct yp_image *image, unsigned medium,
			 struct yp_sim_record *out)
{
	*out = (struct yp_sim_record){.good = false};
	for (unsigned place = 0; place < OTA_STATE_RING; place++) {
		struct yp_sim_record record;
		int error = read_record(memo, image, medium, place, &record);

		if (error != 0)
			return error;
		if (record.good && (!out->good || record.counter > out->counter))
			*out = record;
	}
	return 0;
}

/* ---- E4: what the outside saw, with ids renamed in order of appearance ---- */

static size_t first_with_id(const struct yp_world *world, size_t event)
{
	size_t id_bytes = strcspn(world->events[event] + strcspn(world->events[event], ":") + 1, ":") +
			  strcspn(world->events[event], ":") + 1;

	for (size_t i = 0; i < event; i++) {
		if (strncmp(world->events[i], world->events[event], id_bytes + 1) == 0)
			return i;
	}
	return event;
}

/* How many different ids appeared before: reports that were repeated in between do not count. */
static size_t rank_of(const struct yp_world *world, size_t first)
{
	size_t rank = 0;

	for (size_t i = 0; i < first; i++)
		rank += first_with_id(world, i) == i;
	return rank;
}

uint64_t yp_sim_past_hash(const struct yp_world *world, uint64_t h)
{
	for (size_t i = 0; i < world->count; i++) {
		size_t first = first_with_id(world, i);
		const char *after = strchr(world->events[i], ':');

		/* The same report again, word for word, changes nothing. */
		if (first < i && strcmp(world->events[first], world->events[i]) == 0)
			continue;
		if (after != NULL)
			after = strchr(after + 1, ':');
		h = mix_text(yp_sim_mix(h, rank_of(world, first)), after != NULL ? after : world->events[i]);
	}
	return h;
}

bool yp_sim_past_delivered(const struct yp_world *world, uint64_t id)
{
	for (size_t i = 0; i < world->count; i++) {
		const char *colon = strchr(world->events[i], ':');

		if (colon != NULL && strtoull(colon + 1, NULL, 16) == id)
			return true;
	}
	return false;
}
