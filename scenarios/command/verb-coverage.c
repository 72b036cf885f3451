/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of a catalogue of faults, and which reasons of the subject, the cases of campaigns cover. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command/verbs.h"
#include "ota/reason.h"
#include "rigs/listed-cases.h"

#define CATALOGUE_LINE_MAX 4096
#define ENTRIES_MAX        1024u
#define NAMES_MAX          6u /* scenarios that a line names */
#define RESULTS_MAX        16u

static void print_help(void)
{
	(void)puts(
	    "Usage: yankproof coverage --catalogue FILE [options] [RESULTS...]\n"
	    "\n"
	    "Prints for each entry of a catalogue of faults (CSV: id,group,injected,expected): the scenarios and the "
	    "number of cases\n"
	    "that cover it, how often the fault landed, and the worst verdict. Entries without a case follow, with the "
	    "reason.\n"
	    "A case counts only for entries that it shows itself. An entry that a scenario names and no case shows is "
	    "UNSHOWN.\n"
	    "Without results: the entries that scenarios name.\n"
	    "\n"
	    "      --catalogue FILE the catalogue\n"
	    "      --results DIR    results of a campaign (may be repeated)\n"
	    "      --skips FILE     CSV id,reason: entries left out on purpose (default: "
	    "SCENARIOS/coverage-skips.csv)\n"
	    "      --reasons        print the subject's reasons instead, each with the cases that produce it\n"
	    "      --strict         an entry (or reason) that is neither covered nor skipped is a MISS\n"
	    "      --scenarios DIR  the scenarios folder (default: scenarios)\n"
	    "\n"
	    "Exit status: 0, 2 bad usage or bad input; with --strict also 1 a FAIL, 3 an ERROR, 4 a MISS or an entry "
	    "uncovered.");
}

/* One entry of the catalogue, or one reason. */
struct entry {
	char id[32];
	char group[8];
	char injected[160];
	uint64_t cases, landed;
	enum yp_verdict worst;
	char names[NAMES_MAX][YP_SCENARIO_NAME_MAX];
	unsigned name_count;
	bool more;      /* than there is room for */
	char skip[256]; /* why it is not covered; "" unknown */
	char first[YP_ID_MAX];
};

struct coverage {
	const struct yp_catalog *catalog;
	struct entry *entries;
	unsigned count;
	struct entry reasons[OTA_REASON_COUNT];
	bool has_results;
};

static struct entry *find_entry(struct coverage *c, const char *id)
{
	for (unsigned i = 0; i < c->count; i++) {
		if (strcmp(c->entries[i].id, id) == 0)
			return &c->entries[i];
	}
	return NULL;
}

static struct entry *find_reason(struct coverage *c, const char *name)
{
	for (unsigned i = 0; i < OTA_REASON_COUNT; i++) {
		if (strcmp(c->reasons[i].id, name) == 0)
			return &c->reasons[i];
	}
	return NULL;
}

static bool is_named(const struct entry *entry, const char *scenario)
{
	for (unsigned i = 0; i < entry->name_count && i < NAMES_MAX; i++) {
		if (strcmp(entry->names[i], scenario) == 0)
			return true;
	}
	return false;
}

static void add_scenario(struct entry *entry, const char *scenario)
{
	if (is_named(entry, scenario))
		return;
	if (entry->name_count < NAMES_MAX)
		(void)snprintf(entry->names[entry->name_count++], sizeof entry->names[0], "%s", scenario);
	else
		entry->more = true;
}

/* ---- reading ---- */

/* Takes the next field of a CSV line, quotes removed, in place; *at moves on. */
static char *read_field(char **at)
{
	char *out = *at;
	char *to = out;
	char *from = out;
	bool quoted = *from == '"';
	from += quoted;
	while (*from && (quoted || *from != ',')) {
		if (quoted && *from == '"' && from[1] != '"') {
			quoted = false;
			from++;
			continue;
		}
		from += quoted && *from == '"';
		*to++ = *from++;
	}
	*at = *from ? from + 1 : from;
	*to = 0;
	return out;
}

static int read_catalogue(struct coverage *c, const char *path)
{
	char line[CATALOGUE_LINE_MAX];
	FILE *f = fopen(path, "r");
	if (!f)
		return yp_usage_error("%s: %s", path, strerror(errno));
	int status = 0;
	for (bool first = true; !status && fgets(line, sizeof line, f); first = false) {
		char *at = line;
		line[strcspn(line, "\r\n")] = 0;
		if (first && strcmp(read_field(&at), "id") != 0)
			status =
			    yp_usage_error("%s:1:1: no catalogue: its heading is id,group,injected,expected", path);
		else if (!first && c->count == ENTRIES_MAX)
			status = yp_usage_error("%s: more than %u entries", path, ENTRIES_MAX);
		if (status || first || !strchr(line, ','))
			continue; /* the heading; an empty line */
		at = line;
		struct entry *e = &c->entries[c->count++];
		(void)snprintf(e->id, sizeof e->id, "%s", read_field(&at));
		(void)snprintf(e->group, sizeof e->group, "%.*s", (int)strcspn(e->id, "-"), e->id);
		(void)read_field(&at);
		(void)snprintf(e->injected, sizeof e->injected, "%s", read_field(&at));
	}
	if (!status && ferror(f))
		status = yp_usage_error("%s: %s", path, strerror(errno));
	(void)fclose(f);
	if (!status && !c->count)
		status = yp_usage_error("%s holds no entry", path);
	return status;
}

/* An entry that is not in the catalogue is a mistake, and refused. */
static int read_skips(struct coverage *c, const char *path, bool required)
{
	char line[CATALOGUE_LINE_MAX];
	FILE *f = fopen(path, "r");
	int status = 0;
	if (!f)
		return required ? yp_usage_error("%s: %s", path, strerror(errno)) : 0;
	for (unsigned number = 1; !status && fgets(line, sizeof line, f); number++) {
		char *at = line;
		line[strcspn(line, "\r\n")] = 0;
		if (number == 1 || !*line || *line == '#')
			continue;
		const char *id = read_field(&at);
		struct entry *e = find_entry(c, id);
		if (!e)
			e = find_reason(c, id);
		const char *why = read_field(&at);
		if (!e || !*why)
			status = yp_usage_error("%s:%u:1: '%s' %s", path, number, id,
						e ? "has no reason; write id,reason"
						  : "is neither in the catalogue nor a reason");
		else
			(void)snprintf(e->skip, sizeof e->skip, "%s", why);
	}
	(void)fclose(f);
	return status;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static void count_cases(struct entry *e, const char *scenario, uint64_t cases, enum yp_verdict verdict, const char *id)
{
	e->cases += cases;
	if (verdict == YP_SKIP)
		return;
	if (verdict == YP_PASS || verdict == YP_FAIL)
		e->landed += cases;
	if (verdict > e->worst || !*e->first) {
		e->worst = verdict > e->worst ? verdict : e->worst;
		(void)snprintf(e->first, sizeof e->first, "%s", id);
	}
	add_scenario(e, scenario);
}

/* A case line lists the entries that it covers; any line may have the subject's reason. */
static void take_case(struct coverage *c, const json_t *line)
{
	const json_t *ids = json_object_get(line, "catalogue");
	const json_t *often = json_object_get(line, "count");
	uint64_t cases = json_integer_value(often) > 0 ? (uint64_t)json_integer_value(often) : 1;
	enum yp_verdict verdict;
	if (yp_verdict_find(text_of(line, "verdict"), &verdict))
		return;
	const char *scenario = text_of(line, "scenario");
	const struct yp_scenario *s = yp_catalog_find(c->catalog, scenario, strlen(scenario));
	/* Beyond the contract: such a case is meant to fail. */
	if (s && s->expect_fail == 1) {
		if (verdict != YP_FAIL)
			return;
		verdict = YP_PASS;
	}
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct entry *e = id ? find_entry(c, id) : NULL;
		if (!e)
			continue;
		count_cases(e, scenario, cases, verdict, text_of(line, "id"));
		if (verdict == YP_SKIP && !*e->skip)
			(void)snprintf(e->skip, sizeof e->skip, "%s", text_of(line, "text"));
	}
	struct entry *reason = find_reason(c, text_of(line, "reason"));
	if (reason && verdict == YP_PASS)
		count_cases(reason, scenario, cases, verdict, text_of(line, "id"));
}

/* Entries that a scenario names but no case shows are listed separately, and are not covered. */
static void take_scenario(struct coverage *c, const json_t *line)
{
	const json_t *ids = json_object_get(line, "catalogue");
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *text = json_string_value(json_array_get(ids, i));
		struct entry *e = text ? find_entry(c, text) : NULL;
		if (e && !e->cases)
			add_scenario(e, text_of(line, "scenario"));
	}
}

static int take_line(void *ctx, const char *text, size_t bytes, json_t *line)
{
	(void)text;
	(void)bytes;
	struct coverage *c = ctx;
	if (strcmp(text_of(line, "type"), "campaign") == 0)
		c->has_results = true;
	else if (strcmp(text_of(line, "type"), "case") == 0)
		take_case(ctx, line);
	else if (strcmp(text_of(line, "type"), "scenario") == 0)
		take_scenario(ctx, line);
	return 0;
}

static int read_results(struct coverage *c, const char *dir)
{
	char path[PATH_MAX];
	char detail[YP_DETAIL_MAX] = "";
	(void)snprintf(path, sizeof path, "%s/%s", dir, YP_RESULTS_FILE);
	c->has_results = false;
	if (yp_results_read(path, take_line, c, detail, sizeof detail))
		return yp_usage_error("%s", *detail ? detail : path);
	return c->has_results ? 0 : yp_usage_error("%s holds no campaign", path);
}

/* Without results: entries that the files name. */
static void read_names(struct coverage *c)
{
	for (size_t i = 0; i < c->catalog->count; i++) {
		const struct yp_scenario *s = &c->catalog->items[i];
		for (unsigned k = 0; k < s->catalogue.count; k++) {
			struct entry *e = find_entry(c, s->catalogue.text[k]);
			if (e)
				add_scenario(e, s->name);
		}
	}
}

/* ---- printing ---- */

enum state {
	STATE_PASS,
	STATE_SKIP,
	STATE_NAMED,
	STATE_UNCOVERED,
	STATE_WORD,
	STATE_MISS,
	STATE_ERROR,
	STATE_FAIL,
	STATE_COUNT
};
static const char *const state_texts[] = {"PASS", "SKIP", "NAMED", "UNCOVERED", "UNSHOWN", "MISS", "ERROR", "FAIL"};
static const int state_status[] = {0, 0, 0, 4, 4, 4, 3, 1};

static enum state state_of(const struct coverage *c, const struct entry *e)
{
	if (e->worst == YP_FAIL)
		return STATE_FAIL;
	if (e->worst == YP_ERROR)
		return STATE_ERROR;
	if (e->worst == YP_MISS)
		return STATE_MISS;
	if (e->landed)
		return STATE_PASS;
	if (!c->has_results && e->name_count)
		return STATE_NAMED;
	return *e->skip ? STATE_SKIP : e->name_count ? STATE_WORD : STATE_UNCOVERED;
}

static enum state print_entry(const struct coverage *c, const struct entry *e, int width)
{
	enum state state = state_of(c, e);
	char a[32];
	char b[32];
	(void)printf("%-*s %-9s ", width, e->id, state_texts[state]);
	if (state == STATE_SKIP || state == STATE_UNCOVERED) {
		(void)printf("%s\n", state == STATE_SKIP ? e->skip : e->injected);
		return state;
	}
	if (state == STATE_WORD)
		(void)printf("named, and shown by no case of ");
	if (e->cases)
		(void)printf("landed %s of %s in ", yp_summary_number(e->landed, a), yp_summary_number(e->cases, b));
	for (unsigned i = 0; i < e->name_count && i < NAMES_MAX; i++)
		(void)printf("%s%s", i ? ", " : "", e->names[i]);
	if (e->more)
		(void)printf(" and more");
	if (*e->first)
		(void)printf("; %s%s", state == STATE_PASS ? "" : "worst ", e->first);
	(void)puts("");
	return state;
}

static int worse_status(int a, int b)
{
	static const int order[] = {0, 4, 3, 1};
	for (size_t i = sizeof order / sizeof *order; i-- > 0;) {
		if (a == order[i] || b == order[i])
			return order[i];
	}
	return 0;
}

static void print_tally(const char *name, const unsigned tally[STATE_COUNT])
{
	unsigned all = 0;
	for (unsigned s = 0; s < STATE_COUNT; s++)
		all += tally[s];
	(void)printf("%-8s %4u:", name, all);
	for (unsigned s = 0; s < STATE_COUNT; s++) {
		if (tally[s])
			(void)printf("  %u %s", tally[s], state_texts[s]);
	}
	(void)puts("");
}

/* Returns the status that --strict ends with. */
static int print_coverage(const struct coverage *c)
{
	unsigned all[STATE_COUNT] = {0};
	int status = 0;
	for (unsigned i = 0; i < c->count; i++) {
		enum state state = print_entry(c, &c->entries[i], 7);
		all[state]++;
		status = worse_status(status, state_status[state]);
	}
	(void)puts("");
	for (unsigned i = 0; i < c->count;) {
		unsigned tally[STATE_COUNT] = {0};
		unsigned from = i;
		for (; i < c->count && strcmp(c->entries[i].group, c->entries[from].group) == 0; i++)
			tally[state_of(c, &c->entries[i])]++;
		print_tally(c->entries[from].group, tally);
	}
	print_tally("all", all);
	return status;
}

static int print_reasons(const struct coverage *c)
{
	unsigned all[STATE_COUNT] = {0};
	int status = 0;
	for (unsigned i = 0; i < OTA_REASON_COUNT; i++) {
		enum state state = print_entry(c, &c->reasons[i], 18);
		all[state]++;
		status = worse_status(status, state_status[state]);
	}
	print_tally("reasons", all);
	return status;
}

struct options {
	const char *catalogue, *skips, *scenarios;
	const char *results[RESULTS_MAX];
	unsigned result_count;
	bool reasons, strict;
};

static int cover_catalogue(struct coverage *c, const struct options *o)
{
	char skips[PATH_MAX];
	for (unsigned i = 0; i < OTA_REASON_COUNT; i++) {
		(void)snprintf(c->reasons[i].id, sizeof c->reasons[i].id, "%s", ota_reason_name((int)i));
		(void)snprintf(c->reasons[i].injected, sizeof c->reasons[i].injected, "%s", ota_reason_text((int)i));
	}
	(void)snprintf(skips, sizeof skips, "%s/coverage-skips.csv", o->scenarios);
	int status = read_catalogue(c, o->catalogue);
	if (!status)
		status = read_skips(c, o->skips ? o->skips : skips, o->skips != NULL);
	for (unsigned i = 0; !status && i < o->result_count; i++)
		status = read_results(c, o->results[i]);
	if (status)
		return status;
	if (!c->has_results)
		read_names(c);
	status = o->reasons ? print_reasons(c) : print_coverage(c);
	return o->strict ? status : 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	enum { SKIPS = 256, REASONS, STRICT };
	static const struct option long_options[] = {{"catalogue", required_argument, NULL, 'c'},
						     {"results", required_argument, NULL, 'r'},
						     {"dir", required_argument, NULL, 'r'},
						     {"scenarios", required_argument, NULL, 's'},
						     {"skips", required_argument, NULL, SKIPS},
						     {"reasons", no_argument, NULL, REASONS},
						     {"strict", no_argument, NULL, STRICT},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			return -1;
		}
		if (option == 'c')
			o->catalogue = optarg;
		else if (option == 's')
			o->scenarios = optarg;
		else if (option == SKIPS)
			o->skips = optarg;
		else if (option == REASONS)
			o->reasons = true;
		else if (option == STRICT)
			o->strict = true;
		else if (option == 'r' && o->result_count < RESULTS_MAX)
			o->results[o->result_count++] = optarg;
		else
			return yp_usage_hint("coverage");
	}
	while (optind < argc && o->result_count < RESULTS_MAX)
		o->results[o->result_count++] = argv[optind++];
	if (!o->catalogue || optind != argc)
		return yp_usage_error("give --catalogue FILE; see 'yankproof coverage --help'");
	return 0;
}

int yp_verb_coverage(int argc, char **argv)
{
	struct options o = {.scenarios = YP_SCENARIOS_DIR};
	int status = parse_options(argc, argv, &o);
	if (status)
		return status < 0 ? 0 : status;
	struct yp_catalog catalog;
	struct coverage *c = calloc(1, sizeof *c);
	if (!c)
		return yp_no_memory();
	status = yp_select(o.scenarios, NULL, 0, NULL, 0, &catalog);
	c->catalog = &catalog;
	if (!status) {
		c->entries = calloc(ENTRIES_MAX, sizeof *c->entries);
		status = c->entries ? cover_catalogue(c, &o) : yp_no_memory();
	}
	free(c->entries);
	free(c);
	yp_catalog_deinit(&catalog);
	return status;
}
