/* SPDX-License-Identifier: Apache-2.0 */
/* From a case to the offer that it makes. */
#include "corrupt/corrupt-offer.h"

#include <errno.h>

#include "corrupt/corrupt-number.h"

static int make_flipped(const struct yp_forge_site *site, const struct yp_corrupt_case *c, struct offer *out)
{
	return plain_flip(&site->bundles[2], c->at, c->bit, &out->raw);
}

int yp_corrupt_offer_make(struct yp_forge *forge, const struct yp_corrupt_case *c, struct offer *out)
{
	int r = 0;
	*out = (struct offer){.now_s = YP_FORGE_NOW_S, .policy = forge->policy, .expected = 2, .retry = 2};
	switch ((enum case_kind)c->kind) {
	case CASE_ROW:
		return c->row->build(forge, c->row, out);
	case CASE_FLIP:
	case CASE_PAYLOAD:
		return make_flipped(&forge->site, c, out);
	case CASE_CUT:
		out->unsized = c->bit != 0;
		return plain_truncate(&forge->site.bundles[2], c->at, &out->raw);
	case CASE_WIDE:
		out->wide = true;
		r = yp_forge_wide(forge);
		return r ? r : make_flipped(&forge->wide, c, out);
	case CASE_NUMBER:
		return yp_corrupt_number_offer(forge, c, out);
	}
	return -EINVAL;
}
