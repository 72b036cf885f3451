/* SPDX-License-Identifier: Apache-2.0 */
/* Environments: as updater and U-Boot write them, as a cut leaves them, and malformed ones. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "power-cut/random.h"
#include "subject/ota-script/script-case.h"

#define SECTOR_BYTES 512u

struct list {
	char entries[YP_UBOOT_ENTRIES_MAX][YP_UBOOT_ENTRY_MAX];
	unsigned count;
};

struct dice {
	uint64_t state;
};

static unsigned draw_below(struct dice *d, unsigned n)
{
	return (unsigned)(yp_random_next(&d->state) % n);
}

#define PICK(d, from) ((from)[draw_below((d), sizeof(from) / sizeof(from)[0])])

static void add_entry(struct list *list, const char *name, const char *value)
{
	if (value != NULL && list->count < YP_UBOOT_ENTRIES_MAX)
		(void)snprintf(list->entries[list->count++], YP_UBOOT_ENTRY_MAX, "%s=%s", name, value);
}

/* NULL: missing. The first values are written by updater or U-Boot; the others are malformed. */
static const char *slot_value(struct dice *d)
{
	static const char *const odd[] = {NULL,  "",   "C",          "a",        " A",  "A ",
					  "AB",  "B;", "\"B\"",      "B\"",      "'B'", "$ota_barred",
					  "B A", "-z", "B -o x = x", "${ota_x}", "]",   "B && reset"};

	return draw_below(d, 10) == 0 ? PICK(d, odd) : draw_below(d, 2) ? "A" : "B";
}

static const char *barred_value(struct dice *d)
{
	return draw_below(d, 2) ? NULL : slot_value(d);
}

static const char *number_value(struct dice *d, unsigned around)
{
	static const char *const small[] = {"0", "1", "2", "3", "4", "5", "6", "99"};
	static const char *const odd[] = {NULL,          "",     "x",          "2x",         "3 ",
					  "10",          "100",  "4294967",    "-1",         "+1",
					  "0x1",         " 1",   "010",        "00",         "08",
					  "1e3",         "0x",   "4294967295", "4294967296", "18446744073709551616",
					  "99999999999", "true", "1;reset"};

	return draw_below(d, 8) == 0 ? PICK(d, odd) : small[draw_below(d, around)];
}

static const char *available_value(struct dice *d)
{
	static const char *const odd[] = {NULL, "",   "2",   "2x", "x1", "0 ",         "10", "-1",
					  "00", "01", "0x1", " 1", "08", "4294967296", "yes"};

	return draw_below(d, 8) == 0 ? PICK(d, odd) : draw_below(d, 3) ? "1" : "0";
}

static void add_state(struct dice *d, struct list *list)
{
	static const char *const ids[] = {
	    "00000000000000ff", "7f3a9c01d2e4b586", "ffffffffffffffff", "0", "", "xyz", NULL};

	add_entry(list, "ota_slot", slot_value(d));
	add_entry(list, "ota_barred", barred_value(d));
	add_entry(list, "upgrade_available", available_value(d));
	add_entry(list, "bootcount", number_value(d, 6));
	add_entry(list, "bootlimit", draw_below(d, 3) ? "3" : number_value(d, 5));
	add_entry(list, "ota_trial", PICK(d, ids));
}

static void add_others(struct dice *d, struct list *list)
{
	char name[16], value[128];

	add_entry(list, "ethaddr", "02:00:00:00:00:01");
	for (unsigned n = draw_below(d, 5); n > 0; n--) {
		size_t bytes = 1 + draw_below(d, sizeof value - 2);

		for (size_t i = 0; i < bytes; i++) {
			value[i] = (char)(' ' + draw_below(d, 95));
			if (value[i] == '\\')
				value[i] = '/';
		}
		value[bytes] = '\0';
		(void)snprintf(name, sizeof name, "v%u", draw_below(d, 50));
		add_entry(list, name, value);
	}
}

/* One entry that no writer makes, somewhere. */
static void spoil_list(struct dice *d, struct list *list)
{
	static const char *const spoilt[] = {
	    "ota_slot",    "upgrade_available", "bootcount",   "v1",           "=x",
	    "=",           ".flags=zz:sa",      "v=a\\b",      "ota_slot=\\B", " ota_slot=B",
	    "#ota_slot=B", "ota_barred=A\\",    "ota_slot=A=B"};

	unsigned at = draw_below(d, list->count + 1);

	if (list->count == YP_UBOOT_ENTRIES_MAX)
		return;
	memmove(list->entries[at + 1], list->entries[at], (list->count - at) * sizeof list->entries[0]);
	list->count++;
	(void)snprintf(list->entries[at], YP_UBOOT_ENTRY_MAX, "%s", PICK(d, spoilt));
}

static void list_make(struct dice *d, const struct yp_uboot_defaults *defaults, bool rebuilt, struct list *list)
{
	list->count = 0;
	if (rebuilt) {
		/* core/boot/uboot.c makes this one when both copies are bad. */
		add_entry(list, "bootcmd", "env default ota_import && run ota_import && run bootcmd");
		add_entry(list, "altbootcmd", "env default ota_import && run ota_import && run altbootcmd");
	} else if (draw_below(d, 200) != 0) {
		for (unsigned i = 0; i < defaults->count; i++)
			memcpy(list->entries[list->count++], defaults->entries[i], YP_UBOOT_ENTRY_MAX);
	}
	add_state(d, list);
	if (draw_below(d, 2))
		add_others(d, list);
	/* One name twice: the later one wins. */
	if (draw_below(d, 25) == 0)
		add_state(d, list);
	/* fw_setenv and the updater keep their own order. */
	for (unsigned i = list->count; draw_below(d, 2) == 0 && i > 1; i--) {
		char entry[YP_UBOOT_ENTRY_MAX];
		unsigned j = draw_below(d, i);

		memcpy(entry, list->entries[i - 1], sizeof entry);
		memcpy(list->entries[i - 1], list->entries[j], sizeof entry);
		memcpy(list->entries[j], entry, sizeof entry);
	}
	if (draw_below(d, 25) == 0)
		spoil_list(d, list);
	if (draw_below(d, 400) == 0)
		list->count = 0;
}

static size_t put_list(const struct list *list, uint8_t flags, uint8_t pad, uint8_t raw[YP_UBOOT_ENV_BYTES])
{
	size_t at = YP_SIM_ENV_HEADER_BYTES;
	unsigned long crc;

	memset(raw, pad, YP_UBOOT_ENV_BYTES);
	for (unsigned i = 0; i < list->count; i++) {
		size_t bytes = strlen(list->entries[i]) + 1;

		if (bytes + 2 > YP_UBOOT_ENV_BYTES - at)
			break;
		memcpy(raw + at, list->entries[i], bytes);
		at += bytes;
	}
	raw[at] = raw[at + 1] = 0;
	crc = crc32(0, raw + YP_SIM_ENV_HEADER_BYTES, YP_UBOOT_ENV_BYTES - YP_SIM_ENV_HEADER_BYTES);
	for (unsigned i = 0; i < 4; i++)
		raw[i] = (uint8_t)(crc >> (8 * i));
	raw[4] = flags;
	return at;
}

static void flags_make(struct dice *d, uint8_t *older, uint8_t *newer)
{
	switch (draw_below(d, 8)) {
	case 0:
		*older = 255;
		*newer = 0;
		break;
	case 1:
		*older = *newer = (uint8_t)draw_below(d, 256);
		break;
	case 2:
		*older = (uint8_t)draw_below(d, 256);
		*newer = (uint8_t)draw_below(d, 256);
		break;
	default:
		*older = (uint8_t)draw_below(d, 255);
		*newer = (uint8_t)(*older + 1);
	}
}

/* A store cut short: some sectors are of the new copy, the others as they were, 00 or FF. */
static void tear_copy(struct dice *d, const uint8_t *new, size_t used_bytes, uint8_t *old)
{
	unsigned sectors = YP_UBOOT_ENV_BYTES / SECTOR_BYTES;
	unsigned used = (unsigned)(used_bytes / SECTOR_BYTES) + 1;
	unsigned cut = draw_below(d, 8) == 0 ? draw_below(d, sectors + 1) : draw_below(d, used + 1);
	unsigned how = draw_below(d, 3), fill = draw_below(d, 4);

	for (unsigned i = 0; i < sectors; i++) {
		bool persists = how == 0 ? i < cut : how == 1 ? i >= cut : draw_below(d, 2) == 0;

		if (persists)
			memcpy(old + i * SECTOR_BYTES, new + i *SECTOR_BYTES, SECTOR_BYTES);
		else if (fill >= 2)
			memset(old + i * SECTOR_BYTES, fill == 2 ? 0 : 0xff, SECTOR_BYTES);
	}
}

static void flip_bit(struct dice *d, uint8_t *raw, size_t bytes)
{
	raw[draw_below(d, (unsigned)bytes)] ^= (uint8_t)(1u << draw_below(d, 8));
}

void yp_script_case_make(const struct yp_uboot_defaults *defaults, uint64_t seed, uint64_t number,
			 struct yp_script_case *out)
{
	struct dice d = {seed ^ (number * 0xd1342543de82ef95u)};
	struct list list;
	uint8_t flags[2], torn[YP_UBOOT_ENV_BYTES];
	unsigned newer = draw_below(&d, 2), kind = draw_below(&d, 10);
	size_t used = 0;

	memset(out, 0, sizeof *out);
	flags_make(&d, &flags[!newer], &flags[newer]);
	out->equal = flags[0] == flags[1];
	out->wraps = flags[!newer] == 255 && flags[newer] == 0;
	for (unsigned i = 0; i < 2; i++) {
		bool rebuilt = draw_below(&d, 8) == 0;

		out->rebuilt = out->rebuilt || rebuilt;
		list_make(&d, defaults, rebuilt, &list);
		used = put_list(&list, flags[i], draw_below(&d, 4) ? 0 : 0xff, out->uboot.raw[i]);
		if (i == newer && kind < 4) {
			out->story = YP_SCRIPT_STORY_TORN;
			list_make(&d, defaults, draw_below(&d, 8) == 0, &list);
			(void)put_list(&list, (uint8_t)(flags[!newer] - 1), 0, torn);
			tear_copy(&d, out->uboot.raw[i], used, torn);
			memcpy(out->uboot.raw[i], torn, sizeof torn);
		}
		/* 64 KiB lie between the copies, so that damage to both is rare; but a broken card can have it. */
		if (kind == 5 || (kind == 4 && i == newer)) {
			out->story = kind == 5 ? YP_SCRIPT_STORY_BOTH_BAD : YP_SCRIPT_STORY_ONE_BAD;
			if (draw_below(&d, 4) == 0)
				memset(out->uboot.raw[i], draw_below(&d, 2) ? 0 : 0xff, YP_UBOOT_ENV_BYTES);
			else
				flip_bit(&d, out->uboot.raw[i], draw_below(&d, 8) ? used : YP_UBOOT_ENV_BYTES);
		}
		out->uboot.kernel[i] =
		    draw_below(&d, 2) ? YP_UBOOT_KERNEL_GOOD : (enum yp_uboot_kernel)draw_below(&d, 4);
	}
}
