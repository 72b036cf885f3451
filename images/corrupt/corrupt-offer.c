/* SPDX-License-Identifier: Apache-2.0 */
/* From a case to the offer that it makes. */
#include "corrupt/corrupt-offer.h"

#include <errno.h>

#include "corrupt/corrupt-number.h"

static int make_flipped(const struct lab_site *site, const struct corrupt_case *c, struct offer *out)
{
	return plain_flip(&site->bundles[2], c->at, c->bit, &out->raw);
}

int corrupt_offer_make(struct corrupt_lab *lab, const struct corrupt_case *c, struct offer *out)
{
	int r = 0;
	*out = (struct offer){.now_s = LAB_NOW_S, .policy = lab->policy, .expected = 2, .retry = 2};
	switch ((enum case_kind)c->kind) {
	case CASE_ROW:
		return c->row->build(lab, c->row, out);
	case CASE_FLIP:
	case CASE_PAYLOAD:
		return make_flipped(&lab->site, c, out);
	case CASE_CUT:
		out->unsized = c->bit != 0;
		return plain_truncate(&lab->site.bundles[2], c->at, &out->raw);
	case CASE_WIDE:
		out->wide = true;
		r = lab_wide(lab);
		return r ? r : make_flipped(&lab->wide, c, out);
	case CASE_NUMBER:
		return number_offer(lab, c, out);
	}
	return -EINVAL;
}
