/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a case on the emulated board, from its kept files or by a boot, and shrinks a failing one. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rigs/qemu/qemu.h"

#define WRITE_SECTORS 2048u
#define GDB_SOCKET    "gdb.sock"

/* ---- media as files ---- */

static int write_medium(const struct yp_image *image, unsigned medium, int fd, uint64_t at_bytes)
{
	uint8_t *data = malloc((size_t)WRITE_SECTORS * YP_SECTOR_BYTES);
	uint64_t sectors = yp_image_layout(image)->media[medium].sectors;
	int result = data ? 0 : -ENOMEM;
	for (uint64_t s = 0; !result && s < sectors;) {
		uint32_t count = sectors - s < WRITE_SECTORS ? (uint32_t)(sectors - s) : WRITE_SECTORS;
		size_t bytes = (size_t)count * YP_SECTOR_BYTES;
		yp_image_read(image, medium, s, count, data);
		if (pwrite(fd, data, bytes, (off_t)(at_bytes + s * YP_SECTOR_BYTES)) != (ssize_t)bytes)
			result = -EIO;
		s += count;
	}
	free(data);
	return result;
}

/* The card as PATH.card, everything else end to end as PATH: what QEMU has as its two disks. */
static int write_disks(const struct yp_image *image, const char *path)
{
	char card[YP_QEMU_PATH_MAX];
	(void)snprintf(card, sizeof card, "%s.card", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int card_fd = open(card, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int result = fd < 0 || card_fd < 0 ? -errno : 0;
	uint64_t at = 0;
	const struct yp_layout *layout = yp_image_layout(image);
	for (unsigned m = 0; !result && m < layout->count; m++) {
		bool is_card = strcmp(layout->media[m].name, "card") == 0;
		result = write_medium(image, m, is_card ? card_fd : fd, is_card ? 0 : at);
		at += is_card ? 0 : layout->media[m].sectors * YP_SECTOR_BYTES;
	}
	if (fd >= 0 && close(fd) && !result)
		result = -errno;
	if (card_fd >= 0 && close(card_fd) && !result)
		result = -errno;
	return result;
}

/* ---- one boot ---- */

/* A case as the explorer replays it. */
struct replaying {
	struct yp_qemu *qemu;
	const struct yp_replay_options *options;
	const struct yp_case *c;
	unsigned reached; /* cuts so far */
	bool broken;      /* the media are known to be: one boot shows it */
	char detail[200];
};

static int boot_state(struct replaying *r, const struct yp_image *state, const char *log,
		      struct yp_emulator_result *result)
{
	struct yp_qemu *qemu = r->qemu;
	struct yp_emulator *rig = NULL;
	struct yp_emulator_run how = yp_qemu_how(qemu);
	struct yp_emulator_start start = {.image = state, .base = qemu->base};
	char socket[YP_QEMU_PATH_MAX];
	(void)snprintf(socket, sizeof socket, "%s/" GDB_SOCKET, qemu->dir);
	how.log = log;
	how.console_fd = r->options->console ? STDOUT_FILENO : 0;
	if (r->broken)
		how.until = YP_EMULATOR_UNTIL_UP;
	if (r->options->gdb) {
		how.gdb = socket;
		(void)printf("the machine waits for: gdb-multiarch -ex 'target remote %s'\n", socket);
		(void)fflush(stdout);
	}
	int error = yp_qemu_machine(qemu, YP_QEMU_MACHINES_MAX, &rig, r->detail, sizeof r->detail);
	if (!error)
		error = yp_emulator_run(rig, &start, &how, result);
	if (error && *result->detail)
		(void)snprintf(r->detail, sizeof r->detail, "%s", result->detail);
	yp_emulator_free(rig);
	return error;
}

/* Into the log that the explorer gave. */
static int copy_entry(const struct yp_log *from, const struct yp_entry *e, const struct yp_pool *pool,
		      struct yp_log *to)
{
	if (e->op == YP_READ)
		return yp_log_read(to, e->medium, e->sector, e->sectors);
	if (e->op == YP_FLUSH)
		return yp_log_flush(to, e->medium);
	if (e->op == YP_DISCARD)
		return yp_log_discard(to, e->medium, e->sector, e->sectors);
	if (e->op == YP_MARK)
		return yp_log_mark(to, e->kind, yp_log_text(from, e));
	uint8_t *data = malloc((size_t)e->sectors * YP_SECTOR_BYTES);
	if (!data)
		return -ENOMEM;
	for (uint32_t k = 0; k < e->sectors; k++)
		memcpy(data + (size_t)k * YP_SECTOR_BYTES, yp_pool_sector(pool, yp_log_content(from, e, k)),
		       YP_SECTOR_BYTES);
	int result = yp_log_write(to, e->medium, e->sector, e->sectors, data, e->fua);
	free(data);
	return result;
}

static int copy_log(const struct yp_qemu *qemu, const struct yp_log *from, struct yp_log *to)
{
	int result = 0;
	for (size_t i = 0; !result && i < yp_log_count(from); i++) {
		const struct yp_entry *e = yp_log_entry(from, i);
		result = copy_entry(from, e, qemu->pool, to);
		yp_log_times(to, e->submit_ns, e->complete_ns);
	}
	return result;
}

/* Boots the state, with its log in *log. */
static int boot_log(struct replaying *r, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	struct yp_qemu *qemu = r->qemu;
	struct yp_emulator_result *ran = calloc(1, sizeof *ran);
	struct yp_image *end = NULL;
	struct yp_log *recorded = NULL;
	char path[YP_QEMU_PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/replay.log", qemu->dir);
	int result = ran ? boot_state(r, start, path, ran) : -ENOMEM;
	if (!result)
		result = yp_qemu_log(qemu, path, &recorded, r->detail, sizeof r->detail);
	if (!result)
		result = copy_log(qemu, recorded, log);
	if (!result)
		result = yp_image_copy(start, &end);
	if (!result)
		result = yp_image_apply(end, recorded, yp_log_count(recorded));
	if (!result)
		yp_qemu_outcome(qemu, ran, end, out);
	yp_image_free(end);
	yp_log_free(recorded);
	free(ran);
	return result;
}

/* Earlier cuts: the recovery that was cut, as it was kept. The last one: the qemu; or what is kept of it. */
static int recover_kept(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	struct replaying *r = ctx;
	struct yp_case so_far = *r->c;
	struct yp_log *kept = NULL;
	struct yp_outcome media = {.verdict = YP_PASS};
	struct yp_world nothing = {NULL, 0};
	bool last = ++r->reached == r->c->count;
	bool asked = r->options->console || r->options->gdb;
	so_far.count = r->reached;
	if (last) {
		int result = yp_oracle_inspect(r->qemu->oracles, start, &nothing, &media);
		if (result)
			return result;
		r->broken = media.verdict == YP_FAIL;
		if (r->broken && !asked) {
			*out = media;
			(void)snprintf(out->label, sizeof out->label, "not booted");
			return 0;
		}
		if (asked)
			return boot_log(r, start, log, out);
	}
	int result = yp_qemu_kept(r->qemu, &so_far, 0, out, &kept);
	if (result == -ENOENT && last)
		return boot_log(r, start, log, out);
	if (!result)
		result = copy_log(r->qemu, kept, log);
	yp_log_free(kept);
	return result;
}

static int judge_end(void *ctx, const struct yp_image *state, const struct yp_world *before,
		     const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	const struct replaying *r = ctx;
	const struct yp_rig *oracles = yp_oracle_rig(r->qemu->oracles);
	return oracles->judge(oracles->ctx, state, before, during, run, out);
}

static int replay_cut(struct yp_qemu *qemu, const struct yp_id *id, const struct yp_replay_options *options,
		      struct yp_outcome *out, char *story, size_t story_bytes)
{
	struct yp_case c = id->cut;
	struct replaying r = {.qemu = qemu, .options = options, .c = &c};
	struct yp_rig rig = {.ctx = &r, .recover = recover_kept, .judge = judge_end};
	struct yp_explore explore = qemu->explore;
	struct yp_image *state = NULL;
	char class[400] = "";
	explore.rig = &rig;
	if (options->before)
		c.cuts[c.count - 1] =
		    (struct yp_cut){.entry = c.cuts[c.count - 1].entry, .form = YP_FORM_ALL, .torn = -1};
	int result = options->disk_out ? yp_qemu_state(qemu, &c, &state)
				       : yp_explore_replay(&explore, &c, &state, out, story, story_bytes);
	if (!result && options->disk_out) {
		result = write_disks(state, options->disk_out);
		*out = (struct yp_outcome){.verdict = YP_PASS, .label = "not booted"};
		(void)snprintf(story, story_bytes, "disk in %s, card in %s.card\n", options->disk_out,
			       options->disk_out);
	}
	if (!result)
		result = yp_oracle_describe(qemu->oracles, state, class, sizeof class);
	if (!result) {
		size_t used = strlen(story);
		(void)snprintf(story + used, story_bytes - used, "the media: %s\n", class);
	} else if (*r.detail) {
		(void)fprintf(stderr, "yankproof: %s\n", r.detail);
	}
	yp_image_free(state);
	return result == -EINVAL ? 1 : result;
}

int yp_qemu_replay(struct yp_qemu *qemu, const struct yp_id *id, const struct yp_replay_options *options,
		   struct yp_outcome *out, char *story, size_t story_bytes)
{
	story[0] = 0;
	if (id->kind == YP_ID_CUT)
		return replay_cut(qemu, id, options, out, story, story_bytes);
	if (id->kind == YP_ID_FAULT && id->fault.kind == YP_SIM_FAULT_NONE) {
		*out = qemu->story;
		(void)snprintf(story, story_bytes, "the story without a fault, %zu log entries\n",
			       yp_log_count(qemu->log));
		return 0;
	}
	if (id->kind == YP_ID_LINT)
		return yp_findings_replay(qemu->log, qemu->findings, qemu->finding_count, id, out, story, story_bytes);
	return 1;
}

/* ---- one sentence ---- */

static int recover_nothing(void *ctx, const struct yp_image *start, struct yp_log *log, struct yp_outcome *out)
{
	(void)ctx;
	(void)start;
	(void)log;
	*out = (struct yp_outcome){.verdict = YP_PASS, .label = "not booted"};
	return 0;
}

static int judge_media(void *ctx, const struct yp_image *state, const struct yp_world *before,
		       const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	struct yp_qemu *qemu = ctx;
	(void)during;
	*out = *run;
	return yp_oracle_inspect(qemu->oracles, state, before, out);
}

int yp_qemu_explain(struct yp_qemu *qemu, const struct yp_id *id, char *smaller, char *sentence, size_t sentence_bytes)
{
	struct yp_rig rig = {.ctx = qemu, .recover = recover_nothing, .judge = judge_media};
	struct yp_explore explore = qemu->explore;
	struct yp_case least;
	char text[YP_CASE_TEXT_MAX];
	explore.rig = &rig;
	sentence[0] = 0;
	if (id->kind != YP_ID_CUT) {
		struct yp_outcome outcome;
		struct yp_replay_options none = {.console = false};
		int result = yp_qemu_replay(qemu, id, &none, &outcome, sentence, sentence_bytes);
		sentence[strcspn(sentence, "\n")] = 0;
		if (!result && id->kind == YP_ID_LINT)
			yp_id_lint(qemu->scenario->name, qemu->seed, id->rule, (size_t)id->entry, smaller);
		return result;
	}
	/* A case with earlier cuts is not shrunk: its recoveries were real runs. */
	int result =
	    id->cut.count == 1 ? yp_explore_shrink(&explore, &id->cut, &least, sentence, sentence_bytes) : -EINVAL;
	if (!result)
		result = yp_case_encode(&least, text, sizeof text);
	if (!result)
		yp_id_cut(qemu->scenario->name, qemu->seed, text, smaller);
	return result == -EINVAL ? 1 : result;
}
