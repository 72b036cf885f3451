/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_CORRUPT_H
#define IMAGES_CORRUPT_CORRUPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/reason.h"
#include "power-cut/explore.h"

/*
 * The images that lie: a good bundle, changed in every way that the catalogue names, offered to the unmodified core on
 * a device in memory. Each case says beforehand how it must end: class and exact reason. What a case is and what it
 * expects is decided by code of its own (bundle-layout.h), never by asking the core.
 *
 * After each case the fault is taken away and the good bundle is installed on the same device, which must boot and
 * commit it (I6); the server must have seen exactly one truthful report of the refusal (I5).
 *
 * Keys are made anew by every process, sizes and ids do not depend on them: an id means the same case everywhere.
 */
enum corrupt_class {
	CORRUPT_REJ_E = 1, /* refused before any write to the target slot; boot state untouched */
	CORRUPT_REJ_L = 2, /* refused after writes; nothing in the slot starts, the old one stays selected */
	CORRUPT_IGNORED =
	    4, /* accepted: the change means nothing, and the note says why; the slot holds the good images */
	CORRUPT_ROLLBACK = 8, /* none here: images that verify and are bad are the simulator's */
};

#define CORRUPT_ID_MAX 64u

struct corrupt_row;
struct corrupt_case {
	char id[CORRUPT_ID_MAX]; /* "flp:manifest.17.3", "sig:wrong-eku": group, colon, name */
	const char *catalogue;   /* ids of the catalogue that it covers, separated by spaces */
	unsigned classes;        /* enum corrupt_class: any of these */
	uint64_t reasons;        /* bit enum ota_reason: any of these */
	const char *note;        /* why it is harmless, or why it is skipped; NULL: none */
	/* How it is made. */
	const struct corrupt_row *row;
	unsigned kind;
	size_t at;
	unsigned bit;
};

struct corrupt_plan {
	struct corrupt_case *cases;
	size_t count;
};

struct corrupt_outcome {
	struct yp_outcome outcome; /* label: "REJ-E", "REJ-L", "accepted", "unclear" */
	bool landed;               /* the offer, or the world around it, differs from the good one */
	enum ota_reason reason;
	unsigned class;         /* one of enum corrupt_class, 0: unclear */
	uint64_t fetched_bytes; /* until the refusal */
	unsigned slot_writes;
	unsigned reports;
};

/* Keys, bundles and the device. Everything seeded but the keys. 0, -errno or a reason. */
struct corrupt_lab;
int corrupt_lab_new(uint64_t seed, struct corrupt_lab **out) __attribute__((warn_unused_result));
void corrupt_lab_free(struct corrupt_lab *lab);
/* Bytes that the honest install fetches. */
uint64_t corrupt_honest_bytes(const struct corrupt_lab *lab);

/* All cases whose id begins with `filter` (NULL: all), in a fixed order. *out: corrupt_plan_free(). 0 or -errno. */
int corrupt_plan_new(struct corrupt_lab *lab, const char *filter, struct corrupt_plan **out)
    __attribute__((warn_unused_result));
void corrupt_plan_free(struct corrupt_plan *plan);

/* Runs one. YP_FAIL: an invariant is broken, or class or reason is another; YP_MISS: nothing was changed; YP_SKIP:
 * the note says why. 0, or -errno or a reason when the lab itself failed (YP_ERROR). */
int corrupt_run(struct corrupt_lab *lab, const struct corrupt_case *c, struct corrupt_outcome *out)
    __attribute__((warn_unused_result));

/* One of the single bits of header, manifest, index and signature, all of which must be rejected before any write. */
bool corrupt_is_head_flip(const struct corrupt_case *c);
/* "REJ-E" and so on; static. */
const char *corrupt_class_name(unsigned class);

#endif
