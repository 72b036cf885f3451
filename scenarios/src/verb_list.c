/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static void list_help(void)
{
	(void)puts("Usage: brickproof list [PATH|NAME|GROUP|TAG...] [options]\n"
		   "\n"
		   "Shows the scenarios.\n"
		   "\n"
		   "      --tag T               only scenarios with this tag (again: with this one too)\n"
		   "      --output-format=FORMAT text (default) or json\n"
		   "      --scenarios DIR       the scenarios folder (default: scenarios)\n"
		   "\n"
		   "Exit status: 0, or 2 bad usage or a bad scenario.");
}

static void print_texts(const struct bp_text_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		(void)printf("%s%s", i ? "," : "", list->text[i]);
}

static void list_text(const struct bp_catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++) {
		const struct bp_scenario *s = &catalog->items[i];
		char name[BP_SCENARIO_NAME_MAX + 40];
		(void)snprintf(name, sizeof name, "%s/%s", s->group, s->name);
		(void)printf("%-40s %-5s %s [", name, bp_rig_text(s->rig), s->title);
		print_texts(&s->tags);
		(void)puts("]");
	}
}

static json_t *texts_json(const struct bp_text_list *list)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < list->count; i++)
		(void)json_array_append_new(array, json_string(list->text[i]));
	return array;
}

static int list_json(const struct bp_catalog *catalog)
{
	json_t *array = json_array();
	for (size_t i = 0; i < catalog->count; i++) {
		const struct bp_scenario *s = &catalog->items[i];
		(void)json_array_append_new(
		    array, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", s->name, "group", s->group, "title",
				     s->title, "rig", bp_rig_text(s->rig), "path", s->path, "tags",
				     texts_json(&s->tags), "catalogue", texts_json(&s->catalogue)));
	}
	int result = array ? json_dumpf(array, stdout, JSON_INDENT(2)) : -1;
	(void)puts("");
	json_decref(array);
	return result ? BP_EXIT_ERROR : 0;
}

int bp_verb_list(int argc, char **argv)
{
	static const struct option long_options[] = {{"tag", required_argument, NULL, 't'},
						     {"output-format", required_argument, NULL, 'f'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	const char *tags[BP_SELECT_TAGS_MAX];
	unsigned tag_count = 0;
	const char *dir = BP_SCENARIOS_DIR;
	bool json = false;
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 't' && tag_count < BP_SELECT_TAGS_MAX) {
			tags[tag_count++] = optarg;
		} else if (option == 'f' && (strcmp(optarg, "text") == 0 || strcmp(optarg, "json") == 0)) {
			json = *optarg == 'j';
		} else if (option == 's') {
			dir = optarg;
		} else if (option == 'h') {
			list_help();
			return 0;
		} else {
			return bp_usage_hint("list");
		}
	}
	struct bp_catalog catalog;
	int status = bp_select(dir, argv + optind, argc - optind, tags, tag_count, &catalog);
	if (!status && json)
		status = list_json(&catalog);
	else if (!status)
		list_text(&catalog);
	bp_catalog_deinit(&catalog);
	return status;
}

static void coverage_help(void)
{
	(void)puts("Usage: brickproof coverage --catalogue FILE [options]\n"
		   "\n"
		   "Which entries of a catalogue of faults (CSV: id,group,injected,expected) scenarios name.\n"
		   "\n"
		   "      --catalogue FILE the catalogue\n"
		   "      --dir RESULTS    show the verdicts of this campaign\n"
		   "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
		   "\n"
		   "Exit status: 0, or 2 bad usage or bad input.");
}

#define CATALOGUE_LINE_MAX 4096

struct verdicts {
	const struct bp_catalog *catalog;
	const char **of; /* by scenario */
};

static int note_verdict(void *ctx, const char *text, size_t bytes, json_t *line)
{
	struct verdicts *verdicts = ctx;
	struct bp_result result;
	(void)text;
	(void)bytes;
	if (bp_result_parse(line, &result))
		return 0;
	for (size_t i = 0; i < verdicts->catalog->count; i++) {
		if (strcmp(verdicts->catalog->items[i].name, result.scenario) == 0)
			verdicts->of[i] = bp_verdict_text(result.verdict);
	}
	return 0;
}

static bool covers(const struct bp_scenario *scenario, const char *id)
{
	for (unsigned i = 0; i < scenario->catalogue.count; i++) {
		if (strcmp(scenario->catalogue.text[i], id) == 0)
			return true;
	}
	return false;
}

/* One line a catalogue entry; false: no scenario names it. */
static bool print_entry(const struct bp_catalog *catalog, const char *const *verdicts, const char *id,
			const char *injected)
{
	bool covered = false;
	for (size_t i = 0; i < catalog->count; i++) {
		if (!covers(&catalog->items[i], id))
			continue;
		if (!covered)
			(void)printf("%-8s", id);
		(void)printf("%s %s%s%s", covered ? "," : "", catalog->items[i].name, verdicts[i] ? " " : "",
			     verdicts[i] ? verdicts[i] : "");
		covered = true;
	}
	if (covered)
		(void)puts("");
	else
		(void)printf("%-8s - %s\n", id, injected);
	return covered;
}

static int print_coverage(FILE *f, const struct bp_catalog *catalog, const char *const *verdicts)
{
	char line[CATALOGUE_LINE_MAX];
	unsigned all = 0;
	unsigned covered = 0;
	for (bool first = true; fgets(line, sizeof line, f); first = false) {
		line[strcspn(line, "\r\n")] = 0;
		char *comma = strchr(line, ',');
		if (first || !comma)
			continue; /* the heading; an empty line */
		*comma = 0;
		all++;
		covered += print_entry(catalog, verdicts, line, comma + 1);
	}
	(void)printf("%u of %u entries are named by a scenario\n", covered, all);
	return ferror(f) ? BP_EXIT_ERROR : 0;
}

static int cover(const char *file, const char *results, const char *dir)
{
	char path[4096];
	char detail[BP_DETAIL_MAX] = "";
	struct bp_catalog catalog;
	int status = bp_select(dir, NULL, 0, NULL, 0, &catalog);
	struct verdicts verdicts = {.catalog = &catalog, .of = NULL};
	FILE *f = NULL;
	if (status)
		goto out;
	verdicts.of = calloc(catalog.count, sizeof *verdicts.of);
	(void)snprintf(path, sizeof path, "%s/%s", results ? results : "", BP_RESULTS_FILE);
	f = fopen(file, "r");
	if (!f) {
		status = bp_usage_error("%s: %s", file, strerror(errno));
	} else if (!verdicts.of) {
		status = BP_EXIT_ERROR;
	} else if (results && bp_results_read(path, note_verdict, &verdicts, detail, sizeof detail)) {
		status = bp_usage_error("%s", detail);
	} else {
		status = print_coverage(f, &catalog, verdicts.of);
	}
out:
	if (f)
		(void)fclose(f);
	free(verdicts.of);
	bp_catalog_deinit(&catalog);
	return status;
}

int bp_verb_coverage(int argc, char **argv)
{
	static const struct option long_options[] = {{"catalogue", required_argument, NULL, 'c'},
						     {"dir", required_argument, NULL, 'd'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	const char *catalogue = NULL;
	const char *results = NULL;
	const char *dir = BP_SCENARIOS_DIR;
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'c') {
			catalogue = optarg;
		} else if (option == 'd') {
			results = optarg;
		} else if (option == 's') {
			dir = optarg;
		} else if (option == 'h') {
			coverage_help();
			return 0;
		} else {
			return bp_usage_hint("coverage");
		}
	}
	if (!catalogue || optind != argc)
		return bp_usage_error("give --catalogue FILE; see 'brickproof coverage --help'");
	return cover(catalogue, results, dir);
}
