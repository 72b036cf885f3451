/* SPDX-License-Identifier: Apache-2.0 */
/* Cases as text: one text for each case, and nothing else is taken for one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "power-cut/explore.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool same_cut(const struct yp_cut *x, const struct yp_cut *y)
{
	return x->entry == y->entry && x->form == y->form && x->a == y->a && x->b == y->b && x->torn == y->torn &&
	       x->tear == y->tear && x->fill == y->fill;
}

/* Invariant: every cut that encodes decodes to itself, in a text of its own. */
Test(case_text, every_cut_comes_back)
{
	static const uint64_t values[] = {0, 1, 9, 10, 4095, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
	static const int32_t torn[] = {-1, 0, 7, INT32_MAX};
	static const uint32_t tears[] = {0, 1, 63, YP_TEAR_BACK, YP_TEAR_BACK | 5};
	unsigned good = 0;
	unsigned bad = 0;
	for (unsigned form = 0; form < 256; form++) {
		for (size_t a = 0; a < COUNT(values); a++) {
			for (size_t b = 0; b < COUNT(values); b++) {
				for (size_t t = 0; t < COUNT(torn) * COUNT(tears) * (YP_FILL_COUNT + 1u); t++) {
					struct yp_case c = {.count = 1};
					struct yp_case back;
					char text[YP_CASE_TEXT_MAX];
					c.cuts[0] = (struct yp_cut){.entry = (uint32_t)values[(a + b) % 6],
								    .form = (uint8_t)form,
								    .a = values[a],
								    .b = values[b],
								    .torn = torn[t % COUNT(torn)],
								    .tear = tears[t / COUNT(torn) % COUNT(tears)],
								    .fill = (uint8_t)(t / COUNT(torn) / COUNT(tears))};
					int r = yp_case_encode(&c, text, sizeof text);
					if (r != 0) {
						cr_assert_eq(r, -EINVAL);
						bad++;
						continue;
					}
					cr_assert_eq(yp_case_decode(text, &back), 0, "%s", text);
					cr_assert(back.count == 1 && same_cut(&c.cuts[0], &back.cuts[0]), "%s", text);
					good++;
				}
			}
		}
	}
	cr_assert_gt(good, 10000);
	cr_assert_gt(bad, 10000);
}

/* Invariant: a text is either refused or the one text of the case it names: any change of a character names another
 * case or none. */
Test(case_text, texts_are_exact)
{
	static const char text[] = "12.s3.5.0t1.b3.2-0.a.0.0-4294967295.o.1.2t0.7.5";
	static const char letters[] = "0123456789.-abnospkrt xZ";
	struct yp_case c;
	char again[YP_CASE_TEXT_MAX];
	unsigned accepted = 0;
	cr_assert_eq(yp_case_decode(text, &c), 0);
	cr_assert_eq(c.count, 3);
	for (size_t i = 0; i < sizeof text - 1; i++) {
		for (const char *l = letters; *l; l++) {
			for (unsigned way = 0; way < 3; way++) {
				char changed[sizeof text + 2];
				/* Replaced, put in, left out. */
				(void)snprintf(changed, sizeof changed, "%.*s%.*s%s", (int)i, text, way < 2, l,
					       text + i + (way != 1));
				if (yp_case_decode(changed, &c) != 0)
					continue;
				cr_assert_eq(yp_case_encode(&c, again, sizeof again), 0);
				cr_assert_str_eq(again, changed);
				accepted++;
			}
		}
	}
	cr_assert_gt(accepted, 50);
}

/* Invariant: what is not a case is refused. */
Test(case_text, nonsense_is_refused)
{
	static const char *const texts[] = {"",
					    "-",
					    "1",
					    "1.a",
					    "1.a.0",
					    "1.a.0.0-",
					    "-1.a.0.0",
					    "1.a.0.0 ",
					    "01.a.0.0",
					    "1.a.00.0",
					    "1.x.0.0",
					    "1.a0.0.0",
					    "1.a33.0.0",
					    "1.a.1.0",
					    "1.s.1.1",
					    "1.o.2.1",
					    "1.p.4294967296.0",
					    "4294967296.a.0.0",
					    "1.a.0.0t",
					    "1.a.0.0t1.1.7",
					    "1.a.0.0t1.b1.3",
					    "1.a.0.0t-1.1.0",
					    "1.s.18446744073709551616.0",
					    "1.a.0.0t2147483648.1.0"};
	struct yp_case c;
	for (size_t i = 0; i < COUNT(texts); i++)
		cr_assert_eq(yp_case_decode(texts[i], &c), -EINVAL, "\"%s\"", texts[i]);
}

/* Invariant: no more cuts than a case can hold, no text longer than its buffer. */
Test(case_text, bounds_hold)
{
	struct yp_case c = {.count = YP_CUTS_MAX};
	char text[YP_CUTS_MAX * 8 + 16] = "";
	char small[12];
	for (unsigned i = 0; i < YP_CUTS_MAX; i++)
		c.cuts[i] = (struct yp_cut){.torn = -1};
	cr_assert_eq(yp_case_encode(&c, text, sizeof text), 0);
	cr_assert_eq(yp_case_decode(text, &c), 0);
	cr_assert_eq(c.count, YP_CUTS_MAX);
	strcat(text, "-0.a.0.0");
	cr_assert_eq(yp_case_decode(text, &c), -EINVAL);
	c.count = 2;
	cr_assert_eq(yp_case_encode(&c, small, sizeof small), -ENOSPC);
	c.count = 0;
	cr_assert_eq(yp_case_encode(&c, text, sizeof text), -EINVAL);
	c.count = YP_CUTS_MAX + 1;
	cr_assert_eq(yp_case_encode(&c, text, sizeof text), -EINVAL);
}

/* Invariant: a report can distinguish the plain cut and the one that loses everything from all others. */
Test(case_text, kinds)
{
	struct yp_cut cut = {.form = YP_FORM_ALL, .torn = -1};
	cr_assert_str_eq(yp_cut_kind(&cut), "plain");
	cut.form = YP_FORM_NONE;
	cr_assert_str_eq(yp_cut_kind(&cut), "lost");
	cut.torn = 0;
	cr_assert_str_eq(yp_cut_kind(&cut), "mixed");
	cut = (struct yp_cut){.form = YP_FORM_PREFIX, .a = 1, .torn = -1};
	cr_assert_str_eq(yp_cut_kind(&cut), "mixed");
}
