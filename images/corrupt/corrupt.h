/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_CORRUPT_H
#define IMAGES_CORRUPT_CORRUPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/reason.h"
#include "power-cut/explore.h"

/*
 * Corrupted and forged bundles: a good bundle, changed in every way that the catalogue names, is offered to the
 * unmodified core on a device in memory. Each case has an expected class and an exact reason. Cases and expectations
 * are computed by separate code (bundle-layout.h), never by the core.
 *
 * After each case the fault is taken away and the good bundle is installed on the same device, which must boot and
 * commit it (I6); the server must have seen exactly one truthful report of the refusal (I5).
 *
 * Keys are made anew by every process, sizes and ids do not depend on them: an id means the same case everywhere.
 */
enum yp_corrupt_class {
	YP_CORRUPT_REJ_E = 1, /* refused before any write to the target slot; boot state untouched */
	YP_CORRUPT_REJ_L = 2, /* refused after writes; nothing in the slot starts, the old one stays selected */
	YP_CORRUPT_IGNORED =
	    4, /* accepted: the change means nothing, and the note says why; the slot holds the good images */
	YP_CORRUPT_ROLLBACK = 8, /* none here: images that verify and are bad are the simulator's */
};

#define YP_CORRUPT_ID_MAX 64u

struct yp_corrupt_row;
struct yp_corrupt_case {
	char id[YP_CORRUPT_ID_MAX]; /* "flp:manifest.17.3", "sig:wrong-eku": group, colon, name */
	const char *catalogue;      /* ids of the catalogue that it covers, separated by spaces */
	unsigned classes;           /* enum yp_corrupt_class: any of these */
	uint64_t reasons;           /* bit enum ota_reason: any of these */
	const char *note;           /* why it is harmless, or why it is skipped; NULL: none */
	/* How it is made. */
	const struct yp_corrupt_row *row;
	unsigned kind;
	size_t at;
	unsigned bit;
};

struct yp_corrupt_plan {
	struct yp_corrupt_case *cases;
	size_t count;
};

struct yp_corrupt_outcome {
	struct yp_outcome outcome; /* label: "REJ-E", "REJ-L", "accepted", "unclear" */
	bool landed;               /* the offer, or the world around it, differs from the good one */
	enum ota_reason reason;
	unsigned class;         /* one of enum yp_corrupt_class, 0: unclear */
	uint64_t fetched_bytes; /* until the refusal */
	unsigned slot_writes;
	unsigned reports;
};

/* Keys, bundles and the device. Everything seeded but the keys. 0, -errno or a reason. */
struct yp_forge;
int yp_forge_new(uint64_t seed, struct yp_forge **out) __attribute__((warn_unused_result));
void yp_forge_free(struct yp_forge *forge);
/* Bytes that the honest install fetches. */
uint64_t yp_corrupt_honest_bytes(const struct yp_forge *forge);

/* All cases whose id begins with `filter` (NULL: all), in a fixed order. *out: yp_corrupt_plan_free(). 0 or -errno. */
int yp_corrupt_plan_new(struct yp_forge *forge, const char *filter, struct yp_corrupt_plan **out)
    __attribute__((warn_unused_result));
void yp_corrupt_plan_free(struct yp_corrupt_plan *plan);

/* Runs one. YP_FAIL: an invariant is broken, or class or reason is another; YP_MISS: nothing was changed; YP_SKIP:
 * the note says why. 0, or -errno or a reason when the forge itself failed (YP_ERROR). */
int yp_corrupt_run(struct yp_forge *forge, const struct yp_corrupt_case *c, struct yp_corrupt_outcome *out)
    __attribute__((warn_unused_result));

/* One of the single bits of header, manifest, index and signature, all of which must be rejected before any write. */
bool yp_corrupt_is_head_flip(const struct yp_corrupt_case *c);
/* "REJ-E" and so on; static. */
const char *yp_corrupt_class_name(unsigned class);

#endif
