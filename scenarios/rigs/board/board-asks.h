/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RIGS_BOARD_BOARD_ASKS_H
#define SCENARIOS_RIGS_BOARD_BOARD_ASKS_H

#include "rigs/board/board-agent.h"
#include "rigs/board/board-cases.h"

/*
 * One board, and the case that runs on it. Functions return 0 = go on, 1 = the case is judged (out->outcome says how)
 * or the board was late (detail says what did not come), below zero = the lab failed (out->outcome.text says how).
 */
#define YP_BOARD_TEXT_MAX 256u
#define YP_BOARD_SHELL_MS 20000u
#define YP_BOARD_WORK_MS  60000u  /* an update */
#define YP_BOARD_READ_MS  300000u /* a digest of a slot, on a slow board */

struct yp_board {
	const struct yp_subject *subject;
	struct yp_board_agent *agent;
	char old[64], new[64];
	uint32_t boot_ms;
	bool provision;
	json_t *commands; /* the environment's */
	struct yp_board_tally tally;
	struct yp_board_timing timing;
	unsigned next_free[YP_SCENARIO_FAULTS_MAX]; /* by fault: cuts of its plan that were listed */
	/* of the case */
	struct yp_listed_result *out;
	char detail[YP_BOARD_TEXT_MAX];
	char canary[YP_BOARD_TEXT_MAX];
	char slot[8]; /* that the old version ran in */
	long successes;
	json_int_t console_at;
	json_t *cuts;
};

/* The case fails: `invariant` is broken. Returns 1. */
int yp_board_fail(struct yp_board *board, enum yp_invariant invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One request. 1 = late, with board->detail. */
int yp_board_request(struct yp_board *board, json_t *request, uint32_t deadline_ms, json_t **answer)
    __attribute__((warn_unused_result));
/* A command in the board's shell; its output without the blanks around it. Its exit status does not matter. */
int yp_board_run_shell(struct yp_board *board, const char *command, uint32_t deadline_ms, char *out, size_t out_bytes)
    __attribute__((warn_unused_result));
/* The environment's command of that name; NULL: it has none. */
const char *yp_board_command(const struct yp_board *board, const char *name);
int yp_board_run_on_host(struct yp_board *board, const char *name, json_t *values, char *out, size_t out_bytes)
    __attribute__((warn_unused_result));
/* The environment's command `name`, if it has one with `place` in it, with `value` there. */
int yp_board_run_shell_with(struct yp_board *board, const char *name, const char *place, const char *value, char *out,
			    size_t out_bytes) __attribute__((warn_unused_result));
/* The environment's command `name`, which it has, in the board's shell, with @SLOT@ and @BYTES@ filled in. */
int yp_board_run_on_slot(struct yp_board *board, const char *name, const char *slot, long long bytes, char *out,
			 size_t out_bytes) __attribute__((warn_unused_result));
/* Asks for the update, or lets a trial be judged: another boot began, or the updater's last line is in `said`. */
int yp_board_run_update(struct yp_board *board, char *said, size_t said_bytes, bool *rebooted)
    __attribute__((warn_unused_result));
/* How many boots are counted, by the subject's own command; 0 if it has none. */
int yp_board_count_boots(struct yp_board *board, long *out) __attribute__((warn_unused_result));
/* From power on to a shell: what runs. 1 = late. */
int yp_board_await_linux(struct yp_board *board, char version[64]) __attribute__((warn_unused_result));

/* The old version, provisioned, at a shell; the new one is offered; what must not change is noted. */
int yp_board_prepare(struct yp_board *board, const char *holds, uint32_t seed) __attribute__((warn_unused_result));
/* Lets the board run by itself, and requests the update until the new version is committed: I1, I2, I6. */
int yp_board_settle(struct yp_board *board) __attribute__((warn_unused_result));
/* Checks the end, on the media and at the server: I2, I5, I8. */
int yp_board_judge(struct yp_board *board) __attribute__((warn_unused_result));
/*
 * With the power off and a mux: the old version is whole, always; and so is the new one, once it is armed. Nothing
 * without a mux.
 */
int yp_board_judge_media(struct yp_board *board, bool armed) __attribute__((warn_unused_result));
/* One cut; `start` is a command, "on" or "". Notes it in board->cuts. */
int yp_board_cut_power(struct yp_board *board, const struct yp_board_cut *cut, const char *start)
    __attribute__((warn_unused_result));
int yp_board_run_plan(struct yp_board *board, const struct yp_board_plan *plan) __attribute__((warn_unused_result));
int yp_board_run_check(struct yp_board *board, const char *name) __attribute__((warn_unused_result));

#endif
