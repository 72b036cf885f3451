/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_PHASE_H
#define POWER_CUT_PHASE_H

/* Where in an update an entry of a write log stands. roles.h derives it; results and reports have the name. */
enum yp_phase {
	YP_PHASE_NONE,
	YP_PHASE_FETCH,
	YP_PHASE_BAR,
	YP_PHASE_WRITE,
	YP_PHASE_FLUSH,
	YP_PHASE_VERIFY,
	YP_PHASE_ARM,
	YP_PHASE_SELECT,
	YP_PHASE_BOOT,
	YP_PHASE_HEALTH,
	YP_PHASE_COMMIT,
	YP_PHASE_FLOOR,
	YP_PHASE_REPORT,
	YP_PHASE_FALL_BACK,
	/* Derived from marks only: nothing but the updater's own records is stored; the restart into the new version;
	 * the record of a failure. */
	YP_PHASE_RECORD,
	YP_PHASE_RESTART,
	YP_PHASE_RECORD_FAILURE,
	YP_PHASE_COUNT
};

/* What a subject's mark means: the text of YP_MARK_STEP is the subject's own name for a phase. */
struct yp_phase_mark {
	const char *text;
	enum yp_phase phase;
};

/* "fall back"; "" for YP_PHASE_NONE. */
const char *yp_phase_name(enum yp_phase phase);
/* YP_PHASE_NONE for a text that is no name. */
enum yp_phase yp_phase_find(const char *name);

#endif
