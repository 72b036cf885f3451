/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's machine protocol: messages in, commands out. */
#include "emulator/qmp.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

static void text_of(const json_t *object, const char *key, char *out, size_t out_bytes)
{
	const char *text = json_string_value(json_object_get(object, key));
	if (text)
		(void)snprintf(out, out_bytes, "%s", text);
}

static int classify_message(const json_t *root, struct yp_emulator_qmp *out)
{
	const json_t *id = json_object_get(root, "id");
	const json_t *part;
	if (json_is_integer(id))
		out->id = json_integer_value(id);
	if (json_is_object(json_object_get(root, "QMP"))) {
		out->kind = YP_EMULATOR_QMP_GREETING;
		return 0;
	}
	if (json_is_string(json_object_get(root, "event"))) {
		out->kind = YP_EMULATOR_QMP_EVENT;
		text_of(root, "event", out->name, sizeof out->name);
		part = json_object_get(root, "data");
		text_of(part, "status", out->text, sizeof out->text);
		text_of(part, "action", out->text, sizeof out->text);
		text_of(part, "reason", out->text, sizeof out->text);
		return 0;
	}
	part = json_object_get(root, "error");
	if (json_is_object(part)) {
		out->kind = YP_EMULATOR_QMP_ERROR;
		text_of(part, "desc", out->text, sizeof out->text);
		return 0;
	}
	part = json_object_get(root, "return");
	if (!part)
		return 1;
	out->kind = YP_EMULATOR_QMP_RETURN;
	text_of(part, "status", out->text, sizeof out->text);
	return 0;
}

int yp_emulator_qmp_parse(const char *bytes, size_t count, struct yp_emulator_qmp *out)
{
	json_error_t error;
	*out = (struct yp_emulator_qmp){.id = -1};
	json_t *root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &error);
	int r = json_is_object(root) ? classify_message(root, out) : 1;
	json_decref(root);
	return r;
}

int yp_emulator_qmp_command(int64_t id, const char *name, const char *arguments, char *out, size_t out_bytes)
{
	int n = arguments ? snprintf(out, out_bytes, "{\"execute\":\"%s\",\"id\":%" PRId64 ",\"arguments\":%s}\n", name,
				     id, arguments)
			  : snprintf(out, out_bytes, "{\"execute\":\"%s\",\"id\":%" PRId64 "}\n", name, id);
	return n < 0 || (size_t)n >= out_bytes ? -ENOSPC : n;
}
