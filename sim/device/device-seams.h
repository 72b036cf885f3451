/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DEVICE_DEVICE_SEAMS_H
#define SIM_DEVICE_DEVICE_SEAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "ota/block.h"
#include "sim/device.h"
#include "sim/subject.h"
#include "subject/memo.h"

/* The media's places in the layout; kernels are there only if asked for. */
enum yp_sim_medium_id {
	YP_SIM_SLOT_A,
	YP_SIM_SLOT_B,
	YP_SIM_ENV,
	YP_SIM_STATE,
	YP_SIM_DATA,
	YP_SIM_KERNEL_A,
	YP_SIM_KERNEL_B,
	YP_SIM_MEDIA
};

enum yp_sim_life {
	YP_SIM_ALIVE,
	YP_SIM_STOPPED, /* the process is gone, the device lives on */
	YP_SIM_RESET,   /* panic or watchdog: the device starts again */
	YP_SIM_POWERLESS
};

/* What an operation is to the fault plan. */
enum yp_sim_op { YP_SIM_OP_READ, YP_SIM_OP_WRITE, YP_SIM_OP_FLUSH, YP_SIM_OP_FETCH, YP_SIM_OP_OTHER };

struct yp_sim_unflushed {
	unsigned medium;
	bool lost; /* by a flush that failed */
	uint64_t sector;
	uint32_t content; /* as it was */
};

struct yp_sim_device;
struct yp_sim_port {
	struct yp_sim_device *device;
	unsigned medium;
};

/*
 * The media of a device that runs: a content id for every sector, from the pool; every operation is
 * logged (log != NULL) and passes the fault plan. Once life is not YP_SIM_ALIVE, each operation of the updater is -EIO
 * and changes nothing.
 */
struct yp_sim_device {
	const struct yp_layout *layout;
	struct yp_pool *pool;
	struct yp_log *log;
	uint32_t *contents[YP_SIM_MEDIA];
	struct yp_sim_port ports[YP_SIM_MEDIA];
	enum yp_sim_life life;
	int error; /* a failure of the harness itself (out of memory): ends everything */
	struct yp_sim_fault fault;
	bool landed;
	const char *step,
	    *landed_step; /* the step that runs, and the one that the fault hit first; static, "" = before any */
	uint64_t count[YP_SIM_FAULT_CLOCK + 1]; /* operations that each kind of fault counts */
	uint64_t ops, writes, env_writes, written_sectors;
	/* With YP_SIM_FAULT_FLUSH_EIO: what no successful flush made durable yet is gone at the next boot. */
	bool loses;
	struct yp_sim_unflushed *unflushed;
	size_t unflushed_count, unflushed_room;
	uint64_t now_us; /* since this boot */
};

int yp_sim_dev_init(struct yp_sim_device *device, const struct yp_layout *layout, struct yp_pool *pool)
    __attribute__((warn_unused_result));
void yp_sim_dev_deinit(struct yp_sim_device *device);
/* Loads the media; log may be NULL. Counters and fault are cleared. */
void yp_sim_dev_load(struct yp_sim_device *device, const struct yp_image *from, struct yp_log *log);
void yp_sim_dev_store(const struct yp_sim_device *device, struct yp_image *to);

/* A handle for core. */
struct ota_block yp_sim_dev_block(struct yp_sim_device *device, unsigned medium);
/* The fault plan for one operation of the updater: 0 = do it, or the error that it gets. */
int yp_sim_dev_op(struct yp_sim_device *device, enum yp_sim_op op, unsigned medium);
/* Power on: what was not flushed is gone, if the fault says so. */
void yp_sim_dev_boot(struct yp_sim_device *device);
/* Does this fetch end after half of its bytes? */
bool yp_sim_device_short_answer(struct yp_sim_device *device);
void yp_sim_dev_mark(struct yp_sim_device *device, enum yp_mark_kind kind, const char *text);

/* The bootloader's and the kernel's own access: logged, hit by a power cut only. 0, or -EIO once the power is gone. */
int yp_sim_device_boot_read(struct yp_sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors,
			    void *out);
int yp_sim_device_boot_write(struct yp_sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors,
			     const void *data);

/*
 * One boot on a device (select, fall back): reads both copies, counts, decides, stores. loads() tells whether a slot's
 * kernel can be loaded, reading it. *slot: 'A', 'B', or 0 when it halts. 0, or -EIO when the power was cut meanwhile.
 */
int yp_sim_bootloader_run(const struct yp_subject *subject, struct yp_sim_device *device, struct yp_memo *memo,
			  size_t env_bytes, int (*loads)(void *ctx, char slot, bool *out), void *ctx, char *slot)
    __attribute__((warn_unused_result));

#endif
