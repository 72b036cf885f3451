/* SPDX-License-Identifier: Apache-2.0 */
/*
 * system.conf: one table of keys fills the struct; sections [slot.CLASS.INDEX] are collected apart and
 * grouped when the file has been read. The first error is kept, with its line.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux/bench-marks.h"
#include "ota/linux.h"

#define CONFIG_LINES_MAX 2000u
#define CONFIG_SLOTS_MAX (OTA_SLOTS * OTA_IMAGES_MAX)
#define CONFIG_INDEX_MAX 99u

enum key_type { KEY_TEXT, KEY_PATH, KEY_NUMBER, KEY_BOOL };

struct key {
	const char *section, *name;
	enum key_type type;
	size_t offset, size_bytes;
	uint64_t fallback, min, max;
};

#define TEXT(s, n, f)                                                                                                  \
	{                                                                                                              \
		s, n, KEY_TEXT, offsetof(struct ota_config, f), sizeof(((struct ota_config *)0)->f), 0, 0, 0           \
	}
#define FILE_(s, n, f)                                                                                                 \
	{                                                                                                              \
		s, n, KEY_PATH, offsetof(struct ota_config, f), sizeof(((struct ota_config *)0)->f), 0, 0, 0           \
	}
#define FLAG(s, n, f, d)                                                                                               \
	{                                                                                                              \
		s, n, KEY_BOOL, offsetof(struct ota_config, f), sizeof(bool), d, 0, 0                                  \
	}
#define NUMBER(s, n, f, d, lo, hi)                                                                                     \
	{                                                                                                              \
		s, n, KEY_NUMBER, offsetof(struct ota_config, f), sizeof(uint64_t), d, lo, hi                          \
	}

static const struct key keys[] = {
    TEXT("system", "compatible", compatible),
    TEXT("system", "bootloader", bootloader_name),
    TEXT("system", "hardware", hardware),
    TEXT("system", "channel", channel),
    TEXT("system", "device-id", device_id),
    FILE_("system", "device-id-file", device_id_file),
    NUMBER("system", "boot-attempts", boot_attempts, 3, 1, 100),
    FILE_("system", "state", state),
    FILE_("system", "lockfile", lockfile),
    NUMBER("system", "build-time", build_time_s, 0, 0, INT64_MAX),
    TEXT("system", "booted", booted),
    FILE_("keyring", "path", keyring_path),
    FILE_("keyring", "crl", keyring_crl),
    TEXT("update", "url", url),
    TEXT("update", "report-url", report_url),
    NUMBER("update", "interval", interval_s, 86400, 1, 31536000),
    NUMBER("update", "checkpoint-bytes", checkpoint_bytes, 16777216, 65536, 1073741824),
    FLAG("update", "reuse", reuse, true),
    FLAG("update", "pipeline", pipeline, true),
    FLAG("update", "allow-http", allow_http, false),
    NUMBER("update", "fetch-attempts", fetch_attempts, 5, 1, 1000),
    NUMBER("update", "retry-delay-ms", retry_delay_ms, 1000, 1, 60000),
    NUMBER("update", "deadline-s", deadline_s, 14400, 1, 604800),
    NUMBER("update", "connect-timeout-s", connect_timeout_s, 30, 1, 3600),
    NUMBER("update", "low-speed-bytes", low_speed_bytes, 256, 1, 1073741824),
    NUMBER("update", "low-speed-time-s", low_speed_time_s, 30, 1, 3600),
    FILE_("tls", "ca", tls_ca),
    FILE_("tls", "certificate", tls_certificate),
    FILE_("tls", "key", tls_key),
    FILE_("handlers", "pre-install", pre_install),
    FILE_("handlers", "post-install", post_install),
    FILE_("handlers", "pre-reboot", pre_reboot),
    FILE_("handlers", "post-commit", post_commit),
    FILE_("handlers", "power", power),
    FILE_("handlers", "reboot", reboot),
    FILE_("handlers", "bootloader-custom-backend", custom_backend),
    NUMBER("handlers", "timeout-ms", handler_timeout_ms, 60000, 1, 3600000),
    FILE_("health", "dir", health_dir),
    NUMBER("health", "timeout-ms", health_timeout_ms, 60000, 1, 3600000),
    FILE_("uboot", "config", fw_env_config),
    FILE_("watchdog", "device", watchdog),
    FILE_("bench", "unit", bench_unit),
    FILE_("bench", "marks", bench_marks),
    TEXT("bench", "hold", bench_hold),
    NUMBER("bench", "hold-timeout-ms", bench_hold_timeout_ms, 30000, OTA_BENCH_HOLD_MIN_MS, OTA_BENCH_HOLD_MAX_MS),
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* A [slot.CLASS.INDEX] section as it was read. */
struct raw_slot {
	char name[OTA_NAME_MAX];
	unsigned index;
	unsigned line;
	char device[OTA_PATH_MAX];
	char bootname[OTA_BOOTNAME_MAX];
	char parent[OTA_NAME_MAX + 4];
};

struct reader {
	FILE *file;
	struct ota_config *out;
	unsigned line;
	bool failed;
	bool seen[KEY_COUNT];
	unsigned slot_count;
	struct raw_slot slots[CONFIG_SLOTS_MAX];
	char *detail;
	size_t detail_bytes;
};

/* Keeps the first error. line 0: the file as a whole. */
__attribute__((format(printf, 3, 4))) static void record_error(struct reader *reader, unsigned line, const char *format,
							       ...)
{
	va_list args;
	int used;

	if (reader->failed)
		return;
	reader->failed = true;
	if (line > 0)
		used = snprintf(reader->detail, reader->detail_bytes, "%s:%u: ", reader->out->path, line);
	else
		used = snprintf(reader->detail, reader->detail_bytes, "%s: ", reader->out->path);
	if (used < 0 || (size_t)used >= reader->detail_bytes)
		return;
	va_start(args, format);
	(void)vsnprintf(reader->detail + used, reader->detail_bytes - (size_t)used, format, args);
	va_end(args);
}

static bool parse_number(const char *text, uint64_t *out)
{
	char *end = NULL;
	unsigned long long value;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno != 0 || *end != '\0')
		return false;
	*out = value;
	return true;
}

static bool parse_bool(const char *text, bool *out)
{
	static const char *const words[2][3] = {{"no", "false", "0"}, {"yes", "true", "1"}};

	for (unsigned value = 0; value < 2; value++) {
		for (unsigned i = 0; i < 3; i++) {
			if (strcmp(text, words[value][i]) == 0) {
				*out = value == 1;
				return true;
			}
		}
	}
	return false;
}

static void set_key(struct reader *reader, const struct key *key, const char *value)
{
	char *field = (char *)reader->out + key->offset;
	uint64_t number;
	bool flag;

	switch (key->type) {
	case KEY_PATH:
		if (value[0] != '/') {
			record_error(reader, reader->line, "%s=%s is not an absolute path; start it with /", key->name,
				     value);
			return;
		}
		__attribute__((fallthrough));
	case KEY_TEXT:
		if (strlen(value) >= key->size_bytes) {
			record_error(reader, reader->line, "%s= is longer than %zu characters; shorten it", key->name,
				     key->size_bytes - 1);
			return;
		}
		memcpy(field, value, strlen(value) + 1);
		return;
	case KEY_NUMBER:
		if (!parse_number(value, &number) || number < key->min || number > key->max) {
			record_error(reader, reader->line, "%s=%s is not a number from %" PRIu64 " to %" PRIu64,
				     key->name, value, key->min, key->max);
			return;
		}
		memcpy(field, &number, sizeof(number));
		return;
	case KEY_BOOL:
		if (!parse_bool(value, &flag)) {
			record_error(reader, reader->line, "%s=%s is neither yes nor no", key->name, value);
			return;
		}
		memcpy(field, &flag, sizeof(flag));
		return;
	}
}

/* "slot.CLASS.INDEX": fills *slot. */
static bool parse_slot_section(const char *section, struct raw_slot *slot)
{
	const char *name = section + strlen("slot.");
	const char *dot;
	uint64_t index;

	if (strncmp(section, "slot.", strlen("slot.")) != 0)
		return false;
	dot = strrchr(name, '.');
	if (dot == NULL || dot == name || (size_t)(dot - name) >= sizeof(slot->name))
		return false;
	if (!parse_number(dot + 1, &index) || index > CONFIG_INDEX_MAX)
		return false;
	memcpy(slot->name, name, (size_t)(dot - name));
	slot->name[dot - name] = '\0';
	slot->index = (unsigned)index;
	return true;
}

static bool section_known(const char *section)
{
	struct raw_slot slot;

	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(keys[i].section, section) == 0)
			return true;
	}
	return parse_slot_section(section, &slot);
}

static struct raw_slot *find_slot(struct reader *reader, const struct raw_slot *like)
{
	struct raw_slot *slot;

	for (unsigned i = 0; i < reader->slot_count; i++) {
		slot = &reader->slots[i];
		if (strcmp(slot->name, like->name) == 0 && slot->index == like->index)
			return slot;
	}
	if (reader->slot_count == CONFIG_SLOTS_MAX)
		return NULL;
	slot = &reader->slots[reader->slot_count++];
	*slot = *like;
	return slot;
}

static void set_slot_key(struct reader *reader, const struct raw_slot *like, const char *name, const char *value)
{
	struct raw_slot *slot = find_slot(reader, like);
	char *field;
	size_t size_bytes;

	if (slot == NULL) {
		record_error(reader, reader->line, "more than %u slot sections; remove some", CONFIG_SLOTS_MAX);
		return;
	}
	if (strcmp(name, "device") == 0) {
		field = slot->device;
		size_bytes = sizeof(slot->device);
	} else if (strcmp(name, "bootname") == 0) {
		field = slot->bootname;
		size_bytes = sizeof(slot->bootname);
	} else if (strcmp(name, "parent") == 0) {
		field = slot->parent;
		size_bytes = sizeof(slot->parent);
	} else {
		record_error(reader, reader->line,
			     "unknown key %s= in [slot.%s.%u]; device=, bootname= and parent= are known", name,
			     slot->name, slot->index);
		return;
	}
	if (field[0] != '\0')
		record_error(reader, reader->line, "%s= is given twice in [slot.%s.%u]; remove one", name, slot->name,
			     slot->index);
	else if (strlen(value) >= size_bytes)
		record_error(reader, reader->line, "%s= is longer than %zu characters; shorten it", name,
			     size_bytes - 1);
	else if (field == slot->device && value[0] != '/')
		record_error(reader, reader->line, "device=%s is not an absolute path; start it with /", value);
	else
		memcpy(field, value, strlen(value) + 1);
}

static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;
	struct raw_slot slot = {.line = reader->line};

	if (reader->failed)
		return 0;
	if (value[0] == '\0') {
		record_error(reader, reader->line, "%s= is empty; give a value or remove the line", name);
		return 0;
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
			continue;
		if (reader->seen[i])
			record_error(reader, reader->line, "%s= is given twice in [%s]; remove one", name, section);
		else
			set_key(reader, &keys[i], value);
		reader->seen[i] = true;
		return !reader->failed;
	}
	if (parse_slot_section(section, &slot))
		set_slot_key(reader, &slot, name, value);
	else
		record_error(reader, reader->line,
			     "unknown key %s= in [%s]; see system.conf.example for the keys there are", name, section);
	return !reader->failed;
}

/* Feeds inih one line at a time, so that the line's number is known and no line is split. */
static char *next_line(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;
	const char *close;
	char section[OTA_NAME_MAX * 2];
	size_t length;

	if (reader->failed || fgets(buffer, size, reader->file) == NULL)
		return NULL;
	reader->line++;
	if (reader->line > CONFIG_LINES_MAX) {
		record_error(reader, reader->line, "more than %u lines; shorten the file", CONFIG_LINES_MAX);
		return NULL;
	}
	length = strlen(buffer);
	if (length + 1 == (size_t)size && buffer[length - 1] != '\n') {
		record_error(reader, reader->line, "longer than %d characters; shorten the line", size - 2);
		return NULL;
	}
	close = strchr(buffer, ']');
	if (buffer[0] == '[' && close != NULL) {
		length = (size_t)(close - buffer) - 1;
		if (length < sizeof(section)) {
			memcpy(section, buffer + 1, length);
			section[length] = '\0';
		}
		if (length >= sizeof(section) || !section_known(section)) {
			record_error(reader, reader->line,
				     "unknown section %.*s; see system.conf.example for those there are",
				     (int)length + 2, buffer);
			return NULL;
		}
	}
	return buffer;
}

static void add_image(struct reader *reader, struct ota_config_slot *slot, const struct raw_slot *raw)
{
	struct ota_config_image *image;

	if (slot->image_count == OTA_IMAGES_MAX) {
		record_error(reader, raw->line, "rootfs.%u has more than %u images; remove one", slot->index,
			     OTA_IMAGES_MAX);
		return;
	}
	image = &slot->images[slot->image_count++];
	memcpy(image->name, raw->name, sizeof(image->name));
	memcpy(image->device, raw->device, sizeof(image->device));
	if (raw->device[0] == '\0')
		record_error(reader, raw->line, "[slot.%s.%u] has no device=; add it", raw->name, raw->index);
}

static void group_rootfs(struct reader *reader)
{
	struct ota_config *config = reader->out;
	struct ota_config_slot swap;
	unsigned count = 0;

	for (unsigned i = 0; i < reader->slot_count; i++) {
		const struct raw_slot *raw = &reader->slots[i];

		if (strcmp(raw->name, "rootfs") != 0)
			continue;
		if (count == OTA_SLOTS) {
			record_error(reader, raw->line, "a third rootfs slot; exactly two are supported");
			return;
		}
		if (raw->bootname[0] == '\0')
			record_error(reader, raw->line, "[slot.rootfs.%u] has no bootname=; add it, such as bootname=A",
				     raw->index);
		if (raw->parent[0] != '\0')
			record_error(reader, raw->line, "[slot.rootfs.%u] has a parent=; only other classes have one",
				     raw->index);
		config->slots[count].index = raw->index;
		memcpy(config->slots[count].bootname, raw->bootname, sizeof(raw->bootname));
		add_image(reader, &config->slots[count], raw);
		count++;
	}
	if (count < OTA_SLOTS) {
		record_error(reader, 0, "%u rootfs slots; add [slot.rootfs.0] and [slot.rootfs.1]", count);
		return;
	}
	if (config->slots[0].index > config->slots[1].index) {
		swap = config->slots[0];
		config->slots[0] = config->slots[1];
		config->slots[1] = swap;
	}
	if (strcmp(config->slots[0].bootname, config->slots[1].bootname) == 0)
		record_error(reader, 0, "both rootfs slots have bootname=%s; give each its own",
			     config->slots[0].bootname);
}

static void group_children(struct reader *reader)
{
	struct ota_config *config = reader->out;
	char name[OTA_NAME_MAX + 4];
	bool placed;

	for (unsigned i = 0; i < reader->slot_count && !reader->failed; i++) {
		const struct raw_slot *raw = &reader->slots[i];

		if (strcmp(raw->name, "rootfs") == 0)
			continue;
		if (raw->bootname[0] != '\0')
			record_error(reader, raw->line, "[slot.%s.%u] has a bootname=; only rootfs slots have one",
				     raw->name, raw->index);
		placed = false;
		for (unsigned s = 0; s < OTA_SLOTS; s++) {
			(void)snprintf(name, sizeof(name), "rootfs.%u", config->slots[s].index);
			if (strcmp(raw->parent, name) != 0)
				continue;
			for (unsigned k = 0; k < config->slots[s].image_count; k++) {
				if (strcmp(config->slots[s].images[k].name, raw->name) == 0)
					record_error(reader, raw->line,
						     "%s has two %s slots; give one another parent=", name, raw->name);
			}
			add_image(reader, &config->slots[s], raw);
			placed = true;
		}
		if (!placed)
			record_error(reader, raw->line, "[slot.%s.%u] needs parent=rootfs.%u or parent=rootfs.%u",
				     raw->name, raw->index, config->slots[0].index, config->slots[1].index);
	}
	if (!reader->failed && config->slots[0].image_count != config->slots[1].image_count)
		record_error(reader, 0, "rootfs.%u has %u images, rootfs.%u has %u; both need the same classes",
			     config->slots[0].index, config->slots[0].image_count, config->slots[1].index,
			     config->slots[1].image_count);
}

/* No device may serve two purposes: compared as text; what is one device under two names is seen when it is opened. */
static void check_devices(struct reader *reader)
{
	const struct ota_config *config = reader->out;
	const char *devices[CONFIG_SLOTS_MAX + 1];
	unsigned count = 0;

	devices[count++] = config->state;
	for (unsigned s = 0; s < OTA_SLOTS; s++) {
		for (unsigned i = 0; i < config->slots[s].image_count && count <= CONFIG_SLOTS_MAX; i++)
			devices[count++] = config->slots[s].images[i].device;
	}
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = i + 1; k < count; k++) {
			if (devices[i][0] != '\0' && strcmp(devices[i], devices[k]) == 0)
				record_error(reader, 0,
					     "%s is used twice; each slot and the state need a device of their own",
					     devices[i]);
		}
	}
}

static void check_bench(struct reader *reader)
{
	const struct ota_config *config = reader->out;
	bool used = false;
	uint32_t hold;

	for (size_t i = 0; i < KEY_COUNT; i++)
		used = used || (strcmp(keys[i].section, "bench") == 0 && reader->seen[i]);
	if (used && config->bench_unit[0] == '\0')
		record_error(reader, 0, "[bench] has no unit=; add the file that makes a device a bench unit");
	if (config->bench_hold[0] != '\0' && !ota_bench_hold_parse(config->bench_hold, &hold))
		record_error(reader, 0, "[bench] hold=%s is neither none, all nor steps such as S06,S10",
			     config->bench_hold);
}

static void check_whole(struct reader *reader)
{
	struct ota_config *config = reader->out;
	bool booted_known = config->booted[0] == '\0';

	if (config->compatible[0] == '\0')
		record_error(reader, 0, "[system] has no compatible=; add it");
	if (strcmp(config->bootloader_name, "uboot") == 0)
		config->bootloader = OTA_BOOTLOADER_UBOOT;
	else if (strcmp(config->bootloader_name, "custom") == 0)
		config->bootloader = OTA_BOOTLOADER_CUSTOM;
	else
		record_error(reader, 0, "[system] bootloader=%s; it must be uboot or custom", config->bootloader_name);
	if (config->bootloader == OTA_BOOTLOADER_CUSTOM && config->custom_backend[0] == '\0')
		record_error(reader, 0, "bootloader=custom needs [handlers] bootloader-custom-backend=");
	if (config->state[0] == '\0')
		record_error(reader, 0, "[system] has no state=; give a device or file of %u bytes", OTA_STATE_BYTES);
	if (config->keyring_path[0] == '\0')
		record_error(reader, 0,
			     "[keyring] has no path=; add the file with the certificates that may sign updates");
	if (config->device_id[0] != '\0' && config->device_id_file[0] != '\0')
		record_error(reader, 0, "device-id= and device-id-file= are both given; remove one");
	if ((config->tls_certificate[0] == '\0') != (config->tls_key[0] == '\0'))
		record_error(reader, 0, "[tls] certificate= and key= belong together; give both or none");
	if (!config->allow_http &&
	    (strncmp(config->url, "http://", 7) == 0 || strncmp(config->report_url, "http://", 7) == 0))
		record_error(reader, 0, "[update] has a plain http:// URL; use https:// or set allow-http=yes");
	for (unsigned s = 0; s < OTA_SLOTS; s++)
		booted_known = booted_known || strcmp(config->booted, config->slots[s].bootname) == 0;
	if (!booted_known)
		record_error(reader, 0, "booted=%s is the bootname of no slot", config->booted);
	check_devices(reader);
	check_bench(reader);
}

static void set_defaults(struct ota_config *config)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		char *field = (char *)config + keys[i].offset;
		bool flag = keys[i].fallback != 0;

		if (keys[i].type == KEY_NUMBER)
			memcpy(field, &keys[i].fallback, sizeof(keys[i].fallback));
		else if (keys[i].type == KEY_BOOL)
			memcpy(field, &flag, sizeof(flag));
	}
	(void)snprintf(config->lockfile, sizeof(config->lockfile), "/run/lock/ota.lock");
	(void)snprintf(config->fw_env_config, sizeof(config->fw_env_config), "/etc/fw_env.config");
}

int ota_config_load(const char *path, struct ota_config *out, char *detail, size_t detail_bytes)
{
	struct reader reader = {.out = out, .detail = detail, .detail_bytes = detail_bytes};
	int line;

	memset(out, 0, sizeof(*out));
	if (strlen(path) >= sizeof(out->path)) {
		(void)snprintf(detail, detail_bytes, "the path of the configuration is longer than %zu characters",
			       sizeof(out->path) - 1);
		return OTA_BAD_CONFIG;
	}
	memcpy(out->path, path, strlen(path) + 1);
	set_defaults(out);
	reader.file = fopen(path, "re");
	if (reader.file == NULL && ota_reason_exhausted(-errno)) {
		line = -errno;
		(void)snprintf(detail, detail_bytes, "%s: %s", path, strerror(-line));
		return line;
	}
	if (reader.file == NULL) {
		record_error(&reader, 0, "%s; give the right file with --config=FILE", strerror(errno));
		return OTA_BAD_CONFIG;
	}
	line = ini_parse_stream(next_line, &reader, on_key, &reader);
	if (line != 0)
		record_error(&reader, line > 0 ? (unsigned)line : 0,
			     "neither [section], key=value nor a comment; correct the line");
	if (ferror(reader.file))
		record_error(&reader, 0, "cannot be read: %s", strerror(errno));
	(void)fclose(reader.file); /* opened for reading: nothing to lose */
	if (!reader.failed)
		group_rootfs(&reader);
	if (!reader.failed)
		group_children(&reader);
	if (!reader.failed)
		check_whole(&reader);
	return reader.failed ? OTA_BAD_CONFIG : 0;
}
