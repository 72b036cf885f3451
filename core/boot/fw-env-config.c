/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of fw_env.config: fields as libubootenv's sscanf("%s %lli %zx %zx %lx") takes them, but nothing half
 * understood. */
#include "ota/fw-env-config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/reason.h"
#include "ota/uboot.h"

#define FIELDS_MAX       5u
#define LINE_MAX_BYTES   1024u
#define COPY_ALIGN_BYTES 512u

struct place {
	const char *file;
	unsigned line;
	char *detail;
	size_t detail_bytes;
};

__attribute__((format(printf, 2, 3))) static int refuse_line(const struct place *place, const char *format, ...)
{
	if (!place->detail || !place->detail_bytes)
		return OTA_BAD_CONFIG;
	int n = snprintf(place->detail, place->detail_bytes, "%s:%u: ", place->file, place->line);
	if (n < 0 || (size_t)n >= place->detail_bytes)
		return OTA_BAD_CONFIG;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(place->detail + n, place->detail_bytes - (size_t)n, format, args);
	va_end(args);
	return OTA_BAD_CONFIG;
}

static int parse_number(const struct place *place, const char *what, const char *text, int base, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, base);
	if (errno || end == text || *end)
		return refuse_line(place, "%s '%s' is not a number", what, text);
	return 0;
}

/* "/dev/mtd0", "/dev/mtd0ro", "/dev/ubi0_1"; "/dev/mtdblock0" is a block device. */
static bool raw_flash(const char *device)
{
	return (strncmp(device, "/dev/mtd", 8) == 0 && device[8] >= '0' && device[8] <= '9') ||
	       strncmp(device, "/dev/ubi", 8) == 0;
}

static unsigned split_fields(char *line, char *fields[FIELDS_MAX])
{
	unsigned count = 0;
	char *save = NULL;

	for (char *one = strtok_r(line, " \t\r", &save); one; one = strtok_r(NULL, " \t\r", &save)) {
		if (count == FIELDS_MAX)
			return FIELDS_MAX + 1;
		fields[count++] = one;
	}
	return count;
}

static int parse_copy(const struct place *place, char *const fields[], unsigned count, struct ota_fw_env *out,
		      unsigned copies)
{
	struct ota_fw_env_copy *copy = &out->copies[copies];
	long long offset;
	long long size;
	long long ignored;

	if (count < 3 || count > FIELDS_MAX)
		return refuse_line(place, "expected: device offset size [sector size [sectors]]");
	if (strlen(fields[0]) >= sizeof copy->device)
		return refuse_line(place, "device name is longer than %zu bytes", sizeof copy->device - 1);
	if (raw_flash(fields[0]))
		return refuse_line(place, "%s is raw flash, which is not supported: use a block device", fields[0]);
	if (parse_number(place, "offset", fields[1], 0, &offset) || parse_number(place, "size", fields[2], 16, &size))
		return OTA_BAD_CONFIG;
	for (unsigned i = 3; i < count; i++) {
		if (parse_number(place, i == 3 ? "sector size" : "sectors", fields[i], 16, &ignored))
			return OTA_BAD_CONFIG;
		if (ignored < 0)
			return refuse_line(place, "%s is negative", i == 3 ? "sector size" : "sectors");
	}
	if (size < (long long)OTA_ENV_MIN_BYTES || size > (long long)OTA_ENV_MAX_BYTES || size % COPY_ALIGN_BYTES)
		return refuse_line(place, "size 0x%llx is not a multiple of 0x200 from 0x%x to 0x%x",
				   (unsigned long long)size, OTA_ENV_MIN_BYTES, OTA_ENV_MAX_BYTES);
	if (offset % (long long)COPY_ALIGN_BYTES)
		return refuse_line(place, "offset %s is not a multiple of 0x200", fields[1]);
	if (copies && (uint32_t)size != out->env_bytes)
		return refuse_line(place, "size 0x%llx differs from the first copy's 0x%x", (unsigned long long)size,
				   out->env_bytes);
	(void)snprintf(copy->device, sizeof copy->device, "%s", fields[0]);
	copy->offset_bytes = offset;
	out->env_bytes = (uint32_t)size;
	return 0;
}

/* Offsets counted from different ends cannot be compared without the device: ota_uboot_new() sees them. */
static bool copies_overlap(const struct ota_fw_env *config)
{
	const struct ota_fw_env_copy *a = &config->copies[0];
	const struct ota_fw_env_copy *b = &config->copies[1];

	if (strcmp(a->device, b->device) != 0 || (a->offset_bytes < 0) != (b->offset_bytes < 0))
		return false;
	uint64_t apart = a->offset_bytes < b->offset_bytes ? (uint64_t)b->offset_bytes - (uint64_t)a->offset_bytes
							   : (uint64_t)a->offset_bytes - (uint64_t)b->offset_bytes;
	return apart < config->env_bytes;
}

int ota_fw_env_parse(const char *text, size_t size_bytes, const char *file, struct ota_fw_env *out, char *detail,
		     size_t detail_bytes)
{
	struct place place = {.file = file, .detail = detail, .detail_bytes = detail_bytes};
	unsigned copies = 0;

	memset(out, 0, sizeof *out);
	for (size_t at = 0; at < size_bytes;) {
		char line[LINE_MAX_BYTES];
		char *fields[FIELDS_MAX];
		const char *end = memchr(text + at, '\n', size_bytes - at);
		size_t bytes = end ? (size_t)(end - (text + at)) : size_bytes - at;
		place.line++;
		if (bytes >= sizeof line || memchr(text + at, 0, bytes))
			return refuse_line(&place, "line is too long or not text");
		memcpy(line, text + at, bytes);
		line[bytes] = '\0';
		at += bytes + 1;
		unsigned count = line[0] == '#' ? 0 : split_fields(line, fields);
		if (!count || fields[0][0] == '#')
			continue;
		if (copies == 2)
			return refuse_line(&place, "a third copy: there are at most two");
		if (parse_copy(&place, fields, count, out, copies))
			return OTA_BAD_CONFIG;
		copies++;
	}
	if (!copies)
		return refuse_line(&place, "no line tells where the environment lies");
	out->redundant = copies == 2;
	return out->redundant && copies_overlap(out) ? refuse_line(&place, "the two copies overlap") : 0;
}

int ota_fw_env_load(const char *path, struct ota_fw_env *out, char *detail, size_t detail_bytes)
{
	char *text = NULL;
	FILE *file = fopen(path, "re");
	int result = -errno;

	if (detail && detail_bytes)
		(void)snprintf(detail, detail_bytes, "%s: cannot be read", path);
	if (!file)
		return result;
	result = -ENOMEM;
	text = malloc(OTA_FW_ENV_BYTES_MAX + 1);
	if (!text)
		goto out;
	errno = 0;
	size_t bytes = fread(text, 1, OTA_FW_ENV_BYTES_MAX + 1, file);
	result = ferror(file) ? (errno ? -errno : -EIO) : 0;
	if (!result && bytes > OTA_FW_ENV_BYTES_MAX) {
		result = OTA_BAD_CONFIG;
		if (detail && detail_bytes)
			(void)snprintf(detail, detail_bytes, "%s: larger than %u bytes", path, OTA_FW_ENV_BYTES_MAX);
	}
	if (!result)
		result = ota_fw_env_parse(text, bytes, path, out, detail, detail_bytes);
out:
	free(text);
	(void)fclose(file);
	return result;
}

int ota_fw_env_offset(const struct ota_fw_env *config, unsigned i, uint64_t device_bytes, uint64_t *out)
{
	int64_t offset = config->copies[i].offset_bytes;
	/* Below zero: from the end; -(offset + 1) + 1 because INT64_MIN has no counterpart. */
	uint64_t back = offset < 0 ? (uint64_t)(-(offset + 1)) + 1 : 0;

	if (back > device_bytes)
		return OTA_BAD_CONFIG;
	*out = offset < 0 ? device_bytes - back : (uint64_t)offset;
	return *out <= device_bytes && config->env_bytes <= device_bytes - *out ? 0 : OTA_BAD_CONFIG;
}
