/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_QEMU_LINES_H
#define SIM_QEMU_LINES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes into lines. A line ends with \n, a \r before it is taken away; a line that is empty is none. What is longer than
 * the maximum is dropped up to its end and counted, or, with `cut`, handed over as far as it fits. A byte 0 becomes '?'.
 */
#define SIM_LINES_BYTES 16384u
struct sim_lines {
	size_t max; /* bytes of a line, without its end; below SIM_LINES_BYTES */
	bool cut;
	size_t used;
	bool skipping; /* to the end of a line that was too long */
	unsigned dropped;
	char buffer[SIM_LINES_BYTES];
};
typedef void sim_line_sink(void *ctx, const char *line);

void sim_lines_init(struct sim_lines *lines, size_t max, bool cut);
void sim_lines_push(struct sim_lines *lines, const char *bytes, size_t count, sim_line_sink *sink, void *ctx);
/* What has no end yet, NUL-terminated. */
const char *sim_lines_rest(struct sim_lines *lines);
/* Forgets it. */
void sim_lines_drop(struct sim_lines *lines);

#endif
