/* SPDX-License-Identifier: Apache-2.0 */
/* Describes cases in words, by media, regions, offsets and step ids. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explore/replay.h"

void yp_text_add(struct yp_text *text, const char *format, ...)
{
	va_list args;
	if (text->used + 1 >= text->room)
		return;
	va_start(args, format);
	int n = vsnprintf(text->out + text->used, text->room - text->used, format, args);
	va_end(args);
	size_t left = text->room - text->used - 1;
	text->used += n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
}

void yp_text_size(struct yp_text *text, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;
	uint64_t scale = 1;
	while (bytes / scale >= 1024 && unit < 4) {
		scale *= 1024;
		unit++;
	}
	if (bytes % scale == 0)
		yp_text_add(text, "%" PRIu64 " %s", bytes / scale, units[unit]);
	else
		yp_text_add(text, "%.1f %s", (double)bytes / (double)scale, units[unit]);
}

/* The smallest region that a sector lies in, or the medium, and how far in. */
static void text_place(struct yp_text *text, const struct yp_image *image, unsigned medium, uint64_t sector,
		       uint64_t sectors)
{
	const struct yp_region *best = NULL;
	for (unsigned i = 0; i < yp_image_regions_count(image); i++) {
		const struct yp_region *r = yp_image_region(image, i);
		if (r->medium == medium && r->first <= sector && sector + sectors <= r->first + r->sectors &&
		    (!best || r->sectors < best->sectors))
			best = r;
	}
	yp_text_add(text, "%s", best ? best->name : yp_image_layout(image)->media[medium].name);
	uint64_t offset = sector - (best ? best->first : 0);
	/* At the start of a region or a medium its name is enough. */
	if (offset == 0 && best)
		return;
	yp_text_add(text, " + ");
	yp_text_size(text, offset * YP_SECTOR_BYTES);
}

static const char *op_word(const struct yp_plan_op *op)
{
	return op->op == YP_DISCARD ? "discard" : op->fua ? "write through" : "write";
}

static void text_step(struct yp_text *text, const struct yp_log *log, size_t entry, const char *word)
{
	const char *step = yp_log_step(log, entry);
	if (*step || *word)
		yp_text_add(text, " (%s%s%s)", step, *step && *word ? " " : "", word);
}

void yp_text_element(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene,
		     const struct yp_element *e, uint32_t part)
{
	const struct yp_plan *plan = scene->plan;
	uint32_t i = part < e->count ? part : 0;
	const struct yp_plan_op *op = &plan->ops[scene->point.ops[e->first + i]];
	text_place(text, image, op->medium, op->sector, part < e->count ? op->sectors : e->sectors);
	if (e->count > 1 && part >= e->count) {
		yp_text_add(text, ", ");
		yp_text_size(text, e->sectors * YP_SECTOR_BYTES);
		yp_text_add(text, " in %" PRIu32 " writes", e->count);
	}
	text_step(text, scene->log, op->entry, op_word(op));
}

void yp_text_entry(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene)
{
	size_t i = scene->cut.entry;
	if (i >= yp_log_count(scene->log)) {
		yp_text_add(text, "the end");
		return;
	}
	const struct yp_entry *e = yp_log_entry(scene->log, i);
	if (e->op == YP_MARK) {
		yp_text_add(text, "\"%s\"", yp_log_text(scene->log, e));
	} else if (e->op == YP_FLUSH) {
		yp_text_add(text, "the flush of %s", yp_image_layout(image)->media[e->medium].name);
	} else {
		yp_text_add(text, "the %s of ", e->op == YP_READ ? "read" : e->op == YP_DISCARD ? "discard" : "write");
		text_place(text, image, e->medium, e->sector, e->sectors);
	}
	text_step(text, scene->log, i, "");
}

void yp_text_part(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene)
{
	static const char *const rest[] = {"is old", "reads as 00", "reads as FF"};
	const struct yp_cut *cut = &scene->cut;
	const struct yp_element *torn = NULL;
	for (size_t i = 0; i < scene->point.elements_count; i++) {
		const struct yp_element *e = &scene->point.elements[i];
		if (!e->forced && cut->torn >= 0 && e->optional == (uint32_t)cut->torn)
			torn = e;
	}
	if (!torn)
		return;
	yp_text_element(text, image, scene, torn, UINT32_MAX);
	switch ((enum yp_fill)cut->fill) {
	case YP_FILL_PREFIX:
		yp_text_add(text, " cut after %" PRIu32 " of its writes", cut->tear);
		break;
	case YP_FILL_OMIT:
	case YP_FILL_ONLY:
		yp_text_add(text, cut->fill == YP_FILL_OMIT ? " without " : " reduced to ");
		yp_text_element(text, image, scene, torn, cut->tear);
		break;
	case YP_FILL_ERASED:
		yp_text_add(text, " cut after erasing ");
		yp_text_size(text, (uint64_t)cut->tear * YP_SECTOR_BYTES);
		break;
	default:
		yp_text_add(text, " torn: only its %s ", cut->tear & YP_TEAR_BACK ? "last" : "first");
		yp_text_size(text, (uint64_t)(cut->tear & ~YP_TEAR_BACK) * YP_SECTOR_BYTES);
		yp_text_add(text, " persisted, the rest %s", cut->fill <= YP_FILL_FF ? rest[cut->fill] : "is unknown");
	}
}

/* The first write that a cut lost, and the later write that survived. */
struct gap {
	const struct yp_element *lost, *kept;
	uint32_t lost_part; /* of a chain: which of its writes, UINT32_MAX: all */
	uint32_t kept_part;
	uint64_t lost_count;
};

static void gap_lose(struct gap *gap, const struct yp_element *e, uint32_t part, uint64_t count)
{
	gap->lost_count += count;
	if (gap->lost)
		return;
	gap->lost = e;
	gap->lost_part = part;
}

static struct gap find_gap(const struct yp_scene *scene)
{
	const struct yp_cut *cut = &scene->cut;
	struct gap gap = {.lost_part = UINT32_MAX, .kept_part = UINT32_MAX};
	uint32_t broken = 0;
	for (size_t i = 0; i < scene->point.elements_count; i++) {
		const struct yp_element *e = &scene->point.elements[i];
		enum yp_fate fate = yp_element_fate(&scene->point, cut, e, &broken);
		if (fate == YP_FATE_LOST) {
			gap_lose(&gap, e, UINT32_MAX, e->count);
		} else if (fate == YP_FATE_PART && cut->fill == YP_FILL_PREFIX) {
			gap_lose(&gap, e, cut->tear, e->count - cut->tear);
		} else if (fate == YP_FATE_PART && cut->fill == YP_FILL_OMIT) {
			gap_lose(&gap, e, cut->tear, 1);
			if (gap.lost == e && cut->tear + 1 < e->count) {
				gap.kept = e;
				gap.kept_part = e->count - 1;
			}
		} else if (fate == YP_FATE_PART && cut->fill == YP_FILL_ONLY) {
			gap_lose(&gap, e, cut->tear ? 0 : 1, e->count - 1);
			gap.kept = cut->tear || gap.lost != e ? e : gap.kept;
			gap.kept_part = cut->tear;
		} else if (fate == YP_FATE_KEPT && gap.lost) {
			gap.kept = e;
			gap.kept_part = UINT32_MAX;
		}
	}
	return gap;
}

void yp_text_cut(struct yp_text *text, const struct yp_image *image, const struct yp_scene *scene)
{
	struct gap gap = find_gap(scene);
	if (yp_cut_tears(&scene->cut) || scene->cut.fill == YP_FILL_ERASED) {
		yp_text_part(text, image, scene);
		if (gap.lost) {
			yp_text_add(text, ", without ");
			yp_text_element(text, image, scene, gap.lost, gap.lost_part);
		}
	} else if (gap.kept) {
		yp_text_element(text, image, scene, gap.kept, gap.kept_part);
		yp_text_add(text, " persisted without ");
		yp_text_element(text, image, scene, gap.lost, gap.lost_part);
		if (gap.lost_count > 1)
			yp_text_add(text, " and %" PRIu64 " more", gap.lost_count - 1);
		yp_text_add(text, ": no flush between them");
	} else if (gap.lost) {
		yp_text_add(text, "cut before ");
		yp_text_entry(text, image, scene);
		yp_text_add(text, ": ");
		yp_text_element(text, image, scene, gap.lost, gap.lost_part);
		if (gap.lost_count > (gap.lost_part == UINT32_MAX ? gap.lost->count : 1))
			yp_text_add(text, " and what was written after it");
		yp_text_add(text, " did not persist");
	} else {
		yp_text_add(text, "cut before ");
		yp_text_entry(text, image, scene);
		yp_text_add(text, ": all that was written persisted");
	}
}
