/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of cases, as text and back. */
#include "file/case-text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_stem(const char *name, uint64_t seed, char *out)
{
	if (seed == YP_SEED_DEFAULT)
		(void)snprintf(out, YP_ID_MAX, "%s@", name);
	else
		(void)snprintf(out, YP_ID_MAX, "%s+%" PRIu64 "@", name, seed);
}

void yp_id_cut(const char *name, uint64_t seed, const char *case_text, char *out)
{
	write_stem(name, seed, out);
	size_t used = strlen(out);
	(void)snprintf(out + used, YP_ID_MAX - used, "%s", case_text);
}

void yp_id_fault(const char *name, uint64_t seed, const struct yp_sim_fault *fault, char *out)
{
	write_stem(name, seed, out);
	size_t used = strlen(out);
	char *at = out + used;
	size_t room = YP_ID_MAX - used;
	const char *kind = yp_fault_text(fault->kind);
	if (fault->kind == YP_SIM_FAULT_NONE)
		(void)snprintf(at, room, "fault:%s", kind);
	else if (fault->kind == YP_SIM_FAULT_CLOCK)
		(void)snprintf(at, room, "fault:%s.%" PRId64, kind, fault->clock_s);
	else
		(void)snprintf(at, room, "fault:%s.%" PRIu64 "%s", kind, fault->nth, fault->for_ever ? ".ever" : "");
}

void yp_id_lint(const char *name, uint64_t seed, const char *rule, size_t entry, char *out)
{
	write_stem(name, seed, out);
	size_t used = strlen(out);
	(void)snprintf(out + used, YP_ID_MAX - used, "lint:%s.%zu", rule, entry);
}

void yp_id_listed(const char *name, uint64_t seed, bool image, const char *listed, char *out)
{
	write_stem(name, seed, out);
	size_t used = strlen(out);
	(void)snprintf(out + used, YP_ID_MAX - used, "%s%s", image ? "image:" : "", listed);
}

/* A decimal number up to `end` (a character that must follow it); *after: behind it. */
static int read_number(const char *text, uint64_t *out, const char **after)
{
	uint64_t value = 0;
	const char *c = text;
	for (; *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	if (c == text)
		return -EINVAL;
	*out = value;
	*after = c;
	return 0;
}

static int decode_fault(const char *text, struct yp_sim_fault *out)
{
	const char *dot = strchr(text, '.');
	size_t length = dot ? (size_t)(dot - text) : strlen(text);
	*out = (struct yp_sim_fault){.medium = -1};
	if (yp_fault_find(text, length, &out->kind))
		return -EINVAL;
	if (out->kind == YP_SIM_FAULT_NONE)
		return dot ? -EINVAL : 0;
	if (!dot)
		return -EINVAL;
	const char *digits = dot + 1;
	bool minus = out->kind == YP_SIM_FAULT_CLOCK && *digits == '-';
	uint64_t value = 0;
	const char *rest = NULL;
	if (read_number(digits + minus, &value, &rest))
		return -EINVAL;
	if (out->kind == YP_SIM_FAULT_CLOCK) {
		if (value > INT64_MAX)
			return -EINVAL;
		out->clock_s = minus ? -(int64_t)value : (int64_t)value;
	} else {
		if (!value)
			return -EINVAL; /* operations are counted from one */
		out->nth = value;
	}
	out->for_ever = strcmp(rest, ".ever") == 0;
	return *rest && !out->for_ever ? -EINVAL : 0;
}

static int decode_lint(const char *text, struct yp_id *out)
{
	const char *dot = strrchr(text, '.');
	const char *rest = NULL;
	if (!dot || (size_t)(dot - text) >= sizeof out->rule || read_number(dot + 1, &out->entry, &rest) || *rest)
		return -EINVAL;
	memcpy(out->rule, text, (size_t)(dot - text));
	return 0;
}

/* "GROUP:NAME" with a group of small letters: neither a cut, which starts with a digit, nor "fault:" or "lint:". */
static int decode_listed(const char *text, struct yp_id *out)
{
	size_t group = strspn(text, "abcdefghijklmnopqrstuvwxyz");
	if (group == 0 || text[group] != ':' || !text[group + 1] || strlen(text) >= sizeof out->listed)
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c >= 0x7f)
			return -EINVAL;
	}
	(void)snprintf(out->listed, sizeof out->listed, "%s", text);
	return 0;
}

int yp_id_decode(const char *text, struct yp_id *out)
{
	*out = (struct yp_id){.seed = YP_SEED_DEFAULT};
	const char *at = strchr(text, '@');
	if (!at || at == text)
		return -EINVAL;
	const char *plus = memchr(text, '+', (size_t)(at - text));
	size_t length = (size_t)((plus ? plus : at) - text);
	if (length == 0 || length >= sizeof out->name)
		return -EINVAL;
	memcpy(out->name, text, length);
	const char *rest = NULL;
	if (plus && (read_number(plus + 1, &out->seed, &rest) || rest != at))
		return -EINVAL;
	if (strncmp(at + 1, "fault:", 6) == 0) {
		out->kind = YP_ID_FAULT;
		return decode_fault(at + 7, &out->fault);
	}
	if (strncmp(at + 1, "lint:", 5) == 0) {
		out->kind = YP_ID_LINT;
		return decode_lint(at + 6, out);
	}
	out->image = strncmp(at + 1, "image:", 6) == 0;
	if (at[1] >= 'a' && at[1] <= 'z') {
		out->kind = YP_ID_LISTED;
		return decode_listed(out->image ? at + 7 : at + 1, out);
	}
	out->kind = YP_ID_CUT;
	return yp_case_decode(at + 1, &out->cut) ? -EINVAL : 0;
}
