/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LINUX_CHILD_H
#define CORE_LINUX_CHILD_H

#include "ota/linux.h"

#define OTA_PROCESS_LINES_MAX  64u /* of output handed on; the rest is read and dropped */
#define OTA_PROCESS_LINE_BYTES 256u
#define OTA_PROCESS_GRACE_MS   1000 /* between SIGTERM and SIGKILL */
#define OTA_PROCESS_TICK_MS    2000 /* idle() is called at least this often */

/* One child in a process group of its own, with no more environment than given and /dev/null as its input. */
struct ota_process {
	char *const *argv; /* argv[0] is the path */
	char *const *env;
	int64_t timeout_ms;
	struct ota_stop *stop;                     /* may be NULL */
	void (*idle)(void *ctx);                   /* may be NULL */
	void (*line)(void *ctx, const char *text); /* may be NULL; each line of its output */
	void *ctx;
};

/*
 * Runs it to its end. The whole group is gone when this returns: what it left running is killed. 0 with *status = its
 * exit code, or 128 + signal; -ETIMEDOUT, -EINTR (asked to stop) or -errno (such as -ENOENT, -EACCES: not executable).
 */
int ota_process_run(const struct ota_process *process, int *status) __attribute__((warn_unused_result));

#endif
