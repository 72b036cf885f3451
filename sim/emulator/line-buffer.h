/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EMULATOR_LINE_BUFFER_H
#define SIM_EMULATOR_LINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes into lines. A line ends with \n, a \r before it is taken away; a line that is empty is none. What is longer than
 * the maximum is dropped up to its end and counted, or, with `cut`, handed over as far as it fits. A byte 0 becomes '?'.
 */
#define YP_EMULATOR_LINES_BYTES 16384u
struct yp_emulator_lines {
	size_t max; /* bytes of a line, without its end; below YP_EMULATOR_LINES_BYTES */
	bool cut;
	size_t used;
	bool skipping; /* to the end of a line that was too long */
	unsigned dropped;
	char buffer[YP_EMULATOR_LINES_BYTES];
};
typedef void yp_emulator_line_sink(void *ctx, const char *line);

void yp_emulator_lines_init(struct yp_emulator_lines *lines, size_t max, bool cut);
void yp_emulator_lines_push(struct yp_emulator_lines *lines, const char *bytes, size_t count,
			    yp_emulator_line_sink *sink, void *ctx);
/* What has no end yet, NUL-terminated. */
const char *yp_emulator_lines_rest(struct yp_emulator_lines *lines);
/* Forgets it. */
void yp_emulator_lines_drop(struct yp_emulator_lines *lines);

#endif
