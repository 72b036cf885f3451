/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: set, counted, and made to strike requests. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "server/block-server-private.h"

/* How soon a request that hangs notices that its fault was taken away, or a delay that the power went. */
#define WAIT_SLICE_MS 20u

int yp_server_fault(struct yp_server *s, const struct yp_fault_spec *spec, uint32_t *id)
{
	assert(s && spec && id);
	assert(spec->kind < YP_FAULT_COUNT && spec->nth > 0);
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	if (strcmp(spec->medium, "*") != 0 && yp_media_find(s->layout, spec->medium) < 0)
		r = -ENOENT;
	else if (s->faults_count == YP_FAULTS_MAX)
		r = -ENOSPC;
	if (r == 0) {
		*id = ++s->faults_next;
		s->faults[s->faults_count++] = (struct yp_fault_state){.id = *id, .spec = *spec};
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

static struct yp_fault_state *find_fault(struct yp_server *s, uint32_t id)
{
	for (unsigned i = 0; i < s->faults_count; i++) {
		if (s->faults[i].id == id)
			return &s->faults[i];
	}
	return NULL;
}

int yp_server_unfault(struct yp_server *s, uint32_t id)
{
	(void)pthread_mutex_lock(&s->lock);
	struct yp_fault_state *fault = find_fault(s, id);
	int r = fault || id == YP_FAULT_ID_ALL ? 0 : -ENOENT;
	if (id == YP_FAULT_ID_ALL) {
		s->faults_count = 0;
	} else if (fault) {
		size_t behind = (size_t)(s->faults + s->faults_count - (fault + 1));
		memmove(fault, fault + 1, behind * sizeof *fault);
		s->faults_count--;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

unsigned yp_server_faults(struct yp_server *s, struct yp_fault_state out[YP_FAULTS_MAX])
{
	assert(s && out);
	(void)pthread_mutex_lock(&s->lock);
	unsigned count = s->faults_count;
	memcpy(out, s->faults, count * sizeof *out);
	(void)pthread_mutex_unlock(&s->lock);
	return count;
}

/* Counts the request; true if the fault strikes it. */
static bool is_due(const struct yp_server *s, struct yp_fault_state *fault, const struct yp_request *q)
{
	const struct yp_fault_spec *spec = &fault->spec;
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
static int wait_out(struct yp_server *s, const struct yp_client *client, struct yp_request *q,
		    const struct yp_fault_state *fault)
{
	int r = 0;
	if (fault->spec.kind == YP_FAULT_HANG) {
		while (r == 0 && find_fault(s, fault->id))
			r = yp_server_wait(s, client, q, WAIT_SLICE_MS);
		return r;
	}
	uint64_t end = yp_server_now(s) + (uint64_t)fault->spec.ms * 1000000u;
	for (uint64_t now = yp_server_now(s); r == 0 && now < end; now = yp_server_now(s)) {
		uint64_t left_ms = (end - now + 999999u) / 1000000u;
		r = yp_server_wait(s, client, q, left_ms < WAIT_SLICE_MS ? (unsigned)left_ms : WAIT_SLICE_MS);
	}
	return r;
}

static int strike_request(struct yp_server *s, const struct yp_client *client, struct yp_request *q,
			  const struct yp_fault_state *fault)
{
	switch (fault->spec.kind) {
	case YP_FAULT_EIO:
		return -EIO;
	case YP_FAULT_ENOSPC:
		return -ENOSPC;
	case YP_FAULT_EROFS:
		return -EROFS;
	case YP_FAULT_DELAY:
	case YP_FAULT_HANG:
		return wait_out(s, client, q, fault);
	case YP_FAULT_FLIP:
		q->flip = fault->spec.bit + 1;
		return 0;
	case YP_FAULT_CUT:
		return yp_server_cut_locked(s, &fault->spec.cut, q);
	case YP_FAULT_COUNT:
		break;
	}
	return 0;
}

int yp_server_strike(struct yp_server *s, const struct yp_client *client, struct yp_request *q)
{
	struct yp_fault_state struck[YP_FAULTS_MAX];
	unsigned count = 0;
	int r = 0;
	for (unsigned i = 0; i < s->faults_count; i++) {
		if (is_due(s, &s->faults[i], q))
			struck[count++] = s->faults[i];
	}
	for (unsigned i = 0; r == 0 && i < count; i++) {
		const struct yp_fault_spec *spec = &struck[i].spec;
		s->stats.faults_hit++;
		/* The log records that the fault struck, and which request. */
		r = yp_server_note(s, "fault %" PRIu32 ": %s, %s of %s at sector %" PRIu64, struck[i].id,
				   yp_fault_kind_name(spec->kind), yp_op_name(q->op), s->layout->media[q->medium].name,
				   q->sector);
		if (s->config.on_event)
			s->config.on_event(s->config.event_ctx);
		if (r == 0)
			r = strike_request(s, client, q, &struck[i]);
		if (!yp_server_alive(s, client))
			r = -ESHUTDOWN;
	}
	return r;
}
