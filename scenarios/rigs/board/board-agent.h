/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_BOARD_BOARD_AGENT_H
#define SCENARIOS_RIGS_BOARD_BOARD_AGENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The lab's agent (hil/agent.py) as a process: one JSON line for a request, one for its answer. It owns a board's
 * console and power. Each request has a deadline; an agent that does not answer in time is killed, and the next request
 * starts another one.
 */

/* LG_ENV, as labgrid itself reads it: a labgrid environment, or several with ':' between, one for each board. NULL if
 * there is none. */
const char *yp_board_environment(void);

/* The result of a request. */
enum yp_board_answer {
	YP_BOARD_LATE = 1, /* the board was too late */
	YP_BOARD_LAB,      /* the rig failed, not the board */
};

#define YP_BOARD_GRACE_MS 20000 /* beyond a request's own deadline, before the agent counts as hung */
#define YP_BOARD_START_MS 30000
#define YP_BOARD_LINE_MAX (8u * 1024u * 1024u)

struct yp_board_agent;
/*
 * Takes the first environment of the list that no other process uses (flock), waiting for one if need be, and starts
 * its agent. 0, YP_BOARD_LAB with *detail = one line, or -errno.
 */
int yp_board_agent_new(const char *environments, struct yp_board_agent **out, char *detail, size_t detail_bytes)
    __attribute__((warn_unused_result));
void yp_board_agent_free(struct yp_board_agent *agent);
/*
 * One request, which this takes over; `op`, and what the op needs. 0 with *answer (the caller's to free; NULL: not
 * wanted), LATE or LAB with *detail, or -errno.
 */
int yp_board_agent_ask(struct yp_board_agent *agent, json_t *request, uint32_t deadline_ms, json_t **answer,
		       char *detail, size_t detail_bytes) __attribute__((warn_unused_result));
/* The environment's path. */
const char *yp_board_agent_environment(const struct yp_board_agent *agent);

#endif
