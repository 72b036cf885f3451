/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_CMD_JSON_TEXT_H
#define CORE_CMD_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Writes JSON, indented. `key` is NULL inside arrays and for the outermost value. Errors stay with the stream. */
struct cmd_json {
	FILE *out;
	unsigned depth;
	bool begun; /* the open object or array has a member already */
};

void cmd_json_open(struct cmd_json *json, const char *key, char bracket); /* '{' or '[' */
void cmd_json_close(struct cmd_json *json, char bracket);                 /* '}' or ']' */
void cmd_json_text(struct cmd_json *json, const char *key, const char *value);
void cmd_json_number(struct cmd_json *json, const char *key, uint64_t value);
void cmd_json_bool(struct cmd_json *json, const char *key, bool value);

/* A SHA-256 in hexadecimal digits; returns out. */
#define CMD_DIGEST_TEXT (2 * 32 + 1)
const char *cmd_digest_text(const uint8_t digest[32], char out[CMD_DIGEST_TEXT]);

#endif
