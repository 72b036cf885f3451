/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of cases, from results or a command line: one that is accepted is written back as another that means the same. */
#include "id.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_back(const struct bp_id *id, char out[BP_ID_MAX])
{
	char text[BP_CASE_TEXT_MAX];
	switch (id->kind) {
	case BP_ID_CUT:
		if (bp_case_encode(&id->cut, text, sizeof text))
			abort();
		bp_id_cut(id->name, id->seed, text, out);
		break;
	case BP_ID_FAULT:
		bp_id_fault(id->name, id->seed, &id->fault, out);
		break;
	case BP_ID_LINT:
		bp_id_lint(id->name, id->seed, id->rule, (size_t)id->entry, out);
		break;
	case BP_ID_LISTED:
		bp_id_listed(id->name, id->seed, id->image, id->listed, out);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[BP_ID_MAX];
	char once[BP_ID_MAX];
	char twice[BP_ID_MAX];
	struct bp_id id;
	struct bp_id again;
	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (bp_id_decode(text, &id))
		return 0;
	write_back(&id, once);
	if (bp_id_decode(once, &again) || again.kind != id.kind || again.seed != id.seed)
		abort();
	write_back(&again, twice);
	if (strcmp(once, twice) != 0)
		abort();
	return 0;
}
