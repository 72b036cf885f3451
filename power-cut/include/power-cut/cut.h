/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_CUT_H
#define POWER_CUT_CUT_H

#include <stddef.h>
#include <stdint.h>

#include "power-cut/image.h"
#include "power-cut/log.h"

/*
 * Crash states, and the cuts that lead to them.
 *
 * A crash state of a log at entry t: everything durable at t, plus what the storage model lets survive of the writes
 * not yet flushed on their medium. World events before t have happened; the others have not. States are enumerated just
 * before each flush that has something to flush, each FUA write and each write to NOR (in flight), each
 * YP_MARK_WORLD, and at the end: all other cuts give subsets of those.
 *
 * Enumeration of the pending writes of one cut: all subsets if there are at most 2^limits.subset_writes (of an ordered
 * medium only its prefixes count); beyond that prefixes, omit <= 2, keep <= 2 and limits.samples seeded subsets, over
 * all media and over each medium with the others all there or all gone, and yp_stats.sampled counts the cut. TORN
 * adds, for each subset member that can be the last to reach the medium, every 512-byte boundary from the front and
 * from the back, with fills old, 00, FF (of a write of more than 64 sectors: 64 boundaries; counted as sampled too).
 * A chain (bulk medium) counts as one write whose parts survive as prefix, all but one, or only one. At most one
 * element survives in part at a time. The bounds have names in enumerate.c.
 */
struct yp_limits {
	unsigned subset_writes; /* 10, also if it is 0; at most 20 */
	unsigned samples;       /* 64 */
	uint64_t seed;
	uint64_t states_max; /* distinct states; 0 = no limit. Reaching it: bounded, not closed */
	uint64_t runs_max;
	unsigned depth_max;    /* cuts in a row; 0 = no limit */
	double audit_fraction; /* of settled states that are run all the same: 0.02 */
};

/*
 * Which of the pending writes of a cut survive. A pending "element" is one write or discard, or a whole chain; elements
 * count from 0 in log order. yp_cut.form = base form + YP_FORM_COUNT * scope.
 */
enum yp_form {
	YP_FORM_ALL,    /* everything that was written */
	YP_FORM_NONE,   /* nothing unflushed */
	YP_FORM_SUBSET, /* a: mask of the elements that survive */
	YP_FORM_PREFIX, /* a: how many elements, in log order */
	YP_FORM_OMIT,   /* all but a and b (a = b: all but one) */
	YP_FORM_KEEP,   /* only a and b */
	YP_FORM_SAMPLE, /* a: seed of a pseudo-random subset */
	YP_FORM_COUNT
};
/* Scope 0: all elements. 1 + 2 m + k: the form is about the elements of medium m; of the others nothing (k 0) or all (k
 * 1) survives. */
#define YP_SCOPES (1u + 2u * YP_MEDIA_MAX)
/* How an element that survives in part does so. */
enum yp_fill {
	YP_FILL_OLD,    /* torn after `tear` sectors, the rest is old */
	YP_FILL_00,     /* ... the rest (of a chain: of the write it falls in) reads as zero */
	YP_FILL_FF,     /* ... reads as FF */
	YP_FILL_ERASED, /* NOR: the first `tear` sectors are erased, none is programmed yet */
	YP_FILL_PREFIX, /* chain: its first `tear` writes */
	YP_FILL_OMIT,   /* chain: all its writes but number `tear` */
	YP_FILL_ONLY,   /* chain: only write number `tear` */
	YP_FILL_COUNT
};
#define YP_TEAR_BACK 0x80000000u

/* One cut: how to get from a state to the next. Encodes to and from text, see yp_case_encode(). */
struct yp_cut {
	uint32_t entry; /* the cut falls just before this entry of the run's log */
	uint8_t form;   /* enum yp_form and scope */
	uint64_t a, b;  /* the form's arguments */
	int32_t torn;   /* index among the pending elements of the one that survives in part, or -1 */
	uint32_t tear;  /* sectors (or writes, see enum yp_fill) of it that survive; YP_TEAR_BACK: from the back */
	uint8_t fill;   /* enum yp_fill */
};
/* "plain": all that was written survives; "lost": nothing unflushed survives; "mixed": anything else. */
const char *yp_cut_kind(const struct yp_cut *cut);
#define YP_CUTS_MAX 64u
struct yp_case {
	unsigned count;
	struct yp_cut cuts[YP_CUTS_MAX];
};
#define YP_CASE_TEXT_MAX 1024u
/* "<entry>.<form>.<a>.<b>[t<torn>.<tear>.<fill>]" joined by "-": fit for a command line and a file name. <form> is a
 * letter of "anspokr" (enum yp_form) and, unless 0, the scope. Exactly one text per case. Encode: 0, -EINVAL, or
 * -ENOSPC. */
int yp_case_encode(const struct yp_case *c, char *out, size_t out_bytes) __attribute__((warn_unused_result));
int yp_case_decode(const char *text, struct yp_case *out) __attribute__((warn_unused_result)); /* 0 or -EINVAL */

/* One cut, without a rig: the image holds what was on the media before the log and becomes what is on them after the
 * cut. It needs to be right only where the log writes. -EINVAL: the cut does not fit the log. */
int yp_case_state(const struct yp_log *log, const struct yp_cut *cut, struct yp_image *image)
    __attribute__((warn_unused_result));

#endif
