/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants: a corrupter makes its named change and no other; ids are unique and stable; expectations do not use the
 * core; the judge refuses wrong outcomes.
 */
#include "corrupt/corrupt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "corrupt/bundle-edit.h"
#include "corrupt/corrupt-offer.h"

static struct yp_forge *yp_forge_make(uint64_t seed)
{
	struct yp_forge *forge;
	cr_assert_eq(yp_forge_new(seed, &forge), 0);
	return forge;
}

static struct yp_corrupt_plan *yp_corrupt_plan_make(struct yp_forge *forge, const char *filter)
{
	struct yp_corrupt_plan *plan;
	cr_assert_eq(yp_corrupt_plan_new(forge, filter, &plan), 0);
	return plan;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct yp_corrupt_case *)a)->id, ((const struct yp_corrupt_case *)b)->id);
}

/* A plan depends on the seed alone, not on keys: same ids, same expectations; and no id stands for two cases. */
Test(corrupt, ids_are_unique_and_stable, .timeout = 120)
{
	struct yp_forge *labs[2] = {yp_forge_make(7), yp_forge_make(7)};
	struct yp_corrupt_plan *plans[2];
	for (unsigned i = 0; i < 2; i++) {
		plans[i] = yp_corrupt_plan_make(labs[i], NULL);
		qsort(plans[i]->cases, plans[i]->count, sizeof plans[i]->cases[0], by_id);
	}
	cr_assert_eq(plans[0]->count, plans[1]->count);
	cr_assert_gt(plans[0]->count, 10000);
	for (size_t i = 0; i < plans[0]->count; i++) {
		const struct yp_corrupt_case *a = &plans[0]->cases[i];
		const struct yp_corrupt_case *b = &plans[1]->cases[i];
		cr_assert_str_eq(a->id, b->id);
		cr_assert_eq(a->classes, b->classes, "%s", a->id);
		/* The place of the name in a changed certificate depends on the key's size, never on the key. */
		cr_assert_eq(a->reasons, b->reasons, "%s", a->id);
		cr_assert(i == 0 || strcmp(a->id, a[-1].id) != 0, "%s stands for two cases", a->id);
		bool skipped = a->kind == CASE_ROW && !a->row->build;
		cr_assert(skipped || (a->classes && a->reasons), "%s expects nothing", a->id);
		cr_assert(!skipped || a->note, "%s is skipped without a reason", a->id);
		cr_assert(!(a->classes & YP_CORRUPT_IGNORED) || a->note, "%s is accepted without a reason", a->id);
		cr_assert(a->catalogue && a->catalogue[0], "%s covers nothing", a->id);
	}
	for (unsigned i = 0; i < 2; i++) {
		yp_corrupt_plan_free(plans[i]);
		yp_forge_free(labs[i]);
	}
}

/* Every bit of the head is there, once, and flipping it changes exactly that bit. */
Test(corrupt, flips_are_exhaustive_and_single, .timeout = 120)
{
	struct yp_forge *forge = yp_forge_make(1);
	struct yp_corrupt_plan *plan = yp_corrupt_plan_make(forge, "flp:");
	const struct bytes *good = &forge->site.bundles[2];
	size_t head_bits = 0;
	for (size_t i = 0; i < plan->count; i++) {
		const struct yp_corrupt_case *c = &plan->cases[i];
		struct offer offer;
		if (c->kind != CASE_FLIP)
			continue;
		head_bits++;
		cr_assert_eq(yp_corrupt_offer_make(forge, c, &offer), 0);
		cr_assert_eq(offer.raw.size, good->size);
		cr_assert_eq(offer.raw.data[c->at] ^ good->data[c->at], 1u << c->bit, "%s", c->id);
		offer.raw.data[c->at] ^= (uint8_t)(1u << c->bit);
		cr_assert_arr_eq(offer.raw.data, good->data, good->size, "%s changes something else", c->id);
		yp_forge_offer_free(&offer);
	}
	cr_assert_eq(head_bits, 8 * forge->site.layout.payload);
	yp_corrupt_plan_free(plan);
	yp_forge_free(forge);
}

/* An unchanged bundle that is accepted must be a MISS, not a pass: the corrupter did nothing. */
Test(corrupt, no_change_is_a_miss)
{
	struct yp_forge *forge = yp_forge_make(1);
	struct yp_corrupt_plan *plan = yp_corrupt_plan_make(forge, "trc:garbage.1");
	struct yp_corrupt_row row = *plan->cases[0].row;
	struct yp_corrupt_case c = plan->cases[0];
	struct yp_corrupt_outcome out;
	row.n = 0;
	c.row = &row;
	cr_assert_eq(yp_corrupt_run(forge, &c, &out), 0);
	cr_assert_eq(out.outcome.verdict, YP_MISS);
	cr_assert(!out.landed);
	yp_corrupt_plan_free(plan);
	yp_forge_free(forge);
}

/* The judge refuses every other reason and every other class than the one that came. */
Test(corrupt, the_judge_wants_exactly_what_is_documented)
{
	static const char *const ids[] = {"flp:manifest.17.3", "flp:chunk.raw.ff", "trc:garbage.1.unsized"};
	struct yp_forge *forge = yp_forge_make(1);
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		struct yp_corrupt_plan *plan = yp_corrupt_plan_make(forge, ids[i]);
		struct yp_corrupt_outcome out;
		struct yp_corrupt_case c = plan->cases[0];
		cr_assert_str_eq(c.id, ids[i]);
		cr_assert_eq(yp_corrupt_run(forge, &c, &out), 0);
		cr_assert_eq(out.outcome.verdict, YP_PASS, "%s: %s", ids[i], out.outcome.text);
		c.reasons = ~c.reasons;
		cr_assert_eq(yp_corrupt_run(forge, &c, &out), 0);
		cr_assert_eq(out.outcome.verdict, YP_FAIL, "%s with another reason", ids[i]);
		c = plan->cases[0];
		c.classes = ~c.classes;
		cr_assert_eq(yp_corrupt_run(forge, &c, &out), 0);
		cr_assert_eq(out.outcome.verdict, YP_FAIL, "%s as another class", ids[i]);
		yp_corrupt_plan_free(plan);
	}
	yp_forge_free(forge);
}

#if !defined(__SANITIZE_ADDRESS__) /* a sanitizer's own memory cannot be bounded */
static int starved(struct yp_forge *forge, const struct yp_corrupt_row *row, struct offer *offer)
{
	const struct yp_corrupt_row *named = rows_manifest;
	while (strcmp(named->id, row->id) != 0)
		named++;
	int r = named->build(forge, named, offer);
	offer->memory_bytes = 1024u * 1024u;
	return r;
}

/* Kills: a bound on memory without effect. Within the bound of `starved` a head of 8 MiB cannot be read. */
Test(corrupt, memory_is_bounded)
{
	struct yp_forge *forge = yp_forge_make(1);
	struct yp_corrupt_plan *plan = yp_corrupt_plan_make(forge, "res:huge-index");
	struct yp_corrupt_row row = *plan->cases[0].row;
	struct yp_corrupt_case c = plan->cases[0];
	struct yp_corrupt_outcome out;
	row.build = starved;
	c.row = &row;
	cr_assert_eq(yp_corrupt_run(forge, &c, &out), 0);
	cr_assert_eq(out.outcome.verdict, YP_FAIL, "%d %s", out.outcome.verdict, out.outcome.text);
	cr_assert_eq(out.outcome.invariant, YP_I7);
	cr_assert_eq(yp_corrupt_run(forge, &plan->cases[0], &out), 0);
	cr_assert_eq(out.outcome.verdict, YP_PASS, "%s", out.outcome.text);
	yp_corrupt_plan_free(plan);
	yp_forge_free(forge);
}
#endif

/* The delta cases test reuse: an unchanged one fetches less than a plain install. */
Test(corrupt, the_delta_control_copies)
{
	struct yp_forge *forge = yp_forge_make(1);
	struct yp_corrupt_plan *plan = yp_corrupt_plan_make(forge, "dlt:");
	uint64_t fetched[2] = {0};
	for (size_t i = 0; i < plan->count; i++) {
		struct yp_corrupt_outcome out;
		cr_assert_eq(yp_corrupt_run(forge, &plan->cases[i], &out), 0);
		if (strcmp(plan->cases[i].id, "dlt:honest") == 0)
			fetched[0] = out.fetched_bytes;
		if (strcmp(plan->cases[i].id, "dlt:chunk") == 0)
			fetched[1] = out.fetched_bytes;
	}
	cr_assert(fetched[0] > 0 && fetched[0] < fetched[1], "%llu, %llu", (unsigned long long)fetched[0],
		  (unsigned long long)fetched[1]);
	yp_corrupt_plan_free(plan);
	yp_forge_free(forge);
}

Test(layout, sections_and_keys)
{
	static const char text[] = "[update]\nversion=1\nsize=3\n\n[image.rootfs]\nsize=7\n";
	const struct bytes in = {(uint8_t *)(uintptr_t)text, sizeof text - 1};
	struct bytes out;
	char value[8];
	cr_assert(manifest_get(&in, "image.rootfs", "size", value, sizeof value));
	cr_assert_str_eq(value, "7");
	cr_assert(!manifest_get(&in, "image.rootfs", "version", value, sizeof value));
	cr_assert_eq(manifest_set(&in, "image.rootfs", "size", "99", 2, &out), 0);
	cr_assert_eq(out.size, in.size + 1);
	cr_assert_eq(memcmp(out.data, "[update]\nversion=1\nsize=3\n\n[image.rootfs]\nsize=99\n", out.size), 0);
	bytes_free(&out);
	cr_assert_eq(manifest_set(&in, "update", "version", NULL, 0, &out), 0);
	cr_assert_eq(memcmp(out.data, "[update]\nsize=3\n\n[image.rootfs]\nsize=7\n", out.size), 0);
	bytes_free(&out);
	cr_assert_eq(manifest_set(&in, "update", "nothing", "1", 1, &out), -ENOENT);
	cr_assert_eq(manifest_add(&in, "update", "x=1", 3, &out), 0);
	cr_assert_eq(memcmp(out.data, "[update]\nversion=1\nsize=3\nx=1\n\n[image.rootfs]\nsize=7\n", out.size), 0);
	bytes_free(&out);
}

/* The format-agnostic ones: exactly one bit, a prefix, two halves; nothing to change is an error. */
Test(plain, flip_truncate_splice)
{
	uint8_t a[] = "0123456789";
	uint8_t b[] = "abcdefghij";
	const struct bytes in = {a, 10};
	const struct bytes other = {b, 10};
	struct bytes out;
	cr_assert_eq(plain_flip(&in, 3, 0, &out), 0);
	cr_assert_arr_eq(out.data, "0122456789", 10);
	bytes_free(&out);
	cr_assert_eq(plain_flip(&in, 10, 0, &out), -EINVAL);
	cr_assert_eq(plain_flip(&in, 0, 8, &out), -EINVAL);
	cr_assert_eq(plain_truncate(&in, 4, &out), 0);
	cr_assert_eq(out.size, 4);
	cr_assert_arr_eq(out.data, "0123", 4);
	bytes_free(&out);
	cr_assert_eq(plain_truncate(&in, 10, &out), -EINVAL);
	cr_assert_eq(plain_splice(&in, 2, &other, 7, &out), 0);
	cr_assert_eq(out.size, 5);
	cr_assert_arr_eq(out.data, "01hij", 5);
	bytes_free(&out);
	cr_assert_eq(plain_splice(&in, 11, &other, 0, &out), -EINVAL);
}
