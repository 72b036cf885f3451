/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_STREAM_FETCH_PLAN_H
#define CORE_STREAM_FETCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/stream-job.h"

/*
 * Where each chunk comes from and where it goes. Decided chunk by chunk from the two heads, so that it needs no memory
 * of its own.
 */
/*
 * Chunks that the running slot holds are fetched all the same where they lie between two that must be fetched and their
 * stored bytes are fewer than a request costs: the wait for its answer times the rate of the link. Both are learnt from the
 * requests of this run, so the bounds only say what is never done. What they were chosen by: 256 MiB of ext4 in chunks of
 * 64 KiB, 1 % of its blocks changed, each by itself (598 chunks, 15 MB of a bundle of 93 MB).
 *
 *   gap       requests     MB    50 ms, 100 Mbit/s   50 ms, 20 Mbit/s   50 ms, 5 Mbit/s   loopback
 *   0              598   15.1               31.2 s             36.0 s            54.1 s     0.30 s
 *   32 KiB         357   16.3               19.3 s             24.5 s            44.0 s     0.24 s
 *   128 KiB        202   27.9               12.4 s             21.4 s            54.9 s     0.28 s
 *   256 KiB        109   45.4                9.2 s             23.7 s            78.1 s     0.40 s
 *   512 KiB         29   74.2                7.5 s             31.2 s           120.3 s     0.60 s
 *
 * (Computed: requests times wait plus bytes over rate.) Below 32 KiB few bytes are left to be saved. Above 256 KiB little time
 * is, but each byte may cost money. Where changes lie together the gap hardly matters.
 */
#define OTA_GAP_MIN_BYTES (UINT64_C(32) * 1024)
#define OTA_GAP_MAX_BYTES (UINT64_C(256) * 1024)
/* A shorter body says nothing about the rate; a longer one was held up by the medium, and gaps are not the question there. */
#define OTA_GAP_BODY_MIN_BYTES (UINT64_C(64) * 1024)
#define OTA_GAP_BODY_MAX_BYTES (UINT64_C(16) * 1024 * 1024)
#define OTA_GAP_WAIT_MAX_MS    10000
/* After so many chunks that are not what the running head says, it is not used any more. */
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
	uint64_t gap_bytes;           /* OTA_GAP_MAX_BYTES until the link is known */
	int64_t wait_ms;              /* shortest so far, -1: none */
	uint64_t body_bytes, body_ms; /* of all bodies that say something */
};

/* 0; OTA_BAD_CONFIG, OTA_NO_SPACE or -EINVAL when the target cannot hold the images; detail as in struct ota_stream. */
int ota_plan_init(struct ota_plan *plan, struct ota_stream *stream) __attribute__((warn_unused_result));

void ota_plan_place(const struct ota_plan *plan, uint32_t chunk, struct ota_place *out);

/* Whether the running slot should hold this chunk, and where. */
bool ota_plan_reuse(const struct ota_plan *plan, uint32_t chunk, const struct ota_block **block,
		    uint64_t *offset_bytes);

/* `first` must be fetched: the end of the run of chunks to fetch with it, at most `end`. */
uint32_t ota_plan_fetch_end(const struct ota_plan *plan, uint32_t first, uint32_t end);

/* A request was answered: how long its answer took to begin, then its body of so many bytes to arrive. */
void ota_plan_learn(struct ota_plan *plan, int64_t wait_ms, int64_t body_ms, uint64_t body_bytes);

/* The running slot does not hold that chunk after all. */
void ota_plan_mismatch(struct ota_plan *plan, uint32_t chunk);

#endif
