/* SPDX-License-Identifier: Apache-2.0 */
/* Compares U-Boot's actions with the table, the library and fw_printenv on the same bytes. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ota/uboot.h"
#include "subject/ota-parts.h"
#include "subject/ota-script/script-case.h"

#define NUMBER_MAX 2147483647ull

const char *yp_script_class_name(enum yp_script_class which)
{
	static const char *const names[YP_SCRIPT_CLASS_COUNT] = {"number not plain decimal",
								 "quote or blank in a slot",
								 "name without value sign",
								 "value without name",
								 ".flags",
								 "backslash",
								 "blank or # before a name",
								 "empty environment",
								 "no boot command"};

	return names[which];
}

const char *yp_script_view_name(enum yp_script_view which)
{
	static const char *const names[YP_SCRIPT_VIEW_COUNT] = {"slot booted", "stores", "bytes stored", "ota status",
								"fw_printenv"};

	return names[which];
}

static char show_slot(char slot)
{
	return slot == 0 ? '-' : slot;
}

/* The case as the table sees it. text ends with a zero more than the copy has. */
struct model {
	uint8_t text[2][YP_UBOOT_ENV_BYTES + 1];
	struct yp_sim_env copy[2];
	int holding;
	struct yp_sim_boot_variables v;
	struct yp_sim_decision d;
	struct yp_sim_env env; /* the holding one, each name once, as U-Boot has it in memory */
	bool rebuilt;
};

static void __attribute__((format(printf, 3, 4)))
note_difference(struct yp_script_verdict *out, enum yp_script_view view, const char *format, ...)
{
	va_list args;

	if (out->differs[view])
		return;
	out->differs[view] = true;
	va_start(args, format);
	(void)vsnprintf(out->detail[view], YP_SCRIPT_DETAIL_MAX, format, args);
	va_end(args);
}

static bool is_plain(const char *value)
{
	if (value[0] == '+' || value[0] == '-' || value[0] == ' ')
		return false;
	if (value[0] == '0' && ((value[1] >= '0' && value[1] <= '9') || value[1] == 'x'))
		return false;
	return strtoull(value, NULL, 10) <= NUMBER_MAX;
}

static bool is_number(const char *entry)
{
	return strncmp(entry, "upgrade_available=", 18) == 0 || strncmp(entry, "bootcount=", 10) == 0 ||
	       strncmp(entry, "bootlimit=", 10) == 0;
}

static bool is_slot(const char *entry)
{
	return strncmp(entry, "ota_slot=", 9) == 0 || strncmp(entry, "ota_barred=", 11) == 0;
}

/* Properties of the copy that holds, by its bytes alone. */
static unsigned classes_of(const struct model *m)
{
	const char *text = (const char *)m->text[m->holding] + YP_SIM_ENV_HEADER_BYTES;
	const char *end = (const char *)m->text[m->holding] + YP_UBOOT_ENV_BYTES;
	unsigned classes = 0, count = 0;

	for (; text < end && *text != '\0'; text += strlen(text) + 1, count++) {
		const char *equals = strchr(text, '=');

		if (equals == NULL)
			classes |= 1u << YP_SCRIPT_CLASS_BARE_NAME;
		if (*text == '=')
			classes |= 1u << YP_SCRIPT_CLASS_EMPTY_NAME;
		if (strncmp(text, ".flags", 6) == 0)
			classes |= 1u << YP_SCRIPT_CLASS_FLAGS;
		if (strchr(text, '\\') != NULL)
			classes |= 1u << YP_SCRIPT_CLASS_BACKSLASH;
		if (*text == ' ' || *text == '#')
			classes |= 1u << YP_SCRIPT_CLASS_NAME_START;
		if (is_slot(text) && strpbrk(text, "'\" ") != NULL)
			classes |= 1u << YP_SCRIPT_CLASS_QUOTE;
		if (is_number(text) && !is_plain(equals + 1))
			classes |= 1u << YP_SCRIPT_CLASS_NUMBER;
	}
	if (count == 0)
		classes |= 1u << YP_SCRIPT_CLASS_EMPTY;
	else if (yp_sim_env_get(&m->copy[m->holding], "bootcmd") == NULL)
		classes |= 1u << YP_SCRIPT_CLASS_NO_COMMAND;
	return classes;
}

/* YP_UBOOT_ENTRIES_MAX entries and what is set here fit into any struct yp_sim_env: a failure is a mistake of ours. */
static void set_variable(struct yp_sim_env *env, const char *text)
{
	if (yp_sim_env_set(env, text) != 0)
		abort();
}

/* Each name once, the last one; a name with an empty value is not there. */
static void normalize(const struct yp_sim_env *in, struct yp_sim_env *out)
{
	unsigned kept = 0;

	*out = (struct yp_sim_env){.good = true};
	for (unsigned i = 0; i < in->count; i++)
		set_variable(out, in->variables[i].name);
	for (unsigned i = 0; i < out->count; i++) {
		if (out->variables[i].name[out->variables[i].name_bytes + 1] != '\0')
			out->variables[kept++] = out->variables[i];
	}
	out->count = kept;
}

static void model_make(const struct yp_uboot_case *c, struct model *m)
{
	const char *command;
	bool loads[2];
	int selected;

	for (unsigned i = 0; i < 2; i++) {
		/* cppcheck-suppress uninitvar ; it is written here */
		memcpy(m->text[i], c->raw[i], YP_UBOOT_ENV_BYTES);
		m->text[i][YP_UBOOT_ENV_BYTES] = 0;
		yp_sim_env_parse(m->text[i], YP_UBOOT_ENV_BYTES, &m->copy[i]);
		loads[i] = c->kernel[i] == YP_UBOOT_KERNEL_GOOD;
	}
	m->holding = yp_sim_env_arbitrate(m->copy[0].good, m->copy[0].flags, m->copy[1].good, m->copy[1].flags);
	yp_sim_env_boot_variables(m->holding < 0 ? NULL : &m->copy[m->holding], &m->v);
	selected = m->v.slot == 'B';
	m->d = yp_sim_boot_decide(&m->v, loads[selected], loads[!selected]);
	m->rebuilt = false;
	if (m->holding < 0)
		return;
	normalize(&m->copy[m->holding], &m->env);
	command = yp_sim_env_get(&m->env, "bootcmd");
	m->rebuilt = command != NULL && strncmp(command, "env default ota_import ", 23) == 0;
}

static char model_slot(const struct model *m)
{
	if (m->d.boots == YP_SIM_BOOTS_HALT)
		return 0;
	return m->d.boots == YP_SIM_BOOTS_SELECTED ? m->v.slot : m->v.slot == 'A' ? 'B' : 'A';
}

/* ota_import: all defaults around the protocol's variables. `saved` may hold the old environment's strings. */
static void import_defaults(const struct yp_uboot_defaults *defaults, struct yp_sim_env *env)
{
	const char *const *kept = yp_ota_boot.variables;
	struct yp_sim_env old = *env;

	*env = (struct yp_sim_env){.good = true};
	for (unsigned i = 0; i < defaults->count; i++)
		set_variable(env, defaults->entries[i]);
	for (unsigned i = 0; kept[i] != NULL; i++) {
		for (unsigned k = 0; k < old.count; k++) {
			if (old.variables[k].name_bytes == strlen(kept[i]) &&
			    strncmp(old.variables[k].name, kept[i], old.variables[k].name_bytes) == 0)
				set_variable(env, old.variables[k].name);
		}
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct yp_sim_env_variable *x = a, *y = b;
	size_t bytes = x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes;
	int order = memcmp(x->name, y->name, bytes);

	return order != 0 ? order : (x->name_bytes > y->name_bytes) - (x->name_bytes < y->name_bytes);
}

/* As U-Boot stores it: sorted by name alone ("v1" before "v17"), zeros behind. */
static void encode_copy(struct yp_sim_env *env, uint8_t flags, uint8_t *out)
{
	size_t at = YP_SIM_ENV_HEADER_BYTES;
	unsigned long crc;

	qsort(env->variables, env->count, sizeof env->variables[0], compare_names);
	memset(out, 0, YP_UBOOT_ENV_BYTES);
	for (unsigned i = 0; i < env->count; i++) {
		size_t bytes = strlen(env->variables[i].name) + 1;

		if (bytes >= YP_UBOOT_ENV_BYTES - at)
			abort();
		memcpy(out + at, env->variables[i].name, bytes);
		at += bytes;
	}
	crc = crc32(0, out + YP_SIM_ENV_HEADER_BYTES, YP_UBOOT_ENV_BYTES - YP_SIM_ENV_HEADER_BYTES);
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> (8 * i));
	out[4] = flags;
}

/* What U-Boot adds by itself is taken over from what it stored: addresses, sizes. Then it is to be the same bytes. */
static void expect_copy(const struct model *m, const uint8_t *got, uint8_t flags, uint8_t *want)
{
	static const char *const own[] = {"fdtcontroladdr", "fileaddr", "filesize"};
	uint8_t text[YP_UBOOT_ENV_BYTES + 1];
	struct yp_sim_env stored, env = m->env;

	memcpy(text, got, YP_UBOOT_ENV_BYTES);
	text[YP_UBOOT_ENV_BYTES] = 0;
	yp_sim_env_parse(text, YP_UBOOT_ENV_BYTES, &stored);
	for (unsigned i = 0; i < sizeof own / sizeof own[0]; i++) {
		const char *value = yp_sim_env_get(&stored, own[i]);

		if (value != NULL)
			set_variable(&env, value - strlen(own[i]) - 1);
	}
	encode_copy(&env, flags, want);
}

static void apply_store(struct yp_sim_env *env, const struct yp_sim_boot_variables *before, enum yp_sim_stores what,
			struct yp_boot_texts *texts)
{
	if (yp_ota_boot.apply(env, before, what, texts) != 0)
		abort();
}

static void judge_bytes(const struct yp_uboot_defaults *defaults, const struct yp_uboot_case *c,
			const struct yp_uboot_run *run, struct model *m, struct yp_script_verdict *out)
{
	uint8_t want[2][YP_UBOOT_ENV_BYTES];
	struct yp_boot_texts texts = {.count = 0};
	int target = m->holding == 0 ? 1 : 0;
	uint8_t flags = m->holding < 0 ? 0 : m->copy[m->holding].flags;

	memcpy(want, c->raw, sizeof want);
	if (m->d.counts) {
		apply_store(&m->env, &m->v, YP_SIM_STORES_COUNT, &texts);
		expect_copy(m, run->raw[target], ++flags, want[target]);
		target = !target;
	}
	if (m->d.stores != YP_SIM_STORES_NOTHING) {
		if (m->rebuilt)
			import_defaults(defaults, &m->env);
		apply_store(&m->env, &m->v, m->d.stores, &texts);
		expect_copy(m, run->raw[target], ++flags, want[target]);
	}
	for (unsigned i = 0; i < 2; i++) {
		size_t at = YP_SIM_ENV_HEADER_BYTES;

		while (at < YP_UBOOT_ENV_BYTES && want[i][at] == run->raw[i][at])
			at++;
		if (memcmp(want[i], run->raw[i], YP_UBOOT_ENV_BYTES) != 0)
			note_difference(out, YP_SCRIPT_VIEW_BYTES,
					"copy %u differs from byte %zu on: table '%.40s', U-Boot '%.40s'", i, at,
					(const char *)want[i] + at, (const char *)run->raw[i] + at);
	}
}

struct memory {
	const uint8_t (*raw)[YP_UBOOT_ENV_BYTES];
};

static int memory_read(void *dev, uint64_t offset, void *out, size_t bytes)
{
	const struct memory *m = dev;

	memcpy(out, m->raw[offset / YP_UBOOT_ENV_BYTES] + offset % YP_UBOOT_ENV_BYTES, bytes);
	return 0;
}

static int memory_write(void *dev, uint64_t offset, const void *data, size_t bytes)
{
	(void)dev, (void)offset, (void)data, (void)bytes;
	return -EROFS;
}

static int memory_flush(void *dev)
{
	(void)dev;
	return 0;
}

static int query_library(const uint8_t (*raw)[YP_UBOOT_ENV_BYTES], struct ota_boot_state *out)
{
	static const struct ota_block_ops ops = {memory_read, memory_read, memory_write, memory_flush};
	static const char *const names[2] = {"A", "B"};
	struct memory memory = {raw};
	struct ota_env_place place = {.offset_bytes = {0, YP_UBOOT_ENV_BYTES}, .env_bytes = YP_UBOOT_ENV_BYTES};
	struct ota_uboot *uboot;
	struct ota_boot boot;
	int error;

	for (unsigned i = 0; i < 2; i++)
		place.block[i] = (struct ota_block){&ops, &memory, 2 * (uint64_t)YP_UBOOT_ENV_BYTES, 512, "env"};
	error = ota_uboot_new(&place, names, &uboot, &boot);
	if (error == 0)
		error = boot.ops->query(boot.boot, out);
	ota_uboot_free(uboot);
	return error;
}

/* The next boot that `ota status` predicts. */
static char status_slot(const struct ota_boot_state *s, const struct yp_uboot_case *c)
{
	int selected = s->selected[0] == 'B';
	bool over = s->trial && (uint64_t)s->attempts + 1 > s->limit;
	bool other_barred = s->barred[0] == "BA"[selected];

	if (c->kernel[selected] == YP_UBOOT_KERNEL_GOOD && (!over || other_barred))
		return "AB"[selected];
	if (!other_barred && c->kernel[!selected] == YP_UBOOT_KERNEL_GOOD)
		return "BA"[selected];
	return 0;
}

static void judge_status(const struct yp_uboot_case *c, const struct yp_uboot_run *run, const struct model *m,
			 struct yp_script_verdict *out)
{
	struct ota_boot_state before, after;
	uint8_t text[2][YP_UBOOT_ENV_BYTES + 1];
	struct yp_sim_env copy[2];
	struct yp_sim_boot_variables v;
	bool contradicts;
	int error = query_library(c->raw, &before), holding;

	if (error == 0)
		error = query_library(run->raw, &after);
	if (error != 0) {
		note_difference(out, YP_SCRIPT_VIEW_STATUS, "query fails: %d", error);
		return;
	}
	if (before.readable == run->defaults)
		note_difference(out, YP_SCRIPT_VIEW_STATUS, "readable: %d, U-Boot on its defaults: %d", before.readable,
				run->defaults);
	if (before.degraded != (m->copy[0].good != m->copy[1].good))
		note_difference(out, YP_SCRIPT_VIEW_STATUS, "degraded: %d, good copies: %d %d", before.degraded,
				m->copy[0].good, m->copy[1].good);
	if (status_slot(&before, c) != run->slot)
		note_difference(out, YP_SCRIPT_VIEW_STATUS, "status leads to slot %c, U-Boot boots %c",
				show_slot(status_slot(&before, c)), show_slot(run->slot));
	for (unsigned i = 0; i < 2; i++) {
		memcpy(text[i], run->raw[i], YP_UBOOT_ENV_BYTES);
		text[i][YP_UBOOT_ENV_BYTES] = 0;
		yp_sim_env_parse(text[i], YP_UBOOT_ENV_BYTES, &copy[i]);
	}
	holding = yp_sim_env_arbitrate(copy[0].good, copy[0].flags, copy[1].good, copy[1].flags);
	yp_sim_env_boot_variables(holding < 0 ? NULL : &copy[holding], &v);
	contradicts = v.slot == v.barred;
	if ((after.selected[0] == v.slot) == contradicts || after.barred[0] != v.barred ||
	    after.trial != (v.trial && !contradicts) || after.limit != v.limit ||
	    (after.trial && after.attempts != v.attempts))
		note_difference(
		    out, YP_SCRIPT_VIEW_STATUS,
		    "after it: selected %s barred '%s' trial %d attempts %u limit %u, stored %c %c %d %lu %lu",
		    after.selected, after.barred, after.trial, after.attempts, after.limit, v.slot, v.barred | ' ',
		    v.trial, v.attempts, v.limit);
}

/* Every variable that one prints, the other prints too, with the same value; fdtcontroladdr is U-Boot's own. */
static void judge_printenv(const struct yp_uboot_run *run, const char *printenv, int status,
			   struct yp_script_verdict *out)
{
	const char *from = strstr(run->text, "No ethernet found.\n");
	const char *to = strstr(run->text, "\nEnvironment size: ");
	unsigned ours = 0, theirs = 0;

	if (run->defaults || status != 0) {
		if (run->defaults != (status != 0))
			note_difference(out, YP_SCRIPT_VIEW_PRINTENV,
					"fw_printenv ends with %d, U-Boot on its defaults: %d", status, run->defaults);
		return;
	}
	if (from == NULL || to == NULL) {
		note_difference(out, YP_SCRIPT_VIEW_PRINTENV, "U-Boot printed no environment");
		return;
	}
	from = strchr(from, '\n');
	for (const char *at = from; at < to; at = strchr(at + 1, '\n'))
		ours += at[1] != '\n' && strncmp(at + 1, "fdtcontroladdr=", 15) != 0;
	for (const char *line = printenv; *line != '\0'; line += strcspn(line, "\n") + 1) {
		char want[YP_UBOOT_ENTRY_MAX + 4];
		size_t bytes = strcspn(line, "\n");
		const char *at;

		/* An empty value: for U-Boot the variable is not set. */
		if (bytes > 0 && line[bytes - 1] == '=' && strcspn(line, "=") == bytes - 1)
			continue;
		theirs++;
		(void)snprintf(want, sizeof want, "\n%.*s\n", (int)bytes, line);
		at = strstr(from, want);
		if (at == NULL || at >= to)
			note_difference(out, YP_SCRIPT_VIEW_PRINTENV, "only fw_printenv: %.*s", (int)bytes, line);
		if (line[bytes] == '\0')
			break;
	}
	if (ours != theirs)
		note_difference(out, YP_SCRIPT_VIEW_PRINTENV, "%u variables, fw_printenv prints %u", ours, theirs);
}

bool yp_script_verdict_unexplained(const struct yp_script_verdict *verdict)
{
	unsigned numbers = 1u << YP_SCRIPT_CLASS_NUMBER;

	if ((verdict->classes & ~numbers) == 0 && !verdict->exact)
		return true;
	for (unsigned i = 0; i < YP_SCRIPT_VIEW_COUNT; i++) {
		if (verdict->differs[i] && verdict->classes == 0)
			return true;
	}
	return false;
}

static bool judge_exact(const struct yp_uboot_case *c, const struct yp_uboot_run *run, const struct model *m)
{
	const bool loads[2] = {c->kernel[0] == YP_UBOOT_KERNEL_GOOD, c->kernel[1] == YP_UBOOT_KERNEL_GOOD};
	struct yp_sim_env none = {.good = true};
	unsigned stores;
	char slot;

	yp_script_exact(m->holding < 0 ? &none : &m->env, &m->v, loads, m->holding >= 0 && m->rebuilt, &slot, &stores);
	return run->end <= YP_UBOOT_END_HALT && run->slot == slot && run->stores == stores;
}

void yp_script_judge(const struct yp_uboot_defaults *defaults, const struct yp_uboot_case *c,
		     const struct yp_uboot_run *run, const char *printenv, int printenv_status,
		     struct yp_script_verdict *out)
{
	static const char *const ends[] = {"boots", "halts", "stops at its prompt", "does not decide in time"};
	struct model m;
	unsigned stores;

	memset(out, 0, sizeof *out);
	model_make(c, &m);
	if (m.holding >= 0)
		out->classes = classes_of(&m);
	stores = (unsigned)m.d.counts + (m.d.stores != YP_SIM_STORES_NOTHING);
	if (run->end > YP_UBOOT_END_HALT || run->slot != model_slot(&m))
		note_difference(out, YP_SCRIPT_VIEW_DECISION, "table: slot %c, U-Boot %s %c", show_slot(model_slot(&m)),
				ends[run->end], show_slot(run->slot));
	if (run->stores != stores || run->failures != 0)
		note_difference(out, YP_SCRIPT_VIEW_STORES, "table: %u stores, U-Boot: %u, of them %u failed", stores,
				run->stores, run->failures);
	out->exact = judge_exact(c, run, &m);
	judge_bytes(defaults, c, run, &m, out);
	judge_status(c, run, &m, out);
	judge_printenv(run, printenv, printenv_status, out);
}
