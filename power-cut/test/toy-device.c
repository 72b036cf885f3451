/* SPDX-License-Identifier: Apache-2.0 */
/* A subject so small that all its correct answers are known. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "test/toy-device.h"

#define COPY_BYTES (TOY_COPY_SECTORS * YP_SECTOR_BYTES)

enum { REGION_SLOT_1, REGION_SLOT_2, REGION_COPY_0, REGION_COPY_1 };

/* The device while it runs: the media as the subject sees them, every access logged. */
struct device {
	struct yp_image *image;
	struct yp_log *log;
};

static uint64_t copy_at(const struct toy *toy, unsigned n)
{
	return toy->record_first + n * TOY_COPY_SECTORS;
}

static void dev_write(struct device *d, unsigned medium, uint64_t sector, uint32_t sectors, const void *data)
{
	cr_assert_eq(yp_log_write(d->log, medium, sector, sectors, data, false), 0);
	cr_assert_eq(yp_image_write(d->image, medium, sector, sectors, data), 0);
}

static void dev_read(struct device *d, unsigned medium, uint64_t sector, uint32_t sectors, void *data)
{
	cr_assert_eq(yp_log_read(d->log, medium, sector, sectors), 0);
	yp_image_read(d->image, medium, sector, sectors, data);
}

static void dev_flush(struct device *d, unsigned medium)
{
	cr_assert_eq(yp_log_flush(d->log, medium), 0);
}

static void dev_step(struct device *d, const char *step)
{
	cr_assert_eq(yp_log_mark(d->log, YP_MARK_STEP, step), 0);
}

static uint32_t sum_copy(const uint8_t *copy)
{
	uint32_t sum = 1;
	for (unsigned i = 4; i < COPY_BYTES; i++)
		sum = sum * 31 + copy[i];
	return sum;
}

static void copy_make(uint8_t *copy, uint8_t sequence, uint8_t version)
{
	memset(copy, version, COPY_BYTES);
	copy[4] = sequence;
	uint32_t sum = sum_copy(copy);
	memcpy(copy, &sum, sizeof sum);
}

static bool copy_valid(const struct toy *toy, const uint8_t *copy)
{
	uint32_t sum;
	memcpy(&sum, copy, sizeof sum);
	return copy[5] >= 1 && copy[5] <= 2 && (toy->no_checksum || sum == sum_copy(copy));
}

static void write_copy(const struct toy *toy, struct device *d, unsigned n, uint8_t sequence, uint8_t version)
{
	uint8_t copy[COPY_BYTES];
	copy_make(copy, sequence, version);
	dev_write(d, toy->record, copy_at(toy, n), TOY_COPY_SECTORS, copy);
}

static void update_toy(const struct toy *toy, struct device *d)
{
	uint8_t data[2 * YP_SECTOR_BYTES];
	memset(data, 2, sizeof data);
	dev_step(d, "S06");
	for (unsigned i = 0; i < toy->slot_writes; i++)
		dev_write(d, TOY_SLOTS, 2u * (toy->slot_writes + i), 2, data);
	if (!toy->no_flush)
		dev_flush(d, TOY_SLOTS);
	dev_step(d, "S10");
	write_copy(toy, d, toy->active_copy ? 0 : 1, 2, 2);
	if (toy->tell_early)
		cr_assert_eq(yp_log_mark(d->log, YP_MARK_WORLD, "new"), 0);
	dev_flush(d, toy->record);
	dev_step(d, "S17");
	if (!toy->tell_early)
		cr_assert_eq(yp_log_mark(d->log, YP_MARK_WORLD, "new"), 0);
}

static bool slot_holds(const struct toy *toy, struct device *d, uint8_t version)
{
	uint8_t data[2 * YP_SECTOR_BYTES];
	for (unsigned i = 0; i < toy->slot_writes; i++) {
		dev_read(d, TOY_SLOTS, 2u * ((version - 1u) * toy->slot_writes + i), 2, data);
		for (size_t k = 0; k < sizeof data; k++) {
			if (data[k] != version)
				return false;
		}
	}
	return true;
}

static void fail_outcome(struct yp_outcome *out, enum yp_invariant invariant, const char *text)
{
	(void)snprintf(out->label, sizeof out->label, "broken");
	yp_outcome_fail(out, invariant, "%s", text);
}

static void repair_copy(const struct toy *toy, struct device *d, unsigned good, uint8_t copies[2][COPY_BYTES])
{
	uint8_t back[COPY_BYTES];
	if (toy->fragile)
		write_copy(toy, d, good, copies[good][4], copies[good][5]);
	write_copy(toy, d, 1 - good, copies[good][4], copies[good][5]);
	/* What it reads here it wrote itself: no dependency. */
	dev_read(d, toy->record, copy_at(toy, 1 - good), TOY_COPY_SECTORS, back);
	cr_assert_arr_eq(back, copies[good], COPY_BYTES);
	dev_flush(d, toy->record);
}

static void boot_toy(struct toy *toy, struct device *d, struct yp_outcome *out)
{
	uint8_t copies[2][COPY_BYTES];
	bool valid[2];
	for (unsigned n = 0; n < 2; n++) {
		dev_read(d, toy->record, copy_at(toy, n), TOY_COPY_SECTORS, copies[n]);
		valid[n] = copy_valid(toy, copies[n]);
	}
	out->boots = 1;
	if (!valid[0] && !valid[1]) {
		fail_outcome(out, YP_I1, "no valid copy");
		return;
	}
	unsigned good = !valid[0] || (valid[1] && copies[1][4] > copies[0][4]);
	uint8_t version = copies[good][5];
	if (copies[good][COPY_BYTES - 1] != version)
		fail_outcome(out, YP_I2, "half of a record was believed");
	else if (!slot_holds(toy, d, version))
		fail_outcome(out, YP_I2, "the slot does not hold what the record says");
	else
		(void)snprintf(out->label, sizeof out->label, "%s", version == 2 ? "new" : "old");
	if (!valid[1 - good])
		repair_copy(toy, d, good, copies);
	if (toy->moody && toy->runs % 3 == 2 && out->verdict == YP_PASS)
		(void)snprintf(out->label, sizeof out->label, "tired");
}

static int toy_recover(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	struct toy *toy = ctx;
	struct device d = {.log = log};
	uint8_t data[2 * TOY_SLOT_WRITES_MAX * 2 * YP_SECTOR_BYTES];
	cr_assert_eq(yp_log_count(log), 0);
	cr_assert_eq(yp_image_copy(start, &d.image), 0);
	if (toy->reads_all) {
		dev_read(&d, TOY_SLOTS, 0, 4 * toy->slot_writes, data);
		dev_read(&d, toy->record, toy->record_first, TOY_COUNTER_SECTOR + 1, data);
	}
	boot_toy(toy, &d, out);
	if (toy->count_boots) {
		dev_read(&d, toy->record, toy->record_first + TOY_COUNTER_SECTOR, 1, data);
		uint32_t count;
		memcpy(&count, data, sizeof count);
		count++;
		memcpy(data, &count, sizeof count);
		dev_write(&d, toy->record, toy->record_first + TOY_COUNTER_SECTOR, 1, data);
		dev_flush(&d, toy->record);
	}
	toy->runs++;
	yp_image_free(d.image);
	return 0;
}

int toy_canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	const struct toy *toy = ctx;
	*out = (struct yp_hash){before->count, 0};
	unsigned first = toy->canon_lies ? REGION_COPY_0 : REGION_SLOT_1;
	unsigned last = toy->canon_short ? REGION_SLOT_2 : REGION_COPY_1;
	for (unsigned i = first; i <= last; i++) {
		struct yp_hash h = yp_image_region_hash(state, i);
		out->lo = out->lo * 3 + h.lo;
		out->hi = out->hi * 3 + h.hi;
	}
	return 0;
}

static int toy_judge(void *ctx, const struct yp_image *state, const struct yp_world *before,
		     const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	(void)ctx;
	(void)state;
	(void)during;
	*out = *run;
	if (before->count > 0 && strcmp(run->label, "old") == 0)
		fail_outcome(out, YP_I11, "the world was told otherwise");
	return 0;
}

static void base_init(struct toy *toy)
{
	uint8_t data[2 * YP_SECTOR_BYTES];
	uint8_t copy[COPY_BYTES];
	uint64_t slot = 2u * toy->slot_writes;
	const struct yp_region regions[] = {{"slot 1", TOY_SLOTS, 0, slot},
					    {"slot 2", TOY_SLOTS, slot, slot},
					    {"copy 0", toy->record, copy_at(toy, 0), TOY_COPY_SECTORS},
					    {"copy 1", toy->record, copy_at(toy, 1), TOY_COPY_SECTORS}};
	cr_assert_eq(yp_image_new(&toy->layout, toy->pool, &toy->base), 0);
	for (unsigned i = 0; i < 4; i++) {
		unsigned index;
		cr_assert_eq(yp_image_region_add(toy->base, &regions[i], &index), 0);
		cr_assert_eq(index, i);
	}
	memset(data, 1, sizeof data);
	for (unsigned i = 0; i < toy->slot_writes; i++)
		cr_assert_eq(yp_image_write(toy->base, TOY_SLOTS, 2u * i, 2, data), 0);
	for (uint8_t n = 0; n < (toy->active_copy ? 1 : 2); n++) {
		copy_make(copy, (uint8_t)(1 - n), 1);
		cr_assert_eq(yp_image_write(toy->base, toy->record, copy_at(toy, n), TOY_COPY_SECTORS, copy), 0);
	}
}

void toy_init(struct toy *toy, enum yp_model model)
{
	struct device d;
	if (toy->slot_writes == 0)
		toy->slot_writes = 3;
	cr_assert_leq(toy->slot_writes, TOY_SLOT_WRITES_MAX);
	uint64_t slots = 4u * toy->slot_writes;
	toy->record = toy->one_disk ? TOY_SLOTS : 1;
	toy->record_first = toy->one_disk ? slots : 0;
	toy->layout = (struct yp_layout){.count = 2,
					 .media = {{"slots", slots + TOY_COUNTER_SECTOR + 1, model, toy->bulk},
						   {"record", TOY_COUNTER_SECTOR + 1, model, false}}};
	toy->rig = (struct yp_rig){.ctx = toy, .recover = toy_recover, .canon = toy_canon, .judge = toy_judge};
	toy->runs = 0;
	cr_assert_eq(yp_pool_new(&toy->pool), 0);
	base_init(toy);
	cr_assert_eq(yp_log_new(&toy->layout, toy->pool, &toy->log), 0);
	d.log = toy->log;
	cr_assert_eq(yp_image_copy(toy->base, &d.image), 0);
	update_toy(toy, &d);
	yp_image_free(d.image);
}

void toy_deinit(struct toy *toy)
{
	yp_log_free(toy->log);
	yp_image_free(toy->base);
	yp_pool_free(toy->pool);
}

struct yp_explore toy_explore(const struct toy *toy)
{
	return (struct yp_explore){
	    .rig = &toy->rig,
	    .base = toy->base,
	    .log = toy->log,
	    .limits = {.subset_writes = 10, .samples = 16, .seed = 1, .audit_fraction = 0.1, .states_max = 200000}};
}
