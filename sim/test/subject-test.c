/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: the harness proves the same for another updater, from its struct yp_subject alone. The shell
 * updater `tiny` is recorded, explored until nothing new appears, judged by the same oracles, and replayed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/oracle.h"
#include "sim/subject.h"
#include "subject/boot-run.h"

#define SCRIPT        "sim/test/tiny-updater.sh"
#define IMAGE_SECTORS 33u
#define ENV_BYTES     1024u
#define ENV_SECTORS   (ENV_BYTES / YP_SECTOR_BYTES)
#define BOOTS_MAX     12u
#define CASE_MAX      256u

enum { ENV, IMAGE_A, IMAGE_B, MEDIA };
enum { OLD, NEW, VERSIONS };
static const char *const labels[VERSIONS] = {"old", "new"};

static const struct yp_layout layout = {.count = MEDIA,
					.media = {{"env", 2 * ENV_SECTORS, YP_MODEL_TORN, false},
						  {"image-a", IMAGE_SECTORS, YP_MODEL_TORN, false},
						  {"image-b", IMAGE_SECTORS, YP_MODEL_TORN, false}}};

/* A device of `tiny`, and the oracle that judges it. */
struct lab {
	const struct yp_subject *subject;
	const char *how; /* of the script */
	char dir[64], path[VERSIONS][96];
	uint8_t image[VERSIONS][IMAGE_SECTORS * YP_SECTOR_BYTES];
	struct yp_pool *pool;
	struct yp_image *base;
	struct yp_oracle *oracle;
	struct yp_rig rig;
	/* The device that runs. */
	struct yp_image *media;
	struct yp_log *log;
	uint8_t raw[2][ENV_BYTES];
	/* What the exploration found. */
	unsigned failures;
	char failure[CASE_MAX];
	enum yp_invariant invariant;
};

static int write_media(struct lab *lab, unsigned medium, uint64_t sector, uint32_t sectors, const void *data, bool fua)
{
	int error = yp_log_write(lab->log, medium, sector, sectors, data, fua);

	return error != 0 ? error : yp_image_write(lab->media, medium, sector, sectors, data);
}

static int read_media(struct lab *lab, unsigned medium, uint64_t sector, uint32_t sectors, void *out)
{
	yp_image_read(lab->media, medium, sector, sectors, out);
	return yp_log_read(lab->log, medium, sector, sectors);
}

static int put_env(void *ctx, unsigned copy)
{
	struct lab *lab = ctx;

	return write_media(lab, ENV, (uint64_t)copy * ENV_SECTORS, ENV_SECTORS, lab->raw[copy], true);
}

/* "NAME=VALUE ...": what fw_setenv does, in one store to the copy that does not hold. */
static int set_env(struct lab *lab, char *words)
{
	uint8_t text[ENV_BYTES + 1] = {0};
	const uint8_t *const copies[2] = {lab->raw[0], lab->raw[1]};
	struct yp_sim_boot_variables v;
	struct yp_sim_env env;
	char *save = NULL;
	int holding = yp_boot_read(lab->subject->boot, copies, ENV_BYTES, &v);

	cr_assert_geq(holding, 0, "the updater runs although no environment is good");
	memcpy(text, lab->raw[holding], ENV_BYTES);
	yp_sim_env_parse(text, ENV_BYTES, &env);
	for (char *word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		cr_assert_eq(yp_sim_env_set(&env, word), 0);
	cr_assert_eq(yp_sim_env_encode(&env, (uint8_t)(env.flags + 1), lab->raw[!holding], ENV_BYTES), 0);
	return put_env(lab, (unsigned)!holding);
}

/* One operation of the script on the media. *reboot: it asks for one. */
static int do_operation(struct lab *lab, char *line, bool *reboot)
{
	static const uint8_t zeros[YP_SECTOR_BYTES];
	char verb[16], name[16];
	unsigned first = 0, count = 0, medium;

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "reboot") == 0) {
		*reboot = true;
		return 0;
	}
	if (strncmp(line, "setenv ", 7) == 0)
		return set_env(lab, line + 7);
	cr_assert_geq(sscanf(line, "%15s %15s %u %u", verb, name, &first, &count), 2, "%s", line);
	medium = strcmp(name, "image-a") == 0 ? IMAGE_A : IMAGE_B;
	if (strcmp(verb, "flush") == 0)
		return yp_log_flush(lab->log, medium);
	return write_media(lab, medium, first, count,
			   strcmp(verb, "zero") == 0 ? zeros : lab->image[NEW] + (size_t)first * YP_SECTOR_BYTES,
			   false);
}

/* *idle: it had nothing to do. */
static int run_updater(struct lab *lab, char slot, int version, bool *idle, bool *reboot)
{
	const uint8_t *const copies[2] = {lab->raw[0], lab->raw[1]};
	struct yp_sim_boot_variables v;
	char command[128], line[128];
	int error = 0;
	FILE *out;

	(void)yp_boot_read(lab->subject->boot, copies, ENV_BYTES, &v);
	(void)snprintf(command, sizeof command, "%s %c %d %s %s", SCRIPT, slot, v.trial, labels[version], lab->how);
	out = popen(command, "r");
	cr_assert_not_null(out);
	*idle = true;
	*reboot = false;
	while (error == 0 && fgets(line, sizeof line, out) != NULL) {
		*idle = false;
		error = do_operation(lab, line, reboot);
	}
	cr_assert_eq(pclose(out), 0, "%s", command);
	return error;
}

/* Bootloader and kernel. *version: what runs; -1: nothing, and the outcome says why. */
static int boot_device(struct lab *lab, char *slot, int *version, struct yp_outcome *out)
{
	uint8_t *const raw[2] = {lab->raw[0], lab->raw[1]};
	uint8_t held[IMAGE_SECTORS * YP_SECTOR_BYTES];
	bool loads[2];
	int error = 0;

	for (unsigned i = 0; error == 0 && i < 2; i++) {
		error = read_media(lab, ENV, i * ENV_SECTORS, ENV_SECTORS, lab->raw[i]);
		loads[i] = yp_image_get(lab->media, IMAGE_A + i, 0) != 0;
		if (error == 0)
			error = yp_log_read(lab->log, IMAGE_A + i, 0, 1);
	}
	if (error == 0)
		error = yp_boot_run(lab->subject->boot, raw, ENV_BYTES, loads, put_env, lab, slot);
	*version = -1;
	out->boots++;
	if (error == 0 && *slot == 0) {
		(void)snprintf(out->label, sizeof out->label, "halted");
		yp_outcome_fail(out, YP_I1, "no slot can be booted");
	}
	if (error != 0 || *slot == 0)
		return error;
	error = read_media(lab, *slot == 'B' ? IMAGE_B : IMAGE_A, 0, IMAGE_SECTORS, held);
	for (int v = 0; v < VERSIONS; v++)
		*version = memcmp(held, lab->image[v], sizeof held) == 0 ? v : *version;
	(void)snprintf(out->label, sizeof out->label, "%s", *version < 0 ? "mixed" : labels[*version]);
	if (*version < 0)
		yp_outcome_fail(out, YP_I2, "slot %c was booted, but holds no version whole", *slot);
	return error;
}

static int recover(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	struct lab *lab = ctx;
	bool idle = false, reboot = true;
	char slot = 0;
	int version = -1, error = yp_image_copy(start, &lab->media);

	*out = (struct yp_outcome){.verdict = YP_PASS, .label = "none"};
	lab->log = log;
	while (error == 0 && !idle && out->boots < BOOTS_MAX) {
		if (reboot)
			error = boot_device(lab, &slot, &version, out);
		if (error != 0 || out->verdict == YP_FAIL)
			break;
		error = run_updater(lab, slot, version, &idle, &reboot);
	}
	if (error == 0 && out->verdict == YP_PASS && !idle)
		yp_outcome_fail(out, YP_I7, "not idle after %u boots", out->boots);
	yp_image_free(lab->media);
	return error;
}

static int canon(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_hash *out)
{
	const struct yp_rig *oracle = yp_oracle_rig(((struct lab *)ctx)->oracle);

	return oracle->canon(oracle->ctx, state, before, out);
}

static int judge(void *ctx, const struct yp_image *state, const struct yp_world *before, const struct yp_world *during,
		 const struct yp_outcome *run, struct yp_outcome *out)
{
	const struct yp_rig *oracle = yp_oracle_rig(((struct lab *)ctx)->oracle);

	return oracle->judge(oracle->ctx, state, before, during, run, out);
}

static int inspect(void *ctx, const struct yp_image *state, const struct yp_world *before, struct yp_outcome *out)
{
	const struct yp_rig *oracle = yp_oracle_rig(((struct lab *)ctx)->oracle);

	return oracle->inspect(oracle->ctx, state, before, out);
}

static void make_base(struct lab *lab)
{
	static const char *const factory[] = {"active=A", "pending=0", "tries=0", "max_tries=3", "mac=1"};
	struct yp_region regions[YP_ORACLE_REGIONS];
	struct yp_sim_env env = {.good = true};
	uint8_t raw[ENV_BYTES];
	unsigned index;

	cr_assert_eq(yp_pool_new(&lab->pool), 0);
	cr_assert_eq(yp_image_new(&layout, lab->pool, &lab->base), 0);
	cr_assert_eq(yp_oracle_regions(lab->subject, &layout, sizeof lab->image[OLD], regions), 0);
	for (unsigned i = 0; i < YP_ORACLE_REGIONS && regions[i].sectors != 0; i++)
		cr_assert_eq(yp_image_region_add(lab->base, &regions[i], &index), 0);
	for (unsigned i = 0; i < sizeof factory / sizeof *factory; i++)
		cr_assert_eq(yp_sim_env_set(&env, factory[i]), 0);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(yp_sim_env_encode(&env, (uint8_t)(i + 1), raw, sizeof raw), 0);
		cr_assert_eq(yp_image_write(lab->base, ENV, (uint64_t)i * ENV_SECTORS, ENV_SECTORS, raw), 0);
	}
	cr_assert_eq(yp_image_write(lab->base, IMAGE_A, 0, IMAGE_SECTORS, lab->image[OLD]), 0);
}

static void lab_init(struct lab *lab, const char *how)
{
	struct yp_oracle_config config = {.count = VERSIONS,
					  .offered = NEW,
					  .env_offset = {0, ENV_BYTES},
					  .env_bytes = ENV_BYTES,
					  .spec = {.boot_attempts = 3},
					  .expect = {.version = "new"}};
	char detail[200];

	memset(lab, 0, sizeof *lab);
	lab->subject = config.subject = yp_subject_find("tiny");
	cr_assert_not_null(lab->subject);
	lab->how = how;
	lab->rig = (struct yp_rig){lab, recover, canon, judge, inspect};
	(void)snprintf(lab->dir, sizeof lab->dir, "/tmp/subject-test-XXXXXX");
	cr_assert_not_null(mkdtemp(lab->dir));
	config.work = lab->dir;
	for (unsigned v = 0; v < VERSIONS; v++) {
		FILE *f;

		for (size_t i = 0; i < sizeof lab->image[v]; i++)
			lab->image[v][i] = (uint8_t)(i * 7 + i / YP_SECTOR_BYTES * 31 + v * 101 + 1);
		(void)snprintf(lab->path[v], sizeof lab->path[v], "%s/%s.img", lab->dir, labels[v]);
		f = fopen(lab->path[v], "w");
		cr_assert(f != NULL && fwrite(lab->image[v], sizeof lab->image[v], 1, f) == 1 && fclose(f) == 0);
		config.versions[v] = (struct yp_oracle_version){.label = labels[v],
								.version = labels[v],
								.sequence = v + 1,
								.image = lab->path[v],
								.loads = true,
								.allowed = true};
	}
	make_base(lab);
	cr_assert_eq(yp_oracle_new(&config, lab->base, &lab->oracle, detail, sizeof detail), 0, "%s", detail);
}

static void lab_deinit(struct lab *lab)
{
	for (unsigned v = 0; v < VERSIONS; v++)
		cr_expect_eq(remove(lab->path[v]), 0);
	cr_expect_eq(remove(lab->dir), 0);
	yp_oracle_free(lab->oracle);
	yp_image_free(lab->base);
	yp_pool_free(lab->pool);
}

static int keep_failure(void *ctx, const char *id, const struct yp_case *c, const char *step,
			const struct yp_outcome *outcome, bool settled)
{
	struct lab *lab = ctx;

	(void)c, (void)step, (void)settled;
	if (outcome->verdict == YP_PASS)
		return 0;
	if (lab->failures++ == 0) {
		cr_log_info("%s: %s: %s", id, yp_invariant_id(outcome->invariant), outcome->text);
		(void)snprintf(lab->failure, sizeof lab->failure, "%s", id);
		lab->invariant = outcome->invariant;
	}
	return 0;
}

static void explore_all(struct lab *lab, struct yp_log **log, struct yp_explore *explore, struct yp_stats *stats)
{
	struct yp_outcome story;

	cr_assert_eq(yp_log_new(&layout, lab->pool, log), 0);
	cr_assert_eq(recover(lab, lab->base, *log, &story), 0);
	cr_assert_eq(story.verdict, YP_PASS, "%s", story.text);
	cr_assert_str_eq(story.label, "new");
	*explore = (struct yp_explore){.rig = &lab->rig,
				       .base = lab->base,
				       .log = *log,
				       .limits = {.subset_writes = 10, .samples = 64, .seed = 1},
				       .on_case = keep_failure,
				       .case_ctx = lab,
				       .stop_at_first_failure = true}; /* after it there are too many states */
	cr_assert_eq(yp_explore_run(explore, stats), 0);
	cr_log_info("%llu states, %llu distinct, %llu run, %llu settled, %u failures",
		    (unsigned long long)stats->enumerated, (unsigned long long)stats->distinct,
		    (unsigned long long)stats->run, (unsigned long long)stats->settled, lab->failures);
}

/* Kills: a part of the harness that takes every updater for `ota`; an oracle that fires on an updater in order. */
Test(subject, a_second_updater_is_proved)
{
	static struct lab lab;
	struct yp_explore explore;
	struct yp_stats stats;
	struct yp_log *log;

	lab_init(&lab, "");
	explore_all(&lab, &log, &explore, &stats);
	cr_expect_eq(lab.failures, 0, "%s", lab.failure);
	cr_expect(stats.closed);
	cr_expect_gt(stats.distinct, 50u);
	cr_expect_gt(stats.run, 5u);
	yp_log_free(log);
	lab_deinit(&lab);
}

/* Kills: an exploration that does not reach the states of another subject; ids that do not replay. */
Test(subject, its_missing_flush_is_found_and_replays)
{
	static struct lab lab;
	struct yp_explore explore;
	struct yp_stats stats;
	struct yp_outcome again;
	struct yp_image *state = NULL;
	struct yp_case c;
	struct yp_log *log;
	char story[512];

	lab_init(&lab, "no-flush");
	explore_all(&lab, &log, &explore, &stats);
	cr_assert_gt(lab.failures, 0u);
	cr_expect_eq(lab.invariant, YP_I2);
	cr_assert_eq(yp_case_decode(lab.failure, &c), 0);
	cr_assert_eq(yp_explore_replay(&explore, &c, &state, &again, story, sizeof story), 0);
	cr_expect_eq(again.verdict, YP_FAIL);
	cr_expect_eq(again.invariant, YP_I2, "%s", again.text);
	yp_image_free(state);
	yp_log_free(log);
	lab_deinit(&lab);
}

/* Kills: an invariant that counts although the subject has nothing that answers it; one that is left out without need.
 */
Test(subject, what_is_missing_is_not_asked)
{
	const struct yp_subject *ota = yp_subject_find("ota"), *tiny = yp_subject_find("tiny");

	cr_expect_eq(yp_subject_find(NULL), ota);
	cr_expect_null(yp_subject_find("no-such"));
	for (int i = YP_I1; i < YP_INVARIANTS; i++) {
		enum yp_invariant invariant = (enum yp_invariant)i;
		bool answered = invariant != YP_I4 && invariant != YP_I5 && invariant != YP_I9;

		cr_expect(yp_subject_asks(ota, invariant), "%s", yp_invariant_id(invariant));
		cr_expect_eq(yp_subject_asks(tiny, invariant), answered, "%s", yp_invariant_id(invariant));
	}
	cr_expect_not(yp_subject_asks(ota, YP_I_NONE));
}

/* Kills: a bootloader that stores to the copy that holds, or forgets to count. */
Test(subject, tries_are_counted_and_end)
{
	const struct yp_boot_protocol *boot = yp_subject_find("tiny")->boot;
	static const char *const pending[] = {"active=B", "pending=1", "tries=0", "max_tries=2", "mac=1"};
	static const bool loads[2] = {true, true};
	uint8_t copy[2][ENV_BYTES] = {{0}};
	uint8_t *const raw[2] = {copy[0], copy[1]};
	const uint8_t *const bytes[2] = {copy[0], copy[1]};
	struct yp_sim_boot_variables v;
	struct yp_sim_env env = {.good = true};
	char slot;

	for (unsigned i = 0; i < sizeof pending / sizeof *pending; i++)
		cr_assert_eq(yp_sim_env_set(&env, pending[i]), 0);
	cr_assert_eq(yp_sim_env_encode(&env, 255, copy[1], ENV_BYTES), 0);
	for (unsigned long boots = 1; boots <= 2; boots++) {
		cr_assert_eq(yp_boot_run(boot, raw, ENV_BYTES, loads, NULL, NULL, &slot), 0);
		cr_expect_eq(slot, 'B');
		cr_expect_geq(yp_boot_read(boot, bytes, ENV_BYTES, &v), 0);
		cr_expect_eq(v.attempts, boots);
	}
	cr_assert_eq(yp_boot_run(boot, raw, ENV_BYTES, loads, NULL, NULL, &slot), 0);
	cr_expect_eq(slot, 'A');
	(void)yp_boot_read(boot, bytes, ENV_BYTES, &v);
	cr_expect(!v.trial && v.slot == 'A' && v.attempts == 0);
}
