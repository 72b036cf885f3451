/* SPDX-License-Identifier: Apache-2.0 */
/* Lines out of a stream of bytes, of bounded length. */
#include "emulator/line-buffer.h"

void yp_emulator_lines_init(struct yp_emulator_lines *lines, size_t max, bool cut)
{
	lines->max = max < YP_EMULATOR_LINES_BYTES ? max : YP_EMULATOR_LINES_BYTES - 1;
	lines->cut = cut;
	lines->used = 0;
	lines->skipping = false;
	lines->dropped = 0;
}

static void line_end(struct yp_emulator_lines *lines, yp_emulator_line_sink *sink, void *ctx)
{
	bool whole = !lines->skipping || lines->cut;
	size_t used = lines->used;
	if (used > 0 && lines->buffer[used - 1] == '\r')
		used--;
	lines->buffer[used] = 0;
	lines->used = 0;
	lines->skipping = false;
	if (used > 0 && whole)
		sink(ctx, lines->buffer);
}

void yp_emulator_lines_push(struct yp_emulator_lines *lines, const char *bytes, size_t count,
			    yp_emulator_line_sink *sink, void *ctx)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n') {
			line_end(lines, sink, ctx);
		} else if (lines->used < lines->max) {
			lines->buffer[lines->used++] = bytes[i] ? bytes[i] : '?';
		} else if (!lines->skipping && bytes[i] != '\r') {
			lines->skipping = true;
			lines->dropped++;
		}
	}
}

const char *yp_emulator_lines_rest(struct yp_emulator_lines *lines)
{
	lines->buffer[lines->used] = 0;
	return lines->buffer;
}

void yp_emulator_lines_drop(struct yp_emulator_lines *lines)
{
	lines->used = 0;
	lines->skipping = false;
}
