/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot back-end over U-Boot's redundant environment.
 *
 * A store is one write of the whole copy that does not hold, one flush, one uncached read to compare: the holding copy
 * is never touched, so a cut leaves the old environment or the new one. Nothing is remembered between two calls: U-Boot
 * and fw_setenv write the same bytes.
 *
 * What each variable means to the bootloader is the table in images/uboot/README.md.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/env.h"
#include "ota/reason.h"

/* A copy that fails to read twice is bad, as in U-Boot; once may be chance, and a stale copy must not be believed for
 * it. */
#define READ_ATTEMPTS 2u
/* What the boot script assumes where bootlimit is missing or 0. */
#define LIMIT_DEFAULT 3u
/* More boots than this are no trial. */
#define LIMIT_MAX       99u
#define NUMBER_TEXT_MAX 24u
#define TRIAL_ID_DIGITS 16u

/*
 * A stored environment replaces all of U-Boot's defaults, the boot script included. So one that is made from nothing
 * holds commands that fetch the script back: ota_import, in images/uboot/ota.env, restores all compiled-in defaults
 * around the protocol's variables. Short, because the smallest environment has 507 bytes.
 */
#define REBUILT_BOOTCMD    "env default ota_import && run ota_import && run bootcmd"
#define REBUILT_ALTBOOTCMD "env default ota_import && run ota_import && run altbootcmd"

#define NONE (-1)

struct ota_uboot {
	const struct ota_env_place *place;
	char names[2][OTA_BOOTNAME_MAX];
	bool single;
	uint8_t *raw[2]; /* the copies as read; a store encodes into the target's */
	uint8_t *check;  /* read back */
};

/* The protocol's variables as the boot script reads them; slots are indices of names. */
struct vars {
	int slot;
	int barred; /* or NONE */
	bool trial;
	unsigned attempts;
	unsigned limit;
	uint64_t trial_id;
};

/* Both copies as the medium has them now. */
struct view {
	int holds; /* 0, 1, or NONE */
	bool degraded;
	uint8_t flags[2];
	struct ota_env *env; /* of the holding copy; NULL: none, or U-Boot refuses it */
	struct vars vars;
};

static int read_copy(const struct ota_uboot *uboot, int copy, uint8_t *out)
{
	const struct ota_block *block = &uboot->place->block[copy];
	int result = -EIO;

	for (unsigned attempt = 0; result && attempt < READ_ATTEMPTS; attempt++)
		result = block->ops->read_uncached(block->dev, uboot->place->offset_bytes[copy], out,
						   uboot->place->env_bytes);
	return result;
}

/* U-Boot's simple_strtoul(): the leading decimal digits; nothing there is 0. Saturates. */
static unsigned number_of(const char *text)
{
	unsigned value = 0;

	for (; text && *text >= '0' && *text <= '9'; text++) {
		unsigned digit = (unsigned)(*text - '0');
		if (value > (UINT_MAX - digit) / 10)
			return UINT_MAX;
		value = value * 10 + digit;
	}
	return value;
}

static uint64_t trial_id_of(const char *text)
{
	if (!text || strlen(text) != TRIAL_ID_DIGITS || strspn(text, "0123456789abcdefABCDEF") != TRIAL_ID_DIGITS)
		return 0;
	return strtoull(text, NULL, 16);
}

static int slot_of(const struct ota_uboot *uboot, const char *name)
{
	for (int i = 0; name && i < 2; i++) {
		if (strcmp(name, uboot->names[i]) == 0)
			return i;
	}
	return NONE;
}

static struct vars vars_of(const struct ota_uboot *uboot, const struct ota_env *env)
{
	struct vars vars = {.slot = 0, .barred = NONE, .limit = LIMIT_DEFAULT};

	if (!env)
		return vars;
	vars.slot = slot_of(uboot, ota_env_get(env, "ota_slot"));
	if (vars.slot == NONE)
		vars.slot = 0;
	vars.barred = slot_of(uboot, ota_env_get(env, "ota_barred"));
	vars.trial = number_of(ota_env_get(env, "upgrade_available")) != 0;
	vars.attempts = vars.trial ? number_of(ota_env_get(env, "bootcount")) : 0;
	vars.limit = number_of(ota_env_get(env, "bootlimit"));
	if (!vars.limit)
		vars.limit = LIMIT_DEFAULT;
	vars.trial_id = trial_id_of(ota_env_get(env, "ota_trial"));
	return vars;
}

/* 0, -errno (no good copy, and one could not be read), -ENOMEM. Free view->env. */
static int view_load(struct ota_uboot *uboot, struct view *view)
{
	size_t header_bytes = uboot->single ? OTA_ENV_HEADER_SINGLE_BYTES : OTA_ENV_HEADER_BYTES;
	enum ota_env_copy copies[2] = {OTA_ENV_BAD, OTA_ENV_BAD};
	int failure = 0;

	*view = (struct view){.holds = NONE};
	for (int i = 0; i < (uboot->single ? 1 : 2); i++) {
		int result = read_copy(uboot, i, uboot->raw[i]);
		if (result)
			failure = result;
		else if (ota_env_crc_good(uboot->raw[i], uboot->place->env_bytes, header_bytes))
			copies[i] = OTA_ENV_GOOD;
		view->flags[i] = result ? 0 : uboot->raw[i][OTA_ENV_HEADER_BYTES - 1];
	}
	view->holds = ota_env_arbitrate(copies[0], view->flags[0], copies[1], view->flags[1]);
	if (view->holds == NONE && failure)
		return failure;
	view->degraded = !uboot->single && (copies[0] == OTA_ENV_BAD) != (copies[1] == OTA_ENV_BAD);
	if (view->holds != NONE) {
		int result = ota_env_parse_list(uboot->raw[view->holds] + header_bytes,
						uboot->place->env_bytes - header_bytes, &view->env);
		if (result < 0)
			return result;
	}
	view->vars = vars_of(uboot, view->env);
	return 0;
}

static int uboot_query(void *boot, struct ota_boot_state *out)
{
	struct ota_uboot *uboot = boot;
	struct view view;
	int result = view_load(uboot, &view);
	if (result)
		return result;

	const struct vars *vars = &view.vars;
	/* A selected slot that is barred is not booted: the boot script takes the other one, and ends a trial. */
	bool contradiction = vars->slot == vars->barred;
	*out = (struct ota_boot_state){
	    .trial_id = vars->trial_id,
	    .trial = vars->trial && !contradiction,
	    .attempts = contradiction ? 0 : vars->attempts,
	    .limit = vars->limit,
	    .readable = view.env != NULL,
	    .degraded = view.degraded,
	};
	memcpy(out->selected, uboot->names[contradiction ? !vars->slot : vars->slot], sizeof out->selected);
	if (vars->barred != NONE)
		memcpy(out->barred, uboot->names[vars->barred], sizeof out->barred);
	ota_env_free(view.env);
	return 0;
}

static int env_set_number(struct ota_env *env, const char *name, unsigned value)
{
	char text[NUMBER_TEXT_MAX];

	(void)snprintf(text, sizeof text, "%u", value);
	return ota_env_set(env, name, text);
}

static int env_apply(const struct ota_uboot *uboot, struct ota_env *env, const struct vars *vars)
{
	char id[NUMBER_TEXT_MAX];
	int result = ota_env_set(env, "ota_slot", uboot->names[vars->slot]);

	if (!result)
		result = env_set_number(env, "upgrade_available", vars->trial);
	if (!result)
		result = env_set_number(env, "bootcount", 0);
	if (!result)
		result = ota_env_set(env, "ota_barred", vars->barred == NONE ? NULL : uboot->names[vars->barred]);
	if (result || !vars->trial)
		return result;
	(void)snprintf(id, sizeof id, "%016" PRIx64, vars->trial_id);
	result = ota_env_set(env, "ota_trial", id);
	return result ? result : env_set_number(env, "bootlimit", vars->limit);
}

static int env_rebuild(struct ota_env **out)
{
	int result = ota_env_new(out);

	if (!result)
		result = ota_env_set(*out, "bootcmd", REBUILT_BOOTCMD);
	if (!result)
		result = ota_env_set(*out, "altbootcmd", REBUILT_ALTBOOTCMD);
	return result;
}

/* The one place that writes. */
static int store_copy(struct ota_uboot *uboot, int copy)
{
	assert(copy == 0 || copy == 1);
	const struct ota_block *block = &uboot->place->block[copy];
	uint64_t offset_bytes = uboot->place->offset_bytes[copy];
	uint32_t size_bytes = uboot->place->env_bytes;
	int result = block->ops->write(block->dev, offset_bytes, uboot->raw[copy], size_bytes);

	if (!result)
		result = block->ops->flush(block->dev);
	if (!result)
		result = block->ops->read_uncached(block->dev, offset_bytes, uboot->check, size_bytes);
	if (!result && memcmp(uboot->raw[copy], uboot->check, size_bytes) != 0)
		result = OTA_BOOT_STATE;
	return result;
}

static bool vars_equal(const struct vars *a, const struct vars *b)
{
	return a->slot == b->slot && a->barred == b->barred && a->trial == b->trial && a->trial_id == b->trial_id &&
	       (!a->trial || (a->attempts == b->attempts && a->limit == b->limit));
}

/* Stores `wanted` unless it holds already. trial_id 0: keep the one that is there. */
static int store_vars(struct ota_uboot *uboot, struct vars wanted)
{
	assert(wanted.slot != NONE && wanted.slot != wanted.barred);
	struct view view;
	int result = view_load(uboot, &view);

	if (result)
		goto out;
	if (!wanted.trial_id)
		wanted.trial_id = view.vars.trial_id;
	if (view.env && !view.degraded && vars_equal(&wanted, &view.vars))
		goto out;
	result = OTA_BOOT_STATE;
	if (uboot->single)
		goto out;
	if (!view.env)
		result = env_rebuild(&view.env);
	else
		result = 0;
	if (!result)
		result = env_apply(uboot, view.env, &wanted);
	if (result)
		goto out;
	int target = view.holds == 0 ? 1 : 0;
	uint8_t flags = view.holds == NONE ? 0 : view.flags[view.holds];
	result = ota_env_encode(view.env, (uint8_t)(flags + 1u), uboot->raw[target], uboot->place->env_bytes);
	if (!result)
		result = store_copy(uboot, target);
out:
	ota_env_free(view.env);
	return result;
}

static int uboot_try(void *boot, const char *slot, uint64_t trial_id, unsigned limit)
{
	struct ota_uboot *uboot = boot;
	struct vars wanted = {
	    .slot = slot_of(uboot, slot), .barred = NONE, .trial = true, .limit = limit, .trial_id = trial_id};

	if (wanted.slot == NONE || !trial_id || !limit || limit > LIMIT_MAX)
		return -EINVAL;
	return store_vars(uboot, wanted);
}

static int uboot_rollback(void *boot, const char *keep, const char *bad)
{
	struct ota_uboot *uboot = boot;
	bool bars = bad && *bad;
	struct vars wanted = {.slot = slot_of(uboot, keep), .barred = bars ? slot_of(uboot, bad) : NONE};

	if (wanted.slot == NONE || (bars && wanted.barred == NONE) || wanted.slot == wanted.barred)
		return -EINVAL;
	return store_vars(uboot, wanted);
}

static int uboot_commit(void *boot, const char *slot)
{
	return uboot_rollback(boot, slot, NULL);
}

/* The name goes into the environment and through the bootloader's shell. */
static bool name_good(const char *name)
{
	size_t bytes = strlen(name);

	return bytes && bytes < OTA_BOOTNAME_MAX &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == bytes;
}

static bool copy_good(const struct ota_env_place *place, int copy)
{
	const struct ota_block *block = &place->block[copy];
	uint64_t offset_bytes = place->offset_bytes[copy];

	return block->block_bytes && offset_bytes % block->block_bytes == 0 &&
	       place->env_bytes % block->block_bytes == 0 && offset_bytes <= block->size_bytes &&
	       place->env_bytes <= block->size_bytes - offset_bytes;
}

static bool place_good(const struct ota_env_place *place, bool single)
{
	if (place->env_bytes < OTA_ENV_MIN_BYTES || place->env_bytes > OTA_ENV_MAX_BYTES || !copy_good(place, 0))
		return false;
	if (single)
		return true;
	if (!copy_good(place, 1))
		return false;
	uint64_t a = place->offset_bytes[0];
	uint64_t b = place->offset_bytes[1];
	bool same = place->block[0].ops == place->block[1].ops && place->block[0].dev == place->block[1].dev;
	return !same || (a < b ? b - a : a - b) >= place->env_bytes;
}

int ota_uboot_new(const struct ota_env_place *place, const char *const slot_names[2], struct ota_uboot **out,
		  struct ota_boot *boot)
{
	static const struct ota_boot_ops ops = {
	    .query = uboot_query,
	    .try = uboot_try,
	    .commit = uboot_commit,
	    .rollback = uboot_rollback,
	};
	bool single = !place->block[1].ops;

	*out = NULL;
	if (!place_good(place, single) || !name_good(slot_names[0]) || !name_good(slot_names[1]) ||
	    strcmp(slot_names[0], slot_names[1]) == 0)
		return OTA_BAD_CONFIG;
	struct ota_uboot *uboot = calloc(1, sizeof *uboot);
	if (!uboot)
		return -ENOMEM;
	uboot->place = place;
	uboot->single = single;
	for (int i = 0; i < 2; i++) {
		memcpy(uboot->names[i], slot_names[i], strlen(slot_names[i]));
		uboot->raw[i] = malloc(place->env_bytes);
	}
	uboot->check = malloc(place->env_bytes);
	if (!uboot->raw[0] || !uboot->raw[1] || !uboot->check) {
		ota_uboot_free(uboot);
		return -ENOMEM;
	}
	*out = uboot;
	*boot = (struct ota_boot){.ops = &ops, .boot = uboot};
	return 0;
}

void ota_uboot_free(struct ota_uboot *uboot)
{
	if (!uboot)
		return;
	free(uboot->raw[0]);
	free(uboot->raw[1]);
	free(uboot->check);
	free(uboot);
}
