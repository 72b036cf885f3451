/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes from board and QEMU: the first byte decides how the rest is split into reads. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "emulator/guest-channel.h"
#include "emulator/host-service.h"
#include "emulator/line-buffer.h"
#include "emulator/qmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void line(void *ctx, const char *text)
{
	struct yp_emulator_said said;
	struct yp_emulator_qmp message;
	char report[200];
	char slot = 0;
	(void)ctx;
	if (strlen(text) >= YP_EMULATOR_LINES_BYTES)
		__builtin_trap();
	if (yp_emulator_guest_parse(yp_subject_find("ota")->steps, text, &said) == 0 &&
	    said.kind == YP_EMULATOR_SAID_UP && said.slot != 'A' && said.slot != 'B')
		__builtin_trap();
	if (yp_emulator_console_match(yp_subject_find("ota")->console, text, &slot) == YP_EMULATOR_CONSOLE_SLOT &&
	    slot != 'A' && slot != 'B')
		__builtin_trap();
	if (yp_emulator_qmp_parse(text, strlen(text), &message) == 0 &&
	    memchr(message.text, 0, sizeof message.text) == NULL)
		__builtin_trap();
	if (yp_emulator_service_report_text(yp_subject_find("ota")->reports, text, report, sizeof report) &&
	    strchr(report, '\n'))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yp_emulator_lines lines;
	if (size == 0)
		return 0;
	size_t step = data[0] ? data[0] : 1;
	yp_emulator_lines_init(&lines, 200, data[0] & 1);
	for (size_t at = 1; at < size; at += step)
		yp_emulator_lines_push(&lines, (const char *)data + at, size - at < step ? size - at : step, line,
				       NULL);
	(void)yp_emulator_console_prompt(yp_subject_find("ota")->console, yp_emulator_lines_rest(&lines));
	return 0;
}
