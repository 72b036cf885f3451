/* SPDX-License-Identifier: Apache-2.0 */
/* What the story's log alone says, without any crash state. */
#include <stdio.h>
#include <string.h>

#include "qemu.h"

static void find(struct bp_qemu *board, const char *rule, size_t entry, const char *text)
{
	if (board->finding_count == BP_FINDINGS_MAX)
		return;
	struct bp_finding *f = &board->findings[board->finding_count++];
	*f = (struct bp_finding){.entry = entry};
	(void)snprintf(f->rule, sizeof f->rule, "%s", rule);
	(void)snprintf(f->text, sizeof f->text, "%s", text);
}

static int copy_of(uint64_t sector)
{
	if (sector >= BP_QEMU_ENV_0 / BP_SECTOR_BYTES && sector < (BP_QEMU_ENV_0 + BP_QEMU_ENV_BYTES) / BP_SECTOR_BYTES)
		return 0;
	return sector >= BP_QEMU_ENV_1 / BP_SECTOR_BYTES &&
		       sector < (BP_QEMU_ENV_1 + BP_QEMU_ENV_BYTES) / BP_SECTOR_BYTES
		   ? 1
		   : -1;
}

/*
 * Rules for a card that is written through, where flushes tell nothing: a store goes to the copy that does not hold, and
 * in one step of the updater there is one store.
 */
static int lint_stores(struct bp_qemu *board)
{
	struct bp_image *image = NULL;
	int last = -1;
	uint64_t end = 0;
	unsigned copies = 0;
	int result = bp_image_copy(board->base, &image);
	for (size_t i = 0; !result && i < bp_log_count(board->log); i++) {
		const struct bp_entry *e = bp_log_entry(board->log, i);
		bool card = e->op != BP_MARK && strcmp(board->media.layout.media[e->medium].name, "card") == 0;
		if (e->op == BP_MARK && e->kind == BP_MARK_STEP) {
			copies = 0;
			last = -1;
		}
		if (!card || e->op != BP_WRITE)
			continue;
		int copy = copy_of(e->sector);
		bool begins = copy >= 0 && (copy != last || e->sector != end);
		if (begins && sim_board_holding(board->oracles, image) == copy)
			find(board, "active-copy", i, "a store begins on the copy of the environment that holds");
		copies |= begins ? 1u << (unsigned)copy : 0;
		if (begins && copies == 3 && strcmp(bp_log_step(board->log, i), "S12") != 0)
			find(board, "both-copies", i, "both copies of the environment are written in one step");
		last = copy;
		end = e->sector + e->sectors;
		for (uint32_t k = 0; k < e->sectors; k++)
			bp_image_set(image, e->medium, e->sector + k, bp_log_content(board->log, e, k));
	}
	bp_image_free(image);
	return result;
}

int bp_qemu_lint(struct bp_qemu *board)
{
	const struct bp_layout *layout = &board->media.layout;
	struct bp_lint_roles roles = {.running = "A",
				      .env_first = {BP_QEMU_ENV_0 / BP_SECTOR_BYTES, BP_QEMU_ENV_1 / BP_SECTOR_BYTES},
				      .env_sectors = BP_QEMU_ENV_BYTES / BP_SECTOR_BYTES};
	for (unsigned m = 0; m < layout->count; m++) {
		const char *name = layout->media[m].name;
		bool slot = strncmp(name, "slot-", 5) == 0;
		roles.role[m] = strcmp(name, "card") == 0    ? BP_ROLE_ENV
				: strcmp(name, "state") == 0 ? BP_ROLE_STATE
				: strcmp(name, "data") == 0  ? BP_ROLE_DATA
				: slot                       ? BP_ROLE_SLOT
							     : BP_ROLE_OTHER;
		if (slot)
			(void)snprintf(roles.slot[m], sizeof roles.slot[m], "%c", name[5] & ~0x20);
	}
	int result = bp_lint(board->log, &roles, board->findings, BP_FINDINGS_MAX, &board->finding_count);
	if (board->finding_count > BP_FINDINGS_MAX)
		board->finding_count = BP_FINDINGS_MAX;
	if (!result)
		result = bp_findings_drop_notes(board->log, &roles, board->image_sectors, board->findings,
						&board->finding_count);
	return result ? result : lint_stores(board);
}
