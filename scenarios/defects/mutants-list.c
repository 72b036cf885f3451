/* SPDX-License-Identifier: Apache-2.0 */
/* The list of planted defects, mutants.csv. */
#include "defects/plant-defects.h"

#include <string.h>

#define CSV_COLUMNS_MAX 12u
#define CSV_LINE_MAX    1024

/* A line into columns, in place. No quoting: the file is ours. */
static unsigned split_line(char *line, char *columns[CSV_COLUMNS_MAX])
{
	unsigned count = 0;
	line[strcspn(line, "\r\n")] = 0;
	while (count < CSV_COLUMNS_MAX) {
		columns[count++] = line;
		char *comma = strchr(line, ',');
		if (!comma)
			break;
		*comma = 0;
		line = comma + 1;
	}
	return count;
}

static bool is_chosen(const char *name, const char *only)
{
	size_t length = strlen(name);
	for (const char *at = only; at && *at;) {
		size_t n = strcspn(at, ",");
		if (n == length && strncmp(at, name, n) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return !only;
}

static unsigned find_column(char *const *columns, unsigned count, const char *name)
{
	unsigned i = 0;
	while (i < count && strcmp(columns[i], name) != 0)
		i++;
	return i;
}

/* Was this row selected? A rig without a campaign of its own needs a scenario. */
static bool row_chosen(const struct mutant_options *o, const struct mutant *m)
{
	if (o->rig ? strcmp(m->rig->terms.name, o->rig) != 0 : mutant_needs_images(m))
		return false;
	return *m->name && (mutant_has_campaign(m) || *m->expected) && is_chosen(m->name, o->only);
}

unsigned mutants_read(const char *path, const struct mutant_options *o, struct mutant out[MUTANTS_MAX])
{
	char line[CSV_LINE_MAX];
	char heading[CSV_LINE_MAX];
	char *columns[CSV_COLUMNS_MAX];
	char *names[CSV_COLUMNS_MAX];
	FILE *f = fopen(path, "r");
	if (!f || !fgets(heading, sizeof heading, f)) {
		if (f)
			(void)fclose(f);
		return 0;
	}
	unsigned width = split_line(heading, names);
	unsigned name = find_column(names, width, "name");
	unsigned rig = find_column(names, width, "rig");
	unsigned scenario = find_column(names, width, "scenario");
	unsigned count = 0;
	while (count < MUTANTS_MAX && fgets(line, sizeof line, f)) {
		unsigned n = split_line(line, columns);
		struct mutant row = {.rig = rig < n ? yp_rig_find(columns[rig]) : NULL};
		if (name >= n || !row.rig)
			continue;
		(void)snprintf(row.name, sizeof row.name, "%s", columns[name]);
		(void)snprintf(row.expected, sizeof row.expected, "%s", scenario < n ? columns[scenario] : "");
		if (row_chosen(o, &row))
			out[count++] = row;
	}
	(void)fclose(f);
	return count;
}
