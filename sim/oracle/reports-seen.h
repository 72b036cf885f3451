/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ORACLE_REPORTS_SEEN_H
#define SIM_ORACLE_REPORTS_SEEN_H

#include "oracle/memo.h"
#include "ota/state.h"
#include "power-cut/explore.h"

/*
 * What a device remembers and what the outside remembers of it, without what does not matter: E1 and E4 of
 * yp_sim_equivalences(). For any device whose state medium and reports are core's, in process or not.
 */

/* What one state record says, remembered by its contents. */
struct yp_sim_record {
	bool good;
	uint8_t phase;
	char target; /* 'A', 'B' or 0 */
	uint32_t chunks_done;
	uint64_t counter;
	uint64_t trial_id;
	uint64_t floor;
	unsigned failures; /* of versions that it remembers, beyond the trials that one gets not counted */
	/* Of everything but counter, progress, trial ids, event ids, further failures and the trusted time. */
	uint64_t hash;
	uint64_t outbox[OTA_OUTBOX_MAX]; /* event ids */
};
#define YP_SIM_RECORD_MEMO(memo)                                                                                       \
	yp_sim_memo_init((memo), OTA_STATE_RECORD_BYTES / YP_SECTOR_BYTES, sizeof(struct yp_sim_record))

/* The newest valid record of the ring at the beginning of a medium; good = false: there is none. 0 or -ENOMEM. */
int yp_sim_record_newest(struct yp_sim_memo *memo, const struct yp_image *image, unsigned medium,
			 struct yp_sim_record *out) __attribute__((warn_unused_result));

/* Reports "report:<id>:<event>:<version>:<reason>", ids renamed in order of appearance, repetitions left out. */
uint64_t yp_sim_past_hash(const struct yp_world *world, uint64_t h);
bool yp_sim_past_delivered(const struct yp_world *world, uint64_t id);

uint64_t yp_sim_mix(uint64_t h, uint64_t value);

#endif
