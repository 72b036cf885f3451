/* SPDX-License-Identifier: Apache-2.0 */
/* The rig of the simulated device: made from a story, recorded, run with one fault, judged. */
#include "sim/device.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device-private.h"
#include "device/failing-alloc.h"
#include "pki/test-keys.h"

#define SLOT_KIB_MAX 65536u

static void set_default(unsigned *value, unsigned otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void set_defaults(struct yp_sim_spec *spec)
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

static bool story_makes_sense(const struct yp_sim_spec *spec)
{
	if (spec->committed && (spec->slot_b_empty || spec->downgrade || spec->new_kind != YP_SIM_IMAGE_GOOD ||
				spec->bundle_lie != YP_SIM_LIE_NONE))
		return false; /* a committed device runs a good version that it got as an update */
	if (spec->slot_b_empty && (spec->downgrade || spec->after_rollback))
		return false;                            /* a device from the factory has no floor and no records */
	return !(spec->env_bad == 3 && spec->committed); /* the defaults boot slot A, which holds the old version */
}

static bool can_simulate(const struct yp_sim_spec *spec)
{
	return spec->slot_kib >= 8 && spec->slot_kib <= SLOT_KIB_MAX && spec->slot_kib % 4 == 0 &&
	       (spec->kernel_kib == 0 ||
		(spec->kernel_kib >= 8 && spec->kernel_kib <= SLOT_KIB_MAX && spec->kernel_kib % 4 == 0)) &&
	       spec->tail_kib >= 8 && spec->tail_kib <= SLOT_KIB_MAX && spec->tail_kib % 4 == 0 &&
	       spec->env_bytes >= 1024 && spec->env_bytes <= YP_SIM_ENV_MAX_BYTES && power_of_two(spec->env_bytes) &&
	       spec->chunk_bytes >= OTA_CHUNK_MIN_BYTES && spec->chunk_bytes <= OTA_CHUNK_MAX_BYTES &&
	       power_of_two(spec->chunk_bytes) && spec->boot_attempts <= 16 && spec->quick_cycles <= 16 &&
	       spec->env_bad <= 3 && (unsigned)spec->new_kind <= YP_SIM_IMAGE_CRASH_LOOPS &&
	       (unsigned)spec->bundle_lie < YP_SIM_LIE_COUNT && story_makes_sense(spec);
}

static void make_roles(struct yp_sim *sim)
{
	struct yp_lint_roles *roles = &sim->roles;

	for (unsigned m = 0; m < sim->layout.count; m++) {
		static const enum yp_role role[YP_SIM_MEDIA] = {YP_ROLE_SLOT, YP_ROLE_SLOT, YP_ROLE_ENV, YP_ROLE_STATE,
								YP_ROLE_DATA, YP_ROLE_SLOT, YP_ROLE_SLOT};

		roles->role[m] = role[m];
		if (role[m] == YP_ROLE_SLOT)
			(void)snprintf(roles->slot[m], sizeof roles->slot[m], "%c",
				       m == YP_SIM_SLOT_A || m == YP_SIM_KERNEL_A ? 'A' : 'B');
	}
	(void)snprintf(roles->running, sizeof roles->running, "%c", sim->spec.committed ? 'B' : 'A');
	roles->env_first[1] = sim->spec.env_bytes / YP_SECTOR_BYTES;
	roles->env_sectors = sim->spec.env_bytes / YP_SECTOR_BYTES;
	roles->marks = yp_subject_find(NULL)->steps->marks;
	roles->marks_count = yp_subject_find(NULL)->steps->marks_count;
}

/* ---- the rig ---- */

static int rig_recover(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	struct yp_sim *sim = ctx;

	yp_sim_run_prepare(sim, start, log);
	return yp_sim_run_until_idle(sim, out);
}

static int rig_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	return yp_sim_canon(ctx, state, before, out);
}

static int rig_judge(void *ctx, const struct yp_image *state, const struct yp_world *before,
		     const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	struct yp_sim *sim = ctx;
	int error;

	*out = *run;
	if (run->verdict != YP_PASS)
		return 0;
	error = yp_sim_judge_state(sim, state, before, out);
	if (error == 0)
		yp_oracle_judge_end(&sim->spec, &sim->expect, before, during, YP_ORACLE_BY_CUTS, out);
	return error;
}

static int rig_inspect(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_outcome *out)
{
	return yp_sim_judge_state(ctx, state, before, out);
}

int yp_sim_new(const struct yp_sim_spec *spec, const struct yp_sim_expect *expect, struct yp_sim **out)
{
	struct yp_sim *sim = calloc(1, sizeof *sim);
	int error;

	if (sim == NULL)
		return -ENOMEM;
	sim->subject = yp_subject_find("ota");
	assert(sim->subject != NULL);
	sim->spec = *spec;
	sim->expect = *expect;
	set_defaults(&sim->spec);
	if (!can_simulate(&sim->spec)) {
		free(sim);
		return -EINVAL;
	}
	yp_memo_init(&sim->env_memo, sim->spec.env_bytes / YP_SECTOR_BYTES, sizeof(struct yp_sim_env_copy));
	yp_memo_init(&sim->record_memo, sim->subject->records->record_sectors, sizeof(struct yp_subject_record));
	yp_memo_init(&sim->descriptor_memo, sim->subject->descriptor->sectors, sizeof(bool));
	sim->rig = (struct yp_rig){sim, rig_recover, rig_canon, rig_judge, rig_inspect};
	error = ota_keyring_new(yp_sim_test_certificate_root, NULL, &sim->keyring);
	if (error == 0)
		error = yp_sim_base_make(sim);
	if (error != 0) {
		yp_sim_free(sim);
		return error > 0 ? -EPROTO : error;
	}
	make_roles(sim);
	*out = sim;
	return 0;
}

void yp_sim_free(struct yp_sim *sim)
{
	if (sim == NULL)
		return;
	for (unsigned v = 0; v < YP_SIM_VERSIONS; v++)
		yp_sim_version_deinit(&sim->versions[v]);
	free(sim->file);
	yp_sim_dev_deinit(&sim->device);
	yp_memo_deinit(&sim->env_memo);
	yp_memo_deinit(&sim->record_memo);
	yp_memo_deinit(&sim->descriptor_memo);
	ota_keyring_free(sim->keyring);
	yp_image_free(sim->base);
	yp_pool_free(sim->pool);
	free(sim);
}

const struct yp_layout *yp_sim_layout(const struct yp_sim *sim)
{
	return &sim->layout;
}

struct yp_pool *yp_sim_pool(const struct yp_sim *sim)
{
	return sim->pool;
}

const struct yp_image *yp_sim_base(const struct yp_sim *sim)
{
	return sim->base;
}

const struct yp_rig *yp_sim_rig(struct yp_sim *sim)
{
	return &sim->rig;
}

const struct yp_lint_roles *yp_sim_roles(const struct yp_sim *sim)
{
	return &sim->roles;
}

int yp_sim_run(struct yp_sim *sim, const struct yp_image *start, struct yp_outcome *out)
{
	assert(start != NULL && out != NULL);
	return rig_recover(sim, start, NULL, out);
}

static void world_of(const struct yp_sim *sim, const char *events[YP_SIM_EVENTS_MAX], struct yp_world *out)
{
	for (unsigned i = 0; i < sim->world.event_count; i++)
		events[i] = sim->world.events[i];
	*out = (struct yp_world){events, sim->world.event_count};
}

/* The oracles over a run that went from the story's start to idle: its end, and the media that it leaves. */
static int judge_run(struct yp_sim *sim, enum yp_oracle_disturbance by, struct yp_outcome *out)
{
	const char *events[YP_SIM_EVENTS_MAX];
	const struct yp_world none = {NULL, 0};
	struct yp_world during;
	int error;

	sim->told[0] = '\0';
	if (sim->prelude.verdict == YP_FAIL)
		*out = sim->prelude;
	if (out->verdict != YP_PASS)
		return 0;
	world_of(sim, events, &during);
	yp_oracle_judge_told(&during, sim->told);
	error = yp_image_push(sim->base);
	if (error != 0)
		return error;
	yp_sim_dev_store(&sim->device, sim->base);
	error = yp_sim_judge_state(sim, sim->base, &during, out);
	yp_image_pop(sim->base);
	if (error == 0)
		yp_oracle_judge_end(&sim->spec, &sim->expect, &none, &during, by, out);
	return error;
}

int yp_sim_record(struct yp_sim *sim, struct yp_log **log, struct yp_outcome *out)
{
	int error = yp_log_new(&sim->layout, sim->pool, log);

	assert(out != NULL);
	if (error != 0)
		return error;
	error = rig_recover(sim, sim->base, *log, out);
	if (error == 0)
		error = judge_run(sim, YP_ORACLE_UNDISTURBED, out);
	if (error == 0 && sim->spec.committed && sim->device.writes != 0)
		yp_outcome_fail(out, YP_I7, "%u writes although nothing was to do", (unsigned)sim->device.writes);
	if (error != 0) {
		yp_log_free(*log);
		*log = NULL;
	}
	return error;
}

/* ---- faults that are no crash state ---- */

int yp_sim_run_fault(struct yp_sim *sim, const struct yp_sim_fault *fault, bool *landed, struct yp_outcome *out)
{
	int error;

	assert(fault != NULL && landed != NULL && out != NULL);
	yp_sim_run_prepare(sim, sim->base, NULL);
	sim->device.fault = *fault;
	sim->device.loses = fault->kind == YP_SIM_FAULT_FLUSH_EIO;
	if (fault->kind == YP_SIM_FAULT_NO_MEMORY)
		yp_sim_alloc_plan(fault->nth, fault->for_ever);
	error = yp_sim_run_until_idle(sim, out);
	yp_sim_alloc_stop();
	*landed = sim->device.landed;
	return error != 0 ? error : judge_run(sim, YP_ORACLE_BY_FAULT, out);
}

const char *yp_sim_fault_step(const struct yp_sim *sim)
{
	return sim->device.landed ? sim->device.landed_step : "";
}

const char *yp_sim_told_reason(const struct yp_sim *sim)
{
	return sim->told;
}

uint64_t yp_sim_fault_points(struct yp_sim *sim, enum yp_sim_fault_kind kind)
{
	struct yp_outcome out;

	if (kind == YP_SIM_FAULT_NONE)
		return 0;
	if (kind == YP_SIM_FAULT_CLOCK)
		return 1;
	yp_sim_run_prepare(sim, sim->base, NULL);
	if (kind == YP_SIM_FAULT_NO_MEMORY)
		yp_sim_alloc_plan(0, false);
	if (yp_sim_run_until_idle(sim, &out) != 0)
		return 0;
	yp_sim_alloc_stop();
	return kind == YP_SIM_FAULT_NO_MEMORY ? yp_sim_alloc_count() : sim->device.count[kind];
}

/* ---- names ---- */

const char *yp_sim_kind_name(enum yp_sim_image_kind kind)
{
	static const char *const names[] = {"good",         "panics",       "hangs",       "no-root",
					    "health-fails", "health-hangs", "crash-loops", "no-kernel"};

	return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}

const char *yp_sim_lie_name(enum yp_sim_lie lie)
{
	static const char *const names[YP_SIM_LIE_COUNT] = {
	    "none",      "no-signature",     "empty-signature", "bad-signature", "wrong-purpose",
	    "untrusted", "corrupt-manifest", "corrupt-chunk",   "incompatible",  "expired",
	    "too-big",   "truncated",        "flaky-chunk"};

	return (unsigned)lie < YP_SIM_LIE_COUNT ? names[lie] : NULL;
}

const char *yp_sim_fault_name(enum yp_sim_fault_kind kind)
{
	static const char *const names[] = {"none",         "read-eio",      "write-eio",    "flush-eio",
					    "write-enospc", "write-bitflip", "short-answer", "no-memory",
					    "stop",         "power",         "clock"};

	return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}
