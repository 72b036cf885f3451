/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical forms of the simulated device: which of its states behave alike, and why. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device-private.h"

#define HEADER_SECTORS     (OTA_SLOT_HEADER_BYTES / YP_SECTOR_BYTES)
#define DESCRIPTOR_SECTORS (OTA_SLOT_DESCRIPTOR_BYTES / YP_SECTOR_BYTES)

const char *const *yp_sim_equivalences(void)
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

/* ---- E2: the environment ---- */

int yp_sim_state_env(struct yp_sim *sim, const struct yp_image *state, struct yp_sim_env_copy copy[2], int *holding)
{
	uint32_t contents[YP_SIM_ENV_MAX_BYTES / YP_SECTOR_BYTES];
	uint32_t sectors = sim->spec.env_bytes / YP_SECTOR_BYTES;

	for (unsigned i = 0; i < 2; i++) {
		int error;

		for (uint32_t s = 0; s < sectors; s++)
			contents[s] = yp_image_get(state, YP_SIM_ENV, (uint64_t)i * sectors + s);
		error = yp_sim_env_copy_of(sim->subject->boot, &sim->env_memo, sim->pool, contents, &copy[i]);
		if (error != 0)
			return error;
	}
	*holding = yp_sim_env_arbitrate(copy[0].good, copy[0].flags, copy[1].good, copy[1].flags);
	return 0;
}

/* ---- E3: slots ---- */

static uint64_t mix_sectors(const struct yp_sim *sim, const struct yp_image *image, unsigned medium, uint64_t first,
			    uint64_t sectors, uint64_t h)
{
	for (uint64_t s = first; s < first + sectors; s++)
		h = yp_mix(h, yp_pool_hash(sim->pool, yp_image_get(image, medium, s)));
	return h;
}

/* The durable chunks of an unwritten slot, and the stash that goes with them. */
static uint64_t mix_durable(const struct yp_sim *sim, const struct yp_image *image, unsigned slot,
			    const struct yp_subject_record *record, uint64_t h)
{
	uint64_t chunk = sim->spec.chunk_bytes / YP_SECTOR_BYTES, rootfs = sim->spec.slot_kib * 2u;
	uint64_t kernel = sim->spec.kernel_kib * 2u, tail = sim->spec.tail_kib * 2u;
	uint64_t rootfs_chunks = (rootfs + chunk - 1) / chunk, done = record->progress;
	uint64_t live = done * chunk < rootfs ? done * chunk : rootfs;
	uint64_t stash = OTA_IMAGES_MAX * HEADER_SECTORS;

	if (record->phase == YP_RECORD_IDLE || record->target != (char)('A' + (int)slot) || done == 0)
		return yp_mix(h, 0);
	h = yp_mix(h, done);
	if (live > HEADER_SECTORS)
		h = mix_sectors(sim, image, YP_SIM_SLOT_A + slot, HEADER_SECTORS, live - HEADER_SECTORS, h);
	if (done > rootfs_chunks && kernel != 0) {
		live = (done - rootfs_chunks) * chunk;
		live = live < kernel ? live : kernel;
		if (live > HEADER_SECTORS)
			h = mix_sectors(sim, image, YP_SIM_KERNEL_A + slot, HEADER_SECTORS, live - HEADER_SECTORS, h);
	}
	return tail > stash ? mix_sectors(sim, image, YP_SIM_SLOT_A + slot, rootfs + tail - stash, stash, h) : h;
}

static uint64_t mix_region(const struct yp_image *image, unsigned region, uint64_t h)
{
	struct yp_hash hash = yp_image_region_hash(image, region);

	return yp_mix(yp_mix(h, hash.lo), hash.hi);
}

static bool is_zero(const struct yp_image *image, unsigned medium, uint64_t first, uint64_t sectors)
{
	for (uint64_t s = first; s < first + sectors; s++) {
		if (yp_image_get(image, medium, s) != 0)
			return false;
	}
	return true;
}

/* 1 if the slot's descriptor is valid, 0 if not, or -ENOMEM. */
static int check_descriptor(struct yp_sim *sim, const struct yp_image *image, unsigned slot)
{
	uint32_t contents[DESCRIPTOR_SECTORS];
	uint8_t raw[OTA_SLOT_DESCRIPTOR_BYTES];
	uint64_t identity;
	bool found, *good;

	for (unsigned s = 0; s < DESCRIPTOR_SECTORS; s++)
		contents[s] = yp_image_get(image, YP_SIM_SLOT_A + slot, sim->spec.slot_kib * 2u + s);
	good = yp_memo_at(&sim->descriptor_memo, contents, &found);
	if (good == NULL)
		return -ENOMEM;
	if (!found) {
		yp_image_read(image, YP_SIM_SLOT_A + slot, sim->spec.slot_kib * 2u, DESCRIPTOR_SECTORS, raw);
		*good = sim->subject->descriptor->read(raw, &identity);
	}
	return *good;
}

/* It is never read as a whole: the bootloader cannot or must not start it, and no journal marks it as written. */
static bool slot_unread(const struct yp_sim *sim, const struct yp_image *image, unsigned slot,
			const struct yp_sim_env_copy *env, const struct yp_subject_record *record)
{
	char name = (char)('A' + (int)slot);
	unsigned medium = (sim->spec.kernel_kib != 0 ? YP_SIM_KERNEL_A : YP_SIM_SLOT_A) + slot;
	bool barred = env->good && env->boot.barred == name && env->boot.slot != name;

	if (record->phase == YP_RECORD_WRITTEN && record->target == name)
		return false;
	return barred || yp_image_get(image, medium, 0) == 0;
}

static int mix_slot(struct yp_sim *sim, const struct yp_image *image, unsigned slot, const struct yp_sim_env_copy *env,
		    const struct yp_subject_record *record, uint64_t *h)
{
	uint64_t descriptor = sim->spec.slot_kib * 2u;
	int good;

	if (!slot_unread(sim, image, slot, env, record)) {
		*h = mix_region(image, YP_SIM_REGION_ROOTFS_A + slot, *h);
		*h = mix_region(image, YP_SIM_REGION_TAIL_A + slot, *h);
		if (sim->spec.kernel_kib != 0)
			*h = mix_region(image, YP_SIM_REGION_KERNEL_A + slot, *h);
		return 0;
	}
	good = check_descriptor(sim, image, slot);
	if (good < 0)
		return good;
	*h = yp_mix(*h, is_zero(image, YP_SIM_SLOT_A + slot, 0, HEADER_SECTORS));
	*h = yp_mix(*h, is_zero(image, YP_SIM_SLOT_A + slot, descriptor, DESCRIPTOR_SECTORS));
	*h = good != 0 ? mix_sectors(sim, image, YP_SIM_SLOT_A + slot, descriptor, DESCRIPTOR_SECTORS, *h)
		       : yp_mix(*h, 7);
	if (sim->spec.kernel_kib != 0)
		*h = yp_mix(*h, is_zero(image, YP_SIM_KERNEL_A + slot, 0, HEADER_SECTORS));
	*h = mix_durable(sim, image, slot, record, *h);
	return 0;
}

int yp_sim_canon(struct yp_sim *sim, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	struct yp_sim_env_copy copy[2], env = {.good = false};
	struct yp_subject_record record;
	uint64_t h = 0x243f6a8885a308d3u;
	int holding, error = yp_sim_state_env(sim, state, copy, &holding);

	if (error == 0)
		error = sim->subject->records->newest(&sim->record_memo, state, YP_SIM_STATE, &record);
	if (error != 0)
		return error;
	if (holding >= 0)
		env = copy[holding];
	h = yp_mix(yp_mix(h, env.good), env.hash);
	h = yp_mix(h, env.boot.attempts < env.boot.limit ? env.boot.attempts : env.boot.limit);
	h = yp_mix(h, copy[holding == 0 ? 1 : 0].good);
	h = yp_mix(yp_mix(yp_mix(h, record.good), record.hash), record.progress);
	h = yp_mix(h, env.boot.trial_id == 0 ? 0 : env.boot.trial_id == record.trial_id ? 1 : 2);
	h = yp_mix(h, record.trial_id != 0);
	for (unsigned i = 0; i < YP_RECORD_EVENTS_MAX; i++)
		h = yp_mix(h, record.events[i] != 0 && yp_oracle_past_delivered(before, record.events[i]));
	for (unsigned slot = 0; slot < 2; slot++) {
		error = mix_slot(sim, state, slot, &env, &record, &h);
		if (error != 0)
			return error;
	}
	h = mix_region(state, YP_SIM_REGION_DATA, h);
	out->lo = yp_oracle_past_hash(before, h);
	out->hi = yp_mix(out->lo, h);
	return 0;
}
