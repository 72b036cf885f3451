/* SPDX-License-Identifier: Apache-2.0 */
/* What commands do, and the lines that answer them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "control.h"

#define DETAIL_BYTES 200u

static void answer(char *out, size_t bytes, int r, const char *what)
{
	if (r == 0)
		bp_detail(out, bytes, "ok");
	else
		bp_detail(out, bytes, "error %s: %s", what, r > 0 ? "malformed" : strerror(-r));
}

static void answer_cut(const struct bp_cut_report *cut, char *out, size_t bytes)
{
	bp_detail(out, bytes, "ok cut=%" PRIu64 " id=%s seed=%" PRIu32 " kept=%u lost=%u torn=%u entries=%zu",
		  cut->number, cut->id, cut->seed, cut->kept, cut->lost, cut->torn, cut->entries);
}

static void answer_stats(struct bp_server *server, char *out, size_t bytes)
{
	struct bp_server_stats s;
	bp_server_stats(server, &s);
	bp_detail(out, bytes,
		  "ok power=%s entries=%" PRIu64 " reads=%" PRIu64 " writes=%" PRIu64 " flushes=%" PRIu64
		  " discards=%" PRIu64 " marks=%" PRIu64 " read-bytes=%" PRIu64 " written-bytes=%" PRIu64
		  " cuts=%" PRIu64 " faults-hit=%" PRIu64,
		  s.on ? "on" : "off", s.entries, s.reads, s.writes, s.flushes, s.discards, s.marks, s.read_bytes,
		  s.written_bytes, s.cuts, s.faults_hit);
}

static void answer_faults(struct bp_server *server, char *out, size_t bytes)
{
	struct bp_fault_state faults[BP_FAULTS_MAX];
	unsigned count = bp_server_faults(server, faults);
	size_t used;
	bp_detail(out, bytes, "ok");
	for (unsigned i = 0; i < count && (used = strlen(out)) + 1 < bytes; i++)
		bp_detail(out + used, bytes - used, " %" PRIu32 ":%s:%s:%s:seen=%" PRIu64 ":hits=%" PRIu64,
			  faults[i].id, bp_fault_kind_name(faults[i].spec.kind), bp_op_name(faults[i].spec.op),
			  faults[i].spec.medium, faults[i].seen, faults[i].hits);
}

static void answer_digest(struct bp_server *server, const char *medium, char *out, size_t bytes)
{
	struct bp_hash hash = {0};
	int r = bp_server_digest(server, medium, &hash);
	if (r == 0)
		bp_detail(out, bytes, "ok digest=%016" PRIx64 "%016" PRIx64, hash.hi, hash.lo);
	else
		answer(out, bytes, r, medium);
}

static void load(struct bp_server *server, const struct bp_command *c, char *out, size_t bytes)
{
	char detail[DETAIL_BYTES] = "";
	int r = bp_server_load(server, c->text, c->kind == BP_COMMAND_CRASH ? &c->at : NULL, detail, sizeof detail);
	if (r == 0)
		bp_detail(out, bytes, "ok%s%s", *detail ? " log=" : "", *detail ? "open-ended" : "");
	else
		bp_detail(out, bytes, "error %.200s %s", c->text, *detail ? detail : strerror(r < 0 ? -r : EINVAL));
}

void bp_control_run(struct bp_server *server, const struct bp_command *c, char *out, size_t bytes)
{
	struct bp_cut_report cut;
	uint32_t id = 0;
	int r;
	switch (c->kind) {
	case BP_COMMAND_MARK:
		answer(out, bytes, bp_server_mark(server, c->mark, c->text), "mark");
		return;
	case BP_COMMAND_CUT:
		r = bp_server_cut(server, &c->cut, &cut);
		if (r == 0)
			answer_cut(&cut, out, bytes);
		else
			answer(out, bytes, r, "cut");
		return;
	case BP_COMMAND_POWER:
		answer(out, bytes, bp_server_power(server, *c->text ? c->text : NULL), "power");
		return;
	case BP_COMMAND_RESTORE:
		answer(out, bytes, bp_server_restore(server), "restore");
		return;
	case BP_COMMAND_APPLY:
	case BP_COMMAND_CRASH:
		load(server, c, out, bytes);
		return;
	case BP_COMMAND_FAULT:
		r = bp_server_fault(server, &c->fault, &id);
		if (r == 0)
			bp_detail(out, bytes, "ok fault=%" PRIu32, id);
		else
			answer(out, bytes, r, c->fault.medium);
		return;
	case BP_COMMAND_UNFAULT:
		answer(out, bytes, bp_server_unfault(server, c->id), "unfault");
		return;
	case BP_COMMAND_FAULTS:
		answer_faults(server, out, bytes);
		return;
	case BP_COMMAND_STATS:
		answer_stats(server, out, bytes);
		return;
	case BP_COMMAND_SAVE_IMAGE:
		answer(out, bytes, bp_server_save_image(server, c->medium, c->text), c->medium);
		return;
	case BP_COMMAND_SAVE_DM:
		answer(out, bytes, bp_server_save_dm(server, c->text), "save-dm");
		return;
	case BP_COMMAND_DIGEST:
		answer_digest(server, c->medium, out, bytes);
		return;
	case BP_COMMAND_QUIT:
	case BP_COMMAND_WAIT_CUT:
	case BP_COMMAND_WAIT_FAULT:
		break;
	}
	bp_detail(out, bytes, "ok");
}

bool bp_control_happened(struct bp_server *server, const struct bp_command *wait, char *out, size_t bytes)
{
	struct bp_fault_state faults[BP_FAULTS_MAX];
	struct bp_server_stats stats;
	struct bp_cut_report cut;
	if (wait->kind == BP_COMMAND_WAIT_CUT) {
		bp_server_stats(server, &stats);
		if (stats.on || stats.cuts == 0)
			return false;
		bp_server_last_cut(server, &cut);
		answer_cut(&cut, out, bytes);
		return true;
	}
	unsigned count = bp_server_faults(server, faults);
	for (unsigned i = 0; i < count; i++) {
		if (faults[i].id != wait->id)
			continue;
		bp_detail(out, bytes, "ok hits=%" PRIu64, faults[i].hits);
		return faults[i].hits > 0;
	}
	bp_detail(out, bytes, "error there is no fault %" PRIu32, wait->id);
	return true;
}
