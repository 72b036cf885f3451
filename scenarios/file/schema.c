/* SPDX-License-Identifier: Apache-2.0 */
/* Reads YAML into structs by tables; a value that does not fit is refused with its place. */
#include "file/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_SHOWN_MAX 40 /* characters of a bad value that a message repeats */

__attribute__((format(printf, 3, 0))) static int write_error(struct yp_schema *schema, yaml_mark_t mark,
							     const char *format, va_list args)
{
	int n = snprintf(schema->detail, schema->detail_bytes, "%s:%zu:%zu: ", schema->path, mark.line + 1,
			 mark.column + 1);
	if (n > 0 && (size_t)n < schema->detail_bytes)
		(void)vsnprintf(schema->detail + n, schema->detail_bytes - (size_t)n, format, args);
	/* A value may hold a line break; a message is one line. */
	for (char *c = schema->detail; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return 1;
}

int yp_schema_error(struct yp_schema *schema, const yaml_node_t *node, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int result = write_error(schema, node->start_mark, format, args);
	va_end(args);
	return result;
}

__attribute__((format(printf, 3, 4))) static int error_at(struct yp_schema *schema, yaml_mark_t mark,
							  const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int result = write_error(schema, mark, format, args);
	va_end(args);
	return result;
}

static int parser_failed(struct yp_schema *schema, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	const char *problem = parser->problem ? parser->problem : "not YAML";
	return error_at(schema, parser->problem_mark, "%s; correct the YAML here", problem);
}

/* A second document would be silently ignored otherwise. */
static int expect_end(struct yp_schema *schema, yaml_parser_t *parser)
{
	yaml_document_t next;
	if (!yaml_parser_load(parser, &next))
		return parser_failed(schema, parser);
	yaml_node_t *root = yaml_document_get_root_node(&next);
	int result = 0;
	if (root)
		result = yp_schema_error(schema, root, "a second document; write one scenario a file");
	yaml_document_delete(&next);
	return result;
}

int yp_schema_init(struct yp_schema *schema, const char *path, const uint8_t *text, size_t bytes, char *detail,
		   size_t detail_bytes)
{
	*schema = (struct yp_schema){.path = path, .detail = detail, .detail_bytes = detail_bytes};
	if (detail_bytes)
		detail[0] = 0;
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, text, bytes);
	int result = 0;
	if (!yaml_parser_load(&parser, &schema->document)) {
		result = parser_failed(schema, &parser);
		yaml_parser_delete(&parser);
		return result;
	}
	if (!yaml_document_get_root_node(&schema->document))
		result = error_at(schema, schema->document.start_mark, "no document; write at least name and title");
	else
		result = expect_end(schema, &parser);
	yaml_parser_delete(&parser);
	if (result)
		yaml_document_delete(&schema->document);
	return result;
}

void yp_schema_deinit(struct yp_schema *schema)
{
	yaml_document_delete(&schema->document);
}

const char *yp_schema_scalar(struct yp_schema *schema, const yaml_node_t *node, const char *key, bool *plain)
{
	if (node->type != YAML_SCALAR_NODE) {
		(void)yp_schema_error(schema, node, "'%s' is a %s; write a single value", key,
				      node->type == YAML_MAPPING_NODE ? "mapping" : "list");
		return NULL;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		(void)yp_schema_error(schema, node, "'%s' holds a NUL byte; remove it", key);
		return NULL;
	}
	if (plain)
		*plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return text;
}

/* How many single-character edits lead from a to b: for "did you mean". Bounded rows. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t columns = strlen(b);
	if (columns >= 63 || strlen(a) >= 63)
		return 64;
	for (unsigned j = 0; j <= columns; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned corner = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= columns; j++) {
			unsigned above = row[j];
			unsigned best = corner + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			corner = above;
		}
	}
	return row[columns];
}

void yp_schema_list(char *list, size_t list_bytes, const char *word)
{
	size_t used = strlen(list);
	if (used + strlen(word) + 3 <= list_bytes)
		(void)snprintf(list + used, list_bytes - used, "%s%s", used ? ", " : "", word);
}

int yp_schema_choice_error(struct yp_schema *schema, const yaml_node_t *node, const char *key, const char *text,
			   const char *known)
{
	return yp_schema_error(schema, node, "'%s' is '%.*s'; choose one of: %s", key, SCHEMA_SHOWN_MAX, text, known);
}

static int unknown_key(struct yp_schema *schema, const yaml_node_t *node, const char *key,
		       const struct yp_schema_field *fields)
{
	const char *nearest = NULL;
	unsigned least = 4;
	char known[256] = "";
	for (const struct yp_schema_field *f = fields; f->key; f++) {
		unsigned distance = edit_distance(key, f->key);
		if (distance < least) {
			least = distance;
			nearest = f->key;
		}
		yp_schema_list(known, sizeof known, f->key);
	}
	if (nearest)
		return yp_schema_error(schema, node, "unknown key '%.*s'; did you mean '%s'?", SCHEMA_SHOWN_MAX, key,
				       nearest);
	return yp_schema_error(schema, node, "unknown key '%.*s'; remove it, the keys here are: %s", SCHEMA_SHOWN_MAX,
			       key, known);
}

int yp_schema_map(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *fields, void *base)
{
	if (node->type != YAML_MAPPING_NODE)
		return yp_schema_error(schema, node, "not a mapping; write 'key: value' lines here, such as '%s:'",
				       fields[0].key);
	bool seen[YP_SCHEMA_FIELDS_MAX] = {false};
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&schema->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&schema->document, pair->value);
		const char *name = yp_schema_scalar(schema, key, "a key", NULL);
		if (!name)
			return 1;
		unsigned i = 0;
		while (fields[i].key && strcmp(fields[i].key, name) != 0)
			i++;
		if (!fields[i].key)
			return unknown_key(schema, key, name, fields);
		if (seen[i])
			return yp_schema_error(schema, key, "'%s' is here twice; keep one", name);
		seen[i] = true;
		int result = yp_schema_value(schema, value, &fields[i], base);
		if (result)
			return result;
	}
	for (unsigned i = 0; fields[i].key; i++) {
		if (fields[i].required && !seen[i])
			return yp_schema_error(schema, node, "'%s' is missing; add '%s: ...'", fields[i].key,
					       fields[i].key);
	}
	return 0;
}

static int read_number(struct yp_schema *schema, const yaml_node_t *node, const struct yp_schema_field *field,
		       uint64_t *out)
{
	bool plain = false;
	const char *text = yp_schema_scalar(schema, node, field->key, &plain);
	if (!text)
		return 1;
	uint64_t value = 0;
	bool good = plain && *text && strlen(text) <= 19;
	for (const char *c = text; good && *c; c++) {
		good = *c >= '0' && *c <= '9';
		value = value * 10 + (uint64_t)(*c - '0');
	}
	if (!good)
		return yp_schema_error(schema, node, "'%s' is '%.*s'; write a whole number from %llu to %llu",
				       field->key, SCHEMA_SHOWN_MAX, text, (unsigned long long)field->min,
				       (unsigned long long)field->max);
	if (value < field->min || value > field->max)
		return yp_schema_error(schema, node, "'%s' is %llu, out of range; choose %llu to %llu", field->key,
				       (unsigned long long)value, (unsigned long long)field->min,
				       (unsigned long long)field->max);
	*out = value;
	return 0;
}

static int read_text(struct yp_schema *schema, const yaml_node_t *node, const struct yp_schema_field *field, char *out)
{
	const char *text = yp_schema_scalar(schema, node, field->key, NULL);
	if (!text)
		return 1;
	size_t length = strlen(text);
	if (length == 0)
		return yp_schema_error(schema, node, "'%s' is empty; write something", field->key);
	if (length >= field->bytes)
		return yp_schema_error(schema, node, "'%s' has %zu characters; at most %zu fit", field->key, length,
				       field->bytes - 1);
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return yp_schema_error(schema, node, "'%s' holds a control character; write one line of text",
					       field->key);
	}
	const char *wrong = field->check ? field->check(text) : NULL;
	if (wrong)
		return yp_schema_error(schema, node, "'%s' is '%.*s': %s", field->key, SCHEMA_SHOWN_MAX, text, wrong);
	memcpy(out, text, length + 1);
	return 0;
}

static int read_choice(struct yp_schema *schema, const yaml_node_t *node, const struct yp_schema_field *field,
		       unsigned *out)
{
	const char *text = yp_schema_scalar(schema, node, field->key, NULL);
	if (!text)
		return 1;
	char known[256] = "";
	for (unsigned i = 0; field->names[i]; i++) {
		if (strcmp(text, field->names[i]) == 0) {
			*out = i;
			return 0;
		}
		yp_schema_list(known, sizeof known, field->names[i]);
	}
	return yp_schema_choice_error(schema, node, field->key, text, known);
}

static int read_flag(struct yp_schema *schema, const yaml_node_t *node, const struct yp_schema_field *field, bool *out)
{
	bool plain = false;
	const char *text = yp_schema_scalar(schema, node, field->key, &plain);
	if (!text)
		return 1;
	if (!plain || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
		return yp_schema_error(schema, node, "'%s' is '%.*s'; write true or false", field->key,
				       SCHEMA_SHOWN_MAX, text);
	*out = *text == 't';
	return 0;
}

/* Digits, at most one point: strtod would also take hex, nan and the locale's comma. */
static int read_fraction(struct yp_schema *schema, const yaml_node_t *node, const struct yp_schema_field *field,
			 double *out)
{
	bool plain = false;
	const char *text = yp_schema_scalar(schema, node, field->key, &plain);
	if (!text)
		return 1;
	double value = 0;
	double scale = 0;
	bool good = plain && *text >= '0' && *text <= '9' && strlen(text) <= 12;
	for (const char *c = text; good && *c; c++) {
		if (*c == '.' && scale == 0) {
			scale = 1;
		} else if (*c >= '0' && *c <= '9') {
			scale /= 10;
			value = scale > 0 ? value + scale * (*c - '0') : value * 10 + (*c - '0');
		} else {
			good = false;
		}
	}
	if (!good || value > 1)
		return yp_schema_error(schema, node, "'%s' is '%.*s'; write a fraction from 0 to 1, such as 0.02",
				       field->key, SCHEMA_SHOWN_MAX, text);
	*out = value;
	return 0;
}

int yp_schema_value(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base)
{
	unsigned char *at = (unsigned char *)base + field->offset;
	uint64_t number = 0;
	unsigned choice = 0;
	bool flag = false;
	double fraction = 0;
	int result = 0;
	switch (field->type) {
	case YP_SCHEMA_TEXT:
		return read_text(schema, node, field, (char *)at);
	case YP_SCHEMA_UINT:
		result = read_number(schema, node, field, &number);
		if (!result)
			memcpy(at, &(unsigned){(unsigned)number}, sizeof(unsigned));
		return result;
	case YP_SCHEMA_U64:
		result = read_number(schema, node, field, &number);
		if (!result)
			memcpy(at, &number, sizeof number);
		return result;
	case YP_SCHEMA_BYTE:
		result = read_number(schema, node, field, &number);
		if (!result)
			*at = (uint8_t)number;
		return result;
	case YP_SCHEMA_FLAG:
		result = read_flag(schema, node, field, &flag);
		if (!result)
			memcpy(at, &flag, sizeof flag);
		return result;
	case YP_SCHEMA_FRACTION:
		result = read_fraction(schema, node, field, &fraction);
		if (!result)
			memcpy(at, &fraction, sizeof fraction);
		return result;
	case YP_SCHEMA_CHOICE:
		result = read_choice(schema, node, field, &choice);
		if (!result)
			memcpy(at, &choice, sizeof choice);
		return result;
	case YP_SCHEMA_MAP:
		return yp_schema_map(schema, node, field->fields, base);
	case YP_SCHEMA_CUSTOM:
		return field->read(schema, node, field, base);
	}
	return -EINVAL;
}
