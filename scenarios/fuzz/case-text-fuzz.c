/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of cases, from results or a command line: one that is accepted is written back as another that means the same. */
#include "file/case-text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_back(const struct yp_id *id, char out[YP_ID_MAX])
{
	char text[YP_CASE_TEXT_MAX];
	switch (id->kind) {
	case YP_ID_CUT:
		if (yp_case_encode(&id->cut, text, sizeof text))
			abort();
		yp_id_cut(id->name, id->seed, text, out);
		break;
	case YP_ID_FAULT:
		yp_id_fault(id->name, id->seed, &id->fault, out);
		break;
	case YP_ID_LINT:
		yp_id_lint(id->name, id->seed, id->rule, (size_t)id->entry, out);
		break;
	case YP_ID_LISTED:
		yp_id_listed(id->name, id->seed, id->image, id->listed, out);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[YP_ID_MAX];
	char once[YP_ID_MAX];
	char twice[YP_ID_MAX];
	struct yp_id id;
	struct yp_id again;
	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (yp_id_decode(text, &id))
		return 0;
	write_back(&id, once);
	if (yp_id_decode(once, &again) || again.kind != id.kind || again.seed != id.seed)
		abort();
	write_back(&again, twice);
	if (strcmp(once, twice) != 0)
		abort();
	return 0;
}
