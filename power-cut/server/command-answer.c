/* SPDX-License-Identifier: Apache-2.0 */
/* What commands do, and the lines that answer them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/format-detail.h"
#include "server/control-socket.h"

#define DETAIL_BYTES 200u

static void answer_result(char *out, size_t bytes, int r, const char *what)
{
	if (r == 0)
		yp_detail(out, bytes, "ok");
	else
		yp_detail(out, bytes, "error %s: %s", what, r > 0 ? "malformed" : strerror(-r));
}

static void answer_cut(const struct yp_cut_report *cut, char *out, size_t bytes)
{
	yp_detail(out, bytes, "ok cut=%" PRIu64 " id=%s seed=%" PRIu32 " kept=%u lost=%u torn=%u entries=%zu",
		  cut->number, cut->id, cut->seed, cut->kept, cut->lost, cut->torn, cut->entries);
}

static void answer_stats(struct yp_server *server, char *out, size_t bytes)
{
	struct yp_server_stats s;
	yp_server_stats(server, &s);
	yp_detail(out, bytes,
		  "ok power=%s entries=%" PRIu64 " reads=%" PRIu64 " writes=%" PRIu64 " flushes=%" PRIu64
		  " discards=%" PRIu64 " marks=%" PRIu64 " read-bytes=%" PRIu64 " written-bytes=%" PRIu64
		  " cuts=%" PRIu64 " faults-hit=%" PRIu64,
		  s.on ? "on" : "off", s.entries, s.reads, s.writes, s.flushes, s.discards, s.marks, s.read_bytes,
		  s.written_bytes, s.cuts, s.faults_hit);
}

static void answer_faults(struct yp_server *server, char *out, size_t bytes)
{
	struct yp_fault_state faults[YP_FAULTS_MAX];
	unsigned count = yp_server_faults(server, faults);
	size_t used;
	yp_detail(out, bytes, "ok");
	for (unsigned i = 0; i < count && (used = strlen(out)) + 1 < bytes; i++)
		yp_detail(out + used, bytes - used, " %" PRIu32 ":%s:%s:%s:seen=%" PRIu64 ":hits=%" PRIu64,
			  faults[i].id, yp_fault_kind_name(faults[i].spec.kind), yp_op_name(faults[i].spec.op),
			  faults[i].spec.medium, faults[i].seen, faults[i].hits);
}

static void answer_digest(struct yp_server *server, const char *medium, char *out, size_t bytes)
{
	struct yp_hash hash = {0};
	int r = yp_server_digest(server, medium, &hash);
	if (r == 0)
		yp_detail(out, bytes, "ok digest=%016" PRIx64 "%016" PRIx64, hash.hi, hash.lo);
	else
		answer_result(out, bytes, r, medium);
}

static void answer_load(struct yp_server *server, const struct yp_command *c, char *out, size_t bytes)
{
	char detail[DETAIL_BYTES] = "";
	int r = yp_server_load(server, c->text, c->kind == YP_COMMAND_CRASH ? &c->at : NULL, detail, sizeof detail);
	if (r == 0)
		yp_detail(out, bytes, "ok%s%s", *detail ? " log=" : "", *detail ? "open-ended" : "");
	else
		yp_detail(out, bytes, "error %.200s %s", c->text, *detail ? detail : strerror(r < 0 ? -r : EINVAL));
}

void yp_control_run(struct yp_server *server, const struct yp_command *c, char *out, size_t bytes)
{
	struct yp_cut_report cut;
	uint32_t id = 0;
	int r;
	switch (c->kind) {
	case YP_COMMAND_MARK:
		answer_result(out, bytes, yp_server_mark(server, c->mark, c->text), "mark");
		return;
	case YP_COMMAND_CUT:
		r = yp_server_cut(server, &c->cut, &cut);
		if (r == 0)
			answer_cut(&cut, out, bytes);
		else
			answer_result(out, bytes, r, "cut");
		return;
	case YP_COMMAND_POWER:
		answer_result(out, bytes, yp_server_power(server, *c->text ? c->text : NULL), "power");
		return;
	case YP_COMMAND_RESTORE:
		answer_result(out, bytes, yp_server_restore(server), "restore");
		return;
	case YP_COMMAND_APPLY:
	case YP_COMMAND_CRASH:
		answer_load(server, c, out, bytes);
		return;
	case YP_COMMAND_FAULT:
		r = yp_server_fault(server, &c->fault, &id);
		if (r == 0)
			yp_detail(out, bytes, "ok fault=%" PRIu32, id);
		else
			answer_result(out, bytes, r, c->fault.medium);
		return;
	case YP_COMMAND_UNFAULT:
		answer_result(out, bytes, yp_server_unfault(server, c->id), "unfault");
		return;
	case YP_COMMAND_FAULTS:
		answer_faults(server, out, bytes);
		return;
	case YP_COMMAND_STATS:
		answer_stats(server, out, bytes);
		return;
	case YP_COMMAND_SAVE_IMAGE:
		answer_result(out, bytes, yp_server_save_image(server, c->medium, c->text), c->medium);
		return;
	case YP_COMMAND_SAVE_DM:
		answer_result(out, bytes, yp_server_save_dm(server, c->text), "save-dm");
		return;
	case YP_COMMAND_DIGEST:
		answer_digest(server, c->medium, out, bytes);
		return;
	case YP_COMMAND_QUIT:
	case YP_COMMAND_WAIT_CUT:
	case YP_COMMAND_WAIT_FAULT:
		break;
	}
	yp_detail(out, bytes, "ok");
}

bool yp_control_happened(struct yp_server *server, const struct yp_command *wait, char *out, size_t bytes)
{
	struct yp_fault_state faults[YP_FAULTS_MAX];
	struct yp_server_stats stats;
	struct yp_cut_report cut;
	if (wait->kind == YP_COMMAND_WAIT_CUT) {
		yp_server_stats(server, &stats);
		if (stats.on || stats.cuts == 0)
			return false;
		yp_server_last_cut(server, &cut);
		answer_cut(&cut, out, bytes);
		return true;
	}
	unsigned count = yp_server_faults(server, faults);
	for (unsigned i = 0; i < count; i++) {
		if (faults[i].id != wait->id)
			continue;
		yp_detail(out, bytes, "ok hits=%" PRIu64, faults[i].hits);
		return faults[i].hits > 0;
	}
	yp_detail(out, bytes, "error there is no fault %" PRIu32, wait->id);
	return true;
}
