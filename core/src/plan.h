/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_PLAN_H
#define OTA_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"

/*
 * Where each chunk comes from and where it goes. Decided chunk by chunk from the two heads, so that it needs no memory
 * of its own.
 */
/* Stored bytes of chunks fetched although the running slot holds them: cheaper than another round trip. */
#define OTA_GAP_MAX_BYTES (UINT64_C(256) * 1024)
/* After so many chunks that are not what the running head says, it is not believed any more. */
#define OTA_REUSE_MISMATCH_MAX 8u

/* A chunk's place on the target. */
struct ota_place {
	unsigned image;
	uint32_t index; /* within the image */
	uint64_t offset_bytes;
	bool last; /* of its image */
};

struct ota_plan {
	const struct ota_head *head;
	const struct ota_manifest *manifest;
	const struct ota_block *target[OTA_IMAGES_MAX];  /* by image of head */
	const struct ota_head *running_head;             /* NULL: no reuse */
	const struct ota_block *running[OTA_IMAGES_MAX]; /* by image of running_head; NULL: not there */
	uint32_t chunks;
	uint32_t stored_max_bytes; /* of one chunk */
	uint32_t content_max_bytes;
	int64_t forced; /* a chunk that must be fetched; -1 */
	unsigned mismatches;
};

/* 0; OTA_BAD_CONFIG, OTA_NO_SPACE or -EINVAL when the target cannot hold the images; detail as in struct ota_stream. */
int ota_plan_init(struct ota_plan *plan, struct ota_stream *stream) __attribute__((warn_unused_result));

void ota_plan_place(const struct ota_plan *plan, uint32_t chunk, struct ota_place *out);

/* Whether the running slot should hold this chunk, and where. */
bool ota_plan_reuse(const struct ota_plan *plan, uint32_t chunk, const struct ota_block **block,
		    uint64_t *offset_bytes);

/* `first` must be fetched: the end of the run of chunks to fetch with it, at most `end`. */
uint32_t ota_plan_fetch_end(const struct ota_plan *plan, uint32_t first, uint32_t end);

/* The running slot does not hold that chunk after all. */
void ota_plan_mismatch(struct ota_plan *plan, uint32_t chunk);

#endif
