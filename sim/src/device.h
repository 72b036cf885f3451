/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "ota/block.h"
#include "sim/sim.h"

/* The media's places in the layout; kernels are there only if asked for. */
enum sim_medium_id { SIM_SLOT_A, SIM_SLOT_B, SIM_ENV, SIM_STATE, SIM_DATA, SIM_KERNEL_A, SIM_KERNEL_B, SIM_MEDIA };

enum sim_life {
	SIM_ALIVE,
	SIM_STOPPED, /* the process is gone, the device lives on */
	SIM_RESET,   /* panic or watchdog: the device starts again */
	SIM_POWERLESS
};

/* What an operation is to the fault plan. */
enum sim_op { SIM_OP_READ, SIM_OP_WRITE, SIM_OP_FLUSH, SIM_OP_FETCH, SIM_OP_OTHER };

struct sim_unflushed {
	unsigned medium;
	bool lost; /* by a flush that failed */
	uint64_t sector;
	uint32_t content; /* as it was */
};

struct sim_device;
struct sim_port {
	struct sim_device *device;
	unsigned medium;
};

/*
 * The media of a device that runs: a content id for every sector, from the pool; every operation is
 * logged (log != NULL) and passes the fault plan. Once life is not SIM_ALIVE, each operation of the updater is -EIO and
 * changes nothing.
 */
struct sim_device {
	const struct bp_layout *layout;
	struct bp_pool *pool;
	struct bp_log *log;
	uint32_t *contents[SIM_MEDIA];
	struct sim_port ports[SIM_MEDIA];
	enum sim_life life;
	int error; /* the harness's own failure (out of memory): ends everything */
	struct sim_fault fault;
	bool landed;
	const char *step,
	    *landed_step; /* the step that runs, and the one that the fault hit first; static, "" = before any */
	uint64_t count[SIM_FAULT_CLOCK + 1]; /* operations that each kind of fault counts */
	uint64_t ops, writes, env_writes, written_sectors;
	/* With SIM_FAULT_FLUSH_EIO: what no successful flush made durable yet is gone at the next boot. */
	bool loses;
	struct sim_unflushed *unflushed;
	size_t unflushed_count, unflushed_room;
	uint64_t now_us; /* since this boot */
};

int sim_dev_init(struct sim_device *device, const struct bp_layout *layout, struct bp_pool *pool)
    __attribute__((warn_unused_result));
void sim_dev_deinit(struct sim_device *device);
/* Loads the media; log may be NULL. Counters and fault are cleared. */
void sim_dev_load(struct sim_device *device, const struct bp_image *from, struct bp_log *log);
void sim_dev_store(const struct sim_device *device, struct bp_image *to);

/* A handle for core. */
struct ota_block sim_dev_block(struct sim_device *device, unsigned medium);
/* The fault plan for one operation of the updater: 0 = do it, or the error that it gets. */
int sim_dev_op(struct sim_device *device, enum sim_op op, unsigned medium);
/* Power on: what was not flushed is gone, if the fault says so. */
void sim_dev_boot(struct sim_device *device);
/* Does this fetch end after half of its bytes? */
bool sim_device_short_answer(struct sim_device *device);
void sim_dev_mark(struct sim_device *device, enum bp_mark_kind kind, const char *text);

/* The bootloader's and the kernel's own access: logged, hit by a power cut only. 0, or -EIO once the power is gone. */
int sim_device_boot_read(struct sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors, void *out);
int sim_device_boot_write(struct sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors,
			  const void *data);

#endif
