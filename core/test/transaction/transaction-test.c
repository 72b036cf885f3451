/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction on a device in memory: the good way, in its exact order. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "test/transaction/fake-device.h"

/* What an update does, in order. Lines that repeat are one. */
static const char good_way[] =
    "S01\nS02\nS03\nhook 0\n"
    "S04\nstate write\nstate flush\nstate read-back\n"
    "S05\nenv selected=A barred=B trial=0\n"
    "B.rootfs read-back\nB.kernel read-back\nB.rootfs flush\nB.kernel flush\n"
    "S06\nB.rootfs write\nB.rootfs flush\nB.kernel flush\n"
    "B.rootfs write\nB.rootfs flush\nB.kernel flush\n" /* stash */
    "state write\nstate flush\nstate read-back\n"
    "B.rootfs write\nB.rootfs flush\nB.kernel flush\nstate write\nstate flush\nstate read-back\n"
    "B.rootfs write\nB.rootfs flush\nB.kernel flush\nstate write\nstate flush\nstate read-back\n"
    "B.rootfs write\nB.kernel write\nB.rootfs flush\nB.kernel flush\n"
    "B.rootfs write\nB.rootfs flush\nB.kernel flush\n" /* the kernel's stash */
    "state write\nstate flush\nstate read-back\n"
    "B.kernel write\n"
    "S07\nB.rootfs flush\nB.kernel flush\n"
    "S08\nB.rootfs read-back\nB.kernel read-back\n"
    "B.rootfs write\nB.rootfs flush\nB.rootfs read-back\n"
    "B.kernel write header\nB.kernel flush\nB.kernel read-back\n"
    "B.rootfs write\nB.rootfs flush\nB.rootfs read-back\n" /* all but the first sector */
    "B.rootfs write header\nB.rootfs flush\nB.rootfs read-back\n"
    "S09\nstate write\nstate flush\nstate read-back\n"
    "hook 1\nS10\nenv selected=B barred= trial=1\n"
    "hook 2\nS11\nreboot\n";

/* The new version starts: counted, judged, committed, recorded in one store, reported, taken off the list in one store.
 */
static const char good_trial[] = "env selected=B barred= trial=1\n"
				 "S13\nS14\nS15\nenv selected=B barred= trial=0\n"
				 "S16\nstate write\nstate flush\nstate read-back\nhook 3\n"
				 "S17\npost\nstate write\nstate flush\nstate read-back\n";

/* Invariants I1 to I5 on the good way: every store and flush is where the design puts it. A flush, read-back or journal
 * store left out or moved fails here (no-flush-before-arm, flip-first, no-read-back, floor-before-commit,
 * report-early). */
Test(transaction, good_way_in_order)
{
	struct fake_world world;
	struct ota_result result;
	struct ota_state state;
	int r;
	fake_world_init(&world);
	struct fake *fake = fake_new(&world, FAKE_STASH_TAIL);
	struct fake_bundle bundle = fake_bundle_make(&world, 2, 'G', NULL);
	fake_offer(fake, &bundle, "\"two\"");
	cr_assert(fake_boot(fake));
	fake->logging = true;
	r = ota_check(&fake->ota, &result);
	cr_assert_eq(r, 0, "%d %s", r, result.detail);
	cr_assert(result.reboot);
	cr_assert_str_eq(result.version, "2");
	cr_assert_str_eq(fake->log, good_way);
	memset(fake->log, 0, sizeof fake->log);
	fake->log_used = 0;
	cr_assert(fake_settle(fake, &result, &r));
	cr_assert_eq(r, 0, "%d %s", r, result.detail);
	cr_assert_str_eq(fake->log, good_trial);
	cr_assert_eq(fake_running_version(fake), '2');
	cr_assert_eq(fake_reports(fake, "success", "2"), 1);
	cr_assert_eq(fake->post_count, 1);
	cr_assert_not_null(strstr(fake->posts[0], "\"from\":\"1\""));
	cr_assert_eq(fake->watchdog_releases, 1);
	fake_state(fake, &state);
	cr_assert_eq(state.phase, OTA_PHASE_IDLE);
	cr_assert_eq(state.floor, 20);
	cr_assert_str_eq(state.installed_version, "2");
	/* Nothing to do: no write, and the poll costs no body. */
	unsigned writes = fake_writes(fake);
	uint64_t fetched = fake->fetched_bytes;
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(fake_settle(fake, &result, &r));
		cr_assert_eq(r, 0);
		cr_assert_eq(ota_check(&fake->ota, &result), OTA_ALREADY_INSTALLED);
	}
	cr_assert_eq(fake_writes(fake), writes);
	cr_assert_eq(fake->fetched_bytes, fetched);
	free(bundle.raw);
	free(fake);
	fake_world_deinit(&world);
}
