/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracles. What they decode, they decode by themselves: the environment with uboot-env.c, slots by region hashes of
 * images that sim made, reports word by word. One thing is asked of the subject's codec: the floor in the state record.
 */
#include <stdio.h>
#include <string.h>

#include "device/device-private.h"
#include "subject/boot-decision.h"

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

void yp_sim_judge_told(const struct yp_world *world, char *out)
{
	struct report report;

	*out = '\0';
	for (size_t i = 0; i < world->count; i++)
		if (take_apart(world->events[i], &report) && strcmp(report.event, "success") != 0)
			memcpy(out, report.reason, REASON_MAX);
}

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

/* I3: whatever the bootloader may start, now or as a way out, is whole. */
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
	struct yp_sim_record record;
	int version, error = yp_sim_record_newest(&sim->record_memo, state, YP_SIM_STATE, &record);

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

bool yp_sim_judge_saw_success(const struct yp_world *world, const char *version)
{
	struct report report;

	for (size_t i = 0; i < world->count; i++) {
		if (take_apart(world->events[i], &report) && strcmp(report.event, "success") == 0 &&
		    strcmp(report.version, version) == 0)
			return true;
	}
	return false;
}

int yp_sim_judge_state(struct yp_sim *sim, const struct yp_image *state, const struct yp_world *before,
		       struct yp_outcome *out)
{
	struct yp_sim_env_copy copy[2];
	struct yp_sim_boot_variables v = {.slot = 'A'};
	struct yp_sim_decision d;
	unsigned selected, other;
	bool committed;
	int holding, error = yp_sim_state_env(sim, state, copy, &holding);

	if (error != 0)
		return error;
	if (holding >= 0)
		v = copy[holding].boot;
	selected = yp_sim_slot_index(v.slot);
	other = 1 - selected;
	if (holding < 0 && sim->spec.env_bad != 3)
		yp_outcome_fail(out, YP_I1, "both copies of the boot environment are bad");
	if (holding >= 0 && sim->spec.env_bad != 3 && !copy[holding].kept)
		yp_outcome_fail(out, YP_I8, "the boot environment lost variables that are not the updater's");
	d = yp_sim_boot_decide(&v, slot_loads(sim, state, selected), slot_loads(sim, state, other));
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
	if (!committed && yp_sim_judge_saw_success(before, sim->versions[YP_SIM_NEW].version))
		yp_outcome_fail(out, YP_I5, "success was reported, but the new version is not committed");
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

static void tell(const struct yp_sim_expect *expect, const struct yp_world *world, struct told *told,
		 struct yp_outcome *out)
{
	struct report report;

	for (size_t i = 0; i < world->count; i++) {
		bool known = false;

		if (!take_apart(world->events[i], &report)) {
			yp_outcome_fail(out, YP_I5, "a report that cannot be read: %.60s", world->events[i]);
			continue;
		}
		for (unsigned k = 0; k < told->count && !known; k++) {
			if (strcmp(told->seen[k].id, report.id) != 0)
				continue;
			known = true;
			if (strcmp(told->seen[k].event, report.event) != 0 ||
			    strcmp(told->seen[k].reason, report.reason) != 0)
				yp_outcome_fail(out, YP_I5, "report %s says %s, then %s", report.id,
						told->seen[k].event, report.event);
		}
		if (known)
			continue;
		if (told->count == DIFFERENT_MAX) {
			yp_outcome_fail(out, YP_I5, "more than %u different reports", DIFFERENT_MAX);
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

static bool reports_arrive(const struct yp_sim_spec *spec)
{
	return !spec->report_url_none && spec->report_down != YP_SIM_FOR_EVER;
}

static void judge_label(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, const struct told *told,
			enum yp_sim_disturbance by, struct yp_outcome *out)
{
	bool wants_new = strcmp(expect->version, "new") == 0;

	if (strcmp(out->label, expect->version) == 0)
		return;
	if (!wants_new)
		yp_outcome_fail(out, YP_I1, "ends in %s, which must not be kept", out->label);
	/* One fault, or one cut, uses up one boot at most: only repeated cuts can reach the limit. */
	else if ((by != YP_SIM_BY_CUTS && spec->boot_attempts > 1) || by == YP_SIM_UNDISTURBED || expect->strict)
		yp_outcome_fail(out, YP_I6, "ends in %s instead of %s", out->label, expect->version);
	else if (reports_arrive(spec) && told->limits < LIMIT_TRIALS)
		yp_outcome_fail(out, YP_I6, "ends in %s although the boot limit ended %u of %u trials", out->label,
				told->limits, LIMIT_TRIALS);
}

static void judge_reports(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, const struct told *told,
			  enum yp_sim_disturbance by, struct yp_outcome *out)
{
	bool is_new = strcmp(out->label, "new") == 0;

	if (told->successes > 0 && !is_new)
		yp_outcome_fail(out, YP_I5, "success was reported, but %s runs", out->label);
	/* A trial that the boot limit ended may be followed by another, with an end of its own. */
	if (told->successes > 0 && (told->rollbacks > told->limits || told->limits >= LIMIT_TRIALS))
		yp_outcome_fail(out, YP_I5, "success and rollback were reported for one trial");
	if (told->successes > 1 || told->rollbacks - told->limits > 1 || told->limits > LIMIT_TRIALS)
		yp_outcome_fail(out, YP_I5, "one end of one trial was reported under different ids");
	if (told->failures > 0 && by != YP_SIM_BY_FAULT && spec->bundle_lie == YP_SIM_LIE_NONE && !spec->downgrade)
		yp_outcome_fail(out, YP_I5, "a failure was reported, but nothing failed");
	if (!reports_arrive(spec) || spec->committed)
		return;
	if (is_new && told->successes == 0)
		yp_outcome_fail(out, YP_I5, "the new version runs, and nobody was told");
	if (expect->reason[0] != '\0' && !told->reason_found && !is_new &&
	    !(told->limits > 0 && by != YP_SIM_UNDISTURBED))
		yp_outcome_fail(out, YP_I9, "no report carries the reason %s", expect->reason);
}

void yp_sim_judge_end(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, const struct yp_world *before,
		      const struct yp_world *during, enum yp_sim_disturbance by, struct yp_outcome *out)
{
	struct told told = {.count = 0};

	tell(expect, before, &told, out);
	tell(expect, during, &told, out);
	judge_label(spec, expect, &told, by, out);
	judge_reports(spec, expect, &told, by, out);
}
