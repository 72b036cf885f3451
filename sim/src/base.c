/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static void add_medium(struct sim *sim, const char *name, size_t size_bytes, bool bulk)
{
	struct bp_medium *m = &sim->layout.media[sim->layout.count];

	(void)snprintf(m->name, sizeof m->name, "%s", name);
	m->sectors = size_bytes / BP_SECTOR_BYTES;
	m->model = sim->spec.model[sim->layout.count];
	m->bulk = bulk;
	sim->layout.count++;
}

static void make_layout(struct sim *sim)
{
	size_t slot_bytes = (size_t)(sim->spec.slot_kib + sim->spec.tail_kib) * 1024;

	add_medium(sim, "slot-a", slot_bytes, true);
	add_medium(sim, "slot-b", slot_bytes, true);
	add_medium(sim, "env", 2 * (size_t)sim->spec.env_bytes, false);
	add_medium(sim, "state", OTA_STATE_BYTES, false);
	add_medium(sim, "data", SIM_DATA_SECTORS * BP_SECTOR_BYTES, false);
	if (sim->spec.kernel_kib != 0) {
		add_medium(sim, "kernel-a", (size_t)sim->spec.kernel_kib * 1024, true);
		add_medium(sim, "kernel-b", (size_t)sim->spec.kernel_kib * 1024, true);
	}
}

static int add_region(struct bp_image *image, const char *name, unsigned medium, uint64_t first, uint64_t sectors)
{
	struct bp_region region = {.medium = medium, .first = first, .sectors = sectors};
	unsigned index;

	(void)snprintf(region.name, sizeof region.name, "%s", name);
	return bp_image_region_add(image, &region, &index);
}

/* In the order of enum sim_region; without kernels their regions are empty places on "data". */
static int add_regions(struct sim *sim, struct bp_image *image)
{
	uint64_t rootfs = sim->spec.slot_kib * 2u, tail = sim->spec.tail_kib * 2u, kernel = sim->spec.kernel_kib * 2u;
	unsigned kernel_a = kernel != 0 ? SIM_KERNEL_A : SIM_DATA, kernel_b = kernel != 0 ? SIM_KERNEL_B : SIM_DATA;
	int error = add_region(image, "rootfs-a", SIM_SLOT_A, 0, rootfs);

	if (error == 0)
		error = add_region(image, "rootfs-b", SIM_SLOT_B, 0, rootfs);
	if (error == 0)
		error = add_region(image, "tail-a", SIM_SLOT_A, rootfs, tail);
	if (error == 0)
		error = add_region(image, "tail-b", SIM_SLOT_B, rootfs, tail);
	if (error == 0)
		error = add_region(image, "kernel-a", kernel_a, 0, kernel != 0 ? kernel : 1);
	if (error == 0)
		error = add_region(image, "kernel-b", kernel_b, 0, kernel != 0 ? kernel : 1);
	if (error == 0)
		error = add_region(image, "data", SIM_DATA, 0, SIM_DATA_SECTORS);
	return error;
}

static void put_blob(struct bp_image *image, unsigned medium, const struct sim_blob *blob)
{
	for (size_t s = 0; blob->data != NULL && s < blob->size_bytes / BP_SECTOR_BYTES; s++)
		bp_image_set(image, medium, s, blob->contents[s]);
}

static void put_version(struct bp_image *image, unsigned slot, const struct sim_version *v)
{
	put_blob(image, SIM_SLOT_A + slot, &v->rootfs);
	put_blob(image, SIM_KERNEL_A + slot, &v->kernel);
}

/* What every version's region hashes are, in either slot: a slot is recognised without looking at it. */
static int learn_hashes(struct sim *sim)
{
	for (unsigned slot = 0; slot < 2; slot++) {
		sim->blank[slot][0] = bp_image_region_hash(sim->base, SIM_REGION_ROOTFS_A + slot);
		sim->blank[slot][1] = bp_image_region_hash(sim->base, SIM_REGION_KERNEL_A + slot);
		for (unsigned v = 0; v < SIM_VERSIONS; v++) {
			int error = bp_image_push(sim->base);

			if (error != 0)
				return error;
			put_version(sim->base, slot, &sim->versions[v]);
			sim->known[slot][0][v] = bp_image_region_hash(sim->base, SIM_REGION_ROOTFS_A + slot);
			sim->known[slot][1][v] = bp_image_region_hash(sim->base, SIM_REGION_KERNEL_A + slot);
			bp_image_pop(sim->base);
		}
	}
	return 0;
}

static int put_env(struct sim *sim, const struct sim_env *env, uint8_t flags, unsigned copy)
{
	uint8_t raw[SIM_ENV_MAX_BYTES];
	uint32_t sectors = sim->spec.env_bytes / BP_SECTOR_BYTES;
	int error = sim_env_encode(env, flags, raw, sim->spec.env_bytes);

	if (error != 0)
		return error;
	if ((sim->spec.env_bad & 1u << copy) != 0)
		memset(raw + BP_SECTOR_BYTES / 2, 0xff, BP_SECTOR_BYTES / 2); /* torn */
	return bp_image_write(sim->base, SIM_ENV, (uint64_t)copy * sectors, sectors, raw);
}

/* The environment as it left the factory, with variables that are none of the updater's business. */
static int factory_env(struct sim *sim, const char *slot)
{
	static const char *const others[] = {"bootdelay=0", SIM_ENV_KEPT, "console=ttyS0,115200"};
	struct sim_env env = {.count = 0};
	uint32_t sectors = sim->spec.env_bytes / BP_SECTOR_BYTES;
	uint8_t raw[SIM_ENV_MAX_BYTES];
	int error = sim_env_set(&env, slot);

	for (unsigned i = 0; error == 0 && i < sizeof others / sizeof others[0]; i++)
		error = sim_env_set(&env, others[i]);
	for (unsigned copy = 0; error == 0 && copy < 2; copy++) {
		error = sim_env_encode(&env, (uint8_t)(1 - copy), raw, sim->spec.env_bytes);
		if (error == 0)
			error = bp_image_write(sim->base, SIM_ENV, (uint64_t)copy * sectors, sectors, raw);
	}
	return error;
}

/* Both copies anew from the one that holds: copy 0 holds with the counter that the story asks for. */
static int story_env(struct sim *sim)
{
	uint8_t raw[2][SIM_ENV_MAX_BYTES];
	uint32_t sectors = sim->spec.env_bytes / BP_SECTOR_BYTES;
	struct sim_env copy[2];
	int holding, error;

	for (unsigned i = 0; i < 2; i++) {
		bp_image_read(sim->base, SIM_ENV, (uint64_t)i * sectors, sectors, raw[i]);
		sim_env_parse(raw[i], sim->spec.env_bytes, &copy[i]);
	}
	holding = sim_env_arbitrate(copy[0].good, copy[0].flags, copy[1].good, copy[1].flags);
	if (holding < 0)
		return -EPROTO;
	error = put_env(sim, &copy[holding], sim->spec.env_counter, 0);
	if (error == 0)
		error = put_env(sim, &copy[holding], (uint8_t)(sim->spec.env_counter - 1), 1);
	return error;
}

static int data_canary(struct sim *sim)
{
	uint8_t data[SIM_DATA_SECTORS * BP_SECTOR_BYTES];
	uint64_t x = sim->spec.seed * 2 + 1;

	for (size_t i = 0; i < sizeof data; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(x >> 56);
	}
	return bp_image_write(sim->base, SIM_DATA, 0, SIM_DATA_SECTORS, data);
}

/* An earlier update in the device's life, through the same code as the story's: base becomes what it leaves. */
static int earlier_update(struct sim *sim, int version, const char *ends_in)
{
	struct sim_spec story = sim->spec;
	struct bp_outcome out;
	uint8_t *file;
	size_t file_bytes;
	int error = sim_bundle_make(&sim->versions[version], &sim->spec, SIM_LIE_NONE, &file, &file_bytes);

	if (error != 0)
		return error;
	sim->spec.bundle_lie = SIM_LIE_NONE;
	sim->spec.quick_cycles = 0;
	sim->spec.report_down = 0;
	sim->allowed = ~0u;
	sim->world.file = file;
	sim->world.file_bytes = file_bytes;
	(void)snprintf(sim->world.etag, sizeof sim->world.etag, "\"%s\"", sim->versions[version].version);
	sim_run_prepare(sim, sim->base, NULL);
	error = sim_run_until_idle(sim, &out);
	sim->spec = story;
	sim->world.file = NULL;
	free(file);
	if (error != 0)
		return error;
	if (out.verdict != BP_PASS || strcmp(out.label, ends_in) != 0) {
		sim_outcome_fail(&out, "I6", "an earlier update to %s ended in %s", sim->versions[version].version,
				 out.label);
		sim->prelude = out;
	}
	sim_dev_store(&sim->device, sim->base);
	return 0;
}

static int earlier_life(struct sim *sim)
{
	int error;

	if (sim->spec.slot_b_empty) {
		put_version(sim->base, 0, &sim->versions[SIM_OLD]);
		return factory_env(sim, "ota_slot=A");
	}
	put_version(sim->base, 1, &sim->versions[SIM_FACTORY]);
	error = factory_env(sim, "ota_slot=B");
	if (error == 0)
		error = earlier_update(sim, SIM_OLD, "old");
	if (error == 0 && sim->spec.after_rollback && sim->prelude.verdict == BP_PASS)
		error = earlier_update(sim, SIM_BAD, "old");
	if (error == 0 && sim->spec.committed && sim->prelude.verdict == BP_PASS)
		error = earlier_update(sim, SIM_NEW, "new");
	return error;
}

static int make_versions(struct sim *sim)
{
	int error = 0;

	sim->versions[SIM_FACTORY] = (struct sim_version){"factory", "1.0", 10, SIM_IMAGE_GOOD, {0}, {0}};
	sim->versions[SIM_OLDER] = (struct sim_version){"older", "1.5", 15, SIM_IMAGE_GOOD, {0}, {0}};
	sim->versions[SIM_OLD] = (struct sim_version){"old", "2.0", 20, SIM_IMAGE_GOOD, {0}, {0}};
	sim->versions[SIM_BAD] = (struct sim_version){"bad", "2.5", 25, SIM_IMAGE_HEALTH_FAILS, {0}, {0}};
	sim->versions[SIM_NEW] = (struct sim_version){"new", "3.0", 30, sim->spec.new_kind, {0}, {0}};
	for (unsigned v = 0; v < SIM_VERSIONS && error == 0; v++)
		error = sim_version_make(&sim->versions[v], &sim->spec, sim->pool);
	return error;
}

/* What the story's server offers, and what may run because of it. */
static int make_offer(struct sim *sim)
{
	enum sim_lie lie = sim->spec.bundle_lie;
	int error;

	sim->offered = sim->spec.downgrade ? SIM_OLDER : SIM_NEW;
	sim->allowed = 1u << SIM_OLD;
	if (!sim->spec.downgrade && (lie == SIM_LIE_NONE || lie == SIM_LIE_FLAKY_CHUNK))
		sim->allowed |= 1u << SIM_NEW;
	sim->world.file = NULL;
	if (!sim->spec.serve)
		return 0;
	(void)snprintf(sim->world.etag, sizeof sim->world.etag, "\"%s\"", sim->versions[sim->offered].version);
	error = sim_bundle_make(&sim->versions[sim->offered], &sim->spec, lie, &sim->file, &sim->file_bytes);
	if (error == 0)
		sim->corrupt_at = sim_bundle_corrupt_at(sim->file);
	return error;
}

int sim_base_make(struct sim *sim)
{
	int error;

	make_layout(sim);
	error = bp_pool_new(&sim->pool);
	if (error == 0)
		error = bp_image_new(&sim->layout, sim->pool, &sim->base);
	if (error == 0)
		error = add_regions(sim, sim->base);
	if (error == 0)
		error = sim_dev_init(&sim->device, &sim->layout, sim->pool);
	if (error == 0)
		error = make_versions(sim);
	if (error != 0)
		return error;
	sim->world.device = &sim->device;
	for (unsigned i = 0; i < 2; i++) {
		sim->env_place.block[i] = sim_dev_block(&sim->device, SIM_ENV);
		sim->env_place.offset_bytes[i] = (uint64_t)i * sim->spec.env_bytes;
	}
	sim->env_place.env_bytes = sim->spec.env_bytes;
	error = learn_hashes(sim);
	if (error == 0)
		error = data_canary(sim);
	if (error == 0)
		error = earlier_life(sim);
	if (error == 0)
		error = story_env(sim);
	if (error == 0)
		error = make_offer(sim);
	sim->world.file = sim->file;
	sim->world.file_bytes = sim->file_bytes;
	sim->data_hash = bp_image_region_hash(sim->base, SIM_REGION_DATA);
	return error;
}
