/* SPDX-License-Identifier: Apache-2.0 */
/* A unit file's text: what is accepted lies within the limits, and what is refused says why in one line. */
#include "linux/bench-marks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ota_bench_unit unit = {.hold_timeout_ms = 30000};
	char detail[OTA_DETAIL_MAX] = "";
	int result = ota_bench_unit_parse((const char *)data, size, &unit, detail, sizeof(detail));

	if (result != 0 && (result != 1 || detail[0] == '\0' || strchr(detail, '\n') != NULL))
		abort();
	if (result != 0)
		return 0;
	if (unit.hold_timeout_ms < OTA_BENCH_HOLD_MIN_MS || unit.hold_timeout_ms > OTA_BENCH_HOLD_MAX_MS)
		abort();
	if (unit.marks[0] != '\0' && (unit.marks[0] != '/' || memchr(unit.marks, '\0', sizeof(unit.marks)) == NULL))
		abort();
	return 0;
}
