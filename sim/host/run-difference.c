/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two runs of the same commands from states that read the same. */
#include "host/run-difference.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool same_content(const struct yp_log *a, const struct yp_entry *x, const struct yp_log *b,
			 const struct yp_entry *y)
{
	for (uint32_t k = 0; x->op == YP_WRITE && k < x->sectors; k++) {
		if (yp_log_content(a, x, k) != yp_log_content(b, y, k))
			return false;
	}
	return x->op != YP_MARK || strcmp(yp_log_text(a, x), yp_log_text(b, y)) == 0;
}

static bool same_entry(const struct yp_log *a, const struct yp_log *b, size_t i)
{
	const struct yp_entry *x = yp_log_entry(a, i);
	const struct yp_entry *y = yp_log_entry(b, i);

	return x->op == y->op && x->medium == y->medium && x->sector == y->sector && x->sectors == y->sectors &&
	       x->fua == y->fua && same_content(a, x, b, y);
}

/* "write slot-b + 4096, 512 bytes" */
static void describe_entry(const struct yp_log *log, size_t i, char *out, size_t out_bytes)
{
	static const char *const ops[] = {"?", "write", "read", "flush", "discard", "mark"};

	if (i >= yp_log_count(log)) {
		(void)snprintf(out, out_bytes, "nothing");
		return;
	}
	const struct yp_entry *e = yp_log_entry(log, i);
	if (e->op == YP_MARK)
		(void)snprintf(out, out_bytes, "mark %.30s", yp_log_text(log, e));
	else
		(void)snprintf(out, out_bytes, "%s %s + %" PRIu64 ", %" PRIu64 " bytes", ops[e->op],
			       yp_log_layout(log)->media[e->medium].name, e->sector * YP_SECTOR_BYTES,
			       (uint64_t)e->sectors * YP_SECTOR_BYTES);
}

bool yp_run_difference(const struct yp_command_run *before, const struct yp_command_run *now, char *out,
		       size_t out_bytes)
{
	assert(before && now && out);
	size_t most =
	    yp_log_count(before->log) > yp_log_count(now->log) ? yp_log_count(before->log) : yp_log_count(now->log);
	size_t least = yp_log_count(before->log) + yp_log_count(now->log) - most;
	char was[96];
	char is[96];

	for (size_t i = 0; i < most; i++) {
		if (i < least && same_entry(before->log, now->log, i))
			continue;
		describe_entry(before->log, i, was, sizeof was);
		describe_entry(now->log, i, is, sizeof is);
		(void)snprintf(out, out_bytes, "as request %zu they once did '%s', and once '%s'%s", i, was, is,
			       strcmp(was, is) == 0 ? " with other contents" : "");
		return true;
	}
	if (before->outcome.verdict == now->outcome.verdict && strcmp(before->outcome.label, now->outcome.label) == 0 &&
	    strcmp(before->outcome.text, now->outcome.text) == 0)
		return false;
	(void)snprintf(out, out_bytes, "they once ended as '%s%s%.60s', and once as '%s%s%.60s'", before->outcome.label,
		       *before->outcome.text ? ": " : "", before->outcome.text, now->outcome.label,
		       *now->outcome.text ? ": " : "", now->outcome.text);
	return true;
}
