/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_OUTCOME_H
#define POWER_CUT_OUTCOME_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* How one case ended, and the invariants that it is judged by. */

enum yp_verdict { YP_PASS = 0, YP_SKIP, YP_MISS, YP_ERROR, YP_FAIL }; /* better first */

/* The conditions that must hold after any fault. outcome.c has their sentences; results contain the id. */
enum yp_invariant {
	YP_I_NONE,
	YP_I1,
	YP_I2,
	YP_I3,
	YP_I4,
	YP_I5,
	YP_I6,
	YP_I7,
	YP_I8,
	YP_I9,
	YP_I10,
	YP_I11,
	YP_INVARIANTS /* how many, YP_I_NONE with them */
};

struct yp_invariant_row {
	const char *id;       /* "I2", in results and reports for ever; "" for YP_I_NONE */
	const char *name;     /* one word */
	const char *sentence; /* what must hold */
};
/* Never NULL. */
const struct yp_invariant_row *yp_invariant_row(enum yp_invariant invariant);
const char *yp_invariant_id(enum yp_invariant invariant);
/* YP_I_NONE for a text that is no id. */
enum yp_invariant yp_invariant_find(const char *id);

/* How a recovery ended. `label` is a class for the report, such as "new", "old", "broken". */
struct yp_outcome {
	enum yp_verdict verdict;
	char label[24];
	enum yp_invariant invariant; /* the one that FAIL is about, else YP_I_NONE */
	char text[160];              /* one clause */
	uint32_t boots;
};

/*
 * The one place that records a broken invariant: the verdict becomes YP_FAIL, with this invariant and one clause. An
 * outcome that failed already is left as it is: the first failure stays.
 */
void yp_outcome_fail(struct yp_outcome *outcome, enum yp_invariant invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void yp_outcome_vfail(struct yp_outcome *outcome, enum yp_invariant invariant, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
