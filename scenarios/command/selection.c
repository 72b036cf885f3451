/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs share: numbers and scenarios from a command line. */
#include "command/verbs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int yp_usage_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)fputs("yankproof: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	return YP_EXIT_USAGE;
}

int yp_no_memory(void)
{
	(void)fputs("yankproof: memory ran out\n", stderr);
	return YP_EXIT_ERROR;
}

int yp_usage_hint(const char *verb)
{
	(void)fprintf(stderr, "yankproof: see 'yankproof %s --help'\n", verb);
	return YP_EXIT_USAGE;
}

int yp_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	const char *c = text;
	for (; *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (c == text || *c)
		return -EINVAL;
	if (value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

int yp_parse_shard(const char *text, unsigned *shard, unsigned *shards)
{
	char first[16] = "";
	const char *slash = strchr(text, '/');
	uint64_t i = 0;
	uint64_t n = 0;
	if (!slash || (size_t)(slash - text) >= sizeof first)
		return -EINVAL;
	memcpy(first, text, (size_t)(slash - text));
	if (yp_parse_u64(slash + 1, 1, YP_SHARDS_MAX, &n) || yp_parse_u64(first, 1, n, &i))
		return -EINVAL;
	*shard = (unsigned)i;
	*shards = (unsigned)n;
	return 0;
}

static int report_selection(int result, const char *detail)
{
	(void)fprintf(stderr, "%s\n", result > 0 || *detail ? detail : strerror(-result));
	/* A missing scenario is bad usage as well. */
	return result > 0 || result == -ENOENT ? YP_EXIT_USAGE : YP_EXIT_ERROR;
}

static bool is_path(const char *argument)
{
	size_t length = strlen(argument);
	return strchr(argument, '/') || (length > 5 && strcmp(argument + length - 5, ".yaml") == 0);
}

static int append_scenario(struct yp_catalog *to, const struct yp_scenario *scenario)
{
	if (yp_catalog_find(to, scenario->name, strlen(scenario->name)))
		return 0;
	struct yp_scenario *more = realloc(to->items, (to->count + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	to->items = more;
	more[to->count++] = *scenario;
	return 0;
}

/* A name wins over a group, a group over a tag. */
static int add_called(const struct yp_catalog *all, const char *argument, struct yp_catalog *out)
{
	size_t found = 0;
	for (unsigned pass = 0; pass < 3 && !found; pass++) {
		for (size_t i = 0; i < all->count; i++) {
			const struct yp_scenario *s = &all->items[i];
			bool is = pass == 0   ? strcmp(s->name, argument) == 0
				  : pass == 1 ? strcmp(s->group, argument) == 0
					      : yp_scenario_tagged(s, argument);
			if (is && append_scenario(out, s))
				return yp_no_memory();
			found += is;
		}
	}
	if (!found)
		return yp_usage_error("no scenario, group or tag is called '%s'; 'yankproof list' shows them",
				      argument);
	return 0;
}

static void keep_tagged(struct yp_catalog *catalog, const char *const *tags, unsigned tag_count)
{
	size_t kept = 0;
	for (size_t i = 0; i < catalog->count; i++) {
		unsigned has = 0;
		for (unsigned t = 0; t < tag_count; t++)
			has += yp_scenario_tagged(&catalog->items[i], tags[t]);
		if (has == tag_count && kept++ != i)
			catalog->items[kept - 1] = catalog->items[i];
	}
	catalog->count = kept;
}

int yp_select(const char *dir, char *const *arguments, int count, const char *const *tags, unsigned tag_count,
	      struct yp_catalog *out)
{
	char detail[YP_DETAIL_MAX] = "";
	struct yp_catalog all = {0};
	int status = 0;
	*out = (struct yp_catalog){0};
	bool by_name = count == 0;
	for (int i = 0; i < count; i++)
		by_name = by_name || !is_path(arguments[i]);
	if (by_name) {
		int result = yp_catalog_read(yp_rig_terms_at, dir, &all, detail, sizeof detail);
		if (result == -ENOENT)
			status = yp_usage_error(
			    "%s: no such folder; run where the scenarios are, or give --scenarios DIR", dir);
		else if (result)
			status = report_selection(result, detail);
	}
	for (size_t i = 0; !status && count == 0 && i < all.count; i++)
		status = append_scenario(out, &all.items[i]) ? yp_no_memory() : 0;
	for (int i = 0; !status && i < count; i++) {
		if (is_path(arguments[i])) {
			int result = yp_catalog_add(yp_rig_terms_at, out, arguments[i], detail, sizeof detail);
			if (result)
				status = report_selection(result, detail);
		} else {
			status = add_called(&all, arguments[i], out);
		}
	}
	yp_catalog_deinit(&all);
	keep_tagged(out, tags, tag_count);
	yp_catalog_sort(out);
	if (!status && !out->count)
		status = yp_usage_error("no scenario is selected; 'yankproof list' shows all");
	return status;
}

static int digest_file(struct yp_digest *digest, const char *path)
{
	char data[16384];
	size_t n = 0;
	FILE *f = fopen(path, "r");
	if (!f)
		return -errno;
	while ((n = fread(data, 1, sizeof data, f)) > 0)
		yp_digest_bytes(digest, data, n);
	int result = ferror(f) ? -EIO : 0;
	(void)fclose(f);
	return result;
}

int yp_program_digest(char out[YP_DIGEST_TEXT])
{
	struct yp_digest *digest = NULL;
	int result = yp_digest_new(&digest);
	if (!result)
		result = digest_file(digest, "/proc/self/exe");
	if (!result)
		yp_digest_end(digest, out);
	yp_digest_free(digest);
	return result;
}

int yp_selection_digest(const struct yp_catalog *catalog, char out[YP_DIGEST_TEXT])
{
	struct yp_digest *digest = NULL;
	int result = yp_digest_new(&digest);
	for (size_t i = 0; !result && i < catalog->count; i++) {
		yp_digest_text(digest, catalog->items[i].name);
		result = digest_file(digest, catalog->items[i].path);
		yp_digest_text(digest, ""); /* the end of each file is part of the digest */
	}
	if (!result)
		yp_digest_end(digest, out);
	yp_digest_free(digest);
	return result;
}

int yp_select_one(const char *dir, const char *argument, struct yp_scenario *out)
{
	char *arguments[] = {strdup(argument)};
	if (!arguments[0])
		return yp_no_memory();
	struct yp_catalog catalog;
	int status = yp_select(dir, arguments, 1, NULL, 0, &catalog);
	if (!status && catalog.count != 1)
		status = yp_usage_error("'%s' selects %zu scenarios; name one", argument, catalog.count);
	if (!status)
		*out = catalog.items[0];
	yp_catalog_deinit(&catalog);
	free(arguments[0]);
	return status;
}

int yp_open_story(const char *dir, const char *argument, struct yp_scenario *scenario, struct yp_rig_session *session,
		  struct yp_rig_story *story)
{
	char detail[YP_DETAIL_MAX] = "";
	*session = (struct yp_rig_session){0};
	int status = yp_select_one(dir, argument, scenario);
	if (status)
		return status;
	const struct yp_scenario_rig *rig = yp_rig_of(scenario);
	const struct yp_rig_setup setup = {.scenario = scenario, .seed = YP_SEED_DEFAULT};
	if (!rig->story)
		return yp_usage_error("%s runs on rig %s, which has no story without a fault to record here",
				      scenario->name, rig->terms.name);
	if (yp_rig_session_init(session, &setup, detail, sizeof detail)) {
		(void)fprintf(stderr, "yankproof: %s: %s\n", scenario->name, detail);
		return YP_EXIT_ERROR;
	}
	rig->story(session->session, story);
	return 0;
}
