/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_FILE_SCHEMA_H
#define SCENARIOS_FILE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

/*
 * Reads YAML into a struct by a table. A key that is not in the table is an error, with file, line, column and a
 * remedy.
 */
#define YP_SCHEMA_FIELDS_MAX 32u

enum yp_schema_type {
	YP_SCHEMA_TEXT,     /* char[bytes], at least one character; `check` may restrict it */
	YP_SCHEMA_UINT,     /* unsigned, min to max */
	YP_SCHEMA_U64,      /* uint64_t, min to max */
	YP_SCHEMA_BYTE,     /* uint8_t, min to max */
	YP_SCHEMA_FLAG,     /* bool: true or false */
	YP_SCHEMA_FRACTION, /* double, 0 to 1 */
	YP_SCHEMA_CHOICE,   /* an enum or unsigned: the index in `names` (NULL-terminated) */
	YP_SCHEMA_MAP,      /* the members of `fields`, in the same struct */
	YP_SCHEMA_CUSTOM    /* read() */
};

struct yp_schema;
struct yp_schema_field {
	const char *key; /* NULL ends a table */
	enum yp_schema_type type;
	bool required;
	size_t offset; /* in the struct */
	size_t bytes;  /* of YP_SCHEMA_TEXT */
	uint64_t min, max;
	const char *const *names;
	const struct yp_schema_field *fields;
	const char *(*check)(const char *text); /* NULL: fine; else what is wrong and what to do */
	int (*read)(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base);
};

/* One document that is being read. All functions: 0, -errno, or 1 = bad input, with *detail filled. */
struct yp_schema {
	yaml_document_t document;
	void *ctx;        /* for read(); NULL until the caller sets it */
	const char *path; /* for messages */
	char *detail;
	size_t detail_bytes;
};

/* Parses the one document of `text`. yp_schema_deinit() on 0 only. */
int yp_schema_init(struct yp_schema *schema, const char *path, const uint8_t *text, size_t bytes, char *detail,
		   size_t detail_bytes) __attribute__((warn_unused_result));
void yp_schema_deinit(struct yp_schema *schema);

/* Reads a mapping by its table; fields that are absent keep what base holds. */
int yp_schema_map(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *fields, void *base)
    __attribute__((warn_unused_result));
/* Reads one value as the field says. */
int yp_schema_value(struct yp_schema *schema, yaml_node_t *node, const struct yp_schema_field *field, void *base)
    __attribute__((warn_unused_result));
/* Adds a word to a list of words with ", " between, as far as it fits. */
void yp_schema_list(char *list, size_t list_bytes, const char *word);
/* Refuses a value that is none of the words of `known`. Returns 1. */
int yp_schema_choice_error(struct yp_schema *schema, const yaml_node_t *node, const char *key, const char *text,
			   const char *known);
/* The text of a scalar, or NULL with the error said. *plain: not quoted. */
const char *yp_schema_scalar(struct yp_schema *schema, const yaml_node_t *node, const char *key, bool *plain);
/* Writes "path:line:column: <text>" about a node to the detail and returns 1. */
int yp_schema_error(struct yp_schema *schema, const yaml_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
