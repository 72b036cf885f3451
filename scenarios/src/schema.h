/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_SCHEMA_H
#define SCENARIOS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

/*
 * YAML into a struct, as a table says. Anything that the table does not name is an error, with
 * file, line and column, and what to do about it.
 */
#define BP_SCHEMA_FIELDS_MAX 32u

enum bp_schema_type {
	BP_SCHEMA_TEXT,     /* char[bytes], at least one character; `check` may restrict it */
	BP_SCHEMA_UINT,     /* unsigned, min to max */
	BP_SCHEMA_U64,      /* uint64_t, min to max */
	BP_SCHEMA_BYTE,     /* uint8_t, min to max */
	BP_SCHEMA_FLAG,     /* bool: true or false */
	BP_SCHEMA_FRACTION, /* double, 0 to 1 */
	BP_SCHEMA_CHOICE,   /* an enum or unsigned: the index in `names` (NULL-terminated) */
	BP_SCHEMA_MAP,      /* the members of `fields`, in the same struct */
	BP_SCHEMA_CUSTOM    /* read() */
};

struct bp_schema;
struct bp_schema_field {
	const char *key; /* NULL ends a table */
	enum bp_schema_type type;
	bool required;
	size_t offset; /* in the struct */
	size_t bytes;  /* of BP_SCHEMA_TEXT */
	uint64_t min, max;
	const char *const *names;
	const struct bp_schema_field *fields;
	const char *(*check)(const char *text); /* NULL: fine; else what is wrong and what to do */
	int (*read)(struct bp_schema *schema, yaml_node_t *node, const struct bp_schema_field *field, void *base);
};

/* One document that is being read. All functions: 0, -errno, or 1 = bad input, with *detail filled. */
struct bp_schema {
	yaml_document_t document;
	const char *path; /* for messages */
	char *detail;
	size_t detail_bytes;
};

/* Parses the one document of `text`. bp_schema_deinit() on 0 only. */
int bp_schema_init(struct bp_schema *schema, const char *path, const uint8_t *text, size_t bytes, char *detail,
		   size_t detail_bytes) __attribute__((warn_unused_result));
void bp_schema_deinit(struct bp_schema *schema);

/* Reads a mapping by its table; fields that are absent keep what base holds. */
int bp_schema_map(struct bp_schema *schema, yaml_node_t *node, const struct bp_schema_field *fields, void *base)
    __attribute__((warn_unused_result));
/* Reads one value as the field says. */
int bp_schema_value(struct bp_schema *schema, yaml_node_t *node, const struct bp_schema_field *field, void *base)
    __attribute__((warn_unused_result));
/* The text of a scalar, or NULL with the error said. *plain: not quoted. */
const char *bp_schema_scalar(struct bp_schema *schema, const yaml_node_t *node, const char *key, bool *plain);
/* Says "path:line:column: <text>" about a node and returns 1. */
int bp_schema_error(struct bp_schema *schema, const yaml_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
