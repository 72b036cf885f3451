/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the updater on the simulated device: core, behind its seams. */
#include <errno.h>
#include <stdio.h>

#include "device/device-private.h"
#include "device/failing-alloc.h"

#define SLEEP_MAX_MS 86400000u

static struct yp_sim *sim_of(void *ctx)
{
	return ctx;
}

static int system_booted(void *system, char out[OTA_BOOTNAME_MAX])
{
	(void)snprintf(out, OTA_BOOTNAME_MAX, "%c", sim_of(system)->run.running);
	return 0;
}

static int system_hook(void *system, enum ota_hook hook, const char *bundle_version)
{
	(void)system;
	(void)hook;
	(void)bundle_version;
	return 0;
}

static int system_health(void *system, uint32_t deadline_ms, char *detail, size_t detail_bytes)
{
	struct yp_sim *sim = sim_of(system);
	bool gate = yp_sim_alloc_gate(false);
	int result = yp_sim_dev_op(&sim->device, YP_SIM_OP_OTHER, 0);

	yp_sim_alloc_gate(gate);
	if (result != 0)
		return result;
	switch (sim->versions[sim->run.version].kind) {
	case YP_SIM_IMAGE_HEALTH_FAILS:
		(void)snprintf(detail, detail_bytes, "network");
		return OTA_HEALTH_FAILED;
	case YP_SIM_IMAGE_HEALTH_HANGS:
		(void)snprintf(detail, detail_bytes, "network");
		sim->device.now_us += (uint64_t)deadline_ms * 1000;
		return OTA_HEALTH_TIMEOUT;
	case YP_SIM_IMAGE_CRASH_LOOPS:
		sim->device.life = YP_SIM_RESET;
		return -EIO;
	case YP_SIM_IMAGE_GOOD:
	case YP_SIM_IMAGE_PANICS:
	case YP_SIM_IMAGE_HANGS:
	case YP_SIM_IMAGE_NO_ROOT:
	case YP_SIM_IMAGE_NO_KERNEL:
		break;
	}
	return 0;
}

static int system_power(void *system)
{
	(void)system;
	return 0;
}

static int system_reboot(void *system)
{
	sim_of(system)->run.reboot = true;
	return 0;
}

static void system_step(void *system, enum ota_step step)
{
	bool gate = yp_sim_alloc_gate(false);

	yp_sim_dev_mark(&sim_of(system)->device, YP_MARK_STEP, ota_step_name(step));
	yp_sim_alloc_gate(gate);
}

static void system_message(void *system, enum ota_level level, const char *text)
{
	bool gate = yp_sim_alloc_gate(false);

	if (level >= OTA_LEVEL_INFO)
		yp_sim_dev_mark(&sim_of(system)->device, YP_MARK_NOTE, text);
	yp_sim_alloc_gate(gate);
}

static void system_watchdog(void *system, bool release)
{
	(void)system;
	(void)release;
}

static const struct ota_system_ops system_ops = {
    .booted = system_booted,
    .hook = system_hook,
    .health = system_health,
    .power = system_power,
    .reboot = system_reboot,
    .step = system_step,
    .message = system_message,
    .watchdog = system_watchdog,
};

static int64_t clock_realtime_s(void *clock)
{
	const struct yp_sim_device *device = &sim_of(clock)->device;
	int64_t start = YP_SIM_NOW_S;

	if (device->fault.kind == YP_SIM_FAULT_CLOCK) {
		start = device->fault.clock_s;
		sim_of(clock)->device.landed = true;
	}
	return start + (int64_t)(device->now_us / 1000000u);
}

static int64_t clock_monotonic_ms(void *clock)
{
	return (int64_t)(sim_of(clock)->device.now_us / 1000u);
}

static int clock_sleep_ms(void *clock, uint32_t ms)
{
	struct yp_sim_device *device = &sim_of(clock)->device;

	if (device->life != YP_SIM_ALIVE || device->error != 0)
		return -EINTR;
	device->now_us += (uint64_t)(ms < SLEEP_MAX_MS ? ms : SLEEP_MAX_MS) * 1000u;
	return 0;
}

static const struct ota_clock_ops clock_ops = {
    .realtime_s = clock_realtime_s,
    .monotonic_ms = clock_monotonic_ms,
    .sleep_ms = clock_sleep_ms,
};

static struct ota_slot make_slot(struct yp_sim *sim, unsigned index)
{
	struct ota_slot slot = {
	    .bootname = {index == 0 ? 'A' : 'B'}, .image_count = 1, .tail_bytes = sim->spec.tail_kib * 1024};

	slot.images[0] = (struct ota_slot_image){"rootfs", yp_sim_dev_block(&sim->device, YP_SIM_SLOT_A + index)};
	if (sim->spec.kernel_kib != 0) {
		slot.images[1] =
		    (struct ota_slot_image){"kernel", yp_sim_dev_block(&sim->device, YP_SIM_KERNEL_A + index)};
		slot.image_count = 2;
	}
	return slot;
}

static struct ota make_ota(struct yp_sim *sim)
{
	return (struct ota){
	    .policy =
		{
		    .compatible = YP_SIM_COMPATIBLE,
		    .device_id = "sim-0001",
		    .update_url = YP_SIM_UPDATE_URL,
		    .report_url = sim->spec.report_url_none ? NULL : YP_SIM_REPORT_URL,
		    .boot_attempts = sim->spec.boot_attempts,
		    .checkpoint_bytes = sim->spec.checkpoint_kib * 1024,
		    .build_time_s = YP_SIM_BUILD_S,
		    .reuse = true,
		    .pipeline = false,
		},
	    .slots = {make_slot(sim, 0), make_slot(sim, 1)},
	    .state = yp_sim_dev_block(&sim->device, YP_SIM_STATE),
	    .fetch = yp_sim_world_fetch(&sim->world),
	    .files = yp_sim_world_fetch(&sim->world),
	    .clock = {&clock_ops, sim},
	    .system = {&system_ops, sim},
	    .keyring = sim->keyring,
	};
}

int yp_sim_session(struct yp_sim *sim)
{
	static const char *const names[2] = {"A", "B"};
	struct ota ota = make_ota(sim);
	struct ota_uboot *uboot = NULL;
	struct ota_result result = {.reboot = false};
	int error;

	sim->run.reboot = false;
	sim->run.sessions++;
	(void)yp_sim_alloc_gate(true);
	error = ota_uboot_new(&sim->env_place, names, &uboot, &ota.boot);
	if (error == 0) {
		/* ota_check() begins with ota_resume(): a device's boot and its first poll in one. What they return is
		 * the subject's claim; the oracles look at the media. */
		int claim = sim->world.file != NULL ? ota_check(&ota, &result) : ota_resume(&ota, &result);

		(void)claim;
		ota_uboot_free(uboot);
	}
	(void)yp_sim_alloc_gate(false);
	if (result.reboot)
		sim->run.reboot = true;
	if (sim->versions[sim->run.version].kind == YP_SIM_IMAGE_CRASH_LOOPS && sim->device.life == YP_SIM_ALIVE)
		sim->device.life = YP_SIM_RESET;
	return sim->device.error;
}
