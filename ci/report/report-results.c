/* SPDX-License-Identifier: Apache-2.0 */
/* Folds the lines of results.jsonl into what reports show. */
#include "report/report-results.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* While loading, each scenario has an index of its cells by key, so that a line costs O(1). */
struct load {
	json_t *root;
	json_t *by_name; /* scenario name -> scenario object (borrowed into root.scenarios) */
	json_t *cells;   /* scenario name -> { key -> cell object } */
};

const char *results_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

json_int_t results_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static json_t *scenario_of(struct load *load, const char *name)
{
	json_t *scenario = json_object_get(load->by_name, name);
	if (scenario)
		return scenario;
	scenario =
	    json_pack("{s:s, s:s, s:s, s:[], s:[], s:[], s:[], s:[], s:[]}", "scenario", name, "verdict", "ERROR",
		      "reason", "did not end", "media", "entries", "findings", "matrix", "cuts", "failures");
	if (!scenario)
		return NULL;
	(void)json_array_append_new(json_object_get(load->root, "scenarios"), scenario);
	(void)json_object_set(load->by_name, name, scenario);
	(void)json_object_set_new(load->cells, name, json_object());
	return scenario;
}

/* The cell with that key in list `list` of the scenario, made from `fresh` (stolen) if it is not there yet. */
static json_t *cell_of(struct load *load, json_t *scenario, const char *list, const char *key, json_t *fresh)
{
	json_t *cells = json_object_get(load->cells, results_text(scenario, "scenario"));
	json_t *cell = json_object_get(cells, key);
	if (cell || !fresh) {
		json_decref(fresh);
		return cell;
	}
	(void)json_object_set(cells, key, fresh);
	(void)json_array_append_new(json_object_get(scenario, list), fresh);
	return fresh;
}

static void cell_add(json_t *cell, json_int_t count)
{
	(void)json_object_set_new(cell, "count", json_integer(results_number(cell, "count") + count));
}

/* Of a real board every case is listed: each cut, each line of the checklist. */
static void add_board_case(json_t *scenario, json_t *line)
{
	json_t *cases = json_object_get(scenario, "board");
	if (!json_object_get(line, "landings") && !strstr(results_text(line, "id"), "@check:"))
		return;
	if (!cases && json_object_set_new(scenario, "board", json_array()) == 0)
		cases = json_object_get(scenario, "board");
	if (json_array_size(cases) < RESULTS_BOARD_MAX)
		(void)json_array_append(cases, line);
}

static void add_case(struct load *load, json_t *scenario, json_t *line)
{
	const char *step = results_text(line, "step");
	const char *fault = results_text(line, "fault");
	const char *verdict = results_text(line, "verdict");
	const char *label = results_text(line, "label");
	const char *form = results_text(line, "form");
	json_int_t count = json_object_get(line, "count") ? results_number(line, "count") : 1;
	json_int_t entry = json_object_get(line, "entry") ? results_number(line, "entry") : -1;
	char key[256];

	(void)snprintf(key, sizeof key, "m|%s|%s|%s", step, fault, verdict);
	json_t *cell =
	    cell_of(load, scenario, "matrix", key,
		    json_pack("{s:s, s:s, s:s, s:i}", "step", step, "fault", fault, "verdict", verdict, "count", 0));
	cell_add(cell, count);

	if (entry >= 0) {
		(void)snprintf(key, sizeof key, "c|%lld|%s|%s|%s", (long long)entry, label, verdict, form);
		cell = cell_of(load, scenario, "cuts", key,
			       json_pack("{s:I, s:s, s:s, s:s, s:s, s:i, s:[]}", "entry", entry, "step", step, "label",
					 label, "verdict", verdict, "form", form, "count", 0, "ids"));
		cell_add(cell, count);
		json_t *ids = json_object_get(cell, "ids");
		if (json_array_size(ids) < RESULTS_IDS_MAX)
			(void)json_array_append(ids, json_object_get(line, "id"));
	}
	add_board_case(scenario, line);
	json_t *failures = json_object_get(scenario, "failures");
	bool good = !strcmp(verdict, "PASS") || !strcmp(verdict, "SKIP");
	if (!good && json_array_size(failures) < RESULTS_FAILURES_MAX)
		(void)json_array_append(failures, line);
}

static int add_line(struct load *load, json_t *line, char *detail, size_t detail_bytes)
{
	const char *type = results_text(line, "type");
	if (!strcmp(type, "campaign") || !strcmp(type, "end")) {
		(void)json_object_set(load->root, type, line);
		return 0;
	}
	bool is_case = !strcmp(type, "case");
	bool is_part = !strcmp(type, "log") || !strcmp(type, "classes");
	if (!is_part && !is_case && strcmp(type, "scenario") != 0)
		return 0; /* a type of a later version */
	const char *name = results_text(line, "scenario");
	if (!*name) {
		(void)snprintf(detail, detail_bytes, "a \"%s\" line names no scenario", type);
		return 1;
	}
	json_t *scenario = scenario_of(load, name);
	if (!scenario)
		return -ENOMEM;
	if (is_case) {
		add_case(load, scenario, line);
		return 0;
	}
	if (!is_part)
		(void)json_object_del(scenario, "reason"); /* it did end */
	return json_object_update(scenario, line) ? -ENOMEM : 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct fault names of a scenario's matrix, sorted. */
static json_t *faults_of(const json_t *scenario)
{
	json_t *names = json_array();
	json_t *seen = json_object();
	const json_t *matrix = json_object_get(scenario, "matrix");
	size_t count = json_array_size(matrix);
	const char **list = calloc(count + 1, sizeof *list);
	size_t used = 0;
	for (size_t i = 0; list && i < count; i++) {
		const char *fault = results_text(json_array_get(matrix, i), "fault");
		if (!json_object_get(seen, fault)) {
			(void)json_object_set_new(seen, fault, json_true());
			list[used++] = fault;
		}
	}
	if (used)
		qsort(list, used, sizeof *list, by_text);
	for (size_t i = 0; i < used; i++)
		(void)json_array_append_new(names, json_string(list[i]));
	free(list);
	json_decref(seen);
	return names;
}

static int load_lines(struct load *load, FILE *f, char *detail, size_t detail_bytes)
{
	char *text = NULL;
	size_t room = 0;
	int result = 0;
	unsigned long number = 0;
	ssize_t n;
	while (!result && (n = getline(&text, &room, f)) > 0) {
		json_error_t error;
		number++;
		bool whole = text[n - 1] == '\n';
		json_t *line = (size_t)n > RESULTS_LINE_MAX ? NULL : json_loadb(text, (size_t)n, 0, &error);
		if (!line && !whole && feof(f))
			break; /* a campaign that was killed in the middle of its last line */
		if (!json_is_object(line)) {
			(void)snprintf(detail, detail_bytes, "line %lu: not a JSON object", number);
			result = 1;
		} else {
			result = add_line(load, line, detail, detail_bytes);
		}
		json_decref(line);
	}
	if (!result && ferror(f))
		result = -EIO;
	free(text);
	return result;
}

/* Scenarios that the campaign named and never began are errors, unless it ended at its first failure. */
static int add_missing(struct load *load)
{
	const json_t *campaign = json_object_get(load->root, "campaign");
	bool fail_fast = json_is_true(json_object_get(json_object_get(campaign, "limits"), "fail_fast"));
	bool given_up = fail_fast && !json_is_null(json_object_get(load->root, "end"));
	size_t i;
	json_t *name;
	json_array_foreach(json_object_get(campaign, "scenarios"), i, name)
	{
		if (!json_is_string(name) || json_object_get(load->by_name, json_string_value(name)))
			continue;
		json_t *scenario = scenario_of(load, json_string_value(name));
		if (!scenario)
			return -ENOMEM;
		(void)json_object_set_new(scenario, "reason", json_string("was not run"));
		if (given_up)
			(void)json_object_set_new(scenario, "verdict", json_string("SKIP"));
	}
	return 0;
}

static int load_file(struct load *load, FILE *f, char *detail, size_t detail_bytes)
{
	int result = load_lines(load, f, detail, detail_bytes);
	if (!result && !json_object_size(json_object_get(load->root, "campaign"))) {
		(void)snprintf(detail, detail_bytes, "holds no campaign");
		result = 1;
	}
	return result ? result : add_missing(load);
}

int results_load(const char *path, json_t **out, char *detail, size_t detail_bytes)
{
	(void)snprintf(detail, detail_bytes, "%s", "");
	FILE *f = fopen(path, "r");
	if (!f)
		return -errno;
	struct load load = {
	    .root = json_pack("{s:{}, s:n, s:[]}", "campaign", "end", "scenarios"),
	    .by_name = json_object(),
	    .cells = json_object(),
	};
	int result = load.root && load.by_name && load.cells ? load_file(&load, f, detail, detail_bytes) : -ENOMEM;
	(void)fclose(f);
	size_t i;
	json_t *scenario;
	json_array_foreach(json_object_get(load.root, "scenarios"), i, scenario)(void)
	    json_object_set_new(scenario, "faults", faults_of(scenario));
	json_decref(load.by_name);
	json_decref(load.cells);
	if (result)
		json_decref(load.root);
	else
		*out = load.root;
	return result;
}
