/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the story's log alone, without any crash state. */
#include <stdio.h>
#include <string.h>

#include "rigs/qemu/qemu.h"

static void add_finding(struct yp_qemu *qemu, const char *rule, size_t entry, const char *text)
{
	if (qemu->finding_count == YP_FINDINGS_MAX)
		return;
	struct yp_finding *f = &qemu->findings[qemu->finding_count++];
	*f = (struct yp_finding){.entry = entry};
	(void)snprintf(f->rule, sizeof f->rule, "%s", rule);
	(void)snprintf(f->text, sizeof f->text, "%s", text);
}

static int copy_of(uint64_t sector)
{
	if (sector >= YP_QEMU_ENV_0 / YP_SECTOR_BYTES && sector < (YP_QEMU_ENV_0 + YP_QEMU_ENV_BYTES) / YP_SECTOR_BYTES)
		return 0;
	return sector >= YP_QEMU_ENV_1 / YP_SECTOR_BYTES &&
		       sector < (YP_QEMU_ENV_1 + YP_QEMU_ENV_BYTES) / YP_SECTOR_BYTES
		   ? 1
		   : -1;
}

/*
 * Rules for a card without a cache, where flushes have no meaning: a store goes to the copy that does not hold, and
 * in one step of the updater there is one store.
 */
static int lint_stores(struct yp_qemu *qemu)
{
	struct yp_image *image = NULL;
	int last = -1;
	uint64_t end = 0;
	unsigned copies = 0;
	const char *select = qemu->scenario->subject->steps->select;
	int result = yp_image_copy(qemu->base, &image);
	for (size_t i = 0; !result && i < yp_log_count(qemu->log); i++) {
		const struct yp_entry *e = yp_log_entry(qemu->log, i);
		bool card = e->op != YP_MARK && strcmp(qemu->media.layout.media[e->medium].name, "card") == 0;
		if (e->op == YP_MARK && e->kind == YP_MARK_STEP) {
			copies = 0;
			last = -1;
		}
		if (!card || e->op != YP_WRITE)
			continue;
		int copy = copy_of(e->sector);
		bool begins = copy >= 0 && (copy != last || e->sector != end);
		if (begins && yp_oracle_holding(qemu->oracles, image) == copy)
			add_finding(qemu, "active-copy", i, "a store begins on the copy of the environment that holds");
		copies |= begins ? 1u << (unsigned)copy : 0;
		if (begins && copies == 3 && strcmp(yp_log_step(qemu->log, i), select) != 0)
			add_finding(qemu, "both-copies", i, "both copies of the environment are written in one step");
		last = copy;
		end = e->sector + e->sectors;
		for (uint32_t k = 0; k < e->sectors; k++)
			yp_image_set(image, e->medium, e->sector + k, yp_log_content(qemu->log, e, k));
	}
	yp_image_free(image);
	return result;
}

int yp_qemu_lint(struct yp_qemu *qemu)
{
	const struct yp_layout *layout = &qemu->media.layout;
	const struct yp_subject_steps *steps = qemu->scenario->subject->steps;
	struct yp_lint_roles roles = {.running = "A",
				      .env_first = {YP_QEMU_ENV_0 / YP_SECTOR_BYTES, YP_QEMU_ENV_1 / YP_SECTOR_BYTES},
				      .env_sectors = YP_QEMU_ENV_BYTES / YP_SECTOR_BYTES,
				      .marks = steps ? steps->marks : NULL,
				      .marks_count = steps ? steps->marks_count : 0};
	for (unsigned m = 0; m < layout->count; m++) {
		const char *name = layout->media[m].name;
		bool slot = strncmp(name, "slot-", 5) == 0;
		roles.role[m] = strcmp(name, "card") == 0    ? YP_ROLE_ENV
				: strcmp(name, "state") == 0 ? YP_ROLE_STATE
				: strcmp(name, "data") == 0  ? YP_ROLE_DATA
				: slot                       ? YP_ROLE_SLOT
							     : YP_ROLE_OTHER;
		if (slot)
			(void)snprintf(roles.slot[m], sizeof roles.slot[m], "%c", name[5] & ~0x20);
	}
	int result = yp_lint(qemu->log, &roles, qemu->findings, YP_FINDINGS_MAX, &qemu->finding_count);
	if (qemu->finding_count > YP_FINDINGS_MAX)
		qemu->finding_count = YP_FINDINGS_MAX;
	if (!result)
		result = yp_findings_drop_notes(qemu->log, &roles, qemu->image_sectors, qemu->findings,
						&qemu->finding_count);
	return result ? result : lint_stores(qemu);
}
