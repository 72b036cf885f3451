/* SPDX-License-Identifier: Apache-2.0 */
/* Environments: what the updater and U-Boot make, what a cut leaves of it, and what nobody makes. */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "uboot/uboot-process.h"

#define SECTOR_BYTES 512u
#define LINE_BYTES   2048u

struct list {
	char entries[UBOOT_ENTRIES_MAX][UBOOT_ENTRY_MAX];
	unsigned count;
};

struct dice {
	uint64_t state;
};

/* splitmix64 */
static uint64_t next(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned below(struct dice *d, unsigned n)
{
	return (unsigned)(next(d) % n);
}

#define PICK(d, from) ((from)[below((d), sizeof(from) / sizeof(from)[0])])

int uboot_defaults_load(const char *path, struct uboot_defaults *out)
{
	char line[LINE_BYTES];
	FILE *f = fopen(path, "r");
	int error = 0;

	out->count = 0;
	if (f == NULL)
		return -errno;
	while (error == 0 && fgets(line, sizeof line, f) != NULL) {
		size_t bytes = strcspn(line, "\n");

		line[bytes] = '\0';
		if (bytes == 0 || line[0] == '#')
			continue;
		if (bytes >= UBOOT_ENTRY_MAX || out->count == UBOOT_ENTRIES_MAX - 16)
			error = -E2BIG;
		else
			memcpy(out->entries[out->count++], line, bytes + 1);
	}
	(void)fclose(f);
	return error == 0 && out->count == 0 ? -ENODATA : error;
}

static void add(struct list *list, const char *name, const char *value)
{
	if (value != NULL && list->count < UBOOT_ENTRIES_MAX)
		(void)snprintf(list->entries[list->count++], UBOOT_ENTRY_MAX, "%s=%s", name, value);
}

/* NULL: missing. The first ones are what is written, the others what nobody writes. */
static const char *slot_value(struct dice *d)
{
	static const char *const odd[] = {NULL,  "",   "C",          "a",        " A",  "A ",
					  "AB",  "B;", "\"B\"",      "B\"",      "'B'", "$ota_barred",
					  "B A", "-z", "B -o x = x", "${ota_x}", "]",   "B && reset"};

	return below(d, 10) == 0 ? PICK(d, odd) : below(d, 2) ? "A" : "B";
}

static const char *barred_value(struct dice *d)
{
	return below(d, 2) ? NULL : slot_value(d);
}

static const char *number_value(struct dice *d, unsigned around)
{
	static const char *const small[] = {"0", "1", "2", "3", "4", "5", "6", "99"};
	static const char *const odd[] = {NULL,          "",     "x",          "2x",         "3 ",
					  "10",          "100",  "4294967",    "-1",         "+1",
					  "0x1",         " 1",   "010",        "00",         "08",
					  "1e3",         "0x",   "4294967295", "4294967296", "18446744073709551616",
					  "99999999999", "true", "1;reset"};

	return below(d, 8) == 0 ? PICK(d, odd) : small[below(d, around)];
}

static const char *available_value(struct dice *d)
{
	static const char *const odd[] = {NULL, "",   "2",   "2x", "x1", "0 ",         "10", "-1",
					  "00", "01", "0x1", " 1", "08", "4294967296", "yes"};

	return below(d, 8) == 0 ? PICK(d, odd) : below(d, 3) ? "1" : "0";
}

static void add_state(struct dice *d, struct list *list)
{
	static const char *const ids[] = {
	    "00000000000000ff", "7f3a9c01d2e4b586", "ffffffffffffffff", "0", "", "xyz", NULL};

	add(list, "ota_slot", slot_value(d));
	add(list, "ota_barred", barred_value(d));
	add(list, "upgrade_available", available_value(d));
	add(list, "bootcount", number_value(d, 6));
	add(list, "bootlimit", below(d, 3) ? "3" : number_value(d, 5));
	add(list, "ota_trial", PICK(d, ids));
}

static void add_others(struct dice *d, struct list *list)
{
	char name[16], value[128];

	add(list, "ethaddr", "02:00:00:00:00:01");
	for (unsigned n = below(d, 5); n > 0; n--) {
		size_t bytes = 1 + below(d, sizeof value - 2);

		for (size_t i = 0; i < bytes; i++) {
			value[i] = (char)(' ' + below(d, 95));
			if (value[i] == '\\')
				value[i] = '/';
		}
		value[bytes] = '\0';
		(void)snprintf(name, sizeof name, "v%u", below(d, 50));
		add(list, name, value);
	}
}

/* One entry that no writer makes, somewhere. */
static void spoil(struct dice *d, struct list *list)
{
	static const char *const spoilt[] = {
	    "ota_slot",    "upgrade_available", "bootcount",   "v1",           "=x",
	    "=",           ".flags=zz:sa",      "v=a\\b",      "ota_slot=\\B", " ota_slot=B",
	    "#ota_slot=B", "ota_barred=A\\",    "ota_slot=A=B"};

	unsigned at = below(d, list->count + 1);

	if (list->count == UBOOT_ENTRIES_MAX)
		return;
	memmove(list->entries[at + 1], list->entries[at], (list->count - at) * sizeof list->entries[0]);
	list->count++;
	(void)snprintf(list->entries[at], UBOOT_ENTRY_MAX, "%s", PICK(d, spoilt));
}

static void list_make(struct dice *d, const struct uboot_defaults *defaults, bool rebuilt, struct list *list)
{
	list->count = 0;
	if (rebuilt) {
		/* core/boot/uboot.c makes this one when both copies are bad. */
		add(list, "bootcmd", "env default ota_import && run ota_import && run bootcmd");
		add(list, "altbootcmd", "env default ota_import && run ota_import && run altbootcmd");
	} else if (below(d, 200) != 0) {
		for (unsigned i = 0; i < defaults->count; i++)
			memcpy(list->entries[list->count++], defaults->entries[i], UBOOT_ENTRY_MAX);
	}
	add_state(d, list);
	if (below(d, 2))
		add_others(d, list);
	/* One name twice: the later one wins. */
	if (below(d, 25) == 0)
		add_state(d, list);
	/* fw_setenv and the updater keep their own order. */
	for (unsigned i = list->count; below(d, 2) == 0 && i > 1; i--) {
		char entry[UBOOT_ENTRY_MAX];
		unsigned j = below(d, i);

		memcpy(entry, list->entries[i - 1], sizeof entry);
		memcpy(list->entries[i - 1], list->entries[j], sizeof entry);
		memcpy(list->entries[j], entry, sizeof entry);
	}
	if (below(d, 25) == 0)
		spoil(d, list);
	if (below(d, 400) == 0)
		list->count = 0;
}

static size_t put(const struct list *list, uint8_t flags, uint8_t pad, uint8_t raw[UBOOT_ENV_BYTES])
{
	size_t at = YP_SIM_ENV_HEADER_BYTES;
	unsigned long crc;

	memset(raw, pad, UBOOT_ENV_BYTES);
	for (unsigned i = 0; i < list->count; i++) {
		size_t bytes = strlen(list->entries[i]) + 1;

		if (bytes + 2 > UBOOT_ENV_BYTES - at)
			break;
		memcpy(raw + at, list->entries[i], bytes);
		at += bytes;
	}
	raw[at] = raw[at + 1] = 0;
	crc = crc32(0, raw + YP_SIM_ENV_HEADER_BYTES, UBOOT_ENV_BYTES - YP_SIM_ENV_HEADER_BYTES);
	for (unsigned i = 0; i < 4; i++)
		raw[i] = (uint8_t)(crc >> (8 * i));
	raw[4] = flags;
	return at;
}

static void flags_make(struct dice *d, uint8_t *older, uint8_t *newer)
{
	switch (below(d, 8)) {
	case 0:
		*older = 255;
		*newer = 0;
		break;
	case 1:
		*older = *newer = (uint8_t)below(d, 256);
		break;
	case 2:
		*older = (uint8_t)below(d, 256);
		*newer = (uint8_t)below(d, 256);
		break;
	default:
		*older = (uint8_t)below(d, 255);
		*newer = (uint8_t)(*older + 1);
	}
}

/* A store cut short: some sectors are of the new copy, the others as they were, 00 or FF. */
static void tear(struct dice *d, const uint8_t *new, size_t used_bytes, uint8_t *old)
{
	unsigned sectors = UBOOT_ENV_BYTES / SECTOR_BYTES;
	unsigned used = (unsigned)(used_bytes / SECTOR_BYTES) + 1;
	unsigned cut = below(d, 8) == 0 ? below(d, sectors + 1) : below(d, used + 1);
	unsigned how = below(d, 3), fill = below(d, 4);

	for (unsigned i = 0; i < sectors; i++) {
		bool persists = how == 0 ? i < cut : how == 1 ? i >= cut : below(d, 2) == 0;

		if (persists)
			memcpy(old + i * SECTOR_BYTES, new + i *SECTOR_BYTES, SECTOR_BYTES);
		else if (fill >= 2)
			memset(old + i * SECTOR_BYTES, fill == 2 ? 0 : 0xff, SECTOR_BYTES);
	}
}

static void flip(struct dice *d, uint8_t *raw, size_t bytes)
{
	raw[below(d, (unsigned)bytes)] ^= (uint8_t)(1u << below(d, 8));
}

void uboot_case_make(const struct uboot_defaults *defaults, uint64_t seed, uint64_t number, struct uboot_case *out)
{
	struct dice d = {seed ^ (number * 0xd1342543de82ef95u)};
	struct list list;
	uint8_t flags[2], torn[UBOOT_ENV_BYTES];
	unsigned newer = below(&d, 2), kind = below(&d, 10);
	size_t used = 0;

	memset(out, 0, sizeof *out);
	flags_make(&d, &flags[!newer], &flags[newer]);
	out->equal = flags[0] == flags[1];
	out->wraps = flags[!newer] == 255 && flags[newer] == 0;
	for (unsigned i = 0; i < 2; i++) {
		bool rebuilt = below(&d, 8) == 0;

		out->rebuilt = out->rebuilt || rebuilt;
		list_make(&d, defaults, rebuilt, &list);
		used = put(&list, flags[i], below(&d, 4) ? 0 : 0xff, out->raw[i]);
		if (i == newer && kind < 4) {
			out->story = UBOOT_STORY_TORN;
			list_make(&d, defaults, below(&d, 8) == 0, &list);
			(void)put(&list, (uint8_t)(flags[!newer] - 1), 0, torn);
			tear(&d, out->raw[i], used, torn);
			memcpy(out->raw[i], torn, sizeof torn);
		}
		/* 64 KiB lie between the copies, so that damage to both is rare; a broken card has it all the same. */
		if (kind == 5 || (kind == 4 && i == newer)) {
			out->story = kind == 5 ? UBOOT_STORY_BOTH_BAD : UBOOT_STORY_ONE_BAD;
			if (below(&d, 4) == 0)
				memset(out->raw[i], below(&d, 2) ? 0 : 0xff, UBOOT_ENV_BYTES);
			else
				flip(&d, out->raw[i], below(&d, 8) ? used : UBOOT_ENV_BYTES);
		}
		out->kernel[i] = below(&d, 2) ? UBOOT_KERNEL_GOOD : (enum uboot_kernel)below(&d, 4);
	}
}
