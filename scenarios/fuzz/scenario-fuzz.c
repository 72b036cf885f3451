/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: the loader ends for any bytes, and each error message begins with file, line and column.
 */
#include <stdlib.h>
#include <string.h>

#include "rigs/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yp_scenario scenario;
	char detail[YP_DETAIL_MAX] = "";
	if (size > YP_SCENARIO_BYTES_MAX)
		return 0;
	int result = yp_scenario_parse(yp_rig_terms_at, "f.yaml", data, size, &scenario, detail, sizeof detail);
	if (result > 0 && strncmp(detail, "f.yaml:", 7) != 0)
		abort();
	return 0;
}
