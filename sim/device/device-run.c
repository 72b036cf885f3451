/* SPDX-License-Identifier: Apache-2.0 */
/* A run of the simulated device, from power on until it is idle. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device/device-private.h"
#include "device/failing-alloc.h"

#define HANG_US 60000000u /* until the watchdog bites */

static void set_label(struct yp_outcome *out, const char *label)
{
	(void)snprintf(out->label, sizeof out->label, "%s", label);
}

/* The version whose image this medium holds whole, or -1. */
static int whole_version(const struct yp_sim *sim, unsigned medium, bool kernel)
{
	for (int v = 0; v < YP_SIM_VERSIONS; v++) {
		const struct yp_sim_blob *blob = kernel ? &sim->versions[v].kernel : &sim->versions[v].rootfs;

		if (blob->data != NULL && memcmp(sim->device.contents[medium], blob->contents,
						 blob->size_bytes / YP_SECTOR_BYTES * sizeof *blob->contents) == 0)
			return v;
	}
	return -1;
}

/* A mixture of verified versions, or bytes that were never signed? */
static bool is_mixture(const struct yp_sim *sim, unsigned medium, size_t sectors)
{
	for (size_t s = 0; s < sectors; s++) {
		uint32_t content = sim->device.contents[medium][s];
		bool known = content == 0;

		for (int v = 0; v < YP_SIM_VERSIONS && !known; v++)
			known = content == sim->versions[v].rootfs.contents[s];
		if (!known)
			return false;
	}
	return true;
}

static bool has_magic(const struct yp_sim *sim, unsigned medium)
{
	const uint8_t *first = yp_pool_sector(sim->pool, sim->device.contents[medium][0]);

	return memcmp(first, YP_SIM_IMAGE_MAGIC, sizeof YP_SIM_IMAGE_MAGIC - 1) == 0;
}

/* The bootloader loads the kernel: from its own medium, or from the root filesystem. */
static int slot_loads(void *ctx, char slot, bool *out)
{
	struct yp_sim *sim = ctx;
	bool own = sim->spec.kernel_kib != 0;
	unsigned medium = (own ? YP_SIM_KERNEL_A : YP_SIM_SLOT_A) + yp_sim_slot_index(slot);
	uint32_t kib = own ? sim->spec.kernel_kib : sim->spec.slot_kib;

	*out = has_magic(sim, medium);
	return yp_sim_device_boot_read(&sim->device, medium, 0, kib * 1024 / YP_SECTOR_BYTES, NULL);
}

static const char *why_not(const struct yp_sim *sim, int version, enum yp_invariant *invariant)
{
	*invariant = YP_I3;
	if (sim->versions[version].sequence < sim->versions[YP_SIM_OLD].sequence) {
		*invariant = YP_I4;
		return "below the version floor";
	}
	if (version == YP_SIM_BAD) {
		*invariant = YP_I6;
		return "rolled back before";
	}
	return sim->spec.bundle_lie != YP_SIM_LIE_NONE ? "from a bundle that must be refused" : "not offered";
}

/* The kernel starts and mounts its root filesystem (S13). Fails the outcome if what it boots may not run. */
static int kernel_start(struct yp_sim *sim, char slot, struct yp_outcome *out)
{
	unsigned index = yp_sim_slot_index(slot), medium = YP_SIM_SLOT_A + index;
	uint32_t sectors = sim->spec.slot_kib * 1024 / YP_SECTOR_BYTES;
	int version = whole_version(sim, medium, false), error;
	enum yp_invariant invariant;
	const char *why;

	sim->run.running = slot;
	sim->run.version = version;
	yp_sim_dev_mark(&sim->device, YP_MARK_STEP, sim->subject->steps->boot);
	if (sim->spec.kernel_kib != 0) {
		int kernel = whole_version(sim, YP_SIM_KERNEL_A + index, true);

		error = yp_sim_device_boot_read(&sim->device, medium, 0, sectors, NULL);
		if (error != 0)
			return error;
		if (kernel < 0 || (version >= 0 && kernel != version)) {
			set_label(out, "broken");
			yp_outcome_fail(out, YP_I2,
					"slot %c was booted with a kernel of %s and a root filesystem of %s", slot,
					kernel < 0 ? "no whole version" : sim->versions[kernel].label,
					version < 0 ? "no whole version" : sim->versions[version].label);
			return 0;
		}
	}
	if (version < 0) {
		bool mixture = is_mixture(sim, medium, sectors);

		set_label(out, "broken");
		yp_outcome_fail(out, mixture ? YP_I2 : YP_I3, "slot %c was booted, but holds %s", slot,
				mixture ? "no version whole" : "bytes that nobody signed");
		return 0;
	}
	set_label(out, sim->versions[version].label);
	if ((sim->allowed & 1u << version) == 0) {
		why = why_not(sim, version, &invariant);
		yp_outcome_fail(out, invariant, "slot %c booted version %s, which is %s", slot,
				sim->versions[version].version, why);
	}
	return 0;
}

/* True when the kernel of this version never gets to user space. */
static bool dies_early(struct yp_sim *sim)
{
	enum yp_sim_image_kind kind = sim->versions[sim->run.version].kind;

	if (kind == YP_SIM_IMAGE_HANGS)
		sim->device.now_us += HANG_US;
	return kind == YP_SIM_IMAGE_PANICS || kind == YP_SIM_IMAGE_HANGS || kind == YP_SIM_IMAGE_NO_ROOT;
}

/* Power on, bootloader, kernel. *up: user space runs. */
static int boot_once(struct yp_sim *sim, struct yp_outcome *out, bool *up)
{
	char slot = 0;
	int error;

	*up = false;
	sim->run.boots++;
	out->boots = sim->run.boots;
	yp_sim_dev_boot(&sim->device);
	error = yp_sim_bootloader_run(sim->subject, &sim->device, &sim->env_memo, sim->spec.env_bytes, slot_loads, sim,
				      &slot);
	if (error == 0 && slot == 0) {
		set_label(out, "halted");
		yp_outcome_fail(out, YP_I1, "the bootloader halts: no slot can be booted");
		return 0;
	}
	if (error == 0)
		error = kernel_start(sim, slot, out);
	if (error == -EIO && sim->device.life == YP_SIM_POWERLESS)
		return 0; /* cut in the bootloader: the next boot */
	if (error != 0)
		return error;
	*up = out->verdict != YP_FAIL && !dies_early(sim);
	return 0;
}

/* A lasting fault ends once it has struck and the updater has returned. */
static void lift_fault(struct yp_sim *sim)
{
	if (sim->device.landed && (sim->device.fault.for_ever || sim->device.fault.kind == YP_SIM_FAULT_CLOCK)) {
		sim->device.fault.kind = YP_SIM_FAULT_NONE;
		yp_sim_alloc_stop();
	}
}

/*
 * A bundle that proves bad only after chunks were written is installed again at every poll, as long as the server
 * offers it. Then "idle" means: this run of the updater left slots and environment as the run before did, and sent no
 * report.
 */
static bool goes_in_circles(struct yp_sim *sim)
{
	uint64_t h = sim->world.event_count;
	bool same;

	if (sim->spec.bundle_lie != YP_SIM_LIE_CORRUPT_CHUNK && sim->spec.bundle_lie != YP_SIM_LIE_TRUNCATED)
		return false;
	for (unsigned m = 0; m < sim->layout.count; m++) {
		for (uint64_t s = 0; m != YP_SIM_STATE && s < sim->layout.media[m].sectors; s++)
			h = (h ^ sim->device.contents[m][s]) * 0x100000001b3u;
	}
	same = h == sim->run.circle;
	sim->run.circle = h;
	return same;
}

/* The updater, again and again until it has nothing to do. *idle: it has; else the device boots again. */
static int user_space(struct yp_sim *sim, struct yp_outcome *out, bool *idle)
{
	*idle = false;
	while (sim->run.sessions < YP_SIM_SESSIONS_MAX) {
		uint64_t writes = sim->device.writes;
		bool landed = sim->device.landed;
		int error;

		sim->world.refused = false;
		error = yp_sim_session(sim);
		if (sim->device.fault.kind == YP_SIM_FAULT_NO_MEMORY && yp_sim_alloc_landed() && !landed) {
			sim->device.landed = true;
			sim->device.landed_step = sim->device.step; /* the last one that began with it */
		}
		lift_fault(sim);
		if (error != 0)
			return error;
		if (sim->device.life == YP_SIM_STOPPED) {
			sim->device.life = YP_SIM_ALIVE;
			continue;
		}
		if (sim->device.life != YP_SIM_ALIVE || sim->run.reboot)
			return 0;
		if ((sim->device.writes == writes && landed == sim->device.landed && !sim->world.refused) ||
		    goes_in_circles(sim)) {
			*idle = true;
			return 0;
		}
	}
	yp_outcome_fail(out, YP_I7, "not idle after %u runs of the updater", YP_SIM_SESSIONS_MAX);
	return 0;
}

static unsigned boots_max(const struct yp_sim *sim)
{
	return 3 * (sim->spec.boot_attempts + 2) + 6;
}

static int until_idle(struct yp_sim *sim, struct yp_outcome *out)
{
	unsigned first = sim->run.boots;

	while (sim->run.boots - first < boots_max(sim)) {
		bool up, idle = false;
		int error = boot_once(sim, out, &up);

		if (error == 0 && up)
			error = user_space(sim, out, &idle);
		if (error != 0 || idle || out->verdict == YP_FAIL)
			return error;
	}
	yp_outcome_fail(out, YP_I1, "not idle after %u boots", boots_max(sim));
	return 0;
}

/* Power cycles as soon as user space is up; they must not change a device that has committed. */
static int quick_cycles(struct yp_sim *sim, struct yp_outcome *out)
{
	int version = sim->run.version, error = 0;
	bool up;

	if (sim->spec.quick_cycles == 0)
		return 0;
	for (unsigned i = 0; i < sim->spec.quick_cycles && error == 0 && out->verdict != YP_FAIL; i++)
		error = boot_once(sim, out, &up);
	if (error == 0 && out->verdict != YP_FAIL)
		error = until_idle(sim, out);
	if (error == 0 && sim->run.version != version)
		yp_outcome_fail(out, YP_I11, "%u quick power cycles brought %s back", sim->spec.quick_cycles,
				out->label);
	return error;
}

void yp_sim_run_prepare(struct yp_sim *sim, const struct yp_image *start, struct yp_log *log)
{
	yp_sim_dev_load(&sim->device, start, log);
	sim->run = (struct yp_sim_run){.running = 'A', .version = YP_SIM_OLD};
	sim->world.refused = sim->world.overflow = false;
	sim->world.event_count = 0;
	sim->world.bytes = 0;
	sim->world.report_down = sim->spec.report_down;
	sim->world.corrupt_at = 0;
	sim->world.corrupt_once = sim->spec.bundle_lie == YP_SIM_LIE_FLAKY_CHUNK;
	if (sim->spec.bundle_lie == YP_SIM_LIE_CORRUPT_CHUNK || sim->spec.bundle_lie == YP_SIM_LIE_FLAKY_CHUNK)
		sim->world.corrupt_at = sim->corrupt_at;
}

int yp_sim_run_until_idle(struct yp_sim *sim, struct yp_outcome *out)
{
	int error;

	*out = (struct yp_outcome){.verdict = YP_PASS, .label = "none"};
	error = until_idle(sim, out);
	if (error == 0 && out->verdict == YP_PASS)
		error = quick_cycles(sim, out);
	if (error != 0)
		return error;
	if (sim->device.env_writes > YP_SIM_ENV_WRITES_MAX)
		yp_outcome_fail(out, YP_I7, "%u writes of the boot environment", (unsigned)sim->device.env_writes);
	if (sim->world.overflow)
		yp_outcome_fail(out, YP_I5, "more than %u reports", YP_SIM_EVENTS_MAX);
	if (out->verdict == YP_PASS)
		(void)snprintf(out->text, sizeof out->text, "ends in %s after %u boots", out->label, out->boots);
	return 0;
}
