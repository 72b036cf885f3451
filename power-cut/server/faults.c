/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "server-private.h"

/* How soon a request that hangs notices that its fault was taken away, or a delay that the power went. */
#define WAIT_SLICE_MS 20u

int bp_server_fault(struct bp_server *s, const struct bp_fault_spec *spec, uint32_t *id)
{
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	if (strcmp(spec->medium, "*") != 0 && bp_media_find(s->layout, spec->medium) < 0)
		r = -ENOENT;
	else if (s->faults_count == BP_FAULTS_MAX)
		r = -ENOSPC;
	if (r == 0) {
		*id = ++s->faults_next;
		s->faults[s->faults_count++] = (struct bp_fault_state){.id = *id, .spec = *spec};
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

static struct bp_fault_state *find(struct bp_server *s, uint32_t id)
{
	for (unsigned i = 0; i < s->faults_count; i++) {
		if (s->faults[i].id == id)
			return &s->faults[i];
	}
	return NULL;
}

int bp_server_unfault(struct bp_server *s, uint32_t id)
{
	(void)pthread_mutex_lock(&s->lock);
	struct bp_fault_state *fault = find(s, id);
	int r = fault || id == BP_FAULT_ID_ALL ? 0 : -ENOENT;
	if (id == BP_FAULT_ID_ALL) {
		s->faults_count = 0;
	} else if (fault) {
		size_t behind = (size_t)(s->faults + s->faults_count - (fault + 1));
		memmove(fault, fault + 1, behind * sizeof *fault);
		s->faults_count--;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

unsigned bp_server_faults(struct bp_server *s, struct bp_fault_state out[BP_FAULTS_MAX])
{
	(void)pthread_mutex_lock(&s->lock);
	unsigned count = s->faults_count;
	memcpy(out, s->faults, count * sizeof *out);
	(void)pthread_mutex_unlock(&s->lock);
	return count;
}

/* Counts the request; true if the fault strikes it. */
static bool due(const struct bp_server *s, struct bp_fault_state *fault, const struct bp_request *q)
{
	const struct bp_fault_spec *spec = &fault->spec;
	if (spec->op && spec->op != q->op)
		return false;
	if (strcmp(spec->medium, "*") != 0 && strcmp(spec->medium, s->layout->media[q->medium].name) != 0)
		return false;
	fault->seen++;
	if (fault->seen < spec->nth || (spec->count && fault->seen - spec->nth >= spec->count))
		return false;
	fault->hits++;
	return true;
}

/* The lock is released while it waits, so the fault may be gone: `fault` is a copy. */
static int wait_out(struct bp_server *s, const struct bp_client *client, struct bp_request *q,
		    const struct bp_fault_state *fault)
{
	int r = 0;
	if (fault->spec.kind == BP_FAULT_HANG) {
		while (r == 0 && find(s, fault->id))
			r = bp_server_wait(s, client, q, WAIT_SLICE_MS);
		return r;
	}
	uint64_t end = bp_server_now(s) + (uint64_t)fault->spec.ms * 1000000u;
	for (uint64_t now = bp_server_now(s); r == 0 && now < end; now = bp_server_now(s)) {
		uint64_t left_ms = (end - now + 999999u) / 1000000u;
		r = bp_server_wait(s, client, q, left_ms < WAIT_SLICE_MS ? (unsigned)left_ms : WAIT_SLICE_MS);
	}
	return r;
}

static int strike(struct bp_server *s, const struct bp_client *client, struct bp_request *q,
		  const struct bp_fault_state *fault)
{
	switch (fault->spec.kind) {
	case BP_FAULT_EIO:
		return -EIO;
	case BP_FAULT_ENOSPC:
		return -ENOSPC;
	case BP_FAULT_EROFS:
		return -EROFS;
	case BP_FAULT_DELAY:
	case BP_FAULT_HANG:
		return wait_out(s, client, q, fault);
	case BP_FAULT_FLIP:
		q->flip = fault->spec.bit + 1;
		return 0;
	case BP_FAULT_CUT:
		return bp_server_cut_locked(s, &fault->spec.cut, q);
	case BP_FAULT_COUNT:
		break;
	}
	return 0;
}

int bp_server_strike(struct bp_server *s, const struct bp_client *client, struct bp_request *q)
{
	struct bp_fault_state struck[BP_FAULTS_MAX];
	unsigned count = 0;
	int r = 0;
	for (unsigned i = 0; i < s->faults_count; i++) {
		if (due(s, &s->faults[i], q))
			struck[count++] = s->faults[i];
	}
	for (unsigned i = 0; r == 0 && i < count; i++) {
		const struct bp_fault_spec *spec = &struck[i].spec;
		s->stats.faults_hit++;
		/* In the log, so that whoever reads it sees that the fault landed, and on what. */
		r = bp_server_note(s, "fault %" PRIu32 ": %s, %s of %s at sector %" PRIu64, struck[i].id,
				   bp_fault_kind_name(spec->kind), bp_op_name(q->op), s->layout->media[q->medium].name,
				   q->sector);
		if (s->config.on_event)
			s->config.on_event(s->config.event_ctx);
		if (r == 0)
			r = strike(s, client, q, &struck[i]);
		if (!bp_server_alive(s, client))
			r = -ESHUTDOWN;
	}
	return r;
}
