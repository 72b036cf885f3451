/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

uint64_t plan_signature_reasons(const struct lab_site *site, size_t offset)
{
	(void)site;
	(void)offset;
	return REASON(BAD_SIGNATURE) | REASON(UNTRUSTED) | REASON(WEAK_ALGORITHM);
}
