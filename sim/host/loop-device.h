/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_LOOP_DEVICE_H
#define SIM_HOST_LOOP_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A loop device over a file, under a device node of our own: /dev/loopN differs from run to run, the node does not.
 * Nobody here keeps the device open, so that the last close of a program writes out what it left in the page cache, as
 * it does on a real device.
 */
struct yp_loop {
	bool attached;
	int number;
	char node[128];
};

/* Makes the node. 0 or -errno, *detail being one clause. */
int yp_loop_attach(const char *file, const char *node, struct yp_loop *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
/* Writes out and forgets what is in the device's page cache. No flush. 0 or -errno. */
int yp_loop_write_out(const struct yp_loop *loop) __attribute__((warn_unused_result));
/* Detaches and removes the node. -EBUSY: a process or a mount still has it; it goes when that is gone. */
int yp_loop_detach(struct yp_loop *loop) __attribute__((warn_unused_result));

#endif
