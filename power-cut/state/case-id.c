/* SPDX-License-Identifier: Apache-2.0 */
/* Cases as text, one text for each case. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "power-cut/cut.h"

/* In the order of enum yp_form. */
static const char form_letters[] = "anspokr";
#define CUT_TEXT_MAX 128u

/* Exactly one value for each meaning, so that equal cases have equal texts. */
static bool cut_valid(const struct yp_cut *c)
{
	if (c->form / YP_FORM_COUNT >= YP_SCOPES)
		return false;
	bool ok = false;
	switch ((enum yp_form)(c->form % YP_FORM_COUNT)) {
	case YP_FORM_ALL:
	case YP_FORM_NONE:
		ok = c->a == 0 && c->b == 0;
		break;
	case YP_FORM_SUBSET:
		ok = c->b == 0;
		break;
	case YP_FORM_PREFIX:
	case YP_FORM_SAMPLE:
		ok = c->a <= UINT32_MAX && c->b == 0;
		break;
	case YP_FORM_OMIT:
	case YP_FORM_KEEP:
		ok = c->a <= c->b && c->b <= UINT32_MAX;
		break;
	case YP_FORM_COUNT:
		break;
	}
	if (c->torn < 0)
		return ok && c->torn == -1 && c->tear == 0 && c->fill == 0;
	return ok && c->fill < YP_FILL_COUNT && (c->fill <= YP_FILL_FF || !(c->tear & YP_TEAR_BACK));
}

const char *yp_cut_kind(const struct yp_cut *cut)
{
	if (cut->torn >= 0)
		return "mixed";
	return cut->form == YP_FORM_ALL ? "plain" : cut->form == YP_FORM_NONE ? "lost" : "mixed";
}

int yp_case_encode(const struct yp_case *c, char *out, size_t out_bytes)
{
	if (c->count == 0 || c->count > YP_CUTS_MAX)
		return -EINVAL;
	size_t used = 0;
	for (unsigned i = 0; i < c->count; i++) {
		const struct yp_cut *cut = &c->cuts[i];
		char scope[8] = "";
		char torn[48] = "";
		if (!cut_valid(cut))
			return -EINVAL;
		if (cut->form >= YP_FORM_COUNT)
			(void)snprintf(scope, sizeof scope, "%u", (unsigned)cut->form / YP_FORM_COUNT);
		if (cut->torn >= 0)
			(void)snprintf(torn, sizeof torn, "t%" PRId32 ".%s%" PRIu32 ".%u", cut->torn,
				       cut->tear & YP_TEAR_BACK ? "b" : "", cut->tear & ~YP_TEAR_BACK, cut->fill);
		char text[CUT_TEXT_MAX];
		int n = snprintf(text, sizeof text, "%s%" PRIu32 ".%c%s.%" PRIu64 ".%" PRIu64 "%s", i ? "-" : "",
				 cut->entry, form_letters[cut->form % YP_FORM_COUNT], scope, cut->a, cut->b, torn);
		if (n < 0 || (size_t)n >= sizeof text || (size_t)n >= out_bytes - used)
			return -ENOSPC;
		memcpy(out + used, text, (size_t)n + 1);
		used += (size_t)n;
	}
	return 0;
}

/* A decimal number without leading zeros, at most max. */
static bool take_number(const char **p, uint64_t max, uint64_t *out)
{
	const char *s = *p;
	uint64_t value = 0;
	if (*s < '0' || *s > '9' || (*s == '0' && s[1] >= '0' && s[1] <= '9'))
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		uint64_t digit = (uint64_t)(*s - '0');
		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*p = s;
	*out = value;
	return true;
}

static bool take(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

static bool take_torn(const char **p, struct yp_cut *out)
{
	uint64_t torn;
	uint64_t tear;
	uint64_t fill;
	if (!take_number(p, INT32_MAX, &torn) || !take(p, '.'))
		return false;
	bool back = take(p, 'b');
	if (!take_number(p, YP_TEAR_BACK - 1, &tear) || !take(p, '.') || !take_number(p, YP_FILL_COUNT - 1, &fill))
		return false;
	out->torn = (int32_t)torn;
	out->tear = (uint32_t)tear | (back ? YP_TEAR_BACK : 0);
	out->fill = (uint8_t)fill;
	return true;
}

static bool take_cut(const char **p, struct yp_cut *out)
{
	uint64_t entry;
	uint64_t scope = 0;
	*out = (struct yp_cut){.torn = -1};
	if (!take_number(p, UINT32_MAX, &entry) || !take(p, '.'))
		return false;
	const char *letter = **p ? strchr(form_letters, **p) : NULL;
	if (!letter)
		return false;
	++*p;
	if (**p != '.' && (!take_number(p, YP_SCOPES - 1, &scope) || scope == 0))
		return false;
	out->entry = (uint32_t)entry;
	out->form = (uint8_t)((unsigned)(letter - form_letters) + YP_FORM_COUNT * (unsigned)scope);
	if (!take(p, '.') || !take_number(p, UINT64_MAX, &out->a) || !take(p, '.') ||
	    !take_number(p, UINT64_MAX, &out->b))
		return false;
	return (!take(p, 't') || take_torn(p, out)) && cut_valid(out);
}

int yp_case_decode(const char *text, struct yp_case *out)
{
	const char *p = text;
	out->count = 0;
	do {
		if (out->count == YP_CUTS_MAX || !take_cut(&p, &out->cuts[out->count]))
			return -EINVAL;
		out->count++;
	} while (take(&p, '-'));
	return *p ? -EINVAL : 0;
}
