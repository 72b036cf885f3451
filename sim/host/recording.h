/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_RECORDING_H
#define SIM_HOST_RECORDING_H

#include "host/host-media.h"

/*
 * What 'yankproof record' keeps of a run, in one folder:
 *   log           the write log, in our own format; of a recorder that was killed the prefix that it wrote
 *   media         one line a medium, in the order of the log: NAME ROLE[+loop] MODEL SECTORS
 *   bases/NAME    what was on it before, a sparse copy
 *   sha256        of the bases, as sha256sum prints it
 *   command       what ran, an argument a line
 *   status        how it ended: an exit status, or "signal N"; not there: the recorder was killed
 */
#define YP_RECORDING_LOG "log"

/*
 * Makes the folder and everything but log and status. `given` names the files; *out is the same with the copies. 0, -errno,
 * or 1: there is something in the folder. *detail says what is wrong and what to do.
 */
int yp_recording_create(const char *dir, const struct yp_host_media *given, char *const *command,
			struct yp_host_media *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
int yp_recording_end(const char *dir, const char *status) __attribute__((warn_unused_result));

/* Reads what create() wrote and checks the bases against their digests. 0, -errno, or 1: it is not what was recorded. */
int yp_recording_open(const char *dir, struct yp_host_media *out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));

#endif
