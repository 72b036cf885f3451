/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of the media at power on, and media as files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/emulator-private.h"

#define COPY_BYTES        65536u
#define RUN_SECTORS       2048u /* of one entry of a difference */
#define REFERENCE_SECTORS 4096u /* a difference that is worth keeping */

static int say_or_explain(struct yp_emulator *rig, char *detail, size_t detail_bytes, const char *line)
{
	char answer[YP_EMULATOR_ANSWER_MAX];
	int r = yp_emulator_store_say(&rig->store, answer, sizeof answer, line);
	if (r != 0)
		(void)snprintf(detail, detail_bytes, "block server: %.*s", (int)detail_bytes - 20,
			       r > 0 ? answer : strerror(-r));
	return r > 0 ? -EPROTO : r;
}

/* What an image is compared with: another, or ids of all media end to end. */
struct from {
	const struct yp_image *image;
	const uint32_t *ids;
};

static bool sector_differs(const struct from *from, const struct yp_image *image, unsigned medium, uint64_t sector,
			   uint64_t at)
{
	uint32_t old = from->ids ? from->ids[at] : yp_image_get(from->image, medium, sector);
	return old != yp_image_get(image, medium, sector);
}

static uint64_t count_different(const struct from *from, const struct yp_image *image)
{
	const struct yp_layout *layout = yp_image_layout(image);
	uint64_t at = 0, count = 0;
	for (unsigned m = 0; m < layout->count; m++) {
		for (uint64_t s = 0; s < layout->media[m].sectors; s++)
			count += sector_differs(from, image, m, s, at++);
	}
	return count;
}

/* One entry for sectors that follow each other and all differ. */
static int put_run(struct yp_log *log, const struct yp_image *image, unsigned medium, uint64_t first, uint32_t count,
		   uint8_t *bytes)
{
	if (count == 0)
		return 0;
	yp_image_read(image, medium, first, count, bytes);
	return yp_log_write(log, medium, first, count, bytes, false);
}

static int log_difference(const struct from *from, const struct yp_image *image, struct yp_log *log, uint8_t *bytes)
{
	const struct yp_layout *layout = yp_image_layout(image);
	uint64_t at = 0;
	int r = 0;
	for (unsigned m = 0; m < layout->count; m++) {
		uint32_t count = 0;
		for (uint64_t s = 0; r == 0 && s < layout->media[m].sectors; s++) {
			bool other = sector_differs(from, image, m, s, at++);
			if (other && count < RUN_SECTORS) {
				count++;
				continue;
			}
			r = put_run(log, image, m, s - count, count, bytes);
			count = other ? 1 : 0;
		}
		if (r == 0)
			r = put_run(log, image, m, layout->media[m].sectors - count, count, bytes);
	}
	return r;
}

/* An image is handed over as a log that makes it. */
static int save_difference(const struct from *from, const struct yp_image *image, const char *path)
{
	struct yp_pool *pool = yp_image_pool(image);
	struct yp_log *log = NULL;
	uint8_t *bytes = malloc((size_t)RUN_SECTORS * YP_SECTOR_BYTES);
	int r = bytes ? yp_log_new(yp_image_layout(image), pool, &log) : -ENOMEM;
	if (r == 0)
		r = log_difference(from, image, log, bytes);
	if (r == 0)
		r = yp_log_save(log, path);
	yp_log_free(log);
	free(bytes);
	return r;
}

void yp_emulator_reference_deinit(struct yp_emulator_reference *reference)
{
	if (*reference->path)
		(void)unlink(reference->path);
	free(reference->ids);
	*reference = (struct yp_emulator_reference){0};
}

/* The image is the reference from now on; its log lies at path. */
static void keep_reference(struct yp_emulator_reference *reference, const struct yp_image *base,
			   const struct yp_image *image, const char *path)
{
	const struct yp_layout *layout = yp_image_layout(image);
	uint64_t total = 0, at = 0;
	for (unsigned m = 0; m < layout->count; m++)
		total += layout->media[m].sectors;
	yp_emulator_reference_deinit(reference);
	reference->ids = calloc((size_t)total + 1, sizeof *reference->ids);
	if (!reference->ids) {
		(void)unlink(path);
		return; /* then there is none: slower, no worse */
	}
	for (unsigned m = 0; m < layout->count; m++) {
		for (uint64_t s = 0; s < layout->media[m].sectors; s++)
			reference->ids[at++] = yp_image_get(image, m, s);
	}
	reference->pool = yp_image_pool(image);
	reference->base = yp_image_hash(base);
	(void)snprintf(reference->path, sizeof reference->path, "%s", path);
}

static bool reference_fits(const struct yp_emulator_reference *reference, const struct yp_image *base)
{
	struct yp_hash hash = yp_image_hash(base);
	return reference->pool == yp_image_pool(base) && reference->base.lo == hash.lo && reference->base.hi == hash.hi;
}

static int apply_file(struct yp_emulator *rig, const char *path, char *detail, size_t detail_bytes)
{
	char line[YP_EMULATOR_PATH_MAX + 48];
	(void)snprintf(line, sizeof line, "apply %s", path);
	return say_or_explain(rig, detail, detail_bytes, line);
}

static int apply_image(struct yp_emulator *rig, const struct yp_emulator_start *start, char *detail,
		       size_t detail_bytes)
{
	char path[YP_EMULATOR_PATH_MAX + 32];
	const struct from base = {.image = start->base}, last = {.ids = rig->reference.ids};
	if (!start->base || yp_image_pool(start->base) != yp_image_pool(start->image)) {
		(void)snprintf(detail, detail_bytes, "a start image needs its base, of the same pool");
		return -EINVAL;
	}
	uint64_t from_base = count_different(&base, start->image);
	bool near = reference_fits(&rig->reference, start->base) && count_different(&last, start->image) < from_base;
	(void)snprintf(path, sizeof path, "%s/start-%u.log", rig->dir, rig->starts++);
	if (near) {
		int r = apply_file(rig, rig->reference.path, detail, detail_bytes);
		if (r < 0)
			return r;
	}
	int r = save_difference(near ? &last : &base, start->image, path);
	if (r < 0)
		(void)snprintf(detail, detail_bytes, "%.150s: %s", path, strerror(-r));
	else
		r = apply_file(rig, path, detail, detail_bytes);
	if (r == 0 && !near && from_base >= REFERENCE_SECTORS)
		keep_reference(&rig->reference, start->base, start->image, path);
	else
		(void)unlink(path);
	return r;
}

int yp_emulator_start_apply(struct yp_emulator *rig, const struct yp_emulator_start *start, char *detail,
			    size_t detail_bytes)
{
	char line[YP_EMULATOR_PATH_MAX + YP_CASE_TEXT_MAX + 16], id[YP_CASE_TEXT_MAX];
	int r = say_or_explain(rig, detail, detail_bytes, "restore");
	if (r < 0 || !start)
		return r;
	if (start->image)
		return apply_image(rig, start, detail, detail_bytes);
	for (unsigned i = 0; i < start->count && r == 0; i++) {
		struct yp_case one = {.count = 1};
		char *path = realpath(start->from[i].log, NULL); /* the server is in another directory */
		if (!path) {
			r = -errno;
			(void)snprintf(detail, detail_bytes, "%.150s: %s", start->from[i].log, strerror(-r));
			return r;
		}
		if (start->from[i].cut) {
			one.cuts[0] = *start->from[i].cut;
			r = yp_case_encode(&one, id, sizeof id);
			(void)snprintf(line, sizeof line, "crash %s %.*s", id, (int)YP_EMULATOR_PATH_MAX, path);
		} else {
			(void)snprintf(line, sizeof line, "apply %.*s", (int)YP_EMULATOR_PATH_MAX, path);
		}
		free(path);
		if (r == 0)
			r = say_or_explain(rig, detail, detail_bytes, line);
	}
	return r;
}

static bool all_zero(const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* Appends a medium's file to an export's, sparsely. */
static int append_file(int to, const char *path, off_t *at)
{
	static const size_t step = COPY_BYTES;
	int r = 0;
	int from = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = malloc(step);
	if (from < 0 || !bytes)
		r = from < 0 ? -errno : -ENOMEM;
	for (ssize_t n = 1; r == 0 && n > 0;) { /* to the end of the file */
		n = read(from, bytes, step);
		if (n < 0)
			r = -errno;
		else if (n > 0 && !all_zero(bytes, (size_t)n) && pwrite(to, bytes, (size_t)n, *at) != n)
			r = -EIO;
		*at += n > 0 ? n : 0;
	}
	if (r == 0 && ftruncate(to, *at) < 0)
		r = -errno;
	free(bytes);
	if (from >= 0)
		(void)close(from);
	return r;
}

static int save_export(const struct yp_emulator *rig, const struct yp_export *export, const char *dir)
{
	char path[YP_EMULATOR_PATH_MAX + YP_NAME_MAX + 8];
	off_t at = 0;
	(void)snprintf(path, sizeof path, "%s/%s.img", dir, export->name);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = to < 0 ? -errno : 0;
	for (unsigned i = 0; r == 0 && i < export->count; i++) {
		(void)snprintf(path, sizeof path, "%s/%s.img", dir, rig->media.layout.media[export->media[i]].name);
		r = append_file(to, path, &at);
	}
	if (to >= 0 && close(to) < 0 && r == 0)
		r = -errno;
	return r;
}

int yp_emulator_save(struct yp_emulator *rig, const struct yp_emulator_start *start, const char *dir)
{
	char line[YP_EMULATOR_PATH_MAX + 2 * YP_NAME_MAX + 32], detail[200];
	char *whole = realpath(dir, NULL);
	if (!whole)
		return -errno;
	int r = start ? yp_emulator_start_apply(rig, start, detail, sizeof detail) : 0;
	for (unsigned m = 0; r == 0 && m < rig->media.layout.count; m++) {
		const char *name = rig->media.layout.media[m].name;
		(void)snprintf(line, sizeof line, "save-image %s %.*s/%s.img", name, (int)YP_EMULATOR_PATH_MAX, whole,
			       name);
		r = say_or_explain(rig, detail, sizeof detail, line);
	}
	for (unsigned i = 0; r == 0 && i < rig->media.exports_count; i++) {
		const struct yp_export *export = &rig->media.exports[i];
		if (*export->name && yp_media_find(&rig->media.layout, export->name) < 0)
			r = save_export(rig, export, whole);
	}
	free(whole);
	return r;
}
