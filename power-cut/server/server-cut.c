/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live cut: one crash state of the run's log, chosen by a seed and made by the code that enumerates them all, so
 * that what happened live can be replayed from the log.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "power-cut/random.h"
#include "server/block-server-private.h"
#include "state/crash.h"

#define TEAR_TRIES 8u

/* Requests that were submitted and never completed are pending like any other, but not durable by themselves. */
static int log_in_flight(struct yp_server *s, const struct yp_request *q)
{
	struct yp_request plain = *q;
	plain.fua = false;
	if ((q->op != YP_WRITE && q->op != YP_DISCARD) ||
	    yp_model_row(s->layout->media[q->medium].model)->write_through)
		return 0;
	int r = q->op == YP_WRITE ? yp_server_log_write(s, &plain)
				  : yp_log_discard(s->log, q->medium, q->sector, q->sectors);
	return r < 0 ? r : yp_server_logged(s, q->submit_ns);
}

/* One of the fills that a model's tears have. */
static uint8_t draw_fill(uint8_t tears, uint64_t *state)
{
	static const struct {
		uint8_t tear;
		enum yp_fill fill;
	} all[] = {{YP_TEAR_OLD, YP_FILL_OLD}, {YP_TEAR_00, YP_FILL_00}, {YP_TEAR_FF, YP_FILL_FF}};
	uint8_t fills[3] = {0};
	unsigned count = 0;
	for (unsigned i = 0; i < 3; i++) {
		if (tears & all[i].tear)
			fills[count++] = (uint8_t)all[i].fill;
	}
	assert(count > 0);
	return fills[yp_random_next(state) % count];
}

/* A tear for the cut, where the storage model has tears: on every other seed. */
static bool draw_tear(const struct yp_point *point, uint64_t *state, struct yp_cut *cut)
{
	const struct yp_element *e = &point->elements[yp_random_next(state) % point->elements_count];
	uint8_t tears = yp_model_row(point->layout->media[e->medium].model)->tears;
	if (e->forced || e->sectors < 2 || !tears)
		return false;
	uint64_t sectors = e->sectors < YP_TEAR_BACK ? e->sectors : YP_TEAR_BACK - 1;
	cut->torn = (int32_t)e->optional;
	cut->tear = (uint32_t)(1 + yp_random_next(state) % (sectors - 1));
	cut->fill = draw_fill(tears, state);
	if (e->count == 1 && yp_random_next(state) & 1)
		cut->tear |= YP_TEAR_BACK;
	return true;
}

/* Applies a cut, torn if that can be. */
static int apply_cut(const struct yp_point *point, struct yp_cut *cut, struct yp_image *image)
{
	uint64_t state = cut->a;
	const struct yp_cut whole = *cut;
	bool torn = cut->form == YP_FORM_SAMPLE && point->elements_count > 0 && yp_random_next(&state) & 1;
	for (unsigned i = 0; torn && i < TEAR_TRIES; i++) {
		*cut = whole;
		if (!draw_tear(point, &state, cut))
			continue;
		int r = yp_image_push(image);
		if (r < 0)
			return r;
		r = yp_point_apply(point, cut, image);
		/* Some tears cannot be, under a later write that survived. */
		if (r == 0)
			return 0;
		yp_image_pop(image);
	}
	*cut = whole;
	return yp_point_apply(point, cut, image);
}

static void count_fates(const struct yp_point *point, const struct yp_cut *cut, struct yp_cut_report *out)
{
	uint32_t broken = 0;
	for (size_t i = 0; i < point->elements_count; i++) {
		enum yp_fate fate = yp_element_fate(point, cut, &point->elements[i], &broken);
		out->kept += fate == YP_FATE_KEPT;
		out->lost += fate == YP_FATE_LOST;
		out->torn += fate == YP_FATE_PART;
	}
}

static int cut_media(struct yp_server *s, struct yp_cut *cut, struct yp_cut_report *out)
{
	struct yp_contents was = s->contents;
	struct yp_overlay after = {0};
	struct yp_image *image = NULL;
	struct yp_worlds worlds;
	struct yp_plan *plan = NULL;
	struct yp_walk walk = {0};
	struct yp_point point = {0};
	was.overlay = s->start;
	int r = yp_worlds_init(&worlds);
	if (r == 0)
		r = yp_contents_image(&was, s->log, &image);
	if (r == 0)
		r = yp_plan_new(s->log, s->layout, &worlds, &plan);
	if (r == 0) {
		yp_walk_init(&walk, plan, &worlds, image, 0);
		r = yp_walk_to(&walk, cut->entry);
	}
	if (r == 0)
		r = yp_walk_point(&walk, &point);
	if (r == 0)
		r = apply_cut(&point, cut, image);
	if (r == 0)
		r = yp_overlay_copy(&s->start, &after);
	if (r == 0) {
		count_fates(&point, cut, out);
		yp_overlay_deinit(&s->contents.overlay);
		s->contents.overlay = after;
		r = yp_contents_from_image(&s->contents, s->log, image);
	}
	yp_point_deinit(&point);
	yp_walk_deinit(&walk);
	yp_plan_free(plan);
	yp_image_free(image);
	yp_worlds_deinit(&worlds);
	return r;
}

int yp_server_cut_locked(struct yp_server *s, const struct yp_power_cut *how, struct yp_request *about)
{
	assert(how->form == YP_FORM_ALL || how->form == YP_FORM_NONE || how->form == YP_FORM_SAMPLE);
	struct yp_cut_report report = {.number = s->stats.cuts + 1, .seed = how->seed};
	struct yp_case c = {.count = 1};
	if (!s->on)
		return -EALREADY;
	/* This comes first: from here on no request reaches the media. */
	s->on = false;
	s->generation++;
	s->answer_fail = how->fail;
	if (how->kill > 1)
		(void)kill(how->kill, SIGKILL);
	if (!how->seeded && getrandom(&report.seed, sizeof report.seed, 0) != (ssize_t)sizeof report.seed)
		report.seed = (uint32_t)yp_server_now(s);
	int r = about ? log_in_flight(s, about) : 0;
	for (const struct yp_request *q = s->waiting; r == 0 && q; q = q->next)
		r = log_in_flight(s, q);
	report.entries = yp_log_count(s->log);
	c.cuts[0] = (struct yp_cut){.entry = (uint32_t)report.entries,
				    .form = (uint8_t)how->form,
				    .a = how->form == YP_FORM_SAMPLE ? report.seed : 0,
				    .torn = -1};
	if (r == 0)
		r = cut_media(s, &c.cuts[0], &report);
	if (r == 0)
		r = yp_case_encode(&c, report.id, sizeof report.id);
	if (r == 0)
		r = yp_server_note(s, "power cut %" PRIu64 ": %s, seed %" PRIu32, report.number, report.id,
				   report.seed);
	int closed = yp_stream_close(s->stream);
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

int yp_server_cut(struct yp_server *s, const struct yp_power_cut *how, struct yp_cut_report *out)
{
	assert(s && how && out);
	(void)pthread_mutex_lock(&s->lock);
	int r = yp_server_cut_locked(s, how, NULL);
	if (r == 0)
		*out = s->last;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

void yp_server_last_cut(struct yp_server *s, struct yp_cut_report *out)
{
	(void)pthread_mutex_lock(&s->lock);
	*out = s->last;
	(void)pthread_mutex_unlock(&s->lock);
}
