/* SPDX-License-Identifier: Apache-2.0 */
/* Storage models: each row of the table is complete and contradicts neither itself nor another. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "power-cut/storage-model.h"

/* Kills: a row that was forgotten, or given another's name. */
Test(storage_model, a_name_finds_its_row)
{
	for (int i = 0; i < YP_MODEL_COUNT; i++) {
		enum yp_model found = YP_MODEL_COUNT;
		const struct yp_model_row *row = yp_model_row((enum yp_model)i);
		cr_assert(row->name && *row->name, "model %d", i);
		cr_assert(row->sentence && *row->sentence, "model %d", i);
		cr_assert_str_eq(row->name, yp_model_names[i]);
		cr_assert_eq(yp_model_find(row->name, &found), 0);
		cr_assert_eq((int)found, i);
	}
	enum yp_model untouched = YP_MODEL_TORN;
	cr_assert_eq(yp_model_find("", &untouched), -ENOENT);
	cr_assert_eq(yp_model_find("volatile", &untouched), -ENOENT);
	cr_assert_eq(untouched, YP_MODEL_TORN);
	cr_assert_null(yp_model_names[YP_MODEL_COUNT]);
}

/* Kills: a row with properties that the enumeration does not support. */
Test(storage_model, properties_go_together)
{
	for (int i = 0; i < YP_MODEL_COUNT; i++) {
		const struct yp_model_row *row = yp_model_row((enum yp_model)i);
		cr_assert(!row->ordered || (!row->tears && !row->write_through), "%s", row->name);
		cr_assert(row->erase_byte == 0 || row->erase_byte == 0xff, "%s", row->name);
		cr_assert((row->tears & ~(YP_TEAR_OLD | YP_TEAR_00 | YP_TEAR_FF)) == 0, "%s", row->name);
		/* No subject can be required to survive a device that ignores a flush. */
		cr_assert(row->flush_durable || row->beyond_contract, "%s", row->name);
	}
	cr_assert(yp_model_splits_writes(YP_MODEL_TORN) && yp_model_splits_writes(YP_MODEL_NOR));
	cr_assert(!yp_model_splits_writes(YP_MODEL_VOLATILE_CACHE));
}
