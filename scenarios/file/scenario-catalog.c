/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario files of a folder, or one by one: read, sorted, each name once. */
#include "file/scenario.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int read_file(const char *path, uint8_t *text, size_t room, size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return -errno;
	*bytes = fread(text, 1, room, f);
	int result = ferror(f) ? -EIO : 0;
	(void)fclose(f);
	return result;
}

static int refuse_file(char *detail, size_t detail_bytes, const char *path, const char *what)
{
	(void)snprintf(detail, detail_bytes, "%s:1:1: %s", path, what);
	return 1;
}

/* The folder's name and the file's name without its ending; both are part of `path`. */
static int check_place(const struct yp_scenario *scenario, const char *path, char *detail, size_t detail_bytes)
{
	char expected[YP_SCENARIO_NAME_MAX + 40];
	(void)snprintf(expected, sizeof expected, "%s/%s.yaml", scenario->group, scenario->name);
	size_t length = strlen(path);
	size_t tail = strlen(expected);
	/* A file given as "power/x.yaml" or "x.yaml" is fine from inside the folder: only what is there is compared. */
	size_t shown = length < tail ? length : tail;
	if (strcmp(path + length - shown, expected + tail - shown) == 0 &&
	    (length <= tail || path[length - tail - 1] == '/'))
		return 0;
	char what[256];
	(void)snprintf(what, sizeof what, "name and group do not fit the file; call it %s", expected);
	return refuse_file(detail, detail_bytes, path, what);
}

int yp_scenario_load(yp_rig_table *rigs, const char *path, struct yp_scenario *out, char *detail, size_t detail_bytes)
{
	if (strlen(path) >= sizeof out->path)
		return refuse_file(detail, detail_bytes, path, "the path is too long; move the file");
	uint8_t *text = malloc(YP_SCENARIO_BYTES_MAX + 1);
	if (!text)
		return -ENOMEM;
	size_t bytes = 0;
	int result = read_file(path, text, YP_SCENARIO_BYTES_MAX + 1, &bytes);
	if (result == 0 && bytes > YP_SCENARIO_BYTES_MAX)
		result = refuse_file(detail, detail_bytes, path, "larger than 64 KiB; split it");
	else if (result == 0)
		result = yp_scenario_parse(rigs, path, text, bytes, out, detail, detail_bytes);
	else
		(void)snprintf(detail, detail_bytes, "%s: %s", path, strerror(-result));
	free(text);
	return result ? result : check_place(out, path, detail, detail_bytes);
}

static int add_file(yp_rig_table *rigs, struct yp_catalog *catalog, const char *path, char *detail, size_t detail_bytes)
{
	if (catalog->count == YP_CATALOG_MAX)
		return refuse_file(detail, detail_bytes, path, "too many scenarios; run fewer at a time");
	struct yp_scenario *more = realloc(catalog->items, (catalog->count + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	catalog->items = more;
	struct yp_scenario *fresh = &more[catalog->count];
	int result = yp_scenario_load(rigs, path, fresh, detail, detail_bytes);
	if (result)
		return result;
	const struct yp_scenario *other = yp_catalog_find(catalog, fresh->name, strlen(fresh->name));
	if (other && strcmp(other->path, path) != 0) {
		char what[YP_SCENARIO_PATH_MAX + 128];
		(void)snprintf(what, sizeof what, "the name '%s' is taken by %s; choose another", fresh->name,
			       other->path);
		return refuse_file(detail, detail_bytes, path, what);
	}
	if (!other)
		catalog->count++;
	return 0;
}

static bool ends_with(const char *text, const char *tail)
{
	size_t length = strlen(text);
	size_t n = strlen(tail);
	return length > n && strcmp(text + length - n, tail) == 0;
}

/* One folder; `deeper`: also its folders, once. */
static int add_folder(yp_rig_table *rigs, struct yp_catalog *catalog, const char *dir, bool deeper, char *detail,
		      size_t detail_bytes)
{
	struct dirent **names = NULL;
	int count = scandir(dir, &names, NULL, alphasort);
	if (count < 0) {
		(void)snprintf(detail, detail_bytes, "%s: %s", dir, strerror(errno));
		return -errno;
	}
	int result = 0;
	for (int i = 0; i < count; i++) {
		char path[YP_SCENARIO_PATH_MAX * 2];
		struct stat status;
		int n = snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		bool hidden = names[i]->d_name[0] == '.';
		free(names[i]);
		if (result || hidden)
			continue;
		if (n < 0 || (size_t)n >= sizeof path) {
			result = refuse_file(detail, detail_bytes, dir, "a path in it is too long; move the file");
			continue;
		}
		if (stat(path, &status)) { /* an unreadable file could be a scenario that is silently left out */
			(void)snprintf(detail, detail_bytes, "%s:1:1: %s; mend or remove it", path, strerror(errno));
			result = 1;
			continue;
		}
		if (S_ISDIR(status.st_mode) && deeper)
			result = add_folder(rigs, catalog, path, false, detail, detail_bytes);
		else if (S_ISREG(status.st_mode) && ends_with(path, ".yaml") && !deeper)
			result = add_file(rigs, catalog, path, detail, detail_bytes);
	}
	free(names);
	return result;
}

int yp_catalog_read(yp_rig_table *rigs, const char *dir, struct yp_catalog *out, char *detail, size_t detail_bytes)
{
	*out = (struct yp_catalog){0};
	int result = add_folder(rigs, out, dir, true, detail, detail_bytes);
	yp_catalog_sort(out);
	return result;
}

int yp_catalog_add(yp_rig_table *rigs, struct yp_catalog *catalog, const char *path, char *detail, size_t detail_bytes)
{
	struct stat status;
	if (stat(path, &status)) {
		(void)snprintf(detail, detail_bytes, "%s: %s", path, strerror(errno));
		return -errno;
	}
	char trimmed[YP_SCENARIO_PATH_MAX];
	int n = snprintf(trimmed, sizeof trimmed, "%s", path);
	if (n < 0 || (size_t)n >= sizeof trimmed)
		return -ENAMETOOLONG;
	while (n > 1 && trimmed[n - 1] == '/')
		trimmed[--n] = 0;
	if (!S_ISDIR(status.st_mode))
		return add_file(rigs, catalog, trimmed, detail, detail_bytes);
	size_t before = catalog->count;
	int result = add_folder(rigs, catalog, trimmed, false, detail, detail_bytes);
	if (!result && catalog->count == before)
		result = add_folder(rigs, catalog, trimmed, true, detail, detail_bytes);
	return result;
}

static int by_name(const void *a, const void *b)
{
	const struct yp_scenario *x = a;
	const struct yp_scenario *y = b;
	return strcmp(x->name, y->name);
}

void yp_catalog_sort(struct yp_catalog *catalog)
{
	if (catalog->count)
		qsort(catalog->items, catalog->count, sizeof *catalog->items, by_name);
}

void yp_catalog_deinit(struct yp_catalog *catalog)
{
	free(catalog->items);
	*catalog = (struct yp_catalog){0};
}

const struct yp_scenario *yp_catalog_find(const struct yp_catalog *catalog, const char *name, size_t length)
{
	for (size_t i = 0; i < catalog->count; i++) {
		const struct yp_scenario *item = &catalog->items[i];
		if (strlen(item->name) == length && memcmp(item->name, name, length) == 0)
			return item;
	}
	return NULL;
}
