/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: the harness's bootloader decides by the table of images/uboot/README.md, counts,
 * and stores so that a cut leaves one good copy.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "device/device-seams.h"
#include "subject/boot-decision.h"
#include "subject/uboot-env.h"

/* A row of the table in images/uboot/README.md: '-' an empty cell. */
struct row {
	char barred;                                   /* 'n'one, 's'elected, 'o'ther, 'N' none or other */
	char trial, over, selected_loads, other_loads; /* 'y', 'n', '-' */
	enum yp_sim_boots boots;
	enum yp_sim_stores stores;
};
static const struct row table[] = {
    {'N', 'n', '-', 'y', '-', YP_SIM_BOOTS_SELECTED, YP_SIM_STORES_NOTHING}, /* 1 */
    {'n', 'n', '-', 'n', 'y', YP_SIM_BOOTS_OTHER, YP_SIM_STORES_NOTHING},    /* 2 */
    {'n', 'n', '-', 'n', 'n', YP_SIM_BOOTS_HALT, YP_SIM_STORES_NOTHING},     /* 3 */
    {'o', 'n', '-', 'n', '-', YP_SIM_BOOTS_HALT, YP_SIM_STORES_NOTHING},     /* 4 */
    {'s', 'n', '-', '-', 'y', YP_SIM_BOOTS_OTHER, YP_SIM_STORES_NOTHING},    /* 5 */
    {'s', 'n', '-', '-', 'n', YP_SIM_BOOTS_HALT, YP_SIM_STORES_NOTHING},     /* 6 */
    {'N', 'y', 'n', 'y', '-', YP_SIM_BOOTS_SELECTED, YP_SIM_STORES_NOTHING}, /* 7 */
    {'n', 'y', 'n', 'n', 'y', YP_SIM_BOOTS_OTHER, YP_SIM_STORES_BACK},       /* 8 */
    {'n', 'y', 'n', 'n', 'n', YP_SIM_BOOTS_HALT, YP_SIM_STORES_BACK},        /* 9 */
    {'o', 'y', 'n', 'n', '-', YP_SIM_BOOTS_HALT, YP_SIM_STORES_END},         /* 10 */
    {'s', 'y', '-', '-', 'y', YP_SIM_BOOTS_OTHER, YP_SIM_STORES_BACK},       /* 11 */
    {'s', 'y', '-', '-', 'n', YP_SIM_BOOTS_HALT, YP_SIM_STORES_BACK},        /* 12 */
    {'n', 'y', 'y', '-', 'y', YP_SIM_BOOTS_OTHER, YP_SIM_STORES_BACK},       /* 13 */
    {'n', 'y', 'y', '-', 'n', YP_SIM_BOOTS_HALT, YP_SIM_STORES_BACK},        /* 14 */
    {'o', 'y', 'y', 'y', '-', YP_SIM_BOOTS_SELECTED, YP_SIM_STORES_END},     /* 15 */
    {'o', 'y', 'y', 'n', '-', YP_SIM_BOOTS_HALT, YP_SIM_STORES_END},         /* 16 */
};

static bool fits(char cell, bool is)
{
	return cell == '-' || (cell == 'y') == is;
}

static bool fits_barred(char cell, char is)
{
	return cell == is || (cell == 'N' && is != 's');
}

/* The bootloader decides as the boot script's table says: every combination meets exactly one row, and its outcome. */
Test(bootloader, decides_by_the_table)
{
	unsigned checked = 0;

	for (unsigned bits = 0; bits < 3 * 2 * 2 * 2 * 2 * 2; bits++) {
		char barred = "nso"[bits % 3];
		bool trial = bits / 3 & 1, over = bits / 6 & 1, sel = bits / 12 & 1, other = bits / 24 & 1,
		     b = bits / 48 & 1;
		char slot = b ? 'B' : 'A', other_slot = b ? 'A' : 'B';
		struct yp_sim_boot_variables v = {.slot = slot, .trial = trial, .limit = 3, .attempts = over ? 3 : 2};
		unsigned matches = 0;

		v.barred = barred == 'n' ? 0 : barred == 's' ? slot : other_slot;
		for (unsigned r = 0; r < sizeof table / sizeof table[0]; r++) {
			struct yp_sim_decision d = yp_sim_boot_decide(&v, sel, other);

			if (!fits_barred(table[r].barred, barred) || !fits(table[r].trial, trial) ||
			    !fits(table[r].over, over) || !fits(table[r].selected_loads, sel) ||
			    !fits(table[r].other_loads, other))
				continue;
			matches++;
			cr_assert_eq(d.boots, table[r].boots, "row %u, case %u", r + 1, bits);
			cr_assert_eq(d.stores, table[r].stores, "row %u, case %u", r + 1, bits);
			cr_assert_eq(d.counts, trial);
		}
		cr_assert_eq(matches, 1, "case %u fits %u rows", bits, matches);
		checked++;
	}
	cr_assert_eq(checked, 96);
}

/* Of two good copies the newer counter holds, and 0 follows 255; a bad copy never holds. */
Test(bootloader, arbiter)
{
	static const struct {
		bool good0;
		uint8_t flags0;
		bool good1;
		uint8_t flags1;
		int holds;
	} cases[] = {
	    {true, 1, true, 2, 1},      {true, 2, true, 1, 0},     {true, 7, true, 7, 0},     {true, 255, true, 0, 1},
	    {true, 0, true, 255, 0},    {true, 254, true, 255, 1}, {true, 255, true, 254, 0}, {true, 127, true, 128, 1},
	    {true, 128, true, 127, 0},  {false, 9, true, 1, 1},    {true, 1, false, 9, 0},    {false, 1, false, 2, -1},
	    {false, 255, true, 254, 1}, {true, 0, true, 1, 1},     {true, 1, true, 0, 0},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_assert_eq(yp_sim_env_arbitrate(cases[i].good0, cases[i].flags0, cases[i].good1, cases[i].flags1),
			     cases[i].holds, "case %u", i);
}

/* A copy that is torn anywhere, with any fill, is bad or has exactly the contents of one whole copy. */
Test(bootloader, torn_copies_are_never_believed)
{
	static uint8_t old_raw[4096], new_raw[4096], torn[4096];
	struct yp_sim_env env = {.count = 0}, back;

	cr_assert_eq(yp_sim_env_set(&env, "ota_slot=A"), 0);
	cr_assert_eq(yp_sim_env_set(&env, "upgrade_available=0"), 0);
	cr_assert_eq(yp_sim_env_encode(&env, 4, old_raw, sizeof old_raw), 0);
	cr_assert_eq(yp_sim_env_set(&env, "ota_slot=B"), 0);
	cr_assert_eq(yp_sim_env_set(&env, "upgrade_available=1"), 0);
	cr_assert_eq(yp_sim_env_encode(&env, 5, new_raw, sizeof new_raw), 0);
	for (unsigned fill = 0; fill < 3; fill++) {
		for (size_t at = 0; at <= sizeof torn; at++) {
			memcpy(torn, new_raw, at);
			if (fill == 0)
				memcpy(torn + at, old_raw + at, sizeof torn - at);
			else
				memset(torn + at, fill == 1 ? 0 : 0xff, sizeof torn - at);
			yp_sim_env_parse(torn, sizeof torn, &back);
			/* Torn in flags, which the CRC does not cover, it is the old copy with the new counter: old all
			 * the same. */
			if (back.good)
				cr_assert_str_eq(yp_sim_env_get(&back, "ota_slot"),
						 memcmp(torn + 5, new_raw + 5, sizeof torn - 5) == 0 ? "B" : "A",
						 "torn at %zu, fill %u", at, fill);
		}
	}
}

/* ---- a whole boot on media ---- */

struct bench {
	struct yp_layout layout;
	struct yp_pool *pool;
	struct yp_sim_device device;
	struct yp_memo memo;
	bool loads[2];
};

static int bench_loads(void *ctx, char slot, bool *out)
{
	struct bench *bench = ctx;

	*out = bench->loads[slot == 'B'];
	return 0;
}

static void bench_put(struct bench *bench, unsigned copy, uint8_t flags, const char *const *variables)
{
	struct yp_sim_env env = {.count = 0};
	uint8_t raw[1024];

	for (; *variables != NULL; variables++)
		cr_assert_eq(yp_sim_env_set(&env, *variables), 0);
	cr_assert_eq(yp_sim_env_encode(&env, flags, raw, sizeof raw), 0);
	cr_assert_eq(yp_sim_device_boot_write(&bench->device, YP_SIM_ENV, copy * 2, 2, raw), 0);
}

static void bench_holding(struct bench *bench, struct yp_sim_env_copy *out)
{
	struct yp_sim_env_copy copy[2];
	int holding;

	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(yp_sim_env_copy_of(yp_subject_find("ota")->boot, &bench->memo, bench->pool,
						bench->device.contents[YP_SIM_ENV] + i * 2, &copy[i]),
			     0);
	holding = yp_sim_env_arbitrate(copy[0].good, copy[0].flags, copy[1].good, copy[1].flags);
	cr_assert_geq(holding, 0);
	*out = copy[holding];
}

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){.layout = {.count = 5}, .loads = {true, true}};
	for (unsigned m = 0; m < 5; m++) {
		(void)snprintf(bench->layout.media[m].name, YP_NAME_MAX, "m%u", m);
		bench->layout.media[m].sectors = 4;
	}
	cr_assert_eq(yp_pool_new(&bench->pool), 0);
	cr_assert_eq(yp_sim_dev_init(&bench->device, &bench->layout, bench->pool), 0);
	yp_memo_init(&bench->memo, 2, sizeof(struct yp_sim_env_copy));
}

static void bench_deinit(struct bench *bench)
{
	yp_memo_deinit(&bench->memo);
	yp_sim_dev_deinit(&bench->device);
	yp_pool_free(bench->pool);
}

/* A trial that never gets up is booted exactly `limit` times, then the bootloader goes back in one store and stays
 * there, across the wrap of the copies' counter, and keeps the variables of others. */
Test(bootloader, limit_then_back)
{
	static const char *const armed[] = {"ota_slot=B",  "upgrade_available=1", "bootcount=0",
					    "bootlimit=3", YP_SIM_ENV_KEPT,       NULL};
	static const uint8_t counters[] = {1, 126, 252, 253, 254, 255, 0};

	for (unsigned c = 0; c < sizeof counters; c++) {
		struct bench bench;
		struct yp_sim_env_copy now;
		uint64_t stores;
		char slot = 0;

		bench_init(&bench);
		bench_put(&bench, 0, counters[c], armed);
		for (unsigned boot = 1; boot <= 3; boot++) {
			cr_assert_eq(yp_sim_bootloader_run(yp_subject_find("ota"), &bench.device, &bench.memo, 1024,
							   bench_loads, &bench, &slot),
				     0);
			cr_assert_eq(slot, 'B');
			bench_holding(&bench, &now);
			cr_assert_eq(now.boot.attempts, boot, "counter %u: %lu", counters[c], now.boot.attempts);
		}
		stores = bench.device.env_writes;
		cr_assert_eq(yp_sim_bootloader_run(yp_subject_find("ota"), &bench.device, &bench.memo, 1024,
						   bench_loads, &bench, &slot),
			     0);
		cr_assert_eq(slot, 'A');
		cr_assert_eq(bench.device.env_writes, stores + 2, "one to count, one to go back");
		bench_holding(&bench, &now);
		cr_assert(!now.boot.trial && now.boot.slot == 'A' && now.boot.barred == 'B' && now.kept);
		stores = bench.device.env_writes;
		cr_assert_eq(yp_sim_bootloader_run(yp_subject_find("ota"), &bench.device, &bench.memo, 1024,
						   bench_loads, &bench, &slot),
			     0);
		cr_assert_eq(slot, 'A');
		cr_assert_eq(bench.device.env_writes, stores, "nothing is stored outside a trial");
		bench_deinit(&bench);
	}
}

/* Without a readable environment the bootloader starts slot A and stores nothing. */
Test(bootloader, defaults)
{
	struct bench bench;
	char slot = 0;

	bench_init(&bench);
	cr_assert_eq(
	    yp_sim_bootloader_run(yp_subject_find("ota"), &bench.device, &bench.memo, 1024, bench_loads, &bench, &slot),
	    0);
	cr_assert_eq(slot, 'A');
	bench.loads[0] = false;
	cr_assert_eq(
	    yp_sim_bootloader_run(yp_subject_find("ota"), &bench.device, &bench.memo, 1024, bench_loads, &bench, &slot),
	    0);
	cr_assert_eq(slot, 'B');
	bench.loads[1] = false;
	cr_assert_eq(
	    yp_sim_bootloader_run(yp_subject_find("ota"), &bench.device, &bench.memo, 1024, bench_loads, &bench, &slot),
	    0);
	cr_assert_eq(slot, 0);
	cr_assert_eq(bench.device.writes, 0);
	bench_deinit(&bench);
}
