/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "oracle/oracle-private.h"
#include "subject/boot-decision.h"

#define HEADER_SECTORS     (OTA_SLOT_HEADER_BYTES / YP_SECTOR_BYTES)
#define DESCRIPTOR_SECTORS (OTA_SLOT_DESCRIPTOR_BYTES / YP_SECTOR_BYTES)
#define TAIL_SECTORS       (OTA_SLOT_TAIL_BYTES / YP_SECTOR_BYTES)
#define READ_SECTORS       2048u

static const char *const medium_names[BOARD_MEDIA] = {"card", "state", "slot-a", "slot-b", "data"};

static int find_media(const struct yp_layout *layout, unsigned out[BOARD_MEDIA])
{
	for (unsigned k = 0; k < BOARD_MEDIA; k++) {
		unsigned m = 0;

		while (m < layout->count && strcmp(layout->media[m].name, medium_names[k]) != 0)
			m++;
		if (m == layout->count)
			return -EINVAL;
		out[k] = m;
	}
	return 0;
}

int yp_oracle_regions(const struct yp_layout *layout, uint64_t image_bytes, struct yp_region out[YP_ORACLE_REGIONS])
{
	unsigned medium[BOARD_MEDIA];
	int error = find_media(layout, medium);

	if (error != 0 || image_bytes % YP_SECTOR_BYTES != 0)
		return -EINVAL;
	for (unsigned slot = 0; slot < 2; slot++) {
		struct yp_region *r = &out[BOARD_REGION_A + slot];

		*r =
		    (struct yp_region){.medium = medium[BOARD_SLOT_A + slot], .sectors = image_bytes / YP_SECTOR_BYTES};
		(void)snprintf(r->name, sizeof r->name, "image of %s", medium_names[BOARD_SLOT_A + slot]);
		if (layout->media[r->medium].sectors < r->sectors + TAIL_SECTORS)
			return -EINVAL;
	}
	out[BOARD_REGION_DATA] = (struct yp_region){
	    .name = "data", .medium = medium[BOARD_DATA], .sectors = layout->media[medium[BOARD_DATA]].sectors};
	return 0;
}

/* ---- what is known beforehand ---- */

/* The hashes that both slots have when this image lies in them. */
static int learn_image(struct yp_oracle *board, struct yp_image *scratch, unsigned version)
{
	static const size_t bytes_max = (size_t)READ_SECTORS * YP_SECTOR_BYTES;
	uint8_t *data = malloc(bytes_max);
	int fd = open(board->config.versions[version].image, O_RDONLY | O_CLOEXEC), error = fd < 0 ? -errno : 0;

	if (data == NULL)
		error = -ENOMEM;
	for (uint64_t at = 0; error == 0 && at < board->image_sectors;) {
		uint64_t left = board->image_sectors - at;
		uint32_t sectors = left < READ_SECTORS ? (uint32_t)left : READ_SECTORS;
		ssize_t n = pread(fd, data, (size_t)sectors * YP_SECTOR_BYTES, (off_t)(at * YP_SECTOR_BYTES));

		if (n != (ssize_t)sectors * (ssize_t)YP_SECTOR_BYTES)
			error = n < 0 ? -errno : -EIO;
		for (unsigned slot = 0; error == 0 && slot < 2; slot++)
			error = yp_image_write(scratch, board->medium[BOARD_SLOT_A + slot], at, sectors, data);
		at += sectors;
	}
	for (unsigned slot = 0; slot < 2; slot++)
		board->known[slot][version] = yp_image_region_hash(scratch, BOARD_REGION_A + slot);
	free(data);
	if (fd >= 0)
		(void)close(fd);
	return error;
}

static int learn_images(struct yp_oracle *board, char *detail, size_t detail_bytes)
{
	struct yp_image *scratch = NULL;
	int error = yp_image_copy(board->base, &scratch);

	for (unsigned v = 0; error == 0 && v < board->config.count; v++) {
		const char *path = board->config.versions[v].image;
		struct stat st;

		if (stat(path, &st) != 0)
			error = -errno;
		else if ((uint64_t)st.st_size != board->image_sectors * YP_SECTOR_BYTES)
			error = -EINVAL;
		else
			error = learn_image(board, scratch, v);
		if (error != 0)
			(void)snprintf(detail, detail_bytes, "%s: %s", path,
				       error == -EINVAL ? "images of all versions must be equally large"
							: strerror(-error));
	}
	yp_image_free(scratch);
	return error;
}

static bool is_protocol(const char *entry)
{
	static const char *const names[] = {
	    "ota_slot=", "ota_barred=", "upgrade_available=", "bootcount=", "bootlimit=", "ota_trial="};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static void read_raw(const struct yp_oracle *board, const struct yp_image *image, unsigned copy, uint8_t *raw)
{
	yp_image_read(image, board->medium[BOARD_CARD], board->config.env_offset[copy] / YP_SECTOR_BYTES,
		      board->config.env_bytes / YP_SECTOR_BYTES, raw);
	raw[board->config.env_bytes] = 0; /* ends a search in a text that does not end */
}

/* What U-Boot sets by itself at each boot, or for a moment. */
static bool is_passing(const char *entry)
{
	static const char *const names[] = {
	    "fdtcontroladdr=", "fileaddr=", "filesize=", "stdin=", "stdout=", "stderr=", "bootargs="};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static int learn_environment(struct yp_oracle *board, char *detail, size_t detail_bytes)
{
	uint8_t raw[2][YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env env[2];
	size_t used = 0;
	int holding;

	for (unsigned i = 0; i < 2; i++) {
		read_raw(board, board->base, i, raw[i]);
		yp_sim_env_parse(raw[i], board->config.env_bytes, &env[i]);
	}
	holding = yp_sim_env_arbitrate(env[0].good, env[0].flags, env[1].good, env[1].flags);
	if (holding < 0) {
		(void)snprintf(detail, detail_bytes, "no copy of the boot environment on the factory's media is good");
		return -EINVAL;
	}
	board->kept = calloc(1, YP_SIM_ENV_MAX_BYTES);
	if (board->kept == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < env[holding].count; i++) {
		const char *entry = env[holding].variables[i].name;

		if (is_protocol(entry) || is_passing(entry))
			continue;
		memcpy(board->kept + used, entry, strlen(entry) + 1);
		used += strlen(entry) + 1;
	}
	return 0;
}

int yp_oracle_new(const struct yp_oracle_config *config, const struct yp_image *base, struct yp_oracle **out,
		  char *detail, size_t detail_bytes)
{
	struct yp_oracle *board = calloc(1, sizeof *board);
	struct stat st;
	int error;

	*detail = '\0';
	if (board == NULL)
		return -ENOMEM;
	board->config = *config;
	board->base = base;
	board->pool = yp_image_pool(base);
	board->rig =
	    (struct yp_rig){.ctx = board, .canon = board_canon, .judge = board_judge, .inspect = board_inspect};
	error = find_media(yp_image_layout(base), board->medium);
	if (error != 0)
		(void)snprintf(detail, detail_bytes, "the board has no card, state, slot-a, slot-b or data");
	else if (config->env_bytes > YP_SIM_ENV_MAX_BYTES || config->count == 0 || config->offered >= config->count)
		error = -EINVAL;
	else if (stat(config->versions[0].image, &st) != 0)
		error = -errno;
	if (error != 0) {
		if (*detail == '\0')
			(void)snprintf(detail, detail_bytes, "%s: %s", config->versions[0].image, strerror(-error));
		free(board);
		return error;
	}
	board->image_sectors = (uint64_t)st.st_size / YP_SECTOR_BYTES;
	yp_sim_memo_init(&board->env_memo, config->env_bytes / YP_SECTOR_BYTES, sizeof(struct board_copy));
	YP_SIM_RECORD_MEMO(&board->record_memo);
	yp_sim_memo_init(&board->descriptor_memo, DESCRIPTOR_SECTORS, sizeof(uint64_t) * 2);
	yp_sim_memo_init(&board->data_memo, 4, sizeof(struct board_data_check));
	yp_sim_memo_init(&board->class_memo, 2, sizeof(size_t));
	yp_sim_memo_init(&board->real_memo, 2 * (config->env_bytes / YP_SECTOR_BYTES) + 2, 1);
	error = learn_images(board, detail, detail_bytes);
	if (error == 0)
		error = learn_environment(board, detail, detail_bytes);
	if (error == 0)
		error =
		    board_ext4_new(config->work, base, board->medium[BOARD_DATA], &board->ext4, detail, detail_bytes);
	if (error != 0) {
		if (*detail == '\0')
			(void)snprintf(detail, detail_bytes, "the board's oracles: %s", strerror(-error));
		yp_oracle_free(board);
		return error;
	}
	*out = board;
	return 0;
}

void yp_oracle_free(struct yp_oracle *board)
{
	if (board == NULL)
		return;
	yp_sim_memo_deinit(&board->env_memo);
	yp_sim_memo_deinit(&board->record_memo);
	yp_sim_memo_deinit(&board->descriptor_memo);
	yp_sim_memo_deinit(&board->data_memo);
	yp_sim_memo_deinit(&board->real_memo);
	yp_sim_memo_deinit(&board->class_memo);
	free(board->classes);
	board_ext4_free(board->ext4);
	free(board->kept);
	free(board);
}

const struct yp_rig *yp_oracle_rig(struct yp_oracle *board)
{
	return &board->rig;
}

void yp_oracle_stats(const struct yp_oracle *board, struct yp_oracle_stats *out)
{
	*out = (struct yp_oracle_stats){.environments = board->real_memo.count, .data = board->data_memo.count};
}

/* ---- what a state says ---- */

static uint64_t mix_text(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return yp_sim_mix(h, 0xff);
}

static bool keeps(const char *kept, const struct yp_sim_env *env)
{
	for (; *kept != '\0'; kept += strlen(kept) + 1) {
		char name[64];
		size_t bytes = strcspn(kept, "=");
		const char *value;

		if (bytes >= sizeof name)
			return false;
		memcpy(name, kept, bytes);
		name[bytes] = '\0';
		value = yp_sim_env_get(env, name);
		if (value == NULL || strcmp(value, kept + bytes + 1) != 0)
			return false;
	}
	return true;
}

static void read_copy(const struct yp_oracle *board, const struct yp_image *image, unsigned i, struct board_copy *copy)
{
	static const char *const decisive[] = {"ota_slot", "ota_barred", "upgrade_available", "bootlimit"};
	uint8_t raw[YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env env;
	const char *trial;

	read_raw(board, image, i, raw);
	yp_sim_env_parse(raw, board->config.env_bytes, &env);
	copy->good = env.good;
	copy->flags = env.flags;
	yp_sim_env_boot_variables(env.good ? &env : NULL, &copy->boot);
	trial = env.good ? yp_sim_env_get(&env, "ota_trial") : NULL;
	copy->trial_id = trial == NULL ? 0 : strtoull(trial, NULL, 16);
	copy->kept = env.good && keeps(board->kept, &env);
	copy->hash = yp_sim_mix(0xcbf29ce484222325u, copy->kept);
	for (size_t k = 0; env.good && k < sizeof decisive / sizeof *decisive; k++) {
		const char *value = yp_sim_env_get(&env, decisive[k]);

		copy->hash = value == NULL ? yp_sim_mix(copy->hash, k) : mix_text(copy->hash, value);
	}
}

static int look_env(struct yp_oracle *board, const struct yp_image *image, struct board_view *out)
{
	uint32_t key[2 * (YP_SIM_ENV_MAX_BYTES / YP_SECTOR_BYTES) + 2];
	size_t sectors = board->config.env_bytes / YP_SECTOR_BYTES;
	bool found;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t *contents = key + i * sectors;
		struct board_copy *copy;

		for (size_t s = 0; s < sectors; s++)
			contents[s] = yp_image_get(image, board->medium[BOARD_CARD],
						   board->config.env_offset[i] / YP_SECTOR_BYTES + s);
		copy = yp_sim_memo_at(&board->env_memo, contents, &found);
		if (copy == NULL)
			return -ENOMEM;
		if (!found)
			read_copy(board, image, i, copy);
		out->copy[i] = *copy;
	}
	out->holding =
	    yp_sim_env_arbitrate(out->copy[0].good, out->copy[0].flags, out->copy[1].good, out->copy[1].flags);
	out->env = (struct board_copy){.good = false};
	yp_sim_env_boot_variables(NULL, &out->env.boot);
	if (out->holding >= 0)
		out->env = out->copy[out->holding];
	/* For the real U-Boot, later. */
	key[2 * sectors] = out->loads[0];
	key[2 * sectors + 1] = out->loads[1];
	return yp_sim_memo_at(&board->real_memo, key, &found) == NULL ? -ENOMEM : 0;
}

/* A descriptor ends in the SHA-256 over the rest of its block (core/include/ota/slot.h). */
static int look_descriptor(struct yp_oracle *board, const struct yp_image *image, unsigned slot, struct board_view *out)
{
	uint32_t contents[DESCRIPTOR_SECTORS];
	uint8_t raw[OTA_SLOT_DESCRIPTOR_BYTES], sum[SHA256_DIGEST_LENGTH];
	unsigned medium = board->medium[BOARD_SLOT_A + slot];
	uint64_t first = yp_image_layout(image)->media[medium].sectors - TAIL_SECTORS, *value;
	bool found;

	for (unsigned s = 0; s < DESCRIPTOR_SECTORS; s++)
		contents[s] = yp_image_get(image, medium, first + s);
	value = yp_sim_memo_at(&board->descriptor_memo, contents, &found);
	if (value == NULL)
		return -ENOMEM;
	if (!found) {
		yp_image_read(image, medium, first, DESCRIPTOR_SECTORS, raw);
		SHA256(raw, sizeof raw - sizeof sum, sum);
		value[0] = memcmp(raw + sizeof raw - sizeof sum, sum, sizeof sum) == 0;
		memcpy(&value[1], sum, sizeof value[1]);
	}
	out->described[slot] = value[0] != 0;
	out->descriptor[slot] = value[1];
	return 0;
}

static int version_of(const struct yp_oracle *board, const struct yp_image *image, unsigned slot)
{
	struct yp_hash hash = yp_image_region_hash(image, BOARD_REGION_A + slot);

	for (unsigned v = 0; v < board->config.count; v++) {
		if (hash.lo == board->known[slot][v].lo && hash.hi == board->known[slot][v].hi)
			return (int)v;
	}
	return -1;
}

static int look_slot(struct yp_oracle *board, const struct yp_image *image, unsigned slot, struct board_view *out)
{
	bool blank = true;

	for (unsigned s = 0; s < HEADER_SECTORS; s++)
		blank = blank && yp_image_get(image, board->medium[BOARD_SLOT_A + slot], s) == 0;
	out->blank[slot] = blank;
	out->version[slot] = version_of(board, image, slot);
	out->loads[slot] = out->version[slot] >= 0 ? board->config.versions[out->version[slot]].loads : !blank;
	return look_descriptor(board, image, slot, out);
}

static int look_data(struct yp_oracle *board, const struct yp_image *image, struct board_view *out)
{
	struct yp_hash hash = yp_image_region_hash(image, BOARD_REGION_DATA);
	const uint32_t key[4] = {(uint32_t)hash.lo, (uint32_t)(hash.lo >> 32), (uint32_t)hash.hi,
				 (uint32_t)(hash.hi >> 32)};
	bool found;
	struct board_data_check *check = yp_sim_memo_at(&board->data_memo, key, &found);
	int error = 0;

	if (check == NULL)
		return -ENOMEM;
	if (!found)
		error = board_ext4_check(board->ext4, image, check);
	out->data = *check;
	return error;
}

int board_look(struct yp_oracle *board, const struct yp_image *image, struct board_view *out)
{
	int error = look_slot(board, image, 0, out);

	if (error == 0)
		error = look_slot(board, image, 1, out);
	if (error == 0)
		error = look_env(board, image, out);
	if (error == 0)
		error = yp_sim_record_newest(&board->record_memo, image, board->medium[BOARD_STATE], &out->record);
	if (error == 0)
		error = look_data(board, image, out);
	return error;
}

char board_boots(const struct board_view *view)
{
	unsigned selected = board_slot(view->env.boot.slot);
	struct yp_sim_decision d = yp_sim_boot_decide(&view->env.boot, view->loads[selected], view->loads[!selected]);

	return d.boots == YP_SIM_BOOTS_HALT ? 0
					    : (char)('A' + (int)(d.boots == YP_SIM_BOOTS_OTHER ? !selected : selected));
}

const char *yp_oracle_holds(const struct yp_oracle *board, const struct yp_image *image, char slot)
{
	int version = slot == 0 ? -1 : version_of(board, image, board_slot(slot));

	return slot == 0 ? "none" : version < 0 ? "mixed" : board->config.versions[version].label;
}

int yp_oracle_holding(const struct yp_oracle *board, const struct yp_image *image)
{
	uint8_t raw[YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env env[2];
	bool good[2];
	uint8_t flags[2];

	for (unsigned i = 0; i < 2; i++) {
		read_raw(board, image, i, raw);
		yp_sim_env_parse(raw, board->config.env_bytes, &env[i]);
		good[i] = env[i].good;
		flags[i] = env[i].flags;
	}
	return yp_sim_env_arbitrate(good[0], flags[0], good[1], flags[1]);
}

int yp_oracle_inspect(struct yp_oracle *board, const struct yp_image *state, const struct yp_world *before,
		      struct yp_outcome *out)
{
	return board_inspect(board, state, before, out);
}
