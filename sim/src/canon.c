/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "internal.h"

#define HEADER_SECTORS     (OTA_SLOT_HEADER_BYTES / BP_SECTOR_BYTES)
#define DESCRIPTOR_SECTORS (OTA_SLOT_DESCRIPTOR_BYTES / BP_SECTOR_BYTES)
#define RECORD_SECTORS     (OTA_STATE_RECORD_BYTES / BP_SECTOR_BYTES)

const char *const *sim_equivalences(void)
{
	static const char *const pairs[] = {
	    "E1 state ring",
	    "Of the records on the state medium only the newest valid one is ever read for what it says, and the next "
	    "store goes to "
	    "another place with a higher counter. So its place, its counter and all other records, whole or torn, do "
	    "not matter.",
	    "E2 environment copies",
	    "Which of the two copies holds, and its counter, do not matter: the next store writes the other copy with "
	    "the next counter, "
	    "which wins at every value. Of the copy that does not hold only good or bad matters, because a store "
	    "overwrites it whole.",
	    "E3 unread slot",
	    "A slot that the environment bars, or whose first block is zero, is never started; while no journal says "
	    "that it is written, "
	    "it is never verified either. Of such a slot only the descriptor, if it is valid, and the chunks that the "
	    "journal says are "
	    "durable are used. Header blocks and an invalid descriptor are only compared with zero, to be zeroed. The "
	    "rest does not matter.",
	    "E4 names of attempts",
	    "Ids of trials and events are compared for equality only: journal against environment, outbox against "
	    "delivered reports. So "
	    "they may be renamed. Failure counts beyond the trials that a version gets decide nothing more. The "
	    "trusted time only moves the "
	    "earliest date that the "
	    "clock is believed, within the same minutes of the same simulated day.",
	    "E5 counted boots",
	    "Once as many boots were counted as the limit allows, the next boot goes back, however many there were: "
	    "counts beyond the "
	    "limit are one.",
	    NULL,
	};

	return pairs;
}

static uint64_t mix(uint64_t h, uint64_t value)
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
	return mix(h, size_bytes);
}

static uint64_t mix_text(uint64_t h, const char *text)
{
	return mix_bytes(h, text, strlen(text));
}

/* ---- E1 and E4: the state record ---- */

static void describe_record(const struct ota_state *state, struct sim_record *record)
{
	uint64_t h = mix(1, (uint64_t)state->phase);

	record->phase = (uint8_t)state->phase;
	record->target = state->target[0];
	record->chunks_done = state->chunks_done;
	record->trial_id = state->trial_id;
	record->floor = state->floor;
	h = mix_text(h, state->target);
	h = mix_bytes(h, state->digest, sizeof state->digest);
	h = mix_text(h, state->version);
	h = mix(h, state->sequence);
	h = mix_text(h, state->source);
	h = mix_text(h, state->etag);
	h = mix(h, state->chunks_done);
	h = mix(h, state->verdict);
	h = mix(h, state->floor);
	h = mix_bytes(h, state->installed_digest, sizeof state->installed_digest);
	h = mix_text(h, state->installed_version);
	for (unsigned i = 0; i < OTA_FAILED_MAX; i++) {
		h = mix_bytes(h, state->failed[i].digest, sizeof state->failed[i].digest);
		h = mix(h, state->failed[i].reason);
		h = mix(h, state->failed[i].count < OTA_LIMIT_TRIALS ? state->failed[i].count : OTA_LIMIT_TRIALS);
	}
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++) {
		const struct ota_event *event = &state->outbox[i];

		record->outbox[i] = event->id;
		h = mix(h, event->id != 0);
		h = mix(h, (uint64_t)event->kind << 16 | event->reason);
		h = mix_text(h, event->version);
		h = mix_text(h, event->from_version);
		h = mix_text(h, event->detail);
	}
	record->hash = h;
}

static int read_record(struct sim *sim, const struct bp_image *image, unsigned place, struct sim_record *out)
{
	uint32_t contents[RECORD_SECTORS];
	uint8_t raw[OTA_STATE_RECORD_BYTES];
	struct ota_state state;
	struct sim_record *record;
	bool found;

	for (unsigned s = 0; s < RECORD_SECTORS; s++)
		contents[s] = bp_image_get(image, SIM_STATE, (uint64_t)place * RECORD_SECTORS + s);
	record = sim_memo_at(&sim->record_memo, contents, &found);
	if (record == NULL)
		return -ENOMEM;
	if (!found) {
		bp_image_read(image, SIM_STATE, (uint64_t)place * RECORD_SECTORS, RECORD_SECTORS, raw);
		if (ota_state_decode(raw, &state, &record->counter) == 0) {
			record->good = true;
			describe_record(&state, record);
		}
	}
	*out = *record;
	return 0;
}

int sim_state_record(struct sim *sim, const struct bp_image *image, struct sim_record *out)
{
	*out = (struct sim_record){.good = false};
	for (unsigned place = 0; place < OTA_STATE_RING; place++) {
		struct sim_record record;
		int error = read_record(sim, image, place, &record);

		if (error != 0)
			return error;
		if (record.good && (!out->good || record.counter > out->counter))
			*out = record;
	}
	return 0;
}

/* ---- E2: the environment ---- */

int sim_state_env(struct sim *sim, const struct bp_image *state, struct sim_env_copy copy[2], int *holding)
{
	uint32_t contents[SIM_ENV_MAX_BYTES / BP_SECTOR_BYTES];
	uint32_t sectors = sim->spec.env_bytes / BP_SECTOR_BYTES;

	for (unsigned i = 0; i < 2; i++) {
		int error;

		for (uint32_t s = 0; s < sectors; s++)
			contents[s] = bp_image_get(state, SIM_ENV, (uint64_t)i * sectors + s);
		error = sim_env_copy_of(&sim->env_memo, sim->pool, contents, &copy[i]);
		if (error != 0)
			return error;
	}
	*holding = sim_env_arbitrate(copy[0].good, copy[0].flags, copy[1].good, copy[1].flags);
	return 0;
}

/* ---- E3: slots ---- */

static uint64_t mix_sectors(const struct sim *sim, const struct bp_image *image, unsigned medium, uint64_t first,
			    uint64_t sectors, uint64_t h)
{
	for (uint64_t s = first; s < first + sectors; s++)
		h = mix(h, bp_pool_hash(sim->pool, bp_image_get(image, medium, s)));
	return h;
}

/* The durable chunks of an unwritten slot, and the stash that goes with them. */
static uint64_t mix_durable(const struct sim *sim, const struct bp_image *image, unsigned slot,
			    const struct sim_record *record, uint64_t h)
{
	uint64_t chunk = sim->spec.chunk_bytes / BP_SECTOR_BYTES, rootfs = sim->spec.slot_kib * 2u;
	uint64_t kernel = sim->spec.kernel_kib * 2u, tail = sim->spec.tail_kib * 2u;
	uint64_t rootfs_chunks = (rootfs + chunk - 1) / chunk, done = record->chunks_done;
	uint64_t live = done * chunk < rootfs ? done * chunk : rootfs;
	uint64_t stash = OTA_IMAGES_MAX * HEADER_SECTORS;

	if (record->phase == OTA_PHASE_IDLE || record->target != (char)('A' + (int)slot) || done == 0)
		return mix(h, 0);
	h = mix(h, done);
	if (live > HEADER_SECTORS)
		h = mix_sectors(sim, image, SIM_SLOT_A + slot, HEADER_SECTORS, live - HEADER_SECTORS, h);
	if (done > rootfs_chunks && kernel != 0) {
		live = (done - rootfs_chunks) * chunk;
		live = live < kernel ? live : kernel;
		if (live > HEADER_SECTORS)
			h = mix_sectors(sim, image, SIM_KERNEL_A + slot, HEADER_SECTORS, live - HEADER_SECTORS, h);
	}
	return tail > stash ? mix_sectors(sim, image, SIM_SLOT_A + slot, rootfs + tail - stash, stash, h) : h;
}

static uint64_t mix_region(const struct bp_image *image, unsigned region, uint64_t h)
{
	struct bp_hash hash = bp_image_region_hash(image, region);

	return mix(mix(h, hash.lo), hash.hi);
}

static bool zeros(const struct bp_image *image, unsigned medium, uint64_t first, uint64_t sectors)
{
	for (uint64_t s = first; s < first + sectors; s++) {
		if (bp_image_get(image, medium, s) != 0)
			return false;
	}
	return true;
}

/* A descriptor ends in the SHA-256 over the rest of its block (core/include/ota/slot.h): 1 if it does, 0 if not, or
 * -ENOMEM. */
static int descriptor_good(struct sim *sim, const struct bp_image *image, unsigned slot)
{
	uint32_t contents[DESCRIPTOR_SECTORS];
	uint8_t raw[OTA_SLOT_DESCRIPTOR_BYTES], sum[SHA256_DIGEST_LENGTH];
	bool found, *good;

	for (unsigned s = 0; s < DESCRIPTOR_SECTORS; s++)
		contents[s] = bp_image_get(image, SIM_SLOT_A + slot, sim->spec.slot_kib * 2u + s);
	good = sim_memo_at(&sim->descriptor_memo, contents, &found);
	if (good == NULL)
		return -ENOMEM;
	if (!found) {
		bp_image_read(image, SIM_SLOT_A + slot, sim->spec.slot_kib * 2u, DESCRIPTOR_SECTORS, raw);
		SHA256(raw, sizeof raw - sizeof sum, sum);
		*good = memcmp(raw + sizeof raw - sizeof sum, sum, sizeof sum) == 0;
	}
	return *good;
}

/* Nobody will read it whole: the bootloader cannot or must not start it, and no journal says that it is written. */
static bool slot_unread(const struct sim *sim, const struct bp_image *image, unsigned slot,
			const struct sim_env_copy *env, const struct sim_record *record)
{
	char name = (char)('A' + (int)slot);
	unsigned medium = (sim->spec.kernel_kib != 0 ? SIM_KERNEL_A : SIM_SLOT_A) + slot;
	bool barred = env->good && env->boot.barred == name && env->boot.slot != name;

	if (record->phase == OTA_PHASE_WRITTEN && record->target == name)
		return false;
	return barred || bp_image_get(image, medium, 0) == 0;
}

static int mix_slot(struct sim *sim, const struct bp_image *image, unsigned slot, const struct sim_env_copy *env,
		    const struct sim_record *record, uint64_t *h)
{
	uint64_t descriptor = sim->spec.slot_kib * 2u;
	int good;

	if (!slot_unread(sim, image, slot, env, record)) {
		*h = mix_region(image, SIM_REGION_ROOTFS_A + slot, *h);
		*h = mix_region(image, SIM_REGION_TAIL_A + slot, *h);
		if (sim->spec.kernel_kib != 0)
			*h = mix_region(image, SIM_REGION_KERNEL_A + slot, *h);
		return 0;
	}
	good = descriptor_good(sim, image, slot);
	if (good < 0)
		return good;
	*h = mix(*h, zeros(image, SIM_SLOT_A + slot, 0, HEADER_SECTORS));
	*h = mix(*h, zeros(image, SIM_SLOT_A + slot, descriptor, DESCRIPTOR_SECTORS));
	*h = good != 0 ? mix_sectors(sim, image, SIM_SLOT_A + slot, descriptor, DESCRIPTOR_SECTORS, *h) : mix(*h, 7);
	if (sim->spec.kernel_kib != 0)
		*h = mix(*h, zeros(image, SIM_KERNEL_A + slot, 0, HEADER_SECTORS));
	*h = mix_durable(sim, image, slot, record, *h);
	return 0;
}

/* ---- E4: what the outside saw, with ids renamed in order of appearance ---- */

static size_t first_with_id(const struct bp_world *world, size_t event)
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
static size_t rank_of(const struct bp_world *world, size_t first)
{
	size_t rank = 0;

	for (size_t i = 0; i < first; i++)
		rank += first_with_id(world, i) == i;
	return rank;
}

static uint64_t mix_world(const struct bp_world *world, uint64_t h)
{
	for (size_t i = 0; i < world->count; i++) {
		size_t first = first_with_id(world, i);
		const char *after = strchr(world->events[i], ':');

		/* The same report again, word for word, changes nothing. */
		if (first < i && strcmp(world->events[first], world->events[i]) == 0)
			continue;
		if (after != NULL)
			after = strchr(after + 1, ':');
		h = mix_text(mix(h, rank_of(world, first)), after != NULL ? after : world->events[i]);
	}
	return h;
}

static bool delivered(const struct bp_world *world, uint64_t id)
{
	for (size_t i = 0; i < world->count; i++) {
		const char *colon = strchr(world->events[i], ':');

		if (colon != NULL && strtoull(colon + 1, NULL, 16) == id)
			return true;
	}
	return false;
}

int sim_canon(struct sim *sim, const struct bp_image *state, const struct bp_world *before, struct bp_hash *out)
{
	struct sim_env_copy copy[2], env = {.good = false};
	struct sim_record record;
	uint64_t h = 0x243f6a8885a308d3u;
	int holding, error = sim_state_env(sim, state, copy, &holding);

	if (error == 0)
		error = sim_state_record(sim, state, &record);
	if (error != 0)
		return error;
	if (holding >= 0)
		env = copy[holding];
	h = mix(mix(h, env.good), env.hash);
	h = mix(h, env.boot.attempts < env.boot.limit ? env.boot.attempts : env.boot.limit);
	h = mix(h, copy[holding == 0 ? 1 : 0].good);
	h = mix(mix(h, record.good), record.hash);
	h = mix(h, env.trial_id == 0 ? 0 : env.trial_id == record.trial_id ? 1 : 2);
	h = mix(h, record.trial_id != 0);
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++)
		h = mix(h, record.outbox[i] != 0 && delivered(before, record.outbox[i]));
	for (unsigned slot = 0; slot < 2; slot++) {
		error = mix_slot(sim, state, slot, &env, &record, &h);
		if (error != 0)
			return error;
	}
	h = mix_region(state, SIM_REGION_DATA, h);
	out->lo = mix_world(before, h);
	out->hi = mix(out->lo, h);
	return 0;
}
