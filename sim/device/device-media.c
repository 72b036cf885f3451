/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated device's layout, and its media before the story begins. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device-private.h"

static void add_medium(struct yp_sim *sim, const char *name, size_t size_bytes, bool bulk)
{
	struct yp_medium *m = &sim->layout.media[sim->layout.count];

	(void)snprintf(m->name, sizeof m->name, "%s", name);
	m->sectors = size_bytes / YP_SECTOR_BYTES;
	m->model = sim->spec.model[sim->layout.count];
	m->bulk = bulk;
	sim->layout.count++;
}

static void make_layout(struct yp_sim *sim)
{
	size_t slot_bytes = (size_t)(sim->spec.slot_kib + sim->spec.tail_kib) * 1024;

	add_medium(sim, "slot-a", slot_bytes, true);
	add_medium(sim, "slot-b", slot_bytes, true);
	add_medium(sim, "env", 2 * (size_t)sim->spec.env_bytes, false);
	add_medium(sim, "state", OTA_STATE_BYTES, false);
	add_medium(sim, "data", YP_SIM_DATA_SECTORS * YP_SECTOR_BYTES, false);
	if (sim->spec.kernel_kib != 0) {
		add_medium(sim, "kernel-a", (size_t)sim->spec.kernel_kib * 1024, true);
		add_medium(sim, "kernel-b", (size_t)sim->spec.kernel_kib * 1024, true);
	}
}

static int add_region(struct yp_image *image, const char *name, unsigned medium, uint64_t first, uint64_t sectors)
{
	struct yp_region region = {.medium = medium, .first = first, .sectors = sectors};
	unsigned index;

	(void)snprintf(region.name, sizeof region.name, "%s", name);
	return yp_image_region_add(image, &region, &index);
}

/* In the order of enum yp_sim_region; without kernels their regions are empty places on "data". */
static int add_regions(struct yp_sim *sim, struct yp_image *image)
{
	uint64_t rootfs = sim->spec.slot_kib * 2u, tail = sim->spec.tail_kib * 2u, kernel = sim->spec.kernel_kib * 2u;
	unsigned kernel_a = kernel != 0 ? YP_SIM_KERNEL_A : YP_SIM_DATA,
		 kernel_b = kernel != 0 ? YP_SIM_KERNEL_B : YP_SIM_DATA;
	int error = add_region(image, "rootfs-a", YP_SIM_SLOT_A, 0, rootfs);

	if (error == 0)
		error = add_region(image, "rootfs-b", YP_SIM_SLOT_B, 0, rootfs);
	if (error == 0)
		error = add_region(image, "tail-a", YP_SIM_SLOT_A, rootfs, tail);
	if (error == 0)
		error = add_region(image, "tail-b", YP_SIM_SLOT_B, rootfs, tail);
	if (error == 0)
		error = add_region(image, "kernel-a", kernel_a, 0, kernel != 0 ? kernel : 1);
	if (error == 0)
		error = add_region(image, "kernel-b", kernel_b, 0, kernel != 0 ? kernel : 1);
	if (error == 0)
		error = add_region(image, "data", YP_SIM_DATA, 0, YP_SIM_DATA_SECTORS);
	return error;
}

static void put_blob(struct yp_image *image, unsigned medium, const struct yp_sim_blob *blob)
{
	for (size_t s = 0; blob->data != NULL && s < blob->size_bytes / YP_SECTOR_BYTES; s++)
		yp_image_set(image, medium, s, blob->contents[s]);
}

static void put_version(struct yp_image *image, unsigned slot, const struct yp_sim_version *v)
{
	put_blob(image, YP_SIM_SLOT_A + slot, &v->rootfs);
	put_blob(image, YP_SIM_KERNEL_A + slot, &v->kernel);
}

/* The region hashes of every version in either slot: a slot is recognised by hash, without reading it. */
static int learn_hashes(struct yp_sim *sim)
{
	for (unsigned slot = 0; slot < 2; slot++) {
		sim->blank[slot][0] = yp_image_region_hash(sim->base, YP_SIM_REGION_ROOTFS_A + slot);
		sim->blank[slot][1] = yp_image_region_hash(sim->base, YP_SIM_REGION_KERNEL_A + slot);
		for (unsigned v = 0; v < YP_SIM_VERSIONS; v++) {
			int error = yp_image_push(sim->base);

			if (error != 0)
				return error;
			put_version(sim->base, slot, &sim->versions[v]);
			sim->known[slot][0][v] = yp_image_region_hash(sim->base, YP_SIM_REGION_ROOTFS_A + slot);
			sim->known[slot][1][v] = yp_image_region_hash(sim->base, YP_SIM_REGION_KERNEL_A + slot);
			yp_image_pop(sim->base);
		}
	}
	return 0;
}

static int put_env(struct yp_sim *sim, const struct yp_sim_env *env, uint8_t flags, unsigned copy)
{
	uint8_t raw[YP_SIM_ENV_MAX_BYTES];
	uint32_t sectors = sim->spec.env_bytes / YP_SECTOR_BYTES;
	int error = yp_sim_env_encode(env, flags, raw, sim->spec.env_bytes);

	if (error != 0)
		return error;
	if ((sim->spec.env_bad & 1u << copy) != 0)
		memset(raw + YP_SECTOR_BYTES / 2, 0xff, YP_SECTOR_BYTES / 2); /* torn */
	return yp_image_write(sim->base, YP_SIM_ENV, (uint64_t)copy * sectors, sectors, raw);
}

/* The factory's environment, with variables that do not belong to the updater. */
static int factory_env(struct yp_sim *sim, const char *slot)
{
	static const char *const others[] = {"bootdelay=0", YP_SIM_ENV_KEPT, "console=ttyS0,115200"};
	struct yp_sim_env env = {.count = 0};
	uint32_t sectors = sim->spec.env_bytes / YP_SECTOR_BYTES;
	uint8_t raw[YP_SIM_ENV_MAX_BYTES];
	int error = yp_sim_env_set(&env, slot);

	for (unsigned i = 0; error == 0 && i < sizeof others / sizeof others[0]; i++)
		error = yp_sim_env_set(&env, others[i]);
	for (unsigned copy = 0; error == 0 && copy < 2; copy++) {
		error = yp_sim_env_encode(&env, (uint8_t)(1 - copy), raw, sim->spec.env_bytes);
		if (error == 0)
			error = yp_image_write(sim->base, YP_SIM_ENV, (uint64_t)copy * sectors, sectors, raw);
	}
	return error;
}

/* Both copies anew from the one that holds: copy 0 holds, with the story's counter. */
static int story_env(struct yp_sim *sim)
{
	uint8_t raw[2][YP_SIM_ENV_MAX_BYTES];
	uint32_t sectors = sim->spec.env_bytes / YP_SECTOR_BYTES;
	struct yp_sim_env copy[2];
	int holding, error;

	for (unsigned i = 0; i < 2; i++) {
		yp_image_read(sim->base, YP_SIM_ENV, (uint64_t)i * sectors, sectors, raw[i]);
		yp_sim_env_parse(raw[i], sim->spec.env_bytes, &copy[i]);
	}
	holding = yp_sim_env_arbitrate(copy[0].good, copy[0].flags, copy[1].good, copy[1].flags);
	if (holding < 0)
		return -EPROTO;
	error = put_env(sim, &copy[holding], sim->spec.env_counter, 0);
	if (error == 0)
		error = put_env(sim, &copy[holding], (uint8_t)(sim->spec.env_counter - 1), 1);
	return error;
}

static int data_canary(struct yp_sim *sim)
{
	uint8_t data[YP_SIM_DATA_SECTORS * YP_SECTOR_BYTES];
	uint64_t x = sim->spec.seed * 2 + 1;

	for (size_t i = 0; i < sizeof data; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(x >> 56);
	}
	return yp_image_write(sim->base, YP_SIM_DATA, 0, YP_SIM_DATA_SECTORS, data);
}

/* An earlier update in the device's life, through the same code as the story's: base becomes what it leaves. */
static int earlier_update(struct yp_sim *sim, int version, const char *ends_in)
{
	struct yp_sim_spec story = sim->spec;
	struct yp_outcome out;
	uint8_t *file;
	size_t file_bytes;
	int error = yp_sim_bundle_make(&sim->versions[version], &sim->spec, YP_SIM_LIE_NONE, &file, &file_bytes);

	if (error != 0)
		return error;
	sim->spec.bundle_lie = YP_SIM_LIE_NONE;
	sim->spec.quick_cycles = 0;
	sim->spec.report_down = 0;
	sim->allowed = ~0u;
	sim->world.file = file;
	sim->world.file_bytes = file_bytes;
	(void)snprintf(sim->world.etag, sizeof sim->world.etag, "\"%s\"", sim->versions[version].version);
	yp_sim_run_prepare(sim, sim->base, NULL);
	error = yp_sim_run_until_idle(sim, &out);
	sim->spec = story;
	sim->world.file = NULL;
	free(file);
	if (error != 0)
		return error;
	if (out.verdict != YP_PASS || strcmp(out.label, ends_in) != 0) {
		yp_outcome_fail(&out, YP_I6, "an earlier update to %s ended in %s", sim->versions[version].version,
				out.label);
		sim->prelude = out;
	}
	yp_sim_dev_store(&sim->device, sim->base);
	return 0;
}

static int earlier_life(struct yp_sim *sim)
{
	int error;

	if (sim->spec.slot_b_empty) {
		put_version(sim->base, 0, &sim->versions[YP_SIM_OLD]);
		return factory_env(sim, "ota_slot=A");
	}
	put_version(sim->base, 1, &sim->versions[YP_SIM_FACTORY]);
	error = factory_env(sim, "ota_slot=B");
	if (error == 0)
		error = earlier_update(sim, YP_SIM_OLD, "old");
	if (error == 0 && sim->spec.after_rollback && sim->prelude.verdict == YP_PASS)
		error = earlier_update(sim, YP_SIM_BAD, "old");
	if (error == 0 && sim->spec.committed && sim->prelude.verdict == YP_PASS)
		error = earlier_update(sim, YP_SIM_NEW, "new");
	return error;
}

static int make_versions(struct yp_sim *sim)
{
	int error = 0;

	sim->versions[YP_SIM_FACTORY] = (struct yp_sim_version){"factory", "1.0", 10, YP_SIM_IMAGE_GOOD, {0}, {0}};
	sim->versions[YP_SIM_OLDER] = (struct yp_sim_version){"older", "1.5", 15, YP_SIM_IMAGE_GOOD, {0}, {0}};
	sim->versions[YP_SIM_OLD] = (struct yp_sim_version){"old", "2.0", 20, YP_SIM_IMAGE_GOOD, {0}, {0}};
	sim->versions[YP_SIM_BAD] = (struct yp_sim_version){"bad", "2.5", 25, YP_SIM_IMAGE_HEALTH_FAILS, {0}, {0}};
	sim->versions[YP_SIM_NEW] = (struct yp_sim_version){"new", "3.0", 30, sim->spec.new_kind, {0}, {0}};
	for (unsigned v = 0; v < YP_SIM_VERSIONS && error == 0; v++)
		error = yp_sim_version_make(&sim->versions[v], &sim->spec, sim->pool);
	return error;
}

/* The version that the story's server offers, and the versions that may run because of it. */
static int make_offer(struct yp_sim *sim)
{
	enum yp_sim_lie lie = sim->spec.bundle_lie;
	int error;

	sim->offered = sim->spec.downgrade ? YP_SIM_OLDER : YP_SIM_NEW;
	sim->allowed = 1u << YP_SIM_OLD;
	if (!sim->spec.downgrade && (lie == YP_SIM_LIE_NONE || lie == YP_SIM_LIE_FLAKY_CHUNK))
		sim->allowed |= 1u << YP_SIM_NEW;
	sim->world.file = NULL;
	if (!sim->spec.serve)
		return 0;
	(void)snprintf(sim->world.etag, sizeof sim->world.etag, "\"%s\"", sim->versions[sim->offered].version);
	error = yp_sim_bundle_make(&sim->versions[sim->offered], &sim->spec, lie, &sim->file, &sim->file_bytes);
	if (error == 0)
		sim->corrupt_at = yp_sim_bundle_corrupt_at(sim->file);
	return error;
}

int yp_sim_base_make(struct yp_sim *sim)
{
	int error;

	make_layout(sim);
	error = yp_pool_new(&sim->pool);
	if (error == 0)
		error = yp_image_new(&sim->layout, sim->pool, &sim->base);
	if (error == 0)
		error = add_regions(sim, sim->base);
	if (error == 0)
		error = yp_sim_dev_init(&sim->device, &sim->layout, sim->pool);
	if (error == 0)
		error = make_versions(sim);
	if (error != 0)
		return error;
	sim->world.device = &sim->device;
	for (unsigned i = 0; i < 2; i++) {
		sim->env_place.block[i] = yp_sim_dev_block(&sim->device, YP_SIM_ENV);
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
	sim->data_hash = yp_image_region_hash(sim->base, YP_SIM_REGION_DATA);
	return error;
}
