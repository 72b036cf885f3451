/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracles. What they decode, they decode by themselves: the environment with env.c, slots by region hashes of
 * images that sim made, reports word by word. One thing is asked of the subject's codec: the floor in the state record.
 */
#include <stdio.h>
#include <string.h>

#include "bootloader.h"
#include "internal.h"

#define ID_MAX        32
#define EVENT_MAX     24
#define VERSION_MAX   40
#define REASON_MAX    32
#define DIFFERENT_MAX 16u
/* Trials that a version gets which the boot limit ends: a promise of core/include/ota/state.h, written down anew here.
 */
#define LIMIT_TRIALS 2u

struct report {
	char id[ID_MAX], event[EVENT_MAX], version[VERSION_MAX], reason[REASON_MAX];
};

/* "report:<id>:<event>:<version>:<reason>" */
static bool take_apart(const char *text, struct report *out)
{
	struct {
		char *to;
		size_t bytes;
	} fields[] = {
	    {out->id, ID_MAX}, {out->event, EVENT_MAX}, {out->version, VERSION_MAX}, {out->reason, REASON_MAX}};

	if (strncmp(text, "report:", 7) != 0)
		return false;
	text += 7;
	for (unsigned i = 0; i < 4; i++) {
		size_t bytes = strcspn(text, ":");

		if (bytes >= fields[i].bytes)
			return false;
		memcpy(fields[i].to, text, bytes);
		fields[i].to[bytes] = '\0';
		text += bytes;
		if (*text == ':')
			text++;
	}
	return true;
}

void sim_judge_told(const struct bp_world *world, char *out)
{
	struct report report;

	*out = '\0';
	for (size_t i = 0; i < world->count; i++)
		if (take_apart(world->events[i], &report) && strcmp(report.event, "success") != 0)
			memcpy(out, report.reason, REASON_MAX);
}

static bool same_hash(struct bp_hash a, struct bp_hash b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* The version that a slot holds whole, kernel included; -1: none; -2: kernel and root filesystem of different versions.
 */
static int slot_version(const struct sim *sim, const struct bp_image *state, unsigned slot)
{
	struct bp_hash rootfs = bp_image_region_hash(state, SIM_REGION_ROOTFS_A + slot);
	struct bp_hash kernel = bp_image_region_hash(state, SIM_REGION_KERNEL_A + slot);

	for (int v = 0; v < SIM_VERSIONS; v++) {
		if (!same_hash(rootfs, sim->known[slot][0][v]))
			continue;
		return sim->spec.kernel_kib == 0 || same_hash(kernel, sim->known[slot][1][v]) ? v : -2;
	}
	return -1;
}

static bool slot_loads(const struct sim *sim, const struct bp_image *state, unsigned slot)
{
	unsigned medium = (sim->spec.kernel_kib != 0 ? SIM_KERNEL_A : SIM_SLOT_A) + slot;

	return memcmp(bp_pool_sector(sim->pool, bp_image_get(state, medium, 0)), SIM_IMAGE_MAGIC,
		      sizeof SIM_IMAGE_MAGIC - 1) == 0;
}

/* I1, I2, I3, I4 of one slot that will or may be booted. */
static void judge_slot(const struct sim *sim, const struct bp_image *state, unsigned slot, const char *when,
		       struct bp_outcome *out)
{
	int version = slot_version(sim, state, slot);

	if (version == -2)
		sim_outcome_fail(out, "I2", "slot %c, which %s, holds a kernel of another version", 'A' + (int)slot,
				 when);
	else if (version < 0)
		sim_outcome_fail(out, "I2", "slot %c, which %s, holds no version whole", 'A' + (int)slot, when);
	else if (sim->versions[version].sequence < sim->versions[SIM_OLD].sequence)
		sim_outcome_fail(out, "I4", "slot %c, which %s, holds version %s, below the floor", 'A' + (int)slot,
				 when, sim->versions[version].version);
	else if ((sim->allowed & 1u << version) == 0)
		sim_outcome_fail(out, version == SIM_BAD ? "I6" : "I3",
				 "slot %c, which %s, holds version %s, which may not run", 'A' + (int)slot, when,
				 sim->versions[version].version);
}

/* I3: whatever the bootloader may start, now or as a way out, is whole. */
static void judge_bootable(const struct sim *sim, const struct bp_image *state, const struct sim_boot_variables *v,
			   struct bp_outcome *out)
{
	for (unsigned slot = 0; slot < 2; slot++) {
		char name = (char)('A' + (int)slot);
		bool tried = v->trial && v->slot == name;

		if (slot_version(sim, state, slot) >= 0 ||
		    (!tried && (v->barred == name || !slot_loads(sim, state, slot))))
			continue;
		sim_outcome_fail(out, tried ? "I2" : "I3", "slot %c %s, but holds no version whole", name,
				 tried ? "is on trial" : "is not barred and can be started");
	}
}

static bool is_erased(const uint8_t sector[BP_SECTOR_BYTES])
{
	return sector[0] == 0xff && memcmp(sector, sector + 1, BP_SECTOR_BYTES - 1) == 0;
}

/* I3: no byte of a bundle that must be refused lies in a slot, not even where nothing would boot it. */
static void judge_sectors(const struct sim *sim, const struct bp_image *state, struct bp_outcome *out)
{
	for (unsigned slot = 0; slot < 2; slot++) {
		for (uint64_t s = 0; s < sim->spec.slot_kib * 2u; s++) {
			uint32_t content = bp_image_get(state, SIM_SLOT_A + slot, s);
			bool known = content == 0;

			for (unsigned v = 0; v < SIM_VERSIONS && !known; v++)
				known = content == sim->versions[v].rootfs.contents[s];
			if (known || is_erased(bp_pool_sector(sim->pool, content)))
				continue;
			sim_outcome_fail(out, "I3", "sector %u of slot %c holds bytes that nobody signed", (unsigned)s,
					 'A' + (int)slot);
			return;
		}
	}
}

/* I4: the floor never rises above what is committed. */
static int judge_floor(struct sim *sim, const struct bp_image *state, const struct sim_boot_variables *v,
		       struct bp_outcome *out)
{
	unsigned committed = sim_slot_index(v->slot);
	struct sim_record record;
	int version, error = sim_record_newest(&sim->record_memo, state, SIM_STATE, &record);

	if (error != 0)
		return error;
	if (v->trial || v->barred == v->slot)
		committed = 1 - committed;
	version = slot_version(sim, state, committed);
	if (record.good && version >= 0 && record.floor > sim->versions[version].sequence)
		sim_outcome_fail(out, "I4", "the version floor is %u, but the committed version is %s (%u)",
				 (unsigned)record.floor, sim->versions[version].version,
				 (unsigned)sim->versions[version].sequence);
	return 0;
}

bool sim_judge_saw_success(const struct bp_world *world, const char *version)
{
	struct report report;

	for (size_t i = 0; i < world->count; i++) {
		if (take_apart(world->events[i], &report) && strcmp(report.event, "success") == 0 &&
		    strcmp(report.version, version) == 0)
			return true;
	}
	return false;
}

int sim_judge_state(struct sim *sim, const struct bp_image *state, const struct bp_world *before,
		    struct bp_outcome *out)
{
	struct sim_env_copy copy[2];
	struct sim_boot_variables v = {.slot = 'A'};
	struct sim_decision d;
	unsigned selected, other;
	bool committed;
	int holding, error = sim_state_env(sim, state, copy, &holding);

	if (error != 0)
		return error;
	if (holding >= 0)
		v = copy[holding].boot;
	selected = sim_slot_index(v.slot);
	other = 1 - selected;
	if (holding < 0 && sim->spec.env_bad != 3)
		sim_outcome_fail(out, "I1", "both copies of the boot environment are bad");
	if (holding >= 0 && sim->spec.env_bad != 3 && !copy[holding].kept)
		sim_outcome_fail(out, "I8", "the boot environment lost variables that are not the updater's");
	d = sim_boot_decide(&v, slot_loads(sim, state, selected), slot_loads(sim, state, other));
	if (d.boots == SIM_BOOTS_HALT)
		sim_outcome_fail(out, "I1", "the bootloader would find no slot to boot");
	else
		judge_slot(sim, state, d.boots == SIM_BOOTS_OTHER ? other : selected, "the bootloader would boot", out);
	if (v.trial)
		judge_slot(sim, state, other, "the trial falls back to", out);
	judge_bootable(sim, state, &v, out);
	if (sim->spec.bundle_lie != SIM_LIE_NONE)
		judge_sectors(sim, state, out);
	error = judge_floor(sim, state, &v, out);
	if (error != 0)
		return error;
	if (!same_hash(bp_image_region_hash(state, SIM_REGION_DATA), sim->data_hash))
		sim_outcome_fail(out, "I8", "the data partition changed");
	committed = !v.trial && slot_version(sim, state, selected) == SIM_NEW;
	if (committed && strcmp(out->label, sim->versions[SIM_NEW].label) != 0)
		sim_outcome_fail(out, "I11", "the new version was committed, and yet %s runs in the end", out->label);
	if (!committed && sim_judge_saw_success(before, sim->versions[SIM_NEW].version))
		sim_outcome_fail(out, "I5", "success was reported, but the new version is not committed");
	return 0;
}

/* All that the outside saw, and how often each kind of end was told. */
struct told {
	struct report seen[DIFFERENT_MAX];
	unsigned count;
	unsigned successes, rollbacks, failures;
	unsigned limits; /* rollbacks by the boot limit */
	bool reason_found;
};

static void tell(const struct sim_expect *expect, const struct bp_world *world, struct told *told,
		 struct bp_outcome *out)
{
	struct report report;

	for (size_t i = 0; i < world->count; i++) {
		bool known = false;

		if (!take_apart(world->events[i], &report)) {
			sim_outcome_fail(out, "I5", "a report that cannot be read: %.60s", world->events[i]);
			continue;
		}
		for (unsigned k = 0; k < told->count && !known; k++) {
			if (strcmp(told->seen[k].id, report.id) != 0)
				continue;
			known = true;
			if (strcmp(told->seen[k].event, report.event) != 0 ||
			    strcmp(told->seen[k].reason, report.reason) != 0)
				sim_outcome_fail(out, "I5", "report %s says %s, then %s", report.id,
						 told->seen[k].event, report.event);
		}
		if (known)
			continue;
		if (told->count == DIFFERENT_MAX) {
			sim_outcome_fail(out, "I5", "more than %u different reports", DIFFERENT_MAX);
			return;
		}
		told->seen[told->count++] = report;
		told->successes += strcmp(report.event, "success") == 0;
		told->rollbacks += strcmp(report.event, "rollback") == 0;
		told->failures += strcmp(report.event, "failure") == 0 || strcmp(report.event, "alarm") == 0;
		told->reason_found = told->reason_found || strcmp(report.reason, expect->reason) == 0;
		told->limits += strcmp(report.event, "rollback") == 0 && strcmp(report.reason, "BOOT_LIMIT") == 0;
	}
}

static bool reports_arrive(const struct sim_spec *spec)
{
	return !spec->report_url_none && spec->report_down != SIM_FOR_EVER;
}

static void judge_label(const struct sim_spec *spec, const struct sim_expect *expect, const struct told *told,
			enum sim_disturbance by, struct bp_outcome *out)
{
	bool wants_new = strcmp(expect->version, "new") == 0;

	if (strcmp(out->label, expect->version) == 0)
		return;
	if (!wants_new)
		sim_outcome_fail(out, "I1", "ends in %s, which must not be kept", out->label);
	/* One fault, or one cut, uses up one boot at most: only repeated cuts can reach the limit. */
	else if ((by != SIM_BY_CUTS && spec->boot_attempts > 1) || by == SIM_UNDISTURBED || expect->strict)
		sim_outcome_fail(out, "I6", "ends in %s instead of %s", out->label, expect->version);
	else if (reports_arrive(spec) && told->limits < LIMIT_TRIALS)
		sim_outcome_fail(out, "I6", "ends in %s although the boot limit ended %u of %u trials", out->label,
				 told->limits, LIMIT_TRIALS);
}

static void judge_reports(const struct sim_spec *spec, const struct sim_expect *expect, const struct told *told,
			  enum sim_disturbance by, struct bp_outcome *out)
{
	bool is_new = strcmp(out->label, "new") == 0;

	if (told->successes > 0 && !is_new)
		sim_outcome_fail(out, "I5", "success was reported, but %s runs", out->label);
	/* A trial that the boot limit ended may be followed by another, with an end of its own. */
	if (told->successes > 0 && (told->rollbacks > told->limits || told->limits >= LIMIT_TRIALS))
		sim_outcome_fail(out, "I5", "success and rollback were reported for one trial");
	if (told->successes > 1 || told->rollbacks - told->limits > 1 || told->limits > LIMIT_TRIALS)
		sim_outcome_fail(out, "I5", "one end of one trial was reported under different ids");
	if (told->failures > 0 && by != SIM_BY_FAULT && spec->bundle_lie == SIM_LIE_NONE && !spec->downgrade)
		sim_outcome_fail(out, "I5", "a failure was reported, but nothing failed");
	if (!reports_arrive(spec) || spec->committed)
		return;
	if (is_new && told->successes == 0)
		sim_outcome_fail(out, "I5", "the new version runs, and nobody was told");
	if (expect->reason[0] != '\0' && !told->reason_found && !is_new && !(told->limits > 0 && by != SIM_UNDISTURBED))
		sim_outcome_fail(out, "I9", "no report carries the reason %s", expect->reason);
}

void sim_judge_end(const struct sim_spec *spec, const struct sim_expect *expect, const struct bp_world *before,
		   const struct bp_world *during, enum sim_disturbance by, struct bp_outcome *out)
{
	struct told told = {.count = 0};

	tell(expect, before, &told, out);
	tell(expect, during, &told, out);
	judge_label(spec, expect, &told, by, out);
	judge_reports(spec, expect, &told, by, out);
}
