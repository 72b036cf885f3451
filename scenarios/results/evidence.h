/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIOS_RESULTS_EVIDENCE_H
#define SCENARIOS_RESULTS_EVIDENCE_H

#include "file/scenario.h"

/*
 * Which entries of the catalogue one case of the simulated device covers. A scenario names entries; a case covers one
 * of them only if it shows it itself: the fault happened, in the entry's step, of its kind and with its reason. An
 * entry that no case shows is not covered.
 */
#define YP_EVIDENCE_ROWS_MAX 64u
#define YP_EVIDENCE_TEXT_MAX 512u

/* The facts of a case. Strings are borrowed. */
struct yp_shown {
	const char *fault;  /* "none": the story as it is; "power-cut", "write-eio" ... */
	const char *step;   /* where it happened first, "" for before any */
	const char *form;   /* of the first cut */
	const char *reason; /* that the server received, "" for none */
	unsigned cuts;
	bool torn;     /* a write survives in part */
	bool for_ever; /* the fault lasts */
	int64_t clock_s;
};

struct yp_evidence_row;
struct yp_evidence {
	const struct yp_scenario *scenario;
	unsigned count;
	const struct yp_evidence_row *rows[YP_EVIDENCE_ROWS_MAX];
};

/* The rows for what the scenario names, which must outlive it. */
void yp_evidence_init(struct yp_evidence *evidence, const struct yp_scenario *scenario);
/* The ids, blanks between; "" for none. */
void yp_evidence_of(const struct yp_evidence *evidence, const struct yp_shown *shown, char out[YP_EVIDENCE_TEXT_MAX]);
/* Is there a rule by which a case of the simulated device can show this entry? */
bool yp_evidence_known(const char *id);

#endif
