/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "internal.h"
#include "test_keys.h"

#define SLOT_KIB_MAX 65536u

static void set_default(unsigned *value, unsigned otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void set_defaults(struct sim_spec *spec)
{
	set_default(&spec->slot_kib, 96);
	set_default(&spec->tail_kib, 64);
	set_default(&spec->env_bytes, 4096);
	set_default(&spec->chunk_bytes, 4096);
	set_default(&spec->checkpoint_kib, 16);
	set_default(&spec->boot_attempts, 3);
}

static bool power_of_two(unsigned value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static bool story_makes_sense(const struct sim_spec *spec)
{
	if (spec->committed && (spec->slot_b_empty || spec->downgrade || spec->new_kind != SIM_IMAGE_GOOD ||
				spec->bundle_lie != SIM_LIE_NONE))
		return false; /* a committed device runs a good version that it got as an update */
	if (spec->slot_b_empty && (spec->downgrade || spec->after_rollback))
		return false; /* a device from the factory knows no floor and remembers nothing */
	return !(spec->env_bad == 3 && spec->committed); /* the defaults boot slot A, which holds the old version */
}

static bool can_simulate(const struct sim_spec *spec)
{
	return spec->slot_kib >= 8 && spec->slot_kib <= SLOT_KIB_MAX && spec->slot_kib % 4 == 0 &&
	       (spec->kernel_kib == 0 ||
		(spec->kernel_kib >= 8 && spec->kernel_kib <= SLOT_KIB_MAX && spec->kernel_kib % 4 == 0)) &&
	       spec->tail_kib >= 8 && spec->tail_kib <= SLOT_KIB_MAX && spec->tail_kib % 4 == 0 &&
	       spec->env_bytes >= 1024 && spec->env_bytes <= SIM_ENV_MAX_BYTES && power_of_two(spec->env_bytes) &&
	       spec->chunk_bytes >= OTA_CHUNK_MIN_BYTES && spec->chunk_bytes <= OTA_CHUNK_MAX_BYTES &&
	       power_of_two(spec->chunk_bytes) && spec->boot_attempts <= 16 && spec->quick_cycles <= 16 &&
	       spec->env_bad <= 3 && (unsigned)spec->new_kind <= SIM_IMAGE_CRASH_LOOPS &&
	       (unsigned)spec->bundle_lie < SIM_LIE_COUNT && story_makes_sense(spec);
}

static void make_roles(struct sim *sim)
{
	struct bp_lint_roles *roles = &sim->roles;

	for (unsigned m = 0; m < sim->layout.count; m++) {
		static const enum bp_role role[SIM_MEDIA] = {BP_ROLE_SLOT, BP_ROLE_SLOT, BP_ROLE_ENV, BP_ROLE_STATE,
							     BP_ROLE_DATA, BP_ROLE_SLOT, BP_ROLE_SLOT};

		roles->role[m] = role[m];
		if (role[m] == BP_ROLE_SLOT)
			(void)snprintf(roles->slot[m], sizeof roles->slot[m], "%c",
				       m == SIM_SLOT_A || m == SIM_KERNEL_A ? 'A' : 'B');
	}
	(void)snprintf(roles->running, sizeof roles->running, "%c", sim->spec.committed ? 'B' : 'A');
	roles->env_first[1] = sim->spec.env_bytes / BP_SECTOR_BYTES;
	roles->env_sectors = sim->spec.env_bytes / BP_SECTOR_BYTES;
}

/* ---- the rig ---- */

static int rig_recover(void *ctx, const struct bp_image *start, struct bp_log *log, struct bp_outcome *out)
{
	struct sim *sim = ctx;

	sim_run_prepare(sim, start, log);
	return sim_run_until_idle(sim, out);
}

static int rig_canon(void *ctx, const struct bp_image *state, const struct bp_world *before, struct bp_hash *out)
{
	return sim_canon(ctx, state, before, out);
}

static int rig_judge(void *ctx, const struct bp_image *state, const struct bp_world *before,
		     const struct bp_world *during, const struct bp_outcome *run, struct bp_outcome *out)
{
	struct sim *sim = ctx;
	int error;

	*out = *run;
	if (run->verdict != BP_PASS)
		return 0;
	error = sim_judge_state(sim, state, before, out);
	if (error == 0)
		sim_judge_end(&sim->spec, &sim->expect, before, during, SIM_BY_CUTS, out);
	return error;
}

static int rig_inspect(void *ctx, const struct bp_image *state, const struct bp_world *before, struct bp_outcome *out)
{
	return sim_judge_state(ctx, state, before, out);
}

int sim_new(const struct sim_spec *spec, const struct sim_expect *expect, struct sim **out)
{
	struct sim *sim = calloc(1, sizeof *sim);
	int error;

	if (sim == NULL)
		return -ENOMEM;
	sim->spec = *spec;
	sim->expect = *expect;
	set_defaults(&sim->spec);
	if (!can_simulate(&sim->spec)) {
		free(sim);
		return -EINVAL;
	}
	sim_memo_init(&sim->env_memo, sim->spec.env_bytes / BP_SECTOR_BYTES, sizeof(struct sim_env_copy));
	SIM_RECORD_MEMO(&sim->record_memo);
	sim_memo_init(&sim->descriptor_memo, OTA_SLOT_DESCRIPTOR_BYTES / BP_SECTOR_BYTES, sizeof(bool));
	sim->rig = (struct bp_rig){sim, rig_recover, rig_canon, rig_judge, rig_inspect};
	error = ota_keyring_new(sim_test_certificate_root, NULL, &sim->keyring);
	if (error == 0)
		error = sim_base_make(sim);
	if (error != 0) {
		sim_free(sim);
		return error > 0 ? -EPROTO : error;
	}
	make_roles(sim);
	*out = sim;
	return 0;
}

void sim_free(struct sim *sim)
{
	if (sim == NULL)
		return;
	for (unsigned v = 0; v < SIM_VERSIONS; v++)
		sim_version_deinit(&sim->versions[v]);
	free(sim->file);
	sim_dev_deinit(&sim->device);
	sim_memo_deinit(&sim->env_memo);
	sim_memo_deinit(&sim->record_memo);
	sim_memo_deinit(&sim->descriptor_memo);
	ota_keyring_free(sim->keyring);
	bp_image_free(sim->base);
	bp_pool_free(sim->pool);
	free(sim);
}

const struct bp_layout *sim_layout(const struct sim *sim)
{
	return &sim->layout;
}

struct bp_pool *sim_pool(const struct sim *sim)
{
	return sim->pool;
}

const struct bp_image *sim_base(const struct sim *sim)
{
	return sim->base;
}

const struct bp_rig *sim_rig(struct sim *sim)
{
	return &sim->rig;
}

const struct bp_lint_roles *sim_roles(const struct sim *sim)
{
	return &sim->roles;
}

int sim_run(struct sim *sim, const struct bp_image *start, struct bp_outcome *out)
{
	return rig_recover(sim, start, NULL, out);
}

static void world_of(const struct sim *sim, const char *events[SIM_EVENTS_MAX], struct bp_world *out)
{
	for (unsigned i = 0; i < sim->world.event_count; i++)
		events[i] = sim->world.events[i];
	*out = (struct bp_world){events, sim->world.event_count};
}

/* The oracles over a run that went from the story's start to idle: its end, and the media that it leaves. */
static int judge_run(struct sim *sim, enum sim_disturbance by, struct bp_outcome *out)
{
	const char *events[SIM_EVENTS_MAX];
	const struct bp_world none = {NULL, 0};
	struct bp_world during;
	int error;

	sim->told[0] = '\0';
	if (sim->prelude.verdict == BP_FAIL)
		*out = sim->prelude;
	if (out->verdict != BP_PASS)
		return 0;
	world_of(sim, events, &during);
	sim_judge_told(&during, sim->told);
	error = bp_image_push(sim->base);
	if (error != 0)
		return error;
	sim_dev_store(&sim->device, sim->base);
	error = sim_judge_state(sim, sim->base, &during, out);
	bp_image_pop(sim->base);
	if (error == 0)
		sim_judge_end(&sim->spec, &sim->expect, &none, &during, by, out);
	return error;
}

int sim_record(struct sim *sim, struct bp_log **log, struct bp_outcome *out)
{
	int error = bp_log_new(&sim->layout, sim->pool, log);

	if (error != 0)
		return error;
	error = rig_recover(sim, sim->base, *log, out);
	if (error == 0)
		error = judge_run(sim, SIM_UNDISTURBED, out);
	if (error == 0 && sim->spec.committed && sim->device.writes != 0)
		sim_outcome_fail(out, "I7", "%u writes although nothing was to do", (unsigned)sim->device.writes);
	if (error != 0) {
		bp_log_free(*log);
		*log = NULL;
	}
	return error;
}

/* ---- faults that are no crash state ---- */

int sim_run_fault(struct sim *sim, const struct sim_fault *fault, bool *landed, struct bp_outcome *out)
{
	int error;

	sim_run_prepare(sim, sim->base, NULL);
	sim->device.fault = *fault;
	sim->device.loses = fault->kind == SIM_FAULT_FLUSH_EIO;
	if (fault->kind == SIM_FAULT_NO_MEMORY)
		sim_alloc_plan(fault->nth, fault->for_ever);
	error = sim_run_until_idle(sim, out);
	sim_alloc_stop();
	*landed = sim->device.landed;
	return error != 0 ? error : judge_run(sim, SIM_BY_FAULT, out);
}

const char *sim_fault_step(const struct sim *sim)
{
	return sim->device.landed ? sim->device.landed_step : "";
}

const char *sim_told_reason(const struct sim *sim)
{
	return sim->told;
}

uint64_t sim_fault_points(struct sim *sim, enum sim_fault_kind kind)
{
	struct bp_outcome out;

	if (kind == SIM_FAULT_NONE)
		return 0;
	if (kind == SIM_FAULT_CLOCK)
		return 1;
	sim_run_prepare(sim, sim->base, NULL);
	if (kind == SIM_FAULT_NO_MEMORY)
		sim_alloc_plan(0, false);
	if (sim_run_until_idle(sim, &out) != 0)
		return 0;
	sim_alloc_stop();
	return kind == SIM_FAULT_NO_MEMORY ? sim_alloc_count() : sim->device.count[kind];
}

/* ---- names ---- */

const char *sim_kind_name(enum sim_image_kind kind)
{
	static const char *const names[] = {"good",         "panics",       "hangs",       "no-root",
					    "health-fails", "health-hangs", "crash-loops", "no-kernel"};

	return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}

const char *sim_lie_name(enum sim_lie lie)
{
	static const char *const names[SIM_LIE_COUNT] = {
	    "none",      "no-signature",     "empty-signature", "bad-signature", "wrong-purpose",
	    "untrusted", "corrupt-manifest", "corrupt-chunk",   "incompatible",  "expired",
	    "too-big",   "truncated",        "flaky-chunk"};

	return (unsigned)lie < SIM_LIE_COUNT ? names[lie] : NULL;
}

const char *sim_fault_name(enum sim_fault_kind kind)
{
	static const char *const names[] = {"none",         "read-eio",      "write-eio",    "flush-eio",
					    "write-enospc", "write-bitflip", "short-answer", "no-memory",
					    "stop",         "power",         "clock"};

	return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}
