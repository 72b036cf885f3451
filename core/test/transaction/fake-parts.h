/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_TRANSACTION_FAKE_PARTS_H
#define CORE_TEST_TRANSACTION_FAKE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"

/* The parts of a fake device: its media, boot state and server, the faults they can have, and the seams over them. */
#define FAKE_ROOTFS_BYTES (112u * 1024u)
#define FAKE_KERNEL_BYTES (16u * 1024u)
#define FAKE_ROOTFS_USED  (40u * 1024u)
#define FAKE_KERNEL_USED  8704u
#define FAKE_STASH_TAIL   (64u * 1024u)
#define FAKE_SMALL_TAIL   (16u * 1024u)
#define FAKE_MEDIA        5u /* A.rootfs, A.kernel, B.rootfs, B.kernel, state */
#define FAKE_STATE        4u
#define FAKE_PENDING_MAX  192u
#define FAKE_LOG_BYTES    32768u
#define FAKE_POSTS_MAX    64u
#define FAKE_BOOTS_MAX    24u

struct fake;
struct fake_medium {
	struct fake *fake;
	char name[12];
	uint32_t size_bytes;
	uint8_t durable[FAKE_ROOTFS_BYTES];
	uint8_t cache[FAKE_ROOTFS_BYTES]; /* durable with all pending writes */
	unsigned writes, flushes;
};
struct fake_pending {
	unsigned medium;
	uint32_t offset, size;
};
struct fake {
	struct ota ota;
	struct fake_medium media[FAKE_MEDIA];
	struct fake_pending pending[FAKE_PENDING_MAX];
	uint8_t pending_data[FAKE_PENDING_MAX][4096]; /* larger writes are kept as several */
	unsigned pending_count;
	struct ota_boot_state env;
	unsigned env_stores;
	char booted[OTA_BOOTNAME_MAX];
	/* faults */
	unsigned ops;    /* media and env operations so far */
	unsigned die_at; /* 0: never */
	bool dead;
	unsigned fail_write_medium; /* 1 + medium whose writes fail; 0: none */
	unsigned fail_flush_medium;
	unsigned fail_flush_nth; /* the nth flush from now fails, once */
	bool device_cache;       /* read_uncached() also sees what is not durable: the device's own cache answers */
	unsigned flip_write;     /* the nth write from now reaches the medium with one bit changed */
	bool env_fails;
	int health_errno; /* what health() returns if not 0 */
	bool server_down, reports_down, low_power, hook_refuses;
	/* the world */
	const uint8_t *bundle; /* borrowed */
	size_t bundle_bytes;
	uint64_t fetched_bytes;
	char etag[OTA_ETAG_MAX];
	unsigned gets;
	char posts[FAKE_POSTS_MAX][512];
	unsigned post_count;
	int64_t clock_s, monotonic_ms;
	unsigned reboots, health_runs, watchdog_releases;
	char log[FAKE_LOG_BYTES];
	size_t log_used;
	bool logging;
};

extern const struct ota_block_ops fake_block_ops;
extern const struct ota_boot_ops fake_boot_ops;
extern const struct ota_fetch_ops fake_fetch_ops;
extern const struct ota_clock_ops fake_clock_ops;
extern const struct ota_system_ops fake_system_ops;
int fake_env_store(struct fake *fake, const struct ota_boot_state *state);
/* One line; a line equal to the last is left out. */
void fake_log(struct fake *fake, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
