/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracles. They decode with code of the harness: the environment with uboot-env.c, slots by region hashes of images
 * that sim made, reports word by word. One value comes from the subject's codec: the floor in the state record.
 */
#include <stdio.h>
#include <string.h>

#include "device/device-private.h"

static bool same_hash(struct yp_hash a, struct yp_hash b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* The version that a slot holds whole, kernel included; -1: none; -2: kernel and root filesystem of different versions.
 */
static int slot_version(const struct yp_sim *sim, const struct yp_image *state, unsigned slot)
{
	struct yp_hash rootfs = yp_image_region_hash(state, YP_SIM_REGION_ROOTFS_A + slot);
	struct yp_hash kernel = yp_image_region_hash(state, YP_SIM_REGION_KERNEL_A + slot);

	for (int v = 0; v < YP_SIM_VERSIONS; v++) {
		if (!same_hash(rootfs, sim->known[slot][0][v]))
			continue;
		return sim->spec.kernel_kib == 0 || same_hash(kernel, sim->known[slot][1][v]) ? v : -2;
	}
	return -1;
}

static bool slot_loads(const struct yp_sim *sim, const struct yp_image *state, unsigned slot)
{
	unsigned medium = (sim->spec.kernel_kib != 0 ? YP_SIM_KERNEL_A : YP_SIM_SLOT_A) + slot;

	return memcmp(yp_pool_sector(sim->pool, yp_image_get(state, medium, 0)), YP_SIM_IMAGE_MAGIC,
		      sizeof YP_SIM_IMAGE_MAGIC - 1) == 0;
}

/* I1, I2, I3, I4 of one slot that will or may be booted. */
static void judge_slot(const struct yp_sim *sim, const struct yp_image *state, unsigned slot, const char *when,
		       struct yp_outcome *out)
{
	int version = slot_version(sim, state, slot);

	if (version == -2)
		yp_outcome_fail(out, YP_I2, "slot %c, which %s, holds a kernel of another version", 'A' + (int)slot,
				when);
	else if (version < 0)
		yp_outcome_fail(out, YP_I2, "slot %c, which %s, holds no version whole", 'A' + (int)slot, when);
	else if (sim->versions[version].sequence < sim->versions[YP_SIM_OLD].sequence)
		yp_outcome_fail(out, YP_I4, "slot %c, which %s, holds version %s, below the floor", 'A' + (int)slot,
				when, sim->versions[version].version);
	else if ((sim->allowed & 1u << version) == 0)
		yp_outcome_fail(out, version == YP_SIM_BAD ? YP_I6 : YP_I3,
				"slot %c, which %s, holds version %s, which may not run", 'A' + (int)slot, when,
				sim->versions[version].version);
}

/* I3: every slot that the bootloader may start, now or as a fallback, is whole. */
static void judge_bootable(const struct yp_sim *sim, const struct yp_image *state,
			   const struct yp_sim_boot_variables *v, struct yp_outcome *out)
{
	for (unsigned slot = 0; slot < 2; slot++) {
		char name = (char)('A' + (int)slot);
		bool tried = v->trial && v->slot == name;

		if (slot_version(sim, state, slot) >= 0 ||
		    (!tried && (v->barred == name || !slot_loads(sim, state, slot))))
			continue;
		yp_outcome_fail(out, tried ? YP_I2 : YP_I3, "slot %c %s, but holds no version whole", name,
				tried ? "is on trial" : "is not barred and can be started");
	}
}

static bool is_erased(const uint8_t sector[YP_SECTOR_BYTES])
{
	return sector[0] == 0xff && memcmp(sector, sector + 1, YP_SECTOR_BYTES - 1) == 0;
}

/* I3: no byte of a bundle that must be refused lies in a slot, not even where nothing would boot it. */
static void judge_sectors(const struct yp_sim *sim, const struct yp_image *state, struct yp_outcome *out)
{
	for (unsigned slot = 0; slot < 2; slot++) {
		for (uint64_t s = 0; s < sim->spec.slot_kib * 2u; s++) {
			uint32_t content = yp_image_get(state, YP_SIM_SLOT_A + slot, s);
			bool known = content == 0;

			for (unsigned v = 0; v < YP_SIM_VERSIONS && !known; v++)
				known = content == sim->versions[v].rootfs.contents[s];
			if (known || is_erased(yp_pool_sector(sim->pool, content)))
				continue;
			yp_outcome_fail(out, YP_I3, "sector %u of slot %c holds bytes that nobody signed", (unsigned)s,
					'A' + (int)slot);
			return;
		}
	}
}

/* I4: the floor never rises above what is committed. */
static int judge_floor(struct yp_sim *sim, const struct yp_image *state, const struct yp_sim_boot_variables *v,
		       struct yp_outcome *out)
{
	unsigned committed = yp_sim_slot_index(v->slot);
	struct yp_subject_record record;
	int version, error = sim->subject->records->newest(&sim->record_memo, state, YP_SIM_STATE, &record);

	if (error != 0)
		return error;
	if (v->trial || v->barred == v->slot)
		committed = 1 - committed;
	version = slot_version(sim, state, committed);
	if (record.good && version >= 0 && record.floor > sim->versions[version].sequence)
		yp_outcome_fail(out, YP_I4, "the version floor is %u, but the committed version is %s (%u)",
				(unsigned)record.floor, sim->versions[version].version,
				(unsigned)sim->versions[version].sequence);
	return 0;
}

int yp_sim_judge_state(struct yp_sim *sim, const struct yp_image *state, const struct yp_world *before,
		       struct yp_outcome *out)
{
	struct yp_sim_env_copy copy[2];
	struct yp_sim_boot_variables v;
	struct yp_sim_decision d;
	unsigned selected, other;
	bool committed;
	int holding, error = yp_sim_state_env(sim, state, copy, &holding);

	if (error != 0)
		return error;
	if (holding >= 0)
		v = copy[holding].boot;
	else
		sim->subject->boot->read(NULL, &v);
	selected = yp_sim_slot_index(v.slot);
	other = 1 - selected;
	if (holding < 0 && sim->spec.env_bad != 3)
		yp_outcome_fail(out, YP_I1, "both copies of the boot environment are bad");
	if (holding >= 0 && sim->spec.env_bad != 3 && !copy[holding].kept)
		yp_outcome_fail(out, YP_I8, "the boot environment lost variables that are not the updater's");
	d = sim->subject->boot->decide(&v, slot_loads(sim, state, selected), slot_loads(sim, state, other));
	if (d.boots == YP_SIM_BOOTS_HALT)
		yp_outcome_fail(out, YP_I1, "the bootloader would find no slot to boot");
	else
		judge_slot(sim, state, d.boots == YP_SIM_BOOTS_OTHER ? other : selected, "the bootloader would boot",
			   out);
	if (v.trial)
		judge_slot(sim, state, other, "the trial falls back to", out);
	judge_bootable(sim, state, &v, out);
	if (sim->spec.bundle_lie != YP_SIM_LIE_NONE)
		judge_sectors(sim, state, out);
	error = judge_floor(sim, state, &v, out);
	if (error != 0)
		return error;
	if (!same_hash(yp_image_region_hash(state, YP_SIM_REGION_DATA), sim->data_hash))
		yp_outcome_fail(out, YP_I8, "the data partition changed");
	committed = !v.trial && slot_version(sim, state, selected) == YP_SIM_NEW;
	if (committed && strcmp(out->label, sim->versions[YP_SIM_NEW].label) != 0)
		yp_outcome_fail(out, YP_I11, "the new version was committed, and yet %s runs in the end", out->label);
	if (!committed && yp_oracle_saw_success(before, sim->versions[YP_SIM_NEW].version))
		yp_outcome_fail(out, YP_I5, "success was reported, but the new version is not committed");
	return 0;
}
