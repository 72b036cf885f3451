/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_FAKE_DEVICE_H
#define CORE_TEST_FAKE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/ota.h"

/*
 * A device in memory for tests of the transaction: two slots (rootfs, kernel), a state medium, a boot state, a server.
 * Writes are volatile until flush; read_uncached() sees only what is durable. At operation die_at the device is dead:
 * every operation returns -EIO and changes nothing, until fake_power(). It holds no pointers to itself but in `ota`:
 * copy it with fake_copy().
 */
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
enum fake_cut { FAKE_DROP, FAKE_KEEP, FAKE_MIXED };

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

/* Bundles of a test process: good 1, 2 and 3; 2 with another behaviour. kind: first byte of its root filesystem:
 * 'G' good, 'H' fails its health check, 'T' hangs in it, 'P' panics, 'L' cannot be loaded. */
struct fake_bundle {
	uint8_t *raw;
	size_t size_bytes;
};
struct fake_world {
	struct ota_keyring *keyring;
	char *certificate_pem, *key_pem;
};
void fake_world_init(struct fake_world *world); /* asserts */
void fake_world_deinit(struct fake_world *world);
/* version "1", sequence 10, ...: sequence = 10 * version. change: may be NULL; edits the manifest before it is signed.
 */
struct fake_bundle fake_bundle_make(const struct fake_world *world, unsigned version, char kind,
				    void (*change)(struct ota_manifest *manifest));
/* A device that runs version 1 from slot A, installed by the factory (with a descriptor); slot B is empty. */
struct fake *fake_new(const struct fake_world *world, uint32_t tail_bytes);
struct fake *fake_copy(const struct fake *fake);
/* The server offers this bundle under this validator. */
void fake_offer(struct fake *fake, const struct fake_bundle *bundle, const char *etag);
/* The power comes back: what was volatile is dropped, kept, or some of it (seeded, with a tear). */
void fake_power(struct fake *fake, enum fake_cut cut, uint64_t seed);
/* The bootloader, the boot script's table: sets booted, counts, goes back. False: halted, or dead. Kernels that panic
 * boot again. */
bool fake_boot(struct fake *fake);
/* Boots and resumes until no reboot is asked for. False: halted, dead or no rest within FAKE_BOOTS_MAX. */
bool fake_settle(struct fake *fake, struct ota_result *result, int *returned);
/* Writes and env stores so far. */
unsigned fake_writes(const struct fake *fake);
/* First byte of the running root filesystem's version text, such as '2'; 0 if what runs is not whole and of one
 * version. */
char fake_running_version(const struct fake *fake);
/* Different ids among delivered reports of this event and version (NULL: any). */
unsigned fake_reports(const struct fake *fake, const char *event, const char *version);
void fake_state(struct fake *fake, struct ota_state *state);

#endif
