/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TEST_TRANSACTION_FAKE_DEVICE_H
#define CORE_TEST_TRANSACTION_FAKE_DEVICE_H

#include "test/transaction/fake-parts.h"

/*
 * A device in memory for tests of the transaction: two slots (rootfs, kernel), a state medium, a boot state, a server.
 * Writes are volatile until flush; read_uncached() sees only what is durable. At operation die_at the device is dead:
 * every operation returns -EIO and changes nothing, until fake_power(). It holds no pointers to itself but in `ota`:
 * copy it with fake_copy().
 */
enum fake_cut { FAKE_DROP, FAKE_KEEP, FAKE_MIXED };

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
