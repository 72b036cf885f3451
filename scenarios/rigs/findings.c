/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of the lint in a recorded story: which of them count, and the replay of one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rigs/rig.h"

/* Was a sector of an image, before entry `end`, written and not read since? medium: a slot's. 0, 1 or -ENOMEM. */
static int image_unread(const struct yp_log *log, unsigned medium, uint64_t image_sectors, size_t end)
{
	unsigned char *unread = calloc((size_t)image_sectors, 1);
	if (!unread)
		return -ENOMEM;
	for (size_t i = 0; i < end; i++) {
		const struct yp_entry *e = yp_log_entry(log, i);
		if (e->medium != medium || (e->op != YP_WRITE && e->op != YP_READ))
			continue;
		for (uint64_t s = e->sector; s < e->sector + e->sectors && s < image_sectors; s++)
			unread[s] = e->op == YP_WRITE;
	}
	bool found = memchr(unread, 1, (size_t)image_sectors) != NULL;
	free(unread);
	return found;
}

/*
 * Behind a slot's image the updater keeps notes (a descriptor, headers of an unfinished install) which carry their own
 * digests and which nothing boots: it need not read these back before the device is armed.
 */
int yp_findings_drop_notes(const struct yp_log *log, const struct yp_lint_roles *roles, uint64_t image_sectors,
			   struct yp_finding *findings, size_t *count)
{
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++) {
		const struct yp_finding *f = &findings[i];
		int unread = strcmp(f->rule, "no-read-back") != 0;
		for (unsigned m = 0; unread == 0 && m < yp_log_layout(log)->count; m++) {
			uint64_t sectors = yp_log_layout(log)->media[m].sectors;
			if (roles->role[m] == YP_ROLE_SLOT)
				unread =
				    image_unread(log, m, sectors < image_sectors ? sectors : image_sectors, f->entry);
		}
		if (unread < 0)
			return unread;
		if (unread)
			findings[kept++] = *f;
	}
	*count = kept;
	return 0;
}

int yp_findings_replay(const struct yp_log *log, const struct yp_finding *findings, size_t count,
		       const struct yp_id *id, struct yp_outcome *out, char *story, size_t story_bytes)
{
	for (size_t i = 0; i < count; i++) {
		const struct yp_finding *f = &findings[i];
		if (strcmp(f->rule, id->rule) != 0 || f->entry != id->entry)
			continue;
		*out = (struct yp_outcome){.verdict = YP_FAIL, .label = "broken"};
		(void)snprintf(out->text, sizeof out->text, "%.159s", f->text);
		(void)snprintf(story, story_bytes, "lint %s at entry %zu (%s): %s\n", f->rule, f->entry,
			       yp_log_step(log, f->entry), f->text);
		return 0;
	}
	if (!yp_lint_rule(id->rule) || id->entry >= yp_log_count(log))
		return 1;
	*out = (struct yp_outcome){.verdict = YP_PASS};
	(void)snprintf(story, story_bytes, "the lint finds no %s at entry %llu\n", id->rule,
		       (unsigned long long)id->entry);
	return 0;
}
