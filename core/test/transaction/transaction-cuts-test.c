/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction, cut at every operation on every medium, once and twice; and media that fail. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/transaction/fake-device.h"

struct fixture {
	struct fake_world world;
	struct fake_bundle good, unhealthy, hangs, panics, unloadable, third;
	struct fake *base;
};

static void setup_fixture(struct fixture *fixture, uint32_t tail_bytes)
{
	fake_world_init(&fixture->world);
	fixture->good = fake_bundle_make(&fixture->world, 2, 'G', NULL);
	fixture->unhealthy = fake_bundle_make(&fixture->world, 2, 'H', NULL);
	fixture->hangs = fake_bundle_make(&fixture->world, 2, 'T', NULL);
	fixture->unloadable = fake_bundle_make(&fixture->world, 2, 'L', NULL);
	fixture->third = fake_bundle_make(&fixture->world, 3, 'G', NULL);
	fixture->panics = fake_bundle_make(&fixture->world, 2, 'P', NULL);
	fixture->base = fake_new(&fixture->world, tail_bytes);
}

static void teardown_fixture(struct fixture *fixture)
{
	free(fixture->good.raw);
	free(fixture->unhealthy.raw);
	free(fixture->hangs.raw);
	free(fixture->unloadable.raw);
	free(fixture->third.raw);
	free(fixture->panics.raw);
	free(fixture->base);
	fake_world_deinit(&fixture->world);
}

/* The whole story: poll, install, reboot, judge, report. */
static void run_story(struct fake *fake)
{
	struct ota_result result;
	int r;
	if (!fake_settle(fake, &result, &r))
		return;
	r = ota_check(&fake->ota, &result);
	if (!fake->dead && result.reboot)
		(void)fake_settle(fake, &result, &r);
}

static unsigned story_ops(const struct fake *base)
{
	struct fake *fake = fake_copy(base);
	run_story(fake);
	unsigned ops = fake->ops;
	free(fake);
	return ops;
}

/* Recovers; the version that runs is whole, old or new. */
static void check_recovery(struct fake *fake, unsigned cut, const char *what)
{
	struct ota_result result;
	int r;
	cr_assert(fake_settle(fake, &result, &r), "cut %u (%s): no boot", cut, what);
	char version = fake_running_version(fake);
	cr_assert(version == '1' || version == '2', "cut %u (%s): broken", cut, what);
}

/* The fault is gone: the same good update succeeds, is reported once, and then nothing is written any more. */
static void ends_new(struct fake *fake, unsigned cut, const char *what)
{
	struct ota_result result;
	struct ota_state state;
	int r;
	run_story(fake);
	cr_assert_eq(fake_running_version(fake), '2', "cut %u (%s): not new", cut, what);
	fake_state(fake, &state);
	cr_assert_eq(state.phase, OTA_PHASE_IDLE, "cut %u (%s): phase %d", cut, what, (int)state.phase);
	cr_assert_eq(state.floor, 20, "cut %u (%s): floor", cut, what);
	cr_assert_eq(fake_reports(fake, "success", "2"), 1, "cut %u (%s): %u successes", cut, what,
		     fake_reports(fake, "success", "2"));
	cr_assert_eq(fake_reports(fake, "rollback", NULL), 0, "cut %u (%s): a rollback", cut, what);
	cr_assert(!fake->env.trial);
	unsigned writes = fake_writes(fake);
	cr_assert(fake_settle(fake, &result, &r));
	cr_assert_eq(fake_writes(fake), writes, "cut %u (%s): writes when idle", cut, what);
}

static const char *const cut_names[] = {"drop", "keep", "mixed"};

static void cut_everywhere(const struct fake *base, const char *etag, const struct fake_bundle *bundle)
{
	struct fake *offering = fake_copy(base);
	fake_offer(offering, bundle, etag);
	unsigned ops = story_ops(offering);
	cr_assert_gt(ops, 100);
	for (unsigned n = 1; n <= ops; n++) {
		for (unsigned form = 0; form < 5; form++) {
			enum fake_cut cut = form < 2 ? (enum fake_cut)form : FAKE_MIXED;
			struct fake *fake = fake_copy(offering);
			fake->die_at = n;
			run_story(fake);
			cr_assert(fake->dead);
			fake_power(fake, cut, n * 7u + form);
			check_recovery(fake, n, cut_names[cut]);
			ends_new(fake, n, cut_names[cut]);
			free(fake);
		}
	}
	free(offering);
}

/* I1, I2, I5, I6, I11 under one cut at any operation, with what was volatile lost, kept, or mixed and torn. Kills
 * no-flush-before-arm, two-stores, header-left-valid, checkpoint-before-data. Both with and without room for a stash.
 */
Test(transaction, one_cut)
{
	struct fixture fixture;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	cut_everywhere(fixture.base, "\"two\"", &fixture.good);
	teardown_fixture(&fixture);
	setup_fixture(&fixture, FAKE_STASH_TAIL);
	cut_everywhere(fixture.base, "", &fixture.good);
	teardown_fixture(&fixture);
}

/* I10: recovery, cut again. Kills recovery-not-idempotent. */
Test(transaction, two_cuts)
{
	struct fixture fixture;
	setup_fixture(&fixture, FAKE_STASH_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	unsigned ops = story_ops(fixture.base);
	for (unsigned n = 1; n <= ops; n += 3) {
		for (unsigned m = 1; m <= ops; m += 1 + (n * 5 + m) % 13) {
			struct fake *fake = fake_copy(fixture.base);
			fake->die_at = n;
			run_story(fake);
			fake_power(fake, FAKE_MIXED, n);
			fake->die_at = fake->ops + m;
			run_story(fake);
			fake_power(fake, FAKE_MIXED, m);
			check_recovery(fake, n * 1000 + m, "twice");
			ends_new(fake, n * 1000 + m, "twice");
			free(fake);
		}
	}
	teardown_fixture(&fixture);
}

/* An update that fails on trial, cut anywhere: the old version runs in the end, the failure is known and reported once
 * a trial, and after `trials` of them the same offer is not tried again. Kills no-mark-bad, commit-before-health. */
static void cut_rollback(struct fixture *fixture, const struct fake_bundle *bundle, const char *reason, unsigned trials)
{
	struct ota_result result;
	struct ota_state state;
	int r;
	fake_offer(fixture->base, bundle, "\"bad\"");
	unsigned ops = story_ops(fixture->base);
	for (unsigned n = 1; n <= ops; n++) {
		struct fake *fake = fake_copy(fixture->base);
		fake->die_at = n;
		run_story(fake);
		fake_power(fake, FAKE_MIXED, n);
		for (unsigned t = 0; t < trials; t++) {
			run_story(fake);
			cr_assert(fake_settle(fake, &result, &r), "cut %u", n);
		}
		cr_assert_eq(fake_running_version(fake), '1', "cut %u", n);
		fake_state(fake, &state);
		cr_assert_eq(state.phase, OTA_PHASE_IDLE, "cut %u", n);
		cr_assert_eq(state.floor, 0, "cut %u", n);
		cr_assert_eq(fake_reports(fake, "rollback", "2"), trials, "cut %u: %u", n,
			     fake_reports(fake, "rollback", "2"));
		cr_assert_eq(fake_reports(fake, "success", NULL), 0, "cut %u", n);
		cr_assert_not_null(strstr(fake->posts[0], reason), "cut %u: %s", n, fake->posts[0]);
		cr_assert_str_eq(fake->env.barred, "B");
		unsigned writes = fake_writes(fake);
		cr_assert_eq(ota_check(&fake->ota, &result), OTA_KNOWN_BAD);
		cr_assert(!result.reboot);
		cr_assert_eq(fake_writes(fake), writes, "cut %u: writes for a known bad version", n);
		free(fake);
	}
}

Test(transaction, rollback_cut)
{
	struct fixture fixture;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	cut_rollback(&fixture, &fixture.unhealthy, "HEALTH_FAILED", 1);
	cut_rollback(&fixture, &fixture.hangs, "HEALTH_TIMEOUT", 1);
	cut_rollback(&fixture, &fixture.panics, "BOOT_LIMIT", OTA_LIMIT_TRIALS);
	cut_rollback(&fixture, &fixture.unloadable, "BOOT_LIMIT", OTA_LIMIT_TRIALS);
	teardown_fixture(&fixture);
}

/* A resumed install fetches nothing twice that was checkpointed, header blocks included. */
Test(transaction, resume_fetches_the_rest)
{
	struct fixture fixture;
	struct ota_state state;
	setup_fixture(&fixture, FAKE_STASH_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	unsigned ops = story_ops(fixture.base);
	unsigned resumed = 0;
	for (unsigned n = 1; n <= ops; n++) {
		struct ota_result result;
		struct fake *fake = fake_copy(fixture.base);
		int r;
		fake->die_at = n;
		run_story(fake);
		fake_power(fake, FAKE_DROP, 0);
		fake_state(fake, &state);
		/* One request of 4096 bytes reads the head (it is smaller); then only what was not checkpointed. */
		uint64_t rest = FAKE_ROOTFS_USED + FAKE_KERNEL_USED - state.chunks_done * 4096ull + 4096;
		bool resumes = state.phase == OTA_PHASE_INSTALLING && state.chunks_done > 0;
		cr_assert(fake_boot(fake));
		r = ota_resume(&fake->ota, &result);
		if (resumes) {
			cr_assert_eq(r, 0, "cut %u: %d %s", n, r, result.detail);
			cr_assert_leq(result.bytes_fetched, rest, "cut %u: %u chunks done, %u fetched", n,
				      state.chunks_done, (unsigned)result.bytes_fetched);
			resumed++;
		}
		free(fake);
	}
	cr_assert_gt(resumed, 20);
	teardown_fixture(&fixture);
}

/* A medium that fails stops the update, never the device; nothing is armed that was not flushed and read back. Kills
 * flush-error-ignored and no-read-back. */
Test(transaction, media_that_fail)
{
	struct fixture fixture;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	for (unsigned medium = 2; medium < FAKE_MEDIA; medium++) {
		for (unsigned flush = 0; flush < 2; flush++) {
			struct fake *fake = fake_copy(fixture.base);
			fake->fail_flush_medium = flush ? medium + 1 : 0;
			fake->fail_write_medium = flush ? 0 : medium + 1;
			run_story(fake);
			cr_assert_str_eq(fake->env.selected, "A", "medium %u", medium);
			cr_assert(!fake->env.trial);
			fake->fail_flush_medium = fake->fail_write_medium = 0;
			fake_power(fake, FAKE_DROP, 0);
			check_recovery(fake, medium, "failing");
			ends_new(fake, medium, "failing");
			free(fake);
		}
	}
	/* One flush fails, and reading back does not show it: what was to be durable then is not believed to be. */
	for (unsigned nth = 1; nth < 40; nth++) {
		struct fake *fake = fake_copy(fixture.base);
		struct ota_result result;
		fake->device_cache = true;
		cr_assert(fake_boot(fake));
		fake->fail_flush_nth = nth;
		int r = ota_check(&fake->ota, &result);
		cr_assert(r != 0 || fake->fail_flush_nth, "flush %u failed unnoticed", nth);
		cr_assert(r == 0 || !fake->env.trial, "flush %u", nth);
		fake->fail_flush_nth = 0;
		fake_power(fake, FAKE_DROP, 0);
		check_recovery(fake, nth, "flush");
		ends_new(fake, nth, "flush");
		free(fake);
	}
	for (unsigned nth = 1; nth < 60; nth++) {
		struct fake *fake = fake_copy(fixture.base);
		fake->flip_write = nth;
		run_story(fake);
		fake->flip_write = 0;
		check_recovery(fake, nth, "flipped");
		ends_new(fake, nth, "flipped");
		free(fake);
	}
	teardown_fixture(&fixture);
}

/* The journal lost or unreadable at any time never stops a boot or a commit. */
Test(transaction, journal_lost)
{
	struct fixture fixture;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	unsigned ops = story_ops(fixture.base);
	for (unsigned n = 1; n <= ops; n++) {
		struct fake *fake = fake_copy(fixture.base);
		fake->die_at = n;
		run_story(fake);
		fake_power(fake, FAKE_KEEP, 0);
		memset(fake->media[FAKE_STATE].durable, n % 2 ? 0xff : 0, OTA_STATE_BYTES);
		memset(fake->media[FAKE_STATE].cache, n % 2 ? 0xff : 0, OTA_STATE_BYTES);
		check_recovery(fake, n, "journal lost");
		run_story(fake);
		cr_assert_eq(fake_running_version(fake), '2', "cut %u", n);
		cr_assert(!fake->env.trial, "cut %u", n);
		free(fake);
	}
	teardown_fixture(&fixture);
}

/* A state medium that fails for ever: the trial is committed all the same, and the next install is refused. */
Test(transaction, state_medium_dead_on_trial)
{
	struct fixture fixture;
	struct ota_result result;
	int r;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	struct fake *fake = fixture.base;
	fake_offer(fake, &fixture.good, "\"two\"");
	cr_assert(fake_boot(fake));
	cr_assert_eq(ota_check(&fake->ota, &result), 0);
	fake->fail_write_medium = FAKE_STATE + 1;
	cr_assert(fake_settle(fake, &result, &r));
	cr_assert_lt(r, 0);
	cr_assert_eq(fake_running_version(fake), '2');
	cr_assert(!fake->env.trial);
	cr_assert_str_eq(fake->env.selected, "B");
	cr_assert_eq(fake->post_count, 0);
	fake->fail_write_medium = 0;
	ends_new(fake, 0, "state medium back");
	teardown_fixture(&fixture);
}

/* Both copies of the boot state lost at any time: mended, and never a version that nobody judged. */
Test(transaction, boot_state_lost)
{
	struct fixture fixture;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	unsigned ops = story_ops(fixture.base);
	for (unsigned n = 1; n <= ops; n++) {
		struct fake *fake = fake_copy(fixture.base);
		fake->die_at = n;
		run_story(fake);
		fake_power(fake, FAKE_DROP, 0);
		memset(&fake->env, 0, sizeof fake->env);
		check_recovery(fake, n, "boot state lost");
		cr_assert(fake->env.readable, "cut %u", n);
		run_story(fake);
		cr_assert_eq(fake_running_version(fake), '2', "cut %u", n);
		free(fake);
	}
	teardown_fixture(&fixture);
}

/* The boot state lost while the bootloader's default slot is being written: it holds nothing that could be started
 * until all of it is there. Kills header-left-valid. */
Test(transaction, boot_state_lost_while_writing_the_default_slot)
{
	struct fixture fixture;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	run_story(fixture.base);
	cr_assert_str_eq(fixture.base->booted, "B");
	fake_offer(fixture.base, &fixture.third, "\"three\"");
	unsigned ops = story_ops(fixture.base) - fixture.base->ops;
	for (unsigned n = 1; n <= ops; n++) {
		for (unsigned cut = 0; cut < 3; cut++) {
			struct fake *fake = fake_copy(fixture.base);
			struct ota_result result;
			int r;
			fake->die_at = fake->ops + n;
			run_story(fake);
			fake_power(fake, (enum fake_cut)cut, n);
			memset(&fake->env, 0, sizeof fake->env);
			cr_assert(fake_settle(fake, &result, &r), "cut %u", n);
			cr_assert_neq(fake_running_version(fake), 0, "cut %u: a mixture runs", n);
			run_story(fake);
			cr_assert_eq(fake_running_version(fake), '3', "cut %u", n);
			free(fake);
		}
	}
	teardown_fixture(&fixture);
}

/* Written, cut before it was armed, and then damaged on the medium: installed anew, never armed as it is. */
Test(transaction, damaged_between_written_and_armed)
{
	struct fixture fixture;
	struct ota_result result;
	struct ota_state state;
	int r;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	struct fake *fake = fake_copy(fixture.base);
	cr_assert(fake_boot(fake));
	fake->env_fails = false;
	cr_assert_eq(ota_check(&fake->ota, &result), 0);
	fake->env = fixture.base->env; /* the store of S10 never happened */
	memcpy(fake->env.barred, "B", 2);
	fake_state(fake, &state);
	cr_assert_eq(state.phase, OTA_PHASE_WRITTEN);
	fake->media[2].durable[20000] ^= 1;
	fake->media[2].cache[20000] ^= 1;
	uint64_t fetched = fake->fetched_bytes;
	cr_assert(fake_settle(fake, &result, &r));
	cr_assert_eq(r, 0, "%s", result.detail);
	cr_assert_eq(fake_running_version(fake), '2');
	cr_assert_gt(fake->fetched_bytes, fetched);
	free(fake);
	teardown_fixture(&fixture);
}

/* A health check that cannot be run is no proof of health; one that was asked to stop is no judgement. */
Test(transaction, health_check_that_cannot_run)
{
	struct fixture fixture;
	struct ota_result result;
	int r;
	setup_fixture(&fixture, FAKE_SMALL_TAIL);
	fake_offer(fixture.base, &fixture.good, "\"two\"");
	struct fake *fake = fixture.base;
	cr_assert(fake_boot(fake));
	cr_assert_eq(ota_check(&fake->ota, &result), 0);
	cr_assert(fake_boot(fake));
	fake->health_errno = -EINTR;
	unsigned stores = fake->env_stores;
	cr_assert_eq(ota_resume(&fake->ota, &result), -EINTR);
	cr_assert(fake->env.trial && !result.reboot);
	cr_assert_eq(fake->env_stores, stores);
	fake->health_errno = -ENOMEM;
	cr_assert(fake_settle(fake, &result, &r));
	cr_assert_eq(r, OTA_HEALTH_FAILED);
	cr_assert_eq(fake_running_version(fake), '1');
	cr_assert_eq(fake_reports(fake, "success", NULL), 0);
	teardown_fixture(&fixture);
}
