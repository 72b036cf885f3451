/* SPDX-License-Identifier: Apache-2.0 */
/* Loop devices over files of the block server. */
#include "host/loop-device.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/format-detail.h"
#include "power-cut/host-calls.h"

#define LOOP_MAJOR     7u
#define ATTACH_TRIES   64u
#define DETACH_WAIT_MS 2000u
#define DETACH_STEP_NS 1000000

/* One try with a number that is free now; -EBUSY: somebody else took it. */
static int attach_number(int control, int file, const char *node, struct yp_loop *out)
{
	struct loop_config config = {.fd = (uint32_t)file, .block_size = 512, .info.lo_flags = LO_FLAGS_DIRECT_IO};
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	int device;
	int r;

	if (number < 0)
		return -errno;
	(void)unlink(node);
	if (mknod(node, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)number)) < 0)
		return -errno;
	device = open(node, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -errno;
	r = ioctl(device, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
	(void)close(device);
	if (r < 0)
		return r;
	out->number = number;
	out->attached = true;
	(void)snprintf(out->node, sizeof out->node, "%s", node);
	return 0;
}

int yp_loop_attach(const char *file, const char *node, struct yp_loop *out, char *detail, size_t detail_bytes)
{
	assert(file && node && out && strlen(node) < sizeof out->node);
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int r = control < 0 ? -errno : 0;
	int fd = -1;

	*out = (struct yp_loop){0};
	if (r < 0) {
		yp_detail(detail, detail_bytes, "/dev/loop-control: %s; loop devices are needed for +loop",
			  strerror(-r));
		return r;
	}
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		r = -errno;
	for (unsigned i = 0; r == 0 && i < ATTACH_TRIES; i++) {
		r = attach_number(control, fd, node, out);
		if (r != -EBUSY)
			break;
		r = i + 1 < ATTACH_TRIES ? 0 : r;
	}
	if (r < 0)
		yp_detail(detail, detail_bytes, "a loop device over %.100s: %s", file, strerror(-r));
	if (fd >= 0)
		(void)close(fd);
	(void)close(control);
	return r;
}

int yp_loop_write_out(const struct yp_loop *loop)
{
	int device = open(loop->node, O_RDONLY | O_CLOEXEC);
	int r = device < 0 || ioctl(device, BLKFLSBUF, 0) < 0 ? -errno : 0;

	if (device >= 0)
		(void)close(device);
	return r;
}

/* 1: it has no file any more. */
static int is_free(const struct yp_loop *loop)
{
	struct loop_info64 info;
	int device = open(loop->node, O_RDONLY | O_CLOEXEC);
	int r = device < 0 ? 1 : ioctl(device, LOOP_GET_STATUS64, &info) < 0 && errno == ENXIO;

	if (device >= 0)
		(void)close(device);
	return r;
}

int yp_loop_detach(struct yp_loop *loop)
{
	const struct timespec step = {.tv_nsec = DETACH_STEP_NS};
	uint64_t start_ms = yp_clock_ms();
	int device;
	int r = 0;

	if (!loop->attached)
		return 0;
	device = open(loop->node, O_RDWR | O_CLOEXEC);
	if (device < 0 || ioctl(device, LOOP_CLR_FD, 0) < 0)
		r = -errno;
	if (device >= 0)
		(void)close(device);
	/* There is no event for the end of the last user, such as udev. */
	while (r == 0 && !is_free(loop)) {
		if (yp_clock_ms() - start_ms > DETACH_WAIT_MS)
			r = -EBUSY;
		(void)nanosleep(&step, NULL);
	}
	(void)unlink(loop->node);
	loop->attached = false;
	return r;
}
