/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes the media of a state once: environment, records, slots and data, by the subject's functions. */
#include "sim/oracle.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oracle/oracle-private.h"

#define READ_SECTORS 2048u

/* A medium that the subject does not have is -1. The environment and both slots there must be. */
static int find_media(const struct yp_subject *subject, const struct yp_layout *layout, int out[YP_ORACLE_MEDIA])
{
	out[YP_ORACLE_ENV] = yp_subject_medium_index(subject, layout, YP_ROLE_ENV, 0);
	out[YP_ORACLE_STATE] = yp_subject_medium_index(subject, layout, YP_ROLE_STATE, 0);
	out[YP_ORACLE_SLOT_A] = yp_subject_medium_index(subject, layout, YP_ROLE_SLOT, 'A');
	out[YP_ORACLE_SLOT_B] = yp_subject_medium_index(subject, layout, YP_ROLE_SLOT, 'B');
	out[YP_ORACLE_DATA] = yp_subject_medium_index(subject, layout, YP_ROLE_DATA, 0);
	if (out[YP_ORACLE_ENV] < 0 || out[YP_ORACLE_SLOT_A] < 0 || out[YP_ORACLE_SLOT_B] < 0)
		return -EINVAL;
	return subject->records != NULL && out[YP_ORACLE_STATE] < 0 ? -EINVAL : 0;
}

int yp_oracle_regions(const struct yp_subject *subject, const struct yp_layout *layout, uint64_t image_bytes,
		      struct yp_region out[YP_ORACLE_REGIONS])
{
	uint32_t tail_sectors;
	int medium[YP_ORACLE_MEDIA], error;

	if (subject == NULL)
		subject = yp_subject_find(NULL);
	error = find_media(subject, layout, medium);
	if (error != 0 || image_bytes % YP_SECTOR_BYTES != 0)
		return -EINVAL;
	tail_sectors = subject->descriptor != NULL ? subject->descriptor->tail_sectors : 0;
	for (unsigned slot = 0; slot < 2; slot++) {
		struct yp_region *r = &out[YP_ORACLE_REGION_A + slot];
		const struct yp_medium *m = &layout->media[medium[YP_ORACLE_SLOT_A + slot]];

		*r = (struct yp_region){.medium = (unsigned)medium[YP_ORACLE_SLOT_A + slot],
					.sectors = image_bytes / YP_SECTOR_BYTES};
		(void)snprintf(r->name, sizeof r->name, "image of %.20s", m->name);
		if (m->sectors < r->sectors + tail_sectors)
			return -EINVAL;
	}
	out[YP_ORACLE_REGION_DATA] = (struct yp_region){.name = "data"};
	if (medium[YP_ORACLE_DATA] >= 0) {
		out[YP_ORACLE_REGION_DATA].medium = (unsigned)medium[YP_ORACLE_DATA];
		out[YP_ORACLE_REGION_DATA].sectors = layout->media[medium[YP_ORACLE_DATA]].sectors;
	}
	return 0;
}

/* ---- what is known beforehand ---- */

/* The hashes that both slots have when this image lies in them. */
static int learn_image(struct yp_oracle *oracle, struct yp_image *scratch, unsigned version)
{
	static const size_t bytes_max = (size_t)READ_SECTORS * YP_SECTOR_BYTES;
	uint8_t *data = malloc(bytes_max);
	int fd = open(oracle->config.versions[version].image, O_RDONLY | O_CLOEXEC), error = fd < 0 ? -errno : 0;

	if (data == NULL)
		error = -ENOMEM;
	for (uint64_t at = 0; error == 0 && at < oracle->image_sectors;) {
		uint64_t left = oracle->image_sectors - at;
		uint32_t sectors = left < READ_SECTORS ? (uint32_t)left : READ_SECTORS;
		ssize_t n = pread(fd, data, (size_t)sectors * YP_SECTOR_BYTES, (off_t)(at * YP_SECTOR_BYTES));

		if (n != (ssize_t)sectors * (ssize_t)YP_SECTOR_BYTES)
			error = n < 0 ? -errno : -EIO;
		for (unsigned slot = 0; error == 0 && slot < 2; slot++)
			error = yp_image_write(scratch, (unsigned)oracle->medium[YP_ORACLE_SLOT_A + slot], at, sectors,
					       data);
		at += sectors;
	}
	for (unsigned slot = 0; slot < 2; slot++)
		oracle->known[slot][version] = yp_image_region_hash(scratch, YP_ORACLE_REGION_A + slot);
	free(data);
	if (fd >= 0)
		(void)close(fd);
	return error;
}

static int learn_images(struct yp_oracle *oracle, char *detail, size_t detail_bytes)
{
	struct yp_image *scratch = NULL;
	int error = yp_image_copy(oracle->base, &scratch);

	for (unsigned v = 0; error == 0 && v < oracle->config.count; v++) {
		const char *path = oracle->config.versions[v].image;
		struct stat st;

		if (stat(path, &st) != 0)
			error = -errno;
		else if ((uint64_t)st.st_size != oracle->image_sectors * YP_SECTOR_BYTES)
			error = -EINVAL;
		else
			error = learn_image(oracle, scratch, v);
		if (error != 0)
			(void)snprintf(detail, detail_bytes, "%s: %s", path,
				       error == -EINVAL ? "images of all versions must be equally large"
							: strerror(-error));
	}
	yp_image_free(scratch);
	return error;
}

static void read_raw(const struct yp_oracle *oracle, const struct yp_image *image, unsigned copy, uint8_t *raw)
{
	yp_image_read(image, (unsigned)oracle->medium[YP_ORACLE_ENV], oracle->config.env_offset[copy] / YP_SECTOR_BYTES,
		      oracle->config.env_bytes / YP_SECTOR_BYTES, raw);
	raw[oracle->config.env_bytes] = 0; /* ends a search in a text that does not end */
}

static int learn_environment(struct yp_oracle *oracle, char *detail, size_t detail_bytes)
{
	uint8_t raw[2][YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env env[2];
	size_t used = 0;
	int holding;

	for (unsigned i = 0; i < 2; i++) {
		read_raw(oracle, oracle->base, i, raw[i]);
		yp_sim_env_parse(raw[i], oracle->config.env_bytes, &env[i]);
	}
	holding = yp_sim_env_arbitrate(env[0].good, env[0].flags, env[1].good, env[1].flags);
	if (holding < 0) {
		(void)snprintf(detail, detail_bytes, "no copy of the boot environment on the factory's media is good");
		return -EINVAL;
	}
	oracle->kept = calloc(1, YP_SIM_ENV_MAX_BYTES);
	if (oracle->kept == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < env[holding].count; i++) {
		const char *entry = env[holding].variables[i].name;

		if (yp_sim_env_is_named(oracle->subject->boot->variables, entry) ||
		    yp_sim_env_is_named(oracle->subject->boot->passing, entry))
			continue;
		memcpy(oracle->kept + used, entry, strlen(entry) + 1);
		used += strlen(entry) + 1;
	}
	return 0;
}

static int check_config(const struct yp_oracle *oracle, char *detail, size_t detail_bytes)
{
	const struct yp_oracle_config *config = &oracle->config;

	if (oracle->subject->boot == NULL)
		(void)snprintf(detail, detail_bytes, "%s has no boot protocol", oracle->subject->name);
	else if (config->env_bytes > YP_SIM_ENV_MAX_BYTES || config->count == 0 || config->offered >= config->count)
		(void)snprintf(detail, detail_bytes, "%s: %s", config->versions[0].image, strerror(EINVAL));
	else
		return 0;
	return -EINVAL;
}

static void init_memos(struct yp_oracle *oracle)
{
	const struct yp_subject *subject = oracle->subject;
	size_t env_sectors = oracle->config.env_bytes / YP_SECTOR_BYTES;

	yp_memo_init(&oracle->env_memo, env_sectors, sizeof(struct yp_oracle_copy));
	yp_memo_init(&oracle->data_memo, 4, sizeof(struct yp_oracle_data_check));
	yp_memo_init(&oracle->class_memo, 2, sizeof(size_t));
	yp_memo_init(&oracle->real_memo, 2 * env_sectors + 2, 1);
	if (subject->records != NULL)
		yp_memo_init(&oracle->record_memo, subject->records->record_sectors, sizeof(struct yp_subject_record));
	if (subject->descriptor != NULL)
		yp_memo_init(&oracle->descriptor_memo, subject->descriptor->sectors, sizeof(uint64_t) * 2);
}

static int learn_all(struct yp_oracle *oracle, char *detail, size_t detail_bytes)
{
	struct stat st;
	int error = find_media(oracle->subject, yp_image_layout(oracle->base), oracle->medium);

	if (error != 0) {
		(void)snprintf(detail, detail_bytes, "media of %s are missing", oracle->subject->name);
		return error;
	}
	error = check_config(oracle, detail, detail_bytes);
	if (error == 0 && stat(oracle->config.versions[0].image, &st) != 0) {
		error = -errno;
		(void)snprintf(detail, detail_bytes, "%s: %s", oracle->config.versions[0].image, strerror(-error));
	}
	if (error != 0)
		return error;
	oracle->image_sectors = (uint64_t)st.st_size / YP_SECTOR_BYTES;
	init_memos(oracle);
	error = learn_images(oracle, detail, detail_bytes);
	if (error == 0)
		error = learn_environment(oracle, detail, detail_bytes);
	if (error == 0 && oracle->medium[YP_ORACLE_DATA] >= 0)
		error = yp_oracle_ext4_new(oracle->config.work, oracle->base, (unsigned)oracle->medium[YP_ORACLE_DATA],
					   &oracle->ext4, detail, detail_bytes);
	return error;
}

int yp_oracle_new(const struct yp_oracle_config *config, const struct yp_image *base, struct yp_oracle **out,
		  char *detail, size_t detail_bytes)
{
	struct yp_oracle *oracle = calloc(1, sizeof *oracle);
	int error;

	assert(config != NULL && base != NULL && out != NULL && detail_bytes > 0);
	*detail = '\0';
	if (oracle == NULL)
		return -ENOMEM;
	oracle->config = *config;
	oracle->subject = config->subject != NULL ? config->subject : yp_subject_find(NULL);
	/* Without reports there is nothing to judge. */
	if (oracle->subject->reports == NULL)
		oracle->config.spec.report_url_none = true;
	oracle->base = base;
	oracle->pool = yp_image_pool(base);
	oracle->rig = (struct yp_rig){
	    .ctx = oracle, .canon = yp_oracle_canon, .judge = yp_oracle_judge, .inspect = yp_oracle_inspect_media};
	error = learn_all(oracle, detail, detail_bytes);
	if (error != 0) {
		if (*detail == '\0')
			(void)snprintf(detail, detail_bytes, "the oracles: %s", strerror(-error));
		yp_oracle_free(oracle);
		return error;
	}
	*out = oracle;
	return 0;
}

void yp_oracle_free(struct yp_oracle *oracle)
{
	if (oracle == NULL)
		return;
	yp_memo_deinit(&oracle->env_memo);
	yp_memo_deinit(&oracle->record_memo);
	yp_memo_deinit(&oracle->descriptor_memo);
	yp_memo_deinit(&oracle->data_memo);
	yp_memo_deinit(&oracle->real_memo);
	yp_memo_deinit(&oracle->class_memo);
	free(oracle->classes);
	yp_oracle_ext4_free(oracle->ext4);
	free(oracle->kept);
	free(oracle);
}

const struct yp_rig *yp_oracle_rig(struct yp_oracle *oracle)
{
	return &oracle->rig;
}

void yp_oracle_stats(const struct yp_oracle *oracle, struct yp_oracle_stats *out)
{
	*out = (struct yp_oracle_stats){.environments = oracle->real_memo.count, .data = oracle->data_memo.count};
}

/* ---- decoding a state ---- */

static uint64_t mix_value(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return yp_mix(h, 0xff);
}

static bool keeps_variables(const char *kept, const struct yp_sim_env *env)
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

static void read_copy(const struct yp_oracle *oracle, const struct yp_image *image, unsigned i,
		      struct yp_oracle_copy *copy)
{
	const struct yp_boot_protocol *boot = oracle->subject->boot;
	uint8_t raw[YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env env;

	read_raw(oracle, image, i, raw);
	yp_sim_env_parse(raw, oracle->config.env_bytes, &env);
	copy->good = env.good;
	copy->flags = env.flags;
	boot->read(env.good ? &env : NULL, &copy->boot);
	copy->kept = env.good && keeps_variables(oracle->kept, &env);
	copy->hash = yp_mix(0xcbf29ce484222325u, copy->kept);
	for (size_t k = 0; env.good && boot->decisive[k] != NULL; k++) {
		const char *value = yp_sim_env_get(&env, boot->decisive[k]);

		copy->hash = value == NULL ? yp_mix(copy->hash, k) : mix_value(copy->hash, value);
	}
}

static int look_env(struct yp_oracle *oracle, const struct yp_image *image, struct yp_oracle_view *out)
{
	uint32_t key[2 * (YP_SIM_ENV_MAX_BYTES / YP_SECTOR_BYTES) + 2];
	size_t sectors = oracle->config.env_bytes / YP_SECTOR_BYTES;
	bool found;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t *contents = key + i * sectors;
		struct yp_oracle_copy *copy;

		for (size_t s = 0; s < sectors; s++)
			contents[s] = yp_image_get(image, (unsigned)oracle->medium[YP_ORACLE_ENV],
						   oracle->config.env_offset[i] / YP_SECTOR_BYTES + s);
		copy = yp_memo_at(&oracle->env_memo, contents, &found);
		if (copy == NULL)
			return -ENOMEM;
		if (!found)
			read_copy(oracle, image, i, copy);
		out->copy[i] = *copy;
	}
	out->holding =
	    yp_sim_env_arbitrate(out->copy[0].good, out->copy[0].flags, out->copy[1].good, out->copy[1].flags);
	out->env = (struct yp_oracle_copy){.good = false};
	oracle->subject->boot->read(NULL, &out->env.boot);
	if (out->holding >= 0)
		out->env = out->copy[out->holding];
	/* For the real U-Boot, later. */
	key[2 * sectors] = out->loads[0];
	key[2 * sectors + 1] = out->loads[1];
	return yp_memo_at(&oracle->real_memo, key, &found) == NULL ? -ENOMEM : 0;
}

static int look_descriptor(struct yp_oracle *oracle, const struct yp_image *image, unsigned slot,
			   struct yp_oracle_view *out)
{
	const struct yp_subject_descriptor *descriptor = oracle->subject->descriptor;
	uint32_t contents[YP_ORACLE_DESCRIPTOR_SECTORS];
	uint8_t raw[YP_ORACLE_DESCRIPTOR_SECTORS * YP_SECTOR_BYTES];
	unsigned medium = (unsigned)oracle->medium[YP_ORACLE_SLOT_A + slot];
	uint64_t first, *value;
	bool found;

	out->described[slot] = false;
	out->descriptor[slot] = 0;
	if (descriptor == NULL)
		return 0;
	assert(descriptor->sectors <= YP_ORACLE_DESCRIPTOR_SECTORS);
	first = yp_image_layout(image)->media[medium].sectors - descriptor->tail_sectors;
	for (unsigned s = 0; s < descriptor->sectors; s++)
		contents[s] = yp_image_get(image, medium, first + s);
	value = yp_memo_at(&oracle->descriptor_memo, contents, &found);
	if (value == NULL)
		return -ENOMEM;
	if (!found) {
		yp_image_read(image, medium, first, descriptor->sectors, raw);
		value[0] = descriptor->read(raw, &value[1]);
	}
	out->described[slot] = value[0] != 0;
	out->descriptor[slot] = value[1];
	return 0;
}

static int version_of(const struct yp_oracle *oracle, const struct yp_image *image, unsigned slot)
{
	struct yp_hash hash = yp_image_region_hash(image, YP_ORACLE_REGION_A + slot);

	for (unsigned v = 0; v < oracle->config.count; v++) {
		if (hash.lo == oracle->known[slot][v].lo && hash.hi == oracle->known[slot][v].hi)
			return (int)v;
	}
	return -1;
}

static int look_slot(struct yp_oracle *oracle, const struct yp_image *image, unsigned slot, struct yp_oracle_view *out)
{
	bool blank = oracle->subject->header_sectors != 0;

	for (unsigned s = 0; s < oracle->subject->header_sectors; s++)
		blank = blank && yp_image_get(image, (unsigned)oracle->medium[YP_ORACLE_SLOT_A + slot], s) == 0;
	out->blank[slot] = blank;
	out->version[slot] = version_of(oracle, image, slot);
	out->loads[slot] = out->version[slot] >= 0 ? oracle->config.versions[out->version[slot]].loads : !blank;
	return look_descriptor(oracle, image, slot, out);
}

static int look_data(struct yp_oracle *oracle, const struct yp_image *image, struct yp_oracle_view *out)
{
	struct yp_hash hash = yp_image_region_hash(image, YP_ORACLE_REGION_DATA);
	const uint32_t key[4] = {(uint32_t)hash.lo, (uint32_t)(hash.lo >> 32), (uint32_t)hash.hi,
				 (uint32_t)(hash.hi >> 32)};
	bool found;
	struct yp_oracle_data_check *check = yp_memo_at(&oracle->data_memo, key, &found);
	int error = 0;

	if (check == NULL)
		return -ENOMEM;
	if (!found)
		error = yp_oracle_ext4_check(oracle->ext4, image, check);
	out->data = *check;
	return error;
}

static int look_records(struct yp_oracle *oracle, const struct yp_image *image, struct yp_oracle_view *out)
{
	const struct yp_subject_records *records = oracle->subject->records;

	out->record = (struct yp_subject_record){.good = false};
	return records == NULL ? 0
			       : records->newest(&oracle->record_memo, image, (unsigned)oracle->medium[YP_ORACLE_STATE],
						 &out->record);
}

int yp_oracle_look(struct yp_oracle *oracle, const struct yp_image *image, struct yp_oracle_view *out)
{
	int error;

	out->data = (struct yp_oracle_data_check){.state = YP_ORACLE_DATA_CLEAN};
	error = look_slot(oracle, image, 0, out);

	if (error == 0)
		error = look_slot(oracle, image, 1, out);
	if (error == 0)
		error = look_env(oracle, image, out);
	if (error == 0)
		error = look_records(oracle, image, out);
	if (error == 0 && oracle->ext4 != NULL)
		error = look_data(oracle, image, out);
	return error;
}

char yp_oracle_boots(const struct yp_oracle *oracle, const struct yp_oracle_view *view)
{
	unsigned selected = yp_oracle_slot_index(view->env.boot.slot);
	struct yp_sim_decision d =
	    oracle->subject->boot->decide(&view->env.boot, view->loads[selected], view->loads[!selected]);

	return d.boots == YP_SIM_BOOTS_HALT ? 0
					    : (char)('A' + (int)(d.boots == YP_SIM_BOOTS_OTHER ? !selected : selected));
}

const char *yp_oracle_holds(const struct yp_oracle *oracle, const struct yp_image *image, char slot)
{
	int version = slot == 0 ? -1 : version_of(oracle, image, yp_oracle_slot_index(slot));

	assert(slot == 0 || slot == 'A' || slot == 'B');
	return slot == 0 ? "none" : version < 0 ? "mixed" : oracle->config.versions[version].label;
}

int yp_oracle_holding(const struct yp_oracle *oracle, const struct yp_image *image)
{
	uint8_t raw[YP_SIM_ENV_MAX_BYTES + 1];
	struct yp_sim_env env[2];
	bool good[2];
	uint8_t flags[2];

	for (unsigned i = 0; i < 2; i++) {
		read_raw(oracle, image, i, raw);
		yp_sim_env_parse(raw, oracle->config.env_bytes, &env[i]);
		good[i] = env[i].good;
		flags[i] = env[i].flags;
	}
	return yp_sim_env_arbitrate(good[0], flags[0], good[1], flags[1]);
}

int yp_oracle_inspect(struct yp_oracle *oracle, const struct yp_image *state, const struct yp_world *before,
		      struct yp_outcome *out)
{
	return yp_oracle_inspect_media(oracle, state, before, out);
}
