/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a results.jsonl: refused with a clause, or both reports are made from it. */
#define _GNU_SOURCE /* memfd_create() */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/report-results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	char detail[256] = "";
	json_t *results = NULL;
	int fd = memfd_create("results", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int result = results_load(path, &results, detail, sizeof detail);
	if (result > 0 && !*detail)
		abort();
	/* A name or a text that is no UTF-8 was refused before. */
	if (!result && (junit_write(results, "/dev/null") || html_write(results, "/dev/null")))
		abort();
	json_decref(results);
	(void)close(fd);
	return 0;
}
