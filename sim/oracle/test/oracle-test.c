/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: media with one defect fail with the right invariant, judged by their contents alone. Media with irrelevant
 * differences are of one class; media with relevant differences are not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ota/state.h"
#include "sim/oracle.h"
#include "subject/uboot-env.h"

#define IMAGE_SECTORS 128u
#define SLOT_SECTORS  (IMAGE_SECTORS + 1024u + 8u)
#define DATA_SECTORS  8192u
#define ENV_BYTES     0x4000u
#define ENV_AT_0      0x100000u
#define ENV_AT_1      0x110000u

enum { CARD, GPT, STATE, SLOT_A, SLOT_B, DATA, MEDIA };
enum { OLD, NEW, OLDER, VERSIONS };

struct lab {
	char dir[64];
	char paths[VERSIONS][96];
	uint8_t images[VERSIONS][IMAGE_SECTORS * YP_SECTOR_BYTES];
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_oracle *oracle;
};

static const struct yp_layout layout = {.count = MEDIA,
					.media = {{"card", 4096, YP_MODEL_ORDERED, false},
						  {"gpt", 64, YP_MODEL_VOLATILE_CACHE, false},
						  {"state", 2048, YP_MODEL_TORN, false},
						  {"slot-a", SLOT_SECTORS, YP_MODEL_VOLATILE_CACHE, true},
						  {"slot-b", SLOT_SECTORS, YP_MODEL_VOLATILE_CACHE, true},
						  {"data", DATA_SECTORS, YP_MODEL_VOLATILE_CACHE, false}}};

/* A copy of the environment: the protocol's variables, a foreign one, and a script. */
static void put_env(struct yp_image *image, unsigned copy, uint8_t flags, const char *const *entries)
{
	struct yp_sim_env env = {.good = true};
	uint8_t raw[ENV_BYTES];

	for (; *entries; entries++)
		cr_assert_eq(yp_sim_env_set(&env, *entries), 0);
	cr_assert_eq(yp_sim_env_encode(&env, flags, raw, sizeof raw), 0);
	cr_assert_eq(yp_image_write(image, CARD, (copy ? ENV_AT_1 : ENV_AT_0) / YP_SECTOR_BYTES,
				    ENV_BYTES / YP_SECTOR_BYTES, raw),
		     0);
}

static void put_image(const struct lab *lab, struct yp_image *image, unsigned medium, unsigned version,
		      uint32_t sectors)
{
	cr_assert_eq(yp_image_write(image, medium, 0, sectors, lab->images[version]), 0);
}

static void put_data(struct lab *lab, struct yp_image *image)
{
	static uint8_t data[DATA_SECTORS * YP_SECTOR_BYTES];
	char command[512];
	FILE *f;

	(void)snprintf(
	    command, sizeof command,
	    "cd %s && mkdir -p d && echo mine >d/canary && /sbin/mke2fs -q -t ext4 -d d fs.img 4m >/dev/null 2>&1",
	    lab->dir);
	cr_assert_eq(system(command), 0, "mke2fs is missing");
	(void)snprintf(command, sizeof command, "%s/fs.img", lab->dir);
	f = fopen(command, "r");
	cr_assert(f && fread(data, 1, sizeof data, f) == sizeof data);
	(void)fclose(f);
	cr_assert_eq(yp_image_write(image, DATA, 0, DATA_SECTORS, data), 0);
}

static const char *const idle[] = {"ota_slot=A", "upgrade_available=0", "bootcount=0", "bootcmd=run it", "mac=1", NULL};
static const char *const trial[] = {"ota_slot=B",     "upgrade_available=1",        "bootcount=1", "bootlimit=3",
				    "bootcmd=run it", "ota_trial=00000000000000aa", "mac=1",       NULL};

static void lab_init(struct lab *lab)
{
	struct yp_region regions[YP_ORACLE_REGIONS];
	struct yp_oracle_config config = {.count = VERSIONS,
					  .offered = NEW,
					  .env_offset = {ENV_AT_0, ENV_AT_1},
					  .env_bytes = ENV_BYTES,
					  .spec = {.boot_attempts = 3},
					  .expect = {.version = "new"}};
	static const char *const labels[] = {"old", "new", "older"};
	static const uint64_t sequences[] = {2, 3, 1};
	char detail[200];
	unsigned index;

	(void)snprintf(lab->dir, sizeof lab->dir, "/tmp/oracle-test-XXXXXX");
	cr_assert(mkdtemp(lab->dir));
	for (unsigned v = 0; v < VERSIONS; v++) {
		for (size_t i = 0; i < sizeof lab->images[v]; i++)
			lab->images[v][i] = (uint8_t)(i * 7 + i / 512 * 31 + v * 101 + 1);
		(void)snprintf(lab->paths[v], sizeof lab->paths[v], "%s/%u.img", lab->dir, v);
		FILE *f = fopen(lab->paths[v], "w");
		cr_assert(f && fwrite(lab->images[v], 1, sizeof lab->images[v], f) == sizeof lab->images[v]);
		cr_assert_eq(fclose(f), 0);
		config.versions[v] = (struct yp_oracle_version){.label = labels[v],
								.version = labels[v],
								.sequence = sequences[v],
								.image = lab->paths[v],
								.loads = true,
								.allowed = v != OLDER};
	}
	config.work = lab->dir;
	cr_assert_eq(yp_pool_new(&lab->pool), 0);
	cr_assert_eq(yp_image_new(&layout, lab->pool, &lab->base), 0);
	cr_assert_eq(yp_oracle_regions(NULL, &layout, sizeof lab->images[0], regions), 0);
	for (unsigned i = 0; i < YP_ORACLE_REGIONS; i++)
		cr_assert_eq(yp_image_region_add(lab->base, &regions[i], &index), 0);
	put_env(lab->base, 0, 4, idle);
	put_env(lab->base, 1, 3, idle);
	put_image(lab, lab->base, SLOT_A, OLD, IMAGE_SECTORS);
	put_data(lab, lab->base);
	cr_assert_eq(yp_oracle_new(&config, lab->base, &lab->oracle, detail, sizeof detail), 0, "%s", detail);
}

static void lab_deinit(struct lab *lab)
{
	char command[128];

	yp_oracle_free(lab->oracle);
	yp_image_free(lab->base);
	yp_pool_free(lab->pool);
	(void)snprintf(command, sizeof command, "rm -r %s", lab->dir);
	cr_expect_eq(system(command), 0);
}

static const struct yp_world nothing = {NULL, 0};

static struct yp_outcome inspect(const struct lab *lab, const struct yp_image *image)
{
	struct yp_outcome out = {.verdict = YP_PASS};

	cr_assert_eq(yp_oracle_inspect(lab->oracle, image, &nothing, &out), 0);
	return out;
}

static struct yp_hash class_of(const struct lab *lab, const struct yp_image *image)
{
	struct yp_hash hash;
	const struct yp_rig *rig = yp_oracle_rig(lab->oracle);

	cr_assert_eq(rig->canon(rig->ctx, image, &nothing, &hash), 0);
	return hash;
}

#define EXPECT(image, verdict_, invariant_)                                                                            \
	do {                                                                                                           \
		struct yp_outcome o_ = inspect(&lab, image);                                                           \
		cr_expect_eq(o_.verdict, verdict_, "line %d: %s", __LINE__, o_.text);                                  \
		cr_expect_eq(o_.invariant, invariant_, "line %d: %s", __LINE__, o_.text);                              \
	} while (0)

static void flip(const struct lab *lab, struct yp_image *image, unsigned medium, uint64_t sector)
{
	uint8_t raw[YP_SECTOR_BYTES];

	(void)lab;
	yp_image_read(image, medium, sector, 1, raw);
	raw[77] ^= 1;
	cr_assert_eq(yp_image_write(image, medium, sector, 1, raw), 0);
}

/* Kills: an oracle that is left out, or that fires on media that are in order. */
Test(oracle, broken_media_are_found_by_the_right_invariant)
{
	static struct lab lab;
	struct yp_image *at = NULL;
	static const char *const lost[] = {"ota_slot=A", "upgrade_available=0", "bootcmd=run it", NULL};

	lab_init(&lab);
	EXPECT(lab.base, YP_PASS, YP_I_NONE);

	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	flip(&lab, at, CARD, ENV_AT_0 / YP_SECTOR_BYTES); /* one copy is left */
	EXPECT(at, YP_PASS, YP_I_NONE);
	flip(&lab, at, CARD, ENV_AT_1 / YP_SECTOR_BYTES);
	EXPECT(at, YP_FAIL, YP_I1);
	yp_image_free(at);

	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	put_env(at, 1, 5, lost);
	EXPECT(at, YP_FAIL, YP_I8);
	yp_image_free(at);

	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	flip(&lab, at, SLOT_A, IMAGE_SECTORS - 1);
	EXPECT(at, YP_FAIL, YP_I2);
	yp_image_free(at);

	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	put_image(&lab, at, SLOT_B, NEW, IMAGE_SECTORS / 2); /* not barred, and with a header */
	EXPECT(at, YP_FAIL, YP_I3);
	put_image(&lab, at, SLOT_B, NEW, IMAGE_SECTORS);
	EXPECT(at, YP_PASS, YP_I_NONE);
	put_env(at, 1, 5, trial);
	EXPECT(at, YP_PASS, YP_I_NONE);
	flip(&lab, at, SLOT_B, 99);
	EXPECT(at, YP_FAIL, YP_I2);
	put_image(&lab, at, SLOT_B, OLDER, IMAGE_SECTORS);
	EXPECT(at, YP_FAIL, YP_I4);
	yp_image_free(at);

	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	put_image(&lab, at, SLOT_B, NEW, IMAGE_SECTORS);
	put_env(at, 1, 5, trial);
	for (unsigned s = 0; s < 8; s++)
		yp_image_set(at, SLOT_A, s, 0); /* the way back is gone */
	EXPECT(at, YP_FAIL, YP_I2);
	yp_image_free(at);
	lab_deinit(&lab);
}

/* Kills: an oracle that checks only the superblock of the data partition. */
Test(oracle, the_data_partition_is_really_checked)
{
	static struct lab lab;
	struct yp_image *at = NULL;
	struct yp_oracle_stats stats;
	uint8_t raw[YP_SECTOR_BYTES];
	uint64_t mine = 0;

	lab_init(&lab);
	for (uint64_t s = 0; s < DATA_SECTORS && !mine; s++) {
		yp_image_read(lab.base, DATA, s, 1, raw);
		if (memcmp(raw, "mine\n", 5) == 0)
			mine = s;
	}
	cr_assert_gt(mine, 0u);
	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	yp_image_set(at, DATA, mine, 0);
	EXPECT(at, YP_FAIL, YP_I8);
	yp_image_free(at);
	EXPECT(lab.base, YP_PASS, YP_I_NONE);

	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	for (unsigned s = 0; s < 64; s++)
		yp_image_set(at, DATA, s, 0); /* no ext4 at all */
	EXPECT(at, YP_FAIL, YP_I8);
	EXPECT(at, YP_FAIL, YP_I8);
	yp_image_free(at);
	yp_oracle_stats(lab.oracle, &stats);
	cr_expect_eq(stats.data, 3u, "each content is checked once");
	lab_deinit(&lab);
}

static void put_record(struct yp_image *image, unsigned place, uint64_t counter, const struct ota_state *state)
{
	uint8_t raw[OTA_STATE_RECORD_BYTES];

	ota_state_encode(state, counter, raw);
	cr_assert_eq(yp_image_write(image, STATE, place * (uint64_t)(OTA_STATE_RECORD_BYTES / YP_SECTOR_BYTES),
				    OTA_STATE_RECORD_BYTES / YP_SECTOR_BYTES, raw),
		     0);
}

/* Kills: a version floor above what is committed; success that was reported too early. */
Test(oracle, the_past_is_looked_at)
{
	static struct lab lab;
	struct yp_image *at = NULL;
	struct ota_state state = {.floor = 3};
	const char *const events[] = {"report:1:success:new:OK"};
	struct yp_world told = {events, 1};
	struct yp_outcome out = {.verdict = YP_PASS};

	lab_init(&lab);
	cr_assert_eq(yp_image_copy(lab.base, &at), 0);
	put_record(at, 0, 1, &state);
	EXPECT(at, YP_FAIL, YP_I4);
	yp_image_free(at);
	cr_assert_eq(yp_oracle_inspect(lab.oracle, lab.base, &told, &out), 0);
	cr_expect_eq(out.invariant, YP_I5);
	lab_deinit(&lab);
}

static bool same(struct yp_hash a, struct yp_hash b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* Kills: a class that leaves out a relevant value, or keeps one that grows for ever. */
Test(oracle, classes_know_what_matters)
{
	static struct lab lab;
	struct yp_image *a = NULL, *b = NULL;
	struct ota_state state = {.phase = OTA_PHASE_INSTALLING, .target = "B", .trial_id = 1};

	lab_init(&lab);
	cr_assert_eq(yp_image_copy(lab.base, &a), 0);
	cr_assert_eq(yp_image_copy(lab.base, &b), 0);
	put_env(b, 1, 200, idle);
	put_env(b, 0, 199, idle);
	cr_expect(same(class_of(&lab, a), class_of(&lab, b)), "counters of the copies do not matter");
	flip(&lab, b, CARD, ENV_AT_0 / YP_SECTOR_BYTES);
	cr_expect_not(same(class_of(&lab, a), class_of(&lab, b)), "a bad other copy does");

	put_record(a, 0, 1, &state);
	cr_expect_not(same(class_of(&lab, a), class_of(&lab, lab.base)), "an open journal");
	yp_image_free(b);
	cr_assert_eq(yp_image_copy(a, &b), 0);
	state.trial_id = 9;
	put_record(b, 3, 7, &state);
	cr_expect(same(class_of(&lab, a), class_of(&lab, b)), "place, counter and ids of records");
	state.chunks_done = 5;
	put_record(a, 4, 8, &state);
	cr_expect_not(same(class_of(&lab, a), class_of(&lab, b)), "progress does");
	state.chunks_done = 6;
	put_record(b, 4, 8, &state);
	cr_expect(same(class_of(&lab, a), class_of(&lab, b)), "how much of it does not");
	put_image(&lab, b, SLOT_B, NEW, 50);
	yp_image_set(b, SLOT_B, 0, 0);
	put_image(&lab, a, SLOT_B, NEW, 60);
	yp_image_set(a, SLOT_B, 0, 0);
	cr_expect_not(same(class_of(&lab, a), class_of(&lab, b)), "neither barred nor blank: all of it counts");
	for (unsigned s = 0; s < 8; s++) {
		yp_image_set(a, SLOT_B, s, 0);
		yp_image_set(b, SLOT_B, s, 0);
	}
	cr_expect(same(class_of(&lab, a), class_of(&lab, b)), "of a slot that nothing can start, the rest does not");
	yp_image_free(a);
	yp_image_free(b);
	lab_deinit(&lab);
}
