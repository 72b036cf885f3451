/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: every reason and every step has one name of its own and a text, and any result folds into a reason. */
#include "ota/reason.h"
#include "ota/step.h"

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

static int is_plain(const char *name)
{
	return name && *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(name);
}

Test(reason, each_has_its_own_name_and_text)
{
	for (int i = 0; i < OTA_REASON_COUNT; i++) {
		cr_assert(is_plain(ota_reason_name(i)), "reason %d has no plain name", i);
		cr_assert(ota_reason_text(i) && *ota_reason_text(i) && !strchr(ota_reason_text(i), '\n'));
		cr_assert_str_neq(ota_reason_name(i), "UNKNOWN");
		for (int j = 0; j < i; j++) {
			cr_assert_str_neq(ota_reason_name(i), ota_reason_name(j));
			cr_assert_str_neq(ota_reason_text(i), ota_reason_text(j));
		}
	}
	cr_assert_str_eq(ota_reason_name(OTA_OK), "OK");
	cr_assert_str_eq(ota_reason_name(OTA_BAD_MAGIC), "BAD_MAGIC");
	cr_assert_str_eq(ota_reason_name(OTA_INTERNAL), "INTERNAL");
}

Test(reason, outside_the_range_is_unknown)
{
	cr_assert_str_eq(ota_reason_name(-1), "UNKNOWN");
	cr_assert_str_eq(ota_reason_name(OTA_REASON_COUNT), "UNKNOWN");
	cr_assert_not_null(ota_reason_text(-1));
}

Test(reason, results_fold)
{
	for (int i = 0; i < OTA_REASON_COUNT; i++)
		cr_assert_eq(ota_reason_of(i), (enum ota_reason)i);
	cr_assert_eq(ota_reason_of(-EIO), OTA_STORAGE);
	cr_assert_eq(ota_reason_of(-ENOSPC), OTA_STORAGE);
	cr_assert_eq(ota_reason_of(-ENOMEM), OTA_NO_MEMORY);
	cr_assert_eq(ota_reason_of(-EINVAL), OTA_INTERNAL);
	cr_assert_eq(ota_reason_of(OTA_REASON_COUNT), OTA_INTERNAL);
}

Test(step, each_has_its_own_name_and_text)
{
	for (int i = OTA_S01_POLL; i < OTA_STEP_COUNT; i++) {
		cr_assert(is_plain(ota_step_name((enum ota_step)i)), "step %d has no name", i);
		cr_assert(*ota_step_text((enum ota_step)i));
		for (int j = OTA_S01_POLL; j < i; j++)
			cr_assert_str_neq(ota_step_name((enum ota_step)i), ota_step_name((enum ota_step)j));
	}
	cr_assert_str_eq(ota_step_name(OTA_S01_POLL), "S01");
	cr_assert_str_eq(ota_step_name(OTA_S17_REPORT), "S17");
	cr_assert_str_eq(ota_step_name(OTA_R1_LIMIT), "R1");
	cr_assert_str_eq(ota_step_name(OTA_R3_REPORT), "R3");
	cr_assert_str_eq(ota_step_name((enum ota_step)0), "S00");
}
