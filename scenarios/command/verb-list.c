/* SPDX-License-Identifier: Apache-2.0 */
/* The verb list: the scenarios that there are. */
#include "command/verbs.h"

#include <getopt.h>
#include <string.h>

static void list_help(void)
{
	(void)puts("Usage: yankproof list [PATH|NAME|GROUP|TAG...] [options]\n"
		   "\n"
		   "Shows the scenarios: group and name, rig, subject, title and tags.\n"
		   "\n"
		   "      --tag T               only scenarios with this tag (repeat it to require several)\n"
		   "      --output-format=FORMAT text (default) or json\n"
		   "      --scenarios DIR       the scenarios folder (default: scenarios)\n"
		   "\n"
		   "Exit status: 0, or 2 bad usage or a bad scenario.");
}

static void print_texts(const struct yp_text_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		(void)printf("%s%s", i ? "," : "", list->text[i]);
}

static void list_text(const struct yp_catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++) {
		const struct yp_scenario *s = &catalog->items[i];
		char name[YP_SCENARIO_NAME_MAX + 40];
		(void)snprintf(name, sizeof name, "%s/%s", s->group, s->name);
		(void)printf("%-40s %-7s %-4s %s [", name, s->rig->name, s->subject->name, s->title);
		print_texts(&s->tags);
		(void)puts("]");
	}
}

static json_t *texts_json(const struct yp_text_list *list)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < list->count; i++)
		(void)json_array_append_new(array, json_string(list->text[i]));
	return array;
}

static int list_json(const struct yp_catalog *catalog)
{
	json_t *array = json_array();
	for (size_t i = 0; i < catalog->count; i++) {
		const struct yp_scenario *s = &catalog->items[i];
		(void)json_array_append_new(
		    array, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", s->name, "group", s->group,
				     "title", s->title, "rig", s->rig->name, "path", s->path, "tags",
				     texts_json(&s->tags), "catalogue", texts_json(&s->catalogue)));
	}
	int result = array ? json_dumpf(array, stdout, JSON_INDENT(2)) : -1;
	(void)puts("");
	json_decref(array);
	return result ? YP_EXIT_ERROR : 0;
}

int yp_verb_list(int argc, char **argv)
{
	static const struct option long_options[] = {{"tag", required_argument, NULL, 't'},
						     {"output-format", required_argument, NULL, 'f'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	const char *tags[YP_SELECT_TAGS_MAX];
	unsigned tag_count = 0;
	const char *dir = YP_SCENARIOS_DIR;
	bool json = false;
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 't' && tag_count < YP_SELECT_TAGS_MAX) {
			tags[tag_count++] = optarg;
		} else if (option == 't') {
			return yp_usage_error("--tag: at most %u", YP_SELECT_TAGS_MAX);
		} else if (option == 'f') {
			json = strcmp(optarg, "json") == 0;
			if (!json && strcmp(optarg, "text") != 0)
				return yp_usage_error("--output-format=%s: write text or json", optarg);
		} else if (option == 's') {
			dir = optarg;
		} else if (option == 'h') {
			list_help();
			return 0;
		} else {
			return yp_usage_hint("list");
		}
	}
	struct yp_catalog catalog;
	int status = yp_select(dir, argv + optind, argc - optind, tags, tag_count, &catalog);
	if (!status && json)
		status = list_json(&catalog);
	else if (!status)
		list_text(&catalog);
	yp_catalog_deinit(&catalog);
	return status;
}
