/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "internal.h"

#define HEADER_SECTORS     (OTA_SLOT_HEADER_BYTES / BP_SECTOR_BYTES)
#define DESCRIPTOR_SECTORS (OTA_SLOT_DESCRIPTOR_BYTES / BP_SECTOR_BYTES)

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
		h = sim_mix(h, bp_pool_hash(sim->pool, bp_image_get(image, medium, s)));
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
		return sim_mix(h, 0);
	h = sim_mix(h, done);
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

	return sim_mix(sim_mix(h, hash.lo), hash.hi);
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
	*h = sim_mix(*h, zeros(image, SIM_SLOT_A + slot, 0, HEADER_SECTORS));
	*h = sim_mix(*h, zeros(image, SIM_SLOT_A + slot, descriptor, DESCRIPTOR_SECTORS));
	*h =
	    good != 0 ? mix_sectors(sim, image, SIM_SLOT_A + slot, descriptor, DESCRIPTOR_SECTORS, *h) : sim_mix(*h, 7);
	if (sim->spec.kernel_kib != 0)
		*h = sim_mix(*h, zeros(image, SIM_KERNEL_A + slot, 0, HEADER_SECTORS));
	*h = mix_durable(sim, image, slot, record, *h);
	return 0;
}

int sim_canon(struct sim *sim, const struct bp_image *state, const struct bp_world *before, struct bp_hash *out)
{
	struct sim_env_copy copy[2], env = {.good = false};
	struct sim_record record;
	uint64_t h = 0x243f6a8885a308d3u;
	int holding, error = sim_state_env(sim, state, copy, &holding);

	if (error == 0)
		error = sim_record_newest(&sim->record_memo, state, SIM_STATE, &record);
	if (error != 0)
		return error;
	if (holding >= 0)
		env = copy[holding];
	h = sim_mix(sim_mix(h, env.good), env.hash);
	h = sim_mix(h, env.boot.attempts < env.boot.limit ? env.boot.attempts : env.boot.limit);
	h = sim_mix(h, copy[holding == 0 ? 1 : 0].good);
	h = sim_mix(sim_mix(sim_mix(h, record.good), record.hash), record.chunks_done);
	h = sim_mix(h, env.trial_id == 0 ? 0 : env.trial_id == record.trial_id ? 1 : 2);
	h = sim_mix(h, record.trial_id != 0);
	for (unsigned i = 0; i < OTA_OUTBOX_MAX; i++)
		h = sim_mix(h, record.outbox[i] != 0 && sim_past_delivered(before, record.outbox[i]));
	for (unsigned slot = 0; slot < 2; slot++) {
		error = mix_slot(sim, state, slot, &env, &record, &h);
		if (error != 0)
			return error;
	}
	h = mix_region(state, SIM_REGION_DATA, h);
	out->lo = sim_past_hash(before, h);
	out->hi = sim_mix(out->lo, h);
	return 0;
}
