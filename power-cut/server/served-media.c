/* SPDX-License-Identifier: Apache-2.0 */
/* The media and exports that a server is started with, from text. */
#include "server/served-media.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format-detail.h"

#define LINE_BYTES_MAX 4096u
#define LINES_MAX      256u
#define EXPORT_WORD    "export="

void yp_media_init(struct yp_media *media)
{
	*media = (struct yp_media){0};
	for (unsigned m = 0; m < YP_MEDIA_MAX; m++)
		media->bases[m].fd = -1;
}

void yp_media_deinit(struct yp_media *media)
{
	for (unsigned m = 0; m < YP_MEDIA_MAX; m++) {
		if (media->bases[m].fd >= 0)
			(void)close(media->bases[m].fd);
		media->bases[m].fd = -1;
	}
}

int yp_media_find(const struct yp_layout *layout, const char *name)
{
	assert(layout && name);
	for (unsigned m = 0; m < layout->count; m++) {
		if (strcmp(layout->media[m].name, name) == 0)
			return (int)m;
	}
	return -1;
}

const struct yp_export *yp_media_export(const struct yp_media *media, const char *name)
{
	for (unsigned i = 0; i < media->exports_count; i++) {
		if (strcmp(media->exports[i].name, name) == 0)
			return &media->exports[i];
	}
	return NULL;
}

static bool parse_decimal(const char *s, uint64_t max, uint64_t *out)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(s, &end, 10);
	*out = value;
	return errno == 0 && *end == 0 && value <= max;
}

static bool name_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return length > 0 && length < YP_NAME_MAX && name[length] == 0;
}

static bool model_parse(char *text, struct yp_medium *medium, bool *sync)
{
	char *plus = strchr(text, '+');
	if (plus) {
		*plus = 0;
		medium->bulk = strcmp(plus + 1, "bulk") == 0;
		*sync = strcmp(plus + 1, "sync") == 0;
		if (!medium->bulk && !*sync)
			return false;
	}
	if (!*text)
		return true; /* 0 is the default */
	return yp_model_find(text, &medium->model) == 0;
}

/* FILE[@BYTES]; the size of the medium, if it is not given, is what is left of the file. */
static int base_open(char *text, struct yp_base *base, uint64_t *sectors, char *detail, size_t detail_bytes)
{
	struct stat st;
	char *at = strrchr(text, '@');
	if (at && parse_decimal(at + 1, INT64_MAX, &base->offset))
		*at = 0;
	base->fd = open(text, O_RDONLY | O_CLOEXEC);
	if (base->fd < 0 || fstat(base->fd, &st) < 0) {
		int r = -errno;
		yp_detail(detail, detail_bytes, "%s cannot be opened: %s", text, strerror(-r));
		return r;
	}
	if (*sectors)
		return 0;
	uint64_t size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	if (size <= base->offset || (size - base->offset) % YP_SECTOR_BYTES) {
		yp_detail(detail, detail_bytes, "%s is not a whole number of sectors of 512 bytes", text);
		return 1;
	}
	*sectors = (size - base->offset) / YP_SECTOR_BYTES;
	return 0;
}

/* Cuts the text at the next colon; NULL if there is none. */
static char *next_field(char *text)
{
	char *colon = text ? strchr(text, ':') : NULL;
	if (!colon)
		return NULL;
	*colon = 0;
	return colon + 1;
}

int yp_media_add(struct yp_media *media, const char *text, char *detail, size_t detail_bytes)
{
	assert(media && text);
	char copy[LINE_BYTES_MAX];
	struct yp_medium medium = {.sectors = 0};
	unsigned m = media->layout.count;
	if (m == YP_MEDIA_MAX || strlen(text) >= sizeof copy) {
		yp_detail(detail, detail_bytes, "there are more than %u media, or the line is too long", YP_MEDIA_MAX);
		return 1;
	}
	(void)snprintf(copy, sizeof copy, "%s", text);
	char *sectors = next_field(copy);
	char *model = next_field(sectors);
	char *file = next_field(model);
	if (!name_valid(copy) || yp_media_find(&media->layout, copy) >= 0) {
		yp_detail(detail, detail_bytes, "\"%s\" is no name for a medium, or it is taken", copy);
		return 1;
	}
	(void)snprintf(medium.name, sizeof medium.name, "%.*s", (int)YP_NAME_MAX - 1, copy);
	if (sectors && *sectors && !parse_decimal(sectors, YP_MEDIUM_SECTORS_MAX, &medium.sectors)) {
		yp_detail(detail, detail_bytes, "%s: \"%s\" is no number of sectors", copy, sectors);
		return 1;
	}
	if (model && !model_parse(model, &medium, &media->sync[m])) {
		yp_detail(detail, detail_bytes, "%s: the storage model is unknown", copy);
		return 1;
	}
	int r = file && *file ? base_open(file, &media->bases[m], &medium.sectors, detail, detail_bytes) : 0;
	if (r == 0 && medium.sectors == 0) {
		yp_detail(detail, detail_bytes, "%s has no size", copy);
		r = 1;
	}
	if (r == 0) {
		media->layout.media[m] = medium;
		media->layout.count++;
	}
	return r;
}

int yp_media_load(struct yp_media *media, const char *path, char *detail, size_t detail_bytes)
{
	char line[LINE_BYTES_MAX];
	int r = 0;
	FILE *f = fopen(path, "re");
	if (!f) {
		r = -errno;
		yp_detail(detail, detail_bytes, "%s cannot be opened: %s", path, strerror(-r));
		return r;
	}
	for (unsigned n = 0; r == 0 && n < LINES_MAX && fgets(line, sizeof line, f); n++) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, EXPORT_WORD, sizeof EXPORT_WORD - 1) == 0)
			r = yp_media_export_add(media, line + sizeof EXPORT_WORD - 1, detail, detail_bytes);
		else if (*line && *line != '#')
			r = yp_media_add(media, line, detail, detail_bytes);
	}
	if (r == 0 && !feof(f)) {
		yp_detail(detail, detail_bytes, "%s cannot be read, or is too long", path);
		r = 1;
	}
	(void)fclose(f);
	return r;
}

static int export_put(struct yp_media *media, const struct yp_export *export, char *detail, size_t detail_bytes)
{
	if (media->exports_count == YP_EXPORTS_MAX || yp_media_export(media, export->name)) {
		yp_detail(detail, detail_bytes, "there are too many exports, or two of name \"%s\"", export->name);
		return 1;
	}
	media->exports[media->exports_count++] = *export;
	return 0;
}

static bool export_medium(const struct yp_layout *layout, int m, struct yp_export *export)
{
	if (m < 0 || export->count == YP_MEDIA_MAX)
		return false;
	export->media[export->count++] = (uint16_t)m;
	export->bytes += layout->media[m].sectors * YP_SECTOR_BYTES;
	return true;
}

int yp_media_export_add(struct yp_media *media, const char *text, char *detail, size_t detail_bytes)
{
	assert(media && text);
	char copy[LINE_BYTES_MAX];
	struct yp_export export = {.count = 0};
	char *rest = NULL;
	(void)snprintf(copy, sizeof copy, "%s", text);
	char *names = next_field(copy);
	bool ok = strlen(text) < sizeof copy && names && (!*copy || name_valid(copy));
	if (ok) {
		(void)snprintf(export.name, sizeof export.name, "%.*s", (int)YP_NAME_MAX - 1, copy);
		for (char *name = strtok_r(names, "+", &rest); ok && name; name = strtok_r(NULL, "+", &rest))
			ok = export_medium(&media->layout, yp_media_find(&media->layout, name), &export);
	}
	if (!ok || export.count == 0) {
		yp_detail(detail, detail_bytes, "\"%s\" is no export: NAME:MEDIUM+MEDIUM, of media given before", text);
		return 1;
	}
	return export_put(media, &export, detail, detail_bytes);
}

int yp_media_complete(struct yp_media *media, char *detail, size_t detail_bytes)
{
	const struct yp_layout *layout = &media->layout;
	struct yp_export all = {.count = 0};
	int r = layout->count ? 0 : 1;
	if (r)
		yp_detail(detail, detail_bytes, "no medium is given");
	for (unsigned m = 0; r == 0 && m < layout->count; m++) {
		struct yp_export one = {.count = 0};
		(void)snprintf(one.name, sizeof one.name, "%s", layout->media[m].name);
		(void)export_medium(layout, (int)m, &all);
		(void)export_medium(layout, (int)m, &one);
		if (!yp_media_export(media, one.name))
			r = export_put(media, &one, detail, detail_bytes);
	}
	if (r == 0 && !yp_media_export(media, ""))
		r = export_put(media, &all, detail, detail_bytes);
	return r;
}
