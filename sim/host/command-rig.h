/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HOST_COMMAND_RIG_H
#define SIM_HOST_COMMAND_RIG_H

#include "explore/settle.h"
#include "host/host-room.h"
#include "host/run-difference.h"
#include "power-cut/explore.h"

/*
 * A rig of the explorer whose device is two shell commands in a room: one that recovers, if the device does anything by
 * itself after a power cut, and one that looks whether it is whole.
 *
 * recover  what it does to the media is recorded, and its crash states are explored too. It must end with 0, else I6.
 * check    its exit status is the verdict:
 *            0 whole; the last line that it printed, if it is one word, becomes the label of the state
 *            1 I2, a mixture of versions   3 I1, nothing boots   4 I8, data lost   5 I5, an untrue report
 *            126 and 127, as the shell says it: it cannot be started, which is an error of the rig
 *            any other, or a signal: I2
 *          Of a failure the last line is the clause. What it writes is gone afterwards.
 * Both have a deadline; a command that misses it breaks I7. What both read is what a run depends on, so nothing else
 * may decide: no clock, no random numbers, no file that is not a medium and changes.
 */
struct yp_command_rig {
	struct yp_host_room *room;
	const char *recover; /* NULL: nothing */
	const char *check;
	/* After this mark of the world each state must have this label, else I5. NULL: not checked. */
	const char *told, *told_label;
	unsigned seconds_max; /* of each command */
	bool echo;            /* their output is shown */

	uint64_t runs;
	uint64_t run_ms;
	char error[256];      /* why recover() gave up; "" */
	bool stopped;         /* that was a signal */
	char difference[256]; /* between the first two runs that read the same and differ; "" */

	/* For shrinking, which needs the same states repeatedly: a state that reads as one that ran need not run. */
	bool recall;
	struct yp_settle known;
	struct yp_command_run *known_runs;
	size_t known_count, known_room;
	uint32_t grain[YP_MEDIA_MAX];
};

int yp_command_rig_init(struct yp_command_rig *rig, struct yp_host_room *room, const char *recover, const char *check)
    __attribute__((warn_unused_result));
void yp_command_rig_deinit(struct yp_command_rig *rig);
/* For struct yp_explore. */
struct yp_rig yp_command_rig_face(struct yp_command_rig *rig);

#endif
