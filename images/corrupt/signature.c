/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by signers of every kind but the right one. */
#include "plan.h"

uint64_t plan_signature_reasons(const struct lab_site *site, size_t offset)
{
	(void)site;
	(void)offset;
	return REASON(BAD_SIGNATURE) | REASON(UNTRUSTED) | REASON(WEAK_ALGORITHM) | REASON(CERT_PURPOSE) |
	       REASON(CERT_EXPIRED) | REASON(CERT_NOT_YET_VALID);
}

const struct corrupt_row rows_signature[] = {{.id = NULL}};
