/* SPDX-License-Identifier: Apache-2.0 */
/* The oracles. The environment is decoded by sim's own codec, slots are compared with the images that were made, ext4
 * is checked by e2fsck; one field is taken from the updater's record, its version floor. */
#include <stdio.h>
#include <string.h>

#include "oracle/oracle-private.h"

/* I2, I3, I4, I6 of a slot that will or may be booted. */
static void judge_slot(const struct yp_oracle *oracle, const struct yp_oracle_view *view, unsigned slot,
		       const char *when, struct yp_outcome *out)
{
	const struct yp_oracle_config *c = &oracle->config;
	int version = view->version[slot];

	if (version < 0)
		yp_outcome_fail(out, YP_I2, "slot %c, which %s, holds no version whole", 'A' + (int)slot, when);
	else if (c->versions[version].sequence < c->versions[0].sequence)
		yp_outcome_fail(out, YP_I4, "slot %c, which %s, holds version %s, below the floor", 'A' + (int)slot,
				when, c->versions[version].version);
	else if (!c->versions[version].allowed)
		yp_outcome_fail(out, YP_I3, "slot %c, which %s, holds version %s, which may not run", 'A' + (int)slot,
				when, c->versions[version].version);
}

/* I3: every slot that the bootloader may start, now or as a fallback, is whole. */
static void judge_bootable(const struct yp_oracle_view *view, struct yp_outcome *out)
{
	for (unsigned slot = 0; slot < 2; slot++) {
		char name = (char)('A' + (int)slot);
		bool tried = view->env.boot.trial && view->env.boot.slot == name;

		if (view->version[slot] >= 0 || (!tried && (view->env.boot.barred == name || view->blank[slot])))
			continue;
		yp_outcome_fail(out, tried ? YP_I2 : YP_I3, "slot %c %s, but holds no version whole", name,
				tried ? "is on trial" : "is not barred and can be started");
	}
}

/* I4: the floor never rises above what is committed. */
static void judge_floor(const struct yp_oracle *oracle, const struct yp_oracle_view *view, struct yp_outcome *out)
{
	const struct yp_sim_boot_variables *v = &view->env.boot;
	unsigned committed = yp_oracle_slot_index(v->slot);
	int version;

	if (v->trial || v->barred == v->slot)
		committed = 1 - committed;
	version = view->version[committed];
	if (view->record.good && version >= 0 && view->record.floor > oracle->config.versions[version].sequence)
		yp_outcome_fail(out, YP_I4, "the version floor is %u, but the committed version is %s (%u)",
				(unsigned)view->record.floor, oracle->config.versions[version].version,
				(unsigned)oracle->config.versions[version].sequence);
}

static bool is_committed(const struct yp_oracle *oracle, const struct yp_oracle_view *view)
{
	return !view->env.boot.trial &&
	       view->version[yp_oracle_slot_index(view->env.boot.slot)] == (int)oracle->config.offered;
}

static void judge_media(const struct yp_oracle *oracle, const struct yp_oracle_view *view,
			const struct yp_world *before, struct yp_outcome *out)
{
	const struct yp_sim_boot_variables *v = &view->env.boot;
	const char *offered = oracle->config.versions[oracle->config.offered].version;
	char boots = yp_oracle_boots(oracle, view);

	if (view->holding < 0)
		yp_outcome_fail(out, YP_I1, "both copies of the boot environment are bad");
	else if (!view->env.kept)
		yp_outcome_fail(out, YP_I8, "the boot environment lost variables that are not the updater's");
	if (boots == 0)
		yp_outcome_fail(out, YP_I1, "the bootloader would find no slot to boot");
	else
		judge_slot(oracle, view, yp_oracle_slot_index(boots), "the bootloader would boot", out);
	if (v->trial)
		judge_slot(oracle, view, 1 - yp_oracle_slot_index(v->slot), "the trial falls back to", out);
	judge_bootable(view, out);
	judge_floor(oracle, view, out);
	if (view->data.state == YP_ORACLE_DATA_BROKEN)
		yp_outcome_fail(out, YP_I8, "the data partition: %s", view->data.text);
	if (is_committed(oracle, view) && strcmp(oracle->config.expect.version, "old") == 0)
		yp_outcome_fail(out, YP_I1, "version %s, which must not be kept, is committed", offered);
	if (!is_committed(oracle, view) && yp_oracle_saw_success(before, offered))
		yp_outcome_fail(out, YP_I5, "success was reported, but the new version is not committed");
}

int yp_oracle_inspect_media(void *ctx, const struct yp_image *state, const struct yp_world *before,
			    struct yp_outcome *out)
{
	struct yp_oracle *oracle = ctx;
	struct yp_oracle_view view;
	int error = yp_oracle_look(oracle, state, &view);

	if (error == 0)
		judge_media(oracle, &view, before, out);
	return error;
}

int yp_oracle_judge(void *ctx, const struct yp_image *state, const struct yp_world *before,
		    const struct yp_world *during, const struct yp_outcome *run, struct yp_outcome *out)
{
	struct yp_oracle *oracle = ctx;
	struct yp_oracle_view view;
	const char *offered = oracle->config.versions[oracle->config.offered].label;
	int error = yp_oracle_look(oracle, state, &view);

	*out = *run;
	if (error != 0 || out->verdict == YP_ERROR)
		return error;
	judge_media(oracle, &view, before, out);
	if (is_committed(oracle, &view) && strcmp(out->label, offered) != 0)
		yp_outcome_fail(out, YP_I11, "the new version was committed, and yet %s runs in the end", out->label);
	if (strcmp(out->label, "mixed") == 0)
		yp_outcome_fail(out, YP_I2, "what runs in the end is no version whole");
	yp_oracle_judge_end(&oracle->config.spec, &oracle->config.expect, before, during, YP_ORACLE_BY_CUTS, out);
	return 0;
}

int yp_oracle_story(struct yp_oracle *oracle, const struct yp_image *end, const struct yp_world *before,
		    const struct yp_world *during, struct yp_outcome *out)
{
	int error = yp_oracle_inspect_media(oracle, end, before, out);

	if (error == 0 && out->verdict == YP_PASS)
		yp_oracle_judge_end(&oracle->config.spec, &oracle->config.expect, before, during, YP_ORACLE_UNDISTURBED,
				    out);
	return error;
}

int yp_oracle_rest(struct yp_oracle *oracle, const struct yp_image *image, char slot, struct yp_outcome *out)
{
	struct yp_oracle_view view;
	int error = yp_oracle_look(oracle, image, &view);

	if (error != 0)
		return error;
	if (view.env.boot.trial)
		yp_outcome_fail(out, YP_I11, "idle in slot %c, which is still on trial: the boot limit will end it",
				slot);
	else if (yp_oracle_boots(oracle, &view) != slot)
		yp_outcome_fail(out, YP_I11, "idle in slot %c, but the next boot takes %c", slot,
				yp_oracle_boots(oracle, &view) != 0 ? yp_oracle_boots(oracle, &view) : '-');
	return 0;
}
