/* SPDX-License-Identifier: Apache-2.0 */
/* The back-end `uboot` over a medium in memory that records, tears and fails. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number-bytes.h"
#include "boot/env.h"
#include "ota/reason.h"

#define ENV    4096u
#define MEDIUM (2u * ENV)

enum op { READ, WRITE, FLUSH, OPS };

/*
 * `durable` is what a cut leaves; a write goes to `cache` and is durable after a flush. fail_*: the operation of that
 * kind with that number (from 1), or 0; all of them from it on with fail_for_ever.
 */
struct medium {
	uint8_t durable[MEDIUM];
	uint8_t cache[MEDIUM];
	char trace[64];
	uint64_t write_offset;
	size_t write_bytes;
	unsigned count[OPS];
	unsigned fail[OPS];
	bool fail_for_ever;
	bool lies;                 /* flush says 0 and loses everything */
	uint64_t bad_from, bad_to; /* reads inside fail */
};

static bool operation_fails(struct medium *m, enum op op)
{
	unsigned n = ++m->count[op];
	return m->fail[op] && (n == m->fail[op] || (m->fail_for_ever && n > m->fail[op]));
}

static void trace_operation(struct medium *m, char c)
{
	size_t n = strlen(m->trace);
	cr_assert_lt(n + 1, sizeof m->trace);
	m->trace[n] = c;
}

static int medium_read_uncached(void *dev, uint64_t offset, void *out, size_t size)
{
	struct medium *m = dev;
	trace_operation(m, 'r');
	if (operation_fails(m, READ) || (offset < m->bad_to && offset + size > m->bad_from))
		return -EIO;
	memcpy(out, m->cache + offset, size);
	return 0;
}

static int medium_write(void *dev, uint64_t offset, const void *data, size_t size)
{
	struct medium *m = dev;
	trace_operation(m, 'w');
	m->write_offset = offset;
	m->write_bytes = size;
	if (operation_fails(m, WRITE))
		return -EIO;
	memcpy(m->cache + offset, data, size);
	return 0;
}

static int medium_flush(void *dev)
{
	struct medium *m = dev;
	trace_operation(m, 'f');
	if (operation_fails(m, FLUSH))
		return -EIO;
	if (m->lies)
		memcpy(m->cache, m->durable, MEDIUM);
	memcpy(m->durable, m->cache, MEDIUM);
	return 0;
}

static const struct ota_block_ops medium_ops = {
    .read = medium_read_uncached,
    .read_uncached = medium_read_uncached,
    .write = medium_write,
    .flush = medium_flush,
};

struct device {
	struct medium medium;
	struct ota_env_place place;
	struct ota_uboot *uboot;
	struct ota_boot boot;
};

static const char *const names[2] = {"A", "B"};

static void device_init(struct device *d)
{
	memset(d, 0, sizeof *d);
	for (unsigned i = 0; i < 2; i++) {
		d->place.block[i] = (struct ota_block){&medium_ops, &d->medium, MEDIUM, 512, "env"};
		d->place.offset_bytes[i] = i * ENV;
	}
	d->place.env_bytes = ENV;
	cr_assert_eq(ota_uboot_new(&d->place, names, &d->uboot, &d->boot), 0);
}

static void device_deinit(struct device *d)
{
	ota_uboot_free(d->uboot);
}

/* Copy i gets the variables of `text` ("a=1;b=2"), with that counter; NULL: a bad copy. */
static void put_copy(struct device *d, unsigned i, const char *text, uint8_t flags)
{
	uint8_t *raw = d->medium.durable + i * ENV;
	struct ota_env *env;
	char copy[512];

	cr_assert_eq(ota_env_new(&env), 0);
	(void)snprintf(copy, sizeof copy, "%s", text ? text : "");
	for (char *save = NULL, *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
		char *value = strchr(one, '=');
		*value++ = '\0';
		cr_assert_eq(ota_env_set(env, one, value), 0);
	}
	cr_assert_eq(ota_env_encode(env, flags, raw, ENV), 0);
	if (!text)
		raw[100] ^= 1;
	ota_env_free(env);
	memcpy(d->medium.cache, d->medium.durable, MEDIUM);
}

static struct ota_boot_state query_state(struct device *d)
{
	struct ota_boot_state state;
	cr_assert_eq(d->boot.ops->query(d->boot.boot, &state), 0);
	return state;
}

static bool same_state(const struct ota_boot_state *a, const struct ota_boot_state *b)
{
	return strcmp(a->selected, b->selected) == 0 && strcmp(a->barred, b->barred) == 0 &&
	       a->trial_id == b->trial_id && a->attempts == b->attempts && a->trial == b->trial &&
	       (!a->trial || a->limit == b->limit) && a->readable == b->readable;
}

static const char *get_variable(struct device *d, const char *name, char out[512])
{
	struct ota_env *env[2] = {NULL, NULL};
	uint8_t flags[2] = {0, 0};
	int good[2];

	for (int i = 0; i < 2; i++)
		good[i] = ota_env_parse(d->medium.durable + (unsigned)i * ENV, ENV, &env[i], &flags[i]) == 0;
	int holds = ota_env_arbitrate(good[0] ? OTA_ENV_GOOD : OTA_ENV_BAD, flags[0],
				      good[1] ? OTA_ENV_GOOD : OTA_ENV_BAD, flags[1]);
	const char *value = holds < 0 ? NULL : ota_env_get(env[holds], name);
	if (value)
		(void)snprintf(out, 512, "%s", value);
	ota_env_free(env[0]);
	ota_env_free(env[1]);
	return value ? out : NULL;
}

/* The verbs by number, so that tests can run them all. */
static int run_verb(struct device *d, unsigned n)
{
	const struct ota_boot_ops *ops = d->boot.ops;
	void *b = d->boot.boot;
	switch (n) {
	case 0:
		return ops->try(b, "B", 0x1234567890abcdefu, 3);
	case 1:
		return ops->commit(b, "B");
	case 2:
		return ops->rollback(b, "A", "B");
	case 3:
		return ops->rollback(b, "A", "");
	default:
		return ops->commit(b, "A");
	}
}
#define VERBS 5u

static const char *const starts[] = {
    "ota_slot=A;upgrade_available=0;bootcount=0;keep=me",
    "ota_slot=B;upgrade_available=1;bootcount=2;bootlimit=3;ota_trial=00000000000000ff;keep=me",
    "ota_slot=A;upgrade_available=0;bootcount=0;ota_barred=B;ota_trial=00000000000000ff;keep=me",
};
#define STARTS (sizeof starts / sizeof starts[0])

/* Each verb makes the state that boot.h says, keeps unrelated variables, and reads back as itself. */
Test(uboot, verbs)
{
	struct device d;
	char value[512];

	for (unsigned s = 0; s < STARTS; s++) {
		for (unsigned v = 0; v < VERBS; v++) {
			device_init(&d);
			put_copy(&d, 0, starts[s], 9);
			put_copy(&d, 1, "old=1", 8);
			struct ota_boot_state before = query_state(&d);
			cr_assert_eq(run_verb(&d, v), 0);
			struct ota_boot_state after = query_state(&d);
			cr_assert(after.readable && !after.degraded);
			cr_assert_eq(after.trial, v == 0);
			cr_assert_str_eq(after.selected, v <= 1 ? "B" : "A");
			cr_assert_str_eq(after.barred, v == 2 ? "B" : "");
			cr_assert_eq(after.attempts, 0u);
			cr_assert_eq(after.trial_id, v == 0 ? 0x1234567890abcdefu : before.trial_id);
			cr_assert_str_eq(get_variable(&d, "keep", value), "me");
			if (v == 0)
				cr_assert_eq(after.limit, 3u);
			device_deinit(&d);
		}
	}
}

/* A store is: both copies read, one write of the whole copy that does not hold, one flush, one read to verify. Nothing
 * else. */
Test(uboot, store_shape)
{
	struct device d;
	for (unsigned holds = 0; holds < 2; holds++) {
		for (unsigned v = 0; v < VERBS; v++) {
			uint8_t held[ENV];
			device_init(&d);
			put_copy(&d, holds, "ota_slot=A;ota_barred=B;upgrade_available=1;bootcount=1", 255);
			put_copy(&d, 1 - holds, "ota_slot=B", 254);
			memcpy(held, d.medium.cache + holds * ENV, ENV);
			cr_assert_eq(run_verb(&d, v), 0);
			cr_assert_str_eq(d.medium.trace, "rrwfr");
			cr_assert_eq(d.medium.write_offset, (1 - holds) * ENV);
			cr_assert_eq(d.medium.write_bytes, ENV);
			cr_assert_arr_eq(held, d.medium.durable + holds * ENV, ENV);
			cr_assert_eq(d.medium.durable[(1 - holds) * ENV + 4], 0, "the counter wraps");
			device_deinit(&d);
		}
	}
}

/* A verb whose state holds already stores nothing; query never does. */
Test(uboot, no_store_without_change)
{
	struct device d;
	for (unsigned v = 0; v < VERBS; v++) {
		device_init(&d);
		put_copy(&d, 0, starts[1], 9);
		put_copy(&d, 1, starts[0], 8);
		cr_assert_eq(run_verb(&d, v), 0);
		struct ota_boot_state state = query_state(&d);
		memset(d.medium.trace, 0, sizeof d.medium.trace);
		cr_assert_eq(run_verb(&d, v), 0);
		(void)query_state(&d);
		cr_assert_str_eq(d.medium.trace, "rrrr");
		struct ota_boot_state again = query_state(&d);
		cr_assert(same_state(&state, &again));
		device_deinit(&d);
	}
}

/* Every tear of every store: what is left holds the old state or the new one. Then the same verb finishes. */
Test(uboot, torn_store)
{
	struct device d;
	static uint8_t before[MEDIUM];
	static uint8_t after[MEDIUM];
	unsigned states = 0;
	unsigned olds = 0;

	for (unsigned s = 0; s < STARTS; s++) {
		for (unsigned v = 0; v < VERBS; v++) {
			for (unsigned shape = 0; shape < 3; shape++) {
				device_init(&d);
				put_copy(&d, 0, starts[s], 255);
				put_copy(&d, 1,
					 shape == 0   ? starts[(s + 1) % STARTS]
					 : shape == 1 ? NULL
						      : starts[s],
					 254);
				memcpy(before, d.medium.durable, MEDIUM);
				struct ota_boot_state old = query_state(&d);
				cr_assert_eq(run_verb(&d, v), 0);
				struct ota_boot_state new = query_state(&d);
				memcpy(after, d.medium.durable, MEDIUM);
				/* fill: the rest old, 00 or FF; end: sectors that survive from the front or from the
				 * back */
				for (unsigned cut = 0; cut <= ENV / 512; cut++) {
					for (unsigned form = 0; form < 6; form++) {
						unsigned fill = form % 3;
						uint8_t *copy = d.medium.durable + ENV;
						memcpy(d.medium.durable, before, MEDIUM);
						if (fill)
							memset(copy, fill == 1 ? 0 : 0xff, ENV);
						unsigned from = form < 3 ? 0 : ENV - cut * 512;
						memcpy(copy + from, after + ENV + from, cut * 512);
						memcpy(d.medium.cache, d.medium.durable, MEDIUM);
						memset(d.medium.trace, 0, sizeof d.medium.trace);
						struct ota_boot_state now = query_state(&d);
						cr_assert(same_state(&now, &old) || same_state(&now, &new),
							  "start %u verb %u cut %u form %u", s, v, cut, form);
						olds += !same_state(&now, &new);
						states++;
						cr_assert_eq(run_verb(&d, v), 0);
						now = query_state(&d);
						cr_assert(same_state(&now, &new) && !now.degraded);
					}
				}
				device_deinit(&d);
			}
		}
	}
	cr_assert_eq(states, STARTS * VERBS * 3 * (ENV / 512 + 1) * 6);
	cr_assert_gt(olds, states / 4, "tears must really lose the store");
}

/* Both copies bad: the first slot, readable = false, and the next verb stores an environment that starts the boot
 * script. */
Test(uboot, both_bad)
{
	struct device d;
	char value[512];

	for (unsigned v = 0; v < VERBS; v++) {
		device_init(&d);
		put_copy(&d, 0, NULL, 3);
		put_copy(&d, 1, NULL, 4);
		struct ota_boot_state state = query_state(&d);
		cr_assert(!state.readable && !state.trial && !state.degraded);
		cr_assert_str_eq(state.selected, "A");
		cr_assert_str_eq(state.barred, "");
		cr_assert_eq(state.trial_id, 0u);
		memset(d.medium.trace, 0, sizeof d.medium.trace);
		cr_assert_eq(run_verb(&d, v), 0);
		cr_assert_str_eq(d.medium.trace, "rrwfr");
		state = query_state(&d);
		cr_assert(state.readable && state.degraded);
		cr_assert_str_eq(state.selected, v <= 1 ? "B" : "A");
		cr_assert_str_eq(get_variable(&d, "bootcmd", value),
				 "env default ota_import && run ota_import && run bootcmd");
		cr_assert_str_eq(get_variable(&d, "altbootcmd", value),
				 "env default ota_import && run ota_import && run altbootcmd");
		/* The same verb once more mends the other copy. */
		cr_assert_eq(run_verb(&d, v), 0);
		state = query_state(&d);
		cr_assert(state.readable && !state.degraded);
		device_deinit(&d);
	}
}

/* A holding copy that U-Boot refuses to import counts as unreadable, and is not overwritten by the store that mends it.
 */
Test(uboot, malformed_holder)
{
	static const char list[] = "ota_slot=B\0=x\0";
	struct device d;
	device_init(&d);
	uint8_t *raw = d.medium.durable;
	memcpy(raw + OTA_ENV_HEADER_BYTES, list, sizeof list);
	ota_number_put(raw, ota_env_crc32(raw + OTA_ENV_HEADER_BYTES, ENV - OTA_ENV_HEADER_BYTES), 4);
	raw[4] = 200;
	put_copy(&d, 1, "ota_slot=B", 199);
	struct ota_boot_state state = query_state(&d);
	cr_assert(!state.readable);
	cr_assert_str_eq(state.selected, "A");
	cr_assert_eq(run_verb(&d, 4), 0);
	cr_assert_eq(d.medium.write_offset, ENV);
	cr_assert_eq(d.medium.durable[ENV + 4], 201);
	state = query_state(&d);
	cr_assert(state.readable);
	device_deinit(&d);
}

/* One bad copy: said by query, not held against the good one, and mended by the next store even if nothing else
 * changes. */
Test(uboot, degraded_is_mended)
{
	struct device d;
	for (unsigned bad = 0; bad < 2; bad++) {
		for (unsigned v = 0; v < VERBS; v++) {
			device_init(&d);
			put_copy(&d, 1 - bad, starts[2], 7);
			put_copy(&d, bad, NULL, 8);
			struct ota_boot_state state = query_state(&d);
			cr_assert(state.readable && state.degraded);
			cr_assert_eq(state.trial_id, 0xffu);
			cr_assert_eq(run_verb(&d, v), 0);
			cr_assert_eq(d.medium.write_offset, bad * ENV);
			state = query_state(&d);
			cr_assert(state.readable && !state.degraded);
			device_deinit(&d);
		}
	}
}

/* Values that no writer of ours makes read as the bootloader reads them; nonsense is no trial and nothing barred. */
Test(uboot, odd_values)
{
	static const struct {
		const char *text;
		const char *selected;
		const char *barred;
		uint64_t trial_id;
		unsigned attempts;
		unsigned limit;
		bool trial;
	} rows[] = {
	    {"", "A", "", 0, 0, 3, false},
	    {"ota_slot=C;ota_barred=C;upgrade_available=yes", "A", "", 0, 0, 3, false},
	    {"ota_slot=b;upgrade_available=", "A", "", 0, 0, 3, false},
	    {"ota_slot=B;upgrade_available=2x;bootcount=07;bootlimit=1", "B", "", 0, 7, 1, true},
	    {"ota_slot=B;upgrade_available=1", "B", "", 0, 0, 3, true},
	    {"ota_slot=B;upgrade_available=1;bootcount=-1;bootlimit=0", "B", "", 0, 0, 3, true},
	    {"ota_slot=B;upgrade_available=-1;bootcount=2", "B", "", 0, 0, 3, false},
	    {"upgrade_available=1;bootcount=99999999999999999999;bootlimit=5", "A", "", 0, 4294967295u, 5, true},
	    {"ota_trial=00000000000000AB", "A", "", 0xab, 0, 3, false},
	    {"ota_trial=ab", "A", "", 0, 0, 3, false},
	    {"ota_trial=0x000000000000ab", "A", "", 0, 0, 3, false},
	    {"ota_slot=B;ota_barred=B", "A", "B", 0, 0, 3, false},
	    {"ota_slot=B;ota_barred=B;upgrade_available=1;bootcount=2", "A", "B", 0, 0, 3, false},
	    {"ota_slot=A;ota_barred=B;upgrade_available=1;bootcount=2", "A", "B", 0, 2, 3, true},
	};
	struct device d;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		device_init(&d);
		put_copy(&d, 0, rows[i].text, 1);
		put_copy(&d, 1, rows[i].text, 0);
		struct ota_boot_state state = query_state(&d);
		cr_assert(state.readable);
		cr_assert_str_eq(state.selected, rows[i].selected, "row %zu", i);
		cr_assert_str_eq(state.barred, rows[i].barred, "row %zu", i);
		cr_assert_eq(state.trial, rows[i].trial, "row %zu", i);
		cr_assert_eq(state.attempts, rows[i].attempts, "row %zu", i);
		cr_assert_eq(state.limit, rows[i].limit, "row %zu", i);
		cr_assert_eq(state.trial_id, rows[i].trial_id, "row %zu", i);
		device_deinit(&d);
	}
}

/* An error of any operation is an error of the verb, never success; afterwards the old or the new state holds. */
Test(uboot, io_errors)
{
	struct device d;
	unsigned errors = 0;

	for (unsigned v = 0; v < VERBS; v++) {
		for (unsigned op = 0; op < OPS; op++) {
			for (unsigned nth = 1; nth <= 4; nth++) {
				for (unsigned for_ever = 0; for_ever < 2; for_ever++) {
					device_init(&d);
					put_copy(&d, 0, starts[1], 9);
					put_copy(&d, 1, starts[1], 8);
					d.medium.fail[op] = nth;
					d.medium.fail_for_ever = for_ever;
					int result = run_verb(&d, v);
					bool hit = d.medium.count[op] >= nth;
					memset(d.medium.fail, 0, sizeof d.medium.fail);
					memset(d.medium.trace, 0, sizeof d.medium.trace);
					/* A read of a copy is tried twice: one failure there costs nothing. */
					bool harmless = op == READ && !for_ever && nth <= 2;
					cr_assert_eq(result, hit && !harmless ? -EIO : 0, "verb %u op %u nth %u", v, op,
						     nth);
					errors += result != 0;
					memcpy(d.medium.cache, d.medium.durable, MEDIUM);
					cr_assert(query_state(&d).readable);
					cr_assert_eq(run_verb(&d, v), 0);
					device_deinit(&d);
				}
			}
		}
	}
	cr_assert_gt(errors, 20u);
}

/* A copy that can never be read is a bad copy, as for U-Boot; if no good one is left, the failure is told, not
 * defaults. */
Test(uboot, unreadable_sector)
{
	struct device d;
	device_init(&d);
	put_copy(&d, 0, starts[0], 9);
	put_copy(&d, 1, starts[1], 8);
	d.medium.bad_from = 512;
	d.medium.bad_to = 1024;
	struct ota_boot_state state = query_state(&d);
	cr_assert(state.readable && state.degraded && state.trial);
	put_copy(&d, 1, NULL, 8);
	cr_assert_eq(d.boot.ops->query(d.boot.boot, &state), -EIO);
	memset(d.medium.trace, 0, sizeof d.medium.trace);
	cr_assert_eq(run_verb(&d, 0), -EIO);
	cr_assert_null(strchr(d.medium.trace, 'w'));
	device_deinit(&d);
}

/* One failed read is tried again: the older copy must not be believed for it, nor the newer one be overwritten. */
Test(uboot, one_failed_read)
{
	struct device d;
	for (unsigned nth = 1; nth <= 2; nth++) {
		device_init(&d);
		put_copy(&d, 0, starts[2], 9);
		put_copy(&d, 1, starts[1], 8);
		d.medium.fail[READ] = nth;
		struct ota_boot_state state = query_state(&d);
		cr_assert(!state.trial && !state.degraded);
		cr_assert_str_eq(state.barred, "B");
		device_deinit(&d);
	}
}

/* A medium that takes the flush and keeps nothing is found out by the read-back. */
Test(uboot, lying_flush)
{
	struct device d;
	device_init(&d);
	put_copy(&d, 0, starts[0], 9);
	put_copy(&d, 1, starts[0], 8);
	d.medium.lies = true;
	cr_assert_eq(run_verb(&d, 0), OTA_BOOT_STATE);
	device_deinit(&d);
}

/* A single copy (one line in fw_env.config) is read and never written; an environment that does not fit is refused
 * whole. */
Test(uboot, single_and_full)
{
	struct device d;
	struct ota_env *env;
	uint8_t raw[ENV + 1];
	char text[4060];

	device_init(&d);
	device_deinit(&d);
	d.place.block[1].ops = NULL;
	cr_assert_eq(ota_uboot_new(&d.place, names, &d.uboot, &d.boot), 0);
	cr_assert_eq(ota_env_new(&env), 0);
	cr_assert_eq(ota_env_set(env, "ota_slot", "B"), 0);
	/* A copy without a twin has no flags byte: drop it, and make the CRC anew over the one byte more. */
	cr_assert_eq(ota_env_encode(env, 0, raw, ENV + 1), 0);
	memcpy(d.medium.cache, raw, 4);
	memcpy(d.medium.cache + 4, raw + 5, ENV - 4);
	struct ota_boot_state state = query_state(&d);
	cr_assert(state.readable && !state.degraded);
	cr_assert_str_eq(state.selected, "B");
	cr_assert_eq(run_verb(&d, 4), OTA_BOOT_STATE);
	cr_assert_eq(run_verb(&d, 1), 0);
	cr_assert_eq(d.medium.count[WRITE], 0u);
	device_deinit(&d);

	device_init(&d);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	cr_assert_eq(ota_env_set(env, "big", text), 0);
	cr_assert_eq(ota_env_encode(env, 1, d.medium.cache, ENV), 0);
	cr_assert_eq(run_verb(&d, 0), -ENOSPC);
	cr_assert_eq(d.medium.count[WRITE], 0u);
	ota_env_free(env);
	device_deinit(&d);
}

/* Arguments and places that cannot work are refused before any access. */
Test(uboot, refusals)
{
	struct device d;
	struct ota_uboot *uboot;
	struct ota_boot boot;

	device_init(&d);
	const struct ota_boot_ops *ops = d.boot.ops;
	cr_assert_eq(ops->try(d.boot.boot, "C", 1, 3), -EINVAL);
	cr_assert_eq(ops->try(d.boot.boot, "B", 0, 3), -EINVAL);
	cr_assert_eq(ops->try(d.boot.boot, "B", 1, 0), -EINVAL);
	cr_assert_eq(ops->try(d.boot.boot, "B", 1, 100), -EINVAL);
	cr_assert_eq(ops->commit(d.boot.boot, ""), -EINVAL);
	cr_assert_eq(ops->rollback(d.boot.boot, "A", "A"), -EINVAL);
	cr_assert_eq(ops->rollback(d.boot.boot, "A", "C"), -EINVAL);
	cr_assert_str_eq(d.medium.trace, "");

	const struct ota_env_place good = d.place;
	struct ota_env_place bad[] = {good, good, good, good, good, good};
	bad[0].offset_bytes[1] = ENV - 512;
	bad[1].offset_bytes[1] = ENV + 512;
	bad[2].env_bytes = 256;
	bad[3].env_bytes = 1000;
	bad[4].offset_bytes[0] = 100;
	bad[5].env_bytes = OTA_ENV_MAX_BYTES * 2;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(ota_uboot_new(&bad[i], names, &uboot, &boot), OTA_BAD_CONFIG, "%zu", i);
	const char *const bad_names[][2] = {{"A", "A"}, {"", "B"}, {"A", "b c"}, {"A", "0123456789abcdef"}};
	for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++)
		cr_assert_eq(ota_uboot_new(&good, bad_names[i], &uboot, &boot), OTA_BAD_CONFIG, "%zu", i);
	device_deinit(&d);
}
