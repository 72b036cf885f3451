/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live cut: one crash state of the run's log, chosen by a seed and made by the code that enumerates them all, so
 * that what happened live can be replayed from the log.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "crash.h"
#include "log.h"
#include "server-private.h"

#define TEAR_TRIES 8u

static uint64_t draw(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return bp_mix64(*state);
}

/* Requests that were submitted and never completed are pending like any other, but not durable by themselves. */
static int log_in_flight(struct bp_server *s, const struct bp_request *q)
{
	struct bp_request plain = *q;
	plain.fua = false;
	if ((q->op != BP_WRITE && q->op != BP_DISCARD) || s->layout->media[q->medium].model == BP_MODEL_NOR)
		return 0;
	int r = q->op == BP_WRITE ? bp_server_log_write(s, &plain)
				  : bp_log_discard(s->log, q->medium, q->sector, q->sectors);
	return r < 0 ? r : bp_server_logged(s, q->submit_ns);
}

/* A tear for the cut, where the storage model has tears: on every other seed. */
static bool tear(const struct bp_point *point, uint64_t *state, struct bp_cut *cut)
{
	const struct bp_element *e = &point->elements[draw(state) % point->elements_count];
	if (e->forced || e->sectors < 2 || point->layout->media[e->medium].model != BP_MODEL_TORN)
		return false;
	uint64_t sectors = e->sectors < BP_TEAR_BACK ? e->sectors : BP_TEAR_BACK - 1;
	cut->torn = (int32_t)e->optional;
	cut->tear = (uint32_t)(1 + draw(state) % (sectors - 1));
	cut->fill = (uint8_t)(draw(state) % (BP_FILL_FF + 1));
	if (e->count == 1 && draw(state) & 1)
		cut->tear |= BP_TEAR_BACK;
	return true;
}

/* Applies a cut, torn if that can be. */
static int choose(const struct bp_point *point, struct bp_cut *cut, struct bp_image *image)
{
	uint64_t state = cut->a;
	const struct bp_cut whole = *cut;
	bool torn = cut->form == BP_FORM_SAMPLE && point->elements_count > 0 && draw(&state) & 1;
	for (unsigned i = 0; torn && i < TEAR_TRIES; i++) {
		*cut = whole;
		if (!tear(point, &state, cut))
			continue;
		int r = bp_image_push(image);
		if (r < 0)
			return r;
		r = bp_point_apply(point, cut, image);
		/* Some tears cannot be, under a later write that survived. */
		if (r == 0)
			return 0;
		bp_image_pop(image);
	}
	*cut = whole;
	return bp_point_apply(point, cut, image);
}

static void tally(const struct bp_point *point, const struct bp_cut *cut, struct bp_cut_report *out)
{
	uint32_t broken = 0;
	for (size_t i = 0; i < point->elements_count; i++) {
		enum bp_fate fate = bp_element_fate(point, cut, &point->elements[i], &broken);
		out->kept += fate == BP_FATE_KEPT;
		out->lost += fate == BP_FATE_LOST;
		out->torn += fate == BP_FATE_PART;
	}
}

static int cut_media(struct bp_server *s, struct bp_cut *cut, struct bp_cut_report *out)
{
	struct bp_contents was = s->contents;
	struct bp_overlay after = {0};
	struct bp_image *image = NULL;
	struct bp_worlds worlds;
	struct bp_plan *plan = NULL;
	struct bp_walk walk = {0};
	struct bp_point point = {0};
	was.overlay = s->start;
	int r = bp_worlds_init(&worlds);
	if (r == 0)
		r = bp_contents_image(&was, s->log, &image);
	if (r == 0)
		r = bp_plan_new(s->log, s->layout, &worlds, &plan);
	if (r == 0) {
		bp_walk_init(&walk, plan, &worlds, image, 0);
		r = bp_walk_to(&walk, cut->entry);
	}
	if (r == 0)
		r = bp_walk_point(&walk, &point);
	if (r == 0)
		r = choose(&point, cut, image);
	if (r == 0)
		r = bp_overlay_copy(&s->start, &after);
	if (r == 0) {
		tally(&point, cut, out);
		bp_overlay_deinit(&s->contents.overlay);
		s->contents.overlay = after;
		r = bp_contents_from_image(&s->contents, s->log, image);
	}
	bp_point_deinit(&point);
	bp_walk_deinit(&walk);
	bp_plan_free(plan);
	bp_image_free(image);
	bp_worlds_deinit(&worlds);
	return r;
}

int bp_server_cut_locked(struct bp_server *s, const struct bp_power_cut *how, struct bp_request *about)
{
	struct bp_cut_report report = {.number = s->stats.cuts + 1, .seed = how->seed};
	struct bp_case c = {.count = 1};
	if (!s->on)
		return -EALREADY;
	/* First of all, and whatever comes: nobody sees the media any more. */
	s->on = false;
	s->generation++;
	s->answer_fail = how->fail;
	if (how->kill > 1)
		(void)kill(how->kill, SIGKILL);
	if (!how->seeded && getrandom(&report.seed, sizeof report.seed, 0) != (ssize_t)sizeof report.seed)
		report.seed = (uint32_t)bp_server_now(s);
	int r = about ? log_in_flight(s, about) : 0;
	for (const struct bp_request *q = s->waiting; r == 0 && q; q = q->next)
		r = log_in_flight(s, q);
	report.entries = bp_log_count(s->log);
	c.cuts[0] = (struct bp_cut){.entry = (uint32_t)report.entries,
				    .form = (uint8_t)how->form,
				    .a = how->form == BP_FORM_SAMPLE ? report.seed : 0,
				    .torn = -1};
	if (r == 0)
		r = cut_media(s, &c.cuts[0], &report);
	if (r == 0)
		r = bp_case_encode(&c, report.id, sizeof report.id);
	if (r == 0)
		r = bp_server_note(s, "power cut %" PRIu64 ": %s, seed %" PRIu32, report.number, report.id,
				   report.seed);
	int closed = bp_stream_close(s->stream);
	s->stream = NULL;
	if (r == 0)
		r = closed;
	if (r < 0)
		s->broken = r; /* what is on the media is nothing that can be replayed */
	s->stats.cuts++;
	s->last = report;
	if (s->config.on_event)
		s->config.on_event(s->config.event_ctx);
	return r;
}

int bp_server_cut(struct bp_server *s, const struct bp_power_cut *how, struct bp_cut_report *out)
{
	(void)pthread_mutex_lock(&s->lock);
	int r = bp_server_cut_locked(s, how, NULL);
	if (r == 0)
		*out = s->last;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

void bp_server_last_cut(struct bp_server *s, struct bp_cut_report *out)
{
	(void)pthread_mutex_lock(&s->lock);
	*out = s->last;
	(void)pthread_mutex_unlock(&s->lock);
}
