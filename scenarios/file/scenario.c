/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a scenario file: tables of its keys, and the rules between them. */
#include "file/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/civil-time.h"
#include "file/schema.h"

static const char *const image_names[] = {"good",         "panics",      "hangs",     "no-root", "health-fails",
					  "health-hangs", "crash-loops", "no-kernel", NULL};
static const char *const slot_names[] = {"old", "empty", NULL};
static const char *const verdict_names[] = {"PASS", "FAIL", NULL};
static const char *const explore_names[] = {"closure", "one-cut", NULL};
static const char *const at_names[] = {"every", NULL};
static const char *const env_bad_names[] = {"none", "copy-0", "copy-1", "both", NULL};
static const char *const lie_names[] = {"none",
					"no-signature",
					"empty-signature",
					"bad-signature",
					"wrong-purpose",
					"untrusted",
					"corrupt-manifest",
					"corrupt-chunk",
					"incompatible",
					"expired",
					"too-big",
					"truncated",
					"flaky-chunk",
					NULL};
static const char *const report_url_names[] = {"configured", "none", NULL};
static const char *const version_names[] = {"old", "new", NULL};
/* Indexed by enum yp_sim_fault_kind; the power cut of the explorer is not among them. */
static const char *const fault_names[] = {"none",         "read-eio",  "write-eio", "flush-eio", "enospc", "bitflip",
					  "short-answer", "no-memory", "stop",      "power",     "clock",  NULL};

const char *yp_fault_text(enum yp_sim_fault_kind kind)
{
	return (unsigned)kind <= YP_SIM_FAULT_CLOCK ? fault_names[kind] : "unknown";
}

int yp_fault_find(const char *text, size_t length, enum yp_sim_fault_kind *out)
{
	for (unsigned i = 0; fault_names[i]; i++) {
		if (strlen(fault_names[i]) == length && memcmp(fault_names[i], text, length) == 0) {
			*out = (enum yp_sim_fault_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* While a file is read: what it may name. */
struct loading {
	yp_rig_table *rigs;
};

static const char *check_name(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-'))
			return "use a-z, 0-9 and '-' only";
	}
	return NULL;
}

static const char *check_id(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (!((*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-'))
			return "use A-Z, 0-9 and '-' only";
	}
	return NULL;
}

const char *yp_scenario_check_match(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || strchr("-.:S", *c)))
			return "write the beginning of case ids, such as flp:header";
	}
	return NULL;
}

static const char *check_reason(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (!((*c >= 'A' && *c <= 'Z') || *c == '_'))
			return "write a reason's name, such as HEALTH_FAILED";
	}
	return NULL;
}

static int read_rig(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base)
{
	const struct loading *loading = schema->ctx;
	const struct yp_rig_terms *rig;
	struct yp_scenario *scenario = base;
	char known[256] = "";
	const char *text = yp_schema_scalar(schema, node, field->key, NULL);
	for (size_t i = 0; text && (rig = loading->rigs(i)); i++) {
		if (strcmp(text, rig->name) == 0) {
			scenario->rig = rig;
			return 0;
		}
		yp_schema_list(known, sizeof known, rig->name);
	}
	return text ? yp_schema_choice_error(schema, node, field->key, text, known) : 1;
}

static int read_subject(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base)
{
	struct yp_scenario *scenario = base;
	char known[256] = "";
	const char *text = yp_schema_scalar(schema, node, field->key, NULL);
	const struct yp_subject *subject = text ? yp_subject_find(text) : NULL;
	if (!text)
		return 1;
	if (subject) {
		scenario->subject = subject;
		return 0;
	}
	for (const struct yp_subject *const *at = yp_subjects(); *at; at++)
		yp_schema_list(known, sizeof known, (*at)->name);
	return yp_schema_choice_error(schema, node, field->key, text, known);
}

/* A list of texts, or one text. field->max: how many; field->check: what each must be. */
static int read_texts(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base)
{
	unsigned char *at = (unsigned char *)base + field->offset;
	struct yp_text_list *list = (struct yp_text_list *)(void *)at;
	const struct yp_schema_field item = {
	    .key = field->key, .type = YP_SCHEMA_TEXT, .bytes = sizeof list->text[0], .check = field->check};
	list->count = 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return yp_schema_error(schema, node, "'%s' is not a list; write [one, two]", field->key);
	yaml_node_item_t *items = node->data.sequence.items.start;
	size_t count = (size_t)(node->data.sequence.items.top - items);
	if (count > field->max)
		return yp_schema_error(schema, node, "'%s' has %zu entries; at most %u are allowed", field->key, count,
				       (unsigned)field->max);
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *value = yaml_document_get_node(&schema->document, items[i]);
		int result = yp_schema_value(schema, value, &item, list->text[i]);
		if (result)
			return result;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(list->text[k], list->text[i]) == 0)
				return yp_schema_error(schema, value, "'%s' is in the list twice; keep one",
						       list->text[i]);
		}
	}
	list->count = (unsigned)count;
	return 0;
}

static int read_clocks(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base)
{
	struct yp_fault *fault = base;
	if (node->type != YAML_SEQUENCE_NODE)
		return yp_schema_error(schema, node, "'%s' is not a list; write [1970-01-01, -1d, +20y]", field->key);
	yaml_node_item_t *items = node->data.sequence.items.start;
	size_t count = (size_t)(node->data.sequence.items.top - items);
	if (count == 0 || count > YP_SCENARIO_CLOCKS_MAX)
		return yp_schema_error(schema, node, "'%s' has %zu entries; write 1 to %u", field->key, count,
				       YP_SCENARIO_CLOCKS_MAX);
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *value = yaml_document_get_node(&schema->document, items[i]);
		const char *text = yp_schema_scalar(schema, value, field->key, NULL);
		if (!text)
			return 1;
		if (yp_civil_parse(text, YP_SIM_STORY_CLOCK_S, &fault->clock_s[i]))
			return yp_schema_error(
			    schema, value, "'%.40s' is no time; write 1970-01-01, 2038-01-19T03:14:08Z, -1d or +20y",
			    text);
	}
	fault->clock_count = (unsigned)count;
	return 0;
}

/* "for-ever" or how many. */
static int read_report_down(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field,
			    void *base)
{
	struct yp_scenario *scenario = base;
	const struct yp_schema_field number = {.key = field->key,
					       .type = YP_SCHEMA_UINT,
					       .offset = offsetof(struct yp_scenario, spec.report_down),
					       .max = 1000};
	if (node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, "for-ever") == 0) {
		scenario->spec.report_down = YP_SIM_FOR_EVER;
		return 0;
	}
	return yp_schema_value(schema, node, &number, base);
}

/* A power cut's options live in the scenario's limits and in the fault: one struct for the table. */
struct power_cut {
	unsigned explore;
	struct yp_limits limits;
};
static const struct yp_schema_field power_cut_fields[] = {
    {.key = "explore", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct power_cut, explore), .names = explore_names},
    {.key = "subset-writes",
     .type = YP_SCHEMA_UINT,
     .offset = offsetof(struct power_cut, limits.subset_writes),
     .max = 20},
    {.key = "samples", .type = YP_SCHEMA_UINT, .offset = offsetof(struct power_cut, limits.samples), .max = 100000},
    {.key = "audit", .type = YP_SCHEMA_FRACTION, .offset = offsetof(struct power_cut, limits.audit_fraction)},
    {.key = NULL}};

struct point {
	struct yp_fault fault;
	unsigned every;
};
static const struct yp_schema_field point_fields[] = {
    {.key = "at", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct point, every), .names = at_names},
    {.key = "nth", .type = YP_SCHEMA_U64, .offset = offsetof(struct point, fault.nth), .min = 1, .max = 1000000000},
    {.key = "for-ever", .type = YP_SCHEMA_FLAG, .offset = offsetof(struct point, fault.for_ever)},
    {.key = NULL}};
static const struct yp_schema_field clock_fields[] = {
    {.key = "at", .type = YP_SCHEMA_CUSTOM, .read = read_clocks, .required = true}, {.key = NULL}};

static int read_fault_options(struct yp_schema *schema, yaml_node_t *key, yaml_node_t *node, struct yp_fault *fault,
			      struct yp_limits *limits)
{
	if (fault->power_cut) {
		struct power_cut options = {.limits = *limits};
		int result = yp_schema_map(schema, node, power_cut_fields, &options);
		fault->explore = options.explore;
		*limits = options.limits;
		return result;
	}
	if (fault->lister)
		return yp_schema_map(schema, node, fault->lister->options, fault);
	if (fault->kind == YP_SIM_FAULT_CLOCK)
		return yp_schema_map(schema, node, clock_fields, fault);
	struct point point = {.every = 1, .fault = *fault};
	int result = yp_schema_map(schema, node, point_fields, &point);
	if (result)
		return result;
	bool every = point.every == 0;
	if (every == (point.fault.nth != 0))
		return yp_schema_error(schema, key, "where does the fault fall? Write either 'at: every' or 'nth: N'");
	*fault = point.fault;
	return 0;
}

/* The rig whose fault is called so; NULL: none. */
static const struct yp_rig_terms *find_lister(const struct yp_schema *schema, const char *kind)
{
	const struct loading *loading = schema->ctx;
	const struct yp_rig_terms *rig;
	for (size_t i = 0; (rig = loading->rigs(i)); i++) {
		if (rig->fault && strcmp(rig->fault, kind) == 0)
			return rig;
	}
	return NULL;
}

static int refuse_fault(struct yp_schema *schema, const yaml_node_t *key, const char *kind)
{
	const struct loading *loading = schema->ctx;
	const struct yp_rig_terms *rig;
	char known[256] = "power-cut";
	for (unsigned i = YP_SIM_FAULT_NONE + 1; fault_names[i]; i++)
		yp_schema_list(known, sizeof known, fault_names[i]);
	for (size_t i = 0; (rig = loading->rigs(i)); i++) {
		if (rig->fault)
			yp_schema_list(known, sizeof known, rig->fault);
	}
	return yp_schema_error(schema, key, "unknown fault '%.40s'; choose one of: %s", kind, known);
}

static int read_fault(struct yp_schema *schema, yaml_node_t *node, struct yp_fault *fault, struct yp_limits *limits)
{
	if (node->type != YAML_MAPPING_NODE || node->data.mapping.pairs.top - node->data.mapping.pairs.start != 1)
		return yp_schema_error(schema, node, "not one fault; write '- KIND: {options}'");
	yaml_node_t *key = yaml_document_get_node(&schema->document, node->data.mapping.pairs.start->key);
	yaml_node_t *value = yaml_document_get_node(&schema->document, node->data.mapping.pairs.start->value);
	const char *kind = yp_schema_scalar(schema, key, "a fault's kind", NULL);
	if (!kind)
		return 1;
	fault->power_cut = strcmp(kind, "power-cut") == 0;
	fault->lister = find_lister(schema, kind);
	if (!fault->power_cut && !fault->lister &&
	    (yp_fault_find(kind, strlen(kind), &fault->kind) || fault->kind == YP_SIM_FAULT_NONE))
		return refuse_fault(schema, key, kind);
	return read_fault_options(schema, key, value, fault, limits);
}

static int read_faults(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base)
{
	struct yp_scenario *scenario = base;
	if (node->type != YAML_SEQUENCE_NODE)
		return yp_schema_error(schema, node, "'%s' is not a list; write '- power-cut: {explore: closure}'",
				       field->key);
	yaml_node_item_t *items = node->data.sequence.items.start;
	size_t count = (size_t)(node->data.sequence.items.top - items);
	if (count > YP_SCENARIO_FAULTS_MAX)
		return yp_schema_error(schema, node, "%zu faults; at most %u are allowed", count,
				       YP_SCENARIO_FAULTS_MAX);
	bool cut = false;
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *item = yaml_document_get_node(&schema->document, items[i]);
		int result = read_fault(schema, item, &scenario->faults[i], &scenario->limits);
		if (result)
			return result;
		if (scenario->faults[i].power_cut && cut)
			return yp_schema_error(schema, item, "a second power-cut; keep one, it explores them all");
		cut = cut || scenario->faults[i].power_cut;
	}
	scenario->fault_count = (unsigned)count;
	return 0;
}

static const struct yp_schema_field storage_fields[] = {
    {.key = "slots", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct yp_scenario, slots), .names = yp_model_names},
    {.key = "env", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct yp_scenario, env), .names = yp_model_names},
    {.key = "state", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct yp_scenario, state), .names = yp_model_names},
    {.key = "data", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct yp_scenario, data), .names = yp_model_names},
    {.key = NULL}};

#define SPEC(member) offsetof(struct yp_scenario, spec.member)
static const struct yp_schema_field story_fields[] = {
    {.key = "slot-kib", .type = YP_SCHEMA_UINT, .offset = SPEC(slot_kib), .min = 16, .max = 65536},
    {.key = "tail-kib", .type = YP_SCHEMA_UINT, .offset = SPEC(tail_kib), .min = 8, .max = 65536},
    {.key = "kernel-kib", .type = YP_SCHEMA_UINT, .offset = SPEC(kernel_kib), .max = 65536},
    {.key = "env-bytes", .type = YP_SCHEMA_UINT, .offset = SPEC(env_bytes), .min = 1024, .max = 131072},
    {.key = "chunk-bytes", .type = YP_SCHEMA_UINT, .offset = SPEC(chunk_bytes), .min = 512, .max = 1048576},
    {.key = "checkpoint-kib", .type = YP_SCHEMA_UINT, .offset = SPEC(checkpoint_kib), .min = 1, .max = 65536},
    {.key = "boot-attempts", .type = YP_SCHEMA_UINT, .offset = SPEC(boot_attempts), .min = 1, .max = 10},
    {.key = "new-image", .type = YP_SCHEMA_CHOICE, .offset = SPEC(new_kind), .names = image_names},
    {.key = "slot-b", .type = YP_SCHEMA_CHOICE, .offset = offsetof(struct yp_scenario, slot_b), .names = slot_names},
    {.key = "serve", .type = YP_SCHEMA_FLAG, .offset = SPEC(serve)},
    {.key = "downgrade", .type = YP_SCHEMA_FLAG, .offset = SPEC(downgrade)},
    {.key = "after-rollback", .type = YP_SCHEMA_FLAG, .offset = SPEC(after_rollback)},
    {.key = "committed", .type = YP_SCHEMA_FLAG, .offset = SPEC(committed)},
    {.key = "env-counter", .type = YP_SCHEMA_BYTE, .offset = SPEC(env_counter), .max = 255},
    {.key = "env-bad", .type = YP_SCHEMA_CHOICE, .offset = SPEC(env_bad), .names = env_bad_names},
    {.key = "bundle-lie", .type = YP_SCHEMA_CHOICE, .offset = SPEC(bundle_lie), .names = lie_names},
    {.key = "report-down", .type = YP_SCHEMA_CUSTOM, .read = read_report_down},
    {.key = "report-url",
     .type = YP_SCHEMA_CHOICE,
     .offset = offsetof(struct yp_scenario, report_url),
     .names = report_url_names},
    {.key = "quick-cycles", .type = YP_SCHEMA_UINT, .offset = SPEC(quick_cycles), .max = 20},
    {.key = NULL}};

static const struct yp_schema_field expect_fields[] = {
    {.key = "version",
     .type = YP_SCHEMA_CHOICE,
     .offset = offsetof(struct yp_scenario, version),
     .names = version_names,
     .required = true},
    {.key = "strict", .type = YP_SCHEMA_FLAG, .offset = offsetof(struct yp_scenario, expect.strict)},
    {.key = "reason",
     .type = YP_SCHEMA_TEXT,
     .offset = offsetof(struct yp_scenario, expect.reason),
     .bytes = 32,
     .check = check_reason},
    {.key = "verdict",
     .type = YP_SCHEMA_CHOICE,
     .offset = offsetof(struct yp_scenario, expect_fail),
     .names = verdict_names},
    {.key = NULL}};

#define LIMIT(member) offsetof(struct yp_scenario, limits.member)
static const struct yp_schema_field limits_fields[] = {
    {.key = "states", .type = YP_SCHEMA_U64, .offset = LIMIT(states_max), .min = 1, .max = 1000000000},
    {.key = "runs", .type = YP_SCHEMA_U64, .offset = LIMIT(runs_max), .min = 1, .max = 1000000000},
    {.key = "depth", .type = YP_SCHEMA_UINT, .offset = LIMIT(depth_max), .min = 1, .max = YP_CUTS_MAX},
    {.key = "seconds",
     .type = YP_SCHEMA_UINT,
     .offset = offsetof(struct yp_scenario, seconds),
     .min = 1,
     .max = YP_SECONDS_MAX},
    {.key = NULL}};

#define FIELD(member) offsetof(struct yp_scenario, member)
static const struct yp_schema_field scenario_fields[] = {
    {.key = "name",
     .type = YP_SCHEMA_TEXT,
     .offset = FIELD(name),
     .bytes = YP_SCENARIO_NAME_MAX,
     .check = check_name,
     .required = true},
    {.key = "title", .type = YP_SCHEMA_TEXT, .offset = FIELD(title), .bytes = 160, .required = true},
    {.key = "group",
     .type = YP_SCHEMA_TEXT,
     .offset = FIELD(group),
     .bytes = 32,
     .check = check_name,
     .required = true},
    {.key = "tags",
     .type = YP_SCHEMA_CUSTOM,
     .offset = FIELD(tags),
     .max = YP_SCENARIO_TAGS_MAX,
     .check = check_name,
     .read = read_texts},
    {.key = "catalogue",
     .type = YP_SCHEMA_CUSTOM,
     .offset = FIELD(catalogue),
     .max = YP_SCENARIO_IDS_MAX,
     .check = check_id,
     .read = read_texts},
    {.key = "rig", .type = YP_SCHEMA_CUSTOM, .read = read_rig, .required = true},
    {.key = "subject", .type = YP_SCHEMA_CUSTOM, .read = read_subject},
    {.key = "storage", .type = YP_SCHEMA_MAP, .fields = storage_fields},
    {.key = "story", .type = YP_SCHEMA_MAP, .fields = story_fields},
    {.key = "faults", .type = YP_SCHEMA_CUSTOM, .read = read_faults},
    {.key = "expect", .type = YP_SCHEMA_MAP, .fields = expect_fields},
    {.key = "limits", .type = YP_SCHEMA_MAP, .fields = limits_fields},
    {.key = NULL}};

static void fill_defaults(struct yp_scenario *out)
{
	*out = (struct yp_scenario){
	    .subject = yp_subject_find(NULL),
	    .version = 2,
	    .spec = {.slot_kib = 96,
		     .env_bytes = 4096,
		     .chunk_bytes = 4096,
		     .checkpoint_kib = 16,
		     .boot_attempts = 3,
		     .serve = true,
		     .seed = 1},
	    .limits = {.subset_writes = 10, .samples = 64, .seed = 1, .audit_fraction = 0.02},
	};
}

/* Which rig takes which faults, and where the expectation comes from. */
static int check_rig(struct yp_schema *schema, const yaml_node_t *root, const struct yp_scenario *out)
{
	const struct yp_rig_terms *rig = out->rig;
	if (rig->subject && strcmp(rig->subject, out->subject->name) != 0)
		return yp_schema_error(schema, root, "rig %s runs subject %s only; write 'subject: %s', not %s",
				       rig->name, rig->subject, rig->subject, out->subject->name);
	for (unsigned i = 0; i < out->fault_count; i++) {
		if (out->faults[i].lister != (rig->fault ? rig : NULL))
			return yp_schema_error(schema, root, "rig %s takes %s faults only; fault %u is of another kind",
					       rig->name, rig->fault ? rig->fault : "other", i + 1);
	}
	if (out->seconds && !rig->takes_seconds)
		return yp_schema_error(
		    schema, root, "'seconds' does not limit rig %s; remove it, or write 'states' or 'runs'", rig->name);
	if (!rig->fault && out->version > 1)
		return yp_schema_error(schema, root, "'expect' is missing; add 'expect: ...'");
	if (rig->fault && out->version < 2)
		return yp_schema_error(schema, root, "each case of rig %s says what it expects; remove 'expect'",
				       rig->name);
	if (rig->fault && !out->fault_count)
		return yp_schema_error(schema, root, "'faults' is missing; write '- %s: {...}'", rig->fault);
	return 0;
}

/* Rules between fields, which the tables cannot express, and the copies into sim's structs. */
static int check_scenario(struct yp_schema *schema, struct yp_scenario *out)
{
	yaml_node_t *root = yaml_document_get_root_node(&schema->document);
	int result = check_rig(schema, root, out);
	if (result)
		return result;
	out->spec.slot_b_empty = out->slot_b == 1;
	out->spec.report_url_none = out->report_url == 1;
	(void)snprintf(out->expect.version, sizeof out->expect.version, "%s",
		       out->version < 2 ? version_names[out->version] : "");
	if (out->spec.chunk_bytes % YP_SECTOR_BYTES || out->spec.env_bytes % YP_SECTOR_BYTES)
		return yp_schema_error(schema, root, "chunk-bytes and env-bytes must be multiples of %u; round them up",
				       YP_SECTOR_BYTES);
	if (out->spec.downgrade && !out->spec.serve)
		return yp_schema_error(schema, root, "'downgrade' needs a server; write 'serve: true' or remove it");
	return 0;
}

int yp_scenario_parse(yp_rig_table *rigs, const char *path, const uint8_t *text, size_t bytes, struct yp_scenario *out,
		      char *detail, size_t detail_bytes)
{
	fill_defaults(out);
	(void)snprintf(out->path, sizeof out->path, "%s", path);
	struct yp_schema schema;
	int result = yp_schema_init(&schema, path, text, bytes, detail, detail_bytes);
	if (result)
		return result;
	struct loading loading = {.rigs = rigs};
	schema.ctx = &loading;
	result = yp_schema_map(&schema, yaml_document_get_root_node(&schema.document), scenario_fields, out);
	if (!result)
		result = check_scenario(&schema, out);
	yp_schema_deinit(&schema);
	return result;
}

bool yp_scenario_tagged(const struct yp_scenario *scenario, const char *tag)
{
	for (unsigned i = 0; i < scenario->tags.count; i++) {
		if (strcmp(scenario->tags.text[i], tag) == 0)
			return true;
	}
	return false;
}

void yp_scenario_storage(const struct yp_scenario *scenario, char *out, size_t out_bytes)
{
	(void)snprintf(out, out_bytes, "slots %s, env %s, state %s, data %s", yp_model_row(scenario->slots)->name,
		       yp_model_row(scenario->env)->name, yp_model_row(scenario->state)->name,
		       yp_model_row(scenario->data)->name);
}
