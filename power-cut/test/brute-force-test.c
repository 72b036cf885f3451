/* SPDX-License-Identifier: Apache-2.0 */
/* The storage models: the states that are enumerated equal those of a reference that tries every cut. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power-cut/explore.h"

/*
 * The reference: every cut, every subset, every tear, straight from the words of log.h, on small random logs. Slow, and
 * shares nothing with the library but the log.
 */
#define MEDIA       3u
#define SECTORS     6u
#define ENTRIES_MAX 14u
#define STATES_MAX  400000u
#define KEY_BYTES   (MEDIA * SECTORS + 1u)

struct set {
	uint8_t (*keys)[KEY_BYTES];
	size_t count;
};

static int key_compare(const void *a, const void *b)
{
	return memcmp(a, b, KEY_BYTES);
}

static void set_normalise(struct set *set)
{
	qsort(set->keys, set->count, KEY_BYTES, key_compare);
	size_t kept = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (kept == 0 || memcmp(set->keys[kept - 1], set->keys[i], KEY_BYTES) != 0)
			memcpy(set->keys[kept++], set->keys[i], KEY_BYTES);
	}
	set->count = kept;
}

static void set_add(struct set *set, const uint8_t *key)
{
	if (set->count == STATES_MAX)
		set_normalise(set);
	cr_assert(set->count < STATES_MAX, "reference too large");
	memcpy(set->keys[set->count++], key, KEY_BYTES);
}

static bool set_has(const struct set *set, const uint8_t *key)
{
	return bsearch(key, set->keys, set->count, KEY_BYTES, key_compare);
}

/* A sector is 512 times the same byte: the byte stands for it. */
static uint8_t content_byte(const struct yp_log *log, const struct yp_entry *e, uint32_t k, const struct yp_pool *pool)
{
	return yp_pool_sector(pool, yp_log_content(log, e, k))[0];
}

struct world {
	const struct yp_log *log;
	const struct yp_pool *pool;
	const struct yp_layout *layout;
	uint8_t base[KEY_BYTES];
	struct set *set;
	size_t optional[ENTRIES_MAX];
	size_t optional_count;
	bool durable[ENTRIES_MAX];
	uint8_t marks;
};

static bool is_write(const struct yp_entry *e)
{
	return e->op == YP_WRITE || e->op == YP_DISCARD;
}

/*
 * Does the cut before the completion of entry `cut` hit entry i while it runs? On NOR only one write runs at a time; an
 * ordered medium does not start on one before those that complete earlier.
 */
static bool in_flight(const struct world *w, size_t i, size_t cut)
{
	if (cut >= yp_log_count(w->log) || i < cut)
		return false;
	const struct yp_entry *e = yp_log_entry(w->log, i);
	enum yp_model model = w->layout->media[e->medium].model;
	for (size_t k = cut + 1; k < i && model == YP_MODEL_ORDERED; k++) {
		const struct yp_entry *before = yp_log_entry(w->log, k);
		if (is_write(before) && before->medium == e->medium && !in_flight(w, k, cut))
			return false;
	}
	return i == cut || (model != YP_MODEL_NOR && e->submit_ns < yp_log_entry(w->log, cut)->complete_ns);
}

static bool is_durable(const struct world *w, size_t i, size_t cut)
{
	const struct yp_entry *e = yp_log_entry(w->log, i);
	enum yp_model model = w->layout->media[e->medium].model;
	if (model == YP_MODEL_LYING_FLUSH)
		return false;
	if (model == YP_MODEL_NOR || e->fua)
		return true;
	for (size_t k = i + 1; k < cut; k++) {
		const struct yp_entry *f = yp_log_entry(w->log, k);
		if (f->op == YP_FLUSH && f->medium == e->medium && e->complete_ns <= f->submit_ns)
			return true;
		if (model == YP_MODEL_ORDERED && f->op == YP_WRITE && f->medium == e->medium && f->fua)
			return true;
	}
	return false;
}

static void put_write(uint8_t *state, const struct yp_entry *e, uint32_t k, uint8_t value)
{
	state[e->medium * SECTORS + e->sector + k] = value;
}

static uint8_t put_whole(const struct world *w, const struct yp_entry *e, uint32_t k)
{
	if (e->op == YP_WRITE)
		return content_byte(w->log, e, k, w->pool);
	return w->layout->media[e->medium].model == YP_MODEL_NOR ? 0xff : 0;
}

/* keep[] says for each entry before or at the cut whether it made it; part: entry there in part, SIZE_MAX none. */
static void emit_state(const struct world *w, const bool *keep, size_t part, int way, uint32_t kept, int fill)
{
	uint8_t state[KEY_BYTES];
	memcpy(state, w->base, sizeof state);
	for (size_t i = 0; i < yp_log_count(w->log); i++) {
		const struct yp_entry *e = yp_log_entry(w->log, i);
		if (!is_write(e))
			continue;
		if (i == part) {
			for (uint32_t k = 0; k < e->sectors; k++) {
				bool survives = way == 'b' ? k >= e->sectors - kept : k < kept;
				if (way == 'e')
					survives = false;
				if (survives)
					put_write(state, e, k, put_whole(w, e, k));
				else if (way == 'e' && k < kept)
					put_write(state, e, k, 0xff);
				else if (way != 'e' && fill > 0)
					put_write(state, e, k, fill == 1 ? 0 : 0xff);
			}
		} else if (keep[i]) {
			for (uint32_t k = 0; k < e->sectors; k++)
				put_write(state, e, k, put_whole(w, e, k));
		}
	}
	state[KEY_BYTES - 1] = w->marks;
	set_add(w->set, state);
}

static bool is_overlapped(const struct world *w, const bool *keep, size_t part)
{
	const struct yp_entry *p = yp_log_entry(w->log, part);
	for (size_t i = part + 1; i < yp_log_count(w->log); i++) {
		const struct yp_entry *e = yp_log_entry(w->log, i);
		if (keep[i] && is_write(e) && e->medium == p->medium && e->sector < p->sector + p->sectors &&
		    p->sector < e->sector + e->sectors)
			return true;
	}
	return false;
}

/* What was there before the write in flight, for "programming only clears bits". */
static bool clears_only(const struct world *w, const bool *keep, size_t at)
{
	const struct yp_entry *p = yp_log_entry(w->log, at);
	for (uint32_t k = 0; k < p->sectors; k++) {
		uint8_t old = w->base[p->medium * SECTORS + p->sector + k];
		for (size_t i = 0; i < at; i++) {
			const struct yp_entry *e = yp_log_entry(w->log, i);
			if (is_write(e) && keep[i] && e->medium == p->medium && e->sector <= p->sector + k &&
			    p->sector + k < e->sector + e->sectors)
				old = put_whole(w, e, (uint32_t)(p->sector + k - e->sector));
		}
		if ((old & put_whole(w, p, k)) != put_whole(w, p, k))
			return false;
	}
	return true;
}

static void emit_parts(const struct world *w, const bool *keep)
{
	for (size_t n = 0; n < w->optional_count; n++) {
		size_t i = w->optional[n];
		const struct yp_entry *e = yp_log_entry(w->log, i);
		enum yp_model model = w->layout->media[e->medium].model;
		bool without[ENTRIES_MAX];
		memcpy(without, keep, sizeof without);
		if (!keep[i])
			continue;
		without[i] = false;
		if (model == YP_MODEL_NOR) {
			for (uint32_t k = 1; k <= e->sectors; k++)
				emit_state(w, without, i, 'e', k, 0);
			for (uint32_t k = 1; e->op == YP_WRITE && k < e->sectors; k++) {
				emit_state(w, without, i, 'f', k, 2);
				if (clears_only(w, without, i))
					emit_state(w, without, i, 'f', k, 0);
			}
		}
		if (model != YP_MODEL_TORN || e->op != YP_WRITE || e->sectors < 2 || is_overlapped(w, keep, i))
			continue;
		for (uint32_t k = 0; k < e->sectors; k++) {
			for (int fill = k ? 0 : 1; fill < 3; fill++) {
				emit_state(w, without, i, 'f', k, fill);
				emit_state(w, without, i, 'b', k, fill);
			}
		}
	}
}

static bool in_order(const struct world *w, const bool *keep)
{
	for (size_t i = 0; i < w->optional_count; i++) {
		for (size_t k = i + 1; k < w->optional_count; k++) {
			const struct yp_entry *a = yp_log_entry(w->log, w->optional[i]);
			const struct yp_entry *b = yp_log_entry(w->log, w->optional[k]);
			if (a->medium == b->medium && w->layout->media[a->medium].model == YP_MODEL_ORDERED &&
			    !keep[w->optional[i]] && keep[w->optional[k]])
				return false;
		}
	}
	return true;
}

static void cut_at(struct world *w, size_t cut)
{
	bool keep[ENTRIES_MAX] = {false};
	w->optional_count = 0;
	w->marks = 0;
	for (size_t i = 0; i < yp_log_count(w->log); i++) {
		const struct yp_entry *e = yp_log_entry(w->log, i);
		if (i < cut && e->op == YP_MARK && e->kind == YP_MARK_WORLD)
			w->marks++;
		if (!is_write(e) || (i >= cut && !in_flight(w, i, cut)))
			continue;
		keep[i] = i < cut && is_durable(w, i, cut);
		if (!keep[i])
			w->optional[w->optional_count++] = i;
	}
	for (uint64_t mask = 0; mask < UINT64_C(1) << w->optional_count; mask++) {
		for (size_t n = 0; n < w->optional_count; n++)
			keep[w->optional[n]] = mask >> n & 1;
		if (!in_order(w, keep))
			continue;
		emit_state(w, keep, SIZE_MAX, 0, 0, 0);
		emit_parts(w, keep);
	}
}

/* A recovery that does nothing, so that every crash state is judged unchanged. */
struct collector {
	struct set *set;
	const struct yp_pool *pool;
	const struct yp_layout *layout;
};

static int recover_nothing(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	(void)ctx;
	(void)start;
	(void)log;
	(void)snprintf(out->label, sizeof out->label, "idle");
	return 0;
}

static void image_key(const struct yp_pool *pool, const struct yp_layout *layout, const struct yp_image *state,
		      uint8_t *key)
{
	memset(key, 0, KEY_BYTES);
	for (unsigned m = 0; m < layout->count; m++) {
		for (unsigned s = 0; s < SECTORS; s++)
			key[m * SECTORS + s] = yp_pool_sector(pool, yp_image_get(state, m, s))[0];
	}
}

static int judge_collect(void *ctx, const struct yp_image *state, const struct yp_world *before,
			 const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	struct collector *c = ctx;
	uint8_t key[KEY_BYTES];
	(void)during;
	image_key(c->pool, c->layout, state, key);
	key[KEY_BYTES - 1] = (uint8_t)before->count;
	set_add(c->set, key);
	*out = *run;
	return 0;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *seed >> 33;
}

static void random_log(struct yp_log *log, const struct yp_layout *layout, uint64_t *seed, bool timed)
{
	static const uint8_t values[] = {0x00, 0xff, 0xf0, 0x30, 0x0f, 0x55, 0xaa, 0x01};
	size_t count = 3 + next_random(seed) % (ENTRIES_MAX - 3);
	uint64_t ends[MEDIA] = {0};
	for (size_t i = 0; i < count; i++) {
		unsigned medium = (unsigned)(next_random(seed) % layout->count);
		/* Often where the last write ended, so that chains come up. */
		uint64_t sector =
		    next_random(seed) % 2 && ends[medium] < SECTORS ? ends[medium] : next_random(seed) % SECTORS;
		uint32_t sectors = 1 + (uint32_t)(next_random(seed) % 4);
		if (sectors > SECTORS - sector)
			sectors = (uint32_t)(SECTORS - sector);
		uint8_t data[4 * YP_SECTOR_BYTES];
		for (uint32_t k = 0; k < sectors; k++)
			memset(data + k * YP_SECTOR_BYTES, values[next_random(seed) % sizeof values], YP_SECTOR_BYTES);
		ends[medium] = sector + sectors;
		uint64_t what = next_random(seed) % 16;
		int r = 0;
		if (what < 9)
			r = yp_log_write(log, medium, sector, sectors, data, next_random(seed) % 8 == 0);
		else if (what < 10)
			r = yp_log_discard(log, medium, sector, sectors);
		else if (what < 14)
			r = yp_log_flush(log, medium);
		else
			r = yp_log_mark(log, what == 14 ? YP_MARK_WORLD : YP_MARK_STEP, "seen");
		cr_assert_eq(r, 0);
		/* Logged in the order of completion, each some time after it was submitted. */
		if (timed)
			yp_log_times(log, 10 * i + 10 - next_random(seed) % 45 % (10 * i + 10), 10 * i + 10);
	}
}

static void random_base(struct yp_image *base, const struct yp_layout *layout, uint64_t *seed)
{
	for (unsigned m = 0; m < layout->count; m++) {
		for (unsigned s = 0; s < SECTORS; s++) {
			uint8_t data[YP_SECTOR_BYTES];
			memset(data, next_random(seed) % 2 ? 0xff : 0x3c, sizeof data);
			cr_assert_eq(yp_image_write(base, m, s, 1, data), 0);
		}
	}
}

struct pair {
	struct set reference, found;
};

/* Collects both sets for one random log. subset_writes: how many writes all subsets are tried of; above 11, of all of
 * them. */
static void compare_states(struct yp_layout layout, uint64_t seed, bool timed, unsigned subset_writes,
			   struct pair *pair)
{
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_log *log;
	struct yp_stats stats;
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_image_new(&layout, pool, &base), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	random_base(base, &layout, &seed);
	random_log(log, &layout, &seed, timed);
	pair->reference.count = 0;
	pair->found.count = 0;
	struct world w = {.log = log, .pool = pool, .layout = &layout, .set = &pair->reference};
	image_key(pool, &layout, base, w.base);
	for (size_t cut = 0; cut <= yp_log_count(log); cut++)
		cut_at(&w, cut);
	struct collector c = {&pair->found, pool, &layout};
	struct yp_rig rig = {.ctx = &c, .recover = recover_nothing, .judge = judge_collect};
	struct yp_explore explore = {.rig = &rig,
				     .base = base,
				     .log = log,
				     .limits = {.subset_writes = subset_writes, .samples = 4, .depth_max = 1}};
	cr_assert_eq(yp_explore_run(&explore, &stats), 0);
	cr_assert(subset_writes < 12 || stats.sampled == 0, "all subsets were to be tried");
	set_normalise(&pair->reference);
	set_normalise(&pair->found);
	yp_log_free(log);
	yp_image_free(base);
	yp_pool_free(pool);
}

static struct yp_layout layout_of(enum yp_model a, enum yp_model b, enum yp_model c)
{
	struct yp_layout layout = {.count = MEDIA};
	const enum yp_model models[MEDIA] = {a, b, c};
	for (unsigned m = 0; m < MEDIA; m++) {
		(void)snprintf(layout.media[m].name, sizeof layout.media[m].name, "m%u", m);
		layout.media[m].sectors = SECTORS;
		layout.media[m].model = models[m];
	}
	return layout;
}

static struct pair pair_new(void)
{
	struct pair pair = {0};
	pair.reference.keys = malloc((size_t)STATES_MAX * KEY_BYTES);
	pair.found.keys = malloc((size_t)STATES_MAX * KEY_BYTES);
	cr_assert(pair.reference.keys && pair.found.keys);
	return pair;
}

static void pair_free(struct pair *pair)
{
	free(pair->reference.keys);
	free(pair->found.keys);
}

/*
 * Invariant: for every storage model, alone and beside others, the states that the explorer judges are exactly those of
 * all subsets and tears at every entry: none missing (sound), none too many (no false alarm).
 */
Test(brute_force, every_model_gives_exactly_the_reference_states)
{
	struct pair pair = pair_new();
	size_t states = 0;
	for (uint64_t seed = 1; seed <= 6000; seed++) {
		enum yp_model a = (enum yp_model)(seed % YP_MODEL_COUNT);
		enum yp_model b = (enum yp_model)(seed / 5 % YP_MODEL_COUNT);
		enum yp_model c = (enum yp_model)(seed / 25 % YP_MODEL_COUNT);
		compare_states(layout_of(a, b, c), seed, seed % 2, 14, &pair);
		states += pair.reference.count;
		for (size_t i = 0; i < pair.reference.count; i++)
			cr_assert(set_has(&pair.found, pair.reference.keys[i]),
				  "seed %lu models %d %d %d: a state is missing", (unsigned long)seed, a, b, c);
		for (size_t i = 0; i < pair.found.count; i++)
			cr_assert(set_has(&pair.reference, pair.found.keys[i]),
				  "seed %lu models %d %d %d: a state that cannot be", (unsigned long)seed, a, b, c);
	}
	cr_assert_gt(states, 100000u, "the logs were too poor to prove anything");
	pair_free(&pair);
}

/* Invariant: chains on bulk media leave states out but never add an impossible one. */
Test(brute_force, chains_make_no_states_up)
{
	struct pair pair = pair_new();
	size_t fewer = 0;
	for (uint64_t seed = 1; seed <= 4000; seed++) {
		struct yp_layout layout = layout_of(seed % 2 ? YP_MODEL_VOLATILE_CACHE : YP_MODEL_TORN,
						    YP_MODEL_LYING_FLUSH, YP_MODEL_ORDERED);
		for (unsigned m = 0; m < MEDIA; m++)
			layout.media[m].bulk = true;
		compare_states(layout, seed, seed % 4 == 0, 14, &pair);
		fewer += pair.found.count < pair.reference.count;
		for (size_t i = 0; i < pair.found.count; i++)
			cr_assert(set_has(&pair.reference, pair.found.keys[i]), "seed %lu: a state that cannot be",
				  (unsigned long)seed);
	}
	cr_assert_gt(fewer, 10u, "no chain was ever met");
	pair_free(&pair);
}

/* Invariant: where all subsets are too many, states are left out but no impossible one is added. */
Test(brute_force, forms_make_no_states_up)
{
	struct pair pair = pair_new();
	size_t fewer = 0;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		enum yp_model a = (enum yp_model)(seed % YP_MODEL_COUNT);
		enum yp_model b = (enum yp_model)(seed / 5 % YP_MODEL_COUNT);
		compare_states(layout_of(a, b, YP_MODEL_TORN), seed, false, 1, &pair);
		fewer += pair.found.count < pair.reference.count;
		for (size_t i = 0; i < pair.found.count; i++)
			cr_assert(set_has(&pair.reference, pair.found.keys[i]),
				  "seed %lu models %d %d: a state that cannot be", (unsigned long)seed, a, b);
	}
	cr_assert_gt(fewer, 100u, "all subsets were tried all the same");
	pair_free(&pair);
}

/* Invariant: where all subsets are too many, all prefixes, and all that omit or keep at most two writes, are tried. */
Test(brute_force, forms_hold_what_they_promise)
{
	const struct yp_layout layout =
	    layout_of(YP_MODEL_VOLATILE_CACHE, YP_MODEL_VOLATILE_CACHE, YP_MODEL_VOLATILE_CACHE);
	struct set set = {.keys = malloc((size_t)STATES_MAX * KEY_BYTES)};
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_log *log;
	struct yp_stats stats;
	cr_assert(set.keys);
	cr_assert_eq(yp_pool_new(&pool), 0);
	cr_assert_eq(yp_image_new(&layout, pool, &base), 0);
	cr_assert_eq(yp_log_new(&layout, pool, &log), 0);
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		uint8_t data[YP_SECTOR_BYTES];
		memset(data, 1, sizeof data);
		cr_assert_eq(yp_log_write(log, i % MEDIA, i / MEDIA, 1, data, false), 0);
	}
	struct collector c = {&set, pool, &layout};
	struct yp_rig rig = {.ctx = &c, .recover = recover_nothing, .judge = judge_collect};
	struct yp_explore explore = {
	    .rig = &rig, .base = base, .log = log, .limits = {.subset_writes = 4, .depth_max = 1}};
	cr_assert_eq(yp_explore_run(&explore, &stats), 0);
	cr_assert_eq(stats.sampled, 1);
	set_normalise(&set);
	for (unsigned mask = 0; mask < 1u << ENTRIES_MAX; mask++) {
		unsigned kept = (unsigned)__builtin_popcount(mask);
		bool promised = (mask & (mask + 1)) == 0 || kept <= 2 || kept + 2 >= ENTRIES_MAX;
		uint8_t key[KEY_BYTES] = {0};
		for (unsigned i = 0; i < ENTRIES_MAX; i++)
			key[i % MEDIA * SECTORS + i / MEDIA] = mask >> i & 1;
		cr_assert(!promised || set_has(&set, key), "mask %x", mask);
	}
	yp_log_free(log);
	yp_image_free(base);
	yp_pool_free(pool);
	free(set.keys);
}
