/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals, reports, and the verbs of an operator, on a device in memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/transaction/fake-device.h"

#define NOW INT64_C(1790000000)

static void to_other_product(struct ota_manifest *m)
{
	strcpy(m->compatible, "other");
}
static void to_hardware(struct ota_manifest *m)
{
	strcpy(m->hardware, "r1,r2");
}
static void to_channel(struct ota_manifest *m)
{
	strcpy(m->channel, "beta");
}
static void to_devices(struct ota_manifest *m)
{
	strcpy(m->devices, "dev-7,dev-8");
}
static void make_expired(struct ota_manifest *m)
{
	m->expires_s = NOW - 10;
}
static void below_the_floor(struct ota_manifest *m)
{
	m->sequence = 9;
}
static void at_the_floor(struct ota_manifest *m)
{
	m->sequence = 10;
}
static void good_devices(struct ota_manifest *m)
{
	strcpy(m->devices, "dev-7,dev-1");
	strcpy(m->hardware, "r1,r2");
	strcpy(m->channel, "stable");
	m->expires_s = NOW + 10;
}

struct fixture {
	struct fake_world world;
	struct fake_bundle one, two, unhealthy, three;
	struct fake *fake;
};

static void setup_fixture(struct fixture *f)
{
	struct ota_result result;
	int r;
	fake_world_init(&f->world);
	f->one = fake_bundle_make(&f->world, 1, 'G', NULL);
	f->two = fake_bundle_make(&f->world, 2, 'G', NULL);
	f->unhealthy = fake_bundle_make(&f->world, 2, 'H', NULL);
	f->three = fake_bundle_make(&f->world, 3, 'G', at_the_floor);
	f->fake = fake_new(&f->world, FAKE_SMALL_TAIL);
	cr_assert(fake_settle(f->fake, &result, &r));
}

static void teardown_fixture(struct fixture *f)
{
	free(f->one.raw);
	free(f->two.raw);
	free(f->unhealthy.raw);
	free(f->three.raw);
	free(f->fake);
	fake_world_deinit(&f->world);
}

static int check_update(struct fake *fake, struct ota_result *result)
{
	int r = ota_check(&fake->ota, result);
	cr_assert_eq(ota_reason_of(r), result->reason);
	cr_assert(r == 0 || result->detail[0], "%d without a word", r);
	return r;
}

/* Polls until it rests on what the server offers. */
static void run_update(struct fake *fake)
{
	struct ota_result result;
	int r = check_update(fake, &result);
	cr_assert_eq(r, 0, "%d %s", r, result.detail);
	cr_assert(result.reboot);
	cr_assert(fake_settle(fake, &result, &r));
}

/* I3, I4, I5: each refusal has its reason, touches neither slot nor boot state, is reported once and stored once,
 * however often it is met; and a dry run stores nothing at all. Kills downgrade-ok. */
Test(verbs, refused_once)
{
	struct fixture f;
	static const struct {
		void (*change)(struct ota_manifest *manifest);
		int reason;
	} offers[] = {
	    {to_other_product, OTA_INCOMPATIBLE}, {to_hardware, OTA_HARDWARE}, {to_channel, OTA_WRONG_CHANNEL},
	    {to_devices, OTA_WRONG_DEVICE},       {make_expired, OTA_EXPIRED}, {below_the_floor, OTA_DOWNGRADE},
	};
	setup_fixture(&f);
	f.fake->ota.policy.hardware = "r3";
	f.fake->ota.policy.channel = "stable";
	for (unsigned i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		struct ota_result result;
		struct fake *fake = fake_copy(f.fake);
		struct fake_bundle bundle = fake_bundle_make(&f.world, 5, 'G', offers[i].change);
		fake_offer(fake, &bundle, "\"x\"");
		unsigned writes = fake_writes(fake);
		cr_assert_eq(ota_install(&fake->ota, "https://fake/update", OTA_DRY_RUN, &result), offers[i].reason);
		cr_assert_eq(fake_writes(fake), writes);
		cr_assert_eq(fake->post_count, 0);
		for (unsigned poll = 0; poll < 5; poll++) {
			cr_assert_eq(check_update(fake, &result), offers[i].reason, "%s",
				     ota_reason_name(offers[i].reason));
			cr_assert_str_eq(result.version, "5");
		}
		cr_assert_eq(fake->env_stores, f.fake->env_stores);
		cr_assert_eq(fake->media[2].writes + fake->media[3].writes, 0);
		cr_assert_leq(fake_writes(fake), writes + 2, "stored once, taken off the list once");
		cr_assert_eq(fake->post_count, 1);
		cr_assert_not_null(strstr(fake->posts[0], ota_reason_name(offers[i].reason)));
		cr_assert_eq(fake_reports(fake, "failure", "5"), 1);
		/* Take the fault away: a good offer is installed. */
		fake->ota.policy.hardware = "r1";
		struct fake_bundle good = fake_bundle_make(&f.world, 6, 'G', good_devices);
		fake_offer(fake, &good, "\"y\"");
		run_update(fake);
		cr_assert_eq(fake_running_version(fake), '6');
		free(good.raw);
		free(bundle.raw);
		free(fake);
	}
	teardown_fixture(&f);
}

/* A bundle that cannot be verified: nothing is written, whichever byte of its head is wrong. Kills parse-before-verify.
 */
Test(verbs, unverified_writes_nothing)
{
	struct fixture f;
	struct ota_result result;
	setup_fixture(&f);
	f.fake->ota.policy.report_url = NULL;
	struct fake_bundle bad = {malloc(f.two.size_bytes), f.two.size_bytes};
	for (unsigned at = 0; at < 400; at += 3) {
		memcpy(bad.raw, f.two.raw, bad.size_bytes);
		bad.raw[at] ^= 0x20;
		fake_offer(f.fake, &bad, "\"x\"");
		cr_assert_neq(check_update(f.fake, &result), 0, "byte %u", at);
		cr_assert_eq(fake_writes(f.fake), 0, "byte %u", at);
	}
	free(bad.raw);
	teardown_fixture(&f);
}

/* A corrupted chunk never reaches the slot, is reported, and the slot stays barred; the repaired file is installed.
 * Kills verify-after-write. */
Test(verbs, corrupted_chunk)
{
	struct fixture f;
	struct ota_result result;
	struct ota_state state;
	setup_fixture(&f);
	struct fake_bundle bad = {malloc(f.two.size_bytes), f.two.size_bytes};
	memcpy(bad.raw, f.two.raw, bad.size_bytes);
	bad.raw[bad.size_bytes - 3000] ^= 1;
	fake_offer(f.fake, &bad, "\"x\"");
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(check_update(f.fake, &result), OTA_CHUNK_DIGEST);
	cr_assert_eq(f.fake->post_count, 1);
	cr_assert_eq(fake_reports(f.fake, "failure", "2"), 1);
	cr_assert_str_eq(f.fake->env.barred, "B");
	cr_assert_eq(f.fake->media[2].cache[0], 0);
	fake_state(f.fake, &state);
	cr_assert_eq(state.phase, OTA_PHASE_IDLE);
	fake_offer(f.fake, &f.two, "\"y\"");
	run_update(f.fake);
	cr_assert_eq(fake_running_version(f.fake), '2');
	free(bad.raw);
	teardown_fixture(&f);
}

/* Power, hook, an image too large, images that the slot has no place for, a broken configuration: refused before any
 * write. */
Test(verbs, not_now_not_here)
{
	struct fixture f;
	struct ota_result result;
	setup_fixture(&f);
	struct fake *fake = f.fake;
	fake_offer(fake, &f.two, "\"x\"");
	fake->low_power = true;
	cr_assert_eq(check_update(fake, &result), OTA_LOW_POWER);
	fake->low_power = false;
	fake->hook_refuses = true;
	cr_assert_eq(check_update(fake, &result), OTA_HOOK_REFUSED);
	fake->hook_refuses = false;
	fake->server_down = true;
	cr_assert_eq(check_update(fake, &result), OTA_UNREACHABLE);
	fake->server_down = false;
	cr_assert_eq(ota_install(&fake->ota, NULL, 0, &result), OTA_BAD_CONFIG);
	fake->ota.policy.compatible = NULL;
	cr_assert_eq(check_update(fake, &result), OTA_BAD_CONFIG);
	fake->ota.policy.compatible = "fake-board";
	cr_assert_eq(fake_writes(fake), 0, "transient refusals are not stored");
	cr_assert_eq(fake->post_count, 0);
	fake->ota.policy.report_url = NULL;
	fake->ota.slots[1].tail_bytes = FAKE_ROOTFS_BYTES - FAKE_ROOTFS_USED + 4096;
	cr_assert_eq(check_update(fake, &result), OTA_NO_SPACE);
	fake->ota.slots[1].tail_bytes = 100;
	cr_assert_eq(check_update(fake, &result), OTA_BAD_CONFIG);
	fake->ota.slots[1].tail_bytes = FAKE_SMALL_TAIL;
	fake->ota.slots[1].image_count = 1;
	cr_assert_eq(check_update(fake, &result), OTA_INCOMPATIBLE);
	fake->ota.slots[1].image_count = 3;
	strcpy(fake->ota.slots[1].images[2].name, "dtb");
	fake->ota.slots[1].images[2].block = fake->ota.slots[1].images[1].block;
	cr_assert_eq(check_update(fake, &result), OTA_INCOMPATIBLE);
	fake->ota.slots[1].image_count = 2;
	strcpy(fake->booted, "C");
	cr_assert_eq(check_update(fake, &result), OTA_BAD_CONFIG);
	cr_assert_eq(fake_writes(fake), 0);
	teardown_fixture(&f);
}

/* Reports wait while the server refuses them, cost no write meanwhile, and never undo a commit. Kills
 * report-rolls-back. */
Test(verbs, report_waits)
{
	struct fixture f;
	struct ota_result result;
	int r;
	setup_fixture(&f);
	fake_offer(f.fake, &f.two, "\"x\"");
	f.fake->reports_down = true;
	run_update(f.fake);
	cr_assert_eq(fake_running_version(f.fake), '2');
	unsigned writes = fake_writes(f.fake);
	for (unsigned i = 0; i < 5; i++) {
		cr_assert(fake_settle(f.fake, &result, &r));
		cr_assert_eq(r, 0);
	}
	cr_assert_eq(fake_writes(f.fake), writes);
	f.fake->reports_down = false;
	cr_assert(fake_settle(f.fake, &result, &r));
	cr_assert_eq(fake_reports(f.fake, "success", "2"), 1);
	cr_assert_eq(fake_writes(f.fake), writes + 1, "taken off the list in one store");
	cr_assert(fake_settle(f.fake, &result, &r));
	cr_assert_eq(fake_writes(f.fake), writes + 1);
	cr_assert_eq(f.fake->post_count, 1);
	teardown_fixture(&f);
}

/* Known bad, forced, and then good after all. */
Test(verbs, forced_after_rollback)
{
	struct fixture f;
	struct ota_result result;
	struct ota_state state;
	int r;
	setup_fixture(&f);
	fake_offer(f.fake, &f.unhealthy, "\"x\"");
	run_update(f.fake);
	cr_assert_eq(fake_running_version(f.fake), '1');
	cr_assert_eq(check_update(f.fake, &result), OTA_KNOWN_BAD);
	cr_assert_eq(ota_install(&f.fake->ota, "https://fake/update", OTA_FORCE, &result), 0, "%s", result.detail);
	cr_assert(fake_settle(f.fake, &result, &r));
	fake_state(f.fake, &state);
	cr_assert_eq(state.failed[0].count, 2);
	cr_assert_eq(fake_reports(f.fake, "rollback", "2"), 2, "two trials, two reports");
	fake_offer(f.fake, &f.two, "\"y\"");
	run_update(f.fake);
	cr_assert_eq(fake_running_version(f.fake), '2');
	teardown_fixture(&f);
}

/* mark-good and mark-bad: only for a trial; mark-bad goes back, is remembered and survives a cut before the reboot. */
Test(verbs, marks)
{
	struct fixture f;
	struct ota_result result;
	int r;
	setup_fixture(&f);
	struct fake *fake = f.fake;
	cr_assert_eq(ota_commit(&fake->ota, &result), OTA_NOTHING_TO_DO);
	cr_assert_eq(ota_mark_bad(&fake->ota, &result), OTA_NOTHING_TO_DO);
	fake_offer(fake, &f.unhealthy, "\"x\"");
	cr_assert_eq(ota_install(&fake->ota, "https://fake/update", OTA_NO_REBOOT, &result), 0);
	cr_assert(result.reboot);
	cr_assert_eq(fake->reboots, 0);
	cr_assert_eq(ota_commit(&fake->ota, &result), OTA_TRIAL_PENDING);
	struct fake *armed = fake_copy(fake);
	cr_assert(fake_boot(fake));
	struct fake *bad = fake_copy(fake);
	cr_assert_eq(ota_commit(&fake->ota, &result), 0, "%s", result.detail);
	cr_assert(fake_settle(fake, &result, &r));
	cr_assert_eq(fake_running_version(fake), '2', "an operator's word outranks the health check");
	cr_assert_eq(fake_reports(fake, "success", "2"), 1);
	/* On trial and marked bad; the reboot is cut and so is the store. */
	for (unsigned cut = 1; cut < 16; cut++) {
		struct fake *again = fake_copy(bad);
		again->ops = 0;
		again->die_at = cut;
		r = ota_mark_bad(&again->ota, &result);
		fake_power(again, FAKE_KEEP, 0);
		cr_assert(fake_settle(again, &result, &r));
		cr_assert_eq(fake_running_version(again), '1', "cut %u", cut);
		cr_assert_eq(fake_reports(again, "rollback", "2"), 1, "cut %u", cut);
		free(again);
	}
	/* Armed, then thought better of it: no reboot, no trial. */
	cr_assert_eq(ota_mark_bad(&armed->ota, &result), 0, "%s", result.detail);
	cr_assert(!result.reboot);
	cr_assert(!armed->env.trial);
	cr_assert_not_null(strstr(armed->posts[0], "MARKED_BAD"));
	cr_assert_eq(check_update(armed, &result), OTA_KNOWN_BAD);
	free(bad);
	free(armed);
	teardown_fixture(&f);
}

/* rollback by hand: never below the floor, never to what is not whole; on trial; remembered, reported. I4. */
Test(verbs, rollback_by_hand)
{
	struct fixture f;
	struct ota_result result;
	int r;
	setup_fixture(&f);
	struct fake *fake = f.fake;
	cr_assert_eq(ota_rollback(&fake->ota, &result), OTA_NOTHING_TO_DO, "slot B is empty");
	fake_offer(fake, &f.three, "\"x\"");
	run_update(fake);
	cr_assert_eq(fake_running_version(fake), '3');
	struct fake *damaged = fake_copy(fake);
	damaged->media[0].durable[9000] ^= 1;
	damaged->media[0].cache[9000] ^= 1;
	cr_assert_eq(ota_rollback(&damaged->ota, &result), OTA_READ_BACK);
	free(damaged);
	cr_assert_eq(ota_rollback(&fake->ota, &result), 0, "%s", result.detail);
	cr_assert(result.reboot);
	cr_assert(fake->env.trial, "a slot that does not start any more is left again");
	cr_assert(fake_settle(fake, &result, &r));
	cr_assert_eq(fake_running_version(fake), '1');
	cr_assert_eq(fake_reports(fake, "rollback", "3"), 1);
	cr_assert_not_null(strstr(fake->posts[fake->post_count - 1], "MARKED_BAD"));
	cr_assert_eq(check_update(fake, &result), OTA_KNOWN_BAD);
	cr_assert_eq(ota_rollback(&fake->ota, &result), OTA_KNOWN_BAD);
	/* With a higher sequence committed, the old version is below the floor. */
	fake_offer(fake, &f.two, "\"y\"");
	run_update(fake);
	cr_assert_eq(fake_running_version(fake), '2');
	cr_assert_eq(ota_rollback(&fake->ota, &result), OTA_DOWNGRADE);
	fake_offer(fake, &f.one, "\"z\"");
	cr_assert_eq(check_update(fake, &result), OTA_DOWNGRADE);
	teardown_fixture(&f);
}

/* I11: a committed version stays, however often the power goes right after. Kills bootcount-not-reset. */
Test(verbs, quick_power_cycles)
{
	struct fixture f;
	setup_fixture(&f);
	fake_offer(f.fake, &f.two, "\"x\"");
	run_update(f.fake);
	for (unsigned i = 0; i < 10; i++) {
		cr_assert(fake_boot(f.fake));
		fake_power(f.fake, FAKE_DROP, 0);
		cr_assert_str_eq(f.fake->booted, "B");
	}
	teardown_fixture(&f);
}

/* A bootloader that ignores what is armed does not make the device reboot for ever. */
Test(verbs, reboots_are_bounded)
{
	struct fixture f;
	struct ota_result result;
	int r = 0;
	setup_fixture(&f);
	fake_offer(f.fake, &f.two, "\"x\"");
	cr_assert_eq(check_update(f.fake, &result), 0);
	unsigned reboots = 0;
	do {
		r = ota_resume(&f.fake->ota, &result); /* slot A runs, again and again */
		reboots += result.reboot;
	} while (result.reboot && reboots < 50);
	cr_assert_eq(reboots, 3);
	cr_assert_eq(r, OTA_BOOT_LIMIT);
	cr_assert(!f.fake->env.trial);
	cr_assert_eq(fake_reports(f.fake, "rollback", "2"), 1);
	teardown_fixture(&f);
}

/* status writes nothing and tells what each slot holds. */
Test(verbs, status)
{
	struct fixture f;
	struct ota_status status;
	setup_fixture(&f);
	cr_assert_eq(ota_status(&f.fake->ota, &status), 0);
	cr_assert_str_eq(status.booted, "A");
	cr_assert(status.described[0] && !status.described[1]);
	cr_assert_str_eq(status.slots[0].version, "1");
	cr_assert_eq(fake_writes(f.fake), 0);
	f.fake->dead = true;
	cr_assert_eq(ota_status(&f.fake->ota, &status), -EIO);
	teardown_fixture(&f);
}

static void make_rebuilt(struct ota_manifest *m)
{
	m->sequence = 15;
	strcpy(m->version, "1b");
}

/* Chunks that the running slot holds are copied, not fetched; a damaged one is fetched all the same. */
Test(verbs, reuse)
{
	struct fixture f;
	struct ota_result result;
	setup_fixture(&f);
	struct fake_bundle same = fake_bundle_make(&f.world, 1, 'G', make_rebuilt);
	f.fake->ota.policy.reuse = true;
	fake_offer(f.fake, &same, "\"x\"");
	for (unsigned damaged = 0; damaged < 2; damaged++) {
		struct fake *fake = fake_copy(f.fake);
		if (damaged)
			fake->media[0].cache[9000] ^= 1;
		int r = check_update(fake, &result);
		cr_assert_eq(r, 0, "%s", result.detail);
		cr_assert_geq(result.bytes_reused, FAKE_ROOTFS_USED + FAKE_KERNEL_USED - (damaged ? 4096 : 0));
		cr_assert_leq(result.bytes_fetched, 4096 + (damaged ? 4096 : 0));
		cr_assert_arr_eq(fake->media[2].durable, f.fake->media[0].durable, FAKE_ROOTFS_USED);
		free(fake);
	}
	free(same.raw);
	teardown_fixture(&f);
}

/* One bad copy of the boot state is mended once, by one store, and then left alone. */
Test(verbs, degraded_boot_state_is_mended)
{
	struct fixture f;
	struct ota_result result;
	int r;
	setup_fixture(&f);
	f.fake->env.degraded = true;
	cr_assert(fake_settle(f.fake, &result, &r));
	cr_assert_eq(r, 0);
	cr_assert(!f.fake->env.degraded);
	unsigned stores = f.fake->env_stores;
	cr_assert_eq(stores, 1);
	cr_assert(fake_settle(f.fake, &result, &r));
	cr_assert_eq(f.fake->env_stores, stores);
	teardown_fixture(&f);
}

/* A boot back-end that remembers no trial over a reboot, as `custom`. */
static int forgetful_query(void *boot, struct ota_boot_state *out)
{
	const struct ota_boot *real = boot;
	int r = real->ops->query(real->boot, out);
	out->trial = false;
	out->trial_id = 0;
	out->attempts = 0;
	out->forgets = true;
	return r;
}
static int forgetful_try(void *boot, const char *slot, uint64_t trial_id, unsigned limit)
{
	const struct ota_boot *real = boot;
	return real->ops->try(real->boot, slot, trial_id, limit);
}
static int forgetful_commit(void *boot, const char *slot)
{
	const struct ota_boot *real = boot;
	return real->ops->commit(real->boot, slot);
}
static int forgetful_rollback(void *boot, const char *keep, const char *bad)
{
	const struct ota_boot *real = boot;
	return real->ops->rollback(real->boot, keep, bad);
}

/* Under such a back-end too nothing is committed unjudged, and a version that does not start is given up in the end. */
Test(verbs, a_back_end_without_trials)
{
	static const struct ota_boot_ops forgetful = {forgetful_query, forgetful_try, forgetful_commit,
						      forgetful_rollback};
	struct fixture f;
	struct ota_result result;
	struct ota_state state;
	int r;
	setup_fixture(&f);
	struct fake_bundle panics = fake_bundle_make(&f.world, 2, 'P', NULL);
	const struct fake_bundle *offers[] = {&f.two, &f.unhealthy, &panics};
	for (unsigned i = 0; i < 3; i++) {
		struct fake *fake = fake_copy(f.fake);
		struct ota_boot real = fake->ota.boot;
		fake->ota.boot = (struct ota_boot){&forgetful, &real};
		fake_offer(fake, offers[i], "\"x\"");
		cr_assert_eq(check_update(fake, &result), 0, "%u: %s", i, result.detail);
		bool rests = false;
		for (unsigned starts = 0; starts < 8 && !rests; starts++) {
			rests = fake_settle(fake, &result, &r);
			fake_state(fake, &state);
			rests = rests && state.phase == OTA_PHASE_IDLE;
		}
		cr_assert(rests, "%u: no rest", i);
		cr_assert_eq(fake_running_version(fake), i == 0 ? '2' : '1', "%u", i);
		cr_assert_eq(fake_reports(fake, "success", "2"), i == 0, "%u", i);
		cr_assert_eq(fake_reports(fake, "rollback", "2"), i != 0, "%u", i);
		cr_assert_eq(fake->health_runs > f.fake->health_runs, i != 2, "%u", i);
		free(fake);
	}
	free(panics.raw);
	teardown_fixture(&f);
}
