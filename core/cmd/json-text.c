/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON to a stream, indented. */
#include <assert.h>
#include <inttypes.h>

#include "cmd/json-text.h"

static void write_text(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			(void)fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p >= 0x7f)
			(void)fprintf(out, "\\u%04x", *p); /* also for bytes that may be no UTF-8: always valid JSON */
		else
			(void)fputc(*p, out);
	}
	(void)fputc('"', out);
}

static void begin_value(struct cmd_json *json, const char *key)
{
	if (json->begun)
		(void)fputc(',', json->out);
	if (json->depth > 0)
		(void)fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
	if (key != NULL) {
		write_text(json->out, key);
		(void)fputs(": ", json->out);
	}
	json->begun = true;
}

void cmd_json_open(struct cmd_json *json, const char *key, char bracket)
{
	assert(bracket == '{' || bracket == '[');
	begin_value(json, key);
	(void)fputc(bracket, json->out);
	json->depth++;
	json->begun = false;
}

void cmd_json_close(struct cmd_json *json, char bracket)
{
	assert(json->depth > 0 && (bracket == '}' || bracket == ']'));
	json->depth--;
	if (json->begun)
		(void)fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
	(void)fputc(bracket, json->out);
	if (json->depth == 0)
		(void)fputc('\n', json->out);
	json->begun = true;
}

void cmd_json_text(struct cmd_json *json, const char *key, const char *value)
{
	begin_value(json, key);
	write_text(json->out, value);
}

void cmd_json_number(struct cmd_json *json, const char *key, uint64_t value)
{
	begin_value(json, key);
	(void)fprintf(json->out, "%" PRIu64, value);
}

void cmd_json_bool(struct cmd_json *json, const char *key, bool value)
{
	begin_value(json, key);
	(void)fputs(value ? "true" : "false", json->out);
}

const char *cmd_digest_text(const uint8_t digest[32], char out[CMD_DIGEST_TEXT])
{
	for (unsigned i = 0; i < 32; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return out;
}
