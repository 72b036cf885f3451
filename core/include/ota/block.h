/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_BLOCK_H
#define OTA_BLOCK_H

#include <stddef.h>
#include <stdint.h>

/*
 * One piece of durable storage: a partition, a file, a simulated medium.
 *
 * Offsets and sizes are bytes, multiples of block_bytes (512 or more, a power of two), and
 * lie inside size_bytes; callers guarantee it. Every operation is whole or an error: there
 * are no short counts.
 *
 * Durability: a write is volatile until a later flush() on the *same* block returned 0. Until
 * then it may be lost, torn at any 512-byte boundary, or overtaken by any other write. flush()
 * is the only promise.
 *
 * All return 0 or -errno. After an error the block's unflushed contents are unknown.
 */
struct ota_block_ops {
	int (*read)(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes);
	/* As read(), but from the medium itself, past every cache that the host controls. */
	int (*read_uncached)(void *dev, uint64_t offset_bytes, void *out, size_t size_bytes);
	int (*write)(void *dev, uint64_t offset_bytes, const void *data, size_t size_bytes);
	int (*flush)(void *dev);
};

/* A handle; the struct is borrowed by libota, dev belongs to its maker. */
struct ota_block {
	const struct ota_block_ops *ops;
	void *dev;
	uint64_t size_bytes;
	uint32_t block_bytes;
	const char *name; /* for messages, such as "/dev/mmcblk0p2" */
};

#endif
