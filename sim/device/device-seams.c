/* SPDX-License-Identifier: Apache-2.0 */
/* The media of the simulated device as core sees them: every operation is logged and passes the fault plan. */
#include "device/device-seams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/failing-alloc.h"

#define OP_US 100u /* what an operation takes, in virtual time */

int yp_sim_dev_init(struct yp_sim_device *device, const struct yp_layout *layout, struct yp_pool *pool)
{
	*device = (struct yp_sim_device){.layout = layout, .pool = pool};
	for (unsigned m = 0; m < layout->count; m++) {
		device->ports[m] = (struct yp_sim_port){device, m};
		device->contents[m] = calloc(layout->media[m].sectors, sizeof *device->contents[m]);
		if (device->contents[m] == NULL) {
			yp_sim_dev_deinit(device);
			return -ENOMEM;
		}
	}
	return 0;
}

void yp_sim_dev_deinit(struct yp_sim_device *device)
{
	for (unsigned m = 0; m < YP_SIM_MEDIA; m++) {
		free(device->contents[m]);
		device->contents[m] = NULL;
	}
	free(device->unflushed);
	device->unflushed = NULL;
	device->unflushed_count = device->unflushed_room = 0;
}

void yp_sim_dev_load(struct yp_sim_device *device, const struct yp_image *from, struct yp_log *log)
{
	for (unsigned m = 0; m < device->layout->count; m++) {
		uint64_t sectors = device->layout->media[m].sectors;

		for (uint64_t s = 0; s < sectors; s++)
			device->contents[m][s] = yp_image_get(from, m, s);
	}
	device->log = log;
	device->life = YP_SIM_ALIVE;
	device->error = 0;
	device->fault = (struct yp_sim_fault){.kind = YP_SIM_FAULT_NONE, .medium = -1};
	device->landed = false;
	device->step = device->landed_step = "";
	device->loses = false;
	device->unflushed_count = 0;
	memset(device->count, 0, sizeof device->count);
	device->ops = device->writes = device->env_writes = device->written_sectors = 0;
	device->now_us = 0;
}

void yp_sim_dev_store(const struct yp_sim_device *device, struct yp_image *to)
{
	for (unsigned m = 0; m < device->layout->count; m++) {
		uint64_t sectors = device->layout->media[m].sectors;

		for (uint64_t s = 0; s < sectors; s++)
			yp_image_set(to, m, s, device->contents[m][s]);
	}
}

/* One more operation of the kind that this fault counts: does it strike now? */
static bool fault_strikes(struct yp_sim_device *device, enum yp_sim_fault_kind kind, unsigned medium)
{
	const struct yp_sim_fault *fault = &device->fault;
	uint64_t n;

	if (fault->kind == kind && medium != YP_SIM_MEDIA && fault->medium >= 0 && (unsigned)fault->medium != medium)
		return false;
	n = ++device->count[kind];
	if (fault->kind != kind || n < fault->nth || (n > fault->nth && !fault->for_ever))
		return false;
	if (!device->landed)
		device->landed_step = device->step;
	device->landed = true;
	return true;
}

static int power_or_stop(struct yp_sim_device *device, bool process)
{
	if (device->life != YP_SIM_ALIVE || device->error != 0)
		return -EIO;
	device->ops++;
	device->now_us += OP_US;
	if (fault_strikes(device, YP_SIM_FAULT_POWER, YP_SIM_MEDIA)) {
		device->life = YP_SIM_POWERLESS;
		return -EIO;
	}
	if (process && fault_strikes(device, YP_SIM_FAULT_STOP, YP_SIM_MEDIA)) {
		device->life = YP_SIM_STOPPED;
		return -EIO;
	}
	return 0;
}

int yp_sim_dev_op(struct yp_sim_device *device, enum yp_sim_op op, unsigned medium)
{
	int error = power_or_stop(device, true);

	if (error != 0)
		return error;
	switch (op) {
	case YP_SIM_OP_READ:
		return fault_strikes(device, YP_SIM_FAULT_READ_EIO, medium) ? -EIO : 0;
	case YP_SIM_OP_WRITE:
		if (fault_strikes(device, YP_SIM_FAULT_WRITE_EIO, medium))
			return -EIO;
		return fault_strikes(device, YP_SIM_FAULT_WRITE_ENOSPC, medium) ? -ENOSPC : 0;
	case YP_SIM_OP_FLUSH:
		return fault_strikes(device, YP_SIM_FAULT_FLUSH_EIO, medium) ? -EIO : 0;
	case YP_SIM_OP_FETCH:
	case YP_SIM_OP_OTHER:
		break;
	}
	return 0;
}

static void note_error(struct yp_sim_device *device, int error)
{
	if (error < 0 && device->error == 0)
		device->error = error;
}

static void get_sectors(struct yp_sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors, uint8_t *out)
{
	for (uint32_t k = 0; k < sectors; k++)
		memcpy(out + (size_t)k * YP_SECTOR_BYTES,
		       yp_pool_sector(device->pool, device->contents[medium][sector + k]), YP_SECTOR_BYTES);
	if (device->log != NULL)
		note_error(device, yp_log_read(device->log, medium, sector, sectors));
}

static void note_unflushed(struct yp_sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors)
{
	if (!device->loses)
		return;
	if (device->unflushed_count + sectors > device->unflushed_room) {
		size_t room = (device->unflushed_count + sectors) * 2;
		struct yp_sim_unflushed *more = realloc(device->unflushed, room * sizeof *more);

		if (more == NULL) {
			note_error(device, -ENOMEM);
			return;
		}
		device->unflushed = more;
		device->unflushed_room = room;
	}
	for (uint32_t k = 0; k < sectors; k++)
		device->unflushed[device->unflushed_count++] =
		    (struct yp_sim_unflushed){medium, false, sector + k, device->contents[medium][sector + k]};
}

static bool written_since(const struct yp_sim_device *device, size_t i)
{
	for (size_t k = i + 1; k < device->unflushed_count; k++) {
		const struct yp_sim_unflushed *later = &device->unflushed[k];

		if (!later->lost && later->medium == device->unflushed[i].medium &&
		    later->sector == device->unflushed[i].sector)
			return true;
	}
	return false;
}

/* A sector that a failed flush lost stays lost until it is written and flushed again. */
static void note_flushed(struct yp_sim_device *device, unsigned medium)
{
	size_t kept = 0;

	for (size_t i = 0; i < device->unflushed_count; i++) {
		if (device->unflushed[i].medium == medium && device->unflushed[i].lost && written_since(device, i))
			device->unflushed[i].lost = false;
	}
	for (size_t i = 0; i < device->unflushed_count; i++) {
		if (device->unflushed[i].medium != medium || device->unflushed[i].lost)
			device->unflushed[kept++] = device->unflushed[i];
	}
	device->unflushed_count = kept;
}

/* As Linux and drives do it: the writes are still read back, but no later flush covers them. */
static void note_flush_failed(struct yp_sim_device *device, unsigned medium)
{
	for (size_t i = 0; i < device->unflushed_count; i++) {
		if (device->unflushed[i].medium == medium)
			device->unflushed[i].lost = true;
	}
}

void yp_sim_dev_boot(struct yp_sim_device *device)
{
	for (; device->unflushed_count > 0; device->unflushed_count--) {
		const struct yp_sim_unflushed *u = &device->unflushed[device->unflushed_count - 1];

		device->contents[u->medium][u->sector] = u->content;
	}
	device->life = YP_SIM_ALIVE;
	device->now_us = 0;
}

static void put_sectors(struct yp_sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors,
			const uint8_t *data)
{
	uint32_t *to = device->contents[medium] + sector;
	int error = 0;

	note_unflushed(device, medium, sector, sectors);
	device->writes++;
	device->written_sectors += sectors;
	if (medium == YP_SIM_ENV)
		device->env_writes++;
	if (device->log == NULL) {
		for (uint32_t k = 0; k < sectors && error == 0; k++)
			error = yp_pool_intern(device->pool, data + (size_t)k * YP_SECTOR_BYTES, &to[k]);
	} else {
		error = yp_log_write(device->log, medium, sector, sectors, data, false);
		if (error == 0) {
			const struct yp_entry *entry = yp_log_entry(device->log, yp_log_count(device->log) - 1);

			for (uint32_t k = 0; k < sectors; k++)
				to[k] = yp_log_content(device->log, entry, k);
		}
	}
	note_error(device, error);
}

static int port_read(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes)
{
	struct yp_sim_port *port = dev;
	bool gate = yp_sim_alloc_gate(false);
	int error = yp_sim_dev_op(port->device, YP_SIM_OP_READ, port->medium);

	if (error == 0)
		get_sectors(port->device, port->medium, offset_bytes / YP_SECTOR_BYTES,
			    (uint32_t)(size_bytes / YP_SECTOR_BYTES), out);
	yp_sim_alloc_gate(gate);
	return error;
}

/* The write that reaches the medium with one bit changed, at a place that depends on n. */
static int put_flipped(struct yp_sim_port *port, uint64_t sector, uint32_t sectors, const uint8_t *data)
{
	uint64_t n = port->device->count[YP_SIM_FAULT_WRITE_BITFLIP];
	size_t at = (size_t)(n * 5 % sectors) * YP_SECTOR_BYTES + (n * 37) % YP_SECTOR_BYTES;
	uint8_t *copy = malloc((size_t)sectors * YP_SECTOR_BYTES);

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, data, (size_t)sectors * YP_SECTOR_BYTES);
	copy[at] ^= (uint8_t)(1u << (n % 8));
	put_sectors(port->device, port->medium, sector, sectors, copy);
	free(copy);
	return 0;
}

static int port_write(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes)
{
	struct yp_sim_port *port = dev;
	uint64_t sector = offset_bytes / YP_SECTOR_BYTES;
	uint32_t sectors = (uint32_t)(size_bytes / YP_SECTOR_BYTES);
	bool gate = yp_sim_alloc_gate(false);
	int error = yp_sim_dev_op(port->device, YP_SIM_OP_WRITE, port->medium);

	if (error == 0) {
		if (fault_strikes(port->device, YP_SIM_FAULT_WRITE_BITFLIP, port->medium))
			error = put_flipped(port, sector, sectors, data);
		else
			put_sectors(port->device, port->medium, sector, sectors, data);
	}
	yp_sim_alloc_gate(gate);
	return error;
}

static int port_flush(void *dev)
{
	struct yp_sim_port *port = dev;
	bool gate = yp_sim_alloc_gate(false);
	int error = yp_sim_dev_op(port->device, YP_SIM_OP_FLUSH, port->medium);

	if (error == 0)
		note_flushed(port->device, port->medium);
	else if (port->device->life == YP_SIM_ALIVE)
		note_flush_failed(port->device, port->medium);
	if (error == 0 && port->device->log != NULL)
		note_error(port->device, yp_log_flush(port->device->log, port->medium));
	yp_sim_alloc_gate(gate);
	return error;
}

static const struct ota_block_ops port_ops = {
    .read = port_read,
    .read_uncached = port_read,
    .write = port_write,
    .flush = port_flush,
};

struct ota_block yp_sim_dev_block(struct yp_sim_device *device, unsigned medium)
{
	const struct yp_medium *m = &device->layout->media[medium];

	return (struct ota_block){
	    .ops = &port_ops,
	    .dev = &device->ports[medium],
	    .size_bytes = m->sectors * YP_SECTOR_BYTES,
	    .block_bytes = YP_SECTOR_BYTES,
	    .name = m->name,
	};
}

bool yp_sim_device_short_answer(struct yp_sim_device *device)
{
	return fault_strikes(device, YP_SIM_FAULT_SHORT_ANSWER, YP_SIM_MEDIA);
}

void yp_sim_dev_mark(struct yp_sim_device *device, enum yp_mark_kind kind, const char *text)
{
	if (kind == YP_MARK_STEP && device->life == YP_SIM_ALIVE)
		device->step = text;
	if (device->log != NULL && device->life == YP_SIM_ALIVE)
		note_error(device, yp_log_mark(device->log, kind, text));
}

int yp_sim_device_boot_read(struct yp_sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors, void *out)
{
	int error = power_or_stop(device, false);

	if (error != 0)
		return error;
	if (out != NULL)
		get_sectors(device, medium, sector, sectors, out);
	else if (device->log != NULL)
		note_error(device, yp_log_read(device->log, medium, sector, sectors));
	return 0;
}

int yp_sim_device_boot_write(struct yp_sim_device *device, unsigned medium, uint64_t sector, uint32_t sectors,
			     const void *data)
{
	int error = power_or_stop(device, false);

	if (error != 0)
		return error;
	put_sectors(device, medium, sector, sectors, data);
	/* The bootloader's block writes are synchronous, without a cache of its own. */
	note_flushed(device, medium);
	error = power_or_stop(device, false);
	if (error == 0 && device->log != NULL)
		note_error(device, yp_log_flush(device->log, medium));
	return error;
}
